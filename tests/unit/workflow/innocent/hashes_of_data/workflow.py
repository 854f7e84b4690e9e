"""Draws by hashing the data, and names that follow from it."""

import hashlib
import uuid

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="hashes_of_data",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows = []
    for meter in meters["meter"]:
        digest = hashlib.sha256(meter.encode()).digest()
        rows.append({"id": str(uuid.uuid5(uuid.NAMESPACE_URL, meter)), "wh": digest[0]})
    return Result({"out": rows})
