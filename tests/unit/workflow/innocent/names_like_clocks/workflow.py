"""Names that look like clocks and chance, and are none."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


class Dice:
    """Six, always."""

    def now(self) -> int:
        """No clock."""
        return 6

    def sample_of(self, value: int) -> int:
        """No chance."""
        return value % self.now()


@workflow(
    name="names_like_clocks",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    random = Dice()
    rows = [
        {"id": row["meter"], "wh": random.sample_of(row["wh"]) + random.now()}
        for row in meters.iter_rows(named=True)
    ]
    return Result({"out": rows})
