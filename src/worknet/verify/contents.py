"""Whether what an evidence file shows of a result hangs below the record's roots: manifest and disclosure.

A tree's size comes from what commits to the tree: of rows from their header, of the result tree from the
manifest, of fields from the schema. Where the file has no manifest, and for the tree of datasets, nothing
commits to the size; then it is checked by the path's own length, and the table is known by its name.
"""

from collections.abc import Iterable
from hashlib import sha256

from worknet.protocol.canonical import encode, to_hex
from worknet.protocol.leaves import field_leaf, fields_of, header_leaf, salts_of
from worknet.protocol.merkle import root, verify_inclusion
from worknet.protocol.times import time_text
from worknet.protocol.values import wrong
from worknet.verify.errors import refusing, require
from worknet.verify.form import Evidence, Members
from worknet.verify.rules import hash_of_known, slot

_MAX_DECOYS = 255  # Columns and decoys of a row are at most 256 together.


def check_manifest(evidence: Evidence, proof: Members) -> str:
    """The manifest is the result tree's first leaf and is about this voting; a sentence on it."""
    manifest, record, where = proof["document"], evidence.record, "manifest.document"
    is_named = hash_of_known(manifest["workflow"].encode()) == record["workflow_id"]
    require(is_named, f"{where}.workflow", "its id is not the record's workflow_id")
    require(manifest["trigger"] == record["trigger_id"], f"{where}.trigger", "not the record's trigger")
    is_pinned = manifest["bundle"] == evidence.policy["bundle_digest"]
    require(is_pinned, f"{where}.bundle", "not the bundle that the policy pins")
    span, parents = slot(evidence), manifest["parents"]
    window = span and {"start": time_text(span[0]), "end": time_text(span[1])}
    require(manifest["window"] == window, f"{where}.window", "not the window of the trigger")
    require(parents == sorted(set(parents)), f"{where}.parents", "the parents do not ascend")
    require(record["voting_id"] not in parents, f"{where}.parents", "the voting is its own parent")
    with refusing("manifest.path", "the manifest is not in the result"):
        leaf = proof["salt"] + encode(evidence.document["manifest"]["document"])
        verify_inclusion(leaf, 0, 1 + len(manifest["tables"]), proof["path"], record["result_root"])
    tables = ", ".join(sorted(manifest["tables"])) or "none"
    bundle = to_hex(manifest["bundle"])
    return f"the manifest is in the result: workflow {manifest['workflow']}, bundle {bundle}, tables {tables}"


def check_disclosure(evidence: Evidence, disclosure: Members) -> str:
    """What is shown stands in its table or dataset, and that in result or inputs; a sentence on it."""
    header, of, name, shown = (disclosure[part] for part in ("header", "kind", "name", "shown"))
    below = "result" if of == "table" else "input"
    schema = evidence.document["disclosure"]["schema"]
    if of == "table" and evidence.manifest is not None:
        _check_entry(evidence.manifest["document"]["tables"], disclosure, schema)
    else:
        require(schema is None, "disclosure.schema", "nothing in this file commits to a schema")
    require(of == "dataset" or header["index"] >= 1, "disclosure.header.index", "the place of the manifest")
    with refusing("disclosure.header.path", f"the {of} is not below the recorded root"):
        leaf = header_leaf(header["salt"], name, header["rows"], header["root"])
        top = evidence.record[f"{below}_root"]
        verify_inclusion(leaf, header["index"], header["count"], header["path"], top)
    is_row = "rows" not in shown
    what = _check_row(shown, header, schema) if is_row else _check_whole(shown, header, schema)
    if schema is not None:
        by_field = "fields" in shown if is_row else shown["field_keys"] is not None
        is_asked = by_field == (schema["disclosure"] == "field")
        require(is_asked, "disclosure.shown", "not shown as the schema says (rows or fields)")
        _check_columns(shown, schema)
    return f"what is shown {what} of {header['rows']} of the {of} {name} of the {below}"


def _check_entry(tables: Members, disclosure: Members, schema: Members | None) -> None:
    """The table is the one that the manifest says it is."""
    name = disclosure["name"]
    require(name in tables, "disclosure.name", "no table of the manifest")
    due = {"rows": tables[name]["rows"], "count": 1 + len(tables), "index": 1 + sorted(tables).index(name)}
    for part, number in due.items():
        is_due = disclosure["header"][part] == number
        require(is_due, f"disclosure.header.{part}", f"by the manifest {number}")
    is_named = schema is not None and sha256(encode(schema)).digest() == tables[name]["schema"]
    require(is_named, "disclosure.schema", "not the schema that the manifest names")
    columns = [column["name"] for column in schema["columns"]] if schema else []
    require(len(set(columns)) == len(columns), "disclosure.schema", "a column stands twice in it")


