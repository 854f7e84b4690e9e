"""Rows in other forms than the protocol's, brought into that, if the operator says so.

Without a word nothing is brought into anything: what is not exact is refused. Who says otherwise must know
that all members of the network do the same, or their results differ.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, Literal

import polars as pl

from worknet.protocol.columns import Column
from worknet.sources.occasion import with_zone
from worknet.tables.repeated import Repeated

Numbers = Literal["exact", "padded", "rounded"]
Times = Literal["exact", "utc", "assumed_utc"]

_ROUNDING = Context(prec=60, rounding=ROUND_HALF_EVEN)
_LONGEST = 64


@dataclass(frozen=True)
class Forms:
    """Which other forms are taken.

    `numbers`: `padded` takes a number that has the column's digits but for zeros (1.5, 1.500, +1.5, 15e-1 for
    1.50); `rounded` any number, rounded half to even. `times`: `utc` takes a time in any zone that it names,
    `assumed_utc` also one without a zone, which is in UTC then.
    `nulls` are texts that stand for no value. `repeated`: `least` takes rows that repeat a key, of which that
    with the least canonical bytes counts.
    """

    numbers: Numbers = "exact"
    times: Times = "exact"
    nulls: frozenset[str] = frozenset()
    repeated: Repeated = "refused"

    @classmethod
    def of(
        cls, numbers: Numbers, times: Times, nulls: Collection[str], repeated: Repeated = "refused"
    ) -> "Forms":
        """As a source's arguments say it."""
        return cls(numbers, times, frozenset(nulls), repeated)

    @property
    def bare_zone(self) -> tzinfo | None:
        """The zone of a time that names none; without it such a time is refused."""
        return UTC if self.times == "assumed_utc" else None

    def takes(self, column: Column) -> bool:
        """Whether values of this column may come in other forms."""
        number = column.type in {"int", "bigint", "decimal"} and self.numbers != "exact"
        return number or (column.type == "time" and self.times != "exact") or bool(self.nulls)

    def text(self, column: Column, field: str) -> str:
        """The CSV field in the protocol's form; as it stands if it has none, for the validation to refuse."""
        if field in self.nulls:
            return ""
        if column.type == "time" and self.times != "exact":
            return _in_utc(field, column.digits, self.bare_zone)
        if column.type in {"int", "bigint", "decimal"} and self.numbers != "exact" and field:
            number = self._number(field, column.digits)
            return field if number is None else number
        return field

    def value(self, column: Column, value: Any) -> Any:
        """The value of a JSON text, or of a column of Parquet, in the protocol's form; see `text`."""
        if isinstance(value, str):
            return None if value in self.nulls else self.text(column, value)
        if isinstance(value, float) and math.isnan(value) and "NaN" in self.nulls:
            return None
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        if is_number and column.type in {"int", "bigint", "decimal"} and self.numbers != "exact":
            number = self._number(value, column.digits)
            if number is not None:
                return int(number) if column.type == "int" else number
        return value

    def column(self, column: Column, values: pl.Series) -> pl.Series:
        """The values of a column of Parquet in a type that the protocol knows."""
        kind = values.dtype
        if column.type == "time" and self.times != "exact" and isinstance(kind, pl.Datetime):
            if kind.time_zone:
                return values.dt.convert_time_zone("UTC")
            return values if self.bare_zone is None else values.dt.replace_time_zone("UTC")
        if not self.takes(column) or kind.is_temporal() or kind.is_nested():
            return values
        return pl.Series(values.name, [self.value(column, value) for value in values.to_list()], strict=False)

    def _number(self, given: str | int | float | Decimal, digits: int) -> str | None:
        """The text with so many digits after the point; None where there is none."""
        if isinstance(given, str) and (len(given) > _LONGEST or "_" in given or given != given.strip()):
            return None
        try:
            number = Decimal(given)
            if not number.is_finite():
                return None
            rounded = number.quantize(Decimal(1).scaleb(-digits), context=_ROUNDING)
        except InvalidOperation:
            return None
        if self.numbers == "padded" and rounded != number:
            return None
        text = f"{rounded:f}"
        return text.removeprefix("-") if rounded == 0 else text


EXACT = Forms()
"""What is taken without a word about it: the protocol's own forms."""


def _in_utc(field: str, digits: int, bare_zone: tzinfo | None) -> str:
    try:
        time = with_zone(field, bare_zone)
    except ValueError:
        return field
    # At either end of the calendar its time in UTC may be of no year that there is.
    if not 1 < time.year < 9999:
        return field
    time = time.astimezone(UTC)
    fraction = f"{time.microsecond:06}".ljust(digits, "0")
    if fraction[digits:].strip("0"):
        return field
    seconds = f"{time.year:04}" + time.strftime("-%m-%dT%H:%M:%S")
    return f"{seconds}.{fraction[:digits]}Z" if digits else f"{seconds}Z"
