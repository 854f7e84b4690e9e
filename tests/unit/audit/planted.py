"""The corpus of planted faults about votings: each an edit of the life, and the rule that it breaks."""

from dataclasses import dataclass, replace
from typing import Any

from tests.unit.audit.life import (
    EVENTS,
    EVERY,
    FIRST_SLOT,
    OPEN,
    OTHER,
    PAIR,
    THIRD,
    About,
    key,
    lived,
    slot,
)
from tests.unit.audit.planting import (
    Edit,
    again,
    alter,
    at_time,
    both,
    call,
    double,
    drop,
    insert,
    of,
    sent_by,
)

from worknet.audit.facts import Malformed
from worknet.chain import events
from worknet.protocol.ballots import Place
from worknet.protocol.ids import Slot
from worknet.protocol.words import How


@dataclass(frozen=True)
class Fault:
    """A fault by its name, the rule that it breaks, and the edit that plants it."""

    name: str
    rule: str
    edit: Edit


EVENT = About(EVENTS, b"\xee" * 32, 2)
FAILOVER, PLURALITY, RETRIED, REMOVAL = slot(4), slot(5), slot(3), slot(9)
TARIFF = [slot(number, OPEN) for number in range(5)]


def _id(about: About) -> bytes:
    return lived().voting_id(about)


def _recorded(about: About, how: How = How.QUORUM, voters: int = 0b111) -> events.Recorded:
    return events.Recorded(_id(about), 3, 1, PAIR, voters, how)


def _place(**changes: int) -> Any:
    return lambda place: Place(**{**vars(place), **changes})


def _other_seal(stored: bytes) -> bytes:
    return bytes([stored[0] ^ 1]) + stored[1:]


def _more_time(stored: bytes) -> bytes:
    return stored[:-1] + bytes([stored[-1] ^ 1])


def _forge(values: list[Any]) -> None:
    """Another s under the first signature of a batch or report."""
    first, *rest = values[-1]
    values[-1] = [(*first[:-1], bytes([first[-1][0] ^ 1]) + first[-1][1:]), *rest]


def _other_salt(values: list[Any]) -> None:
    values[6] = [b"\x66" * 32, *values[6][1:]]


