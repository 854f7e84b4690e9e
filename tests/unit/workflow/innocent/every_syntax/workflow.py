"""As much of the language as a rewriting of code could get wrong."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


class Base:
    """What `More` builds upon."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts

    def weight(self, name: str) -> int:
        """How often it occurs."""
        return self.counts[name]


class More(Base):
    """A class with a property, a manager, a cache, and `super()`."""

    def __init__(self, counts: Counter[str], *, extra: int = 1) -> None:
        super().__init__(counts)
        self.__extra = extra

    def weight(self, name: str) -> int:
        """A little more often."""
        with self._open() as more:
            return super().weight(name) + more + twice(self.double)

    @cached_property
    def double(self) -> int:
        """Twice what was given."""
        return self.__extra * 2

    @contextmanager
    def _open(self) -> Iterator[int]:
        try:
            yield self.__extra
        finally:
            assert "self" in locals()

    def items(self) -> Iterator[tuple[str, int]]:
        """As they are."""
        yield from self.counts.items()


@lru_cache
def twice(number: int) -> int:
    """Twice as much."""
    nonlocal_total = 0

    def add() -> None:
        nonlocal nonlocal_total
        nonlocal_total += number

    add()
    add()
    return nonlocal_total


@workflow(
    name="every_syntax",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    counted = Counter(str(row["area"]) for row in meters.iter_rows(named=True))
    more = More(counted, extra=2)
    total = 0
    total += more.weight("a")
    first, *rest = sorted(counted)
    match {"kind": first, "rest": rest}:
        case {"kind": str() as kind, "rest": [*_]} if kind:
            total += len(kind)
        case _:
            total -= 1
    add = lambda n: n + total  # noqa: E731
    table = [*({"id": name, "wh": add(count)} for name, count in more.items())]
    table = table if (size := len(table)) else []
    del first
    assert size == len(table)
    assert not rest or rest[-1] in counted
    assert {**counted} == dict(more.items())
    return Result(tables={"out": table}, summary={"names": f"{size:>3}|{kind!r}", "bits": size ^ 5 | 1 & ~2})
