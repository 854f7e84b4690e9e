"""What can be wrong with the rows of a table: one base error that names the place, never a row's value."""


class DataError(Exception):
    """Rows that do not fit their schema, or a file that holds none.

    `table` and `column` are names, `row` counts from 0 in the order in which the rows were given, `file` and
    `line` (from 1) say where in a file; what does not apply is empty or None. `hint` says how to mend it.
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
        hint: str = "",
    ) -> None:
        self.message, self.table, self.row, self.column = message, table, row, column
        self.file, self.line, self.hint = file, line, hint
        super().__init__(message)

    def __str__(self) -> str:
        places = [self.file] if self.file else []
        places += [f"table {self.table}"] if self.table else []
        if self.line is not None:
            places.append(f"line {self.line}")
        elif self.row is not None:
            places.append(f"row {self.row}")
        places += [f"column {self.column}"] if self.column else []
        return f"{', '.join(places)}: {self.message}" if places else self.message

    def in_file(self, file: str, line: int | None = None) -> "DataError":
        """The same error, of rows that were read from this file."""
        self.file, self.line = file, line
        return self


class FloatError(DataError):
    """A floating point number, which nothing that is voted on may hold: its sums differ from run to run."""