def log_faults() -> list[Fault]:
    """Faults of the log and of records."""
    first = of(events.Recorded, slot(0))
    return [
        Fault("a position is passed over", "log.position", alter(first, position=2)),
        Fault("a position is told twice", "log.position", alter(of(events.Recorded, slot(1)), position=1)),
        Fault("a record is left out", "record.consensus", drop(of(events.Recorded, slot(7)))),
        Fault("a record is left out of the tree", "log.root", drop(of(events.Recorded, slot(0)))),
        Fault("a leaf too few", "log.size", drop(of(events.Recorded, slot(1)))),
        Fault("a voting is recorded twice at once", "record.once", double(of(events.Recorded, slot(1)))),
        Fault(
            "a voting is recorded after its closing", "voting.open", again(first, of(events.Closed, slot(0)))
        ),
        Fault(
            "a recorded slot opens again",
            "record.once",
            again(of(events.Opened, slot(0)), of(events.Closed, slot(1))),
        ),
        Fault(
            "a recorded event opens again",
            "record.once",
            again(of(events.Opened, EVENT), of(events.Closed, EVENT)),
        ),
        Fault(
            "a record before any ballot",
            "record.consensus",
            insert(_recorded(slot(2)), of(events.Sealed, slot(2))),
        ),
        Fault(
            "a record of too few ballots",
            "record.consensus",
            insert(_recorded(slot(48), voters=1), of(events.Sealed, slot(48))),
        ),
        Fault(
            "a record is of another attempt", "record.attempt", alter(of(events.Recorded, RETRIED), attempt=1)
        ),
        Fault("a record is of an attempt that never was", "record.attempt", alter(first, attempt=3)),
        Fault("a record has another pair", "record.pair", alter(first, pair=OTHER)),
        Fault(
            "a plurality for a pair that does not lead",
            "record.pair",
            alter(of(events.Recorded, PLURALITY), pair=THIRD),
        ),
        Fault(
            "a record has a voter more", "record.voters", alter(of(events.Recorded, slot(1)), voters=0b111)
        ),
        Fault("a record has a voter less", "record.voters", alter(first, voters=0b011)),
        Fault(
            "a plurality that claims to be a quorum",
            "record.consensus",
            alter(of(events.Recorded, PLURALITY), how=How.QUORUM),
        ),
        Fault("a quorum that claims to be a report", "record.how", alter(first, how=How.REPORT)),
        Fault(
            "a report that claims to be a quorum",
            "record.how",
            alter(of(events.Recorded, slot(7)), how=How.QUORUM),
        ),
        Fault(
            "a plurality while it is casting",
            "record.consensus",
            insert(_recorded(slot(48), How.PLURALITY, 1), of(events.Sealed, slot(48))),
        ),
        Fault("a report without its record", "record.consensus", drop(of(events.Recorded, slot(6)))),
        Fault("a record without its report", "record.consensus", drop(of(events.Reported, slot(6)))),
        Fault(
            "a second log is continued",
            "log.moved",
            insert(events.Moved(1, b"\x77" * 20, 3, b"\x01" * 32), of(events.Closed, slot(0))),
        ),
        Fault("the leaf of the old log is left out", "log.root", drop(of(events.Moved))),
        Fault("the old log had another root", "log.root", alter(of(events.Moved), root=b"\x01" * 32)),
        Fault("a closing is left out", "closing.time", drop(of(events.Closed, slot(0)))),
        Fault(
            "a closing before the ballots are final",
            "closing.time",
            insert(events.Closed(_id(slot(2))), of(events.Recorded, slot(2))),
        ),
        Fault(
            "a closing without a record",
            "closing.time",
            insert(events.Closed(_id(slot(48))), of(events.Sealed, slot(48))),
        ),
        Fault("a closing is told twice", "voting.open", double(of(events.Closed, slot(0)))),
        Fault(
            "an event that no contract can tell",
            "event.form",
            lambda facts: facts.insert(30, alter_event(facts[29])),
        ),
    ]


def alter_event(happening: Any) -> Any:
    """A happening that nothing is read of."""
    return replace(happening, event=Malformed("an event that the contract does not have"))


