"""Recorded results, and the true proofs of their rows, as the contract `RowProofs` takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tests.contracts.network import Network, words_of

from worknet.protocol import merkle, tables, trees
from worknet.protocol.ballots import Pair
from worknet.protocol.columns import Column
from worknet.protocol.tables import Salter, Schema

SCHEMA = Schema((Column("id", "int"), Column("note", "str")), ("id",))


@dataclass(frozen=True)
class Proof:
    """What `verify_row` is given, after the network; `record` are the words of a record."""

    record: tuple[Any, ...]
    row: bytes
    row_index: int
    row_path: Sequence[bytes]
    table: bytes
    table_index: int
    table_count: int
    table_path: Sequence[bytes]

    def arguments(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)


@dataclass(frozen=True)
class Result:
    """A recorded result: leaf data of the result tree and, by the place of a table in it, of its rows."""

    record: tuple[Any, ...]
    leaves: Sequence[bytes]
    rows: Mapping[int, Sequence[bytes]]

    def proof(self, table: int, row: int) -> Proof:
        """The true proof that a row stands in the table at this place."""
        return Proof(
            record=self.record,
            row=self.rows[table][row],
            row_index=row,
            row_path=trees.inclusion(self.rows[table], row),
            table=self.leaves[table],
            table_index=table,
            table_count=len(self.leaves),
            table_path=trees.inclusion(self.leaves, table),
        )


def begin_voting(network: Network) -> None:
    """Turns to a voting that has no record."""
    network.trigger = network.slot(2 + network.contract.size()).trigger_id


def recorded(network: Network, leaves: Sequence[bytes], rows: Mapping[int, Sequence[bytes]]) -> Result:
    """Records a result with this tree, in a voting of its own."""
    begin_voting(network)
    for worker in (0, 1):
        network.cast(worker, Pair(b"\x01" * 32, merkle.root(leaves)))
    return Result(words_of(network.record()), leaves, rows)


def result_of(network: Network, sizes: Mapping[str, int], schema: Schema = SCHEMA) -> Result:
    """Records a result with tables of these names and numbers of rows, behind a manifest."""
    begin_voting(network)
    salter = Salter(b"\x05" * 32, network.voting_id(), 1)
    made = {}
    for name in sorted(sizes):
        values = [{"id": number, "note": f"{name} {number}"} for number in range(sizes[name])]
        made[name] = tables.row_leaves("table", name, schema, values, salter)
    headers = {
        name: tables.table_leaf("table", name, len(rows), merkle.root(rows), salter)
        for name, rows in made.items()
    }
    leaves = tables.result_leaves(b"\x06" * 16 + b'{"protocol":1}', headers)
    return recorded(network, leaves, dict(enumerate(made.values(), start=1)))


def name_hash(name: str) -> bytes:
    """What is returned for a table of this name."""
    return sha256(name.encode()).digest()


def verify(network: Network, proof: Proof) -> bytes:
    """What the contract says to a proof; reverts where it refuses it."""
    return bytes(network.proofs.verify_row(network.contract.address, *proof.arguments()))
