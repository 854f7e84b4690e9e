"""Makes the demo's data, src/worknet/demo/data/*.csv, from the SimBench data set.

    .venv/bin/pip download --no-deps simbench==1.6.3     # or let uv fetch the wheel
    .venv/bin/python tools/make_demo_data.py simbench-1.6.3-py3-none-any.whl

The argument is the wheel, or a folder into which it was unpacked. Load and generation profiles (fractions of
a peak, 2016, every 15 minutes) become whole watt-hours of fictitious companies. The result is exact and the
same everywhere: profiles are read as decimals, all else is integers. The excerpt stays under the ODbL: see
the notice in its folder.
"""

import argparse
import csv
import io
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

NETWORK = "simbench/networks/1-complete_data-mixed-all-0-sw"
OUT = Path(__file__).parents[1] / "src" / "worknet" / "demo" / "data"

# A Tuesday in May: a sunny day of middling wind, then windy ones, then a calm weekend. It starts at dawn, so
# that the first six hours already see the sun take over. SimBench's clock is German local time (March
# lacks an hour, October has one twice).
START = datetime.fromisoformat("2016-05-17T04:00:00+00:00")
INTERVAL = timedelta(minutes=15)
INTERVALS = 7 * 24 * 4
CLOCK = ZoneInfo("Europe/Berlin")

REGIONS = {"bb": ("DE-BB", "DE"), "by": ("DE-BY", "DE"), "st": ("AT-6", "AT"), "ty": ("AT-7", "AT")}


@dataclass(frozen=True)
class Kind:
    """A kind of consumer, one in every region: SimBench profiles and peak loads (W) by region, wishes."""

    name: str
    profiles: tuple[str, str, str, str]
    peaks: tuple[int, int, int, int]
    priorities: str
    switches: tuple[bool, bool, bool] = (True, True, True)


ALL, NATIONAL, REGIONAL, NOWHERE = (
    (True, True, True),
    (True, True, False),
    (True, False, False),
    (False, False, False),
)
KINDS = (
    Kind("bakery", ("G5-A",) * 4,
         (62_000, 48_000, 55_000, 41_000), "solar:2,wind:1", REGIONAL),
    Kind("office", ("G1-A", "G1-B", "G1-C", "G1-A"),
         (140_000, 210_000, 90_000, 75_000), "solar:2,wind:2,hydro:1"),
    Kind("restaurant", ("G2-A",) * 4,
         (38_000, 45_000, 52_000, 66_000), "hydro:2,solar:1", NATIONAL),
    Kind("cold_store", ("G3-A", "G3-M", "G3-A", "G3-H"),
         (420_000, 380_000, 300_000, 260_000), "hydro:3,wind:2"),
    Kind("shop", ("G4-A", "G4-B", "G4-A", "G4-M"),
         (30_000, 36_000, 28_000, 33_000), "solar:1", REGIONAL),
    Kind("supermarket", ("G4-H",) * 4,
         (160_000, 190_000, 150_000, 120_000), "solar:3,hydro:2,wind:1", NATIONAL),
    Kind("hotel", ("G6-A",) * 4,
         (95_000, 130_000, 110_000, 180_000), "hydro:2,biomass:1"),
    Kind("workshop", ("G0-A", "G0-M", "G0-A", "G0-M"),
         (70_000, 85_000, 60_000, 50_000), ""),
    Kind("waterworks", ("BL-H", "WB-H", "BL-H", "WB-H"),
         (340_000, 300_000, 220_000, 180_000), "wind:1"),
    Kind("factory", ("HS0", "HS4", "HS7", "HS13"),
         (1_600_000, 2_100_000, 1_300_000, 700_000), "solar:2,wind:2"),
    Kind("foundry", ("HS15", "HS20", "HS24", "HS12"),
         (900_000, 1_200_000, 1_500_000, 600_000), "wind:2,hydro:1"),
    Kind("housing", ("lv_urban6", "H0-H", "lv_semiurb4", "lv_rural1"),
         (900_000, 420_000, 650_000, 500_000), "biomass:1,hydro:1,solar:1,wind:1", NATIONAL),
    Kind("dairy", ("L1-A",) * 4,
         (75_000, 110_000, 90_000, 85_000), "biomass:2", REGIONAL),
    Kind("farm", ("L2-A", "L0-A", "L2-M", "L0-A"),
         (45_000, 60_000, 40_000, 35_000), "biomass:2,solar:2", REGIONAL),
    Kind("charging", ("HLS_A_3.7", "HLS_B_3.7", "HLS_C_3.7", "HLS_A_11.0"),
         (250_000, 300_000, 200_000, 220_000), "solar:1,wind:1"),
    Kind("heat_pumps", ("Air_Parallel_1", "Soil_Alternative_1", "Air_Alternative_2", "Soil_Alternative_2"),
         (150_000, 180_000, 160_000, 200_000), "hydro:1", NOWHERE),
)  # fmt: skip


