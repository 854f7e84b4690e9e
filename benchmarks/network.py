"""A network on the built-in chain's EVM whose every action is a signed transaction, for measuring gas.

One transaction to a block, five seconds apart; keys, roots and salts depend on names alone, so that the gas
is the same on every machine. Nothing is measured here.
"""

from collections import Counter
from dataclasses import astuple
from hashlib import sha256
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from worknet.chain.development.evm import Evm, Execution, Genesis
from worknet.contracts import artifact
from worknet.protocol.ballots import Pair, seal
from worknet.protocol.eip712 import domain_separator, report_digest, seal_digest
from worknet.protocol.ids import Slot, voting_id, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.words import Ballots, Fallback

CHAIN_ID = 73_799
BEGIN = 1_800_000_000
HOUR = 3600
DAY = 24 * HOUR
WORKFLOW = workflow_id("matching")
PLACE = 1 << 32 | 1 << 16
"""Attempt 1 under policy version 1; a worker's index is added."""
NO_PREDECESSOR = (0, "0x" + "00" * 20, 0, bytes(32))
GAS_LIMIT = 12_000_000


def some(name: str) -> bytes:
    """32 bytes that depend on the name alone."""
    return sha256(name.encode()).digest()


def policy(ballots: Ballots, **changes: Any) -> Policy:
    """Hourly slots, the simple majority, windows of ten minutes."""
    fields: dict[str, Any] = {
        "bundle_digest": b"\x02" * 32,
        "data_key_epoch": 1,
        "data_key_commitment": b"\x03" * 32,
        "every": HOUR,
        "delay": 60,
        "start": 0,
        "max_age": 0,
        "threshold_num": 0,
        "threshold_den": 1,
        "ballots": ballots,
        "cast_window": 600,
        "reveal_window": 600,
        "stall": HOUR,
        "fallback": Fallback.ALERT,
    }
    return Policy(**(fields | changes))


