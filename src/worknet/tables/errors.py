"""What can be wrong with the rows of a table: one base error that names the place, never a row's value."""

from collections.abc import Sequence


class DataError(Exception):
    """Rows that do not fit their schema, or a file that holds none.

    `table` and `column` are names, `row` counts from 0 in the order in which the rows were given, `file` and
    `line` (from 1) say where in a file; of a key that occurs twice, `earlier` is the row (in a file, the
    line) that had it first. What does not apply is empty or None. `hint` says how to mend it.
    """

    def __init__(
        self,
        message: str,
        *,
        table: str = "",
        row: int | None = None,
        column: str = "",
        file: str = "",
        line: int | None = None,
        earlier: int | None = None,
        hint: str = "",
    ) -> None:
        self.message, self.table, self.row, self.column = message, table, row, column
        self.file, self.line, self.earlier, self.hint = file, line, earlier, hint
        super().__init__(message)

    def __str__(self) -> str:
        places = [self.file] if self.file else []
        places += [f"table {self.table}"] if self.table else []
        if self.line is not None:
            places.append(f"line {self.line}")
        elif self.row is not None:
            places.append(f"row {self.row}")
        places += [f"column {self.column}"] if self.column else []
        unit = "row" if self.line is None else "line"
        again = f"the key of {unit} {self.earlier} occurs again"
        message = self.message if self.earlier is None else again
        return f"{', '.join(places)}: {message}" if places else message

    def in_file(self, file: str, lines: Sequence[int] = ()) -> "DataError":
        """The same error, of rows that were read from this file; `lines` are those of its rows, if known."""
        self.file = file
        if self.line is None and self.row is not None and self.row < len(lines):
            self.line = lines[self.row]
            self.earlier = None if self.earlier is None else lines[self.earlier]
        return self


class FloatError(DataError):
    """A floating point number, which nothing that is voted on may hold: its sums differ from run to run."""
