"""The most frequent area, which may be any of several."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="ties_of_counts",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    letters = meters["meter"].value_counts(sort=True)  # planted: order
    return Result({"out": [{"id": "most", "wh": int(letters["meter"][0][-2:])}]})
