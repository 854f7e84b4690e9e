"""Asks another program."""

import subprocess

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="other_program",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    found = subprocess.run(["date", "+%Y"], capture_output=True, text=True, check=True)  # planted: process
    return Result({"out": [{"id": "year", "wh": int(found.stdout)}]})
