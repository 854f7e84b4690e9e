"""What authors write: `@workflow`, `Dataset`, `Table`, `Every`, `Result`; no more than declarations.

Polars is not imported here: importing this module is cheap, so tools can read declarations quickly.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from worknet.protocol.canonical import Value, check_name
from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import SLOT_BOUND
from worknet.protocol.tables import Column, Schema
from worknet.workflow.errors import DeclarationError

if TYPE_CHECKING:
    import polars as pl

Disclosure = Literal["row", "field"]
Rows: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, Any]]"


@dataclass(frozen=True)
class Every:
    """A trigger in time: one voting per slot of `seconds`, due `delay` seconds after the slot's end."""

    seconds: int
    delay: int = 0

    def __post_init__(self) -> None:
        for what, number, least in (("length", self.seconds, 1), ("delay", self.delay, 0)):
            if type(number) is not int or not least <= number < SLOT_BOUND:
                raise DeclarationError(f"{number!r} is no {what} of a slot in whole seconds")


class _Rows:
    """What a dataset and a table declare alike."""

    def __init__(
        self, name: str, columns: Sequence[Column], key: Sequence[str], disclosure: Disclosure
    ) -> None:
        if disclosure not in get_args(Disclosure):
            raise DeclarationError(f"{name}: no disclosure is called {disclosure!r}", "it is row or field")
        if isinstance(key, str):
            raise DeclarationError(f"{name}: the key is a list of columns", f'write key=["{key}"]')
        try:
            self.name = check_name(name, "dataset or table")
            self.schema = Schema(tuple(columns), tuple(key), disclosure == "field")
        except ProtocolError as error:
            raise DeclarationError(f"{name}: {error}", error.hint) from None

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document."""
        return {"name": self.name, **self.schema.document()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.document() == other.document()

    def __hash__(self) -> int:
        return hash((self.name, self.schema))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Dataset(_Rows):
    """An input: rows that every worker reads by itself, for the window of the trigger.

    `disclosure="field"` lets one field of a row be shown without the others. A dataset that may honestly
    differ between workers is declared `committed=False` and left out of the input root.
    """

    def __init__(
        self,
        name: str,
        columns: Sequence[Column],
        key: Sequence[str],
        disclosure: Disclosure = "row",
        *,
        committed: bool = True,
    ) -> None:
        super().__init__(name, columns, key, disclosure)
        self.committed = committed

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document."""
        return {**super().document(), "committed": self.committed}


class Table(_Rows):
    """A table of the result."""

    def __init__(
        self, name: str, columns: Sequence[Column], key: Sequence[str], disclosure: Disclosure = "row"
    ) -> None:
        super().__init__(name, columns, key, disclosure)


@dataclass(frozen=True)
class Window:
    """The half-open span `[start, end)` the trigger is about, RFC 3339 in UTC: `2026-01-31T09:00:00Z`."""

    start: str
    end: str


@dataclass(frozen=True)
class Context:
    """What a run knows beside its datasets: the trigger's window and the bundle's `parameters.json`."""

    window: Window
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What a run gives back: each declared table as a data frame or as rows, and a summary for people.

    The order of rows does not matter. Floating point numbers are refused everywhere.
    """

    tables: Mapping[str, Rows]
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Declaration:
    """All that a workflow declares. With `public_summary` the nodes publish the manifest with the record."""

    name: str
    trigger: Every
    datasets: tuple[Dataset, ...]
    tables: tuple[Table, ...]
    public_summary: bool = False

    def __post_init__(self) -> None:
        try:
            check_name(self.name, "workflow")
        except ProtocolError as error:
            raise DeclarationError(str(error), error.hint) from None
        if not self.datasets or not self.tables:
            raise DeclarationError(f"{self.name}: a workflow has at least one dataset and one table")
        for what, declared in (("dataset", self.datasets), ("table", self.tables)):
            names = [rows.name for rows in declared]
            for name in names:
                if names.count(name) > 1:
                    raise DeclarationError(f"{self.name}: two {what}s are called {name}")

    def dataset(self, name: str) -> Dataset:
        """The dataset of that name; `DeclarationError` if there is none."""
        for dataset in self.datasets:
            if dataset.name == name:
                return dataset
        hint = f"its datasets are {', '.join(dataset.name for dataset in self.datasets)}"
        raise DeclarationError(f"workflow {self.name} has no dataset {name!r}", hint)

    def table(self, name: str) -> Table:
        """The result table of that name; `DeclarationError` if there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        hint = f"its tables are {', '.join(table.name for table in self.tables)}"
        raise DeclarationError(f"workflow {self.name} has no table {name!r}", hint)

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document."""
        return {
            "name": self.name,
            "trigger": {"every": self.trigger.seconds, "delay": self.trigger.delay},
            "datasets": [dataset.document() for dataset in self.datasets],
            "tables": [table.document() for table in self.tables],
            "public_summary": self.public_summary,
        }

    @classmethod
    def of_document(cls, document: Any) -> "Declaration":
        """The declaration that a document stands for; `DeclarationError` for anything else."""
        try:
            declaration = cls(
                name=document["name"],
                trigger=Every(document["trigger"]["every"], document["trigger"]["delay"]),
                datasets=tuple(
                    Dataset(**_of_rows(rows), committed=bool(rows["committed"]))
                    for rows in document["datasets"]
                ),
                tables=tuple(Table(**_of_rows(rows)) for rows in document["tables"]),
                public_summary=bool(document["public_summary"]),
            )
        except (KeyError, TypeError, AttributeError, ProtocolError) as error:
            raise DeclarationError(f"not the document of a declaration ({type(error).__name__})") from None
        if declaration.document() != document:
            raise DeclarationError("not the document of a declaration")
        return declaration


@dataclass(frozen=True)
class Workflow:
    """A declared workflow and its function. Calling it calls the function, as an author's tests do."""

    declaration: Declaration
    function: Callable[..., Result]

    def __call__(self, context: Context, **datasets: "pl.DataFrame") -> Result:
        """One run on data frames by dataset name; nothing is checked or isolated here."""
        return self.function(context, **datasets)


def workflow(
    *,
    name: str,
    trigger: Every,
    datasets: Sequence[Dataset],
    tables: Sequence[Table],
    public_summary: bool = False,
) -> Callable[[Callable[..., Result]], Workflow]:
    """Declares the function below it as a workflow; `workflow.py` of a workflow folder has exactly one.

    The function takes `context` and then one data frame per dataset, called by the dataset's name and sorted
    by its key. It must depend on nothing else: no clock, no randomness, no network, no files but its own.
    """
    declaration = Declaration(name, trigger, tuple(datasets), tuple(tables), public_summary)

    def declare(function: Callable[..., Result]) -> Workflow:
        wanted = ["context", *(dataset.name for dataset in declaration.datasets)]
        given = list(inspect.signature(function).parameters)
        if given[:1] != wanted[:1] or sorted(given) != sorted(wanted):
            hint = f"write def {function.__name__}({', '.join(wanted)})"
            raise DeclarationError(f"{name}: the function takes {', '.join(given) or 'nothing'}", hint)
        return Workflow(declaration, function)

    return declare


def _of_rows(rows: Any) -> dict[str, Any]:
    columns = [Column(**column) for column in rows["columns"]]
    return {"name": rows["name"], "columns": columns, "key": rows["key"], "disclosure": rows["disclosure"]}
