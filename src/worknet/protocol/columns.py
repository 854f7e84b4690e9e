"""Columns: the types that a column of a table may have, and what a value of each may be (section 3)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from worknet.protocol.canonical import INTEGER_BOUND, check_name
from worknet.protocol.errors import ProtocolError

ColumnType = Literal["int", "bigint", "decimal", "str", "bool", "bytes", "time"]

MAX_DIGITS = 30


class TableError(ProtocolError):
    """A schema, or a row of a table, that breaks a rule. Names the place, never a value of a row."""

    def __init__(
        self, message: str, table: str = "", row: int | None = None, column: str = "", hint: str = ""
    ) -> None:
        places = [f"table {table}"] if table else []
        places += [f"row {row}"] if row is not None else []
        places += [f"column {column}"] if column else []
        super().__init__(f"{', '.join(places)}: {message}" if places else message, hint)
        self.table, self.row, self.column = table, row, column


@dataclass(frozen=True)
class Column:
    """A column. `digits` counts the digits of a fraction: of a decimal, or of a time's seconds.

    | type | value in a row |
    |---|---|
    | int | integer, absolutely below 2^53 |
    | bigint | text of an integer of any size |
    | decimal | text with exactly `digits` digits behind the point |
    | str | text |
    | bool | true or false |
    | bytes | text of `0x` and lower-case hex digits |
    | time | text in RFC 3339, UTC with `Z`, whole seconds or `digits` digits |
    """

    name: str
    type: ColumnType
    nullable: bool = False
    digits: int = 0

    def __post_init__(self) -> None:
        check_name(self.name, "column")
        if self.type not in get_args(ColumnType):
            hint = f"the types are {', '.join(get_args(ColumnType))}"
            raise TableError(f"{self.type!r} is no type", column=self.name, hint=hint)
        if not 0 <= self.digits <= MAX_DIGITS or (self.digits and self.type not in {"decimal", "time"}):
            raise TableError(f"{self.digits} digits for a {self.type}", column=self.name)

    def check(self, value: object) -> str:
        """What is wrong with the value in this column, in words that do not hold it; empty if nothing."""
        if value is None:
            return "" if self.nullable else "null where a value is due"
        return _CHECKS[self.type](value, self.digits)

    def order(self, value: Any) -> Any:
        """What values of a key column are compared by (section 4, "Table")."""
        if self.type in {"int", "bool"}:
            return value
        if self.type in {"bigint", "decimal"}:
            return _numeric_order(value)
        return value.encode()


_BIG_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_BYTES = re.compile(r"0x(?:[0-9a-f]{2})*")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?Z", re.ASCII
)
_NINES_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _check_int(value: object, _: int) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        return f"a {type(value).__name__} where an integer is due"
    return "" if -INTEGER_BOUND < value < INTEGER_BOUND else "an integer of 2^53 or more"


def _check_bool(value: object, _: int) -> str:
    return "" if isinstance(value, bool) else f"a {type(value).__name__} where true or false is due"


def _check_str(value: object, _: int) -> str:
    if not isinstance(value, str):
        return f"a {type(value).__name__} where text is due"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "a lone surrogate"
    return ""


def _check_bigint(value: object, _: int) -> str:
    return _check_str(value, 0) or ("" if _full(_BIG_INTEGER, value) else "no integer in its shortest form")


def _check_bytes(value: object, _: int) -> str:
    return _check_str(value, 0) or ("" if _full(_BYTES, value) else "not 0x and lower-case hex digits")


def _check_decimal(value: object, digits: int) -> str:
    if wrong := _check_str(value, 0):
        return wrong
    match = _full(_DECIMAL, value)
    if not match or len(match.group(3) or "") != digits:
        return f"not a decimal with exactly {digits} digits behind the point"
    negative_zero = match.group(1) and not (match.group(2) + (match.group(3) or "")).strip("0")
    return "a negative zero" if negative_zero else ""


def _check_time(value: object, digits: int) -> str:
    if wrong := _check_str(value, 0):
        return wrong
    match = _full(_TIME, value)
    if not match or len(match.group(7) or "") != digits:
        return f"not a time like 2026-01-31T09:00:00{'.' + '0' * digits if digits else ''}Z"
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    exists = 1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1] + leap
    return "" if exists and hour < 24 and minute < 60 and second < 60 else "a time that does not exist"


def _numeric_order(text: str) -> tuple[bool, int, str]:
    """What checked numbers of one column compare by: sign, length, digits; `int()` refuses long texts.

    Neither has superfluous zeros and all have the same digits behind the point, so the longer is the larger.
    """
    if text.startswith("-"):
        return False, -len(text), text.translate(_NINES_COMPLEMENT)
    return True, len(text), text


def _full(pattern: re.Pattern[str], value: object) -> re.Match[str] | None:
    return pattern.fullmatch(str(value))


_CHECKS: dict[str, Callable[[object, int], str]] = {
    "int": _check_int,
    "bigint": _check_bigint,
    "decimal": _check_decimal,
    "str": _check_str,
    "bool": _check_bool,
    "bytes": _check_bytes,
    "time": _check_time,
}