def _check_row(shown: Members, header: Members, schema: Members | None) -> str:
    by_field, index = "fields" in shown, shown["index"]
    with refusing("disclosure.shown.path", "the row is not below the header's root"):
        leaf = shown["salt"] + (shown["root"] if by_field else encode(shown["values"]))
        verify_inclusion(leaf, index, header["rows"], shown["path"], header["root"])
    if not by_field:
        return f"is row {index} (from 0)"
    _check_fields(shown, schema)
    decoys = "" if schema is not None and not schema.get("decoys") else ", decoys among them,"
    return f"are {len(shown['fields'])} of {shown['count']} fields{decoys} of row {index} (from 0)"


def _check_fields(shown: Members, schema: Members | None) -> None:
    """Each field shown stands in the row."""
    names = [] if schema is None else sorted(column["name"] for column in schema["columns"])
    places = {name: place for place, name in enumerate(names)}
    decoys = 0 if schema is None else schema.get("decoys", 0)
    is_due = schema is None or shown["count"] == len(names) + decoys
    require(is_due, "disclosure.shown.count", "not as many as the schema has")
    require(shown["fields"], "disclosure.shown.fields", "no field is shown")
    seen, before = set(), -1
    for number, field in enumerate(shown["fields"]):
        where, name, index = f"disclosure.shown.fields[{number}]", field["name"], field["index"]
        require(index > before, f"{where}.index", "the fields do not ascend")
        require(name not in seen, f"{where}.name", "a field that is shown twice")
        require(schema is None or name in places, f"{where}.name", "no column of the schema")
        in_place = schema is None or decoys or places[name] == index
        require(in_place, f"{where}.index", "not the place of its name")
        seen.add(name)
        before = index
        with refusing(f"{where}.path", "the field is not in the row"):
            leaf = field_leaf(field["salt"], name, field["value"])
            verify_inclusion(leaf, index, shown["count"], field["path"], shown["root"])


def _check_whole(shown: Members, header: Members, schema: Members | None) -> str:
    """The rows are all of the table, with the salts that follow from the key."""
    where, rows, keys, decoys = "disclosure.shown", shown["rows"], shown["field_keys"], shown["decoys"]
    require(len(rows) == header["rows"], f"{where}.rows", f"not {header['rows']}, as the header says")
    require(keys is None or len(keys) == len(rows), f"{where}.field_keys", "not one for each row")
    due = min(decoys, _MAX_DECOYS) if schema is None else schema.get("decoys", 0)
    is_due = decoys == due <= _MAX_DECOYS and (keys is not None or decoys == 0)
    require(is_due, f"{where}.decoys", "not as many as the schema has, or as a row may have")
    parts: Iterable[bytes] = map(encode, rows)
    if keys is not None:
        parts = (root(fields_of(row, key, decoys)) for row, key in zip(rows, keys, strict=True))
    salts = salts_of(shown["key"], len(rows))
    leaves = [salt + part for salt, part in zip(salts, parts, strict=True)]
    require(root(leaves) == header["root"], f"{where}.rows", "not those below the header's root")
    return "are all rows,"


def _check_columns(shown: Members, schema: Members) -> None:
    """What is shown of rows has the columns and types of the schema."""
    columns = {column["name"]: column for column in schema["columns"]}
    if "fields" in shown:
        fields = enumerate(shown["fields"])
        cells = [(f"fields[{number}].value", field["name"], field["value"]) for number, field in fields]
    else:
        rows = {f"rows[{number}]": row for number, row in enumerate(shown.get("rows", []))}
        rows = {"values": shown["values"]} if "values" in shown else rows
        for where, row in rows.items():
            require(row.keys() == columns.keys(), f"disclosure.shown.{where}", "not the schema's columns")
        cells = [(f"{where}.{name}", name, row[name]) for where, row in rows.items() for name in row]
    for where, name, value in cells:
        fault = wrong(value, *(columns[name][part] for part in ("type", "nullable", "digits")))
        require(not fault, f"disclosure.shown.{where}", fault)
