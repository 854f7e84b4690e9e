"""The report for a terminal, and the words that all forms share."""

from dataclasses import replace

from tests.unit.audit.reports import START, finding, record, report, rich_report

from worknet.audit.foreign import LONGEST, fields, plain
from worknet.audit.report import GapLine, Network, Published
from worknet.audit.report_text import MOST_FINDINGS, MOST_LINES, money, text
from worknet.protocol.times import time_text


def lines(made: str, label: str) -> list[str]:
    return [line[12:] for line in made.splitlines() if line[:12].rstrip() == label]


def test_the_verdict_comes_first() -> None:
    assert text(report()).splitlines()[0] == "nothing found: everything that was checked is as it must be"
    assert text(rich_report()).splitlines()[0] == "FINDINGS: 2 things are not as they must be"


def test_an_audit_without_a_remembered_head_says_that_it_began_at_the_beginning() -> None:
    [told] = lines(text(report(0, 30)), "log")
    assert told.startswith(
        "no head was remembered: the audit began at the beginning, to size 30, block 1,030"
    )
    [told] = lines(text(report(8, 30)), "log")
    assert told.startswith("from the remembered head, size 8, to size 30")


def test_a_finding_is_told_with_its_rule_its_place_and_what_does_not_fit() -> None:
    made = text(report(findings=[finding()], verdict="findings"))
    assert lines(made, "found") == ["the record has voters 0x1f, the ballots give 0x0f"]
    assert lines(made, "rule")[0].startswith("record.voters: A record's voters are")
    assert lines(made, "where") == [f"position 7, voting 0x{7:064x}, block 1007"]
    assert "            recorded: 0x1f\n            counted: 0x0f\n" in made


def test_many_findings_of_one_rule_are_counted_and_only_the_first_are_told() -> None:
    found = [finding(position=number) for number in range(1_000)]
    made = text(report(findings=found))
    assert len(lines(made, "found")) == MOST_FINDINGS
    assert f"and {1_000 - MOST_FINDINGS} more of this rule" in made


def test_runs_of_slots_without_a_record_are_told_with_their_number_and_reason() -> None:
    gaps = [
        GapLine("hourly", 3_600, time_text(START), time_text(START), 1, "never opened"),
        GapLine("hourly", 3_600, time_text(START + 7_200), time_text(START + 14_400), 3, "unresolved"),
    ]
    assert f"no record   hourly@{time_text(START)}: never opened" in text(report(without_record=gaps))
    assert "3 slots: unresolved" in text(report(without_record=gaps))


def test_the_report_stays_short_however_many_gaps_there_are() -> None:
    gap = GapLine("hourly", 3_600, time_text(START), time_text(START), 1, "never opened")
    made = text(report(without_record=[gap] * 500))
    assert made.count("never opened") == MOST_LINES
    assert f"and {500 - MOST_LINES} more" in made


def test_workers_are_told_with_their_part_and_rewards_in_the_currency() -> None:
    [row] = [line.split() for line in text(report()).splitlines() if line.startswith("3 ")]
    assert row == ["3", "active", "26", "0", "4", "1,", "0.1,", "0.2"]


def test_published_summaries_are_told() -> None:
    assert (
        "monthly@2026-01-01T00:00:00Z: matched_kwh 1204.5; share 0.93; hours 720 (from 20 results)"
        in text(rich_report())
    )


def test_foreign_text_breaks_no_line_and_reaches_no_terminal() -> None:
    bad = "x\nnothing found\x1b[2J\u202e\u2028"
    published = Published(bad, {bad: bad}, [])
    made = replace(
        report(records=[record(0, published=published)], findings=[finding(what=bad, evidence={bad: bad})]),
        network=Network(bad, 1, "0x", None),
    )
    told = text(made)
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "\u2028" not in told
    assert "nothing found" not in [line.strip() for line in told.splitlines()]


def test_a_long_foreign_text_is_cut_and_its_length_said() -> None:
    assert plain("x" * (LONGEST + 1)).endswith(f"x … ({LONGEST + 1:,} characters)")
    assert plain("x" * LONGEST) == "x" * LONGEST


def test_a_value_is_told_field_by_field_and_nested_ones_as_json() -> None:
    assert fields({"a": 1, "b": ["ü", None], "c": "text"}) == [
        ("a", "1"),
        ("b", '["ü", null]'),
        ("c", "text"),
    ]
    assert fields([1, 2]) == [("", "[1, 2]")]
    assert fields({}) == [("", "{}")]


def test_amounts_are_told_to_a_millionth_and_never_as_more_than_they_are() -> None:
    assert money(25 * 10**16) == "0.25"
    assert money(10**18 + 10**12 - 1) == "1…"
    assert money(2_500) == "2,500 wei"
    assert money(0) == "0"
