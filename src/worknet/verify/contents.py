"""Whether what an evidence file shows of a result hangs below the record's roots: manifest and disclosed row.

A tree's size comes from what commits to the tree: of rows from their header, of the result tree from the
manifest, of fields from the schema. Where the file has no manifest, and for the tree of datasets, nothing
commits to the size; then it is checked by the path's own length, and the table is known by its name.
"""

from worknet.protocol import ids, merkle
from worknet.protocol.canonical import to_hex
from worknet.protocol.leaves import header_leaf
from worknet.protocol.manifest import Manifest
from worknet.protocol.tables import Schema
from worknet.verify.errors import refusing, require
from worknet.verify.evidence import Disclosure, Evidence, ManifestProof, RowFields


def check_manifest(evidence: Evidence, proof: ManifestProof) -> str:
    """The manifest is the result tree's first leaf and is about this voting; a sentence on it."""
    manifest, record, where = proof.manifest, evidence.record, "manifest.document"
    workflow_id = ids.workflow_id(manifest.workflow)
    require(workflow_id == record.workflow_id, f"{where}.workflow", "its id is not the record's workflow_id")
    require(manifest.trigger_id == record.trigger_id, f"{where}.trigger", "not the record's trigger")
    bundle = evidence.policy.bundle_digest
    require(manifest.bundle_digest == bundle, f"{where}.bundle", "not the bundle that the policy pins")
    window = None
    if evidence.policy.every:
        with refusing("record.trigger_id"):
            window = ids.Slot.of_trigger(record.trigger_id).window
    require(manifest.window == window, f"{where}.window", "not the window of the trigger")
    require(record.voting_id not in manifest.parents, f"{where}.parents", "the voting is its own parent")
    with refusing("manifest.path", "the manifest is not in the result"):
        leaf, count = manifest.leaf(proof.salt), 1 + len(manifest.tables)
        merkle.verify_inclusion(leaf, 0, count, proof.path, record.result_root)
    return (
        f"the manifest is part of the result: workflow {manifest.workflow}, bundle {to_hex(bundle)}, "
        f"tables {', '.join(sorted(manifest.tables)) or 'none'}"
    )


def check_disclosure(evidence: Evidence, disclosure: Disclosure) -> str:
    """The row stands in its table or dataset, and that in the result or the inputs; a sentence on it."""
    header, of = disclosure.header, disclosure.kind
    proof = evidence.manifest
    if of == "table" and proof is not None:
        _check_entry(disclosure, proof.manifest)
    else:
        require(disclosure.schema is None, "disclosure.schema", "nothing in this file commits to a schema")
    if of == "table":
        require(header.index >= 1, "disclosure.header.index", "the place of the manifest")
    root = evidence.record.result_root if of == "table" else evidence.record.input_root
    with refusing("disclosure.header.path", f"the {of} is not below the recorded root"):
        leaf = header_leaf(header.salt, disclosure.name, header.rows, header.root)
        merkle.verify_inclusion(leaf, header.index, header.count, header.path, root)
    with refusing("disclosure.path", f"the row is not in the {of}"):
        merkle.verify_inclusion(
            disclosure.row.leaf(), disclosure.index, header.rows, disclosure.path, header.root
        )
    if isinstance(disclosure.row, RowFields):
        _check_fields(disclosure.row, disclosure.schema)
    if disclosure.schema is not None:
        _check_columns(disclosure, disclosure.schema)
    return _sentence(disclosure)


def _check_entry(disclosure: Disclosure, manifest: Manifest) -> None:
    """The table is the one that the manifest says it is."""
    header, schema = disclosure.header, disclosure.schema
    require(disclosure.name in manifest.tables, "disclosure.name", "no table of the manifest")
    entry = manifest.tables[disclosure.name]
    require(header.rows == entry.rows, "disclosure.header.rows", "not as many as the manifest says")
    require(
        header.count == 1 + len(manifest.tables),
        "disclosure.header.count",
        "not the manifest and its tables",
    )
    index = 1 + sorted(manifest.tables).index(disclosure.name)
    require(header.index == index, "disclosure.header.index", "not the table's place by its name")
    digest = None if schema is None else schema.digest()
    require(digest == entry.schema_digest, "disclosure.schema", "not the schema that the manifest names")


def _check_fields(row: RowFields, schema: Schema | None) -> None:
    """Each field shown stands in the row, by its name in the order of names."""
    columns = None if schema is None else sorted(column.name for column in schema.columns)
    if columns is not None:
        require(row.count == len(columns), "disclosure.row.count", "not as many as the schema has columns")
    require(bool(row.fields), "disclosure.row.fields", "no field is shown")
    before: tuple[int, str] = (-1, "")
    for number, field in enumerate(row.fields):
        where = f"disclosure.row.fields[{number}]"
        ascends = field.index > before[0] and field.name > before[1]
        require(ascends, where, "the fields do not ascend by name and index")
        before = (field.index, field.name)
        if columns is not None:
            require(field.name in columns, f"{where}.name", "no column of the schema")
            require(field.index == columns.index(field.name), f"{where}.index", "not the place of its name")
        with refusing(f"{where}.path", "the field is not in the row"):
            merkle.verify_inclusion(field.leaf(), field.index, row.count, field.path, row.root)


def _check_columns(disclosure: Disclosure, schema: Schema) -> None:
    """What is shown has the form that the schema asks for."""
    row = disclosure.row
    by_field = isinstance(row, RowFields)
    require(
        by_field == schema.field_disclosure, "disclosure.row", "not shown as the schema says (rows or fields)"
    )
    columns = {column.name: column for column in schema.columns}
    if not by_field:
        require(row.values.keys() == columns.keys(), "disclosure.row.values", "not the schema's columns")
    for name, value in row.values.items():
        wrong = columns[name].check(value)
        require(not wrong, f"disclosure.row, column {name}", wrong)


def _sentence(disclosure: Disclosure) -> str:
    of, row = disclosure.kind, disclosure.row
    if isinstance(row, RowFields):
        what = f"what is shown ({len(row.fields)} of {row.count} fields) belongs to"
    else:
        what = "what is shown is"
    below = "result" if of == "table" else "inputs"
    against = "" if disclosure.schema is None else ", and has the form of its schema"
    return (
        f"{what} row {disclosure.index} (from 0) of {disclosure.header.rows} of the {of} {disclosure.name} "
        f"of the {below}{against}"
    )
