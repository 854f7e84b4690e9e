"""Loads the worked example's rule, whose folder is no package, and what it is held against."""

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BUNDLE = HERE.parents[2] / "workflows" / "matching_24_7"


def _load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rule():
    """The module `rule` of workflows/matching_24_7."""
    yield _load(BUNDLE / "rule.py", "matching_24_7_rule")
    del sys.modules["matching_24_7_rule"]


@pytest.fixture(scope="session")
def reference():
    """The independent statement of the rule beside these tests."""
    yield _load(HERE / "reference_matching.py", "matching_24_7_reference")
    del sys.modules["matching_24_7_reference"]
