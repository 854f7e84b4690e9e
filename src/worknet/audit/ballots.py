"""Ballots against the transactions that brought them: keys, seals, salts, signatures (section 6).

What a transaction asked for can be seen where it called the network's contract itself; what came through
another contract is counted as unseen. Whether a ballot was due at all, the protocol's fold says.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_utils.crypto import keccak

from worknet.audit.facts import Happening, Place, asked, workers_of
from worknet.audit.members import Members
from worknet.audit.notes import Notes
from worknet.chain import events
from worknet.chain.errors import SignatureError
from worknet.chain.signatures import BallotDomain, Signature
from worknet.protocol.ballots import Pair, seal, seconds_left, without_time
from worknet.protocol.ballots import Place as BallotPlace
from worknet.protocol.errors import ProtocolError
from worknet.protocol.voting import Voting

SEEN = "ballots held to their transactions"
UNSEEN = "ballots that came through other contracts"
"""Whether the call is known by which open ballots, seals, reveals and reports came, a batch being one."""

MOST_SECONDS = 65_535
"""More seconds left of a cast window than a seal keeps."""

_FIRST_V = 27


class Ballots:
    """The checks of one network's ballots; `members` is the network's membership as it goes on, `about` gives
    workflow and trigger id of a voting that goes on."""

    def __init__(
        self, place: Place, members: Members, notes: Notes, about: Callable[[bytes], tuple[bytes, bytes]]
    ) -> None:
        self._place, self._members, self._notes, self._about = place, members, notes, about
        self._domain = BallotDomain(place.chain_id, place.contract)

    def cast(self, happening: Happening, event: events.Cast) -> None:
        """An open ballot."""
        self._notes.checked["open ballots"] += 1
        values = self._asked(happening, "cast", event.voting_id)
        if values is None:
            return
        _, _, place, *roots = values
        self._same(
            happening, (place, *roots), (event.place.word(), event.pair.input_root, event.pair.result_root)
        )
        self._sent_by(happening, event.place.worker)

    def sealed(self, happening: Happening, event: events.Sealed, voting: Voting) -> None:
        """A seal that its worker brought, to the voting as it stood before."""
        self._stored(happening, voting, event.seal)
        values = self._asked(happening, "seal", event.voting_id)
        if values is None:
            return
        _, _, place, sent = values
        self._same(happening, (place,), (event.place.word(),))
        self._notes.differs(
            "ballot.seal", "another seal is stored than was sent", happening, without_time(event.seal), sent
        )
        self._sent_by(happening, event.place.worker)

    def brought(
        self, happening: Happening, event: events.SealsBrought, voting: Voting, skipped: Mapping[int, str]
    ) -> None:
        """Seals that their workers signed, and items that were passed over."""
        for stored in event.seals:
            self._stored(happening, voting, stored)
        values = self._asked(happening, "bring_seals", event.voting_id)
        items: dict[int, Any] = {}
        if values is not None:
            _, _, place, workers, odd, signed = values
            self._same(happening, (_without_worker(place),), (event.place.word(),))
            items = self._items(happening, workers, signed, event.workers, skipped)
            for worker, stored in event.by_worker.items():
                if worker in items:
                    sent, r, s = items[worker]
                    self._notes.differs(
                        "ballot.seal",
                        "another seal is stored than was sent",
                        happening,
                        without_time(stored),
                        sent,
                    )
                    digest = self._domain.seal_digest(event.voting_id, event.place, sent)
                    if not self._signed(worker, digest, odd, r, s):
                        self._notes.broken(
                            "ballot.key",
                            "a seal is brought without its worker's signature",
                            happening,
                            worker=worker,
                        )
        for worker, rule in skipped.items():
            item = items.get(worker)
            if rule == "votings: seal not truncated":
                holds = item is None or without_time(item[0]) != item[0]
            elif rule == "votings: not the worker's key":
                holds = item is None or not self._signed(
                    worker, self._domain.seal_digest(event.voting_id, event.place, item[0]), odd, *item[1:]
                )
            else:
                holds = _holds(rule, voting, worker)
            self._skipped(happening, worker, rule, holds)

    def revealed(
        self, happening: Happening, event: events.Revealed, voting: Voting, skipped: Mapping[int, str]
    ) -> None:
        """Seals that were opened, each by pair and salt, and items that were passed over."""
        values = self._asked(happening, "reveal", event.voting_id)
        salts: dict[int, Any] = {}
        pair: Pair | None = None
        if values is not None:
            _, _, place, input_root, result_root, workers, given = values
            self._same(
                happening,
                (_without_worker(place), input_root, result_root),
                (event.place.word(), event.pair.input_root, event.pair.result_root),
            )
            salts = self._items(happening, workers, given, event.workers, skipped)
            pair = _pair(input_root, result_root)
        for worker in workers_of(event.workers):
            if worker in salts:
                self._notes.checked["seals opened"] += 1
                if not self._opens(event.voting_id, voting, worker, pair, salts[worker]):
                    self._notes.broken(
                        "ballot.opens",
                        "a seal was opened that pair and salt do not make",
                        happening,
                        worker=worker,
                    )
        for worker, rule in skipped.items():
            if rule == "votings: seal does not open":
                holds = worker not in salts or not self._opens(
                    event.voting_id, voting, worker, pair, salts[worker]
                )
            else:
                holds = _holds(rule, voting, worker)
            self._skipped(happening, worker, rule, holds)

    def reported(self, happening: Happening, event: events.Reported, pair: Pair) -> None:
        """A report and the signatures under it."""
        self._notes.checked["reports"] += 1
        values = self._asked(happening, "report", event.voting_id)
        if values is None:
            return
        _, _, place, input_root, result_root, participants, voters, signers, odd, signed = values
        self._same(
            happening,
            (_without_worker(place), input_root, result_root, participants, voters, signers),
            (
                event.place.word(),
                pair.input_root,
                pair.result_root,
                event.participants,
                event.voters,
                event.signers,
            ),
        )
        digest = self._domain.report_digest(
            event.voting_id, event.place, pair, event.participants, event.voters
        )
        indices = workers_of(signers)
        if len(indices) != len(signed):
            self._notes.broken(
                "report.signatures",
                "a report with more signers than signatures, or fewer",
                happening,
                signers=len(indices),
                signatures=len(signed),
            )
            return
        for worker, (r, s) in zip(indices, signed, strict=True):
            if not self._signed(worker, digest, odd, r, s):
                self._notes.broken(
                    "report.signatures",
                    "a report is not signed by a worker that it names",
                    happening,
                    worker=worker,
                )

    def _asked(self, happening: Happening, name: str, voting_id: bytes) -> tuple[Any, ...] | None:
        """The values of the call by which this came, None where it cannot be seen or was another call."""
        found = asked(happening, self._place.contract)
        if found is not None and found[0] == name:
            self._notes.checked[SEEN] += 1
            values: tuple[Any, ...] = found[1]
            if values[:2] != self._about(voting_id):
                self._notes.broken(
                    "ballot.call", "a ballot is told of another voting than it was sent to", happening
                )
            return values
        if happening.call.to == self._place.contract:
            self._notes.broken(
                "ballot.call",
                "a transaction brought something else than is told",
                happening,
                called="nothing known" if found is None else found[0],
            )
        else:
            self._notes.unseen[UNSEEN] += 1
        return None

    def _same(self, happening: Happening, sent: Sequence[Any], told: Sequence[Any]) -> None:
        if tuple(sent) != tuple(told):
            self._notes.broken(
                "ballot.call", "another ballot is told than its transaction brought", happening
            )

    def _sent_by(self, happening: Happening, worker: int) -> None:
        key = self._members.key(worker)
        self._notes.checked["keys of ballots"] += 1
        self._notes.differs(
            "ballot.key",
            "a ballot comes from another key than its worker's",
            happening,
            happening.call.sender,
            key,
        )

    def _stored(self, happening: Happening, voting: Voting, stored: bytes) -> None:
        self._notes.checked["seals"] += 1
        if not voting.attempts:
            return
        left = min(voting.current.cast_end - happening.time, MOST_SECONDS)
        self._notes.differs(
            "ballot.seal",
            "a seal is stored with another time than is left",
            happening,
            seconds_left(stored),
            left,
        )

    def _items(
        self, happening: Happening, workers: int, items: Sequence[Any], taken: int, skipped: Mapping[int, str]
    ) -> dict[int, Any]:
        """The items of a batch by worker; each of them is taken or passed over, and no other."""
        indices = workers_of(workers)
        done = taken | sum(1 << worker for worker in skipped)
        if len(indices) != len(items) or done != workers or taken & ~workers:
            self._notes.broken(
                "ballot.call",
                "other items of a batch are told than it had",
                happening,
                workers=f"{workers:#x}",
                told=f"{done:#x}",
            )
        return dict(zip(indices, items, strict=False))

    def _opens(self, voting_id: bytes, voting: Voting, worker: int, pair: Pair | None, salt: bytes) -> bool:
        sealed = voting.current.seals.get(worker) if voting.attempts else None
        if sealed is None or pair is None:
            return False
        about = (self._place.chain_id, self._place.contract, voting_id, voting.current.number, worker)
        return seal(*about, pair, salt, _keccak) == without_time(sealed.seal)

    def _signed(self, worker: int, digest: bytes, odd: int, r: bytes, s: bytes) -> bool:
        self._notes.checked["signatures"] += 1
        key = self._members.key(worker)
        try:
            signature = Signature(_FIRST_V + (odd >> worker & 1), r, s)
        except SignatureError:
            return False
        return key is not None and signature.is_of(key, digest)

    def _skipped(self, happening: Happening, worker: int, rule: str, holds: bool) -> None:
        self._notes.checked["items passed over"] += 1
        if not holds:
            self._notes.broken(
                "ballot.skipped",
                f"an item was passed over: {rule}, which is not so",
                happening,
                worker=worker,
            )


def _holds(rule: str, voting: Voting, worker: int) -> bool:
    """Whether a reason for passing over an item holds that the voting alone tells."""
    if not voting.attempts:
        return False
    attempt = voting.current
    match rule:
        case "votings: not a member":
            return not attempt.is_member(worker)
        case "votings: already cast":
            return worker in attempt.seals
        case "votings: already revealed":
            return worker in attempt.ballots or bool(attempt.participants >> worker & 1)
        case "votings: no seal":
            return worker not in attempt.seals
    return False


def _without_worker(place: int) -> int:
    found = BallotPlace.of_word(place)
    return BallotPlace(found.attempt, found.policy_version).word()


def _pair(input_root: bytes, result_root: bytes) -> Pair | None:
    try:
        return Pair(input_root, result_root)
    except ProtocolError:
        return None


def _keccak(data: bytes) -> bytes:
    return bytes(keccak(data))
