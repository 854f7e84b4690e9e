"""The wind farm's hourly energy from readings as La Haute Borne exported them, by file and by broker."""

import csv
import json
import random
import tomllib
from collections import Counter
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import polars as pl
import pytest

from worknet.node.inbox import sort
from worknet.node.ingest.rows import DatasetForm, RowForm
from worknet.protocol.canonical import encode
from worknet.protocol.ids import Window
from worknet.sources import Occasion, SchemaViolationError, source_from
from worknet.sources.feed import Message
from worknet.sources.forms import Forms
from worknet.tables.schema import polars_schema
from worknet.workflow import Every
from worknet.workflow.folder import read_bundle
from worknet.workflow.runner import Runner

BUNDLE = Path(__file__).parents[3] / "workflows" / "wind_farm"
EXPORT = BUNDLE / "tests" / "scada.csv"
OPTIONS = tomllib.loads((BUNDLE / "README.md").read_text().split("```toml\n")[1].split("```")[0])[
    "workflows"
]["wind_farm"]["datasets"]["scada"]
TURBINES = ["R80711", "R80721", "R80736", "R80790"]
HOURS = ["2014-01-01T00", "2014-03-30T01", "2014-04-24T06", "2014-06-18T06", "2014-10-26T00", "2015-03-29T01"]


@pytest.fixture(scope="module")
def runner():
    # What is tested here is the result; where the network cannot be cut it is the same.
    with Runner(read_bundle(BUNDLE), allow_unisolated=True) as runner:
        yield runner


@pytest.fixture(scope="module")
def schema(runner):
    return runner.declaration.dataset("scada").schema


@pytest.fixture(scope="module")
def exported():
    """The rows of the export by their hour, each with its line as the broker of another company sends it."""
    rows = {}
    with EXPORT.open() as file:
        for row in csv.DictReader(file):
            time = datetime.fromisoformat(row["Date_time"]).astimezone(UTC)
            rows.setdefault(time.strftime("%Y-%m-%dT%H"), []).append({**row, "time": time})
    return rows


def window(hour):
    start = int(datetime.fromisoformat(f"{hour}:00:00+00:00").timestamp())
    return Window(start, start + 3600)


def source(schema, **other):
    options = {**OPTIONS, "path": EXPORT, **other}
    return source_from(options.pop("source"), "scada", schema, **options)


