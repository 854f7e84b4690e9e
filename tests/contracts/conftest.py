"""A network on an in-process EVM: the shipped artifact, deployed, driven in the words of the protocol."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace
from typing import Any

import boa
import pytest
from boa.contracts.abi.abi_contract import ABIContractFactory
from boa.contracts.base_evm_contract import BoaError
from eth_abi.abi import decode, encode

from worknet.contracts import artifact
from worknet.protocol import ballots
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot, voting_id, workflow_id
from worknet.protocol.policy import Ballots, Fallback, Policy

NOW = 1_800_000_000
HOUR = 3600
WORKFLOW = workflow_id("matching")
ACTIVE, STANDBY = 1, 2

POLICY = Policy(
    bundle_digest=b"\x01" * 32,
    data_key_epoch=1,
    data_key_commitment=b"\x02" * 32,
    every=HOUR,
    delay=60,
    start=NOW - 1000 * HOUR,
    max_age=0,
    threshold_num=0,
    threshold_den=1,
    ballots=Ballots.OPEN,
    cast_window=600,
    reveal_window=300,
    stall=900,
    fallback=Fallback.ALERT,
)


def pair(name: str) -> Pair:
    """A pair of roots that depends on the name alone."""
    return Pair(hashlib.sha256(f"in {name}".encode()).digest(), hashlib.sha256(name.encode()).digest())


class Network:
    """The deployed contract. Calls are made by the owner unless a worker or `sender` is named."""

    policy = POLICY
    workflow = WORKFLOW
    pair = staticmethod(pair)

    def __init__(self, address: str | None = None) -> None:
        """Deploys, at this address if one is named: for what depends on it."""
        built = artifact()
        boa.env.timestamp = NOW
        code = built.bytecode + encode(["uint256"], [12])
        address, _ = boa.env.deploy_code(bytecode=code, override_address=address)
        self.contract = ABIContractFactory(built.contract, built.abi).at(address)
        self.address = bytes.fromhex(str(address)[2:])
        self.chain_id: int = boa.env.evm.patch.chain_id
        self.owner = boa.env.eoa
        self.keys: dict[int, Any] = {}
        self.operators: dict[int, Any] = {}
        self.trigger = self.slot(2).trigger_id

    @staticmethod
    def slot(back: int) -> Slot:
        """The slot that lies this many slots before the present one."""
        return Slot.at(HOUR, NOW - back * HOUR)

    @property
    def now(self) -> int:
        """The time of the next block."""
        return int(boa.env.timestamp)

    def wait(self, seconds: int) -> None:
        """Lets time pass."""
        boa.env.timestamp = self.now + seconds

    def call(self, name: str, *arguments: Any, sender: Any = None) -> list[tuple[str, dict[str, Any]]]:
        """Sends a transaction; what it told, as (event, fields)."""
        getattr(self.contract, name)(*arguments, sender=sender or self.owner)
        events = []
        for log in self.contract.get_logs():
            fields = {key: value for key, value in log._asdict().items() if key != "address"}
            events.append((type(log).__name__, fields))
        return events

    def enrol(self, count: int = 1, role: int = ACTIVE) -> None:
        """Enrols this many new operators."""
        for _ in range(count):
            index = self.contract.member_count()
            operator, key = boa.env.generate_address(), boa.env.generate_address()
            self.call("enrol", operator, key, role, b"\x09" * 32)
            self.keys[index], self.operators[index] = key, operator

    def announce(self, workflow: bytes = WORKFLOW, **changes: Any) -> Policy:
        """Announces POLICY with these changes."""
        policy = replace(POLICY, **changes)
        self.call("announce", workflow, astuple(policy))
        return policy

    def voting_id(self, trigger: bytes | None = None) -> bytes:
        """The id of the voting for a trigger, as Python computes it."""
        return voting_id(self.chain_id, self.address, WORKFLOW, trigger or self.trigger)

    def cast(
        self,
        worker: int,
        ballot: Pair,
        attempt: int = 1,
        *,
        version: int = 1,
        trigger: bytes | None = None,
        sender: Any = None,
    ) -> list[tuple[str, dict[str, Any]]]:
        """Casts an open ballot."""
        place = attempt << 32 | version << 16 | worker
        roots = (ballot.input_root, ballot.result_root)
        key = sender or self.keys.get(worker)
        return self.call("cast", WORKFLOW, trigger or self.trigger, place, *roots, sender=key)

    def salt(self, worker: int, attempt: int = 1) -> bytes:
        """The salt that this worker uses in this attempt."""
        return hashlib.sha256(f"salt {worker} {attempt}".encode()).digest()

    def seal_for(self, worker: int, ballot: Pair, attempt: int = 1) -> bytes:
        """A worker's seal as Python computes it."""
        where = (self.chain_id, self.address, self.voting_id(), attempt, worker)
        return ballots.seal(*where, ballot, self.salt(worker, attempt))

    def seal(
        self, worker: int, ballot: Pair, attempt: int = 1, *, seal: bytes | None = None, sender: Any = None
    ) -> list[tuple[str, dict[str, Any]]]:
        """Seals a ballot."""
        place = attempt << 32 | 1 << 16 | worker
        sent = seal or self.seal_for(worker, ballot, attempt)
        return self.call("seal", WORKFLOW, self.trigger, place, sent, sender=sender or self.keys.get(worker))

    def reveal(
        self, ballot: Pair, workers: list[int], attempt: int = 1, *, salts: list[bytes] | None = None
    ) -> list[tuple[str, dict[str, Any]]]:
        """Reveals a batch; anyone may, here the owner."""
        if salts is None:
            salts = [self.salt(worker, attempt) for worker in workers]
        place, roots = attempt << 32 | 1 << 16, (ballot.input_root, ballot.result_root)
        return self.call("reveal", WORKFLOW, self.trigger, place, *roots, workers, salts)

    def advance(self, ballot: Pair | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Advances the voting, naming the recorded pair if there is one."""
        roots = (ballot.input_root, ballot.result_root) if ballot else (bytes(32), bytes(32))
        return self.call("advance", WORKFLOW, self.trigger, *roots)

    def voting(self) -> Any:
        """The voting as the contract shows it."""
        return self.contract.voting(WORKFLOW, self.trigger)

    def voters(self, ballot: Pair, attempt: int = 1) -> int:
        """Who voted for the pair, as the contract shows it."""
        roots = (ballot.input_root, ballot.result_root)
        return int(self.contract.voters(self.voting_id(), attempt, *roots))

    @contextmanager
    def refuses(self, reason: str) -> Iterator[None]:
        """Expects exactly this reason of a revert."""
        assert len(reason) <= 32
        with pytest.raises(BoaError) as refused:
            yield
        assert revert_reason(refused.value) == reason


def revert_reason(error: BoaError) -> str:
    """The string that a revert carries."""
    output = bytes(error.call_trace.computation.output)
    assert output[:4] == bytes.fromhex("08c379a0"), output
    return str(decode(["string"], output[4:])[0])


@pytest.fixture
def new_network() -> type[Network]:
    """For tests that deploy networks of their own; they put back the chain themselves."""
    return Network


@pytest.fixture
def network() -> Iterator[Network]:
    """A network of three active workers, indices 0 to 2, with POLICY as version 1."""
    with boa.env.anchor():
        made = Network()
        made.enrol(3)
        made.announce()
        yield made


@pytest.fixture
def sealed() -> Iterator[Network]:
    """The same with sealed ballots."""
    with boa.env.anchor():
        made = Network()
        made.enrol(3)
        made.announce(ballots=Ballots.SEALED)
        yield made


@pytest.fixture
def bare() -> Iterator[Network]:
    """A network as it is deployed: nobody enrolled, nothing announced."""
    with boa.env.anchor():
        yield Network()