class Network:
    """A network of active workers with its pool, and a voting of each kind, told by their gas."""

    def __init__(self, ballots: Ballots, workers: int, **changes: Any) -> None:
        """Deploys and enrols; `changes` are fields of the policy that differ from `policy`."""
        self.owner = Account.from_key(b"\x01" * 32)
        self.relayer = Account.from_key(some("relayer"))
        self.keys = [Account.from_key(some(f"w{index}")) for index in range(workers)]
        self.operators = [Account.from_key(some(f"o{index}")) for index in range(workers)]
        rich = (self.owner, self.relayer, *self.keys, *self.operators)
        self.evm = Evm(Genesis(CHAIN_ID, BEGIN, {bytes.fromhex(one.address[2:]): 10**24 for one in rich}))
        self.time = BEGIN
        self.nonces: Counter[str] = Counter()
        self.network = self.deployed("WorkerNetwork", 12, DAY, NO_PREDECESSOR)
        self.address = bytes.fromhex(self.network.address[2:])
        self.pool = self.deployed("Rewards", self.network.address)
        self.gas_of_enrolment = [
            self.call(self.owner, "enrol", operator.address, key.address, 1, b"\x01" * 32)
            for operator, key in zip(self.operators, self.keys, strict=True)
        ]
        self.gas_of_policy = self.call(self.owner, "announce", WORKFLOW, astuple(policy(ballots, **changes)))
        self.ballots = ballots

    def deployed(self, name: str, *arguments: Any) -> Any:
        """One of the contracts that are shipped, deployed by the owner."""
        built = artifact(name)
        return self.deployed_from(built.abi, built.bytecode, *arguments)

    def deployed_from(self, abi: Any, bytecode: bytes, *arguments: Any) -> Any:
        """A contract of this bytecode, deployed by the owner."""
        blank = Web3().eth.contract(abi=abi, bytecode=bytecode)
        data = blank.constructor(*arguments).data_in_transaction
        created = self.execute(self.owner, None, data).created or b""
        return Web3().eth.contract(address=Web3.to_checksum_address(created), abi=abi)

    def execute(self, sender: LocalAccount, to: Any, data: Any, value: int = 0) -> Execution:
        """A signed transaction in a block of its own, five seconds after the last."""
        self.time += 5
        transaction: dict[str, Any] = {
            "chainId": CHAIN_ID,
            "nonce": self.nonces[sender.address],
            "gas": GAS_LIMIT,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1,
            "value": value,
            "data": data,
        }
        if to is not None:
            transaction["to"] = to
        self.nonces[sender.address] += 1
        signed = sender.sign_transaction(transaction)
        block = self.evm.execute(self.time, bytes(32), [self.evm.decode(bytes(signed.raw_transaction))])
        [execution] = block.executions
        if not execution.succeeded:
            raise RuntimeError(f"the transaction in block {block.header.block_number} failed")
        return execution

    def call(self, sender: LocalAccount, name: str, *arguments: Any, on: Any = None, value: int = 0) -> int:
        """The gas of a call of the network's contract, or of another one."""
        contract = on or self.network
        data = contract.encode_abi(name, args=list(arguments))
        return self.execute(sender, contract.address, data, value).gas_used

    def trigger(self, number: int) -> bytes:
        """The trigger of a voting that is due."""
        return Slot(HOUR, BEGIN // HOUR - 100 + number).trigger_id

    def voting_id(self, number: int) -> bytes:
        """The id of the voting with this number."""
        return voting_id(CHAIN_ID, self.address, WORKFLOW, self.trigger(number))

    def pair(self, number: int) -> Pair:
        """The pair that all vote for."""
        return Pair(some(f"a{number}"), some(f"r{number}"))

    def salts(self, number: int) -> list[bytes]:
        """A salt for each worker."""
        return [some(f"s{number}/{index}") for index in range(len(self.keys))]

    def open(self, number: int) -> list[int]:
        """A voting with open ballots, each sent by its worker: the gas of every transaction."""
        about, pair = (WORKFLOW, self.trigger(number)), self.pair(number)
        roots = (pair.input_root, pair.result_root)
        return [self.call(key, "cast", *about, PLACE | i, *roots) for i, key in enumerate(self.keys)]

    def sealed(self, number: int) -> list[int]:
        """A voting with seals that each worker sends, revealed in one batch."""
        about = (WORKFLOW, self.trigger(number))
        sent = [
            self.call(key, "seal", *about, PLACE | index, self._seal(number, index))
            for index, key in enumerate(self.keys)
        ]
        return [*sent, self._reveal(number)]

    def sealed_relayed(self, number: int) -> list[int]:
        """A voting with seals that one relayer brings in one batch, revealed in one batch."""
        domain, odd, signed = domain_separator(CHAIN_ID, self.address), 0, []
        for index, key in enumerate(self.keys):
            one = self._seal(number, index)
            v, r, s = _signature(key, seal_digest(domain, self.voting_id(number), 1, 1, one))
            odd |= (v - 27) << index
            signed.append((one, r, s))
        about, everyone = (WORKFLOW, self.trigger(number)), (1 << len(self.keys)) - 1
        brought = self.call(self.relayer, "bring_seals", *about, PLACE, everyone, odd, signed)
        return [brought, self._reveal(number)]

    def report(self, number: int) -> list[int]:
        """A voting in one report that all took part in, signed by as few as must."""
        everyone, pair = (1 << len(self.keys)) - 1, self.pair(number)
        domain = domain_separator(CHAIN_ID, self.address)
        digest = report_digest(domain, self.voting_id(number), 1, 1, pair, everyone, everyone)
        odd, signed, signers = 0, [], range(len(self.keys) // 2 + 1)
        for index in signers:
            v, r, s = _signature(self.keys[index], digest)
            odd |= (v - 27) << index
            signed.append((r, s))
        about = (WORKFLOW, self.trigger(number), PLACE, pair.input_root, pair.result_root)
        arguments = (everyone, everyone, (1 << len(signers)) - 1, odd, signed)
        return [self.call(self.relayer, "report", *about, *arguments)]

    def _seal(self, number: int, index: int) -> bytes:
        salt = self.salts(number)[index]
        return seal(CHAIN_ID, self.address, self.voting_id(number), 1, index, self.pair(number), salt)

    def _reveal(self, number: int) -> int:
        about, pair = (WORKFLOW, self.trigger(number), PLACE), self.pair(number)
        everyone = (1 << len(self.keys)) - 1
        arguments = (*about, pair.input_root, pair.result_root, everyone, self.salts(number))
        return self.call(self.relayer, "reveal", *arguments)


def _signature(key: LocalAccount, digest: bytes) -> tuple[int, bytes, bytes]:
    signed = key.unsafe_sign_hash(digest)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
