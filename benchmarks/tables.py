"""Committing a million rows, proving out of a hundred thousand; against bare hashing of the same bytes.

    python -m benchmarks.tables [--rows 1000000] [--proofs 100000]

The bare hashing is a plain loop of `sha256(data).digest()` over the prepared bytes of all leaves and all
nodes, in the same process; that they are the same bytes is asserted by the root. Every figure is the best of
three turns, and what is compared takes turns.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

import polars as pl

from worknet.protocol import salts
from worknet.protocol.columns import Column
from worknet.protocol.leaves import fields_of, salts_of
from worknet.protocol.tables import Salter, Schema
from worknet.tables import (
    CommittedTable,
    TableProofs,
    commit_table,
    encode_rows,
    parse_csv,
    validate,
    write_csv,
)

SCHEMA = Schema(
    (
        Column("consumer", "str"),
        Column("wh", "int"),
        Column("site", "str", nullable=True),
        Column("in_region", "bool"),
    ),
    ("consumer",),
)
SALTER = Salter(bytes(32), bytes(32), 1)
TURNS = 3

Found = TypeVar("Found")


def seconds_of(action: Callable[[], object]) -> float:
    """How long the action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def shuffled(rows: int) -> pl.DataFrame:
    """Rows in an order that is not the key's; `rows` is no multiple of 7919."""
    return pl.DataFrame(
        {
            "consumer": [f"consumer-{number * 7919 % rows:07d}" for number in range(rows)],
            "wh": range(rows),
            "site": ["site-1"] * rows,
            "in_region": [True] * rows,
        }
    )


def commit(frame: pl.DataFrame, schema: Schema = SCHEMA) -> CommittedTable:
    """The commitment, as a worker makes it."""
    return commit_table("table", "t", schema, frame, SALTER)


def hashed_bytes(frame: pl.DataFrame, schema: Schema = SCHEMA) -> list[bytes]:
    """Everything that is hashed for the table's tree, and for those of its rows' fields: leaves and nodes."""
    hashed: list[bytes] = []
    if schema.field_disclosure:
        rows, bodies = frame.iter_rows(named=True), []
        for number, row in enumerate(rows):
            key = SALTER.document_key(salts.fields("table", "t", number))
            bodies.append(_tree(fields_of(row, key, schema.decoys), hashed))
    else:
        bodies = encode_rows(frame)
    row_salts = salts_of(SALTER.document_key(salts.rows("table", "t")), frame.height)
    root = _tree([salt + body for salt, body in zip(row_salts, bodies, strict=True)], hashed)
    assert root == commit(frame, schema).root
    return hashed


def _tree(leaves: list[bytes], hashed: list[bytes]) -> bytes:
    """The root over leaf data; what is hashed for it is added to `hashed`."""
    pairs = [b"\x00" + leaf for leaf in leaves]
    level: list[bytes] = []
    while pairs:
        hashed += pairs
        level = [sha256(data).digest() for data in pairs] + level[len(level) & ~1 :]
        pairs = [b"\x01" + left + right for left, right in zip(level[::2], level[1::2], strict=False)]
    return level[0]


def committing(frame: pl.DataFrame, schema: Schema = SCHEMA) -> tuple[float, float]:
    """Seconds of the commitment, and of the bare hashing of the same bytes."""
    hashed = hashed_bytes(frame, schema)
    turns = [
        (
            seconds_of(lambda: commit(frame, schema)),
            seconds_of(lambda: [sha256(data).digest() for data in hashed]),
        )
        for _ in range(TURNS)
    ]
    return min(whole for whole, _ in turns), min(bare for _, bare in turns)


def proving(frame: pl.DataFrame) -> tuple[float, float, float]:
    """Seconds of one proof of a row in the middle, of all rows, and of one field of a row."""
    proofs = TableProofs(commit(frame), SALTER)
    few = range(0, frame.height, max(1, frame.height // 100))
    proofs.row(0)  # makes the salts
    one = min(seconds_of(lambda: drained(map(proofs.row, few))) for _ in range(TURNS)) / len(few)
    every = min(seconds_of(lambda: drained(proofs.rows())) for _ in range(TURNS))
    fieldwise = TableProofs(commit(frame, replace(SCHEMA, field_disclosure=True, decoys=4)), SALTER)
    fieldwise.fields(0)
    few_fields = min(
        seconds_of(lambda: drained(fieldwise.fields(row, ("wh",)) for row in few)) for _ in range(TURNS)
    )
    return one, every, few_fields / len(few)


def drained(proofs: Iterable[object]) -> None:
    """Goes through the proofs and keeps none."""
    for _ in proofs:
        pass


def tell(what: str, whole: float, bare: float, limit: str = "") -> None:
    """Prints a commitment's time beside that of its hashing."""
    print(f"committing {what}: {whole:.2f} s, bare hashing {bare:.2f} s, ratio {whole / bare:.2f} {limit}")


def peak() -> str:
    """The most memory that the process had so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--proofs", type=int, default=100_000)
    given = parser.parse_args()
    frame = validate("t", SCHEMA, shuffled(given.rows))
    before = peak()
    commit(frame)
    print(f"memory of committing {given.rows:,} rows: at most {peak()}, {before} of it before, with the rows")
    tell(f"{given.rows:,} rows", *committing(frame), "(at most 2.5)")
    del frame
    small = validate("t", SCHEMA, shuffled(given.proofs))
    for decoys in (0, 4):
        schema = replace(SCHEMA, field_disclosure=True, decoys=decoys)
        tell(f"{given.proofs:,} rows by field, {decoys} decoys", *committing(small, schema))
    one, every, fields = proving(small)
    print(f"out of {given.proofs:,} rows: proof of one {one * 1e3:.4f} ms (at most 0.1), ", end="")
    print(f"of all {every:.2f} s (at most 1), of a field among decoys {fields * 1e3:.4f} ms")
    content = write_csv(small, "t", SCHEMA)
    validating = seconds_of(lambda: validate("t", SCHEMA, shuffled(given.proofs)))
    reading = seconds_of(lambda: parse_csv(content, "t", SCHEMA))
    print(f"validate and sort {validating:.2f} s, read and validate CSV {reading:.2f} s")


if __name__ == "__main__":
    main()
