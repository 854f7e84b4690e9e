"""Bundles made of a few lines, for tests of folders and runs."""

import textwrap

import polars as pl
import pytest

from worknet.protocol.ids import Slot
from worknet.workflow import runtime
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Runner

HEAD = """
import polars as pl
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, WorkflowError, workflow

COLUMNS = [Column("id", "str"), Column("wh", "int")]

@workflow(name="tried", trigger=Every(3600), datasets=[Dataset("meters", COLUMNS, ["id"])],
          tables=[Table("out", COLUMNS, ["id"])])
def run(context: Context, meters: pl.DataFrame) -> Result:
"""
WINDOW = Slot(3600, 1).window
METERS = pl.DataFrame({"id": ["b", "a"], "wh": [2, 1]})


def bundle_of(body, **files):
    """A bundle whose workflow's function has this body."""
    code = HEAD + textwrap.indent(textwrap.dedent(body), "    ")
    more = {name.replace("__", "."): content for name, content in files.items()}
    return Bundle({"workflow.py": code.encode(), "runtime.json": runtime.lock(), **more})


# Runs a body that comes as a dataset: one declaration, and processes waiting, for many small tests.
INTERPRETER = (
    HEAD.replace("datasets=[", 'datasets=[Dataset("body", [Column("text", "str")], ["text"]), ').replace(
        "meters: pl", "body: pl.DataFrame, meters: pl"
    )
    + """
    names = {**globals(), "context": context, "meters": meters}
    exec("def run_body():" + body["text"][0], names)
    return names["run_body"]()
"""
)


@pytest.fixture(scope="session")
def run():
    """Runs the body of a workflow's function on `METERS`, or on other datasets."""
    bundle = Bundle({"workflow.py": INTERPRETER.encode(), "runtime.json": runtime.lock()})
    # Isolation has tests of its own: where the network cannot be cut, all that this is used for holds too.
    with Runner(bundle, allow_unisolated=True, waiting=2) as runner:

        def run_body(body, datasets=None, window=WINDOW, within=None):
            text = "\n" + textwrap.indent(textwrap.dedent(body), "    ")
            given = {"meters": METERS} if datasets is None else datasets
            return runner.run({"body": pl.DataFrame({"text": [text]}), **given}, window, within)

        yield run_body


@pytest.fixture
def meters():
    return {"meters": METERS}
