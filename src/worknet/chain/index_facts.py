"""What the index tells, as values: policies, votings, records, and the protocol's facts.

Made from stored logs alone; nothing here asks the chain or writes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worknet.chain import events
from worknet.chain.errors import IndexMismatchError
from worknet.chain.index_members import Moment
from worknet.chain.index_store import IndexStore, RecordRow, StoredLog
from worknet.protocol import voting
from worknet.protocol.ids import Trigger, trigger_of
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.words import How

KINDS = ("PolicyAnnounced",)
"""The events that policies are made of."""


@dataclass(frozen=True)
class IndexedPolicy:
    """An announced policy version, with the block that announced it and its time."""

    workflow_id: bytes
    version: int
    policy: Policy
    policy_hash: bytes
    block: int
    time: int


@dataclass(frozen=True)
class IndexedVoting:
    """A voting as a list has it: what it is about, its facts folded, its record's position if any.

    `first_block` is where it first opened, or was reopened without having opened before.
    """

    voting_id: bytes
    workflow_id: bytes
    trigger_id: bytes
    first_block: int
    voting: voting.Voting
    position: int | None

    @property
    def trigger(self) -> Trigger:
        """What started it: `every` never changes in a workflow's life, so any version tells."""
        return trigger_of(self.trigger_id, next(iter(self.voting.policies.values())).every)


@dataclass(frozen=True)
class IndexedRecord:
    """A record with its position in the log, its leaf data and the moment of its event."""

    position: int
    record: Record
    leaf: bytes
    moment: Moment

    @property
    def block(self) -> int:
        """The block of the record."""
        return self.moment[0]


def policies(store: IndexStore) -> list[IndexedPolicy]:
    """All policy versions of all workflows, in the order of their announcement."""
    found = []
    for stored in store.logs_of_kinds(KINDS):
        event = events.read(stored.log)
        if isinstance(event, events.PolicyAnnounced):
            found.append(
                IndexedPolicy(
                    event.workflow_id,
                    event.version,
                    event.policy,
                    event.policy_hash,
                    stored.log.block,
                    stored.time,
                )
            )
    return found


def record(row: RecordRow) -> IndexedRecord:
    """A stored record, its leaf read."""
    return IndexedRecord(row.position, Record.parse(row.leaf), row.leaf, (row.block, row.log))


def ballot_moments(logs: Sequence[StoredLog], attempt: int) -> dict[int, Moment]:
    """When each worker's ballot, open or sealed, came in an attempt of the voting with these logs.

    A ballot of which only a report tells came with the report: one that it counts, and that was never
    opened on chain.
    """
    found: dict[int, Moment] = {}
    counted, reported = 0, 0
    report: Moment = (0, 0)
    for stored in logs:
        event = events.read(stored.log)
        moment = (stored.log.block, stored.log.index)
        match event:
            case events.Cast(place=place) if place.attempt == attempt:
                found[place.worker] = moment
                counted |= 1 << place.worker
            case events.Sealed(place=place) if place.attempt == attempt:
                found[place.worker] = moment
            case events.SealsBrought(place=place) if place.attempt == attempt:
                found.update(dict.fromkeys(event.by_worker, moment))
            case events.Revealed(place=place) if place.attempt == attempt:
                counted |= event.workers
            case events.Reported(place=place) if place.attempt == attempt:
                reported, report = event.voters, moment
    only_reported = reported & ~counted
    indices = (index for index in range(only_reported.bit_length()) if only_reported >> index & 1)
    return found | dict.fromkeys(indices, report)


def facts(logs: Sequence[StoredLog], standbys: Callable[[Moment], int]) -> list[voting.Fact]:
    """The facts that the logs of one voting tell, in their order; `standbys` tells who was one at a moment.

    Raises IndexMismatchError for a report without its record or a record without its report.
    """
    found: list[voting.Fact] = []
    report: events.Reported | None = None
    for stored in logs:
        event = events.read(stored.log)
        if isinstance(event, events.Reported):
            report = event
        elif isinstance(event, events.Recorded) and (event.how is How.REPORT or report is not None):
            found.append(_reported(stored, event, report))
            report = None
        else:
            found += _facts(stored, event, standbys)
    if report is not None:
        raise _unpaired(report.voting_id)
    return found


def _facts(
    stored: StoredLog, event: events.Event | None, standbys: Callable[[Moment], int]
) -> list[voting.Fact]:
    """The facts that a log tells on its own, none where it tells what follows from facts."""
    time = stored.time
    match event:
        case events.Opened():
            return [
                voting.Opened(
                    time=time,
                    attempt=event.attempt,
                    policy_version=event.policy_version,
                    members=event.members,
                    n=event.n,
                    needed=event.needed,
                    standbys=standbys((stored.log.block, stored.log.index)),
                )
            ]
        case events.Cast(place=place):
            return [voting.Cast(time, place.attempt, place.worker, event.pair)]
        case events.Sealed(place=place):
            return [voting.Sealed(time, place.attempt, place.worker, event.seal)]
        case events.SealsBrought(place=place):
            return [
                voting.Sealed(time, place.attempt, worker, seal) for worker, seal in event.by_worker.items()
            ]
        case events.Revealed(place=place):
            return [voting.Revealed(time, place.attempt, event.pair, event.workers)]
        case events.Recorded(how=How.PLURALITY):
            return [voting.Settled(time, event.pair)]
        case events.Reopened():
            return [voting.Reopened(time, event.attempt, event.until)]
    return []


def _reported(
    stored: StoredLog, recorded: events.Recorded, report: events.Reported | None
) -> voting.Reported:
    """A report and its record, of which only the latter has the pair."""
    if report is None or recorded.how is not How.REPORT:
        raise _unpaired(recorded.voting_id)
    return voting.Reported(
        time=stored.time,
        attempt=report.place.attempt,
        pair=recorded.pair,
        participants=report.participants,
        voters=report.voters,
        signers=report.signers,
    )


def _unpaired(voting_id: bytes) -> IndexMismatchError:
    return IndexMismatchError(
        f"of voting 0x{voting_id.hex()} the events have a report without its record, or the other way round",
        hint="the RPC leaves out or alters events: compare with another one",
    )
