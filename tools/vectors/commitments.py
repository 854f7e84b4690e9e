"""Vectors of what is committed to: salts, tables, manifests, input and result roots."""

import json
from typing import Any

from tools.vectors.form import VectorFile, sample
from tools.vectors.ids import HOUR, NOON

from worknet.protocol import merkle, salts, tables
from worknet.protocol.canonical import Value, encode
from worknet.protocol.columns import Column
from worknet.protocol.ids import Slot
from worknet.protocol.leaves import field_leaf, fields_of, header_leaf, salts_of
from worknet.protocol.manifest import Manifest, TableEntry
from worknet.protocol.tables import Row, Salter, Schema

DATA_KEY = sample("data key")
VOTING_ID = sample("voting id")
SALTING: dict[str, Any] = {"data_key": DATA_KEY, "voting_id": VOTING_ID, "attempt": 1}
SALTER = Salter(**SALTING)


def document_salts() -> VectorFile:
    """Document keys, the salts of a document, the commitment to the data key."""
    file = VectorFile("Salts (section 4). `info` is without its prefix `worknet/v1/salt/`.")
    infos = [
        salts.MANIFEST,
        salts.header("dataset", "load"),
        salts.header("table", "matches"),
        salts.rows("dataset", "load"),
        salts.rows("table", "matches"),
        salts.fields("table", "matches", 0),
        salts.fields("dataset", "load", 1000),
    ]
    for info in infos:
        file.good(info, "document_key", salts.document_key(**SALTING, info=info), **SALTING, info=info)
    changes: dict[str, dict[str, Any]] = {
        "the next attempt": {"attempt": 2},
        "the last attempt": {"attempt": 2**64 - 1},
        "another voting": {"voting_id": sample("voting id 2")},
        "another data key": {"data_key": sample("data key 2")},
    }
    for name, change in changes.items():
        given = SALTING | {"info": salts.MANIFEST} | change
        file.good(name, "document_key", salts.document_key(**given), **given)
    wrong: dict[str, dict[str, Any]] = {
        "attempt 0": {"attempt": 0},
        "a negative attempt": {"attempt": -1},
        "attempt 2 to the 64": {"attempt": 2**64},
        "a voting id of 31 bytes": {"voting_id": VOTING_ID[1:]},
        "a voting id of 33 bytes": {"voting_id": VOTING_ID + b"\0"},
        "no voting id": {"voting_id": b""},
        "a data key of 31 bytes": {"data_key": DATA_KEY[1:]},
        "a data key of 33 bytes": {"data_key": DATA_KEY + b"\0"},
        "no data key": {"data_key": b""},
    }
    for name, change in wrong.items():
        file.bad(name, "document_key", "SaltError", **(SALTING | {"info": salts.MANIFEST} | change))
    key = sample("document key")
    for count in (0, 1, 2, 9, 10):
        file.good(f"{count} salts", "salts", salts_of(key, count), document_key=key, count=count)
    file.good("commitment", "data_key_commitment", salts.data_key_commitment(DATA_KEY), data_key=DATA_KEY)
    for size in (0, 1, 16, 20, 31, 33, 48, 64):
        file.bad(f"commitment to {size} bytes", "data_key_commitment", "SaltError", data_key=bytes(size))
    return file


