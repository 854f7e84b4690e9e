"""From a trigger to a ballot: real runs of a tiny workflow on files, and why there may be no ballot."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.unit.node.conftest import EVERY, LAST, a_policy
from tests.unit.workflow.conftest import bundle_of

from worknet.config import ConfigError
from worknet.node.causes import Cause
from worknet.node.journal import Ballot
from worknet.node.preparing import PreparationFailed, Preparer, Task, unpack
from worknet.protocol.ids import Event, Slot
from worknet.protocol.manifest import Manifest
from worknet.protocol.policy import Policy
from worknet.protocol.salts import data_key_commitment
from worknet.sources import FileSource, Occasion
from worknet.workflow import runtime
from worknet.workflow.folder import Bundle
from worknet.workflow.process import Limits
from worknet.workflow.runner import Runner

DATA_KEY = bytes(range(32))
SECRET = "Meier-4711"
BODY = f"""
if "bad" in meters["id"]:
    raise WorkflowError("the row of {SECRET} is odd")
if "broken" in meters["id"]:
    raise ValueError("{SECRET}")
if "slow" in meters["id"]:
    import time
    time.sleep(60)
if "enum" in meters["id"]:
    ids = pl.Series(["{SECRET}"], dtype=pl.Enum(["{SECRET}"]))
    return Result({{"out": pl.DataFrame({{"id": ids, "wh": [1]}})}})
if "struct" in meters["id"]:
    return Result({{"out": pl.DataFrame({{"id": ["a"], "wh": [{{"{SECRET}": 1}}]}})}})
if "pivot" in meters["id"]:
    return Result({{"out": pl.DataFrame({{"id": ["a"], "wh": [1], "{SECRET}": [1]}})}})
if "table" in meters["id"]:
    return Result({{"out": meters, "{SECRET}": meters}})
if "data" in meters["id"]:
    from worknet.tables import DataError
    raise DataError("{SECRET}", table="out", row=3, column="{SECRET}", hint="{SECRET}")
if "share" in meters["id"]:
    return Result({{"out": meters}}, {{"by": {{"{SECRET}": 0.5}}}})
if "float" in meters["id"]:
    return Result({{"out": [{{"id": "{SECRET}", "wh": 0.5}}]}})
return Result({{"out": meters}}, {{"total": int(meters["wh"].sum())}})
"""


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """Runs of the tiny workflow, two seconds long at most."""
    # Isolation has tests of its own: where the network cannot be cut, all that this is used for holds too.
    with Runner(bundle_of(BODY), Limits(wall_seconds=5), allow_unisolated=True, waiting=2) as runner:
        assert runner.declaration.name == "tried"
        yield runner


def data_key_of(epoch: int) -> bytes:
    if epoch != 1:
        raise ConfigError("node.toml: data_keys.2: is missing", hint="ask the owner")
    return DATA_KEY


Make = Callable[..., Preparer]


@pytest.fixture
def preparer_of(runner: Runner, tmp_path: Path) -> Make:
    """A worker's preparer that reads these rows of CSV; None: there is no file."""

    def make(rows: str | None = "b,2\na,1\n", header: str = "id,wh") -> Preparer:
        file = tmp_path / "meters.csv"
        if rows is not None:
            file.write_text(f"{header}\n{rows}")
        source = FileSource("meters", runner.declaration.dataset("meters").schema, path=file)
        return Preparer(runner, {"meters": source}, data_key_of)

    return make


@pytest.fixture
def policy(runner: Runner) -> Policy:
    return a_policy(bundle_digest=runner.bundle.digest, data_key_commitment=data_key_commitment(DATA_KEY))


@pytest.fixture
def task(policy: Policy) -> Task:
    return Task(b"\7" * 32, Slot(EVERY, LAST), 1, policy, 1, 60)


def failure(preparer: Preparer, task: Task, turns: threading.Semaphore | None = None) -> PreparationFailed:
    with pytest.raises(PreparationFailed) as caught:
        preparer.prepare(task, turns)
    return caught.value


def test_a_ballot_has_two_roots_a_salt_and_all_that_is_behind_them(preparer_of: Make, task: Task) -> None:
    ballot = preparer_of().prepare(task)
    roots = {ballot.pair.input_root, ballot.pair.result_root, bytes(32)}
    assert (len(roots), len(ballot.salt), ballot.frames.keys()) == (
        3,
        32,
        {("dataset", "meters"), ("table", "out")},
    )
    assert unpack(ballot.frames["dataset", "meters"]).rows() == [("a", 1), ("b", 2)]
    assert b'"total":3' in ballot.manifest


