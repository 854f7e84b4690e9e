"""Runs of bundles: what they see, what they may give back, and what becomes of those that do not end well."""

from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from tests.unit.workflow.conftest import METERS, WINDOW, bundle_of

from worknet.workflow.errors import (
    FailedError,
    FloatRefusedError,
    MemoryExceededError,
    RunnerError,
    RuntimeMismatchError,
    TimedOutError,
    WrongTablesError,
)
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Limits, Runner


def run_bundle(body, limits=None, **files):
    with Runner(bundle_of(body, **files), limits, allow_unisolated=True, waiting=0) as runner:
        return runner.run({"meters": METERS}, WINDOW)


def refusal(run, kind, body, **other):
    with pytest.raises(kind) as caught:
        run(body, **other)
    return caught.value


def test_a_run_sees_sorted_datasets_window_and_parameters_and_gives_sorted_tables():
    outcome = run_bundle(
        """
        assert meters["id"].to_list() == ["a", "b"]
        print("seen", flush=False)
        doubled = meters.with_columns(pl.col("wh") * 2).reverse()
        return Result({"out": doubled}, {"start": context.window.start, "end": context.window.end,
                                         "parameters": context.parameters})
        """,
        parameters__json=b'{"cap": 5}',
    )
    assert outcome.tables["out"].rows() == [("a", 2), ("b", 4)]
    window = {"start": "1970-01-01T01:00:00Z", "end": "1970-01-01T02:00:00Z"}
    assert outcome.summary == {**window, "parameters": {"cap": 5}}
    assert outcome.stderr == "seen\n"


def test_rows_of_python_values_and_lazy_frames_are_tables_too(run):
    assert run('return Result({"out": [{"id": "x", "wh": 1}]})').tables["out"].rows() == [("x", 1)]
    assert run('return Result({"out": meters.lazy()})').tables["out"].height == 2


def test_a_bundle_imports_its_own_modules_and_reads_its_own_files():
    outcome = run_bundle(
        """
        from pathlib import Path
        import helper
        text = (Path(__file__).parent / "note.txt").read_text()
        return Result({"out": meters}, {"text": text, "helper": helper.VALUE})
        """,
        helper__py=b"VALUE = 7\n",
        note__txt=b"hello",
    )
    assert outcome.summary == {"text": "hello", "helper": 7}


def test_hash_seed_locale_and_time_zone_are_fixed_and_nothing_else_is_handed_on(run, monkeypatch):
    monkeypatch.setenv("WORKNET_SECRET", "do not tell")
    monkeypatch.setenv("PYTHONHASHSEED", "123")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    outcome = run(
        """
        import locale, os, sys, time
        return Result({"out": meters}, {
            "environment": sorted(set(os.environ) - {"_RJEM_MALLOC_CONF"}),
            "seed": sys.flags.hash_randomization, "hash": str(hash("x")),
            "zone": time.tzname[0], "locale": locale.setlocale(locale.LC_ALL, ""),
            "threads": pl.thread_pool_size(),
            "files": sorted(os.listdir("/dev/fd")) if sys.platform == "linux" else []})
        """
    )
    again = run('return Result({"out": meters}, {"hash": str(hash("x"))})')
    summary = outcome.summary
    # Polars sets a variable of its own, for its allocator.
    assert summary["environment"] == [
        "HOME", "LC_ALL", "PATH", "POLARS_MAX_THREADS", "PYTHONHASHSEED", "PYTHONUTF8", "TMPDIR", "TZ"
    ]  # fmt: skip
    assert (summary["seed"], summary["zone"], summary["locale"]) == (0, "UTC", "C.UTF-8")
    assert summary["threads"] == 1
    assert summary["hash"] == again.summary["hash"]
    # stdin, stdout, stderr, the two pipes, and the one that lists this folder
    assert len(summary["files"]) in {0, 6}


@pytest.mark.parametrize(
    ("result", "table", "row", "column"),
    [
        ('{"out": meters.with_columns(pl.col("wh") / 2)}', "out", 0, "wh"),
        ('{"out": [{"id": "a", "wh": 1}, {"id": "b", "wh": 1.0}]}', "out", 1, "wh"),
        ('{"out": meters.with_columns(pl.concat_list(pl.lit(0.5)).alias("wh"))}', "out", 0, "wh"),
        ('{"out": meters}, {"a": {"b": [1, float("nan")]}}', "summary", None, "a.b[1]"),
        ('{"out": meters}, {"share": 1.0}', "summary", None, "share"),
    ],
)
def test_floats_are_refused_with_table_row_and_column(run, result, table, row, column):
    error = refusal(run, FloatRefusedError, f"return Result({result})")
    assert (error.table, error.row, error.column) == (table, row, column)
    assert table in str(error)
    assert column in str(error)