SCHEMA = Schema(
    (
        Column("consumer_id", "str"),
        Column("hour", "time"),
        Column("wh", "int"),
        Column("share", "decimal", digits=3),
        Column("note", "str", nullable=True),
    ),
    ("consumer_id", "hour"),
)
FIELDS = Schema(SCHEMA.columns, SCHEMA.key, field_disclosure=True)
DECOYS = Schema(SCHEMA.columns, SCHEMA.key, field_disclosure=True, decoys=3)
EURO = '\u20ac "x"'
ROWS: list[Row] = [
    {"consumer_id": "c-2", "hour": "2026-01-01T13:00:00Z", "wh": 5, "share": "0.250", "note": None},
    {"consumer_id": "c-10", "hour": "2026-01-01T12:00:00Z", "wh": 0, "share": "1.000", "note": EURO},
    {"consumer_id": "c-2", "hour": "2026-01-01T12:00:00Z", "wh": -7, "share": "-0.001", "note": ""},
]
SORTED: dict[str, tuple[Column, list[Value]]] = {
    "int": (Column("k", "int"), [-(2**53) + 1, -10, -9, 0, 9, 10, 2**53 - 1]),
    "bigint": (
        Column("k", "bigint"),
        ["-" + "9" * 40, "-10", "-9", "0", "9", "10", "1" + "0" * 40, "1" + "0" * 5000, "2" + "0" * 5000],
    ),
    "decimal": (
        Column("k", "decimal", digits=2),
        ["-10.00", "-9.99", "-0.01", "0.00", "9.99", "10.00"],
    ),
    "whole decimal": (Column("k", "decimal"), ["-2", "0", "1", "10"]),
    "bool": (Column("k", "bool"), [False, True]),
    "str": (Column("k", "str"), ["", "A", "B", "a", "aa", "b", "\u00e9", "\u20ac", "\ufb33", "\U0001f600"]),
    "bytes": (Column("k", "bytes"), ["0x", "0x00", "0x0000", "0x01", "0x0f", "0xa0", "0xff"]),
    "time": (Column("k", "time"), ["1999-12-31T23:59:59Z", "2024-02-29T00:00:00Z", "2026-01-01T00:00:00Z"]),
    "time with digits": (
        Column("k", "time", digits=3),
        ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.010Z"],
    ),
}
BAD_VALUES: list[tuple[Column, list[Value]]] = [
    (Column("v", "int"), [2**53, -(2**53), "1", True, None]),
    (Column("v", "bigint"), [1, "", "+1", "01", "-0", "1.0", "1e3", " 1", "1\n", "\u0661", None]),
    (
        Column("v", "decimal", digits=2),
        [
            1,
            "1",
            "1.0",
            "1.000",
            ".10",
            "+1.00",
            "01.00",
            "-0.00",
            "1,00",
            "1.0e",
            "NaN",
            "1.00 ",
            "1.\u0661\u0661",
        ],
    ),
    (Column("v", "decimal"), ["1.", "1.0", "-0", "00"]),
    (Column("v", "str"), [1, None, False, ["a"]]),
    (Column("v", "bool"), [0, 1, "true", None]),
    (Column("v", "bytes"), ["", "00", "0x0", "0xAB", "0X00", "0xzz", 0, None]),
    (
        Column("v", "time"),
        [
            0,
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01t00:00:00Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00z",
            "2026-01-01T00:00:00.0Z",
            "2026-01-01T00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-12-31T23:59:60Z",
            "12026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z\n",
        ],
    ),
    (
        Column("v", "time", digits=3),
        ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.00Z"],
    ),
]


def table_roots() -> VectorFile:
    """The order of rows for every type, leaves and roots of tables, and rows that no table may hold."""
    file = VectorFile(
        "Tables (sections 3 and 4). `schema` is the document whose digest the manifest names; "
        "`kind` is `dataset` or `table`."
    )
    for name, (column, ordered) in SORTED.items():
        schema = Schema((column,), ("k",))
        shuffled: list[Row] = [{"k": value} for value in ordered[1::2] + ordered[::2][::-1]]
        gives = tables.sort_rows("t", schema, shuffled)
        file.good(f"order of {name}", "sort_rows", gives, schema=schema.document(), rows=shuffled)
    for name, schema in {"by row": SCHEMA, "by field": FIELDS, "by field among decoys": DECOYS}.items():
        file.good(f"schema disclosed {name}", "schema_digest", schema.digest(), schema=schema.document())
        for kind in ("dataset", "table"):
            for rows in (ROWS, ROWS[:1], []):
                given = {"kind": kind, "name": "load", "schema": schema.document(), "rows": rows} | SALTING
                gives_tree = _committed(kind, schema, rows)
                file.good(f"{kind} of {len(rows)} rows disclosed {name}", "table", gives_tree, **given)
    salt, root = sample("salt", 16), sample("root")
    leaf = field_leaf(salt, "wh", 5)
    file.good("field leaf", "field_leaf", leaf, salt=salt, name="wh", value=5)
    for decoys in (0, 1, 4, 11):
        leaves = fields_of(ROWS[0], root, decoys)
        given = {"row": ROWS[0], "document_key": root, "decoys": decoys}
        file.good(f"fields among {decoys} decoys", "field_leaves", leaves, **given)
    leaf = header_leaf(salt, "load", 3, root)
    file.good("header leaf", "header_leaf", leaf, salt=salt, name="load", rows=3, root=root)
    file.bad("header of no name", "header_leaf", "CanonicalError", salt=salt, name="", rows=3, root=root)
    file.bad("header of a-b", "header_leaf", "CanonicalError", salt=salt, name="a-b", rows=3, root=root)
    _bad_rows(file)
    _bad_schemas(file)
    return file


