"""The first file of a folder."""

from pathlib import Path

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="folder_order",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    names = [path.name for path in Path(__file__).parent.glob("*.txt")]  # planted: order
    return Result({"out": [{"id": name, "wh": number} for number, name in enumerate(names)]})
