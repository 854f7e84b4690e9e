"""Every voting folded by the protocol's own rules, and what the contract told held against it (section 6).

Of each transaction the facts are applied in their order; what follows from them, and what time did before,
must be told in the same transaction, neither more nor less. Where a fact breaks the rules nothing after it
in that voting can be judged: it is followed no further than to its record.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from eth_utils.crypto import keccak

from worknet.audit import told
from worknet.audit.acts import check_act
from worknet.audit.ballots import Ballots
from worknet.audit.facts import Expected, Happening, Place, Question
from worknet.audit.members import Members
from worknet.audit.notes import Notes
from worknet.audit.openings import check_opening, check_reopening
from worknet.audit.policies import Policies
from worknet.audit.recording import Followed, Recording, closed_voting
from worknet.audit.refusals import rule_of
from worknet.audit.slots import SlotBook
from worknet.audit.stands import Stands, ballots_of
from worknet.chain import events
from worknet.protocol import voting as facts
from worknet.protocol.earnings import ClosedVoting
from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import voting_id as id_of
from worknet.protocol.voting import Voting
from worknet.protocol.voting_rules import apply
from worknet.protocol.voting_time import at
from worknet.protocol.words import MAX_WORKERS, How

_NO_BATCH = "items were passed over, and no item of a batch was taken"


@dataclass
class _Running:
    """A voting in one transaction: what is still to be told, and what waits for what follows."""

    due: list[told.Told] = field(default_factory=list)
    skipped: dict[int, str] = field(default_factory=dict)
    report: Happening | None = None
    last: Happening | None = None


class Votings:
    """The votings of a network. `followed` are those that are not over, by their ids."""

    def __init__(
        self,
        place: Place,
        members: Members,
        policies: Policies,
        slots: SlotBook,
        recording: Recording,
        followed: dict[bytes, Followed],
        notes: Notes,
    ) -> None:
        self.followed = followed
        self._place, self._members, self._policies = place, members, policies
        self._slots, self._recording, self._notes = slots, recording, notes
        self._ballots = Ballots(place, members, notes, self._about)
        self._running: dict[bytes, _Running] = {}
        self._transaction = b""
        self._failed: dict[tuple[bytes, int], Followed] = {}

    def take(self, happening: Happening, voting_id: bytes) -> None:
        """Adds an event of a voting; events must come in the order of the chain."""
        if happening.transaction != self._transaction:
            self.flush()
            self._transaction = happening.transaction
        followed = self.followed.get(voting_id) or self._begun(happening)
        if followed is None:
            if isinstance(happening.event, events.Recorded):
                self._recording.unknown(happening, happening.event)
            return
        running = self._running.get(voting_id)
        if running is None:
            running = self._running[voting_id] = _Running()
            if not followed.is_broken:
                before, followed.voting = followed.voting, at(self._current(followed), happening.time)
                running.due = told.of_time(voting_id, before, followed.voting)
        running.last = happening
        self._add(happening, voting_id, followed, running)

    def _add(self, happening: Happening, voting_id: bytes, followed: Followed, running: _Running) -> None:
        match happening.event:
            case events.Recorded() as event:
                self._recorded(happening, event, followed, running)
            case events.Closed():
                self._closed(happening, voting_id, followed, running)
            case _ if followed.is_broken:
                pass
            case events.Failed() | events.Settling() | events.Unresolved() as event:
                self._ended(happening, event, followed, running)
            case events.Skipped() as event:
                if not max(running.skipped, default=-1) < event.worker < MAX_WORKERS:
                    what = "items of a batch are passed over out of their order"
                    self._notes.broken("ballot.skipped", what, happening, worker=event.worker)
                else:
                    running.skipped[event.worker] = event.rule
            case events.Reported() as event:
                self._leave_out(voting_id, running)
                self._check_place(happening, followed.voting, event.place.policy_version)
                running.report = happening
            case _:
                self._leave_out(voting_id, running)
                for fact in self._facts(happening, followed, running):
                    self._apply(happening, voting_id, followed, running, fact)

    def flush(self) -> None:
        """Ends the transaction that is looked at: what it still had to tell, it left out."""
        for voting_id, running in self._running.items():
            self._leave_out(voting_id, running)
            if running.skipped:
                self._notes.broken("ballot.skipped", _NO_BATCH, running.last, voting_id=voting_id)
        self._running.clear()

    def closed_at(self, voting_id: bytes, time: int) -> ClosedVoting | None:
        """A recorded voting that time has closed by then, and whose closing is not booked."""
        followed = self.followed.get(voting_id)
        if followed is None or followed.is_broken or followed.record is None:
            return None
        voting = at(self._current(followed), time)
        return closed_voting(followed.record, voting) if voting.closed else None

    def expected(self, now: int) -> Iterator[Expected]:
        """What the contract must answer in a block of that time: about the votings that are not over,
        about slots that never opened, and about ballots of attempts that failed, of which no record tells.
        """
        for (voting_id, number), followed in self._failed.items():
            attempt = followed.voting.attempt(number)
            if attempt is not None:
                due, more = ballots_of(voting_id, attempt, followed.voting)
                yield from due
                self._notes.leave_out("pairs of other attempts, too many to ask the contract for", more)
        yield from self._unopened()
        for voting_id, followed in self.followed.items():
            if not followed.is_broken:
                stands = Stands.of(at(self._current(followed), now))
                question = Question("WorkerNetwork", "voting", (followed.workflow_id, followed.trigger_id))
                what = "the contract has the voting in another state"
                yield Expected(question, stands, "voting.answers", what, voting_id)

    def _unopened(self) -> Iterator[Expected]:
        """That the contract has no voting about slots of which no event tells one."""
        about = {(each.workflow_id, each.trigger_id) for each in self.followed.values()}
        for workflow_id, newest, more in self._slots.unopened(about):
            self._notes.checked["slots that never opened, asked of the contract"] += len(newest)
            self._notes.leave_out("slots that never opened, too many to ask the contract for", more)
            nothing = Stands.of(Voting(self._policies.of(workflow_id)))
            for slot in newest:
                question = Question("WorkerNetwork", "voting", (workflow_id, slot.trigger_id))
                what = "the contract has a voting about a slot that never opened, as the events tell"
                yield Expected(
                    question, nothing, "voting.answers", what, self._id(workflow_id, slot.trigger_id)
                )

    def _id(self, workflow_id: bytes, trigger_id: bytes) -> bytes:
        return id_of(self._place.chain_id, self._place.contract, workflow_id, trigger_id, _keccak)

    def at(self, voting_id: bytes, now: int) -> Voting:
        """A followed voting as it stands then."""
        return at(self._current(self.followed[voting_id]), now)

    # How a voting is known

    def _begun(self, happening: Happening) -> Followed | None:
        """A voting that begins with this event; None where it cannot."""
        match happening.event:
            case events.Opened(attempt=1) | events.Reopened() as event:
                if self._slots.is_over(event.voting_id, event.workflow_id, event.trigger_id):
                    self._notes.broken("record.once", "a voting opens again that is over", happening)
                    return None
                due = self._id(event.workflow_id, event.trigger_id)
                self._notes.differs(
                    "voting.id", "the id is not that of workflow and trigger", happening, event.voting_id, due
                )
                self._notes.checked["votings"] += 1
                found = Followed(
                    event.workflow_id, event.trigger_id, Voting(self._policies.of(event.workflow_id))
                )
                self.followed[event.voting_id] = found
                return found
        what = f"{type(happening.event).__name__} is told of a voting that is not open"
        self._notes.broken("voting.open", what, happening)
        return None

    def _about(self, voting_id: bytes) -> tuple[bytes, bytes]:
        """Workflow and trigger id of a followed voting."""
        followed = self.followed[voting_id]
        return followed.workflow_id, followed.trigger_id

    def _current(self, followed: Followed) -> Voting:
        """The voting with the policies that its workflow has by now."""
        policies = self._policies.of(followed.workflow_id)
        voting = followed.voting
        return voting if len(voting.policies) == len(policies) else replace(voting, policies=policies)

    # What follows from facts

    def _ended(
        self,
        happening: Happening,
        event: events.Failed | events.Settling | events.Unresolved,
        followed: Followed,
        running: _Running,
    ) -> None:
        self._notes.checked["ends of attempts"] += 1
        kind = type(event).__name__
        due = running.due[0] if running.due else None
        if type(due) is not type(event):
            what = f"{kind} is told, and by the rules nothing has ended so"
            self._notes.broken("attempt.end", what, happening, told=repr(event))
            return
        del running.due[0]
        if isinstance(event, events.Failed) and followed.voting.attempts:
            self._failed[event.voting_id, followed.voting.current.number] = followed
        if due != event:
            what = f"{kind} is told otherwise than the rules compute it"
            self._notes.broken("attempt.end", what, happening, told=repr(event), due=repr(due))

    def _recorded(
        self, happening: Happening, event: events.Recorded, followed: Followed, running: _Running
    ) -> None:
        if followed.record is not None:
            self._notes.broken(
                "record.once", "a voting is recorded again", happening, position=event.position
            )
            followed.is_broken = True
        elif not followed.is_broken:
            self._expect_record(happening, event, followed, running)
        if not followed.is_broken:
            due = running.due[0] if running.due else None
            if isinstance(due, events.Recorded):
                del running.due[0]
                self._recording.compare(happening, event, due)
            else:
                what = "a record is told that the rules do not make"
                self._notes.broken("record.consensus", what, happening, position=event.position)
                followed.is_broken = True
        self._recording.append(happening, event, followed)

    def _expect_record(
        self, happening: Happening, event: events.Recorded, followed: Followed, running: _Running
    ) -> None:
        """Applies the fact that a record itself tells: of a report, or of a plurality that is settled."""
        brought, running.report = running.report, None
        if brought is not None and isinstance(report := brought.event, events.Reported):
            self._ballots.reported(brought, report, event.pair)
            sets = (report.participants, report.voters, report.signers)
            fact = facts.Reported(brought.time, report.place.attempt, event.pair, *sets)
            self._apply(happening, event.voting_id, followed, running, fact)
        elif event.how is How.PLURALITY and not any(
            isinstance(each, events.Recorded) for each in running.due
        ):
            self._leave_out(event.voting_id, running)
            settled = facts.Settled(happening.time, event.pair)
            self._apply(happening, event.voting_id, followed, running, settled)
            recorded = followed.voting.recorded
            if not followed.is_broken and recorded is not None:
                made = (recorded.attempt, recorded.pair, recorded.voters, recorded.how)
                running.due.insert(0, events.Recorded(event.voting_id, -1, *made))

    def _closed(self, happening: Happening, voting_id: bytes, followed: Followed, running: _Running) -> None:
        if not followed.is_broken:
            if running.due and isinstance(running.due[-1], events.Closed):
                del running.due[-1]
            elif followed.record is not None and not followed.voting.closed:
                what = "a voting is closed while ballots may still come"
                self._notes.broken("closing.time", what, happening, end=followed.voting.current.end)
            self._leave_out(voting_id, running)
        if followed.record is None:
            self._notes.broken("closing.time", "a voting is closed that has no record", happening)
            return
        self._recording.close(happening, followed)
        del self.followed[voting_id]

    def _leave_out(self, voting_id: bytes, running: _Running) -> None:
        """Notes what should have been told by now and was not."""
        for due in running.due:
            what = f"{type(due).__name__} is due and was not told"
            self._notes.broken(told.RULES[type(due)], what, running.last, voting_id=voting_id)
        if running.report is not None:
            what = "a report is told without its record"
            self._notes.broken("record.consensus", what, running.last, voting_id=voting_id)
        running.due, running.report = [], None

    # Facts

    def _facts(self, happening: Happening, followed: Followed, running: _Running) -> list[facts.Fact]:
        """The facts that an event tells on its own, its transaction checked."""
        time, voting = happening.time, followed.voting
        skipped, running.skipped = running.skipped, {}
        is_batch = isinstance(happening.event, events.Opened | events.SealsBrought | events.Revealed)
        if skipped and not is_batch:
            self._notes.broken("ballot.skipped", _NO_BATCH, happening)
        match happening.event:
            case events.Opened() as event:
                followed.voting = voting = self._current(followed)
                self._check_about(happening, event, followed)
                check_opening(happening, event, voting, self._members, self._policies, self._notes)
                # A new attempt may bring pairs for which nobody asked when those before failed.
                self._failed |= {(event.voting_id, each.number): followed for each in voting.attempts}
                frozen = (event.members, event.n, event.needed, self._members.standbys)
                # Items of the batch that opens an attempt were passed over after it had opened.
                running.skipped = skipped
                return [facts.Opened(time, event.attempt, event.policy_version, *frozen)]
            case events.Reopened() as event:
                followed.voting = voting = self._current(followed)
                self._check_about(happening, event, followed)
                check_reopening(happening, event, voting, self._policies, self._notes)
                check_act(happening, self._place, self._members.owner, self._notes)
                return [facts.Reopened(time, event.attempt, event.until)]
            case events.Cast(place=place) as event:
                self._check_place(happening, voting, place.policy_version)
                self._ballots.cast(happening, event)
                return [facts.Cast(time, place.attempt, place.worker, event.pair)]
            case events.Sealed(place=place) as event:
                self._check_place(happening, voting, place.policy_version)
                self._ballots.sealed(happening, event, voting)
                return [facts.Sealed(time, place.attempt, place.worker, event.seal)]
            case events.SealsBrought(place=place) as event:
                self._check_place(happening, voting, place.policy_version)
                self._ballots.brought(happening, event, voting, skipped)
                each = event.by_worker.items()
                return [facts.Sealed(time, place.attempt, worker, stored) for worker, stored in each]
            case events.Revealed(place=place) as event:
                self._check_place(happening, voting, place.policy_version)
                self._ballots.revealed(happening, event, voting, skipped)
                return [facts.Revealed(time, place.attempt, event.pair, event.workers)]
        return []

    def _apply(
        self, happening: Happening, voting_id: bytes, followed: Followed, running: _Running, fact: facts.Fact
    ) -> None:
        if followed.is_broken:
            return
        before = followed.voting
        try:
            followed.voting = apply(before, fact)
        except ProtocolError as error:
            what = f"what is told breaks the rules: {error}"
            self._notes.broken(rule_of(fact, error), what, happening, voting_id=voting_id)
            followed.is_broken, running.due = True, []
            return
        running.due += told.of_fact(voting_id, before, followed.voting, fact)

    def _check_about(
        self, happening: Happening, event: events.Opened | events.Reopened, followed: Followed
    ) -> None:
        if (event.workflow_id, event.trigger_id) != (followed.workflow_id, followed.trigger_id):
            self._notes.broken("voting.id", "an attempt is of another workflow or trigger", happening)

    def _check_place(self, happening: Happening, voting: Voting, version: int) -> None:
        if voting.attempts:
            due = voting.current.policy_version
            what = "a ballot names another policy version than its attempt has"
            self._notes.differs("ballot.place", what, happening, version, due)


def _keccak(data: bytes) -> bytes:
    return bytes(keccak(data))
