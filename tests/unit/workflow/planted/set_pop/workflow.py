"""Takes whichever element a set gives first."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="set_pop",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    areas = {row["area"] for row in meters.iter_rows(named=True)}
    chosen = areas.pop()  # planted: order
    return Result({"out": [{"id": "chosen", "wh": len(chosen)}]}, {"chosen": chosen})
