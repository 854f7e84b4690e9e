"""`worknet workflow`: files in, files out, and errors that name file, line and what would be right."""

import csv
import json

import pytest

from worknet.cli import main
from worknet.protocol.canonical import to_hex
from worknet.workflow import runtime
from worknet.workflow.archive import unpack

CODE = b"""
import polars as pl
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, WorkflowError, workflow

COLUMNS = [Column("id", "str"), Column("wh", "int"), Column("site", "str", nullable=True)]

@workflow(name="doubled", trigger=Every(3600), datasets=[Dataset("meters", COLUMNS, ["id"])],
          tables=[Table("out", COLUMNS, ["id"])])
def run(context: Context, meters: pl.DataFrame) -> Result:
    print("rows", meters.height)
    if meters["wh"].min() < 0:
        raise WorkflowError("a negative volume", "meters only count up")
    meters["wh"].max() // (meters.height - 1)
    doubled = meters.with_columns(pl.col("wh") * 2).reverse()
    return Result({"out": doubled}, {"start": context.window.start})
"""
ROWS = [["b", "9007199254740", ""], ['a,"b"', "0", "s"], ["line\nbreak", "1", "007"]]


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "workflow.py").write_bytes(CODE)
    (tmp_path / "w" / "runtime.json").write_bytes(runtime.lock())
    with (tmp_path / "meters.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "wh", "site"], *ROWS])
    return tmp_path


@pytest.fixture
def worknet(desk, monkeypatch, capsys):
    """Runs a command in the desk's folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(desk)

    def call(*arguments):
        with pytest.raises(SystemExit) as caught:
            main.run(["workflow", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return caught.value.code, out, err

    return call


def run_with(worknet, *more, file="meters.csv"):
    return worknet("run", "w", "--dataset", f"meters={file}", "--out", "out", "--allow-unisolated", *more)


def test_a_run_writes_tables_summary_and_roots(worknet, desk):
    code, out, err = run_with(worknet, "--window", "2026-01-31T09:00:00Z", "--json")
    assert (code, err) == (0, "")
    with (desk / "out" / "out.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["id", "wh", "site"],
            ['a,"b"', "0", "s"],
            ["b", "18014398509480", ""],
            ["line\nbreak", "2", "007"],
        ]
    assert b"\r" not in (desk / "out" / "out.csv").read_bytes()
    assert json.loads((desk / "out" / "summary.json").read_bytes()) == {"start": "2026-01-31T09:00:00Z"}
    roots = json.loads((desk / "out" / "roots.json").read_bytes())
    printed = json.loads(out)
    assert {**printed, **roots} == printed
    assert roots["kind"] == "desk"
    assert roots["tables"]["out"]["rows"] == 3
    assert (desk / "out" / "stderr.txt").read_text() == "rows 3\n"


def test_the_order_of_the_rows_changes_nothing_and_a_value_does(worknet, desk):
    before = json.loads(run_with(worknet, "--json")[1])
    lines = [["site", "wh", "id"], *([site, wh, name] for name, wh, site in ROWS[::-1])]
    with (desk / "other.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    assert json.loads(run_with(worknet, "--json", file="other.csv")[1]) == before
    (desk / "other.csv").write_text((desk / "other.csv").read_text().replace("s,0,", "s,3,"))
    assert (
        json.loads(run_with(worknet, "--json", file="other.csv")[1])["desk_input_root"]
        != before["desk_input_root"]
    )


def test_without_json_the_roots_are_shown_as_desk_roots(worknet):
    code, out, _ = run_with(worknet)
    assert code == 0
    assert "desk input root" in out
    assert "never those of a vote" in out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "id,wh,site\na,1,\na,2,\n",
            "table meters, line 3, column id: the key of line 2 occurs again",
        ),
        ("id,wh,site\na,1.5,\n", "line 2, column wh: not an integer"),
        ("id,wh,site\na,9007199254740992,\n", "line 2, column wh: an integer of 2^53 or more"),
        ("id,wh\na,1\n", "column site: the column is missing"),
        ("", "line 1"),
    ],
)
def test_a_file_that_does_not_fit_is_exit_2_with_its_place(worknet, desk, content, message):
    (desk / "meters.csv").write_text(content)
    code, out, err = run_with(worknet)
    assert (code, out) == (2, "")
    assert message in err
    assert not (desk / "out").exists()


def test_a_workflow_that_refuses_its_inputs_is_exit_1_with_its_own_words(worknet, desk):
    (desk / "meters.csv").write_text("id,wh,site\na,-1,\n")
    code, _, err = run_with(worknet)
    assert code == 1
    assert err.startswith("error: a negative volume\nhint: meters only count up\n")


def test_a_workflow_that_fails_is_exit_1_and_its_stderr_is_kept(worknet, desk):
    (desk / "meters.csv").write_text("id,wh,site\na,1,\n")
    code, _, err = run_with(worknet)
    assert code == 1
    assert "raised ZeroDivisionError (workflow.py, line 13)" in err
    assert "ZeroDivisionError" in (desk / "out" / "stderr.txt").read_text()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--window", "2026-01-31T09:30:00Z"], "2026-01-31T09:00:00Z and 2026-01-31T10:00:00Z"),
        (["--window", "2026-02-31T09:00:00Z"], "does not exist"),
        (["--window", "yesterday"], "not a time like"),
        (["--dataset", "more=meters.csv"], "has no dataset 'more'"),
        (["--dataset", "meters=meters.csv"], "given twice"),
        (["--dataset", "meters"], "not NAME=FILE"),
        (["--memory", "1"], "memory"),
    ],
)
def test_options_that_do_not_fit_are_exit_2(worknet, more, message):
    code, _, err = run_with(worknet, *more)
    assert code == 2
    assert message in err


def test_a_missing_dataset_and_a_missing_file_are_exit_2(worknet):
    code, _, err = worknet("run", "w", "--out", "out", "--allow-unisolated")
    assert (code, "add --dataset meters=FILE" in err) == (2, True)
    code, _, err = run_with(worknet, file="none.csv")
    assert (code, "none.csv" in err) == (2, True)


def test_a_folder_that_holds_no_workflow_is_exit_2(worknet, desk):
    (desk / "empty").mkdir()
    for folder in ("empty", "none"):
        assert worknet("run", folder, "--out", "out")[0] == 2
        assert worknet("digest", folder)[0] == 2


def test_an_output_folder_that_cannot_be_written_is_exit_2(worknet, desk):
    (desk / "out").touch()
    code, _, err = run_with(worknet)
    assert (code, "cannot be written" in err) == (2, True)


def test_the_digest_is_shown_and_a_runtime_that_does_not_fit_is_told(worknet, desk):
    code, out, err = worknet("digest", "w")
    digest, *_ = out.splitlines()
    assert (code, len(digest), err) == (0, 66, "")
    assert json.loads(worknet("digest", "w", "--json")[1])["digest"] == digest
    (desk / "w" / "runtime.json").unlink()
    code, other, err = worknet("digest", "w")
    assert code == 0
    assert other != out
    assert "no runtime.json" in err
    assert "no runtime.json" in json.loads(worknet("digest", "w", "--json")[1])["runtime"]
    assert "warning" in run_with(worknet)[2]


def test_the_digest_comes_with_the_files_that_it_covers_and_their_sizes(worknet, desk):
    (desk / "w" / "tests").mkdir()
    (desk / "w" / "tests" / "test_it.py").write_text("no part of it")
    (desk / "w" / "parts").mkdir()
    (desk / "w" / "parts" / "rule.py").write_text("RULE = 1\n")
    sizes = {
        name: (desk / "w" / name).stat().st_size for name in ("parts/rule.py", "runtime.json", "workflow.py")
    }
    _, *lines = worknet("digest", "w")[1].splitlines()
    assert [line.split() for line in lines] == [[str(size), name] for name, size in sizes.items()]
    document = json.loads(worknet("digest", "w", "--json")[1])
    assert (document["files"], document["sizes"]) == (list(sizes), sizes)


def test_a_run_takes_the_folder_s_sample_data_for_a_dataset_that_is_not_given(worknet, desk):
    (desk / "w" / "tests" / "data").mkdir(parents=True)
    (desk / "w" / "tests" / "data" / "meters.csv").write_bytes((desk / "meters.csv").read_bytes())
    given = json.loads(run_with(worknet, "--json")[1])
    sampled = json.loads(worknet("run", "w", "--out", "out", "--allow-unisolated", "--json")[1])
    assert sampled == given


def test_lock_pins_what_is_installed_and_keeps_what_was_pinned(worknet, desk):
    (desk / "w" / "runtime.json").unlink()
    _, digest, _ = worknet("lock", "w", "--package", "msgspec")
    assert worknet("digest", "w")[1].startswith(digest)
    assert worknet("lock", "w")[1] == digest
    assert "msgspec" in (desk / "w" / "runtime.json").read_text()
    assert worknet("lock", "w", "--package", "no-such-package")[0] == 2


def test_an_archive_is_named_by_the_digest_of_what_is_in_it(worknet, desk):
    digest, *_ = worknet("digest", "w")[1].splitlines()
    code, out, _ = worknet("pack", "w")
    name = f"{digest.removeprefix('0x')}.tar.gz"
    assert (code, out.split()) == (0, [digest, name])
    assert to_hex(unpack((desk / name).read_bytes()).digest) == digest
    assert worknet("pack", "w", "-o", "no/such/folder.tar.gz")[0] == 2
