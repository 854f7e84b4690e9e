"""What a child sends: it arrives as it was, costs what it says, and nothing in it breaks the parent."""

import io
import random
import time
import tracemalloc

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.workflow import wire
from worknet.workflow.wire import Answer, WireError

COLUMNS = (Column("id", "str"), Column("n", "int", nullable=True), Column("on", "bool", nullable=True))
SCHEMAS = {"out": Schema(COLUMNS, ("id",))}
DTYPES = {"id": pl.String, "n": pl.Int64, "on": pl.Boolean}
MOST = 256 << 20
INT = st.integers(-(2**53) + 1, 2**53 - 1)
ROW = st.tuples(st.text(max_size=5), st.none() | INT, st.none() | st.booleans())


def sent(answer, tables):
    stream = io.BytesIO()
    wire.send_answer(stream, answer, tables)
    return stream.getvalue()


def received(content, most=MOST):
    return wire.receive_answer(io.BytesIO(content), SCHEMAS, most)


def forged(head, *pieces):
    body = b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces)
    return len(head).to_bytes(8, "big") + head + body


def frame_of(rows):
    return pl.DataFrame(rows, schema=DTYPES, orient="row")


@given(st.lists(ROW))
def test_tables_arrive_as_they_were(rows):
    answer, tables = received(sent(Answer(summary="{}"), {"out": frame_of(rows)}))
    assert answer.summary == "{}"
    assert_frame_equal(tables["out"], frame_of(rows))


def test_long_columns_and_long_values_arrive_in_pieces():
    rows = [("\x01" * wire.MOST_TEXT, 1, True)] * 3 + [("x", None, None)] * 200_000
    _, tables = received(sent(Answer(), {"out": frame_of(rows)}))
    assert_frame_equal(tables["out"], frame_of(rows))


@given(st.integers(0, 2**32))
def test_an_answer_with_other_bytes_is_refused_or_read_but_nothing_else(seed):
    choice = random.Random(seed)
    content = bytearray(sent(Answer(summary="{}"), {"out": frame_of([("a", 1, True), ("b", None, False)])}))
    for _ in range(choice.randint(1, 3)):
        content[choice.randrange(len(content))] = choice.randrange(256)
    try:
        _, tables = received(bytes(content))
    except WireError:
        return
    assert all(frame.schema == DTYPES for frame in tables.values())


@pytest.mark.parametrize(
    "piece",
    [b"[0.5]", b'["a"]', b"[true]", b"[9007199254740992]", b"[%s]" % (b"9" * 5000), b"[[]]", b"{}", b"\xff"],
)
def test_a_value_of_another_type_is_refused(piece):
    with pytest.raises(WireError):
        received(forged(b'{"tables":{"out":1}}', b'["a"]', piece, b"[true]"))


@pytest.mark.parametrize("text", [b'"\\ud800"', b'"\xed\xa0\x80"', b'"\xff"'])
def test_a_text_that_is_no_unicode_is_refused(text):
    with pytest.raises(WireError):
        received(forged(b'{"tables":{"out":1}}', b"[%s]" % text, b"[1]", b"[true]"))


def test_what_an_answer_costs_the_parent_is_bounded_before_it_is_decoded():
    hundred_million_rows = forged(b'{"tables":{"out":100000000}}')
    long_piece = forged(b'{"tables":{"out":10}}', b" " * (wire.MOST_PIECE + 1))
    long_head = (1 << 40).to_bytes(8, "big")
    for content in (hundred_million_rows, long_piece, long_head):
        tracemalloc.start()
        with pytest.raises(WireError, match="too large"):
            received(content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20


def test_texts_count_against_the_bound():
    content = sent(Answer(), {"out": frame_of([("x" * 1000, 1, True)] * 10)})
    with pytest.raises(WireError, match="too large"):
        received(content, most=5000)


def test_a_million_rows_arrive_within_seconds():
    number = pl.int_range(1_000_000, eager=True)
    frame = pl.DataFrame({"id": "meter-" + number.cast(pl.String), "n": number, "on": number % 2 == 0})
    start = time.perf_counter()
    _, tables = received(sent(Answer(), {"out": frame}))
    assert time.perf_counter() - start < 10
    assert_frame_equal(tables["out"], frame)
