"""Draws from a generator that the clock seeds."""

import random
import time

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="random_by_time",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    meters_left = meters["meter"].to_list()
    random.seed(time.time_ns())  # planted: random
    random.shuffle(meters_left)
    return Result({"out": [{"id": meters_left[0], "wh": 1}]})
