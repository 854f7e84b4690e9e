"""The demo's recorded load and generation as rows of the datasets of `workflows/matching_24_7`.

Reads the SimBench excerpt in `data/` (notice and licence are beside it, `tools/make_demo_data.py` makes it).
Serving the rows over HTTP, and who may read them, is not its concern.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from worknet.protocol.ids import Window
from worknet.protocol.times import TimeError, parse_time, time_text

INTERVAL = 15 * 60
"""Seconds between two recorded values."""

_BOOLEANS = {"true": True, "false": False}

Row = dict[str, str | int | bool | None]


class ProfilesError(Exception):
    """The excerpt is damaged or does not cover a window; `hint` says what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Profiles:
    """Recorded energy, in Wh per interval of 15 minutes from `start` (Unix seconds, a full hour) on."""

    start: int
    intervals: int
    consumers: tuple[Row, ...]
    generators: tuple[Row, ...]
    energy: Mapping[str, tuple[int, ...]]  # by the id of a consumer or generator

    @property
    def hours(self) -> int:
        """The number of whole hours recorded."""
        return self.intervals * INTERVAL // 3600

    def consumption(self, window: Window) -> list[Row]:
        """The rows of dataset `consumption`: every consumer, with what it drew in the window.

        Raises ProfilesError for a window that is not recorded or not made of whole intervals.
        """
        return self._rows(self.consumers, "consumer", window)

    def generation(self, window: Window) -> list[Row]:
        """The rows of dataset `generation`: every generator, with what it fed in. Raises as `consumption`."""
        return self._rows(self.generators, "generator", window)

    def _rows(self, entities: tuple[Row, ...], key: str, window: Window) -> list[Row]:
        first, last = self._position(window.start), self._position(window.end)
        return [{**row, "wh": sum(self.energy[str(row[key])][first:last])} for row in entities]

    def _position(self, time: int) -> int:
        position, rest = divmod(time - self.start, INTERVAL)
        if rest or not 0 <= position <= self.intervals:
            end = self.start + self.intervals * INTERVAL
            hint = f"recorded is {time_text(self.start)} to {time_text(end)}, every 15 minutes"
            raise ProfilesError("the window does not bound recorded intervals", hint)
        return position


def load_profiles(folder: Traversable | None = None) -> Profiles:
    """Read the excerpt that is shipped, or the one in `folder`. Raises ProfilesError, naming the file."""
    data = files("worknet.demo") / "data" if folder is None else folder
    consumers = tuple(map(_consumer, _read(data, "consumers.csv")))
    generators = tuple(map(_generator, _read(data, "generators.csv")))
    start, consumption = _energy(data, "consumption.csv", [row["consumer"] for row in consumers])
    same_start, generation = _energy(data, "generation.csv", [row["generator"] for row in generators])
    lengths = {len(values) for values in (*consumption.values(), *generation.values())}
    if start != same_start or len(lengths) != 1:
        raise ProfilesError("consumption.csv and generation.csv do not record the same intervals")
    return Profiles(start, lengths.pop(), consumers, generators, {**consumption, **generation})


def _read(folder: Traversable, name: str) -> list[dict[str, str]]:
    try:
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        hint = "tools/make_demo_data.py makes it anew"
        raise ProfilesError(f"{name} cannot be read ({type(error).__name__})", hint) from None
    header, *records = csv.reader(lines) if lines else [[]]
    for position, fields in enumerate(records):
        if len(fields) != len(header):
            raise ProfilesError(f"{name}, line {position + 2}: {len(fields)} fields, not {len(header)}")
    if not records:
        raise ProfilesError(f"{name} has no rows", "tools/make_demo_data.py makes it anew")
    return [dict(zip(header, fields, strict=True)) for fields in records]


def _consumer(row: dict[str, str]) -> Row:
    try:
        return {
            "consumer": row["consumer"],
            "wh": 0,
            **_place(row),
            "priorities": row["priorities"],
            "in_region": _BOOLEANS[row["in_region"]],
            "in_country": _BOOLEANS[row["in_country"]],
            "in_other": _BOOLEANS[row["in_other"]],
        }
    except KeyError as error:
        raise ProfilesError(f"consumers.csv: {error} is no column, or no boolean") from None


def _generator(row: dict[str, str]) -> Row:
    try:
        return {"generator": row["generator"], "wh": 0, **_place(row), "energy_type": row["energy_type"]}
    except KeyError as error:
        raise ProfilesError(f"generators.csv: {error} is no column") from None


def _place(row: dict[str, str]) -> Row:
    return {"site": row["site"] or None, "region": row["region"] or None, "country": row["country"] or None}


def _energy(folder: Traversable, name: str, ids: list[object]) -> tuple[int, dict[str, tuple[int, ...]]]:
    """The start of the recording, and the Wh per interval of each entity."""
    rows = _read(folder, name)
    if list(rows[0]) != ["start", *ids]:
        raise ProfilesError(f"{name}: its columns are not the start and the entities, in their order")
    try:
        start = parse_time(rows[0]["start"])
        stamps = [time_text(start + position * INTERVAL) for position in range(len(rows))]
        if [row.pop("start") for row in rows] != stamps:
            raise ProfilesError(f"{name}: an interval of 15 minutes is missing or stands twice")
        return start, {entity: tuple(int(row[entity]) for row in rows) for entity in rows[0]}
    except (TimeError, ValueError) as error:
        raise ProfilesError(f"{name}: a start is no time, or an energy no whole number ({error})") from None
