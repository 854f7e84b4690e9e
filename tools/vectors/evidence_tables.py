"""Evidence of tables that are not what manifest and schema say, and of whole tables other than the recorded.

All checksums are right. `undeclared` votings commit to such tables, so that every proof holds.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from tools.vectors.evidence_faults import SHOWN, SMALL, Corrupted, Path, changed, value_at
from tools.vectors.evidence_forms import DECOYED
from tools.vectors.evidence_proofs import HEADER, HERE
from tools.vectors.evidence_refusals import refused
from tools.vectors.form import Json, sample
from tools.vectors.voted import INPUTS, OWNER_ROWS, OWNERS, SCORE_ROWS, SCORES, Contents, Voted

from worknet.protocol import salts
from worknet.protocol.canonical import encode, to_hex
from worknet.protocol.manifest import TableEntry
from worknet.protocol.tables import Schema


def undeclared() -> Iterator[Corrupted]:
    """Tables that are not what the manifest says, or not of the form of their schema."""
    entry = TableEntry(SCORES.digest(), 3)
    for name, tables, field in (
        ("under another name", {"points": entry}, "disclosure.name"),
        ("of more rows", {"scores": TableEntry(SCORES.digest(), 4)}, "disclosure.header.rows"),
        ("of no rows", {"scores": TableEntry(SCORES.digest(), 0)}, "disclosure.header.rows"),
        ("of another schema", {"scores": TableEntry(OWNERS.digest(), 3)}, "disclosure.schema"),
    ):
        voted = Voted(contents=SMALL.contents, manifest_changes={"tables": tables})
        for what, shown in (
            ("a row", voted.row("table", "scores", 2)),
            ("it", voted.whole("table", "scores")),
        ):
            yield refused(f"{what} of a table named {name}", voted.document(shown), field)
    swapped = Voted(manifest_changes={"tables": {"a": entry, "scores": entry, "z": entry}})
    shown = swapped.row("table", "scores", 2)
    yield refused("a result with other tables", swapped.document(shown), "disclosure.header.count")
    for number, (values, column) in enumerate(_VALUES):
        rows = (SCORE_ROWS[0], SCORE_ROWS[1], values)
        voted = Voted(contents={("table", "scores"): (SCORES, rows)})
        row, whole = voted.row("table", "scores", 2), voted.whole("table", "scores")
        yield refused(f"row {number} that its schema does not admit", voted.document(row), column)
        if number < 4:
            place = column.replace("values", "rows[2]")
            yield refused(f"a whole table with row {number}", voted.document(whole), place)
    odd: tuple[dict[str, Json], ...] = ({"type": "decimal", "digits": 2**53 - 1}, {"type": "str"})
    for change in odd:
        schema: dict[str, Json] = SCORES.document()
        schema["columns"] = [schema["columns"][0], schema["columns"][1] | change]
        voted = _lying("scores", SMALL.contents, schema)
        shown = voted.row("table", "scores", 2) | {"schema": schema}
        yield refused(f"a schema with {change}", voted.document(shown), "disclosure.shown.values.wh")
    columns: Json = SCORES.document()["columns"]
    repeated = SCORES.document() | {"columns": [*columns, columns[1] | {"type": "str"}]}
    voted = _lying("scores", SMALL.contents, repeated)
    shown = voted.row("table", "scores", 2) | {"schema": repeated}
    yield refused("a schema with a column twice", voted.document(shown), "disclosure.schema")
    unlawful = DECOYED.document() | {"decoys": 2**53 - 1}
    voted = _lying("owners", {("table", "owners"): (OWNERS, OWNER_ROWS)}, unlawful)
    shown = voted.whole("table", "owners") | {"schema": unlawful}
    shown["shown"]["decoys"] = 2**53 - 1
    yield refused("a schema of more decoys than memory", voted.document(shown), "disclosure.shown.decoys")
    by_field = Schema(OWNERS.columns, OWNERS.key)
    by_row: Contents = INPUTS | {("table", "owners"): (by_field, OWNER_ROWS)}
    in_fields: Contents = INPUTS | {("table", "owners"): (OWNERS, OWNER_ROWS)}
    lying = _lying("owners", in_fields, by_field.document())
    shown = lying.fields("table", "owners", 2, ("owner",)) | {"schema": by_field.document()}
    yield refused("fields of a table that shows rows", lying.document(shown), "disclosure.shown")
    lying = _lying("owners", by_row, OWNERS.document())
    shown = lying.row("table", "owners", 2) | {"schema": OWNERS.document()}
    yield refused("a row of a table that shows fields", lying.document(shown), "disclosure.shown")
    lying = _lying("owners", in_fields, DECOYED.document())
    shown = lying.fields("table", "owners", 2, ("owner",)) | {"schema": DECOYED.document()}
    yield refused("a row without the decoys of its schema", lying.document(shown), "disclosure.shown.count")


def _lying(name: str, contents: Contents, schema: dict[str, Json]) -> Voted:
    """A voting whose manifest names another schema than that of its table."""
    entry = TableEntry(sha256(encode(schema)).digest(), 3)
    return Voted(contents=contents, manifest_changes={"tables": {name: entry}})


_VALUES: list[tuple[dict[str, Json], str]] = [
    ({"consumer": "c2", "wh": "2000"}, "disclosure.shown.values.wh"),
    ({"consumer": "c2", "wh": True}, "disclosure.shown.values.wh"),
    ({"consumer": "c2"}, "disclosure.shown.values"),
    ({"consumer": "c2", "wh": 2000, "more": 1}, "disclosure.shown.values"),
    ({"consumer": "c2", "wh": None}, "disclosure.shown.values.wh"),
    ({"consumer": 2, "wh": 2000}, "disclosure.shown.values.consumer"),
    ({"consumer": ["c2"], "wh": 2000}, "disclosure.shown.values.consumer"),
    ({}, "disclosure.shown.values"),
]


def whole_tables() -> Iterator[Corrupted]:
    """Whole tables with rows, keys and counts that are not the ones committed to."""
    bases = {
        "table": (HERE, "table", "scores"),
        "table with field disclosure": (HERE, "table", "owners"),
        "dataset": (HERE, "dataset", "load"),
        "dataset with field disclosure": (HERE, "dataset", "prices"),
    }
    for what, (voted, kind, name) in bases.items():
        document = voted.document(voted.whole(kind, name))  # type: ignore[arg-type]  # a Kind of the table above
        rows: list[Json] = value_at(document, (*SHOWN, "rows"))
        other = voted.salter.document_key(salts.rows(kind, "other"))
        again = replace(voted, attempt=2).whole(kind, name)["shown"]  # type: ignore[arg-type]
        column = "paid" if "field" in what else "wh"
        value = "9.99" if "field" in what else 9
        changes: list[tuple[str, Path, Json, str]] = [
            ("a row missing", ("rows",), rows[:-1], "rows"),
            ("no rows", ("rows",), [], "rows"),
            ("a row more", ("rows",), [*rows, rows[-1]], "rows"),
            ("a row in place of another", ("rows",), [rows[0], rows[0], rows[2]], "rows"),
            ("rows in another order", ("rows",), rows[::-1], "rows"),
            ("another value", ("rows", 1, column), value, "rows"),
            ("the key of another table", ("key",), to_hex(other), "rows"),
            ("the key of the next attempt", ("key",), again["key"], "rows"),
            ("a key of zeros", ("key",), "0x" + "00" * 32, "rows"),
            ("more decoys than a row may have", ("decoys",), 2**53 - 1, "decoys"),
        ]
        if "field" in what:
            keys: list[str] = value_at(document, (*SHOWN, "field_keys"))
            changes += [
                ("no keys of fields", ("field_keys",), None, "rows"),
                ("too few keys of fields", ("field_keys",), keys[:-1], "field_keys"),
                ("too many keys of fields", ("field_keys",), [*keys, keys[0]], "field_keys"),
                ("keys of fields in another order", ("field_keys",), keys[::-1], "rows"),
                ("decoys that it has not", ("decoys",), 5, "decoys" if kind == "table" else "rows"),
                ("the key of fields of the next attempt", ("field_keys", 0), again["field_keys"][0], "rows"),
            ]
        else:
            keys = ["0x" + "11" * 32] * 3
            changes.append(("keys of fields", ("field_keys",), keys, "rows"))
        for name_, path, new, field in changes:
            wrong = changed(document, (*SHOWN, *path), new)
            yield refused(f"a whole {what}: {name_}", wrong, f"disclosure.shown.{field}")
        document = changed(document, (*HEADER, "root"), to_hex(sample("other")))
        yield refused(f"a whole {what}: another root", document, "disclosure.header.path")
