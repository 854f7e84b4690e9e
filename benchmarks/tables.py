"""How long a commitment of a million rows takes, against nothing but the hashing of the same bytes.

    .venv/bin/python benchmarks/tables.py

Last figures (2 cores, Python 3.11, Polars 2.1.0): validate and sort 0.3 s, commit 1.4 s, bare hashing
0.7 s, so twice; write CSV 0.4 s, read and validate CSV 2.7 s.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

import polars as pl

from worknet.protocol.columns import Column
from worknet.protocol.tables import Salter, Schema
from worknet.tables import commit_table, leaf_datas, parse_csv, validate, write_csv

ROWS = 1_000_000
SCHEMA = Schema(
    (
        Column("consumer", "str"),
        Column("wh", "int"),
        Column("site", "str", nullable=True),
        Column("in_region", "bool"),
    ),
    ("consumer",),
)

Found = TypeVar("Found")


def timed(what: str, action: Callable[[], Found]) -> tuple[Found, float]:
    """What the action gives and its seconds, which are printed."""
    start = time.perf_counter()
    found = action()
    seconds = time.perf_counter() - start
    print(f"{what:<24}{seconds:6.2f} s")
    return found, seconds


def hashed_bytes(leaves: list[bytes]) -> list[bytes]:
    """Everything that is hashed for the tree over these leaves."""
    hashed = [b"\x00" + leaf for leaf in leaves]
    level = [sha256(data).digest() for data in hashed]
    while len(level) > 1:
        pairs = [b"\x01" + left + right for left, right in zip(level[::2], level[1::2], strict=False)]
        hashed += pairs
        level = [sha256(data).digest() for data in pairs] + level[len(level) & ~1 :]
    return hashed


def main() -> None:
    """Prints the figures."""
    shuffled = pl.DataFrame(
        {
            "consumer": [f"consumer-{number * 7919 % ROWS:07d}" for number in range(ROWS)],
            "wh": range(ROWS),
            "site": ["site-1"] * ROWS,
            "in_region": [True] * ROWS,
        }
    )
    salter = Salter(bytes(32), bytes(32), 1)
    frame, _ = timed("validate and sort", lambda: validate("t", SCHEMA, shuffled))
    _, commit = timed("commit", lambda: commit_table("table", "t", SCHEMA, frame, salter))
    hashed = hashed_bytes(leaf_datas("table", "t", SCHEMA, frame, salter))
    _, bare = timed("bare hashing", lambda: [sha256(data).digest() for data in hashed])
    print(f"{'ratio':<24}{commit / bare:6.2f}")
    content, _ = timed("write CSV", lambda: write_csv(frame, "t", SCHEMA))
    timed("read and validate CSV", lambda: parse_csv(content, "t", SCHEMA))


if __name__ == "__main__":
    main()