def canonical(row):
    """A row of the export as the dataset has it."""
    power = row["P_avg"] and str(Decimal(row["P_avg"]).quantize(Decimal("0.001"), ROUND_HALF_EVEN))
    return {
        "turbine": row["Wind_turbine_name"],
        "at": row["time"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kw": power or None,
    }


def counting(rows):
    """The least row of each key."""
    least = {}
    for row in map(canonical, rows):
        key = row["turbine"], row["at"]
        least[key] = min(row, least.get(key, row), key=encode)
    return [row for _, row in sorted(least.items())]


def run(runner, rows):
    schema = polars_schema(runner.declaration.dataset("scada").schema)
    return runner.run({"scada": pl.DataFrame(rows, schema=schema)}, window("2014-01-01T00"))


def reading(minute, kw, turbine="R80711"):
    return {"turbine": turbine, "at": f"2014-01-01T00:{minute:02}:00Z", "kw": kw}


def test_it_declares_an_hourly_trigger_and_its_tables(runner):
    declaration = runner.declaration
    assert (declaration.name, declaration.trigger) == ("wind_farm", Every(3600, 600))
    assert [table.name for table in declaration.tables] == ["energy", "left_out"]


@pytest.mark.parametrize("hour", HOURS)
def test_an_hour_of_the_export_is_read_as_it_was_exported(schema, exported, hour):
    read = source(schema).read(Occasion(window(hour)))
    assert read.to_dicts() == counting(exported.get(hour, []))


@pytest.mark.parametrize("hour", ["2014-03-30T01", "2015-03-29T01"])
def test_the_hour_that_stands_there_twice_is_refused_unless_repeated_keys_are_taken(schema, hour):
    assert source(schema).read(Occasion(window(hour))).height == 24
    with pytest.raises(SchemaViolationError, match=r"line [0-9]+, column turbine: the key of line [0-9]+"):
        source(schema, repeated="refused").read(Occasion(window(hour)))


@pytest.mark.parametrize("hour", HOURS)
def test_a_broker_that_brings_the_rows_shuffled_and_twice_gives_the_hour_that_the_file_gives(
    schema, exported, hour
):
    forms = Forms.of(OPTIONS["numbers"], OPTIONS["times"], ())
    form = DatasetForm(RowForm(schema, OPTIONS["columns"], forms), OPTIONS["time_column"], 3600)
    expected = source(schema).read(Occasion(window(hour))).to_dicts()
    for seed in range(3):
        bodies = [message(row) for row in exported.get(hour, []) * 2]
        random.Random(seed).shuffle(bodies)
        arrivals = [arrival for body in bodies for arrival in form.arrivals(Message(body, ""))]
        found = sort(arrivals, {}, {}, oldest=0, newest=1 << 40)
        rows = [json.loads(row.content) for row, _ in found.rows]
        assert sorted(rows, key=lambda row: (row["turbine"], row["at"])) == expected


def message(row):
    """A row of the export in JSON, with its numbers as they stand there."""
    power = row["P_avg"] or "null"
    return (
        f'{{"Wind_turbine_name": "{row["Wind_turbine_name"]}", "Date_time": "{row["Date_time"]}",'
        f' "Ws_avg": {row["Ws_avg"] or "null"}, "P_avg": {power}}}'
    ).encode()


@pytest.mark.parametrize(
    ("hour", "left_out"),
    [
        ("2014-03-30T01", {}),
        ("2014-04-24T06", {"no value": 4}),
        ("2014-10-26T00", {"no row": 24}),
    ],
)
def test_the_hours_of_the_export_come_to_what_their_readings_make_up(
    runner, schema, exported, hour, left_out
):
    outcome = runner.run({"scada": source(schema).read(Occasion(window(hour)))}, window(hour))
    energy = {row["turbine"]: row for row in outcome.tables["energy"].to_dicts()}
    for turbine in TURBINES:
        powers = [
            Decimal(row["kw"])
            for row in counting(exported.get(hour, []))
            if row["turbine"] == turbine and row["kw"]
        ]
        wh = int((sum(powers) * 1000 / 6).to_integral_value(ROUND_HALF_EVEN)) if powers else None
        assert energy.pop(turbine) == {"turbine": turbine, "wh": wh, "readings": len(powers)}
    assert not energy
    assert Counter(outcome.tables["left_out"]["reason"].to_list()) == left_out
    assert outcome.summary["left_out"] == left_out
    assert outcome.summary["readings"] == 24 - sum(left_out.values())


def test_a_reading_counts_or_stands_among_those_left_out_with_the_reason(runner):
    given = [
        (reading(0, "2152.500"), None),
        (reading(10, None), "no value"),
        (reading(20, "2152.501"), "out of range"),
        (reading(30, "-102.501"), "out of range"),
        (reading(40, "-102.500"), None),
        (reading(45, "1.000"), "off the grid"),
        ({**reading(0, "1.000"), "at": "2014-01-01T01:00:00Z"}, "off the grid"),
        (reading(10, "1.000", turbine="R9"), "unknown turbine"),
    ]
    tables = run(runner, [row for row, _ in given]).tables
    reasons = {(row["turbine"], row["at"]): row["reason"] for row in tables["left_out"].to_dicts()}
    assert [reasons.pop((row["turbine"], row["at"]), None) for row, _ in given] == [why for _, why in given]
    # What is left is what had no row: of R80711 the last ten minutes, of the others all six.
    assert Counter(reasons.values()) == {"no row": 19}
    assert tables["energy"]["readings"].to_list() == [2, 0, 0, 0]
    assert tables["energy"]["wh"].to_list() == [341_667, None, None, None]


def test_the_energy_of_an_hour_is_rounded_once_half_to_even(runner):
    given = dict(zip(TURBINES, ["0.003", "0.009", "-0.009", "-0.015"], strict=True))
    energy = run(runner, [reading(0, kw, turbine) for turbine, kw in given.items()]).tables["energy"]
    assert energy["wh"].to_list() == [0, 2, -2, -2]
