"""The corpus of planted faults about ballots, seals, reveals and reports."""

from dataclasses import replace
from typing import Any

from tests.unit.audit.life import OTHER, PAIR, key, slot
from tests.unit.audit.planted import REMOVAL, RETRIED, TARIFF, Fault, id_of, place_with
from tests.unit.audit.planting import again, alter, at_time, both, call, double, drop, insert, of, sent_by

from worknet.chain import events
from worknet.protocol.ballots import Place


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


def _elsewhere(values: list[Any]) -> None:
    values[1] = slot(2).trigger


def _of_another_workflow(values: list[Any]) -> None:
    values[0] = b"\x99" * 32


def ballot_faults() -> list[Fault]:
    """Faults of ballots, seals, reveals and reports."""
    seal, cast = of(events.Sealed, slot(0), 1), of(events.Cast, TARIFF[0], 1)
    brought, revealed = of(events.SealsBrought, RETRIED), of(events.Revealed, slot(0))
    report = of(events.Reported, slot(7))
    return [
        Fault("a standby seals", "ballot.member", alter(seal, place=place_with(worker=3))),
        Fault("a standby casts", "ballot.member", alter(cast, place=place_with(worker=3))),
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
            insert(events.Cast(id_of(slot(0)), Place(1, 1, 1), PAIR), of(events.Sealed, slot(0)), cast),
        ),
        Fault(
            "a seal among open ballots",
            "ballot.kind",
            insert(
                events.Sealed(id_of(TARIFF[0]), Place(1, 1, 1), b"\x01" * 32),
                of(events.Cast, TARIFF[0]),
                seal,
            ),
        ),
        Fault(
            "a reveal among open ballots",
            "ballot.kind",
            insert(
                events.Revealed(id_of(TARIFF[0]), Place(1, 1), PAIR, 2), of(events.Cast, TARIFF[0]), revealed
            ),
        ),
        Fault(
            "a seal for another policy version",
            "ballot.place",
            alter(seal, place=place_with(policy_version=2)),
        ),
        Fault("a seal for another attempt", "ballot.place", alter(seal, place=place_with(attempt=2))),
        Fault("a report for another attempt", "ballot.place", alter(report, place=place_with(attempt=2))),
        Fault("a ballot is counted for another pair", "ballot.call", alter(cast, pair=OTHER)),
        Fault("a seal is counted for another worker", "ballot.call", alter(seal, place=place_with(worker=2))),
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
        Fault("a ballot that was cast about another slot", "ballot.call", call(cast, _elsewhere)),
        Fault("a ballot that was cast in another workflow", "ballot.call", call(cast, _of_another_workflow)),
        Fault("a seal that was sent about another slot", "ballot.call", call(seal, _elsewhere)),
        Fault("seals that were brought about another slot", "ballot.call", call(brought, _elsewhere)),
        Fault("seals that were opened about another slot", "ballot.call", call(revealed, _elsewhere)),
        Fault("a report that was made about another slot", "ballot.call", call(report, _elsewhere)),
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
            insert(events.Skipped(id_of(slot(0)), 1, "votings: no seal"), of(events.Opened, slot(0))),
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


FAULTS = ballot_faults()
