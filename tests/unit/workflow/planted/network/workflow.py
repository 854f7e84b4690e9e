"""Asks the network, and goes on without it."""

import socket

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="network",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1).close()  # planted: network
        online = 1
    except OSError:
        online = 0
    return Result({"out": [{"id": "online", "wh": online}]})
