"""The one rule that says what becomes of what brokers bring."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from worknet.node.inbox import Arrival, Aside, Contents, Kind, Marker, Place, Row, Sorted, sort

ROW = Row(3600, b"a", b"1")


def sorted_(
    *arrivals: Arrival, held: Mapping[Place, Contents] | None = None, reads: dict[int, int] | None = None
) -> Sorted:
    return sort(arrivals, held or {}, reads or {}, oldest=3600, newest=7200)


def test_a_row_of_a_window_that_nobody_has_read_is_accepted() -> None:
    found = sorted_(ROW)
    assert found.rows == [(ROW, 0)]
    assert found.counts == {Kind.ACCEPTED: 1}


def test_a_row_is_late_once_its_window_was_read_and_comes_after_the_last_attempt_that_did() -> None:
    found = sorted_(ROW, reads={3600: 2})
    assert found.rows == [(ROW, 2)]
    assert found.counts == {Kind.LATE: 1}


def test_the_same_row_again_is_a_duplicate_and_changes_nothing() -> None:
    found = sorted_(ROW, held={(3600, b"a"): {0: b"1"}})
    assert (found.rows, found.asides) == ([], [])
    assert found.counts == {Kind.DUPLICATE: 1}


def test_the_same_row_again_in_one_batch_is_a_duplicate() -> None:
    assert sorted_(ROW, ROW).counts == {Kind.ACCEPTED: 1, Kind.DUPLICATE: 1}


def test_of_two_contents_under_one_key_the_lesser_counts_and_the_other_is_set_aside() -> None:
    other = Row(3600, b"a", b"2", "at 7")
    for order in ((ROW, other), (other, ROW)):
        found = sorted_(*order)
        assert found.rows == [(ROW, 0)]
        assert [(aside.kind, aside.body) for aside in found.asides] == [(Kind.CONFLICT, b"2")]


def test_a_lesser_content_takes_the_place_of_one_that_was_held() -> None:
    found = sorted_(ROW, held={(3600, b"a"): {0: b"2"}})
    assert found.rows == [(ROW, 0)]
    assert [aside.body for aside in found.asides] == [b"2"]


def test_a_lesser_content_that_comes_late_leaves_the_held_one_to_the_attempt_that_read_it() -> None:
    found = sorted_(ROW, held={(3600, b"a"): {0: b"2"}}, reads={3600: 1})
    assert found.rows == [(ROW, 1)]


def test_a_greater_content_that_comes_late_is_for_no_attempt() -> None:
    found = sorted_(ROW, held={(3600, b"a"): {0: b"0"}}, reads={3600: 1})
    assert (found.rows, found.counts) == ([], {Kind.CONFLICT: 1})


def test_a_key_may_come_again_in_another_window() -> None:
    assert sorted_(ROW, Row(7200, b"a", b"2")).counts == {Kind.ACCEPTED: 2}


def test_a_row_of_a_window_that_is_kept_no_longer_is_set_aside_as_too_old() -> None:
    found = sorted_(Row(0, b"a", b"1"))
    assert (found.rows, found.counts) == ([], {Kind.TOO_OLD: 1})


def test_a_row_that_is_far_ahead_of_its_time_is_set_aside_as_malformed() -> None:
    found = sorted_(Row(10_800, b"a", b"1"))
    assert (found.rows, found.counts) == ([], {Kind.MALFORMED: 1})


def test_what_is_malformed_is_set_aside_and_the_rest_goes_on() -> None:
    found = sorted_(Aside(Kind.MALFORMED, "no JSON", b"{"), ROW)
    assert found.rows == [(ROW, 0)]
    assert [aside.reason for aside in found.asides] == ["no JSON"]


def test_a_marker_says_that_its_window_is_complete() -> None:
    found = sorted_(Marker(3600), Marker(3600))
    assert found.markers == {3600}
    assert found.counts == {Kind.MARKER: 2}


def test_a_reason_never_holds_what_arrived() -> None:
    secret = Row(3600, b"a", b"secret")
    for aside in sorted_(ROW, secret, Row(0, b"a", b"secret"), Row(99_999, b"a", b"secret")).asides:
        assert "secret" not in aside.reason + repr(aside)


class Inbox:
    """What is held, as a journal holds it."""

    def __init__(self) -> None:
        self.held: dict[Place, dict[int, bytes]] = {}
        self.read: dict[int, int] = {}
        self.asides: set[bytes] = set()

    def take(self, rows: Sequence[Row], sizes: Sequence[int]) -> Counter[Kind]:
        """Takes the rows in batches of the sizes given, over and over."""
        counts: Counter[Kind] = Counter()
        left = iter(rows)
        size = 0
        while batch := list(islice(left, sizes[size % len(sizes)])):
            size += 1
            found = sort(batch, self.held, self.read, oldest=0, newest=7200)
            for row, after in found.rows:
                self.held.setdefault((row.start, row.key), {})[after] = row.content
            self.asides |= {aside.body for aside in found.asides}
            counts += found.counts
        return counts

    def window(self, start: int, attempt: int) -> dict[bytes, bytes]:
        """What an attempt reads of a window."""
        self.read[start] = max(attempt, self.read.get(start, 0))
        return {
            key: min(content for after, content in contents.items() if after < attempt)
            for (at, key), contents in self.held.items()
            if at == start and any(after < attempt for after in contents)
        }


STARTS = (0, 3600, 7200)
messages = st.builds(
    lambda start, key, content: Row(start, bytes([key]), b"%d %d" % (key, content)),
    st.sampled_from(STARTS),
    st.integers(0, 3),
    st.integers(0, 3),
)
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=9)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """The same messages twice, each time in an order of its own, with some that come again."""
    sent = draw(st.lists(messages, max_size=12))
    again = st.lists(st.sampled_from(sent), max_size=6) if sent else st.just([])
    one, other = (draw(st.permutations([*sent, *draw(again)])) for _ in range(2))
    return list(one), list(other)


@given(deliveries(), sizes, sizes)
def test_any_order_number_and_batching_of_the_same_messages_gives_the_same_rows_and_asides(
    delivered: tuple[list[Row], list[Row]], sizes: list[int], other_sizes: list[int]
) -> None:
    one, other = Inbox(), Inbox()
    counts = one.take(delivered[0], sizes), other.take(delivered[1], other_sizes)
    for count, rows in zip(counts, delivered, strict=True):
        assert count[Kind.ACCEPTED] == len({(row.start, row.key) for row in rows})
        assert sum(count.values()) == len(rows)
    assert one.asides == other.asides
    for start in STARTS:
        least: dict[bytes, bytes] = {}
        for row in delivered[0]:
            if row.start == start:
                least[row.key] = min(row.content, least.get(row.key, row.content))
        assert one.window(start, 1) == other.window(start, 1) == least


@given(deliveries(), sizes, st.integers(0, 18), st.integers(0, 18))
def test_two_workers_that_read_too_early_agree_in_the_attempt_after_all_has_come(
    delivered: tuple[list[Row], list[Row]], sizes: list[int], early: int, other_early: int
) -> None:
    inboxes, second = (Inbox(), Inbox()), []
    for inbox, rows, until in zip(inboxes, delivered, (early, other_early), strict=True):
        inbox.take(rows[:until], sizes)
        first = [inbox.window(start, 1) for start in STARTS]
        inbox.take(rows[until:], sizes)
        assert [inbox.window(start, 1) for start in STARTS] == first
        second.append([inbox.window(start, 2) for start in STARTS])
    assert second[0] == second[1]