def ballot_faults() -> list[Fault]:
    """Faults of ballots, seals, reveals and reports."""
    seal, cast = of(events.Sealed, slot(0), 1), of(events.Cast, TARIFF[0], 1)
    brought, revealed = of(events.SealsBrought, RETRIED), of(events.Revealed, slot(0))
    report = of(events.Reported, slot(7))
    return [
        Fault("a standby seals", "ballot.member", alter(seal, place=_place(worker=3))),
        Fault("a standby casts", "ballot.member", alter(cast, place=_place(worker=3))),
        Fault(
            "a removed worker seals in attempt 2",
            "ballot.member",
            alter(of(events.SealsBrought, REMOVAL), workers=0b101),
        ),
        Fault("a worker seals twice", "ballot.once", double(seal)),
        Fault("a worker casts twice", "ballot.once", double(cast)),
        Fault("a worker's seal is brought a second time", "ballot.once", again(brought, brought)),
        Fault("a seal after the cast window", "ballot.time", at_time(of(events.Sealed, slot(9), 1), 400)),
        Fault(
            "a seal while revealing",
            "ballot.time",
            both(
                drop(of(events.Sealed, slot(2), 2)),
                again(of(events.Sealed, slot(2), 1), of(events.Failed, RETRIED)),
            ),
        ),
        Fault("a ballot after the window", "ballot.time", at_time(of(events.Cast, TARIFF[0], 2), 400)),
        Fault(
            "a reveal before all have sealed",
            "ballot.time",
            both(drop(of(events.Sealed, slot(0), 2)), drop(of(events.Recorded, slot(0)))),
        ),
        Fault("a reveal after the window", "ballot.time", at_time(of(events.Revealed, slot(1), 1), 400)),
        Fault(
            "an open ballot among sealed ones",
            "ballot.kind",
            insert(events.Cast(_id(slot(0)), Place(1, 1, 1), PAIR), of(events.Sealed, slot(0)), cast),
        ),
        Fault(
            "a seal among open ballots",
            "ballot.kind",
            insert(
                events.Sealed(_id(TARIFF[0]), Place(1, 1, 1), b"\x01" * 32), of(events.Cast, TARIFF[0]), seal
            ),
        ),
        Fault(
            "a reveal among open ballots",
            "ballot.kind",
            insert(
                events.Revealed(_id(TARIFF[0]), Place(1, 1), PAIR, 2), of(events.Cast, TARIFF[0]), revealed
            ),
        ),
        Fault(
            "a seal for another policy version", "ballot.place", alter(seal, place=_place(policy_version=2))
        ),
        Fault("a seal for another attempt", "ballot.place", alter(seal, place=_place(attempt=2))),
        Fault("a report for another attempt", "ballot.place", alter(report, place=_place(attempt=2))),
        Fault("a ballot is counted for another pair", "ballot.call", alter(cast, pair=OTHER)),
        Fault("a seal is counted for another worker", "ballot.call", alter(seal, place=_place(worker=2))),
        Fault("a reveal counts for another pair", "ballot.call", alter(revealed, pair=OTHER)),
        Fault(
            "a reveal counts a worker that it did not bring",
            "ballot.call",
            alter(of(events.Revealed, slot(2)), workers=0b111),
        ),
        Fault(
            "a report has another participant than was signed",
            "ballot.call",
            alter(report, participants=0b101),
        ),
        Fault(
            "a seal that came with a cast",
            "ballot.call",
            lambda facts: facts.__setitem__(seal(facts), _with_call(facts[seal(facts)], facts[cast(facts)])),
        ),
        Fault("a ballot of another key", "ballot.key", sent_by(cast, key(3).address)),
        Fault("a seal of another key", "ballot.key", sent_by(seal, b"\x01" * 20)),
        Fault(
            "a seal of a key that was rotated away",
            "ballot.key",
            sent_by(of(events.Sealed, slot(3), 1), key(2).address),
        ),
        Fault("a seal is brought that another signed", "ballot.key", call(brought, _forge)),
        Fault("a seal is stored otherwise", "ballot.seal", alter(seal, seal=_other_seal)),
        Fault("a seal is stored with another time", "ballot.seal", alter(seal, seal=_more_time)),
        Fault(
            "a brought seal is stored otherwise",
            "ballot.seal",
            alter(brought, seals=lambda seals: (_other_seal(seals[0]), *seals[1:])),
        ),
        Fault(
            "a brought seal is stored with another time",
            "ballot.seal",
            alter(brought, seals=lambda seals: (_more_time(seals[0]), *seals[1:])),
        ),
        Fault(
            "a seal is opened that never was",
            "ballot.opens",
            both(drop(of(events.Sealed, slot(1), 1)), at_time(of(events.Revealed, slot(1)), 301)),
        ),
        Fault("a seal is opened by another salt", "ballot.opens", call(revealed, _other_salt)),
        Fault(
            "a seal is opened twice",
            "ballot.opens",
            again(of(events.Revealed, slot(2)), of(events.Recorded, slot(2))),
        ),
        Fault(
            "a member is passed over as none",
            "ballot.skipped",
            alter(of(events.Skipped, RETRIED, rule="votings: not a member"), worker=2),
        ),
        Fault(
            "an item is passed over for a rule that holds for none",
            "ballot.skipped",
            alter(of(events.Skipped, RETRIED), rule="votings: unlucky"),
        ),
        Fault(
            "a true signature is passed over as false",
            "ballot.skipped",
            alter(of(events.Skipped, RETRIED, worker=2), worker=1),
        ),
        Fault(
            "a seal that opens is passed over",
            "ballot.skipped",
            alter(of(events.Skipped, RETRIED, rule="votings: seal does not open"), worker=0),
        ),
        Fault(
            "a reveal is passed over as done",
            "ballot.skipped",
            alter(
                of(events.Skipped, RETRIED, rule="votings: seal does not open"),
                rule="votings: already revealed",
            ),
        ),
        Fault("an item is passed over in silence", "ballot.call", drop(of(events.Skipped, RETRIED))),
        Fault(
            "items are passed over without a batch",
            "ballot.skipped",
            insert(events.Skipped(_id(slot(0)), 1, "votings: no seal"), of(events.Opened, slot(0))),
        ),
        Fault("a voter of a report took no part", "report.workers", alter(report, participants=0b011)),
        Fault("a signer of a report is no voter", "report.workers", alter(report, signers=0b111)),
        Fault("a participant of a report is no member", "report.workers", alter(report, participants=0b1111)),
        Fault("a report with too few signers", "report.signatures", alter(report, signers=0b001)),
        Fault("a report with a forged signature", "report.signatures", call(report, _forge)),
        Fault(
            "a report of some while others cast",
            "report.time",
            both(
                alter(of(events.Reported, slot(8)), participants=0b101),
                at_time(of(events.Reported, slot(8)), -250),
                drop(of(events.Revealed, slot(8))),
            ),
        ),
        Fault("a report after the attempt failed", "report.time", at_time(of(events.Reported, slot(8)), 400)),
        Fault(
            "a report counts who voted for another pair",
            "report.ballots",
            both(
                alter(of(events.Revealed, slot(8)), pair=OTHER),
                alter(of(events.Reported, slot(8)), participants=0b111, voters=0b111),
            ),
        ),
    ]


