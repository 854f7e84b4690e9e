"""A mean that a query in SQL makes an integer again."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="float_in_sql",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    query = "SELECT area AS id, CAST(AVG(wh) AS BIGINT) AS wh FROM meters GROUP BY area ORDER BY area"
    found = pl.SQLContext(meters=meters).execute(query, eager=True)  # planted: float
    return Result({"out": found})
