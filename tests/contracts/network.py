"""A network on an in-process EVM: the shipped artifacts, deployed, driven in the words of the protocol."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import astuple, replace
from functools import cached_property
from typing import Any

import boa
import pytest
from boa.contracts.abi.abi_contract import ABIContractFactory
from boa.contracts.base_evm_contract import BoaError
from boa.util.abi import Address
from coincurve import PrivateKey
from eth_abi.abi import decode, encode

from worknet.contracts import artifact
from worknet.protocol import ballots, eip712
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.ids import Slot, voting_id, workflow_id
from worknet.protocol.keccak import keccak256
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.words import Ballots, Fallback, How

NOW = 1_800_000_000
HOUR = 3600
PERIOD = 24 * HOUR
WORKFLOW = workflow_id("matching")
ACTIVE, STANDBY = 1, 2
NO_PREDECESSOR = (0, "0x" + "00" * 20, 0, bytes(32))
ENCRYPTION_KEY = b"\x09" * 32

Told = list[tuple[str, dict[str, Any]]]
Signature = tuple[int, bytes, bytes]

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


def bitmap(workers: Iterable[int]) -> int:
    """The workers as a bitmap."""
    return sum(1 << worker for worker in set(workers))


def deploy(name: str, types: Sequence[str] = (), *arguments: Any, address: str | None = None) -> Any:
    """Deploys a shipped contract, at this address if one is named: for what depends on it."""
    built = artifact(name)
    code = built.bytecode + encode(types, arguments)
    made, _ = boa.env.deploy_code(bytecode=code, override_address=address)
    return ABIContractFactory(built.contract, built.abi).at(made)


class Network:
    """The deployed contract. Calls are made by the owner unless a worker or `sender` is named.

    `keys` are the addresses of the workers' present keys, by index; `secrets` what signs for them.
    """

    policy = POLICY
    workflow = WORKFLOW
    pair = staticmethod(pair)
    bitmap = staticmethod(bitmap)

    def __init__(
        self,
        address: str | None = None,
        *,
        period: int = PERIOD,
        previous: tuple[int, str, int, bytes] = NO_PREDECESSOR,
    ) -> None:
        """Deploys, as the successor of `previous` (chain id, contract, size and root of its log)."""
        boa.env.timestamp = NOW
        types = ["uint256", "uint256", "(uint256,address,uint256,bytes32)"]
        self.contract = deploy("WorkerNetwork", types, 12, period, previous, address=address)
        self.address = self.contract.address.canonical_address
        self.period_length = period
        self.chain_id: int = boa.env.evm.patch.chain_id
        self.owner = boa.env.eoa
        self.keys: dict[int, Any] = {}
        self.secrets: dict[int, PrivateKey] = {}
        self.operators: dict[int, Any] = {}
        self.trigger = self.slot(2).trigger_id
        self.history: list[tuple[int, str, dict[str, Any]]] = []
        self._keys_made = 0

    def copy(self) -> "Network":
        """The same network on the same chain, which goes ways of its own; the time is put to NOW."""
        boa.env.timestamp = NOW
        other = copy(self)
        for name in ("keys", "secrets", "operators"):
            setattr(other, name, dict(getattr(self, name)))
        other.history = list(self.history)
        return other

    @cached_property
    def pool(self) -> Any:
        """The contract `Rewards` of this network, deployed when first asked for; empty."""
        return deploy("Rewards", ["address"], self.contract.address)

    @cached_property
    def proofs(self) -> Any:
        """The contract `RowProofs`, deployed when first asked for."""
        return deploy("RowProofs")

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

    def wait_until(self, time: int) -> None:
        """Lets time pass until then; never back."""
        assert time >= self.now
        boa.env.timestamp = time

    def call(self, name: str, *arguments: Any, sender: Any = None, of: Any = None, value: int = 0) -> Told:
        """Sends a transaction to the network, or `of` another contract; what it told, as (event, fields)."""
        contract, sender = of or self.contract, sender or self.owner
        if value:
            boa.env.set_balance(sender, boa.env.get_balance(sender) + value)
        getattr(contract, name)(*arguments, sender=sender, value=value)
        told = []
        for log in contract.get_logs():
            fields = {key: item for key, item in log._asdict().items() if key != "address"}
            told.append((type(log).__name__, fields))
            self.history.append((self.now, *told[-1]))
        return told

    def new_key(self) -> PrivateKey:
        """A private key that no other index of this network has."""
        self._keys_made += 1
        return PrivateKey(hashlib.sha256(f"key {self._keys_made}".encode()).digest())

    @staticmethod
    def address_of(key: PrivateKey) -> Any:
        """The account that this private key signs for."""
        return Address(keccak256(key.public_key.format(compressed=False)[1:])[-20:])

    def enrol(self, count: int = 1, role: int = ACTIVE, *, operator: Any = None) -> None:
        """Enrols this many new operators, or the one named."""
        for _ in range(count):
            index, secret = self.contract.member_count(), self.new_key()
            account, key = operator or boa.env.generate_address(), self.address_of(secret)
            self.call("enrol", account, key, role, ENCRYPTION_KEY)
            self.keys[index], self.secrets[index], self.operators[index] = key, secret, account

    def enrol_again(self, index: int, role: int = ACTIVE) -> Told:
        """Gives a removed operator its index back, with the key that stands behind it."""
        return self.call("enrol", self.operators[index], self.keys[index], role, ENCRYPTION_KEY)

    def rotate(self, index: int, secret: PrivateKey | None = None) -> Told:
        """Puts this key, or a new one, behind an index; sent by its operator, enrolled or removed."""
        secret = secret or self.new_key()
        key = self.address_of(secret)
        told = self.call("rotate", index, key, ENCRYPTION_KEY, sender=self.operators[index])
        self.keys[index], self.secrets[index] = key, secret
        return told

    def check_in(self, index: int, *, sender: Any = None) -> Told:
        """A worker shows that it is there."""
        return self.call("check_in", index, sender=sender or self.keys[index])

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
    ) -> Told:
        """Casts an open ballot."""
        place = Place(attempt, version, worker).word()
        key = sender or self.keys.get(worker)
        return self.call("cast", WORKFLOW, trigger or self.trigger, place, *astuple(ballot), sender=key)

    def salt(self, worker: int, attempt: int = 1) -> bytes:
        """The salt that this worker uses in this attempt."""
        return hashlib.sha256(f"salt {worker} {attempt}".encode()).digest()

    def seal_for(self, worker: int, ballot: Pair, attempt: int = 1) -> bytes:
        """A worker's seal as Python computes it."""
        where = (self.chain_id, self.address, self.voting_id(), attempt, worker)
        return ballots.seal(*where, ballot, self.salt(worker, attempt))

    def seal(
        self,
        worker: int,
        ballot: Pair,
        attempt: int = 1,
        *,
        version: int = 1,
        seal: bytes | None = None,
        sender: Any = None,
    ) -> Told:
        """Seals a ballot."""
        place = Place(attempt, version, worker).word()
        sent = seal or self.seal_for(worker, ballot, attempt)
        return self.call("seal", WORKFLOW, self.trigger, place, sent, sender=sender or self.keys.get(worker))

    @property
    def domain(self) -> bytes:
        """The separator of what is signed for this network."""
        return eip712.domain_separator(self.chain_id, self.address)

    def sign(self, worker: int, digest: bytes) -> Signature:
        """What the key of this index signs: (v, r, s), s low."""
        signed = self.secrets[worker].sign_recoverable(digest, hasher=None)
        return signed[64] + 27, signed[:32], signed[32:64]

    def signed_seal(
        self, worker: int, ballot: Pair, attempt: int = 1, *, version: int = 1, seal: bytes | None = None
    ) -> tuple[Any, ...]:
        """A seal with its worker's signature, as `bring_seals` takes it: (worker, seal, v, r, s)."""
        sent = seal or self.seal_for(worker, ballot, attempt)
        digest = eip712.seal_digest(self.domain, self.voting_id(), attempt, version, sent)
        return worker, sent, *self.sign(worker, digest)

    def bring_seals(
        self, signed: Sequence[tuple[Any, ...]], attempt: int = 1, *, version: int = 1, sender: Any = None
    ) -> Told:
        """Brings signed seals, in any order; anyone may, here the owner."""
        workers, odd = bitmap(one[0] for one in signed), bitmap(one[0] for one in signed if one[2] == 28)
        items = [(seal, r, s) for _, seal, _, r, s in sorted(signed)]
        about = (WORKFLOW, self.trigger, Place(attempt, version).word())
        return self.call("bring_seals", *about, workers, odd, items, sender=sender)

    def signed_report(
        self, ballot: Pair, signers: Iterable[int], participants: int, voters: int, attempt: int, version: int
    ) -> list[tuple[Any, ...]]:
        """What these workers sign under a report, as `report` takes it: (worker, v, r, s) each."""
        about = (self.domain, self.voting_id(), attempt, version, ballot, participants, voters)
        digest = eip712.report_digest(*about)
        return [(worker, *self.sign(worker, digest)) for worker in signers]

    def report(
        self,
        ballot: Pair,
        signers: Iterable[int],
        attempt: int = 1,
        *,
        version: int = 1,
        participants: int | None = None,
        voters: int | None = None,
        signed: Sequence[tuple[Any, ...]] | None = None,
        sender: Any = None,
    ) -> Told:
        """Brings a report. Unless named otherwise all active workers took part, and the signers voted."""
        signers = list(signers)
        participants = self.contract.active() if participants is None else participants
        voters = bitmap(signers) if voters is None else voters
        if signed is None:
            signed = self.signed_report(ballot, signers, participants, voters, attempt, version)
        about = (WORKFLOW, self.trigger, Place(attempt, version).word(), *astuple(ballot))
        who, odd = bitmap(one[0] for one in signed), bitmap(one[0] for one in signed if one[1] == 28)
        items = [(r, s) for _, _, r, s in sorted(signed)]
        return self.call("report", *about, participants, voters, who, odd, items, sender=sender)

    def reveal(
        self,
        ballot: Pair,
        workers: list[int],
        attempt: int = 1,
        *,
        version: int = 1,
        salts: list[bytes] | None = None,
    ) -> Told:
        """Reveals a batch; anyone may, here the owner. Salts stand in the workers' ascending order."""
        if salts is None:
            salts = [self.salt(worker, attempt) for worker in sorted(set(workers))]
        about = (WORKFLOW, self.trigger, Place(attempt, version).word())
        return self.call("reveal", *about, *astuple(ballot), bitmap(workers), salts)

    def advance(self, ballot: Pair | None = None) -> Told:
        """Advances the voting, naming the recorded pair if there is one."""
        roots = astuple(ballot) if ballot else (bytes(32), bytes(32))
        return self.call("advance", WORKFLOW, self.trigger, *roots)

    def settle(self, ballot: Pair, *, sender: Any = None) -> Told:
        """Settles for the leading pair; anyone may, here the owner."""
        return self.call("settle", WORKFLOW, self.trigger, *astuple(ballot), sender=sender)

    def reopen(self, *, sender: Any = None) -> Told:
        """Gives the voting a further attempt."""
        return self.call("reopen", WORKFLOW, self.trigger, sender=sender)

    def voting(self) -> Any:
        """The voting as the contract shows it."""
        return self.contract.voting(WORKFLOW, self.trigger)

    def voters(self, ballot: Pair, attempt: int = 1) -> int:
        """Who voted for the pair: as the contract shows it, or as the record says if it is of this pair."""
        voters = int(self.contract.voters(self.voting_id(), attempt, *astuple(ballot)))
        about = {"voting_id": self.voting_id(), "attempt": attempt, **ballot.__dict__}
        for _, name, fields in self.history:
            if name == "Recorded" and about.items() <= fields.items():
                voters |= fields["voters"]
        return voters

    def record(self, trigger: bytes | None = None) -> Record:
        """The record of a voting, put together from events alone; it is the one that the contract keeps."""
        voting = self.voting_id(trigger)
        opened: dict[int, dict[str, Any]] = {}
        for time, name, fields in self.history:
            if fields.get("voting_id") != voting:
                continue
            if name == "Opened":
                opened[fields["attempt"]] = fields
            elif name == "Recorded":
                attempt = opened[fields["attempt"]]
                made = Record(
                    chain_id=self.chain_id,
                    contract=self.address,
                    workflow_id=attempt["workflow_id"],
                    voting_id=voting,
                    trigger_id=attempt["trigger_id"],
                    attempt=fields["attempt"],
                    policy_hash=self.contract.policy_hash(WORKFLOW, attempt["policy_version"]),
                    input_root=fields["input_root"],
                    result_root=fields["result_root"],
                    members=attempt["members"],
                    n=attempt["n"],
                    needed=attempt["needed"],
                    voters=fields["voters"],
                    how=How(fields["how"]),
                    time=time,
                )
        assert self.contract.record(voting) == made.leaf_hash()
        return made

    def period(self, number: int | None = None) -> Any:
        """What the network keeps of a reward period, the present one unless another is named."""
        return self.contract.period(self.now // self.period_length if number is None else number)

    def fund(self, amount: int) -> Told:
        """Pays into the pool."""
        return self.call("fund", of=self.pool, value=amount)

    def set_rewards(self, base: int, consistency: int, *, sender: Any = None) -> Told:
        """Sets the pool's amounts per period."""
        return self.call("set_rewards", base, consistency, sender=sender, of=self.pool)

    def claim(
        self, index: int, records: Iterable[Record] = (), periods: Iterable[int] = (), *, sender: Any = None
    ) -> Told:
        """Claims for a worker; anyone may, here the owner."""
        items = [words_of(record) for record in records]
        return self.call("claim", index, items, list(periods), sender=sender, of=self.pool)

    @staticmethod
    @contextmanager
    def refuses(reason: str) -> Iterator[None]:
        """Expects exactly this reason of a revert; an empty one: a bare revert."""
        assert len(reason) <= 32
        with pytest.raises(BoaError) as refused:
            yield
        assert revert_reason(refused.value) == reason


def words_of(record: Record) -> tuple[Any, ...]:
    """A record as the contracts take it: its words without chain id and contract."""
    return astuple(record)[2:]


def revert_reason(error: BoaError) -> str:
    """The string that a revert carries; of a bare one none."""
    output = bytes(error.call_trace.computation.output)
    assert not output or output[:4] == bytes.fromhex("08c379a0"), output
    return str(decode(["string"], output[4:])[0]) if output else ""