def _committed(kind: Any, schema: Schema, rows: list[Row]) -> dict[str, object]:
    ordered = tables.sort_rows("load", schema, rows)
    leaves = tables.row_leaves(kind, "load", schema, ordered, SALTER)
    root = merkle.root(leaves)
    leaf = tables.table_leaf(kind, "load", len(ordered), root, SALTER)
    return {"row_leaves": leaves, "rows_root": root, "leaf": leaf}


def _bad_rows(file: VectorFile) -> None:
    for column, values in BAD_VALUES:
        schema = Schema((Column("k", "int"), column), ("k",))
        for number, value in enumerate(values):
            name = f"{column.type} of {column.digits} digits, wrong {number}"
            # Written as it is: the numbers here are meant as JSON numbers, whatever their size.
            given = {"schema": schema.document(), "rows": [{"k": 1, "v": value}]}
            file.bad_cases.append({"name": name, "does": "sort_rows", "given": given, "error": "TableError"})
    for name, rows in {
        "a key twice": [ROWS[0], ROWS[1], dict(ROWS[0]) | {"wh": 6}],
        "a column missing": [{key: value for key, value in ROWS[0].items() if key != "note"}],
        "a column too many": [dict(ROWS[0]) | {"other": 1}],
        "null in a key": [dict(ROWS[0]) | {"consumer_id": None}],
    }.items():
        file.bad(name, "sort_rows", "TableError", schema=SCHEMA.document(), rows=rows)


def _bad_schemas(file: VectorFile) -> None:
    good: dict[str, Any] = SCHEMA.document()
    column = {"name": "a", "type": "int", "nullable": False, "digits": 0}
    for name, error, change in (
        ("no columns", "TableError", {"columns": []}),
        ("no key", "TableError", {"key": []}),
        ("a key that is no column", "TableError", {"key": ["other"]}),
        ("a key that may be null", "TableError", {"key": ["note"]}),
        ("a key column twice", "TableError", {"key": ["hour", "hour"]}),
        ("a column twice", "TableError", {"columns": [column, column], "key": ["a"]}),
        ("a type that is none", "TableError", {"columns": [column | {"type": "float"}], "key": ["a"]}),
        ("digits of an int", "TableError", {"columns": [column | {"digits": 1}], "key": ["a"]}),
        ("31 digits", "TableError", {"columns": [column | {"type": "decimal", "digits": 31}], "key": ["a"]}),
        (
            "negative digits",
            "TableError",
            {"columns": [column | {"digits": -1}], "key": ["a"]},
        ),
        ("decoys and rows disclosed whole", "TableError", {"decoys": 1}),
        ("negative decoys", "TableError", {"decoys": -1, "disclosure": "field"}),
        ("252 decoys beside five columns", "TableError", {"decoys": 252, "disclosure": "field"}),
        ("decoys as text", "TableError", {"decoys": "1", "disclosure": "field"}),
        ("true decoys", "TableError", {"decoys": True, "disclosure": "field"}),
        ("a column without a name", "CanonicalError", {"columns": [column | {"name": ""}], "key": [""]}),
        ("a column in upper case", "CanonicalError", {"columns": [column | {"name": "A"}], "key": ["A"]}),
    ):
        file.bad(f"schema with {name}", "schema_digest", error, schema=good | change)


MANIFEST = Manifest(
    workflow="matching_24_7",
    bundle_digest=sample("bundle digest"),
    trigger_id=Slot.at(HOUR, NOON).trigger_id,
    window=Slot.at(HOUR, NOON).window,
    parameters={"region": "EU", "tolerance": "0.010"},
    tables={"matches": TableEntry(SCHEMA.digest(), 3), "coverage": TableEntry(FIELDS.digest(), 1)},
    summary={"matched_wh": 1200, "score_ppm": 912_345},
    parents=(),
)


