"""Sound evidence of every form that there is, by name, as the document without its checksum."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tools.vectors.form import Json, sample
from tools.vectors.ids import HOUR, NOON
from tools.vectors.voted import INPUTS, OWNER_ROWS, OWNERS, RESULT, SCORES, Voted, with_policy

from worknet.protocol.columns import Column
from worknet.protocol.tables import Row, Schema
from worknet.protocol.words import Ballots, Fallback, How

DECOYED = Schema(OWNERS.columns, OWNERS.key, field_disclosure=True, decoys=5)
EVERY_TYPE = Schema(
    (
        Column("a_int", "int"),
        Column("b_bigint", "bigint"),
        Column("c_decimal", "decimal", digits=30),
        Column("d_str", "str"),
        Column("e_bool", "bool"),
        Column("f_bytes", "bytes"),
        Column("g_time", "time", digits=3),
        Column("h_null", "str", nullable=True),
        Column("i_time", "time"),
        Column("j_decimal", "decimal"),
    ),
    ("a_int",),
)
EDGES: tuple[Row, ...] = (
    {
        "a_int": -(2**53) + 1,
        "b_bigint": "-" + "9" * 80,
        "c_decimal": "-0." + "0" * 29 + "1",
        "d_str": "",
        "e_bool": False,
        "f_bytes": "0x",
        "g_time": "0000-01-01T00:00:00.000Z",
        "h_null": None,
        "i_time": "2024-02-29T23:59:59Z",
        "j_decimal": "0",
    },
    {
        "a_int": 2**53 - 1,
        "b_bigint": "0",
        "c_decimal": "9" * 40 + "." + "9" * 30,
        "d_str": 'Zähler "Süd" \\ \u20ac \U0001f50c \U0010ffff \u2028\x7f\x00\x1f\n\t/',
        "e_bool": True,
        "f_bytes": "0x00ff",
        "g_time": "9999-12-31T23:59:59.999Z",
        "h_null": "null",
        "i_time": "2000-02-29T00:00:00Z",
        "j_decimal": "-12",
    },
)
FAR = Voted(trigger=sample("event"), policy=with_policy(every=0, delay=0, start=0))


@dataclass(frozen=True)
class Form:
    """One sound document, and the voting that it is about."""

    voted: Voted
    document: dict[str, Json]


@cache
def forms() -> dict[str, Form]:
    """All forms by name. What a document holds is shared: who changes one, copies it first."""
    return dict(_contents()) | dict(_votings()) | dict(_edges())


def _contents() -> Iterator[tuple[str, Form]]:
    """What can be shown of one voting's inputs and result."""
    voted = Voted()
    owners = ("consumer", "owner", "paid")
    shown = {
        "a row of a table": voted.row("table", "scores", 2),
        "a row of a dataset": voted.row("dataset", "load", 1),
        "one field": voted.fields("table", "owners", 2, ("owner",)),
        "several fields": voted.fields("table", "owners", 0, ("consumer", "paid")),
        "all fields": voted.fields("table", "owners", 1, owners),
        "one field of a dataset": voted.fields("dataset", "prices", 1, ("paid",)),
        "a whole table": voted.whole("table", "scores"),
        "a whole table with field disclosure": voted.whole("table", "owners"),
        "a whole dataset": voted.whole("dataset", "load"),
        "a whole dataset with field disclosure": voted.whole("dataset", "prices"),
    }
    yield "a voting", Form(voted, voted.document())
    yield "a voting without manifest", Form(voted, voted.document(manifest=False))
    for name, disclosure in shown.items():
        yield name, Form(voted, voted.document(disclosure))
        yield f"{name}, without manifest", Form(voted, voted.document(disclosure, manifest=False))
    decoyed = Voted(contents=INPUTS | {("table", "owners"): (DECOYED, OWNER_ROWS)})
    yield "one field among decoys", Form(decoyed, _fields(decoyed, ("paid",)))
    yield "several fields among decoys", Form(decoyed, _fields(decoyed, ("consumer", "owner")))
    yield "all fields among decoys", Form(decoyed, _fields(decoyed, owners))
    without = decoyed.fields("table", "owners", 2, ("owner",))
    yield "one field among decoys, without manifest", Form(decoyed, decoyed.document(without, manifest=False))
    yield "a whole table with decoys", Form(decoyed, decoyed.document(decoyed.whole("table", "owners")))


