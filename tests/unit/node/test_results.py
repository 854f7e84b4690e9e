"""Rows out of recorded results: of this worker's own recorded ballots, with what is known of each slot."""

from pathlib import Path

import polars as pl
import pytest

from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.node.errors import ParentMissing
from worknet.node.journal import Ballot, Journal, SqliteFile
from worknet.node.preparing import pack
from worknet.node.results import ResultsSource
from worknet.protocol.ballots import Pair
from worknet.protocol.columns import Column
from worknet.protocol.ids import Slot
from worknet.protocol.parents import SlotResult
from worknet.protocol.records import How, Record
from worknet.protocol.tables import Schema
from worknet.sources import NonsenseError, Occasion, SchemaViolationError

PAIR = Pair(b"\1" * 32, b"\2" * 32)
OTHER = Pair(b"\3" * 32, b"\2" * 32)
WH = Schema((Column("hour", "time"), Column("id", "str"), Column("wh", "int")), ("hour", "id"))
SLOTS = Schema(
    (Column("start", "time"), Column("end", "time"), Column("voting", "bytes"), Column("how", "str", True)),
    ("start",),
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(SqliteFile(tmp_path / "journal.sqlite"), DEVELOPMENT_CHAIN_ID, b"\xcc" * 20, b"\xaa" * 20)


def voting_id(hour: int) -> bytes:
    return bytes([hour + 1]) * 32


def result(hour: int, how: How | None = How.QUORUM, attempt: int = 1) -> SlotResult:
    record = how and Record(
        1, b"\xcc" * 20, b"\4" * 32, voting_id(hour), b"\5" * 32, attempt, b"\6" * 32,
        PAIR.input_root, PAIR.result_root, 7, 3, 2, 3, how, 9,
    )  # fmt: skip
    return SlotResult(Slot(3600, hour).window, voting_id(hour), record)


def hold(journal: Journal, hour: int, rows: pl.DataFrame, pair: Pair = PAIR, attempt: int = 1) -> None:
    frames = {("table", "scores"): pack(rows)}
    journal.ballots.add(Ballot(voting_id(hour), attempt, 1, pair, b"\7" * 32, 1, b"{}", b"{}", frames))


def rows(*pairs: tuple[str, int]) -> pl.DataFrame:
    return pl.DataFrame(list(pairs), schema={"id": pl.String, "wh": pl.Int64}, orient="row")


def source(
    journal: Journal, schema: Schema = WH, table: str | None = "scores", **columns: str
) -> ResultsSource:
    names = columns or {"hour": "slot.start"}
    return ResultsSource("scores", schema, journal.ballots, "hourly", table, names)


def read(found: ResultsSource, *results: SlotResult) -> list[dict[str, object]]:
    return found.read(Occasion(Slot(86_400, 0).window, results={"hourly": results})).to_dicts()


def test_rows_of_all_recorded_slots_come_in_the_order_of_the_key(journal: Journal) -> None:
    hold(journal, 1, rows(("b", 4), ("a", 3)))
    hold(journal, 0, rows(("a", 1)))
    assert read(source(journal), result(1), result(0)) == [
        {"hour": "1970-01-01T00:00:00Z", "id": "a", "wh": 1},
        {"hour": "1970-01-01T01:00:00Z", "id": "a", "wh": 3},
        {"hour": "1970-01-01T01:00:00Z", "id": "b", "wh": 4},
    ]


def test_a_recorded_slot_without_rows_gives_none(journal: Journal) -> None:
    hold(journal, 0, rows())
    assert read(source(journal), result(0)) == []


def test_a_slot_without_a_record_gives_no_rows_though_there_is_a_ballot(journal: Journal) -> None:
    hold(journal, 0, rows(("a", 1)))
    assert read(source(journal), result(0, None)) == []


def test_the_slots_themselves_are_rows_with_how_they_were_recorded(journal: Journal) -> None:
    columns = {"start": "slot.start", "end": "slot.end", "voting": "slot.voting", "how": "slot.outcome"}
    found = read(source(journal, SLOTS, None, **columns), result(0, How.PLURALITY), result(1, None))
    assert found == [
        {
            "start": "1970-01-01T00:00:00Z",
            "end": "1970-01-01T01:00:00Z",
            "voting": "0x" + "01" * 32,
            "how": "plurality",
        },
        {
            "start": "1970-01-01T01:00:00Z",
            "end": "1970-01-01T02:00:00Z",
            "voting": "0x" + "02" * 32,
            "how": None,
        },
    ]


def test_of_several_attempts_the_recorded_one_counts(journal: Journal) -> None:
    hold(journal, 0, rows(("a", 1)), attempt=1)
    hold(journal, 0, rows(("a", 2)), attempt=2)
    assert [row["wh"] for row in read(source(journal), result(0, attempt=2))] == [2]


def test_a_ballot_for_another_pair_is_none(journal: Journal) -> None:
    hold(journal, 0, rows(("a", 1)), OTHER)
    with pytest.raises(ParentMissing, match="holds no ballot that is the recorded one"):
        read(source(journal), result(0))


def test_without_a_ballot_the_voting_is_named(journal: Journal) -> None:
    with pytest.raises(ParentMissing, match="of hourly@1970-01-01T00:00:00Z, voting 0x0101"):
        read(source(journal), result(0))


def test_rows_that_were_forgotten_are_missing(journal: Journal) -> None:
    hold(journal, 0, rows(("a", 1)))
    journal.ballots.forget_rows(voting_id(0))
    with pytest.raises(ParentMissing, match="no longer holds the rows of scores"):
        read(source(journal), result(0))


def test_a_key_that_occurs_in_two_slots_is_refused(journal: Journal) -> None:
    schema = Schema((Column("id", "str"), Column("wh", "int")), ("id",))
    for hour in (0, 1):
        hold(journal, hour, rows(("a", 1)))
    with pytest.raises(SchemaViolationError, match="occurs again"):
        read(source(journal, schema, id="id"), result(0), result(1))


def test_results_of_a_version_that_had_other_columns_are_refused_by_name(journal: Journal) -> None:
    hold(journal, 0, rows(("a", 1)).rename({"wh": "kwh"}))
    with pytest.raises(SchemaViolationError, match="in the results of 1970-01-01T00:00:00Z, wh is not there"):
        read(source(journal), result(0))


def test_results_of_a_version_that_had_other_types_are_refused(journal: Journal) -> None:
    hold(journal, 0, rows(("a", 1)).with_columns(pl.col("wh").cast(pl.String)))
    with pytest.raises(SchemaViolationError, match="wh is of another type"):
        read(source(journal), result(0))


def test_columns_may_change_places(journal: Journal) -> None:
    schema = Schema((Column("wh", "str"), Column("id", "int")), ("wh",))
    hold(journal, 0, rows(("a", 1)))
    assert read(source(journal, schema, wh="id", id="wh"), result(0)) == [{"wh": "a", "id": 1}]


def test_it_is_read_only_for_what_consumes_the_workflow(journal: Journal) -> None:
    with pytest.raises(NonsenseError, match="it is read for no window of slots"):
        source(journal).read(Occasion(Slot(86_400, 0).window))
