"""What watched code passes through while it runs: floats are noticed, and sets may go another way round.

In a run's process only. `Watch` gathers for all modules of a bundle; each has a `ModuleWatch` of its own that
knows its file. Nothing changes what the code computes, unless another order or time is asked for.
"""

import datetime
import itertools
import operator
import os
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from random import Random
from types import MethodType
from typing import Any, Final, cast

import polars as pl

from worknet.tables.validate import holds_floats
from worknet.workflow.determinism import names
from worknet.workflow.determinism.findings import Kind
from worknet.workflow.determinism.instrument import ModuleWatch as ModuleWatchProtocol
from worknet.workflow.surroundings import MOST_PLACES, Place, Surroundings, Watched, place

_MOST_LINES = 20_000
_LOOKED_INTO = 16
_PLAIN: Final = frozenset({int, str, bool, bytes, type(None)})
_SHOW_ORDER: Final = (
    *(list, tuple, iter, enumerate, zip, map, filter, sum, sorted, min, max, deque, reduce),
    *(one for one in vars(itertools).values() if isinstance(one, type)),
)
_SHOW_ORDER_BOUND: Final = frozenset({"join", "extend", "extendleft", "fromkeys"})
_WRITES_TIMES: Final = frozenset(
    {"datetime.date.strftime", "datetime.datetime.strftime", "datetime.time.strftime"}
)
_OF_THE_ZONE: Final = frozenset({"datetime.datetime.astimezone", "datetime.datetime.timestamp"})
_CLASSES: Final = {set: "set", frozenset: "frozenset"}


