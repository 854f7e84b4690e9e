"""The check of workflows with planted faults, of which each says where it is, and of innocent ones."""

import ast
import re
from pathlib import Path

import pytest

from worknet.protocol.ids import Slot
from worknet.testing.datasets import desk_data
from worknet.workflow.determinism.check import _at_difference, _Ran, _unwatched, check
from worknet.workflow.determinism.static import static_findings
from worknet.workflow.determinism.variations import FIRST, WATCHED
from worknet.workflow.errors import TimedOutError
from worknet.workflow.folder import Bundle, read_bundle
from worknet.workflow.runner import Outcome

HERE = Path(__file__).parent
PLANTED = sorted((HERE / "planted").iterdir())
INNOCENT = sorted((HERE / "innocent").iterdir())
WORKFLOWS = [HERE.parents[2] / "workflows" / name for name in ("matching_24_7", "wind_farm")]
FOLDERS = {folder.name: folder for folder in [*PLANTED, *INNOCENT, *WORKFLOWS]}
PURE = [folder.name for folder in INNOCENT].index("pure_handler")
ALONE = {
    "address_in_a_text",
    "folder_order",
    "group_order",
    "handler_clock",
    "handler_order",
    "set_order",
    "unstable_sort",
}
"""Those that are checked one by one: what differs is theirs."""
TOGETHER = """
from importlib import import_module

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(name="together", trigger=Every(3600), datasets=[Dataset("meters", COLUMNS, ["meter"])],
          tables=[Table("out", [Column("workflow", "str"), Column("id", "str"), Column("wh", "int")],
                        ["workflow", "id"])])
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows, summary = [], {{}}
    for name in {modules}:
        result = import_module(name).run(context, meters=meters)
        out = result.tables["out"]
        found = out.iter_rows(named=True) if isinstance(out, pl.DataFrame) else out
        rows += [{{"workflow": name, **row}} for row in found]
        summary[name] = dict(result.summary)
    return Result({{"out": rows}}, summary)
"""
_MARK = re.compile(r"# planted: (\w+)$")
# Of these the text shows nothing that is certain or possible.
ONLY_IN_RUNS = {
    "address_in_a_text",
    "clock_by_getattr",
    "clock_in_eval",
    "clock_of_a_class",
    "float_in_sql",
    "float_type_by_name",
    "formatted_float",
    "set_of_defaultdict",
}


def named(folder):
    return pytest.param(folder, id=folder.name)


def planted_in(folder):
    """File, lines of the statement, and kind of the fault that a folder's comments mark."""
    (found,) = (
        (file.name, _statement(file, number), mark[1])
        for file in sorted(folder.glob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if (mark := _MARK.search(line))
    )
    return found


def _statement(file, line):
    """The lines of the innermost statement that this line is of."""
    around = [
        range(node.lineno, node.end_lineno + 1)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.stmt) and line in range(node.lineno, node.end_lineno + 1)
    ]
    return min(around, key=len)


def checked(bundle, runs):
    def datasets(declaration):
        trigger = Slot(declaration.every, 0)
        return trigger, desk_data(FOLDERS.get(declaration.name, HERE), declaration).frames(trigger)

    return check(bundle, datasets, runs=runs, allow_unisolated=True)


def together(folders):
    """A bundle that runs all these workflows in one, each as a module that bears its folder's name."""
    files, modules = {}, []
    for folder in folders:
        for path, content in read_bundle(folder).files.items():
            files[f"one_{folder.name}.py" if path == "workflow.py" else path] = content
        modules.append(f"one_{folder.name}")
    files["workflow.py"] = TOGETHER.format(modules=modules).encode()
    return Bundle(files)


@pytest.fixture(scope="module")
def planted_together():
    """The check of all planted faults of runs at once: file, line and kind of what it names."""
    folders = [folder for folder in PLANTED if not folder.name.startswith("handler_")]
    report = checked(together(folders), 5)
    assert not report.is_fine
    return {(one.file, one.line, one.kind.value) for one in report.findings}


@pytest.mark.long
@pytest.mark.parametrize("folder", [named(folder) for folder in PLANTED if folder.name not in ALONE])
def test_a_planted_fault_is_named_by_its_line_among_many(folder, planted_together):
    file, lines, kind = planted_in(folder)
    module = f"one_{folder.name}.py" if file == "workflow.py" else file
    assert planted_together & {(module, line, kind) for line in lines}


@pytest.mark.long
@pytest.mark.parametrize("folder", [named(folder) for folder in PLANTED if folder.name in ALONE])
def test_a_planted_fault_is_found_alone_and_named(folder):
    file, lines, kind = planted_in(folder)
    report = checked(read_bundle(folder), 5)
    assert report.differences or folder.name == "handler_clock"
    assert not report.is_fine
    places = {(one.file, one.line, one.kind.value) for one in report.findings}
    assert kind == "differs" or places & {(file, line, kind) for line in lines}


@pytest.mark.long
def test_innocent_workflows_are_blamed_for_nothing():
    folders = [folder for folder in INNOCENT if folder.name != "pure_handler"]
    report = checked(together(folders), 5)
    assert (report.findings, report.differences, report.failure) == ((), (), "")


@pytest.mark.long
@pytest.mark.parametrize("folder", [named(folder) for folder in [INNOCENT[PURE], *WORKFLOWS]])
def test_handlers_and_examples_are_blamed_for_nothing(folder):
    report = checked(read_bundle(folder), 5)
    assert (report.findings, report.differences, report.failure) == ((), (), "")


@pytest.mark.parametrize("folder", [named(folder) for folder in PLANTED if folder.name not in ONLY_IN_RUNS])
def test_the_text_of_a_planted_fault_already_shows_it(folder):
    file, lines, kind = planted_in(folder)
    found = static_findings(read_bundle(folder).files)
    assert any(one.file == file and one.line in lines and one.kind.value == kind for one in found)


@pytest.mark.parametrize("folder", [named(folder) for folder in [*INNOCENT, *WORKFLOWS]])
def test_the_text_of_an_innocent_workflow_shows_nothing_that_is_certain(folder):
    assert not [one for one in static_findings(read_bundle(folder).files) if one.certain]


def test_what_is_no_python_is_named_with_the_parser_s_message_line_and_column():
    (found,) = static_findings({"workflow.py": b"first = 1\nsecond = = 2\n"})
    assert (found.line, found.column) == (2, 10)
    assert found.what == "no Python that can be read: invalid syntax"


def test_a_difference_of_decisions_is_shown_from_where_it_begins():
    same = '[{"kind":"alert","title":"' + "x" * 1000
    shown = _at_difference(same + "first", same + "second")
    assert "first" in shown
    assert "second" in shown
    assert len(shown) < 500


def test_a_watched_run_that_takes_too_long_is_no_difference():
    ran = _Ran(FIRST, outcome=Outcome({}, {}))
    slow = _Ran(WATCHED, error=TimedOutError("the run exceeded its limit of 1 seconds"))
    assert "more --seconds" in _unwatched(ran, slow)["a watched run to its end"]
    assert _unwatched(ran, _Ran(WATCHED, outcome=Outcome({}, {}))) == {}
    assert _unwatched(_Ran(FIRST, error=TimedOutError("it did so too")), slow) == {}
