"""Polars while it is watched: floats within expressions, and another order wherever it promises none.

In a run's process only. All that Polars does with frames goes through a few methods of `LazyFrame`; these are
wrapped. Of each expression the types of all its parts are worked out from the frame's schema alone, so that a
float is seen that is rounded away again before it reaches a column.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.lazyframe.group_by import LazyGroupBy

from worknet.tables.validate import holds_floats
from worknet.workflow.determinism.acts import led_by
from worknet.workflow.determinism.findings import Kind
from worknet.workflow.determinism.watch import Watch

_ROW: Final = "#order"  # no column can be called so
_MOST_PARTS: Final = 500
_EVALUATES: Final = (
    "select", "select_seq", "with_columns", "with_columns_seq", "filter", "remove", "sort", "group_by",
    "top_k", "bottom_k", "group_by_dynamic", "rolling",
)  # fmt: skip
_DRAWS: Final = ((pl.Expr, "sample"), (pl.Expr, "shuffle"), (pl.DataFrame, "sample"), (pl.Series, "sample"),
                 (pl.Series, "shuffle"))  # fmt: skip

_TEXTS: Final = re.compile(r'"[^"]*"')
_FLOATS_IN_PLAN: Final = re.compile(
    r"\.(?:mean|std|var|median|quantile|sqrt|cbrt|exp|log\w*|ln|corr|cov)\(| / |Float\d+"
)


def install(watch: Watch, bundle: Path) -> None:
    """From now on frames are watched, and reordered if the watch says so."""
    frames = _Frames(watch, f"{bundle}/")
    for name in _EVALUATES:
        frames.wrap(pl.LazyFrame, name, frames.evaluating)
    for name in ("agg", "head", "tail"):
        frames.wrap(LazyGroupBy, name, frames.aggregating)
    frames.wrap(LazyGroupBy, "having", frames.having)
    frames.wrap(pl.SQLContext, "execute", frames.querying)
    for owner, name in _DRAWS:
        frames.wrap(owner, name, frames.drawing)
    if watch.order:
        frames.wrap(pl.LazyFrame, "unique", frames.unique)
        frames.wrap(pl.LazyFrame, "join", frames.joining)
        frames.wrap(pl.LazyFrame, "join_where", frames.after)
        for name in ("sort", "top_k", "bottom_k"):
            frames.wrap(pl.LazyFrame, name, frames.before)
        frames.wrap(pl.Expr, "sort_by", frames.sorting_by)
        frames.wrap(pl.Expr, "unique", frames.turned)
        frames.wrap(pl.Expr, "value_counts", frames.counting)
        frames.wrap(pl.Series, "value_counts", frames.counting)
        frames.wrap(pl.Expr, "mode", frames.turned)


class _Frames:
    """The wrappers; each is given the method that it wraps."""

    def __init__(self, watch: Watch, prefix: str) -> None:
        self._watch, self._prefix = watch, prefix
        self._reverse, self._sort = pl.LazyFrame.reverse, pl.LazyFrame.sort
        self._busy = False

    def wrap(self, owner: type, name: str, wrapper: Callable[..., Any]) -> None:
        """Puts the wrapper in the place of a method."""
        method = getattr(owner, name)

        @wraps(method)
        def wrapped(self: Any, *given: Any, **more: Any) -> Any:
            return wrapper(method, self, *given, **more)

        setattr(owner, name, wrapped)

    def evaluating(self, method: Any, frame: pl.LazyFrame, *given: Any, **more: Any) -> Any:
        """A method that evaluates expressions on a frame."""
        given = tuple(list(one) if isinstance(one, Iterator) else one for one in given)
        self._look(frame, (given, list(more.values())))
        found = method(frame, *given, **more)
        if isinstance(found, LazyGroupBy):
            keeps_order = method.__name__ != "group_by" or more.get("maintain_order", False)
            vars(found)["asked"] = (frame, keeps_order)
        return found

    def aggregating(self, method: Any, groups: LazyGroupBy, *given: Any, **more: Any) -> Any:
        """`agg` of groups, which come in any order unless one was asked for."""
        frame, keeps_order = vars(groups).get("asked", (None, True))
        given = tuple(list(one) if isinstance(one, Iterator) else one for one in given)
        if frame is not None:
            self._look(frame, (given, list(more.values())))
        found = method(groups, *given, **more)
        return found if keeps_order or not self._watch.order else self._turned(found)

    def having(self, method: Any, groups: LazyGroupBy, *given: Any, **more: Any) -> Any:
        """`having` of groups: these are still the same groups."""
        found = method(groups, *given, **more)
        vars(found).update({"asked": vars(groups)["asked"]} if "asked" in vars(groups) else {})
        return found

    def querying(self, method: Any, context: Any, *given: Any, **more: Any) -> Any:
        """A query in SQL: its plan shows floats; its rows come in any order unless one was asked for."""
        is_eager = more.pop("eager", None) or context._eager_execution
        was, context._eager_execution = context._eager_execution, False
        try:
            found = method(context, *given, **more)
        finally:
            context._eager_execution = was
        part = _FLOATS_IN_PLAN.search(_TEXTS.sub("", found.explain(optimized=False)))
        if part is not None:
            self._add(Kind.FLOAT, f"SQL that reckons with floats ({part[0].strip()})")
        if self._watch.order and "order by" not in " ".join(map(str, (*given, *more.values()))).lower():
            found = self._turned(found)
        return found.collect() if is_eager else found

    def drawing(self, method: Any, owner: Any, *given: Any, **more: Any) -> Any:
        """A method that draws, unless it is given a seed."""
        if more.get("seed") is None and (method.__name__ != "shuffle" or not given):
            self._add(Kind.RANDOM, f".{method.__name__}() without a seed")
        return method(owner, *given, **more)

    def unique(self, method: Any, frame: pl.LazyFrame, *given: Any, **more: Any) -> Any:
        """`unique` of a frame: any of the equal rows may be kept, in any order."""
        if more.get("maintain_order"):
            return method(frame, *given, **more)
        kept = more.get("keep", "any")
        return self._turned(method(self._turned(frame) if kept == "any" else frame, *given, **more))

    def joining(self, method: Any, frame: pl.LazyFrame, *given: Any, **more: Any) -> Any:
        """`join`, which promises no order unless one is asked for."""
        found = method(frame, *given, **more)
        return found if more.get("maintain_order") not in {None, "none"} else self._turned(found)

    def after(self, method: Any, frame: pl.LazyFrame, *given: Any, **more: Any) -> Any:
        """A method whose rows come in any order."""
        return self._turned(method(frame, *given, **more))

    def before(self, method: Any, frame: pl.LazyFrame, *given: Any, **more: Any) -> Any:
        """A method that may take rows of equal keys in any order."""
        return method(frame if more.get("maintain_order") else self._turned(frame), *given, **more)

    def turned(self, method: Any, expression: pl.Expr, *given: Any, **more: Any) -> Any:
        """A method of expressions whose values come in any order."""
        found = method(expression, *given, **more)
        return found if more.get("maintain_order") else found.reverse()

    def counting(self, method: Any, values: Any, *given: Any, **more: Any) -> Any:
        """`value_counts`: in any order, or by their counts, where equal ones come in any order."""
        if more.get("sort"):
            return method(values.reverse(), *given, **more)
        return method(values, *given, **more).reverse()

    def sorting_by(self, method: Any, expression: pl.Expr, by: Any, *more_by: Any, **more: Any) -> Any:
        """`sort_by` of an expression, which may take values of equal keys in any order."""
        keys = [*(by if isinstance(by, list | tuple) else [by]), *more_by]
        if more.get("maintain_order") or not all(isinstance(key, str | pl.Expr) for key in keys):
            return method(expression, by, *more_by, **more)
        turned = [(pl.col(key) if isinstance(key, str) else key).reverse() for key in keys]
        return method(expression.reverse(), turned, **more)

    def _turned(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        if self._watch.order == 1:
            return self._reverse(frame)
        indexed = frame.with_row_index(_ROW)
        return self._sort(indexed, pl.col(_ROW).hash(self._watch.order)).drop(_ROW)

    def _look(self, frame: pl.LazyFrame, given: Any) -> None:
        """Looks for floats among all parts of the expressions, if the workflow's own code asked for them."""
        if self._busy or led_by(sys._getframe(3), self._prefix, through_polars=True) is None:
            return
        self._busy = True
        try:
            empty = None
            for part in _parts(given):
                if empty is None:
                    empty = pl.LazyFrame(schema=frame.collect_schema())
                kind = _type_of(empty, part)
                if kind is not None and holds_floats(kind):
                    self._add(Kind.FLOAT, f"{part!s:.80} is {kind}")
                    return
        except Exception:  # noqa: BLE001 - a plan that is wrong fails where the workflow runs it
            return
        finally:
            self._busy = False

    def _add(self, kind: Kind, what: str) -> None:
        at = led_by(sys._getframe(2), self._prefix, through_polars=True)
        if at is not None:
            self._watch.add(*at, 1, kind, what)


def _parts(given: Any) -> Iterator[pl.Expr]:
    """All expressions in arguments, with all that they are made of."""
    waiting = list(_expressions(given))
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        yield part
        try:
            waiting += part.meta.pop()
        except Exception:  # noqa: BLE001, S112 - not every expression can be taken apart
            continue


def _expressions(given: Any) -> Iterator[pl.Expr]:
    if isinstance(given, pl.Expr):
        yield given
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes | pl.Series | pl.DataFrame | dict):
        for one in given:
            yield from _expressions(one)


def _type_of(frame: pl.LazyFrame, part: pl.Expr) -> pl.DataType | None:
    """The type of an expression on such a frame; None if it has none by itself."""
    try:
        kinds = frame._ldf.select([part._pyexpr])
        return pl.LazyFrame._from_pyldf(kinds).collect_schema().dtypes()[0]
    except Exception:  # noqa: BLE001 - as a part of another one it may be fine
        return None