class Watch:
    """Gathers what a run depended on; `told()` is what the parent is told."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.order, self.later = surroundings.order, surroundings.later
        self._places: dict[tuple[str, int, str], Place] = {}
        self._lines: dict[str, set[int]] = defaultdict(set)

    def of(self, file: str) -> "ModuleWatch":
        """The watch of one module."""
        return ModuleWatch(self, file, self._lines[file])

    def add(self, file: str, line: int, column: int, kind: Kind, what: str) -> None:
        """Notes a place; the first of a kind on a line is kept."""
        if len(self._places) < MOST_PLACES:
            self._places.setdefault((file, line, kind), place(file, line, column, kind, what))

    def told(self) -> Watched:
        """Everything so far."""
        lines = {file: sorted(lines)[:_MOST_LINES] for file, lines in self._lines.items()}
        return Watched(list(self._places.values()), lines)

    def shuffled(self, values: Iterable[Any]) -> list[Any]:
        """The elements in the order that this run tries: the same for as many elements."""
        given = list(values)
        if self.order == 1:
            given.reverse()
        elif self.order:
            Random(self.order * 1_000_003 + len(given)).shuffle(given)  # noqa: S311
        return given


class ModuleWatch(ModuleWatchProtocol):
    """The watch of one module; see the protocol for what its methods are told."""

    def __init__(self, watch: Watch, file: str, lines: set[int]) -> None:
        self._watch, self._file, self._lines = watch, file, lines
        self._sets = _classes(watch) if watch.order else {}

    def value(self, value: Any, line: int, column: int) -> Any:
        self._lines.add(line)
        kind = type(value)
        if kind in _PLAIN:
            return value
        if what := _float_in(value):
            self._watch.add(self._file, line, column, Kind.FLOAT, what)
        elif value is os.environ:
            self._watch.add(self._file, line, column, Kind.ENVIRONMENT, "reads os.environ")
        elif callable(value):
            return self._handed_on(value, line, column)
        return value

    def function(self, function: Any, line: int, column: int) -> Any:
        self._lines.add(line)
        if function is hash:
            return self._hash(line, column)
        if self._sets and (function is set or function is frozenset):
            return self._sets[function]
        if type(function) is operator.methodcaller:
            return self._calling_method(function, line, column)
        name = full_name(function)
        if name in names.UNLESS_GIVEN:
            return self._unless_given(function, name, line, column)
        if self._watch.later and name in _CLOCKS:
            return _ahead(function, self._watch.later)
        if _shows_order(function):
            return self._reordering(function, line, column)
        if name in _WRITES_TIMES:
            return self._writing(function, line, column)
        if name in _OF_THE_ZONE and getattr(getattr(function, "__self__", None), "tzinfo", self) is None:
            what = f".{function.__name__}() of a time without a zone, which is taken for the machine's"
            self._watch.add(self._file, line, column, Kind.LOCALE, what)
        return function

    def each(self, values: Any, line: int, column: int) -> Any:
        if isinstance(values, set | frozenset):
            if len(values) > 1:
                self._lines.add(line)
                self._watch.add(self._file, line, column, Kind.ORDER, "goes through a set")
            if self._watch.order and type(values) in {set, frozenset}:
                return self._watch.shuffled(values)
            return values
        self._lines.add(line)
        return values if isinstance(values, range | str | bytes) else self._checked(values, line, column)

    def made(self, values: Any, line: int, column: int) -> Any:
        return self._sets[set](values) if self._sets else values

    def formatted(self, value: Any, line: int, column: int) -> Any:
        if isinstance(value, int):
            self._watch.add(self._file, line, column, Kind.FLOAT, "an integer written as a float")
        return value

    def _checked(self, values: Iterable[Any], line: int, column: int) -> Iterator[Any]:
        for value in values:
            if type(value) not in _PLAIN and (what := _float_in(value)):
                self._watch.add(self._file, line, column, Kind.FLOAT, what)
            yield value

    def _handed_on(self, value: Any, line: int, column: int) -> Any:
        if self._sets and (value is set or value is frozenset):
            return self._sets[value]
        if value is id or value is hash:
            self._watch.add(self._file, line, column, Kind.IDENTITY, f"{value.__name__} is handed on")
        elif value is not float and not isinstance(value, type):
            name = full_name(value)
            kind = names.kind_of(name) if name else None
            if kind is not None:
                self._watch.add(self._file, line, column, kind, f"{name} is handed on")
        return value

    def _calling_method(self, function: Any, line: int, column: int) -> Callable[..., Any]:
        """A method that is called by its name, which the interpreter does not tell of."""
        made, rest = cast("tuple[Any, tuple[Any, ...]]", function.__reduce__()[:2])
        name, *given = [*(made.args if isinstance(made, partial) else ()), *rest]
        more = made.keywords if isinstance(made, partial) else {}

        def watched(owner: Any) -> Any:
            return self.function(getattr(owner, name), line, column)(*given, **more)

        return watched

    def _hash(self, line: int, column: int) -> Callable[[object], int]:
        def watched(value: object) -> int:
            if type(value) not in {int, bool}:
                what = f"hash() of a {type(value).__name__}"
                self._watch.add(self._file, line, column, Kind.IDENTITY, what)
            return hash(value)

        return watched

    def _writing(self, function: Any, line: int, column: int) -> Callable[..., str]:
        """A time that is written with a format, which was not found in the text maybe."""

        def watched(*given: Any, **more: Any) -> str:
            spec = next(iter((*given, *more.values())), "")
            if isinstance(spec, str) and names.is_of_a_language(spec):
                what = f"{spec!r}: written as the locale has it"
                self._watch.add(self._file, line, column, Kind.LOCALE, what)
            return cast("str", function(*given, **more))

        return watched

    def _unless_given(self, function: Any, name: str, line: int, column: int) -> Callable[..., Any]:
        def watched(*given: Any, **more: Any) -> Any:
            if len(given) + len(more) < names.UNLESS_GIVEN[name]:
                kind = names.kind_of(name) or Kind.CLOCK
                self._watch.add(self._file, line, column, kind, f"calls {name}")
            return function(*given, **more)

        return watched

    def _reordering(self, function: Any, line: int, column: int) -> Callable[..., Any]:
        def watched(*given: Any, **more: Any) -> Any:
            if any(isinstance(one, set | frozenset) and len(one) > 1 for one in given):
                what = f"{function.__name__}() of a set"
                self._watch.add(self._file, line, column, Kind.ORDER, what)
            if not self._watch.order:
                return function(*given, **more)
            return function(
                *(self._watch.shuffled(one) if type(one) in (set, frozenset) else one for one in given),
                **more,
            )

        return watched


def _shows_order(function: Any) -> bool:
    """Whether a function's result shows the order of what it is given."""
    # No generator, and no call: the profiler would be told of each, and take it for the workflow's.
    for one in _SHOW_ORDER:
        if function is one:
            return True
    name = getattr(function, "__name__", None)
    return isinstance(name, str) and name in _SHOW_ORDER_BOUND and not isinstance(function, MethodType)


