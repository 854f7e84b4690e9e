"""All that stands behind one recorded voting, for an auditor who is to compute it again (appendix G).

Each committed dataset and each table of the result is an evidence file of the whole of it, so that nothing
has to be believed: document keys, and never the data key. With them go the datasets that the workflow leaves
uncommitted, of which nothing can be proven, and the bundle that the policy pins.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from worknet.chain.index_facts import IndexedRecord
from worknet.node.bundles import Bundles
from worknet.node.errors import RequestError
from worknet.node.prove import Prover
from worknet.protocol.canonical import encode
from worknet.verify import parse, verify
from worknet.verify.form import MAX_BYTES
from worknet.workflow.archive import pack


@dataclass(frozen=True)
class Discloser:
    """What a disclosure is made from: the prover of one worker, and the bundles."""

    prover: Prover
    bundles: Bundles

    def files(self, record: IndexedRecord, size: int | None = None) -> Iterator[tuple[str, bytes]]:
        """Name and content of each: `dataset-NAME`, `table-NAME`, `uncommitted-NAME`, `bundle`.

        They are evidence against the tree head of `size` records (None: the newest).

        Raises `UnknownVoting` where this worker has no part in the record, or no longer holds its rows, and
        `BundleMissing`, `RequestError` for more rows than a file may have. Every evidence file was verified.
        """
        proofs = self.prover.of(record, size)
        bundle = self.bundles.get(proofs.declaration.name, proofs.policy.bundle_digest)
        for kind, name in proofs.names:
            content = proofs.file(proofs.whole(kind, name))
            if len(content) > MAX_BYTES:
                hint = (
                    "evidence of a whole table may have so much; hand over rows with `worknet prove --each`"
                )
                raise RequestError(f"the {kind} {name} takes {len(content)} bytes of {MAX_BYTES}", hint)
            verify(parse(content))
            yield f"{kind}-{name}", content
        for dataset in proofs.declaration.datasets:
            if not dataset.committed:
                rows = proofs.frame("dataset", dataset.name).to_dicts()
                yield f"uncommitted-{dataset.name}", encode({"name": dataset.name, "rows": rows}) + b"\n"
        yield "bundle", pack(bundle)
