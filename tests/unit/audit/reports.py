"""Reports made by hand, of any length, for tests of what is told and drawn."""

from dataclasses import replace
from typing import Any

from worknet.audit.report import (
    Check,
    FindingLine,
    GapLine,
    Head,
    Log,
    MemberLine,
    Network,
    OpenLine,
    PolicyLine,
    Published,
    RecordLine,
    Report,
    Unread,
    WorkerLine,
)
from worknet.protocol import trees
from worknet.protocol.merkle import leaf_hash
from worknet.protocol.times import time_text

HOUR = 3_600
START = 1_767_225_600
"""2026-01-01T00:00:00Z"""
WORKERS = 5
ETHER = 10**18


def hash_of(number: int) -> bytes:
    """Leaf number so-and-so of the log."""
    return leaf_hash(number.to_bytes(8, "big"))


def record(number: int, **changes: Any) -> RecordLine:
    """Hour number so-and-so: mostly agreed by all."""
    begin = START + number * HOUR
    outvoted = [4] if number % 11 == 3 else []
    missing = [3] if number % 7 == 2 else []
    line = RecordLine(
        position=number,
        voting=f"0x{number:064x}",
        name=f"hourly@{time_text(begin)}",
        workflow="hourly",
        window=[time_text(begin), time_text(begin + HOUR)],
        attempt=2 if outvoted else 1,
        how="plurality" if number % 29 == 5 else "report" if number % 5 == 0 else "quorum",
        time=time_text(begin + HOUR + 90),
        block=1_000 + number,
        policy_version=1,
        n=WORKERS,
        needed=3,
        is_closed=True,
        agreed=[worker for worker in range(WORKERS) if worker not in (*outvoted, *missing)],
        outvoted=outvoted,
        missing=missing,
        input_root=f"0x{number + 1:064x}",
        result_root=f"0x{hash_of(number + 7).hex()}",
        published=None,
    )
    return replace(line, **changes)


def finding(**changes: Any) -> FindingLine:
    """A planted fault."""
    line = FindingLine(
        rule="record.voters",
        sentence="A record's voters are those who had voted for its pair by then.",
        what="the record has voters 0x1f, the ballots give 0x0f",
        voting=f"0x{7:064x}",
        position=7,
        block=1_007,
        evidence={"recorded": "0x1f", "counted": "0x0f"},
    )
    return replace(line, **changes)


def head(size: int, time: int | None = None) -> Head:
    """The log when it had so many leaves."""
    root = trees.Tree(hash_of(number) for number in range(size)).root
    return Head(size, f"0x{root.hex()}", 1_000 + size, None if time is None else time_text(time))


def report(begin: int = 0, end: int = 30, **changes: Any) -> Report:
    """The audit of a log of hourly votings that had `begin` leaves and has `end` now."""
    records = [record(number) for number in range(begin, end)]
    path = trees.Tree(hash_of(number) for number in range(end)).consistency(begin) if 0 < begin < end else []
    made = Report(
        format="worknet/audit",
        version=1,
        verdict="nothing found",
        network=Network("test", 31337, f"0x{'c0' * 20}", f"0x{'b0' * 20}"),
        log=Log(
            before=head(begin, START + begin * HOUR if begin else None),
            after=head(end, START + (end + 2) * HOUR),
            origin="remembered" if begin else "beginning",
            path=[f"0x{each.hex()}" for each in path],
            is_rewritten=False,
        ),
        checked=[Check("records", end - begin), Check("ballots", 5 * (end - begin)), Check("claims", 12)],
        unseen=[],
        unread=[],
        findings=[],
        records=records,
        open_votings=[],
        without_record=[],
        workers=[
            WorkerLine(
                index,
                f"0x{index + 160:02x}{'00' * 19}",
                f"0x{index + 1:02x}{'11' * 19}",
                "active",
                sum(index in each.agreed for each in records),
                sum(index in each.outvoted for each in records),
                sum(index in each.missing for each in records),
                str(ETHER * (index + 1) // 4),
                str(ETHER // 10 * (index % 2)),
                str(ETHER // 5),
            )
            for index in range(WORKERS)
        ],
        policies=[
            PolicyLine(
                "hourly", 1, time_text(START - 60), True, time_text(START), f"0x{'bd' * 32}", "majority",
                "sealed", "plurality", f"0x{'0f' * 32}",
            )
        ],
        members=[
            MemberLine(
                index, "enrolled", time_text(START - 600), f"0x{index + 160:02x}{'00' * 19}",
                f"0x{index + 1:02x}{'11' * 19}", "active",
            )
            for index in range(WORKERS)
        ],
    )  # fmt: skip
    return replace(made, **changes)


def rich_report() -> Report:
    """One with something in every section."""
    made = report(11, 60)
    gap = GapLine(
        "hourly", HOUR, time_text(START + 60 * HOUR), time_text(START + 62 * HOUR), 3, "never opened"
    )
    month = record(
        59,
        name="monthly@2026-01-01T00:00:00Z",
        workflow="monthly",
        published=Published(
            "https://alpha.example/published/",
            {"matched_kwh": "1204.5", "share": "0.93", "hours": 720},
            [each.voting for each in made.records[:20]],
        ),
    )
    day = replace(
        made.records[2],
        published=Published("published", {"matched": 3}, [made.records[0].voting, f"0x{99:064x}"]),
    )
    records = [*made.records[:2], day, *made.records[3:-1], month]
    waiting = OpenLine(
        f"0x{77:064x}", f"hourly@{time_text(START + 63 * HOUR)}", None, "unresolved", 2,
        time_text(START + 62 * HOUR), None,
    )  # fmt: skip
    return replace(
        made,
        verdict="findings",
        findings=[finding(), finding(position=None, voting=None, block=None, evidence={})],
        records=records,
        without_record=[gap],
        open_votings=[waiting],
        unseen=[Check("ballots sent through another contract", 2)],
        unread=[Unread("https://beta.example/published/", "no answer in 10 s")],
    )
