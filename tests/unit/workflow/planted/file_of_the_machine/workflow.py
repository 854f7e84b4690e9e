"""A file that is not the bundle's."""

from pathlib import Path

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="file_of_the_machine",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    lines = len(Path("/etc/passwd").read_text().splitlines())  # planted: files
    return Result({"out": [{"id": "lines", "wh": lines}]})
