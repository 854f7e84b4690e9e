"""What can go wrong between a worker and its data: a base error, and a child for each way out.

No message holds a row's value, a token, or more of an address than the server.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """Which dataset, and where it was to come from: a file, or a server."""

    dataset: str
    where: str

    def __str__(self) -> str:
        return f"dataset {self.dataset} from {self.where}" if self.where else f"dataset {self.dataset}"


class SourceError(Exception):
    """A dataset cannot be had. `transient`: the same reading may succeed later, without anybody mending it.

    `origin` says which dataset and where from, `message` what is wrong, `hint` how to mend it (may be empty).
    """

    transient = False

    def __init__(self, origin: Origin, message: str, hint: str = "") -> None:
        super().__init__(f"{origin}: {message}")
        self.origin, self.message, self.hint = origin, message, hint


class UnavailableError(SourceError):
    """The source is not there, does not answer, or not in time.

    `retry_after` is in how many seconds the source wants to be asked again, if it said so.
    """

    transient = True

    def __init__(self, origin: Origin, message: str, hint: str = "", retry_after: int | None = None) -> None:
        super().__init__(origin, message, hint)
        self.retry_after = retry_after


class IncompleteError(SourceError):
    """What is there is only a part: a file that is still being written."""

    transient = True


class RefusedError(SourceError):
    """The source does not let this worker read, or does not know what it asks for.

    `status` is the one that an HTTP server refused with.
    """

    def __init__(self, origin: Origin, message: str, hint: str = "", status: int | None = None) -> None:
        super().__init__(origin, message, hint)
        self.status = status


class NonsenseError(SourceError):
    """The source answered with something that is not a table: no JSON, no CSV, far too much."""


class SchemaViolationError(SourceError):
    """Rows that do not fit the dataset's schema.

    `row` counts from 0 in the order in which the source gave them, `line` from 1 in a file; `column` is the
    schema's name. What does not apply is None or empty.
    """

    def __init__(
        self,
        origin: Origin,
        message: str,
        hint: str = "",
        *,
        row: int | None = None,
        line: int | None = None,
        column: str = "",
    ) -> None:
        places = [f"line {line}"] if line is not None else [f"row {row}"] if row is not None else []
        places += [f"column {column}"] if column else []
        super().__init__(origin, f"{', '.join(places)}: {message}" if places else message, hint)
        self.row, self.line, self.column = row, line, column
