"""The pool of a network, typed: what it holds and owes, what was claimed, and the paying in and out.

What a worker has earned is computed by `worknet.protocol.rewards`; here it is claimed. Amounts are in wei.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any, TypeAlias

from worknet.chain.client import NetworkClient
from worknet.chain.contract import ContractClient
from worknet.chain.errors import RevertedError, WrongNetworkError
from worknet.chain.gas import (
    CLAIM_GAS_PER_PERIOD,
    CLAIM_GAS_PER_RECORD,
    CLAIM_GAS_PER_SEAL,
    GAS_LIMITS,
    most_gas,
)
from worknet.chain.interface import Contract
from worknet.chain.rpc import BlockTag
from worknet.protocol.earnings import Amounts
from worknet.protocol.records import Record
from worknet.protocol.rewards import PERIODS_OF_A_CLAIM, RECORDS_OF_A_CLAIM
from worknet.protocol.words import How

Words: TypeAlias = tuple[bytes | int, ...]

_NOTHING_TO_CLAIM = "rewards: nothing to claim"
_ABOUT_A_RECORD = ("rewards: not the record", "rewards: before the pool", "rewards: voting not closed")


class PoolClient(ContractClient):
    """The pool of one network. It signs with the key of the network's client, and shares its nonces."""

    interface: Contract = "Rewards"

    def __init__(self, network: NetworkClient, contract: bytes) -> None:
        """`contract`: the pool's address."""
        super().__init__(network.rpc, contract, network._sender)
        self.network = network

    def check(self) -> None:
        """Raise WrongChainError or NoContractError, or WrongNetworkError for the pool of another network."""
        super().check()
        theirs = bytes(self._view("network"))
        if theirs != self.network.contract:
            raise WrongNetworkError(
                f"the pool at 0x{self.contract.hex()} pays the workers of the network 0x{theirs.hex()},"
                f" not those of 0x{self.network.contract.hex()}",
                hint="name the pool of this network",
            )

    # Views

    def balance(self) -> int:
        """What is there to be paid."""
        return self.rpc.balance(self.contract)

    def created_at(self) -> int:
        """When the pool was created: it pays for records from then on."""
        return int(self._view("created_at"))

    def owed(self, index: int, block: BlockTag = "latest") -> int:
        """What a worker has earned by claims and was not paid yet, the pool being short."""
        return int(self._view("owed", index, block=block))

    def claimed_of_voting(self, voting_id: bytes, block: BlockTag = "latest") -> int:
        """Bitmap of the workers that have claimed what they earned of a voting."""
        return int(self._view("claimed_of_voting", voting_id, block=block))

    def claimed_of_period(self, number: int, block: BlockTag = "latest") -> int:
        """Bitmap of the workers that have claimed what they earned of a period."""
        return int(self._view("claimed_of_period", number, block=block))

    def amounts_in(self, number: int, block: BlockTag = "latest") -> Amounts:
        """The base and the consistency amount that count in a period."""
        return Amounts(*self._view("amounts_in", number, block=block))

    # Transactions

    def fund(self, amount: int) -> bytes:
        """Pay into the pool, for good; anyone may."""
        return self._send("fund", gas=GAS_LIMITS["fund"], value=amount)

    def set_rewards(self, base: int, consistency: int) -> bytes:
        """Set the amounts of the periods that begin from now on; the network's owner."""
        return self._send_checked("set_rewards", base, consistency, gas=GAS_LIMITS["set_rewards"])

    def claim(self, index: int, records: Sequence[Record] = (), periods: Sequence[int] = ()) -> list[bytes]:
        """Have a worker's operator paid what it earned of these votings and periods, and what it is owed.

        Anyone may. As many transactions as the contract and blocks need, each tried as a call before any is
        sent; one of several that would earn nothing is left out. Without votings and periods: what is owed.
        """
        batches = [
            ((index, [record_words(record) for record in some_records], some_periods), gas)
            for some_records, some_periods, gas in _batches(records, periods, self.rpc.block_gas_limit())
        ]
        try:
            return self._send_batches("claim", batches, nothing_done=_NOTHING_TO_CLAIM)
        except RevertedError as error:
            raise self._refusal(error, index, records) from None

    def _refusal(self, error: RevertedError, index: int, records: Sequence[Record]) -> RevertedError:
        """The same refusal of a claim, naming the voting that it is about if it is about one."""
        for record in records if error.reason in _ABOUT_A_RECORD else ():
            try:
                self._try("claim", index, [record_words(record)], [])
            except RevertedError as alone:
                if alone.reason == error.reason:
                    return alone
        return error

    def _about(self, name: str, values: tuple[Any, ...]) -> tuple[bytes | None, int | None]:
        if name != "claim" or len(values[1]) != 1:
            return None, None
        _, voting_id, _, attempt, *_ = values[1][0]
        return voting_id, attempt


def record_words(record: Record) -> Words:
    """The words of a record as contracts take them: without chain id and contract, which they know."""
    return astuple(record)[2:]


def _batches(
    records: Sequence[Record], periods: Sequence[int], block_gas_limit: int
) -> Iterator[tuple[list[Record], list[int], int]]:
    """Claims of votings, then of periods, each with its gas limit; one without any if there are none."""
    most = most_gas(block_gas_limit)
    some_records: list[Record] = []
    some_periods: list[int] = []
    gas = GAS_LIMITS["claim"]
    items: list[Record | int] = [*records, *periods]
    for item in items:
        more = _gas_of(item)
        is_full = len(some_records) == RECORDS_OF_A_CLAIM and isinstance(item, Record)
        is_full |= len(some_periods) == PERIODS_OF_A_CLAIM
        if is_full or (gas + more > most and (some_records or some_periods)):
            yield some_records, some_periods, gas
            some_records, some_periods, gas = [], [], GAS_LIMITS["claim"]
        if isinstance(item, Record):
            some_records.append(item)
        else:
            some_periods.append(item)
        gas += more
    yield some_records, some_periods, gas


def _gas_of(item: Record | int) -> int:
    if not isinstance(item, Record):
        return CLAIM_GAS_PER_PERIOD
    seals = item.members.bit_count() if item.how is How.QUORUM else 0
    return CLAIM_GAS_PER_RECORD + CLAIM_GAS_PER_SEAL * seals