def test_equal_inputs_give_two_workers_equal_pairs_and_other_salts(preparer_of: Make, task: Task) -> None:
    ballots = [preparer_of(rows).prepare(task) for rows in ("b,2\na,1\n", "a,1\nb,2\n")]
    assert ballots[0].pair == ballots[1].pair
    assert ballots[0].salt != ballots[1].salt


def changed(ballot: Ballot, other: Ballot) -> tuple[bool, bool]:
    return ballot.pair.input_root != other.pair.input_root, ballot.pair.result_root != other.pair.result_root


def test_another_attempt_gives_other_roots(preparer_of: Make, task: Task) -> None:
    preparer = preparer_of()
    assert changed(preparer.prepare(task), preparer.prepare(replace(task, attempt=2))) == (True, True)


def test_another_voting_gives_other_roots(preparer_of: Make, task: Task) -> None:
    preparer = preparer_of()
    other = replace(task, voting_id=b"\x08" * 32)
    assert changed(preparer.prepare(task), preparer.prepare(other)) == (True, True)


def test_another_row_gives_other_roots(preparer_of: Make, task: Task) -> None:
    first = preparer_of().prepare(task)
    assert changed(first, preparer_of("b,2\na,2\n").prepare(task)) == (True, True)


def test_a_source_that_is_not_there_is_the_cause(preparer_of: Make, task: Task) -> None:
    assert "dataset meters" in str(failure(preparer_of(None), task))


def test_a_row_that_breaks_the_schema_is_named_by_place_and_not_by_value(
    preparer_of: Make, task: Task
) -> None:
    cause = str(failure(preparer_of(f"a,1\nb,{SECRET}\n"), task))
    assert "column wh" in cause
    assert SECRET not in cause


def test_two_rows_with_one_key_are_refused_without_the_key(preparer_of: Make, task: Task) -> None:
    cause = str(failure(preparer_of(f"{SECRET},1\n{SECRET},2\n"), task))
    assert "meters" in cause
    assert SECRET not in cause


def test_an_answer_that_is_no_table_is_the_cause(preparer_of: Make, task: Task) -> None:
    assert "dataset meters" in str(failure(preparer_of("<p>\n", header="<html>"), task))


@pytest.mark.parametrize("row", ["bad", "broken"])
def test_an_authors_message_stays_in_the_journal(preparer_of: Make, task: Task, row: str) -> None:
    failed = failure(preparer_of(f"{row},1\n"), task)
    assert SECRET not in f"{failed} {failed.hint}"
    assert SECRET in failed.detail


def test_a_float_in_the_result_is_named_by_place_and_not_by_value(preparer_of: Make, task: Task) -> None:
    cause = str(failure(preparer_of("float,1\n"), task))
    assert "wh" in cause
    assert SECRET not in cause


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("enum", "workflow: result: table out, row 0, column id: does not fit the declaration"),
        ("struct", "workflow: result: table out, row 0, column wh: does not fit the declaration"),
        ("pivot", "workflow: result: table out: does not fit the declaration"),
        ("table", "workflow: result: does not fit the declaration"),
        ("data", "workflow: result: table out, row 3: does not fit the declaration"),
        ("share", "workflow: result: a floating point number"),
    ],
)
def test_a_cause_has_declared_names_and_row_numbers_only(
    preparer_of: Make, task: Task, row: str, cause: str
) -> None:
    failed = failure(preparer_of(f"{row},1\n"), task)
    assert str(failed) == cause
    assert SECRET not in f"{failed} {failed.hint}"
    # An Enum's categories are not even in the journal.
    assert SECRET in failed.detail or row in {"enum", "struct"}


def test_a_bundle_that_the_policy_does_not_pin_is_not_run(preparer_of: Make, task: Task) -> None:
    other = replace(task, policy=replace(task.policy, bundle_digest=b"\x01" * 32))
    with pytest.raises(PreparationFailed, match="0x0101"):
        preparer_of().prepare(other)


def test_a_data_key_that_the_policy_does_not_commit_to_is_not_used(preparer_of: Make, task: Task) -> None:
    other = replace(task, policy=replace(task.policy, data_key_commitment=b"\x01" * 32))
    with pytest.raises(PreparationFailed, match="epoch 1"):
        preparer_of().prepare(other)


def test_a_missing_data_key_is_a_mismatch_that_can_be_mended(preparer_of: Make, task: Task) -> None:
    other = replace(task, policy=replace(task.policy, data_key_epoch=2))
    with pytest.raises(PreparationFailed, match=r"data_keys\.2") as caught:
        preparer_of().prepare(other)
    assert caught.value.hint == "ask the owner"


