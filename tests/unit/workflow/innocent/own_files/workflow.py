"""Files of the bundle, found beside the module."""

import json
from pathlib import Path

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="own_files",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    folder = Path(__file__).parent
    factor = json.loads((folder / "factor.json").read_text())["factor"]
    with (folder / "note.txt").open(encoding="utf-8") as note:
        text = note.read().strip()
    assert (folder / "note.txt").exists()
    assert sorted(folder.glob("*.txt"))
    return Result({"out": meters.select(id="meter", wh=pl.col("wh") * factor)}, {"note": text})
