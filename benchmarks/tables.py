"""Committing a million rows, proving out of a hundred thousand; against bare hashing of the same bytes.

    .venv/bin/python benchmarks/tables.py [--rows 1000000] [--proofs 100000]

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
from worknet.protocol.leaves import salts_of
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


def hashed_bytes(frame: pl.DataFrame) -> list[bytes]:
    """Everything that is hashed for the tree over the rows: of each leaf and of each node, in their order."""
    row_salts = salts_of(SALTER.document_key(salts.rows("table", "t")), frame.height)
    hashed = [b"\x00" + salt + row for salt, row in zip(row_salts, encode_rows(frame), strict=True)]
    level = [sha256(data).digest() for data in hashed]
    while len(level) > 1:
        pairs = [b"\x01" + left + right for left, right in zip(level[::2], level[1::2], strict=False)]
        hashed += pairs
        level = [sha256(data).digest() for data in pairs] + level[len(level) & ~1 :]
    assert level[0] == commit(frame).root
    return hashed


def committing(frame: pl.DataFrame) -> tuple[float, float]:
    """Seconds of the commitment, and of the bare hashing of the same bytes."""
    hashed = hashed_bytes(frame)
    turns = [
        (seconds_of(lambda: commit(frame)), seconds_of(lambda: [sha256(data).digest() for data in hashed]))
        for _ in range(TURNS)
    ]
    return min(whole for whole, _ in turns), min(bare for _, bare in turns)


def committing_fields(frame: pl.DataFrame, decoys: int) -> float:
    """Seconds of the commitment with field disclosure."""
    schema = replace(SCHEMA, field_disclosure=True, decoys=decoys)
    return min(seconds_of(lambda: commit(frame, schema)) for _ in range(TURNS))


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
    print(f"committing {given.rows:,} rows: memory at most {peak()}, {before} of it before, with the rows")
    whole, bare = committing(frame)
    print(f"  rows disclosed whole        {whole:8.2f} s")
    print(f"  bare hashing                {bare:8.2f} s")
    print(f"  ratio                       {whole / bare:8.2f}    (at most 2.5)")
    for decoys in (0, 4):
        fields = committing_fields(frame, decoys)
        print(f"  by field, {decoys} decoys          {fields:8.2f} s {fields / bare:8.2f}")
    del frame
    small = validate("t", SCHEMA, shuffled(given.proofs))
    one, every, fields = proving(small)
    print(f"{given.proofs:,} rows")
    print(f"  proof of one row            {one * 1e3:8.4f} ms (at most 0.1)")
    print(f"  proofs of all rows          {every:8.2f} s  (at most 1)")
    print(f"  proof of a field, 4 decoys  {fields * 1e3:8.4f} ms")
    content = write_csv(small, "t", SCHEMA)
    validating = seconds_of(lambda: validate("t", SCHEMA, shuffled(given.proofs)))
    reading = seconds_of(lambda: parse_csv(content, "t", SCHEMA))
    print(f"  validate and sort           {validating:8.2f} s")
    print(f"  read and validate CSV       {reading:8.2f} s")


if __name__ == "__main__":
    main()
