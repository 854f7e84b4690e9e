"""What can go wrong with a workflow: its declaration, its folder, its runs. One base error with a hint."""


class WorkflowError(Exception):
    """A workflow cannot be read or run, or refuses its inputs.

    Authors raise it themselves, with a message for the people who run the workflow; in a node it is kept in
    the journal and not logged, for it may name rows. `hint` says how to mend it and may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class DeclarationError(WorkflowError):
    """A workflow whose datasets, tables, trigger or function do not fit together."""


class EvidenceError(WorkflowError):
    """What is to be shown to a fallback handler makes no sense, or a document of it is none."""


class ActionError(WorkflowError):
    """An action that a fallback handler may not give, more of them than it may, or a document of none."""


class FolderError(WorkflowError):
    """A workflow folder that is not there, lacks a file, or holds what may not stand in a bundle."""


class RuntimeMismatchError(WorkflowError):
    """A bundle that pins another runner, or another release of a package, than is installed here."""


class RunnerError(WorkflowError):
    """A run without a result.

    `cause` may be shown to anyone: the runner's own words, declared names, row numbers. Message and hint may
    be the author's and name rows, as may `stderr`, the end of what the run wrote there: never log these.
    """

    def __init__(self, message: str, hint: str = "", *, cause: str = "", stderr: str = "") -> None:
        super().__init__(message, hint)
        self.cause, self.stderr = cause or message, stderr


class NotIsolatedError(RunnerError):
    """The system cannot cut a run off network and processes, and running without that was not allowed."""


class TimedOutError(RunnerError):
    """A run exceeded its limit on wall or CPU time."""


class MemoryExceededError(RunnerError):
    """A run exceeded its memory limit, or died by a signal, which is what exceeding it mostly looks like."""


class FailedError(RunnerError):
    """The workflow raised an error. For a `WorkflowError` the message is the author's and may name rows."""

    def __init__(self, message: str, hint: str = "", *, stderr: str = "") -> None:
        super().__init__(message, hint, cause="workflow failed", stderr=stderr)


class WrongTablesError(RunnerError):
    """A result, or datasets given, that do not fit the declaration; `table`, `row` and `column` say where."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        cause: str,
        table: str = "",
        row: int | None = None,
        column: str = "",
        stderr: str = "",
    ) -> None:
        super().__init__(message, hint, cause=cause, stderr=stderr)
        self.table, self.row, self.column = table, row, column


class FloatRefusedError(WrongTablesError):
    """A floating point number in a result. In a summary, `column` is the path of the value."""


class WrongActionsError(RunnerError):
    """A fallback handler gave something else than actions of the stated set, or more than it may."""
