"""From a data frame that somebody made to the rows that are committed: checked by the schema, sorted by key.

The rules are those of `worknet.protocol.tables.sort_rows`, column by column in Polars; a property test holds
the two against each other. Nothing is converted here but the width of integers.
"""

from collections.abc import Sequence

import polars as pl
from polars.datatypes import DataTypeClass

from worknet.protocol.canonical import INTEGER_BOUND
from worknet.protocol.columns import Column, ColumnType
from worknet.protocol.tables import Schema
from worknet.tables.errors import DataError, FloatError
from worknet.tables.repeated import Repeated, least_rows
from worknet.tables.schema import DTYPES

_ROW = "#row"  # no column can be called so
_DATE = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_FORMS: dict[ColumnType, str] = {
    "bigint": "not the text of an integer in its shortest form",
    "decimal": "not the text of a decimal with the schema's digits, or a superfluous or negative zero",
    "bytes": "not 0x and lower-case hex digits",
    "time": "not a time that exists, like 2026-01-31T09:00:00Z, with the schema's digits of a second",
}


def validate(table: str, schema: Schema, frame: pl.DataFrame, repeated: Repeated = "refused") -> pl.DataFrame:
    """The rows with the schema's columns and types, sorted by its key as section 4 of the protocol says.

    Raises `DataError` with table, row (as given, from 0) and column; `FloatError` for floating point numbers.
    `repeated` says whether a key that occurs twice is such an error.
    """
    given, wanted = set(frame.columns), {column.name for column in schema.columns}
    for name in sorted(given - wanted):
        raise DataError("a column that the schema has not", table=table, column=name)
    for name in sorted(wanted - given):
        raise DataError("the column is missing", table=table, column=name)
    checked = pl.DataFrame([_checked(table, column, frame[column.name]) for column in schema.columns])
    return sort_by_key(table, schema, least_rows(schema, checked) if repeated == "least" else checked)


def sort_by_key(table: str, schema: Schema, frame: pl.DataFrame) -> pl.DataFrame:
    """The checked rows sorted by the key; a key that occurs twice raises `DataError`."""
    keys = [expression for name in schema.key for expression in _order(schema.column(name))]
    ordered = frame.with_row_index(_ROW).sort(keys)
    if ordered.height > 1:
        same = ordered.select(
            pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in schema.key).alias("same")
        )["same"].fill_null(value=False)
        if same.any():
            second = same.arg_max() or 0
            first, again = sorted(ordered[_ROW][second - 1 : second + 1].to_list())
            hint = f"the key is {', '.join(schema.key)}"
            message, column = "a key occurs again", schema.key[0]
            raise DataError(message, table=table, row=again, column=column, earlier=first, hint=hint)
    return ordered.drop(_ROW)


def _checked(table: str, column: Column, values: pl.Series) -> pl.Series:
    """The values in the column's Polars type, if all of them may stand in it."""
    typed = _typed(table, column, values)
    # Most columns are right: that is seen by their extremes and counts, without a look at each value.
    if column.type == "int" and not _is_narrow(typed, values):
        outside = typed.is_between(-INTEGER_BOUND, INTEGER_BOUND, closed="none").not_()
        # Wider integers that do not fit in 64 bits have become null.
        wrong = outside.fill_null(value=False) | (typed.is_null() & values.is_not_null())
        _refuse_first(table, column, wrong, "an integer of 2^53 or more", "bigint holds larger integers")
    if not column.nullable and typed.null_count():
        _refuse_first(table, column, typed.is_null(), "null where a value is due")
    if (pattern := _pattern(column)) is not None:
        wrong = typed.str.contains(pattern).not_()
        if column.type == "time":
            wrong |= typed.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_null()
        _refuse_first(table, column, wrong.fill_null(value=False) & typed.is_not_null(), _FORMS[column.type])
    return typed


def _is_narrow(typed: pl.Series, values: pl.Series) -> bool:
    """Whether all integers of a column lie within the protocol's bounds, and none was lost by its type."""
    least, most = typed.min(), typed.max()
    if typed.null_count() != values.null_count():
        return False
    if not isinstance(least, int) or not isinstance(most, int):
        return True  # no value at all
    return least > -INTEGER_BOUND and most < INTEGER_BOUND


def _refuse_first(table: str, column: Column, wrong: pl.Series, message: str, hint: str = "") -> None:
    if wrong.any():
        raise DataError(message, table=table, row=wrong.arg_max(), column=column.name, hint=hint)


def _typed(table: str, column: Column, values: pl.Series) -> pl.Series:
    wanted = DTYPES[column.type]
    if values.dtype == wanted:
        return values
    if values.dtype == pl.Null or (column.type == "int" and values.dtype.is_integer()):
        # What does not fit becomes null here, and the caller finds it.
        return values.cast(wanted, strict=False)
    if holds_floats(values.dtype):
        raise FloatError(
            "a floating point number",
            table=table,
            row=values.is_not_null().arg_max() if values.len() else None,
            column=column.name,
            hint="count in whole units (Wh, ppm) or use a column of type decimal",
        )
    # The whole type may hold values: the categories of an Enum, the names of a Struct's fields.
    raise DataError(
        f"{values.dtype.base_type().__name__} where the column is of type {column.type} "
        f"({wanted.__name__} in Polars)",
        table=table,
        row=0 if values.len() else None,
        column=column.name,
    )


def holds_floats(dtype: pl.DataType) -> bool:
    """Whether values of this type are, or have within them, floating point numbers."""
    if isinstance(dtype, pl.List | pl.Array):
        return holds_floats(_instance(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return any(holds_floats(_instance(field.dtype)) for field in dtype.fields)
    return dtype.is_float()


def _instance(dtype: DataTypeClass | pl.DataType) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()


def _pattern(column: Column) -> str | None:
    fraction = rf"\.[0-9]{{{column.digits}}}" if column.digits else ""
    if column.type == "bigint":
        return r"\A(?:0|-?[1-9][0-9]*)\z"
    if column.type == "decimal":
        # A minus needs a digit other than zero somewhere: there is no negative zero.
        positive = rf"(?:0|[1-9][0-9]*){fraction}"
        if not column.digits:
            return r"\A(?:0|-?[1-9][0-9]*)\z"
        small = "|".join(
            rf"0\.[0-9]{{{place}}}[1-9][0-9]{{{column.digits - place - 1}}}" for place in range(column.digits)
        )
        return rf"\A(?:{positive}|-(?:[1-9][0-9]*{fraction}|{small}))\z"
    if column.type == "bytes":
        return r"\A0x(?:[0-9a-f]{2})*\z"
    if column.type == "time":
        return rf"\A{_DATE}T{_CLOCK}{fraction}Z\z"
    return None


def _order(column: Column) -> Sequence[pl.Expr]:
    """What a key column is sorted by, ascending: Polars compares texts by their UTF-8 bytes."""
    values = pl.col(column.name)
    if column.type not in {"bigint", "decimal"}:
        return [values]
    # Numbers of any size, as text: sign, then length, then digits; for negative ones the other way round.
    negative = values.str.starts_with("-")
    length = values.str.len_bytes().cast(pl.Int64)
    nines = values.str.replace_many(list("0123456789"), list("9876543210"))
    return [
        ~negative,
        pl.when(negative).then(-length).otherwise(length),
        pl.when(negative).then(nines).otherwise(values),
    ]
