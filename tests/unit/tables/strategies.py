"""Schemas and rows that hypothesis makes for the laws of tables."""

from hypothesis import settings
from hypothesis import strategies as st

from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema

quickly = settings(max_examples=60, deadline=None)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
BIG = st.integers(-(10**25), 10**25)
VALUES = {
    "int": lambda _: st.integers(-(2**53) + 1, 2**53 - 1),
    "bigint": lambda _: BIG.map(str),
    "decimal": lambda digits: BIG.map(lambda n: decimal_text(n, digits)),
    "str": lambda _: TEXT,
    "bool": lambda _: st.booleans(),
    "bytes": lambda _: st.binary(max_size=4).map(lambda data: "0x" + data.hex()),
    "time": lambda digits: st.datetimes().map(lambda at: time_text(at, digits)),
}


def decimal_text(number, digits):
    if not digits:
        return str(number)
    whole = str(abs(number)).rjust(digits + 1, "0")
    return ("-" if number < 0 else "") + whole[:-digits] + "." + whole[-digits:]


def time_text(at, digits):
    fraction = "." + str(at.microsecond).rjust(6, "0").ljust(digits, "0")[:digits] if digits else ""
    return f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}{fraction}Z"


def value_of(column):
    values = VALUES[column.type](column.digits)
    return st.none() | values if column.nullable else values


@st.composite
def columns(draw, name, nullable):
    kind = draw(st.sampled_from(sorted(VALUES)))
    digits = draw(st.integers(0, 4)) if kind in {"decimal", "time"} else 0
    return Column(name, kind, nullable=nullable and draw(st.booleans()), digits=digits)


@st.composite
def tables(draw, field_disclosure=False, decoys=0):
    """A schema and rows that fit it, with distinct keys."""
    key = [draw(columns(name, nullable=False)) for name in ("k", "j2")[: draw(st.integers(1, 2))]]
    rest = [draw(columns(name, nullable=True)) for name in ("a", "z_9", "b")[: draw(st.integers(0, 3))]]
    mixed = draw(st.permutations([*key, *rest]))
    schema = Schema(tuple(mixed), tuple(column.name for column in key), field_disclosure, decoys)
    row = st.fixed_dictionaries({column.name: value_of(column) for column in mixed})
    rows = draw(st.lists(row, max_size=8, unique_by=lambda row: tuple(row[column.name] for column in key)))
    return schema, rows
