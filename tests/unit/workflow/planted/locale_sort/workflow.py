"""Sorts as the locale does."""

import locale

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="locale_sort",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    locale.setlocale(locale.LC_ALL, "")  # planted: locale
    areas = sorted(set(meters["area"]), key=locale.strxfrm)
    return Result({"out": [{"id": area, "wh": number} for number, area in enumerate(areas)]})