class Hanging:
    """A source that answers when the test is over."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def read(self, _: Occasion) -> pl.DataFrame:
        self.gate.wait(30)
        return pl.DataFrame()


def test_a_source_that_hangs_is_cut_off_and_is_the_cause(runner: Runner, task: Task) -> None:
    source = Hanging()
    preparer = Preparer(runner, {"meters": source}, data_key_of)
    failed = failure(preparer, replace(task, seconds=0.05))
    source.gate.set()
    assert failed.cause is Cause.SOURCE_TIMEOUT


def test_a_source_that_hangs_keeps_no_other_ballot_from_running(
    runner: Runner, preparer_of: Make, task: Task
) -> None:
    turns, source = threading.Semaphore(1), Hanging()
    hangs = Preparer(runner, {"meters": source}, data_key_of)
    waiting = threading.Thread(target=lambda: failure(hangs, task, turns))
    waiting.start()
    assert preparer_of().prepare(task, turns).manifest
    assert waiting.is_alive()
    source.gate.set()
    waiting.join(30)


def test_no_more_ballots_run_at_once_than_there_are_turns(preparer_of: Make, task: Task) -> None:
    turns, made = threading.Semaphore(1), list[Ballot]()
    turns.acquire()
    waiting = threading.Thread(target=lambda: made.append(preparer_of().prepare(task, turns)))
    waiting.start()
    waiting.join(0.5)
    assert made == []
    turns.release()
    waiting.join(30)
    assert len(made) == 1


def test_a_run_is_cut_off_when_the_time_for_the_ballot_is_over(preparer_of: Make, task: Task) -> None:
    failed = failure(preparer_of("slow,1\n"), replace(task, seconds=0.1))
    assert (failed.cause, "limit of 1 seconds" in str(failed)) == (Cause.WORKFLOW_TIMEOUT, True)


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        (None, Cause.SOURCE_UNAVAILABLE),
        ("a,x\n", Cause.BAD_DATA),
        ("a,1", Cause.SOURCE_INCOMPLETE),
        ("bad,1\n", Cause.WORKFLOW_FAILED),
        ("pivot,1\n", Cause.WORKFLOW_RESULT),
    ],
)
def test_every_failure_has_one_of_the_causes(
    preparer_of: Make, task: Task, rows: str | None, cause: Cause
) -> None:
    assert failure(preparer_of(rows), task).cause is cause


ON_MESSAGE = """
import polars as pl
from worknet.workflow import Column, Context, Dataset, OnMessage, Result, Table, workflow

COLUMNS = [Column("id", "str"), Column("wh", "int")]
EVENT = Dataset("event", [Column("batch", "str")], ["batch"])

@workflow(name="tried", trigger=OnMessage("ready", key="batch"),
          datasets=[EVENT, Dataset("meters", COLUMNS, ["id"])], tables=[Table("out", COLUMNS, ["id"])])
def run(context: Context, event: pl.DataFrame, meters: pl.DataFrame) -> Result:
    assert context.window is None
    return Result({"out": meters}, {"batch": event["batch"][0]})
"""


def test_an_event_is_prepared_from_what_it_says(policy: Policy, task: Task, tmp_path: Path) -> None:
    bundle = Bundle({"workflow.py": ON_MESSAGE.encode(), "runtime.json": runtime.lock()})
    (tmp_path / "b7.csv").write_text("id,wh\na,1\n")
    event = Event(b"\x0e" * 32)
    with Runner(bundle, allow_unisolated=True) as runner:
        schema = runner.declaration.dataset("meters").schema
        meters = FileSource("meters", schema, path=tmp_path / "{event.batch}.csv")
        payloads = {event.trigger_id: pl.DataFrame({"batch": ["b7"]})}
        preparer = Preparer(runner, {"meters": meters}, data_key_of, payloads.__getitem__)
        about = replace(task, trigger=event, policy=replace(policy, every=0, bundle_digest=bundle.digest))
        ballot = preparer.prepare(about)
    manifest = Manifest.parse(ballot.manifest)
    assert (manifest.trigger_id, manifest.window) == (event.trigger_id, None)
    assert manifest.summary == {"batch": "b7"}
    assert unpack(ballot.frames["dataset", "event"]).rows() == [("b7",)]


def test_neither_salt_nor_rows_are_shown_in_a_ballots_text(preparer_of: Make, task: Task) -> None:
    ballot = preparer_of(f"{SECRET},1\n").prepare(task)
    assert SECRET not in repr(ballot)
    assert repr(ballot.salt) not in repr(ballot)
