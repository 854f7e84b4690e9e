"""The guides are true: the author's example runs as it stands, with its data, result and refusals."""

import re
import runpy
import tomllib
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
import tomlkit

from worknet import testing
from worknet.config import NodeConfig
from worknet.protocol.ids import Slot
from worknet.protocol.times import parse_time
from worknet.tables import DataError, read_table, write_csv
from worknet.testing import Desk
from worknet.workflow import Action, Alert, CallWebhook, When, runtime
from worknet.workflow.errors import FailedError, FloatRefusedError
from worknet.workflow.folder import RUNTIME, read_bundle
from worknet.workflow.runner import Outcome, Runner

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "author.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def block(language: str, number: int = 0) -> str:
    """The code block of that language, counted from 0."""
    found: list[str] = [text for kind, text in BLOCK.findall(GUIDE.read_text()) if kind == language]
    return found[number]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The workflow folder of the guide."""
    folder = tmp_path / "green_share"
    folder.mkdir()
    (folder / "workflow.py").write_text(block("python"))
    (folder / "parameters.json").write_text(block("json"))
    (folder / RUNTIME).write_bytes(runtime.lock())
    return folder


def readings(folder: Path, content: str) -> pl.DataFrame:
    file = folder.parent / "readings.csv"
    file.write_text(content)
    with Runner(read_bundle(folder), allow_unisolated=True, waiting=0) as runner:
        return read_table(file, "readings", runner.declaration.dataset("readings").schema)


def run(folder: Path, content: str) -> Outcome:
    frame = readings(folder, content)
    window = re.search(r"--window (\S+)", block("sh"))
    assert window is not None
    with Runner(read_bundle(folder), allow_unisolated=True, waiting=0) as runner:
        slot = Slot.at(runner.declaration.every, parse_time(window[1]))
        assert slot.window.start == parse_time(window[1])
        return runner.run({"readings": frame}, slot.window)


def test_the_author_s_example_gives_the_result_that_the_guide_shows(folder: Path) -> None:
    outcome = run(folder, block("csv", 0))
    with Runner(read_bundle(folder), allow_unisolated=True, waiting=0) as runner:
        schema = runner.declaration.table("shares").schema
    assert write_csv(outcome.tables["shares"], "shares", schema).decode() == block("csv", 1)
    assert outcome.summary == {"meters": 3, "green": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "meter,used_wh,green_wh\nm1,1200.5,0\n",
            "line 2, column used_wh: not an integer in its shortest form",
        ),
        ("meter,used_wh\nm1,1\n", "line 1, column green_wh: the column is missing"),
        ("meter,used_wh,green_wh,at\nm1,1,0,0\n", "field 4 of the header names no column of the schema"),
        (
            "meter,used_wh,green_wh\nm1,1,0\nm1,1,0\n",
            "line 3, column meter: the key of line 2 occurs again",
        ),
        ("meter,used_wh,green_wh\nm1,,0\n", "column used_wh: null where a value is due"),
    ],
)
def test_data_is_refused_in_the_words_of_the_guide(folder: Path, content: str, message: str) -> None:
    assert message in GUIDE.read_text()
    with pytest.raises(DataError, match=re.escape(message)):
        readings(folder, content)


def test_a_workflow_s_own_refusal_names_the_row(folder: Path) -> None:
    with pytest.raises(FailedError, match="meter m1: 2 Wh of 1 Wh cannot be green"):
        run(folder, "meter,used_wh,green_wh\nm1,1,2\n")


def test_a_float_in_the_result_is_refused_in_the_words_of_the_guide(folder: Path) -> None:
    code = (folder / "workflow.py").read_text()
    (folder / "workflow.py").write_text(code.replace("green * PPM // used", "green / used"))
    message = "table shares, row 0, column share_ppm: a floating point number"
    assert message in GUIDE.read_text()
    with pytest.raises(FloatRefusedError, match=message):
        run(folder, block("csv", 0))


def test_the_order_of_the_lines_does_not_matter(folder: Path) -> None:
    header, *lines = block("csv", 0).splitlines(keepends=True)
    assert (
        run(folder, "".join([header, *reversed(lines)]))
        .tables["shares"]
        .equals(run(folder, block("csv", 0)).tables["shares"])
    )


@pytest.fixture
def handling(folder: Path) -> Path:
    """The workflow folder of the guide, with the handlers and the test that continue it."""
    code = folder / "workflow.py"
    code.write_text(code.read_text() + block("python", 1))
    tests = folder / "tests"
    tests.mkdir()
    (tests / "test_handlers.py").write_text(block("python", 2))
    return folder


def test_the_author_s_handler_tells_what_the_guide_shows(handling: Path) -> None:
    alert, call = Desk(handling).handle(When.UNRESOLVED, "AAB-", "AAa-", window="2026-01-31T09:15:00Z")
    title, body = block("text").rstrip().split("\n", 1)
    assert alert == Alert(title, body, "failure")
    assert isinstance(call, CallWebhook)
    assert call.payload["missing"] == [3]


def test_the_author_s_test_of_the_handlers_holds(handling: Path) -> None:
    ran = runpy.run_path(str(handling / "tests" / "test_handlers.py"))
    tests = [test for name, test in ran.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


def test_the_author_s_table_of_actions_is_the_stated_set() -> None:
    shown = re.findall(r"^\| `(\w+)\(.*?\)` \|", GUIDE.read_text(), re.MULTILINE)
    assert shown == [action.__name__ for action in get_args(Action)]


def test_each_name_that_authors_tests_are_told_of_is_public() -> None:
    (table,) = re.findall(r"^## Its own tests\n.*?^\| name .*?\n(\|.*?)\n\n", GUIDE.read_text(), re.M | re.S)
    first_cells = [line.split("|")[1] for line in table.splitlines()[1:]]
    shown = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} - {"run"}
    assert shown <= set(testing.__all__)
    assert len(shown) == 14


def test_the_operator_s_example_is_a_configuration(tmp_path: Path) -> None:
    text = (GUIDE.parent / "operator.md").read_text()
    example, *_ = [content for kind, content in BLOCK.findall(text) if "[node]" in content]
    (tmp_path / "node.toml").write_text(example)
    datasets = NodeConfig.load(tmp_path / "node.toml").workflows["matching_24_7"].datasets
    assert {name: dataset.source for name, dataset in datasets.items()} == {
        "consumption": "http",
        "generation": "file",
    }


def test_each_part_of_a_configuration_that_operators_are_shown_fits_into_the_whole_one(
    tmp_path: Path,
) -> None:
    text = (GUIDE.parent / "operator.md").read_text()
    shown = [tomllib.loads(content) for kind, content in BLOCK.findall(text) if kind == "toml"]
    (whole,) = [part for part in shown if "node" in part]
    parts = [part for part in shown if "node" not in part]
    assert parts
    for part in parts:
        workflows = {
            name: {**section, **part.get("workflows", {}).get(name, {})}
            for name, section in whole["workflows"].items()
        }
        (tmp_path / "node.toml").write_text(tomlkit.dumps({**whole, **part, "workflows": workflows}))
        NodeConfig.load(tmp_path / "node.toml")
