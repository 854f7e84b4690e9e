"""Threads that race for the first place."""

import threading

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="thread_race",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    order: list[str] = []
    threads = [
        threading.Thread(target=order.append, args=(meter,)) for meter in meters["meter"]
    ]  # planted: thread
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Result({"out": [{"id": meter, "wh": number} for number, meter in enumerate(order)]})
