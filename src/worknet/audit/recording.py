"""Records and closings: the words of each record, its leaf in the log, what becomes of a closed voting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from worknet.audit.facts import Happening, Place, bitmap_of
from worknet.audit.lines import RecordLine
from worknet.audit.log import Log
from worknet.audit.notes import Notes
from worknet.audit.policies import Policies
from worknet.audit.slots import SlotBook
from worknet.chain import events
from worknet.protocol.ballots import Pair
from worknet.protocol.earnings import ClosedVoting
from worknet.protocol.records import Record
from worknet.protocol.voting import Voting

OnClosing = Callable[[Happening, ClosedVoting, Voting], None]
"""What is to be done when the closing of a voting is booked."""

_UNKNOWN_LEAF = bytes(32)


@dataclass
class Followed:
    """A voting that is not over, as the events tell it; `record` once it has one.

    `is_broken`: a fact broke the rules, and nothing since can be judged.
    """

    workflow_id: bytes
    trigger_id: bytes
    voting: Voting
    record: Record | None = None
    is_broken: bool = False


class Recording:
    """Appends records to the log as they are told, and keeps a line for each."""

    def __init__(
        self,
        place: Place,
        policies: Policies,
        slots: SlotBook,
        log: Log,
        notes: Notes,
        on_closing: OnClosing,
    ) -> None:
        self._lines: dict[int, RecordLine] = {}
        self._numbers: dict[bytes, int] = {}
        self._place, self._policies, self._slots = place, policies, slots
        self._log, self._notes, self._on_closing = log, notes, on_closing

    def unknown(self, happening: Happening, event: events.Recorded) -> None:
        """A record of a voting of which nothing is known: its leaf cannot be computed."""
        self._log.append(happening, event.position, _UNKNOWN_LEAF, self._notes)

    def compare(self, happening: Happening, event: events.Recorded, due: events.Recorded) -> None:
        """Holds what is told of a record against what is due."""
        self._notes.checked["records"] += 1
        for rule, told, right in (
            ("record.attempt", event.attempt, due.attempt),
            ("record.pair", event.pair, due.pair),
            ("record.voters", event.voters, due.voters),
            ("record.how", event.how, due.how),
        ):
            if told != right:
                what = f"the {rule.partition('.')[2]} of a record is not what the ballots make it"
                self._notes.broken(
                    rule, what, happening, position=event.position, told=_text(told), due=_text(right)
                )

    def append(self, happening: Happening, event: events.Recorded, followed: Followed) -> None:
        """Adds the leaf of the words that the events give."""
        attempt = followed.voting.attempt(event.attempt)
        policy = None
        if attempt is not None:
            policy = self._policies.line(followed.workflow_id, attempt.policy_version)
        if attempt is None or policy is None:
            what = "a record is of an attempt that never opened"
            self._notes.broken("record.attempt", what, happening, position=event.position)
            self.unknown(happening, event)
            return
        record = Record(
            chain_id=self._place.chain_id,
            contract=self._place.contract,
            workflow_id=followed.workflow_id,
            voting_id=event.voting_id,
            trigger_id=followed.trigger_id,
            attempt=event.attempt,
            policy_hash=policy.policy_hash,
            input_root=event.pair.input_root,
            result_root=event.pair.result_root,
            members=attempt.members,
            n=attempt.n,
            needed=attempt.needed,
            voters=event.voters,
            how=event.how,
            time=happening.time,
        )
        self._log.append(happening, event.position, record.leaf_hash(), self._notes)
        if followed.record is None:
            followed.record = record
        number = self._numbers[event.voting_id] = len(self._lines)
        self._lines[number] = _as_it_stands(
            RecordLine(event.position, happening.block, record, attempt.policy_version, 0, 0, False),
            followed.voting,
        )
        self._slots.recorded(event.voting_id, followed.workflow_id, followed.trigger_id)

    def close(self, happening: Happening, followed: Followed) -> None:
        """The closing of a recorded voting is booked."""
        record = followed.record
        if record is None:
            return
        self._notes.checked["closings"] += 1
        number = self._numbers.get(record.voting_id)
        if number is not None:
            line = _as_it_stands(self._lines[number], followed.voting)
            self._lines[number] = replace(line, is_closed=True)
        closed = None if followed.is_broken else closed_voting(record, followed.voting)
        if closed is not None:
            self._on_closing(happening, closed, followed.voting)

    def lines(self, followed: Mapping[bytes, Followed]) -> tuple[RecordLine, ...]:
        """The records that were appended, as they stand now; `followed` are the votings that are not over."""
        found = []
        for line in self._lines.values():
            still = followed.get(line.record.voting_id)
            found.append(line if still is None else _as_it_stands(line, still.voting))
        return tuple(found)


def closed_voting(record: Record, voting: Voting) -> ClosedVoting | None:
    """A closed voting with what its rewards depend on, its record as the rules make it."""
    made = voting.recorded
    if made is None:
        return None
    words = replace(
        record,
        attempt=made.attempt,
        members=voting.current.members,
        n=voting.current.n,
        needed=voting.current.needed,
        input_root=made.pair.input_root,
        result_root=made.pair.result_root,
        voters=made.voters,
        how=made.how,
    )
    seals = {worker: sealed.seal for worker, sealed in voting.current.seals.items()}
    return ClosedVoting(words, voting.policy, voting.accurate, seals)


def _as_it_stands(line: RecordLine, voting: Voting) -> RecordLine:
    """The line with the ballots that were counted so far."""
    if voting.recorded is None:
        return replace(line, voters=line.record.voters, counted=line.record.voters)
    counted = bitmap_of([*voting.current.ballots]) | voting.current.participants
    return replace(line, voters=voting.accurate, counted=counted | voting.accurate)


def _text(value: Pair | int) -> str:
    if isinstance(value, Pair):
        return f"0x{value.input_root.hex()}, 0x{value.result_root.hex()}"
    return f"{value:#x}"
