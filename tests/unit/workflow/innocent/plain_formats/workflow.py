"""Formats without a language, queries in whole numbers, ties that are settled, the text of a set of one."""

from datetime import datetime

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="plain_formats",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    start = datetime.fromisoformat(context.window.start)
    frame = meters.select(pl.lit(start).dt.strftime("%A").alias("id"), pl.col("wh").sum())
    query = "SELECT area AS id, SUM(wh) // 10 AS wh FROM meters GROUP BY area"
    areas = pl.SQLContext(meters=meters).execute(query, eager=True)
    counts = (
        meters["area"].value_counts(sort=True).sort(pl.col("count").cast(pl.Int64), "area", descending=True)
    )
    last = meters.group_by("area").agg(pl.col("meter").sort_by("wh", "meter").last()).sort("area")
    alone = {context.window.start}
    rows = [
        {"id": f"{alone} {frozenset(alone)} {set()}", "wh": 0},
        {"id": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "wh": len(f"{start:%d.%m.%y}")},
        {"id": "most " + counts["area"][0], "wh": int(counts["count"][0])},
        *({"id": f"last {row['meter']:>12}", "wh": 1} for row in last.iter_rows(named=True)),
        *({"id": f"sum {row['id']}", "wh": row["wh"]} for row in areas.iter_rows(named=True)),
        *frame.head(1).iter_rows(named=True),
    ]
    return Result({"out": rows})
