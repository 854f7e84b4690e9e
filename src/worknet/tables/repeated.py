"""Rows that repeat a key, where a table is read from somewhere that may do so: which of them counts."""

from typing import Literal

import polars as pl

from worknet.protocol.tables import Schema
from worknet.tables.encode import encode_rows

Repeated = Literal["refused", "least"]
"""What is done with a key that occurs twice: the table is refused, or of its rows the one with the least
canonical bytes counts, whatever their order."""

_BYTES = "#bytes"  # no column can be called so


def least_rows(schema: Schema, frame: pl.DataFrame) -> pl.DataFrame:
    """One row of each key, in no particular order: that with the least canonical bytes.

    `frame` is checked, but neither sorted nor free of repetitions.
    """
    again = frame.select(pl.struct(schema.key).is_duplicated().alias("again"))["again"]
    if not again.any():
        return frame
    some = frame.filter(again)
    encoded = some.with_columns(pl.Series(_BYTES, encode_rows(some), dtype=pl.Binary))
    least = encoded.sort(_BYTES).unique(schema.key, keep="first", maintain_order=True).drop(_BYTES)
    return pl.concat([frame.filter(~again), least])