@pytest.mark.parametrize(
    ("result", "table", "message"),
    [
        ("{}", "out", "table out: the table is missing"),
        ('{"out": meters, "more": meters}', "more", "table more: the table is not declared"),
        ('{"out": meters.drop("wh")}', "out", "column wh: the column is missing"),
        ('{"out": pl.concat([meters, meters])}', "out", "occurs again"),
        ('{"out": meters.with_columns(pl.lit(None).alias("wh"))}', "out", "row 0, column wh: null"),
        ('{"out": [{"id": "a", "wh": True}]}', "out", "row 0, column wh: a bool"),
    ],
)
def test_tables_that_do_not_fit_the_declaration_are_refused(run, result, table, message):
    with pytest.raises(WrongTablesError, match=message) as caught:
        run(f"return Result({result})")
    assert caught.value.table == table


def test_datasets_that_do_not_fit_the_declaration_are_refused_before_the_run(run, meters):
    body = 'return Result({"out": meters})'
    assert refusal(run, WrongTablesError, body, datasets={}).table == "meters"
    assert refusal(run, WrongTablesError, body, datasets={**meters, "more": METERS}).table == "more"
    twice = {"meters": pl.concat([METERS, METERS])}
    assert "occurs again" in str(refusal(run, WrongTablesError, body, datasets=twice))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('raise WorkflowError("row 3 is odd", "mend it")', "^row 3 is odd$"),
        ("return 1 // 0", r"^the workflow raised ZeroDivisionError \(workflow.py, line "),
        ("return 7", "returned a int"),
        ("raise SystemExit(0)", "raised SystemExit"),
        ("import os; os._exit(3)", "exit code 3"),
        ('return Result({"out": meters}, {"n": 2**53})', "summary has no canonical form"),
        ('return Result({"out": meters}, {"x": object()})', "summary has no canonical form"),
        ('return Result({"out": meters}, 5)', "raised"),
    ],
)
def test_a_workflow_that_fails_says_why(run, body, message):
    with pytest.raises(FailedError, match=message):
        run(body)


def test_the_message_of_an_unexpected_error_stays_in_stderr_since_it_may_hold_rows(run):
    error = refusal(run, FailedError, 'raise ValueError("meter-4711 is odd")')
    assert "4711" not in str(error) + error.hint
    assert "meter-4711 is odd" in error.stderr


def test_what_a_run_printed_is_the_same_in_every_run_though_its_folder_is_another(run):
    first, second = (refusal(run, FailedError, 'raise ValueError("odd")').stderr for _ in range(2))
    assert first == second
    assert 'File "bundle/' in first


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"workflow.py": b"x = 1"}, "declares 0 workflows"),
        ({"workflow.py": b"def ("}, "raised SyntaxError"),
        ({"workflow.py": b"import no_such_module"}, r"raised ModuleNotFoundError \(workflow.py, line 1\)"),
    ],
)
def test_a_bundle_that_does_not_load_is_refused(files, message):
    bundle = Bundle({**bundle_of("pass").files, **files})
    with (
        Runner(bundle, allow_unisolated=True, waiting=0) as runner,
        pytest.raises(FailedError, match=message),
    ):
        _ = runner.declaration


def test_a_run_that_takes_too_long_is_ended():
    with pytest.raises(TimedOutError) as caught:
        run_bundle("while True: pass", limits=Limits(wall_seconds=1))
    assert "1 seconds" in str(caught.value)
    with pytest.raises(TimedOutError) as caught:
        run_bundle("import time; time.sleep(60)", limits=Limits(wall_seconds=1))


def test_a_run_that_uses_too_much_processor_time_is_ended():
    with pytest.raises(TimedOutError) as caught:
        run_bundle("while True: pass", limits=Limits(cpu_seconds=0))
    assert "processor time" in str(caught.value)


@pytest.mark.parametrize("body", ["bytearray(2 << 30)", "pl.zeros(1 << 30, eager=True) + 1"])
def test_a_run_that_takes_too_much_memory_is_ended(run, body):
    error = refusal(run, MemoryExceededError, body)
    assert "1024 MiB" in str(error)


def test_what_a_dying_run_wrote_is_kept_in_the_error_and_not_in_its_message(run):
    error = refusal(run, MemoryExceededError, 'print("row 1", flush=True); import os; os.abort()')
    assert "SIGABRT" in str(error)
    assert "row 1" in error.stderr
    assert "row 1" not in str(error)


