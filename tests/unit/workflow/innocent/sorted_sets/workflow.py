"""Sets whose order does not matter, or is made."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="sorted_sets",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    areas = {row["area"] for row in meters.iter_rows(named=True)}
    seen = set()
    for area in areas:
        seen.add(area.lower())
    counts = {area: sum(1 for other in meters["area"] if other == area) for area in areas}
    assert len(seen) <= len(areas | {"none"})
    assert max(areas) in areas
    return Result(
        {"out": [{"id": area, "wh": counts[area]} for area in sorted(areas)]}, {"areas": sorted(areas)}
    )
