"""Canonical JSON of many rows at once: Polars' struct encoding, which equals `protocol.canonical.encode`.

Property tests prove the two equal, also against the reference implementation `rfc8785`. That holds for the
types that `schema.DTYPES` names, for column names in which UTF-16 order is ASCII order, and for integers of
any size; a Polars release that breaks it is caught by those tests.
"""

import polars as pl

from worknet.protocol.tables import Schema


def encode_rows(frame: pl.DataFrame) -> list[bytes]:
    """`JCS(row)` of every row of a validated frame, in its order."""
    if not frame.height:
        return []
    struct = pl.struct(sorted(frame.columns))
    return frame.select(struct.struct.json_encode().cast(pl.Binary).alias("row"))["row"].to_list()


def encode_fields(schema: Schema, frame: pl.DataFrame) -> dict[str, list[bytes]]:
    """`JCS([name, value])` of every field, by column in name order."""
    encoded = {}
    for name in sorted(column.name for column in schema.columns):
        # One field alone encodes as {"name":value}: brackets for braces and a comma for the colon.
        start = len(name) + 4
        head = b'["' + name.encode() + b'",'
        encoded[name] = [head + row[start:-1] + b"]" for row in encode_rows(frame.select(name))]
    return encoded