def _fields(voted: Voted, columns: tuple[str, ...]) -> dict[str, Json]:
    return voted.document(voted.fields("table", "owners", 2, columns))


def _votings() -> Iterator[tuple[str, Form]]:
    """The ways in which a record comes about, and the logs that it stands in."""
    event = FAR
    plurality = with_policy(fallback=Fallback.PLURALITY, threshold_num=1, threshold_den=1)
    failover = with_policy(fallback=Fallback.FAILOVER_THEN_PLURALITY)
    settled: dict[str, Any] = {"how": How.PLURALITY, "members": 0b1111, "n": 4, "attempt": 2}
    everyone = 2**120 - 1
    votings = {
        "an event": event,
        "open ballots": Voted(policy=with_policy(ballots=Ballots.OPEN, reveal_window=0)),
        "rewards for accuracy and speed": Voted(
            policy=with_policy(accuracy=10**18, speed=2**128 - 1, max_age=7200, start=NOON - HOUR)
        ),
        "other ballots": Voted(others={1: "other"}),
        "a plurality": Voted(policy=plurality, others={1: "a", 3: "b"}, **settled),
        "a plurality after the failover": Voted(
            **settled | {"policy": failover, "attempt": 3, "others": {1: "a"}}
        ),
        "attempt 2 with fewer members": Voted(attempt=2, members=0b101),
        "the failover": Voted(attempt=3, policy=failover, members=0b11111, n=5, voters=0b11101),
        "a report": Voted(how=How.REPORT, voters=0b111),
        "a reopening": Voted(attempt=4, members=0b1100, n=2, voters=0b1100),
        "the last attempt": Voted(attempt=255, time=NOON + 100 * HOUR),
        "two members": Voted(members=0b11, n=2, voters=0b11),
        "120 members": Voted(members=everyone, n=120, voters=everyone >> 40 << 40, others={3: "other"}),
        "a simple majority": Voted(policy=with_policy(threshold_num=0, threshold_den=1)),
        "a log that moved": Voted(moved=True),
        "parents": Voted(parents=tuple(sorted(sample(f"parent {number}") for number in range(3)))),
    }
    places = ((1, 0), (2, 0), (2, 1), (3, 2), (7, 6), (8, 0), (8, 7), (1000, 512))
    votings |= {
        f"record {position} of {size}": Voted(size=size, position=position) for size, position in places
    }
    for name, voted in votings.items():
        yield name, Form(voted, voted.document())


def _edges() -> Iterator[tuple[str, Form]]:
    """Values at the edges of what a value may be, and tables of other sizes."""
    voted = Voted(
        contents=INPUTS | {("table", "every_type"): (EVERY_TYPE, EDGES), ("table", "empty"): (SCORES, ())},
        parameters={
            "region": "EU",
            "tolerance": "0.010",
            "": [],
            "\U0001f50c": {"\ufb33": None, "a": [True]},
        },
        summary={"wh": -(2**53) + 1, "text": 'Zähler "Süd" \\ \u20ac \U0010ffff \u2028\x7f\x00\n'},
    )
    for row in range(2):
        yield f"every type, row {row}", Form(voted, voted.document(voted.row("table", "every_type", row)))
    yield "every type, whole", Form(voted, voted.document(voted.whole("table", "every_type")))
    yield "a whole table without rows", Form(voted, voted.document(voted.whole("table", "empty")))
    alone = Voted(contents={})
    rowless = Voted(contents={("table", "owners"): (DECOYED, ())})
    empty = rowless.document(rowless.whole("table", "owners"))
    yield "a whole table with decoys and without rows", Form(rowless, empty)
    yield "neither tables nor datasets", Form(alone, alone.document())
    single = Voted(contents={("table", "scores"): (SCORES, ({"consumer": "c", "wh": 1},))})
    yield "the only row", Form(single, single.document(single.row("table", "scores", 0)))
    key = Schema((Column("k", "int"),), ("k",))
    many = Voted(
        contents=RESULT | {("dataset", "many"): (key, tuple({"k": number} for number in range(1000)))}
    )
    yield "a row among 1000", Form(many, many.document(many.row("dataset", "many", 511)))
