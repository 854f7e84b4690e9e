"""Modules that look at clock and files for their own purposes."""

import logging
from datetime import datetime

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]

LOG = logging.getLogger("meters")


@workflow(
    name="library_of_itself",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    LOG.warning("read %d meters", meters.height)
    when = datetime.strptime("2026-01-31 +0000", "%Y-%m-%d %z")
    import textwrap

    rows = [
        {"id": textwrap.shorten(row["meter"], 40), "wh": row["wh"] + when.day}
        for row in meters.iter_rows(named=True)
    ]
    return Result({"out": rows})