def _with_call(happening: Any, other: Any) -> Any:
    return replace(happening, call=other.call)


def attempt_faults() -> list[Fault]:
    """Faults of openings, ends and reopenings."""
    opened, second = of(events.Opened, slot(0)), of(events.Opened, RETRIED, attempt=2)
    third, fourth = of(events.Opened, FAILOVER, attempt=3), of(events.Opened, TARIFF[2], attempt=4)
    reopened, missed = of(events.Reopened, TARIFF[2]), of(events.Reopened, TARIFF[3])
    failed = of(events.Failed, RETRIED)
    long_slot = Slot(EVERY * 2, FIRST_SLOT // 2).trigger_id
    return [
        Fault(
            "attempt 2 while attempt 1 goes on",
            "attempt.order",
            insert(events.Opened(_id(slot(0)), slot(0).workflow, slot(0).trigger, 2, 1, 7, 3, 2), opened),
        ),
        Fault("attempt 3 in the place of 2", "attempt.order", alter(second, attempt=3)),
        Fault("attempt 1 a second time", "attempt.order", double(opened)),
        Fault("attempt 2 opens after its time", "attempt.order", at_time(second, 700)),
        Fault("an opening is left out", "voting.open", drop(opened)),
        Fault("the opening of attempt 2 is left out", "ballot.place", drop(second)),
        Fault("a member too many", "attempt.members", alter(opened, members=0b1111)),
        Fault("a member too few", "attempt.members", alter(opened, members=0b011)),
        Fault("n is not that of the members", "attempt.members", alter(opened, n=4)),
        Fault(
            "a removed member in attempt 2",
            "attempt.members",
            alter(of(events.Opened, REMOVAL, attempt=2), members=0b111),
        ),
        Fault("n falls with a removal", "attempt.members", alter(of(events.Opened, REMOVAL, attempt=2), n=2)),
        Fault(
            "the failover without its standby", "attempt.members", alter(third, members=0b0111, n=3, needed=2)
        ),
        Fault("a reopened attempt with other members", "attempt.members", alter(fourth, members=0b011)),
        Fault("fewer ballots are needed", "attempt.needed", alter(opened, needed=1)),
        Fault("more ballots are needed", "attempt.needed", alter(opened, needed=3)),
        Fault("a policy version that never was", "attempt.policy", alter(opened, policy_version=9)),
        Fault(
            "a policy version that does not govern the slot",
            "attempt.policy",
            alter(of(events.Opened, slot(11, version=2)), policy_version=1),
        ),
        Fault(
            "an event under a version that is not the newest",
            "attempt.policy",
            alter(of(events.Opened, EVENT), policy_version=1),
        ),
        Fault("attempt 2 under another version", "attempt.policy", alter(second, policy_version=2)),
        Fault(
            "the policy is announced after the opening",
            "attempt.policy",
            _later(of(events.PolicyAnnounced, version=1), of(events.Closed, slot(0))),
        ),
        Fault("a slot of another length", "attempt.policy", alter(opened, trigger_id=long_slot)),
        Fault("a slot opens before it is due", "attempt.due", at_time(opened, -600)),
        Fault("a slot opens too late", "attempt.age", at_time(opened, 7300)),
        Fault(
            "a voting opens while that is paused",
            "attempt.paused",
            _later(of(events.OpeningPaused, paused=False), of(events.Closed, EVENT)),
        ),
        Fault("a failure is left out", "attempt.end", drop(failed)),
        Fault("a failure has another time", "attempt.end", alter(failed, at=lambda at: at + 1)),
        Fault("a failure of another attempt", "attempt.end", alter(failed, attempt=2)),
        Fault(
            "a failure that was none",
            "attempt.end",
            insert(events.Failed(_id(slot(0)), 1, 1), of(events.Sealed, slot(0))),
        ),
        Fault("a plurality is not told to be settled", "attempt.end", drop(of(events.Settling, TARIFF[1]))),
        Fault(
            "the plurality begins at another time",
            "attempt.end",
            alter(of(events.Settling, TARIFF[1]), at=lambda at: at - 1),
        ),
        Fault("an end without result is left out", "attempt.end", drop(of(events.Unresolved, TARIFF[2]))),
        Fault(
            "the end without result has another time",
            "attempt.end",
            alter(of(events.Unresolved, TARIFF[2]), at=lambda at: at + 5),
        ),
        Fault(
            "unresolved though the fallback gives an attempt",
            "attempt.end",
            insert(events.Unresolved(_id(RETRIED), 1), failed),
        ),
        Fault(
            "a reopening until another time",
            "attempt.reopening",
            alter(reopened, until=lambda until: until + 60),
        ),
        Fault("a reopening for another attempt", "attempt.reopening", alter(reopened, attempt=5)),
        Fault(
            "a voting is reopened that goes on",
            "attempt.reopening",
            again(of(events.Reopened, TARIFF[2]), of(events.Cast, TARIFF[2])),
        ),
        Fault(
            "a slot is reopened that is not missed yet",
            "attempt.reopening",
            alter(missed, trigger_id=slot(60, OPEN).trigger),
        ),
        Fault("a slot is reopened in time", "attempt.reopening", at_time(missed, -10 * EVERY)),
        Fault("another than the owner reopens", "owner.acts", sent_by(reopened, key(1).address)),
        Fault("an id that is not the trigger's", "voting.id", alter(opened, trigger_id=slot(1).trigger)),
        Fault("attempt 2 about another trigger", "voting.id", alter(second, trigger_id=slot(1).trigger)),
    ]


def _later(pick: Any, after: Any) -> Edit:
    """The event comes after another one."""

    def edit(facts: list[Any]) -> None:
        happening = facts.pop(pick(facts))
        place = facts[after(facts)]
        facts.insert(after(facts) + 1, replace(happening, block=place.block, time=place.time))

    return edit


FAULTS = [*log_faults(), *ballot_faults(), *attempt_faults()]