def test_only_the_end_of_what_a_run_prints_is_kept(run):
    outcome = run('print("x" * 2_000_000); print("end"); return Result({"out": meters})')
    assert outcome.stderr.endswith("end\n")
    assert len(outcome.stderr) <= 64 << 10


# Finds the pipe to the parent and writes to it, as hostile code can.
FORGED = """
import json, os
def answer(head, body=b""):
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    for pipe in range(3, 20):
        try:
            os.write(pipe, len(text).to_bytes(8, "big") + text + body)
        except OSError:
            pass
    os._exit(0)
"""


@pytest.mark.parametrize(
    "answer",
    [
        "{'error': ['x']}",
        "{'error': 'x'}",
        "{'error': 'table', 'row': 'x'}",
        "{'error': 'table', 'row': -1}",
        "{'summary': {}}",
        "{'tables': {'other': 1}}",
        "{'tables': {'out': -1}}",
        "{'tables': {'out': 2**52}}",
        "{'tables': {'out': 1}}, bytes([255] * 8)",
        "{'tables': {'out': 1}}, bytes(8)",
        "{'tables': {'out': 1}}, bytes([0, 0, 0, 2]) + b'[]'",
        "{'tables': {'out': 1}}, bytes([0, 0, 0, 7]) + b'[1,2,3]'",
        "[]",
        "b'[' * 100_000",
        "b''",
    ],
)
def test_a_forged_answer_is_a_failed_run(run, answer):
    refusal(run, FailedError, f"{FORGED}\nanswer({answer})")


@pytest.mark.parametrize("summary", ["", "[]", "[" * 100_000, "{", '{"a": 0.5}'])
def test_a_forged_summary_is_a_failed_run(run, summary):
    answer = {"summary": summary, "tables": {"out": 0}}
    refusal(run, FailedError, f"{FORGED}\nanswer({answer!r})")


def test_a_run_that_dies_by_a_signal_without_a_name_is_ended_by_its_number(run):
    error = refusal(run, MemoryExceededError, "import os; os.kill(os.getpid(), 40)")
    assert "signal 40" in str(error)


def test_a_message_that_is_no_text_for_others_is_sent_all_the_same(run):
    error = refusal(run, FailedError, r'raise WorkflowError("\ud800" + "x" * 10_000_000)')
    assert str(error).startswith("?xxx")


def test_a_value_that_is_too_long_is_refused_with_its_column(run):
    error = refusal(run, WrongTablesError, 'return Result({"out": [{"id": "x" * 2_000_000, "wh": 1}]})')
    assert (error.table, error.column) == ("out", "id")


def test_a_run_cannot_answer_in_the_name_of_the_runner_by_printing(run):
    body = (
        'import sys; sys.stdout.buffer.write(bytes(100)); sys.stdout.flush(); return Result({"out": meters})'
    )
    assert run(body).tables["out"].height == 2


def test_several_runs_at_once_get_their_own_results():
    with Runner(bundle_of('return Result({"out": meters})'), allow_unisolated=True) as runner:
        inputs = [pl.DataFrame({"id": ["a"], "wh": [number]}) for number in range(6)]
        with ThreadPoolExecutor(3) as threads:
            outcomes = list(threads.map(lambda frame: runner.run({"meters": frame}, WINDOW), inputs))
    assert [outcome.tables["out"]["wh"][0] for outcome in outcomes] == list(range(6))


def test_runs_leave_nothing_to_each_other():
    body = """
    import os
    from pathlib import Path
    seen = Path("left").exists()
    Path("left").touch()
    return Result({"out": meters}, {"seen": seen, "folder": os.getcwd()})
    """
    with Runner(bundle_of(body), allow_unisolated=True) as runner:
        first, second = (runner.run({"meters": METERS}, WINDOW).summary for _ in range(2))
    assert not first["seen"]
    assert not second["seen"]
    assert first["folder"] != second["folder"]


def test_a_bundle_for_another_runtime_does_not_run():
    bundle = Bundle({"workflow.py": b""})
    with pytest.raises(RuntimeMismatchError):
        Runner(bundle)


def test_a_closed_runner_runs_nothing():
    runner = Runner(bundle_of("pass"), allow_unisolated=True)
    runner.close()
    with pytest.raises(RunnerError, match="closed"):
        _ = runner.declaration


def test_a_run_about_an_event_has_no_window(run):
    body = 'return Result({"out": meters.head(0 if context.window else 1)})'
    assert run(body, window=None).tables["out"].height == 1


def test_a_run_is_cut_off_where_less_time_is_left_than_its_limit(run):
    with pytest.raises(TimedOutError, match=r"limit of 0\.5 seconds"):
        run("import time; time.sleep(60)", within=0.5)
