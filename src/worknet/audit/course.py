"""One audit's way through the facts: events in their order, then what the contracts must answer after them.

Pure: the facts come from wherever they come, and the contracts are asked through a function.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from worknet.audit.facts import Ask, Expected, Happening, Malformed, Place, Question
from worknet.audit.findings import ordered
from worknet.audit.ledger import Account, Ledger, Rewarding
from worknet.audit.lines import Act, MemberLine, OpenVoting, RecordLine, WorkerLine
from worknet.audit.log import Log
from worknet.audit.members import Members
from worknet.audit.notes import Notes
from worknet.audit.outcome import Audit
from worknet.audit.policies import Policies
from worknet.audit.recording import Recording
from worknet.audit.resume import FORMAT, AuditState, Head
from worknet.audit.slots import SlotBook, Slots
from worknet.audit.stands import Stands
from worknet.audit.votings import Votings
from worknet.chain import events
from worknet.chain.answers import Header
from worknet.protocol.earnings import ClosedVoting
from worknet.protocol.merkle import EMPTY, leaf_hash
from worknet.protocol.voting import Part, State, Voting
from worknet.protocol.words import moved_leaf

SAMPLE = 32
"""Records whose leaf the contract is asked for where its tree head is the one computed; else all are."""

_ACTS: dict[type[Any], Act] = {
    events.Enrolled: Act.ENROLLED,
    events.Removed: Act.REMOVED,
    events.Rotated: Act.ROTATED,
}


def beginning(place: Place, start: int, length: int, created_at: int) -> AuditState:
    """What is known before block `start`, in which the network was created: nothing.

    `length` is that of its reward periods in seconds, `created_at` when the pool was made.
    """
    return AuditState(
        format=FORMAT,
        chain_id=place.chain_id,
        contract=place.contract,
        pool=place.pool,
        head=Head(0, EMPTY, max(start - 1, 0), b"", 0),
        subtrees=(),
        members=Members(),
        policies=Policies(),
        votings={},
        slots=Slots(),
        ledger=Ledger(length, created_at),
    )


class Course:
    """An audit that goes on from a state. Events are taken in the order of the chain, then it is finished."""

    def __init__(self, since: AuditState) -> None:
        self._since = since
        state = since.own()
        self.place = Place(state.chain_id, state.contract, state.pool)
        self.notes = notes = Notes()
        self._members, self._policies, self._ledger = state.members, state.policies, state.ledger
        self._slots_kept = state.slots
        self._slots = SlotBook(state.slots, self._policies)
        self._log = Log(state.head.size, state.subtrees)
        self._recording = Recording(
            self.place, self._policies, self._slots, self._log, notes, self._on_closing
        )
        self._votings = Votings(
            self.place,
            self._members,
            self._policies,
            self._slots,
            self._recording,
            dict(state.votings),
            notes,
        )
        self._rewarding = Rewarding(self.place, self._ledger, self._members, notes, self._votings.closed_at)
        self._changes: list[MemberLine] = []
        self._parts: Counter[tuple[int, Part]] = Counter()

    def take(self, happening: Happening) -> None:
        """Adds an event."""
        self.notes.checked["events"] += 1
        match happening.event:
            case Malformed(reason=reason):
                self.notes.broken("event.form", reason, happening)
            case events.Moved() as event:
                self._moved(happening, event)
            case events.Enrolled() | events.Removed() | events.Rotated() as event:
                self._rewarding.take(happening)
                self._members.take(happening, self.place, self.notes)
                self._changed(happening, event.index)
            case events.OwnershipOffered() | events.OwnershipTransferred() | events.OpeningPaused():
                self._members.take(happening, self.place, self.notes)
            case events.CheckedIn() as event:
                self._members.check_in(happening, event, self.place, self._ledger.length, self.notes)
                self._rewarding.take(happening)
            case events.PolicyAnnounced():
                self._policies.take(happening, self._members.owner, self.place, self.notes)
            case events.Funded() | events.RewardsSet() | events.Claimed():
                self._rewarding.take(happening)
            case event:
                self._votings.take(happening, event.voting_id)

    def check_balance(self, balance: int) -> None:
        """Holds what the pool has after the last event against what was paid in and out.

        It may have more: money can be forced on it without an event.
        """
        due = self._ledger.pool
        if balance < due:
            what = "the pool has less than was paid in and not paid out"
            self.notes.broken("rewards.answers", what, told=balance, due=due)

    def finish(self, header: Header, ask: Ask) -> Audit:
        """Holds the contracts' answers as of the last block against the events, and tells the outcome."""
        now = header.time
        self._votings.flush()
        self._slots.pass_to(now)
        for voting_id in self._votings.followed:
            closed = self._votings.closed_at(voting_id, now)
            if closed is not None:
                self._rewarding.earns(closed)
        self._rewarding.settle(ask)
        frontier = self._log.frontier()
        head = Head(frontier.size, frontier.root(), header.number, header.hash, now)
        records = self._recording.lines(self._votings.followed)
        self._check_log(ask, head, records)
        self._check_answers(ask, self._expected(now))
        workers = tuple(self._workers(now))
        self._rewarding.forget(now)
        followed = self._votings.followed
        states = {voting_id: self._votings.at(voting_id, now) for voting_id in followed}
        waiting = {
            (followed[voting_id].workflow_id, followed[voting_id].trigger_id): voting.state
            for voting_id, voting in states.items()
        }
        return Audit(
            chain_id=self.place.chain_id,
            contract=self.place.contract,
            pool=self.place.pool,
            is_resumed=bool(self._since.head.block_hash),
            before=self._since.head,
            after=head,
            path=self._log.path(),
            appended=tuple(self._log.appended),
            findings=ordered(self.notes.findings),
            records=records,
            open_votings=tuple(
                sorted(
                    (self._open(voting_id, voting) for voting_id, voting in states.items()),
                    key=lambda each: (each.since, each.voting_id),
                )
            ),
            without_record=tuple(self._slots.lines(waiting, now)),
            workers=workers,
            policies=tuple(
                sorted(
                    (line for lines in self._policies.lines.values() for line in lines),
                    key=lambda each: (each.block, each.workflow_id, each.version),
                )
            ),
            members=tuple(self._changes),
            checked=dict(self.notes.checked),
            unseen=dict(self.notes.unseen),
            state=AuditState(
                format=FORMAT,
                chain_id=self.place.chain_id,
                contract=self.place.contract,
                pool=self.place.pool,
                head=head,
                subtrees=frontier.subtrees,
                members=self._members,
                policies=self._policies,
                votings=followed,
                slots=self._slots_kept,
                ledger=self._ledger,
            ),
        )

    def _moved(self, happening: Happening, event: events.Moved) -> None:
        if self._log.length:
            self.notes.broken("log.moved", "a log in its midst is told to continue another one", happening)
        own = (self.place.chain_id, self.place.contract)
        leaf = moved_leaf(*own, event.chain_id, event.contract, event.size, event.root)
        self._log.append(happening, self._log.length, leaf_hash(leaf), self.notes)

    def _changed(self, happening: Happening, index: int) -> None:
        seat = self._members.seats.get(index)
        if seat is not None:
            act = _ACTS[type(happening.event)]
            who = (seat.operator, seat.key, seat.role)
            self._changes.append(MemberLine(index, act, *who, happening.block, happening.time))

    def _on_closing(self, happening: Happening, closed: ClosedVoting, voting: Voting) -> None:
        self._rewarding.close(happening, closed)
        for worker in self._members.seats:
            part = voting.part_of(worker)
            if part is not None:
                self._parts[worker, part] += 1

    # What the contracts must answer

    def _expected(self, now: int) -> Iterator[Expected]:
        yield from self._members.expected()
        yield from self._policies.expected()
        yield from self._votings.expected(now)
        yield from self._rewarding.expected(now)

    def _check_log(self, ask: Ask, head: Head, records: Sequence[RecordLine]) -> None:
        """Size, tree head, and the leaf of a sample of records; of all where the tree head is another."""
        size, root = ask([Question("WorkerNetwork", "size"), Question("WorkerNetwork", "root")])
        if size != head.size:
            what = "the contract counts another number of leaves than the events"
            self.notes.broken("log.size", what, told=size, due=head.size)
        if root != head.root:
            what = "the events do not make the contract's tree head"
            self.notes.broken("log.root", what, told=root, due=head.root)
        picked = records if root != head.root else _sample(records, head.root)
        leaves = ask([Question("WorkerNetwork", "record", (each.record.voting_id,)) for each in picked])
        is_sound = size == head.size and len(records) == len(self._log.appended)
        for line, leaf in zip(picked, leaves, strict=True):
            self.notes.checked["leaves asked of the contract"] += 1
            due = line.record.leaf_hash()
            if leaf != due:
                is_sound = False
                what = "the contract keeps another leaf of a record than its words make"
                voting_id = line.record.voting_id
                self.notes.broken(
                    "log.leaf", what, voting_id=voting_id, position=line.position, told=leaf, due=due
                )
        if root != head.root and is_sound and self._since.head.size:
            what = "all that was appended is as told, and yet the tree head is another: the log of before is"
            self.notes.broken("log.prefix", what, before=self._since.head.root)

    def _check_answers(self, ask: Ask, expected: Iterator[Expected]) -> None:
        due = [*expected]
        answers = ask([each.question for each in due])
        for each, answer in zip(due, answers, strict=True):
            self.notes.checked["answers of the contracts"] += 1
            fits = each.answer == answer
            if isinstance(each.answer, Stands):
                fits = answer is not None and each.answer.fits(answer)
            if not fits:
                told, due_ = _text(answer), _text(each.answer)
                self.notes.broken(each.rule, each.what, voting_id=each.voting_id, told=told, due=due_)

    # What is told

    def _workers(self, now: int) -> Iterator[WorkerLine]:
        for index, seat in sorted(self._members.seats.items()):
            account = self._ledger.accounts.get(index, Account())
            yield WorkerLine(
                index=index,
                operator=seat.operator,
                key=seat.key,
                role=seat.role,
                agreed=self._parts[index, Part.AGREED],
                outvoted=self._parts[index, Part.OUTVOTED],
                missing=self._parts[index, Part.MISSING],
                claimed=account.claimed,
                paid=account.paid,
                unclaimed=self._ledger.unclaimed(index, now),
            )

    def _open(self, voting_id: bytes, voting: Voting) -> OpenVoting:
        followed = self._votings.followed[voting_id]
        since, until = _span(voting)
        attempt = voting.current.number if voting.attempts else 0
        about = (voting_id, followed.workflow_id, followed.trigger_id)
        return OpenVoting(*about, voting.state, attempt, since, until)


def _span(voting: Voting) -> tuple[int, int]:
    """Since when a voting is in its state, and when time ends that, 0 for never."""
    match voting.state:
        case State.CASTING:
            return voting.current.opened, voting.current.cast_end
        case State.REVEALING:
            return voting.current.cast_end, voting.current.end
        case State.CONSENSUS if voting.recorded is not None:
            return voting.recorded.time, voting.current.end
    return voting.ended, voting.stalls


def _sample(records: Sequence[RecordLine], root: bytes) -> list[RecordLine]:
    """Some of the records, picked by the tree head: nobody can know before it stands which."""
    picked = sorted(range(len(records)), key=lambda number: sha256(root + number.to_bytes(8, "big")).digest())
    return [records[number] for number in sorted(picked[:SAMPLE])]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return "no answer" if value is None else str(value)
