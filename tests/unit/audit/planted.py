"""The corpus of planted faults about votings: each an edit of the life, and the rule that it breaks."""

from dataclasses import dataclass, replace
from typing import Any

from tests.unit.audit.life import EVENTS, EVERY, FIRST_SLOT, OPEN, OTHER, PAIR, THIRD, About, key, slot
from tests.unit.audit.lived import lived
from tests.unit.audit.planting import (
    Edit,
    again,
    alter,
    at_time,
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


def id_of(about: About) -> bytes:
    return lived().voting_id(about)


def _recorded(about: About, how: How = How.QUORUM, voters: int = 0b111) -> events.Recorded:
    return events.Recorded(id_of(about), 3, 1, PAIR, voters, how)


def place_with(**changes: int) -> Any:
    return lambda place: Place(**{**vars(place), **changes})


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
            insert(events.Closed(id_of(slot(2))), of(events.Recorded, slot(2))),
        ),
        Fault(
            "a closing without a record",
            "closing.time",
            insert(events.Closed(id_of(slot(48))), of(events.Sealed, slot(48))),
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
            insert(events.Opened(id_of(slot(0)), slot(0).workflow, slot(0).trigger, 2, 1, 7, 3, 2), opened),
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
            insert(events.Failed(id_of(slot(0)), 1, 1), of(events.Sealed, slot(0))),
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
            insert(events.Unresolved(id_of(RETRIED), 1), failed),
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


FAULTS = [*log_faults(), *attempt_faults()]