def results() -> VectorFile:
    """Manifests, input roots, result roots, and documents that are no manifest."""
    file = VectorFile("Manifest, input root and result root (section 4). `text` is the manifest's JSON.")
    salt = sample("manifest salt", 16)
    parents = tuple(sorted(sample(f"parent {number}") for number in range(3)))
    manifests = {
        "of an hour": MANIFEST,
        "of an event": Manifest("settle", sample("b"), sample("t"), None, {}, {}, {}),
        "with parents": Manifest("sums", sample("b"), sample("t"), None, {}, {}, {"total": "1"}, parents),
    }
    for name, manifest in manifests.items():
        text = encode(manifest.document()).decode()
        file.good(f"manifest {name}", "manifest_leaf", manifest.leaf(salt), salt=salt, text=text)
    leaves = {name: sample(f"leaf of {name}", 88) for name in ("load", "generation", "a_prices")}
    for count in range(4):
        some = dict(list(leaves.items())[:count])
        file.good(f"input root over {count}", "input_root", tables.input_root(some), datasets=some)
        root = tables.result_root(MANIFEST.leaf(salt), some)
        given = {"manifest": MANIFEST.leaf(salt), "tables": some}
        file.good(f"result root over {count} tables", "result_root", root, **given)
    for name, text in _bad_manifests().items():
        file.bad(f"manifest with {name}", "manifest_leaf", "ProtocolError", salt=salt, text=text)
    return file


def _bad_manifests() -> dict[str, str]:
    good: Any = json.loads(encode(MANIFEST.document()))
    first, second = "0x" + "11" * 32, "0x" + "22" * 32
    span = {"start": "2026-01-01T12:00:00Z", "end": "2026-01-01T13:00:00Z"}
    entry = {"rows": 1, "schema": first}
    changes: dict[str, dict[str, Any]] = {
        "another protocol": {"protocol": 2},
        "true for a protocol": {"protocol": True},
        "text for a protocol": {"protocol": "1"},
        "a wrong workflow": {"workflow": "Matching"},
        "a number for a workflow": {"workflow": 7},
        "a short bundle digest": {"bundle": first[:-2]},
        "a bundle digest in upper case": {"bundle": "0x" + "AA" * 32},
        "no trigger": {"trigger": None},
        "a list for a window": {"window": []},
        "a window of numbers": {"window": {"start": NOON, "end": NOON + HOUR}},
        "a window without end": {"window": {"start": span["start"]}},
        "a window that ends before it starts": {"window": {"start": span["end"], "end": span["start"]}},
        "an empty window": {"window": span | {"end": span["start"]}},
        "a window in another zone": {"window": span | {"end": "2026-01-01T13:00:00+00:00"}},
        "a key more in the window": {"window": span | {"other": 1}},
        "parameters that are a list": {"parameters": []},
        "a summary that is text": {"summary": ""},
        "tables that are a list": {"tables": []},
        "a table of a wrong name": {"tables": {"a-b": entry}},
        "negative rows": {"tables": {"a": entry | {"rows": -1}}},
        "true rows": {"tables": {"a": entry | {"rows": True}}},
        "rows as text": {"tables": {"a": entry | {"rows": "1"}}},
        "a short schema digest": {"tables": {"a": entry | {"schema": first[:-2]}}},
        "a key more in a table": {"tables": {"a": entry | {"other": 1}}},
        "parents in descending order": {"parents": [second, first]},
        "a parent twice": {"parents": [first, first]},
        "a short parent": {"parents": [first[:-2]]},
        "a number for a parent": {"parents": [1]},
        "parents that are an object": {"parents": {}},
        "a key more": {"attempt": 1},
    }
    texts = {name: encode(good | change).decode() for name, change in changes.items()}
    texts |= {
        f"no {key}": encode({k: v for k, v in good.items() if k != key}).decode() for key in sorted(good)
    }
    texts["white space"] = json.dumps(good)
    texts["a float"] = encode(good).decode().replace("912345", "0.912345")
    texts["nothing in it"] = "{}"
    texts["a list around it"] = encode([good]).decode()
    return texts
