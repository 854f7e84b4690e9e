"""Sets that a defaultdict made, gone through."""

from collections import defaultdict

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="set_of_defaultdict",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    areas = defaultdict(set)
    for row in meters.iter_rows(named=True):
        areas[row["area"]].add(row["meter"])
    first = {area: list(found)[-1] for area, found in areas.items()}  # planted: order
    return Result({"out": [{"id": area, "wh": len(areas[area])} for area in areas]}, {"first": first})
