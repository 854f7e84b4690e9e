"""The pictures' geometry: every voting is drawn once, to scale, and the trees are those of the proof."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.audit.reports import HOUR, START, hash_of, record, report

from worknet.audit import pictures
from worknet.audit.report import GapLine, OpenLine
from worknet.protocol.merkle import root_of_hashes
from worknet.protocol.times import time_text

few = settings(max_examples=25, deadline=None)


def counts(bars: pictures.Bars) -> dict[str, int]:
    found = dict.fromkeys(pictures.OUTCOMES, 0)
    for bar in bars.bars:
        for piece in bar.pieces:
            found[piece.kind] += piece.count
    return found


@pytest.mark.parametrize(
    ("hours", "each"), [(1, "hour"), (62, "hour"), (63, "six hours"), (24 * 30, "day"), (24 * 365, "week")]
)
def test_time_is_cut_into_spans_that_fit_the_drawing(hours: int, each: str) -> None:
    by = pictures.spans(report(0, 0, records=[record(0), record(hours - 1)]))
    assert by is not None
    assert by.each == each
    assert by.count <= pictures.MOST


def test_an_audit_without_any_voting_has_no_spans() -> None:
    assert pictures.spans(report(5, 5)) is None


@few
@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=40, unique=True))
def test_every_record_is_drawn_once(hours: list[int]) -> None:
    made = report(0, 0, records=[record(hour) for hour in sorted(hours)])
    by = pictures.spans(made)
    assert by is not None
    assert sum(counts(pictures.outcomes(made, by)).values()) == len(hours)
    grid = pictures.parts(made, by)
    for row in grid.rows:
        assert sum(piece.count for cell in row.cells for piece in cell.pieces) == len(hours)


@few
@given(st.integers(-3_000, 100), st.integers(1, 5_000))
def test_every_slot_without_a_record_is_drawn_or_counted_as_left_out(first: int, count: int) -> None:
    begin = START + first * HOUR
    gap = GapLine(
        "hourly", HOUR, time_text(begin), time_text(begin + (count - 1) * HOUR), count, "unresolved"
    )
    made = report(without_record=[gap])
    by = pictures.spans(made)
    assert by is not None
    bars = pictures.outcomes(made, by)
    assert counts(bars)["none"] + bars.left_out == count


def test_an_unresolved_event_is_drawn_and_one_about_a_slot_is_not_drawn_twice() -> None:
    window = [time_text(START), time_text(START + HOUR)]
    event, slot = (
        OpenLine("0x01", "told", each, "unresolved", 2, time_text(START + HOUR), None)
        for each in (None, window)
    )
    made = report(open_votings=[event, slot])
    by = pictures.spans(made)
    assert by is not None
    assert counts(pictures.outcomes(made, by))["none"] == 1


def test_a_bars_pieces_stand_on_each_other_and_the_highest_fills_the_drawing() -> None:
    made = report(0, 24 * 70)
    by = pictures.spans(made)
    assert by is not None
    bars = pictures.outcomes(made, by)
    for bar in bars.bars:
        foot = bars.height
        for piece in bar.pieces:
            assert piece.at + piece.size == pytest.approx(foot, abs=0.05)
            foot = piece.at
    assert min(bar.pieces[-1].at for bar in bars.bars if bar.pieces) == pytest.approx(0, abs=0.05)


@few
@given(st.integers(0, 900), st.integers(1, 450))
def test_the_line_of_growth_never_falls_and_stays_in_the_drawing(begin: int, more: int) -> None:
    growth = pictures.growth(report(begin, begin + more))
    assert growth is not None
    across, up = zip(*growth.points, strict=True)
    assert list(across) == sorted(across)
    assert list(up[:-1]) == sorted(up[:-1], reverse=True)
    assert 0 <= min(across) <= max(across) <= pictures.WIDTH
    assert len(growth.points) < 250


@few
@given(st.integers(1, 40).flatmap(lambda old: st.tuples(st.just(old), st.integers(old + 1, 64))))
def test_the_trees_drawn_are_the_subtrees_of_both_heads(sizes: tuple[int, int]) -> None:
    old, new = sizes
    drawn = pictures.heads(report(old, new))
    assert drawn is not None
    leaves = [hash_of(number) for number in range(new)]
    ends = [0]
    for node in drawn.nodes:
        assert node.first == ends[-1]
        assert node.root == f"0x{root_of_hashes(leaves[node.first : node.end]).hex()}"
        assert node.is_old == (node.end <= old)
        ends.append(node.end)
    assert old in ends
    assert ends[-1] == new


def test_no_tree_is_drawn_where_nothing_was_appended_or_nothing_was_there() -> None:
    assert pictures.heads(report(0, 9)) is None
    assert pictures.heads(report(9, 9)) is None


def test_rewards_are_drawn_to_one_scale() -> None:
    rows = pictures.amounts(report())
    for row in rows:
        total, width = sum(piece.count for piece in row.cells[0].pieces), row.cells[0].width
        assert width / rows[-1].cells[0].width == pytest.approx(total / 1_450_000_000_000_000_000)


def test_a_small_log_s_middle_mark_stands_at_its_own_height() -> None:
    growth = pictures.growth(report(0, 3))
    assert growth is not None
    assert [(tick.label, round(tick.at, 1)) for tick in growth.up] == [("0", 200.0), ("1", 133.3), ("3", 0.0)]
