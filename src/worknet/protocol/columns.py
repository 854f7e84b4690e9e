"""Columns: the types that a column of a table may have, and what a value of each may be (section 3)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from worknet.protocol.canonical import INTEGER_BOUND, check_name
from worknet.protocol.errors import ProtocolError

ColumnType = Literal["int", "bigint", "decimal", "str", "bool", "bytes", "time"]

MAX_DIGITS = 30

_TEXTS = {
    "str": re.compile(".*", re.DOTALL),
    "bigint": re.compile(r"0|-?[1-9][0-9]*"),
    "decimal": re.compile(r"-?(0|[1-9][0-9]*)(\.(?P<fraction>[0-9]+))?"),
    "bytes": re.compile(r"0x([0-9a-f]{2})*"),
    "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.(?P<fraction>[0-9]+))?Z"),
}


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
        if self.type == "bool":
            return "" if isinstance(value, bool) else f"a {type(value).__name__} where true or false is due"
        if self.type == "int":
            if not isinstance(value, int) or isinstance(value, bool):
                return f"a {type(value).__name__} where an integer is due"
            return "" if -INTEGER_BOUND < value < INTEGER_BOUND else "an integer of 2^53 or more"
        if not isinstance(value, str):
            return f"a {type(value).__name__} where text is due"
        return self._check_text(value)

    def _check_text(self, text: str) -> str:
        try:
            text.encode()
            match = _TEXTS[self.type].fullmatch(text)
            fraction = match and match.groupdict().get("fraction")
            if not match or len(fraction or "") != self.digits:
                return f"not the text of a {self.type}" + (f" with {self.digits} digits" * bool(self.digits))
            if self.type == "time":
                year = 2000 + int(text[:4]) % 400  # The calendar repeats itself; `datetime` knows no year 0.
                month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(5, 19, 3))
                datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except UnicodeEncodeError:
            return "a lone surrogate"
        except ValueError:
            return "a time that does not exist"
        return "a negative zero" if self.type == "decimal" and re.fullmatch("-[0.]+", text) else ""