@dataclass(frozen=True)
class Plant:
    """A generator: its SimBench profile, its capacity (W) before scaling, where it stands."""

    name: str
    energy_type: str
    profile: str
    capacity: int
    place: str | None = None
    on_site: bool = False  # it stands at the consumer whose id begins its name


PLANTS = (
    Plant("bb_wind_north", "wind", "WP10", 2_400_000, "bb"),
    Plant("bb_wind_south", "wind", "WP6", 1_500_000, "bb"),
    Plant("bb_solar_park", "solar", "PV3", 3_200_000, "bb"),
    Plant("bb_dairy_biogas", "biomass", "BM1", 180_000, "bb", on_site=True),
    Plant("by_solar_park", "solar", "PV4", 4_000_000, "by"),
    Plant("by_factory_roof", "solar", "PV6", 900_000, "by", on_site=True),
    Plant("by_biomass", "biomass", "BM3", 700_000, "by"),
    Plant("by_hydro", "hydro", "Hydro1", 900_000, "by"),
    Plant("st_wind", "wind", "WP8", 1_600_000, "st"),
    Plant("st_solar_park", "solar", "PV8", 1_800_000, "st"),
    Plant("st_hydro", "hydro", "Hydro3", 1_400_000, "st"),
    Plant("st_biomass", "biomass", "BM5", 500_000, "st"),
    Plant("ty_hydro_upper", "hydro", "Hydro1", 800_000, "ty"),
    Plant("ty_hydro_lower", "hydro", "Hydro2", 1_200_000, "ty"),
    Plant("ty_hotel_roof", "solar", "PV5", 120_000, "ty", on_site=True),
    Plant("offshore_wind", "wind", "WP1", 1_300_000),  # in Germany, in no region
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make src/worknet/demo/data from the SimBench package.")
    parser.add_argument(
        "simbench", type=Path, help="simbench-1.6.3-py3-none-any.whl, or a folder it was unpacked to"
    )
    simbench = parser.parse_args().simbench

    loads = read_profiles(
        simbench, "LoadProfile.csv", {f"{p}_pload" for kind in KINDS for p in kind.profiles}
    )
    renewables = read_profiles(simbench, "RESProfile.csv", {plant.profile for plant in PLANTS})

    consumption: dict[str, list[int]] = {}
    consumers: list[dict[str, object]] = []
    sites = {plant.name.rsplit("_", 1)[0] for plant in PLANTS if plant.on_site}
    for kind in KINDS:
        for (prefix, (region, country)), profile, peak in zip(
            REGIONS.items(), kind.profiles, kind.peaks, strict=True
        ):
            name = f"{prefix}_{kind.name}"
            consumption[name] = watt_hours(loads[f"{profile}_pload"], peak)
            in_region, in_country, in_other = (str(switch).lower() for switch in kind.switches)
            consumers.append(
                {
                    "consumer": name,
                    "site": name if name in sites else "",
                    "region": region,
                    "country": country,
                    "priorities": kind.priorities,
                    "in_region": in_region,
                    "in_country": in_country,
                    "in_other": in_other,
                    "peak_w": peak,
                    "profile": profile,
                }
            )

    # One factor for all plants, so that the week's generation is the week's consumption, as nearly as whole
    # kilowatts of capacity allow.
    consumed = sum(map(sum, consumption.values()))
    generated = sum(sum(watt_hours(renewables[plant.profile], plant.capacity)) for plant in PLANTS)
    generation: dict[str, list[int]] = {}
    generators: list[dict[str, object]] = []
    for plant in PLANTS:
        capacity = (plant.capacity * consumed + generated * 500) // (generated * 1000) * 1000
        region, country = REGIONS[plant.place] if plant.place else ("", "DE")
        generation[plant.name] = watt_hours(renewables[plant.profile], capacity)
        generators.append(
            {
                "generator": plant.name,
                "site": plant.name.rsplit("_", 1)[0] if plant.on_site else "",
                "region": region,
                "country": country,
                "energy_type": plant.energy_type,
                "capacity_w": capacity,
                "profile": plant.profile,
            }
        )

    OUT.mkdir(parents=True, exist_ok=True)
    write(OUT / "consumers.csv", list(consumers[0]), (row.values() for row in consumers))
    write(OUT / "generators.csv", list(generators[0]), (row.values() for row in generators))
    for name, columns in (("consumption.csv", consumption), ("generation.csv", generation)):
        rows = zip(stamps(), *columns.values(), strict=True)
        write(OUT / name, ["start", *columns], rows)
    print(f"{len(consumers)} consumers {consumed} Wh, {len(generators)} generators "
          f"{sum(map(sum, generation.values()))} Wh, {INTERVALS} intervals from {stamps()[0]}")  # fmt: skip


def watt_hours(profile: Sequence[Decimal], peak: int) -> list[int]:
    """Energy per interval, whole Wh rounded down, of a profile with that peak (W); below zero is zero."""
    return [max(0, int(fraction * peak / 4)) for fraction in profile]


def read_profiles(simbench: Path, file: str, names: set[str]) -> dict[str, list[Decimal]]:
    """The named columns of a profile file over the excerpt's intervals."""
    wanted = [(START + INTERVAL * n).astimezone(CLOCK).strftime("%d.%m.%Y %H:%M") for n in range(INTERVALS)]
    profiles: dict[str, list[Decimal]] = {name: [] for name in sorted(names)}
    found: list[str] = []
    with open_csv(simbench, file) as lines:
        reader = csv.reader(lines, delimiter=";")
        header = next(reader)
        if missing := names.difference(header):
            sys.exit(f"{file}: no profiles {', '.join(sorted(missing))}; is this simbench 1.6.3?")
        for row in reader:
            if wanted[0] == row[0] or (found and len(found) < INTERVALS):
                found.append(row[0])
                for name, fractions in profiles.items():
                    fractions.append(Decimal(row[header.index(name)]))
    if found != wanted:
        sys.exit(f"{file}: the intervals {wanted[0]} to {wanted[-1]} are not there without a gap")
    return profiles


@contextmanager
def open_csv(simbench: Path, file: str) -> Iterator[TextIO]:
    """One of the network's files, out of the wheel, the unpacked package, or the folder of the files."""
    if simbench.is_file():
        with zipfile.ZipFile(simbench) as wheel, wheel.open(f"{NETWORK}/{file}") as member:
            yield io.TextIOWrapper(member, encoding="utf-8", newline="")
    else:
        folder = simbench if (simbench / file).is_file() else simbench / NETWORK
        with (folder / file).open(encoding="utf-8", newline="") as lines:
            yield lines


def stamps() -> list[str]:
    """The start of every interval, RFC 3339 in UTC."""
    return [(START + INTERVAL * n).strftime("%Y-%m-%dT%H:%M:%SZ") for n in range(INTERVALS)]


def write(path: Path, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """A CSV file with LF line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
