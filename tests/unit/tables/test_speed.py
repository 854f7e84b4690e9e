"""Committing and proving stay as fast as they have to be; `benchmarks.tables` has the figures themselves.

The limits are those of the benchmark, at a size that takes seconds, with room for a machine that is busy:
more of it for seconds than for ratios, whose two sides wait alike.
"""

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.long

ROWS = 30_000


@pytest.fixture(scope="module")
def measured() -> ModuleType:
    """The benchmark's module, from its file: it is no part of the package."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(Path(__file__).parents[3])
        return importlib.import_module("benchmarks.tables")


@pytest.fixture(scope="module")
def frame(measured: Any) -> Any:
    return measured.validate("t", measured.SCHEMA, measured.shuffled(ROWS))


def test_committing_takes_little_more_than_the_hashing_of_the_same_bytes(measured: Any, frame: Any) -> None:
    whole, bare = measured.committing(frame)
    assert whole <= 3.5 * bare


@pytest.mark.parametrize("decoys", [0, 4])
def test_committing_by_field_takes_a_few_times_the_hashing_of_the_same_bytes(
    measured: Any, frame: Any, decoys: int
) -> None:
    schema = replace(measured.SCHEMA, field_disclosure=True, decoys=decoys)
    whole, bare = measured.committing(frame[:10_000], schema)
    assert whole <= 5 * bare


def test_proofs_out_of_a_committed_table_are_looked_up(measured: Any, frame: Any) -> None:
    one, every, _ = measured.proving(frame)
    assert one <= 4 * 0.0001
    assert every <= 4 * ROWS * 0.00001
