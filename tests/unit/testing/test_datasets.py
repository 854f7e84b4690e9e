"""Desk data: given files, sample data and made-up rows, valid for any schema and the same every time."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol.ids import Event, Slot
from worknet.protocol.times import parse_time, time_text
from worknet.tables import DataError, validate
from worknet.testing.datasets import desk_data, event_key
from worknet.workflow import Column, Dataset, Declaration, Every, OnMessage, OnWebhook, Table, WorkflowError

TYPES = ("int", "bigint", "decimal", "str", "bool", "bytes", "time")
SLOT = Slot.at(3600, parse_time("2026-01-31T09:00:00Z"))
TABLE = Table("out", [Column("id", "str")], ["id"])
READINGS = Dataset(
    "readings", [Column("meter", "str"), Column("at", "time", digits=3), Column("wh", "int")], ["meter", "at"]
)


def declared(*datasets: Dataset, trigger: object = Every(3600)) -> Declaration:
    return Declaration("tried", trigger, datasets, (TABLE,))


def sample(folder: Path, name: str, text: str) -> Path:
    file = folder / "tests" / "data" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@st.composite
def columns(draw: st.DrawFn, name: str, *, nullable: bool) -> Column:
    kind = draw(st.sampled_from(TYPES))
    digits = draw(st.integers(0, 30)) if kind in {"decimal", "time"} else 0
    return Column(name, kind, nullable=nullable and draw(st.booleans()), digits=digits)


@st.composite
def datasets(draw: st.DrawFn, name: str = "rows") -> Dataset:
    key = [draw(columns(f"k{n}", nullable=False)) for n in range(draw(st.integers(1, 3)))]
    rest = [draw(columns(f"v{n}", nullable=True)) for n in range(draw(st.integers(0, 4)))]
    mixed = draw(st.permutations([*key, *rest]))
    return Dataset(name, mixed, [column.name for column in key])


def different(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> list[str]:
    return [name for name in one if not one[name].equals(other[name])]


@settings(max_examples=60, deadline=None)
@given(datasets(), st.integers(1, 5000), st.integers(0, 100_000), st.integers(0, 3), st.integers(0, 5))
def test_made_up_rows_are_valid_for_any_schema_and_the_same_every_time(
    dataset: Dataset, every: int, number: int, seed: int, variant: int
) -> None:
    slot, declaration = Slot(every, number), declared(dataset, trigger=Every(every))
    rows = desk_data(Path("nowhere"), declaration, seed=seed).frames(slot, variant)["rows"]
    assert validate("rows", dataset.schema, rows).equals(rows)
    assert rows.equals(desk_data(Path("nowhere"), declaration, seed=seed).frames(slot, variant)["rows"])
    times = [name for name in rows.columns if dataset.schema.column(name).type == "time"]
    start, end = time_text(slot.window.start)[:19], time_text(slot.window.end)[:19]
    for name in times:
        assert all(start <= time[:19] < end for time in rows[name] if time is not None)


@settings(max_examples=60, deadline=None)
@given(datasets(), st.integers(1, 9), st.integers(1, 9))
def test_rows_of_another_variant_are_others_by_one_value_or_one_row(
    dataset: Dataset, one: int, other: int
) -> None:
    data = desk_data(Path("nowhere"), declared(dataset))
    truth, first, second = (data.frames(SLOT, variant)["rows"] for variant in (0, one, other))
    assert not first.equals(truth)
    if first.height < truth.height:
        assert first.join(truth, on=truth.columns, how="inner", nulls_equal=True).height == truth.height - 1
        return
    changed = [
        (row, name)
        for name in truth.columns
        for row, (was, now) in enumerate(zip(truth[name], first[name], strict=True))
        if was != now
    ]
    assert len(changed) == 1
    assert changed[0][1] not in dataset.schema.key
    assert first.equals(second) == (one == other)


def test_made_up_rows_are_twenty_of_which_the_key_tells_all_apart() -> None:
    frames = desk_data(Path("nowhere"), declared(READINGS)).frames(SLOT)
    assert frames["readings"].height == 20
    assert frames["readings"]["meter"].n_unique() == 5


def test_a_key_that_holds_fewer_values_gives_fewer_rows() -> None:
    switch = Dataset("switch", [Column("on", "bool"), Column("wh", "int")], ["on"])
    assert desk_data(Path("nowhere"), declared(switch)).frames(SLOT)["switch"]["on"].to_list() == [
        False,
        True,
    ]


def test_made_up_columns_of_one_name_share_their_values_so_that_datasets_join() -> None:
    meters = Dataset("meters", [Column("meter", "str"), Column("site", "str")], ["meter"])
    frames = desk_data(Path("nowhere"), declared(READINGS, meters)).frames(SLOT)
    assert set(frames["readings"]["meter"]) <= set(frames["meters"]["meter"])


def test_another_seed_and_another_slot_give_other_made_up_rows() -> None:
    data = desk_data(Path("nowhere"), declared(READINGS))
    assert different(data.frames(SLOT), data.frames(Slot(3600, SLOT.number + 1)))
    assert different(data.frames(SLOT), desk_data(Path("nowhere"), declared(READINGS), seed=1).frames(SLOT))


def test_made_up_rows_are_the_same_on_every_machine() -> None:
    amounts = [Column("amount", "decimal", nullable=True, digits=2), Column("note", "str")]
    dataset = Dataset("d", [Column("id", "str"), Column("at", "time"), *amounts], ["id"])
    rows = desk_data(Path("nowhere"), declared(dataset), seed=7).frames(SLOT, variant=3)["d"]
    assert rows[:2].rows() == [
        ("id-01", "2026-01-31T09:05:05Z", "925.75", "note-03"),
        ("id-02", "2026-01-31T09:22:10Z", "989.00", "note-04"),
    ]


def test_a_given_file_counts_before_sample_data_and_that_before_made_up_rows(tmp_path: Path) -> None:
    other = Dataset("other", [Column("id", "str")], ["id"])
    last = Dataset("last", [Column("id", "str")], ["id"])
    sample(tmp_path, "readings.csv", "meter,at,wh\nm,2026-01-31T09:00:00.000Z,1\n")
    sample(tmp_path, "other.csv", "id\nsampled\n")
    (tmp_path / "mine.csv").write_text("meter,at,wh\nm,2026-01-31T09:00:00.000Z,2\n")
    data = desk_data(tmp_path, declared(READINGS, other, last), {"readings": tmp_path / "mine.csv"})
    assert data.origin == {
        "readings": str(tmp_path / "mine.csv"),
        "other": "tests/data/other.csv",
        "last": "made up",
    }
    frames = data.frames(SLOT)
    assert frames["readings"]["wh"].to_list() == [2]
    assert frames["other"]["id"].to_list() == ["sampled"]
    assert frames["last"].height == 20


def test_sample_data_may_be_parquet(tmp_path: Path) -> None:
    (tmp_path / "tests" / "data").mkdir(parents=True)
    pl.DataFrame({"id": ["a"]}).write_parquet(tmp_path / "tests" / "data" / "out.parquet")
    data = desk_data(tmp_path, declared(Dataset("out", [Column("id", "str")], ["id"])))
    assert data.frames(SLOT)["out"]["id"].to_list() == ["a"]


def test_the_times_of_sample_data_are_moved_into_the_slot_by_whole_slots(tmp_path: Path) -> None:
    rows = ["m,2024-02-29T23:10:00.250Z,1", "m,2024-03-01T00:20:00.000Z,2"]
    sample(tmp_path, "readings.csv", "\n".join(["meter,at,wh", *rows, ""]))
    moved = desk_data(tmp_path, declared(READINGS)).frames(SLOT)["readings"]
    assert moved["at"].to_list() == ["2026-01-31T09:10:00.250Z", "2026-01-31T10:20:00.000Z"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**10), st.integers(1, 10**6), st.integers(0, 10**4))
def test_sample_data_of_a_slot_stays_as_it_is_in_that_slot(
    tmp_path_factory: pytest.TempPathFactory, second: int, every: int, other: int
) -> None:
    dataset = Dataset("d", [Column("at", "time")], ["at"])
    folder = tmp_path_factory.mktemp("desk")
    sample(folder, "d.csv", f"at\n{time_text(second)}\n")
    data = desk_data(folder, declared(dataset, trigger=Every(every)))
    assert data.frames(Slot.at(every, second))["d"]["at"].to_list() == [time_text(second)]
    window = Slot(every, other).window
    assert window.start <= parse_time(data.frames(Slot(every, other))["d"]["at"][0]) < window.end


def test_the_row_of_an_event_has_the_key_of_its_trigger() -> None:
    event = Dataset("event", [Column("batch", "str"), Column("wh", "int")], ["batch"])
    data = desk_data(Path("nowhere"), declared(event, trigger=OnMessage("batch_ready", "batch")))
    one, other = (Event(bytes([number]) * 32) for number in (1, 2))
    row = data.frames(one)["event"]
    assert row["batch"].to_list() == [event_key(event.schema.column("batch"), one)]
    assert row["batch"].to_list() != data.frames(other)["event"]["batch"].to_list()
    assert data.frames(one, variant=1)["event"]["batch"].equals(row["batch"])
    assert not data.frames(one, variant=1)["event"].equals(row)


@pytest.mark.parametrize("kind", ["int", "bigint", "str", "bytes"])
def test_an_event_has_a_valid_key_of_any_type_that_a_trigger_may_name(kind: str) -> None:
    column = Column("id", kind)
    assert column.check(event_key(column, Event(b"\xff" * 32))) == ""


def test_an_event_told_apart_from_outside_has_one_made_up_row() -> None:
    event = Dataset("event", [Column("order", "str")], ["order"])
    data = desk_data(Path("nowhere"), declared(event, trigger=OnWebhook("order")))
    assert data.frames(Event(bytes(32)))["event"].height == 1
    assert data.frames(Event(bytes(32)), variant=2)["event"].height == 1


def test_sample_rows_of_events_are_taken_one_for_each_event(tmp_path: Path) -> None:
    event = Dataset("event", [Column("batch", "str"), Column("wh", "int")], ["batch"])
    sample(tmp_path, "event.csv", "batch,wh\na,1\nb,2\nc,3\n")
    data = desk_data(tmp_path, declared(event, trigger=OnMessage("batch_ready", "batch")))
    rows = [data.frames(Event(bytes([number]) * 32))["event"] for number in range(20)]
    assert {row.height for row in rows} == {1}
    assert {row["wh"][0] for row in rows} == {1, 2, 3}


def test_sample_data_of_events_without_a_row_is_refused(tmp_path: Path) -> None:
    event = Dataset("event", [Column("batch", "str")], ["batch"])
    sample(tmp_path, "event.csv", "batch\n")
    with pytest.raises(DataError, match=r"event\.csv, table event: no row"):
        desk_data(tmp_path, declared(event, trigger=OnMessage("batch_ready", "batch")))


def test_a_file_for_a_dataset_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="has no dataset 'reading'"):
        desk_data(tmp_path, declared(READINGS), {"reading": tmp_path / "x.csv"})


def test_sample_data_that_does_not_fit_the_schema_is_refused_with_file_and_line(tmp_path: Path) -> None:
    sample(tmp_path, "readings.csv", "meter,at,wh\nm,2026-01-31T09:00:00.000Z,1.5\n")
    with pytest.raises(DataError, match=r"readings\.csv, table readings, line 2, column wh"):
        desk_data(tmp_path, declared(READINGS))


def test_two_sample_files_of_one_dataset_are_refused(tmp_path: Path) -> None:
    sample(tmp_path, "readings.csv", "meter,at,wh\n")
    sample(tmp_path, "readings.parquet", "")
    with pytest.raises(WorkflowError, match="two files for the dataset readings"):
        desk_data(tmp_path, declared(READINGS))