def full_name(function: Any) -> str | None:
    """The name under which Python knows a function or class: `time.time`, `datetime.datetime.now`."""
    name = getattr(function, "__qualname__", None)
    if not isinstance(name, str):
        return None
    module = getattr(function, "__module__", None)
    owner = getattr(function, "__self__", None)
    if not isinstance(module, str):
        # A method of a type that is written in C knows its owner only, which may be a class of the bundle's
        # own that has the method from it.
        method = name.rsplit(".", 1)[-1]
        line = (owner if isinstance(owner, type) else type(owner)).__mro__
        kind = line[0]
        for one in line:  # no generator: each of its steps would be told to the profiler
            if method in one.__dict__:
                kind = one
                break
        module = kind.__module__
        if owner is not None:
            name = f"{kind.__qualname__}.{method}"
    if module in {"posix", "nt"}:
        module = "os"
    return f"{module}.{name}"


def _float_in(value: Any) -> str:
    """What of a value is a float, in words; nothing if nothing is."""
    if isinstance(value, float):
        return "a float"
    if isinstance(value, complex):
        return "a complex number"
    if isinstance(value, pl.DataFrame):
        columns = [name for name, kind in value.schema.items() if holds_floats(kind)]
        return f"a data frame with floats in {', '.join(columns)}" if columns else ""
    if isinstance(value, pl.LazyFrame):
        return _float_in_plan(value)
    if isinstance(value, pl.Series):
        return f"a series of {value.dtype}" if holds_floats(value.dtype) else ""
    if type(value) in (list, tuple) and len(value) <= _LOOKED_INTO:
        return "a float within" if any(isinstance(one, float) for one in value) else ""
    if type(value) is dict and len(value) <= _LOOKED_INTO:
        return "a float within" if any(isinstance(one, float) for one in value.values()) else ""
    dtype = getattr(value, "dtype", None)
    return "an array of floats" if getattr(dtype, "kind", "") in {"f", "c"} else ""


def _float_in_plan(frame: pl.LazyFrame) -> str:
    try:
        schema = frame.collect_schema()
    except Exception:  # noqa: BLE001 - a plan that is wrong fails where the workflow runs it
        return ""
    columns = [name for name, kind in schema.items() if holds_floats(kind)]
    return f"a lazy frame with floats in {', '.join(columns)}" if columns else ""


def _classes(watch: Watch) -> dict[type, type]:
    """The built-in sets, but that go the other way round; code cannot tell them apart from the others."""
    return {kind: _class(watch, kind, name) for kind, name in _CLASSES.items()}


def _class(watch: Watch, kind: Any, name: str) -> type:
    class Same(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, kind)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, kind)

    def again(method: str) -> Callable[..., Any]:
        of_kind = getattr(kind, method)

        def result(self: Any, *others: Any) -> Any:
            found = of_kind(self, *others)
            return found if found is NotImplemented else turned(found)

        return result

    def go_through(self: Any) -> Iterator[Any]:
        return iter(watch.shuffled(kind.__iter__(self)))

    def take(self: Any) -> Any:
        if not self:
            return kind.pop(self)
        value = next(iter(self))
        self.remove(value)
        return value

    def written(self: Any) -> str:
        within = f"{{{', '.join(map(repr, self))}}}" if self else ""
        return within if within and kind is set else f"{name}({within})"

    fresh = ("__or__", "__and__", "__sub__", "__xor__", "__ror__", "__rand__", "__rsub__", "__rxor__")
    named = ("union", "intersection", "difference", "symmetric_difference", "copy")
    members: dict[str, Any] = {method: again(method) for method in (*fresh, *named)}
    members |= {"__iter__": go_through, "__repr__": written, "__module__": "builtins", "__qualname__": name}
    if kind is set:
        members["pop"] = take
    turned = Same(name, (kind,), members)
    return turned


def _ahead(function: Any, seconds: int) -> Callable[..., Any]:
    """The clock, so many seconds ahead."""

    def watched(*given: Any, **more: Any) -> Any:
        now = function(*given, **more)
        if isinstance(now, datetime.datetime):
            return now + datetime.timedelta(seconds=seconds)
        if isinstance(now, datetime.date):
            return now + datetime.timedelta(days=-(-seconds // 86_400))
        if isinstance(now, time.struct_time):
            return now if given else time.gmtime(time.time() + seconds)
        return operator.add(now, seconds * (1_000_000_000 if function.__name__.endswith("_ns") else 1))

    return watched


_CLOCKS: Final = frozenset(
    {
        "time.time", "time.time_ns", "time.localtime", "datetime.datetime.now", "datetime.datetime.utcnow",
        "datetime.datetime.today", "datetime.date.today",
    }
)  # fmt: skip
