"""The names that tests import from `worknet.testing`: all there, each described, and cheap until used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from worknet import testing


@pytest.mark.parametrize("name", testing.__all__)
def test_each_public_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(testing, name).__doc__


def test_type_checkers_see_the_same_names_from_the_same_places() -> None:
    tree = ast.parse(Path(testing.__file__).read_text())
    seen = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("worknet.testing.")
        for alias in node.names
    }
    assert seen == {name: f"worknet.testing.{place}" for name, place in testing.PLACES.items()}


def test_a_name_that_there_is_not_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Worker'"):
        _ = testing.Worker


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys, worknet.testing; print([name for name in sys.modules if name.startswith('polars')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
