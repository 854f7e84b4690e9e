"""Columns: the types that a column of a table may have, and what a value of each may be (section 3)."""

from dataclasses import dataclass
from typing import Literal, get_args

from worknet.protocol.canonical import check_name
from worknet.protocol.errors import ProtocolError
from worknet.protocol.values import wrong

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
        return wrong(value, self.type, self.nullable, self.digits)
