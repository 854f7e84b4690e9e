"""Declarations are checked where they are written, and cheap to import."""

import subprocess
import sys

import pytest

from worknet.workflow import (
    Column,
    Context,
    Dataset,
    Declaration,
    Every,
    Result,
    Table,
    Window,
    WorkflowError,
    workflow,
)
from worknet.workflow.errors import DeclarationError

COLUMNS = [Column("id", "str"), Column("wh", "int", nullable=True)]


def declare(function, **other):
    given = {
        "name": "w",
        "trigger": Every(3600, delay=60),
        "datasets": [Dataset("meters", COLUMNS, ["id"], disclosure="field", committed=False, decoys=3)],
        "tables": [Table("out", COLUMNS, ["id"])],
    }
    return workflow(**{**given, **other})(function)


def run(context, meters):
    return Result({"out": meters})


def test_a_declaration_survives_its_document():
    declaration = declare(run, public_summary=True).declaration
    assert Declaration.of_document(declaration.document()) == declaration


def test_a_workflow_can_be_called_as_its_function():
    context = Context(Window("1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"))
    assert declare(run)(context, meters=[1]).tables == {"out": [1]}


def test_importing_the_interface_does_not_import_polars():
    code = "import sys, worknet.workflow; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "wrong", [lambda context: None, lambda meters, context: None, lambda context, other: None]
)
def test_a_function_that_does_not_take_its_datasets_is_refused(wrong):
    with pytest.raises(DeclarationError) as caught:
        declare(wrong)
    assert "context, meters" in caught.value.hint


@pytest.mark.parametrize(
    "other",
    [
        {"name": "No Name"},
        {"datasets": []},
        {"tables": []},
        {"tables": [Table("out", COLUMNS, ["id"]), Table("out", COLUMNS, ["id"])]},
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(other):
    with pytest.raises(WorkflowError):
        declare(run, **other)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Every(0),
        lambda: Every(1.5),
        lambda: Every(3600, delay=-1),
        lambda: Table("Out", COLUMNS, ["id"]),
        lambda: Table("out", COLUMNS, []),
        lambda: Table("out", COLUMNS, "id"),
        lambda: Table("out", COLUMNS, ["wh"]),
        lambda: Table("out", COLUMNS, ["none"]),
        lambda: Table("out", [*COLUMNS, COLUMNS[0]], ["id"]),
        lambda: Dataset("in", COLUMNS, ["id"], disclosure="all"),
        lambda: Dataset("in", COLUMNS, ["id"], decoys=1),
        lambda: Table("out", COLUMNS, ["id"], disclosure="field", decoys=256),
        lambda: Table("out", COLUMNS, ["id"], disclosure="field", decoys="4"),
    ],
)
def test_a_trigger_dataset_or_table_that_breaks_a_rule_is_refused(make):
    with pytest.raises(DeclarationError):
        make()


@pytest.mark.parametrize(
    "document", [None, [], {}, {"name": "w"}, {"name": "w", "trigger": {"every": "1", "delay": 0}}]
)
def test_a_document_that_is_no_declaration_is_refused(document):
    with pytest.raises(DeclarationError):
        Declaration.of_document(document)


def test_a_document_with_more_than_a_declaration_is_refused():
    with pytest.raises(DeclarationError):
        Declaration.of_document({**declare(run).declaration.document(), "more": 1})
