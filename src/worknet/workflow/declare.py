"""What authors write beside a trigger: `@workflow`, `Dataset`, `Table`, `Result`; no more than declarations.

Polars is not imported here: importing this module is cheap, so tools can read declarations quickly.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from worknet.protocol.canonical import Value, check_name
from worknet.protocol.columns import Column
from worknet.protocol.errors import ProtocolError
from worknet.protocol.tables import Schema
from worknet.workflow import triggers
from worknet.workflow.errors import DeclarationError
from worknet.workflow.evidence import When
from worknet.workflow.handlers import Handler
from worknet.workflow.triggers import EVENT_DATASET, Every, OnMessage, OnPoll, Trigger, Window

if TYPE_CHECKING:
    import polars as pl

Disclosure = Literal["row", "field"]
Rows: TypeAlias = "pl.DataFrame | Iterable[Mapping[str, Any]]"


class _Rows:
    """What a dataset and a table declare alike."""

    def __init__(
        self, name: str, columns: Sequence[Column], key: Sequence[str], disclosure: Disclosure, decoys: int
    ) -> None:
        if disclosure not in get_args(Disclosure):
            raise DeclarationError(f"{name}: no disclosure is called {disclosure!r}", "it is row or field")
        if isinstance(key, str):
            raise DeclarationError(f"{name}: the key is a list of columns", f'write key=["{key}"]')
        try:
            self.name = check_name(name, "dataset or table")
            self.schema = Schema(tuple(columns), tuple(key), disclosure == "field", decoys)
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

    `disclosure="field"` lets one field of a row be shown without the others; `decoys` then hides among that
    many further leaves how many fields there are. A dataset that may honestly differ between workers is
    declared `committed=False` and left out of the input root.
    """

    def __init__(
        self,
        name: str,
        columns: Sequence[Column],
        key: Sequence[str],
        disclosure: Disclosure = "row",
        *,
        committed: bool = True,
        decoys: int = 0,
    ) -> None:
        super().__init__(name, columns, key, disclosure, decoys)
        self.committed = committed

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document."""
        return {**super().document(), "committed": self.committed}


class Table(_Rows):
    """A table of the result; `disclosure` and `decoys` as of a `Dataset`."""

    def __init__(
        self,
        name: str,
        columns: Sequence[Column],
        key: Sequence[str],
        disclosure: Disclosure = "row",
        *,
        decoys: int = 0,
    ) -> None:
        super().__init__(name, columns, key, disclosure, decoys)


@dataclass(frozen=True)
class Context:
    """What a run knows beside its datasets: the slot's window and the bundle's `parameters.json`.

    Of an event there is no window; what it says stands in the dataset `event`.
    """

    window: Window | None
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
    """All that a workflow declares. With `public_summary` the nodes publish the manifest with the record.

    `handlers` are the moments at which it has a fallback handler of its own.
    """

    name: str
    trigger: Trigger
    datasets: tuple[Dataset, ...]
    tables: tuple[Table, ...]
    public_summary: bool = False
    handlers: tuple[When, ...] = ()

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
        self._check_event()

    def dataset(self, name: str) -> Dataset:
        """The dataset of that name; `DeclarationError` if there is none."""
        for dataset in self.datasets:
            if dataset.name == name:
                return dataset
        hint = f"its datasets are {', '.join(dataset.name for dataset in self.datasets)}"
        raise DeclarationError(f"workflow {self.name} has no dataset {name!r}", hint)

    @property
    def every(self) -> int:
        """The length of the trigger's slots in seconds, as the policy has it; 0: driven by events."""
        return self.trigger.seconds if isinstance(self.trigger, Every) else 0

    @property
    def delay(self) -> int:
        """How many seconds after its end a slot is due, as the policy has it."""
        return self.trigger.delay if isinstance(self.trigger, Every) else 0

    def table(self, name: str) -> Table:
        """The result table of that name; `DeclarationError` if there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        hint = f"its tables are {', '.join(table.name for table in self.tables)}"
        raise DeclarationError(f"workflow {self.name} has no table {name!r}", hint)

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document; without handlers it is as it was before there were any."""
        document: dict[str, Value] = {
            "name": self.name,
            "trigger": self.trigger.document(),
            "datasets": [dataset.document() for dataset in self.datasets],
            "tables": [table.document() for table in self.tables],
            "public_summary": self.public_summary,
        }
        if self.handlers:
            document["handlers"] = [when.value for when in self.handlers]
        return document

    @classmethod
    def of_document(cls, document: Any) -> "Declaration":
        """The declaration that a document stands for; `DeclarationError` for anything else."""
        try:
            declaration = cls(
                name=document["name"],
                trigger=triggers.of_document(document["trigger"]),
                datasets=tuple(
                    Dataset(**_of_rows(rows), committed=bool(rows["committed"]))
                    for rows in document["datasets"]
                ),
                tables=tuple(Table(**_of_rows(rows)) for rows in document["tables"]),
                public_summary=bool(document["public_summary"]),
                handlers=_ordered(When(when) for when in document.get("handlers", [])),
            )
        except (KeyError, TypeError, ValueError, AttributeError, ProtocolError) as error:
            raise DeclarationError(f"not the document of a declaration ({type(error).__name__})") from None
        if declaration.document() != document:
            raise DeclarationError("not the document of a declaration")
        return declaration

    def _check_event(self) -> None:
        """A workflow of events reads what they say, and the column that tells them apart."""
        if isinstance(self.trigger, Every):
            return
        event = next((dataset for dataset in self.datasets if dataset.name == EVENT_DATASET), None)
        if event is None:
            hint = f'what an event says is the dataset "{EVENT_DATASET}", one row'
            raise DeclarationError(f"{self.name}: no dataset is what its events say", hint)
        if isinstance(self.trigger, OnMessage | OnPoll):
            key = self.trigger.key
            column = next((column for column in event.schema.columns if column.name == key), None)
            if column is None or column.nullable or column.type not in {"int", "bigint", "str", "bytes"}:
                hint = (
                    f"it is a column of the dataset {EVENT_DATASET}: a number, text or bytes, and never null"
                )
                raise DeclarationError(f"{self.name}: the trigger's key {key} tells no events apart", hint)


