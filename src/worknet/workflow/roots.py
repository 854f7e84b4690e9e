"""The two roots that a worker votes on, and what proofs from them need: inputs, manifest, result tables.

Section 4 of the protocol. The node casts them, `prove` proves from them, and a desk shows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from worknet.protocol import merkle, salts
from worknet.protocol import tables as protocol_tables
from worknet.protocol.canonical import Value
from worknet.protocol.ids import Trigger
from worknet.protocol.manifest import Manifest, TableEntry
from worknet.protocol.tables import Salts
from worknet.tables import CommittedTable, commit_table
from worknet.workflow.declare import Declaration
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Outcome


@dataclass(frozen=True)
class CommittedInputs:
    """The input root, and the committed datasets by name that it is made of."""

    root: bytes
    datasets: dict[str, CommittedTable] = field(repr=False)


@dataclass(frozen=True)
class CommittedResult:
    """The result root, and what it is made of: the manifest with its leaf data, the tables by name."""

    root: bytes
    manifest: Manifest = field(repr=False)
    manifest_leaf: bytes = field(repr=False)
    tables: dict[str, CommittedTable] = field(repr=False)

    @property
    def leaves(self) -> list[bytes]:
        """Leaf data of the result tree: the manifest's, then the tables' in name order."""
        return _result_leaves(self.manifest_leaf, self.tables)


def commit_inputs(
    declaration: Declaration, datasets: Mapping[str, pl.DataFrame], salter: Salts
) -> CommittedInputs:
    """The commitment to the validated datasets; those declared uncommitted are left out."""
    committed = {
        dataset.name: commit_table("dataset", dataset.name, dataset.schema, datasets[dataset.name], salter)
        for dataset in declaration.datasets
        if dataset.committed
    }
    root = protocol_tables.input_root({name: table.leaf for name, table in committed.items()})
    return CommittedInputs(root, committed)


def commit_result(
    declaration: Declaration,
    bundle: Bundle,
    trigger: Trigger,
    outcome: Outcome,
    salter: Salts,
    parents: tuple[bytes, ...] = (),
) -> CommittedResult:
    """The commitment to a run's outcome; `parents` are the voting ids it consumed, ascending."""
    tables = {
        table.name: commit_table("table", table.name, table.schema, outcome.tables[table.name], salter)
        for table in declaration.tables
    }
    manifest = result_manifest(declaration, bundle, trigger, outcome, parents)
    leaf = manifest.leaf(salter.salt(salts.MANIFEST))
    return CommittedResult(merkle.root(_result_leaves(leaf, tables)), manifest, leaf, tables)


def result_manifest(
    declaration: Declaration,
    bundle: Bundle,
    trigger: Trigger,
    outcome: Outcome,
    parents: tuple[bytes, ...] = (),
) -> Manifest:
    """What every honest worker writes alike about this outcome."""
    parameters: Mapping[str, Value] = bundle.parameters
    return Manifest(
        workflow=declaration.name,
        bundle_digest=bundle.digest,
        trigger_id=trigger.trigger_id,
        window=trigger.window,
        parameters=parameters,
        tables={
            table.name: TableEntry(table.schema.digest(), outcome.tables[table.name].height)
            for table in declaration.tables
        },
        summary=outcome.summary,
        parents=parents,
    )


def _result_leaves(manifest_leaf: bytes, tables: Mapping[str, CommittedTable]) -> list[bytes]:
    return protocol_tables.result_leaves(manifest_leaf, {name: table.leaf for name, table in tables.items()})
