"""Times that are reckoned from the window."""

from datetime import UTC, datetime, timedelta

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="time_of_the_window",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    start = datetime.fromisoformat(context.window.start).astimezone(UTC) if context.window else None
    time = start + timedelta(hours=2) if start else None
    hour = time.hour if time else 0
    later = datetime.fromtimestamp(1_767_225_600, tz=UTC).strftime("%Y-%m-%d %H:%M")
    return Result({"out": [{"id": later, "wh": hour}]})
