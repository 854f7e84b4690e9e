"""Which Polars type holds which column type of the protocol."""

from typing import Final

import polars as pl

from worknet.protocol.columns import ColumnType
from worknet.protocol.tables import Schema

DTYPES: Final[dict[ColumnType, type[pl.DataType]]] = {
    "int": pl.Int64,
    "bigint": pl.String,
    "decimal": pl.String,
    "str": pl.String,
    "bool": pl.Boolean,
    "bytes": pl.String,
    "time": pl.String,
}
"""`bigint`, `decimal`, `bytes` and `time` are held as the text that stands in the canonical row."""


def polars_schema(schema: Schema) -> pl.Schema:
    """The columns of a table as Polars has them, in the schema's order."""
    return pl.Schema({column.name: DTYPES[column.type]() for column in schema.columns})


def empty(schema: Schema) -> pl.DataFrame:
    """A table without rows."""
    return pl.DataFrame(schema=polars_schema(schema))
