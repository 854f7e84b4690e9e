"""The versioned file of what the contracts cost: whole, within its limits, and told where a limit is broken.

That the figures are those of the contracts is held by `make check`, which measures them again.
"""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[2]
FILE = PROJECT / "benchmarks" / "gas.json"


@pytest.fixture(scope="module")
def gas() -> ModuleType:
    """The benchmark's module, from its file: it is no part of the package."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(PROJECT)
        return importlib.import_module("benchmarks.gas")


@pytest.fixture
def figures() -> dict[str, int]:
    written: dict[str, int] = json.loads(FILE.read_text())["gas"]
    return written


def test_every_limited_action_and_every_contract_stands_in_the_file(
    gas: ModuleType, figures: dict[str, int]
) -> None:
    codes = {"code.WorkerNetwork", "code.Rewards", "code.RowProofs"}

    assert (gas.LIMITS.keys() | codes) <= figures.keys()


def test_what_is_in_the_file_is_within_its_limits(gas: ModuleType, figures: dict[str, int]) -> None:
    assert gas.broken_limits(figures) == []


@pytest.mark.parametrize("name", ["open.7", "report.31", "log_append", "code.WorkerNetwork"])
def test_a_broken_limit_is_named(gas: ModuleType, figures: dict[str, int], name: str) -> None:
    limit = (gas.LIMITS | {"code.WorkerNetwork": gas.CODE_LIMIT})[name]

    assert gas.broken_limits(figures | {name: limit}) == []
    [told] = gas.broken_limits(figures | {name: limit + 1})
    assert told.startswith(f"{name} is ")


def test_a_dearer_action_changes_one_line_of_the_file(gas: ModuleType, figures: dict[str, int]) -> None:
    before = gas.render(figures).splitlines()
    after = gas.render(figures | {"settle": figures["settle"] + 1}).splitlines()

    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


def test_the_documented_table_is_the_files(gas: ModuleType, figures: dict[str, int]) -> None:
    documented = gas.PAGE.read_text()

    assert gas.page(figures, documented) == documented
    assert gas.page(figures | {"settle": 1}, documented) != documented
