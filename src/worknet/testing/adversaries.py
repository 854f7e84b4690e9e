"""Malicious workers: the node's real code, with a client or a preparer that breaks the protocol on purpose.

What they send goes straight into a block, without asking first whether the contract would take it: that it
refuses is what a simulation is to show. Everything that they try is noted as a deed.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from worknet.chain import events
from worknet.chain.client import NetworkClient
from worknet.chain.errors import RevertedError
from worknet.chain.gas import GAS_LIMITS, REVEAL_GAS_PER_SALT
from worknet.chain.interface import events as event_types
from worknet.chain.interface import selected
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer
from worknet.node.journal import Ballot
from worknet.node.preparing import Preparer, Task
from worknet.protocol.ballots import Pair, Place, without_time
from worknet.testing.faults import Role

SECOND_BALLOT = "second ballot tried"
OTHER_PAIR = "other pair tried"
COPIED_SEAL = "seal copied"
COPIED_BALLOT = "ballot copied"
COPY_OPENED = "copied seal tried"
WITHHELD = "reveal withheld"
"""What malicious workers try, by the names that the report gives it."""

_LOOK_BACK_BLOCKS = 200
"""In how many blocks a copier looks for what it copies: more than a window has."""

_NOTHING_TO_COPY = "adversary: nothing to copy yet"
_WITHHOLDS = "adversary: withholds it"


@dataclass(frozen=True)
class Deed:
    """What a malicious worker, known by its key, tried in an attempt of a voting."""

    worker: bytes
    what: str
    voting_id: bytes
    attempt: int


class Deeds:
    """All that malicious workers tried, each thing once, in the order in which they did."""

    def __init__(self) -> None:
        self._done: dict[Deed, None] = {}

    def __iter__(self) -> Iterator[Deed]:
        return iter(self._done)

    def note(self, deed: Deed) -> bool:
        """Notes a deed; False if it was done before."""
        is_new = deed not in self._done
        self._done[deed] = None
        return is_new


def wrong_pair(voting_id: bytes, attempt: int, honest: Pair) -> Pair:
    """The pair for which all wrong workers vote in an attempt: the inputs of all, another result."""
    return Pair(honest.input_root, sha256(b"wrong" + voting_id + attempt.to_bytes(8, "big")).digest())


def client_of(
    role: Role, rpc: Rpc, contract: bytes, signer: Signer, deeds: Deeds, **timing: Any
) -> NetworkClient:
    """The access to the network's contract of a worker with this role; `timing` is the client's own."""
    kinds: dict[Role, Callable[..., NetworkClient]] = {
        Role.COPY: Copier,
        Role.EQUIVOCATE: Equivocator,
        Role.WITHHOLD: Withholder,
    }
    if role not in kinds:
        return NetworkClient(rpc, contract, signer=signer, **timing)
    return kinds[role](rpc, contract, deeds, signer=signer, **timing)


def preparer_of(role: Role, preparer: Preparer) -> Preparer:
    """What makes the ballots of a worker with this role, if an honest one had this preparer."""
    return FalsePreparer(preparer, role) if role in {Role.WRONG, Role.COPY} else preparer


class FalsePreparer(Preparer):
    """Ballots for a wrong result, or, of a copier, for a pair that nobody computed."""

    def __init__(self, honest: Preparer, role: Role) -> None:
        self._honest = honest
        self._role = role

    @property
    def declaration(self) -> Any:
        return self._honest.declaration

    @property
    def bundle_digest(self) -> bytes:
        return self._honest.bundle_digest

    def check(self, policy: Any) -> None:
        self._honest.check(policy)

    def handle(self, *moment: Any, **more: Any) -> Any:
        return self._honest.handle(*moment, **more)

    def input_roots(self, ballot: Ballot) -> dict[str, bytes]:
        # A copier has read nothing.
        return self._honest.input_roots(ballot) if ballot.frames else {}

    def close(self) -> None:
        self._honest.close()

    def prepare(self, task: Task, turns: AbstractContextManager[object] | None = None) -> Ballot:
        if self._role is Role.WRONG:
            ballot = self._honest.prepare(task, turns)
            return replace(ballot, pair=wrong_pair(task.voting_id, task.attempt, ballot.pair))
        drawn = [
            sha256(part + task.voting_id + bytes([task.attempt])).digest() for part in (b"i", b"r", b"s")
        ]
        pair, epoch = Pair(drawn[0], drawn[1]), task.policy.data_key_epoch
        return Ballot(
            task.voting_id, task.attempt, task.policy_version, pair, drawn[2], epoch, b"{}", b"{}", {}
        )


class _Malicious(NetworkClient):
    """A client that notes what it tries."""

    def __init__(self, rpc: Rpc, contract: bytes, deeds: Deeds, *, signer: Signer, **timing: Any) -> None:
        super().__init__(rpc, contract, signer=signer, **timing)
        self._deeds = deeds
        self._key = signer.address

    def _note(self, what: str, voting_id: bytes, attempt: int) -> bool:
        """Notes a deed; False if it was done before."""
        return self._deeds.note(Deed(self._key, what, voting_id, attempt))

    def _force(self, name: str, *values: object, gas: int = 0) -> bytes:
        """Sends a call, whatever the contract thinks of it."""
        return self._send(name, *values, gas=GAS_LIMITS[name] + gas)


class Withholder(_Malicious):
    """Seals, and never reveals."""

    def reveal(self, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair, salts: Any) -> bytes:
        self._note(WITHHELD, self.voting_id(workflow_id, trigger_id), place.attempt)
        raise RevertedError("reveal", _WITHHOLDS)


class Equivocator(_Malicious):
    """Sends a second ballot after its first, and before it opens its seal tries to open another pair.

    It then opens what it sealed: nothing else is left to it.
    """

    def cast(self, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair) -> bytes:
        first = super().cast(workflow_id, trigger_id, place, pair)
        if self._note(SECOND_BALLOT, self.voting_id(workflow_id, trigger_id), place.attempt):
            other = _other(pair)
            self._force("cast", workflow_id, trigger_id, place.word(), other.input_root, other.result_root)
        return first

    def seal(self, workflow_id: bytes, trigger_id: bytes, place: Place, seal: bytes) -> bytes:
        first = super().seal(workflow_id, trigger_id, place, seal)
        if self._note(SECOND_BALLOT, self.voting_id(workflow_id, trigger_id), place.attempt):
            other = without_time(sha256(b"second" + seal).digest())
            self._force("seal", workflow_id, trigger_id, place.word(), other)
        return first

    def reveal(self, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair, salts: Any) -> bytes:
        if self._note(OTHER_PAIR, self.voting_id(workflow_id, trigger_id), place.attempt):
            other, salt = _other(pair), sha256(b"other" + salts[place.worker]).digest()
            _open(self, workflow_id, trigger_id, place, other, salt)
        return super().reveal(workflow_id, trigger_id, place, pair, salts)


class Copier(_Malicious):
    """Sends the first ballot, or seal, of another worker that it sees as its own; opens the copied seal with
    what the other one has shown."""

    def cast(self, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair) -> bytes:
        voting_id = self.voting_id(workflow_id, trigger_id)
        for event, _ in self._seen(voting_id, place.attempt, "Cast"):
            if isinstance(event, events.Cast):
                self._note(COPIED_BALLOT, voting_id, place.attempt)
                return super().cast(workflow_id, trigger_id, place, event.pair)
        raise RevertedError("cast", _NOTHING_TO_COPY)

    def seal(self, workflow_id: bytes, trigger_id: bytes, place: Place, seal: bytes) -> bytes:
        voting_id = self.voting_id(workflow_id, trigger_id)
        for event, _ in self._seen(voting_id, place.attempt, "Sealed"):
            if isinstance(event, events.Sealed):
                self._note(COPIED_SEAL, voting_id, place.attempt)
                copied = without_time(event.seal)
                return self._force("seal", workflow_id, trigger_id, place.word(), copied)
        raise RevertedError("seal", _NOTHING_TO_COPY)

    def reveal(self, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair, salts: Any) -> bytes:
        voting_id = self.voting_id(workflow_id, trigger_id)
        sealed = [event for event, _ in self._seen(voting_id, place.attempt, "Sealed")]
        for event, transaction in self._seen(voting_id, place.attempt, "Revealed"):
            victim = sealed[0].place.worker
            if isinstance(event, events.Revealed) and event.workers >> victim & 1:
                shown = self._shown_salt(transaction, victim)
                if shown is not None and self._note(COPY_OPENED, voting_id, place.attempt):
                    return _open(self, workflow_id, trigger_id, place, event.pair, shown)
        raise RevertedError("reveal", _NOTHING_TO_COPY)

    def _seen(
        self, voting_id: bytes, attempt: int, kind: str
    ) -> Iterator[tuple[events.Cast | events.Sealed | events.Revealed, bytes]]:
        """Events of others about an attempt, in the order of the chain, with their transactions."""
        newest = self.rpc.block_number()
        topic = next(topic for topic, type_ in event_types().items() if type_.name == kind)
        first, me = max(0, newest - _LOOK_BACK_BLOCKS), self.index_of(self._key)
        for log in self.rpc.logs(self.contract, first, newest, [topic, voting_id]):
            event = events.read(log)
            if not isinstance(event, events.Cast | events.Sealed | events.Revealed):
                continue
            if event.place.attempt == attempt and not _is_of(event, me):
                yield event, log.transaction

    def _shown_salt(self, transaction: bytes, worker: int) -> bytes | None:
        """The salt with which a worker's seal was opened: anyone reads it from the transaction."""
        sent = self.rpc.transaction(transaction)
        call = None if sent is None else selected(sent.data)
        if call is None or call[0] != "reveal":
            return None
        *_, workers, salts = call[1]
        indices = [index for index in range(workers.bit_length()) if workers >> index & 1]
        return dict(zip(indices, salts, strict=True)).get(worker)


def _open(
    client: _Malicious, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair, salt: bytes
) -> bytes:
    """Tries to open the worker's seal with this pair and salt."""
    roots = (pair.input_root, pair.result_root)
    values = (workflow_id, trigger_id, place.word(), *roots, 1 << place.worker, [salt])
    return client._force("reveal", *values, gas=REVEAL_GAS_PER_SALT)


def _is_of(event: events.Cast | events.Sealed | events.Revealed, worker: int | None) -> bool:
    if isinstance(event, events.Revealed):
        return worker is not None and event.workers == 1 << worker
    return event.place.worker == worker


def _other(pair: Pair) -> Pair:
    return Pair(pair.input_root, sha256(b"other" + pair.result_root).digest())
