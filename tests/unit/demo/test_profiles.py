"""The demo's recorded hours: complete, conserved, and refused where they do not reach."""

import csv
import shutil
from pathlib import Path

import pytest

from worknet.demo import profiles
from worknet.protocol.ids import Window
from worknet.protocol.times import parse_time

DATA = Path(profiles.__file__).parent / "data"
CONSUMPTION = [
    "consumer",
    "wh",
    "site",
    "region",
    "country",
    "priorities",
    "in_region",
    "in_country",
    "in_other",
]
GENERATION = ["generator", "wh", "site", "region", "country", "energy_type"]


@pytest.fixture(scope="module")
def excerpt():
    return profiles.load_profiles()


@pytest.fixture
def damaged(tmp_path):
    """A copy of the data folder, to be spoiled."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def hours(excerpt, first, last):
    return Window(excerpt.start + first * 3600, excerpt.start + last * 3600)


def test_the_excerpt_is_as_large_as_the_demo_needs(excerpt):
    assert excerpt.hours == 7 * 24
    assert excerpt.start % 3600 == 0
    assert len(excerpt.consumers) >= 60
    assert len(excerpt.generators) >= 12
    assert {row["energy_type"] for row in excerpt.generators} == {"solar", "wind", "hydro", "biomass"}
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 2_000_000


def test_the_hours_add_up_to_the_files(excerpt):
    for name, rows_of, key in (
        ("consumption.csv", excerpt.consumption, "consumer"),
        ("generation.csv", excerpt.generation, "generator"),
    ):
        recorded: dict[str, int] = {}
        with (DATA / name).open(newline="") as file:
            for line in csv.DictReader(file):
                del line["start"]
                for entity, wh in line.items():
                    recorded[entity] = recorded.get(entity, 0) + int(wh)
        summed = dict.fromkeys(recorded, 0)
        for hour in range(excerpt.hours):
            rows = rows_of(hours(excerpt, hour, hour + 1))
            assert [row[key] for row in rows] == list(recorded)
            for row in rows:
                summed[row[key]] += row["wh"]
        assert summed == recorded


def test_the_week_generates_what_it_consumes(excerpt):
    week = hours(excerpt, 0, excerpt.hours)
    consumed = sum(row["wh"] for row in excerpt.consumption(week))
    generated = sum(row["wh"] for row in excerpt.generation(week))
    assert abs(generated - consumed) * 10_000 < consumed


def test_the_first_six_hours_have_generation_of_every_kind(excerpt):
    rows = excerpt.generation(hours(excerpt, 0, 6))
    for kind in ("solar", "wind", "hydro", "biomass"):
        assert sum(row["wh"] for row in rows if row["energy_type"] == kind) > 0


def test_rows_have_the_columns_of_the_workflow(excerpt):
    window = hours(excerpt, 0, 1)
    for row in excerpt.consumption(window):
        assert list(row) == CONSUMPTION
        assert type(row["wh"]) is int
        assert all(type(row[switch]) is bool for switch in CONSUMPTION[-3:])
        assert all(row[place] is None or row[place] for place in ("site", "region", "country"))
    for row in excerpt.generation(window):
        assert list(row) == GENERATION
        assert type(row["wh"]) is int


def test_companies_differ_in_wishes_places_and_switches(excerpt):
    assert "" in {row["priorities"] for row in excerpt.consumers}
    assert len({row["priorities"] for row in excerpt.consumers}) > 5
    assert len({row["region"] for row in excerpt.consumers}) >= 3
    assert len({row["country"] for row in excerpt.consumers}) >= 2
    assert {row["in_other"] for row in excerpt.consumers} == {True, False}
    sites = {row["site"] for row in excerpt.consumers} & {row["site"] for row in excerpt.generators}
    assert len(sites - {None}) >= 2


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2016-05-17T03:00:00Z", "2016-05-17T04:00:00Z"),
        ("2016-05-17T03:00:00Z", "2016-05-17T05:00:00Z"),
        ("2016-05-24T03:00:00Z", "2016-05-24T05:00:00Z"),
        ("2016-05-17T04:05:00Z", "2016-05-17T05:00:00Z"),
        ("2016-05-17T04:00:00Z", "2016-05-17T04:59:59Z"),
        ("2026-05-17T04:00:00Z", "2026-05-17T05:00:00Z"),
    ],
)
def test_a_window_that_is_not_recorded_is_refused_with_a_hint(excerpt, start, end):
    window = Window(parse_time(start), parse_time(end))
    for rows_of in (excerpt.consumption, excerpt.generation):
        with pytest.raises(profiles.ProfilesError) as refused:
            rows_of(window)
        assert "2016-05-17T04:00:00Z" in refused.value.hint


def test_a_missing_file_is_named(damaged):
    (damaged / "generators.csv").unlink()
    with pytest.raises(profiles.ProfilesError, match=r"generators\.csv"):
        profiles.load_profiles(damaged)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("consumption.csv", "2016-05-17T04:15:00Z", "2016-05-17T04:16:00Z", "15 minutes"),
        ("consumption.csv", "bb_bakery", "bb_baker", "not the start and the entities"),
        ("generation.csv", "Z,", "Z,1.5,", "line 2"),
        ("generation.csv", "04:00:00Z,", "04:00:00Z,x", "no whole number"),
        ("generation.csv", "2016-05-17T04:00:00Z", "17.05.2016 04:00", "no time"),
        ("consumers.csv", "true", "yes", "no boolean"),
        ("consumers.csv", "priorities", "wishes", "no column"),
        ("generators.csv", "energy_type", "type", "no column"),
    ],
)
def test_a_damaged_excerpt_is_refused(damaged, file, old, new, message):
    path = damaged / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(profiles.ProfilesError, match=message):
        profiles.load_profiles(damaged)


@pytest.mark.parametrize("keep", [0, 1])
def test_an_empty_file_is_named(damaged, keep):
    path = damaged / "consumers.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:keep]))
    with pytest.raises(profiles.ProfilesError, match=r"consumers\.csv"):
        profiles.load_profiles(damaged)


def test_files_of_different_length_are_refused(damaged):
    path = damaged / "generation.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(profiles.ProfilesError, match="the same intervals"):
        profiles.load_profiles(damaged)


def test_a_missing_interval_is_found(damaged):
    path = damaged / "consumption.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5] + lines[6:]))
    with pytest.raises(profiles.ProfilesError, match="15 minutes"):
        profiles.load_profiles(damaged)
