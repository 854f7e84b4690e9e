"""The roots of inputs and results are those that the protocol's reference gives for the same rows."""

import polars as pl
import pytest

from worknet.protocol import merkle, salts, trees
from worknet.protocol import tables as reference
from worknet.protocol.columns import Column
from worknet.protocol.ids import Slot
from worknet.protocol.manifest import Manifest
from worknet.protocol.tables import Salter
from worknet.tables import TableProofs
from worknet.workflow import Dataset, Declaration, Every, Table
from worknet.workflow.folder import Bundle
from worknet.workflow.roots import commit_inputs, commit_result
from worknet.workflow.runner import Outcome

COLUMNS = [Column("id", "str"), Column("wh", "int")]
DECLARATION = Declaration(
    "w",
    Every(3600),
    (
        Dataset("weather", COLUMNS, ["id"], committed=False),
        Dataset("meters", COLUMNS, ["id"]),
        Dataset("grid", COLUMNS, ["id"], disclosure="field"),
    ),
    (Table("scores", COLUMNS, ["id"], disclosure="field"), Table("matches", COLUMNS, ["id"])),
)
BUNDLE = Bundle({"workflow.py": b"", "parameters.json": b'{"cap": 5}'})
SLOT = Slot(3600, 7)
SALTER = Salter(bytes(range(32)), bytes(32), 1)
ROWS = [{"id": "a", "wh": 1}, {"id": "b", "wh": 2}, {"id": "c", "wh": 3}]
FRAME = pl.DataFrame(ROWS)
OUTCOME = Outcome({"scores": FRAME, "matches": FRAME[:0]}, {"total": 6})


def reference_leaf(kind, name, schema, rows):
    leaves = reference.row_leaves(kind, name, schema, rows, SALTER)
    return reference.table_leaf(kind, name, len(rows), merkle.root(leaves), SALTER)


def test_the_input_root_is_that_of_the_committed_datasets_in_name_order():
    committed = commit_inputs(DECLARATION, {"weather": FRAME, "meters": FRAME, "grid": FRAME}, SALTER)
    assert committed.datasets.keys() == {"meters", "grid"}
    leaves = [
        reference_leaf("dataset", name, DECLARATION.dataset(name).schema, ROWS) for name in ("grid", "meters")
    ]
    assert committed.root == merkle.root(leaves)


def test_an_uncommitted_dataset_does_not_change_the_input_root():
    frames = {"weather": FRAME, "meters": FRAME, "grid": FRAME}
    other = commit_inputs(DECLARATION, {**frames, "weather": FRAME[:1]}, SALTER)
    assert other.root == commit_inputs(DECLARATION, frames, SALTER).root


def test_the_result_root_is_that_of_the_manifest_and_the_tables_in_name_order():
    result = commit_result(DECLARATION, BUNDLE, SLOT, OUTCOME, SALTER)
    leaves = [
        result.manifest.leaf(SALTER.salt(salts.MANIFEST)),
        reference_leaf("table", "matches", DECLARATION.table("matches").schema, []),
        reference_leaf("table", "scores", DECLARATION.table("scores").schema, ROWS),
    ]
    assert result.leaves == leaves
    assert result.root == merkle.root(leaves)


def test_the_manifest_says_what_the_result_is_a_result_of():
    parent = bytes(31) + b"\x09"
    manifest = commit_result(DECLARATION, BUNDLE, SLOT, OUTCOME, SALTER, (parent,)).manifest
    assert (manifest.workflow, manifest.bundle_digest) == ("w", BUNDLE.digest)
    assert (manifest.trigger_id, manifest.window) == (SLOT.trigger_id, SLOT.window)
    assert (manifest.parameters, manifest.summary, manifest.parents) == ({"cap": 5}, {"total": 6}, (parent,))
    assert manifest.tables["scores"].schema_digest == DECLARATION.table("scores").schema.digest()
    assert {name: entry.rows for name, entry in manifest.tables.items()} == {"scores": 3, "matches": 0}
    assert Manifest.parse(manifest.leaf(b"")) == manifest


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_row_is_proved_up_to_the_result_root(index):
    result = commit_result(DECLARATION, BUNDLE, SLOT, OUTCOME, SALTER)
    table = result.tables["scores"]
    proof = TableProofs(table, SALTER).fields(index)
    merkle.verify_inclusion(proof.salt + proof.root, index, table.rows, proof.path, table.root)
    leaves = result.leaves
    for leaf, position in ((result.manifest_leaf, 0), (table.leaf, leaves.index(table.leaf))):
        path = trees.inclusion(leaves, position)
        merkle.verify_inclusion(leaf, position, len(leaves), path, result.root)
