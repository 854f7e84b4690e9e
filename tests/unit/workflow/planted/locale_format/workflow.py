"""Writes numbers as the locale does."""

import locale

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="locale_format",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows = [
        {"id": locale.format_string("%d", row["wh"], grouping=True) + row["meter"], "wh": 1}
        for row in meters.iter_rows(named=True)
    ]  # planted: locale
    return Result({"out": rows})