@dataclass(eq=False)
class Workflow:
    """A declared workflow, its function and its fallback handlers. Calling it calls the function, as an
    author's tests do; a handler they call by its own name."""

    declaration: Declaration
    function: Callable[..., Result]
    handlers: dict[When, Handler] = field(default_factory=dict)

    def __call__(self, context: Context, **datasets: "pl.DataFrame") -> Result:
        """One run on data frames by dataset name; nothing is checked or isolated here."""
        return self.function(context, **datasets)

    def on_failover(self, handler: Handler) -> Handler:
        """Declares the function below it as what decides when attempt 3, with the standbys, may begin.

        Handlers take `context` and `evidence` and give a list of actions. They depend on nothing else and do
        nothing else. Without one: `StartFailover`.
        """
        return self._handle(When.FAILOVER, handler)

    def on_plurality(self, handler: Handler) -> Handler:
        """Declares the function below it as what decides when the leading pair may be settled.

        Without one: `SettlePlurality`.
        """
        return self._handle(When.PLURALITY, handler)

    def on_unresolved(self, handler: Handler) -> Handler:
        """Declares the function below it as what decides when a voting ends unresolved.

        Without one: an `Alert`.
        """
        return self._handle(When.UNRESOLVED, handler)

    def _handle(self, when: When, handler: Handler) -> Handler:
        where = f"{self.declaration.name}: on_{when}"
        if when in self.handlers:
            raise DeclarationError(f"{where}: there are two of these handlers", "put both into one function")
        if not inspect.isfunction(handler):
            raise DeclarationError(f"{where}: the handler is no function", f"write @on_{when} above its def")
        given = list(inspect.signature(handler).parameters)
        if given != ["context", "evidence"]:
            hint = f"write def {handler.__name__}(context, evidence)"
            raise DeclarationError(f"{where}: the handler takes {', '.join(given) or 'nothing'}", hint)
        self.handlers[when] = handler
        self.declaration = replace(self.declaration, handlers=_ordered(self.handlers))
        return handler


def workflow(
    *,
    name: str,
    trigger: Trigger,
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
    return {
        "name": rows["name"],
        "columns": columns,
        "key": rows["key"],
        "disclosure": rows["disclosure"],
        "decoys": rows.get("decoys", 0),
    }


def _ordered(moments: Iterable[When]) -> tuple[When, ...]:
    """The moments once each, in the order in which a voting comes to them."""
    given = set(moments)
    return tuple(when for when in When if when in given)
