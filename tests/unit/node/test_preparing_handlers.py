"""What the node makes of a handler's run, and what an attempt reads: with a runner that runs nothing."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from tests.unit.node.conftest import EVERY, LAST, a_policy
from tests.unit.node.test_preparing import DATA_KEY, SECRET, data_key_of
from tests.unit.workflow.conftest import METERS

from worknet.node.causes import Cause
from worknet.node.errors import DataKeyMismatch
from worknet.node.journal import Ballot
from worknet.node.preparing import PreparationFailed, Preparer, Task, pack
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import encode
from worknet.protocol.columns import Column
from worknet.protocol.ids import Slot
from worknet.protocol.salts import data_key_commitment
from worknet.protocol.tables import Salter
from worknet.sources import Occasion
from worknet.workflow import Alert, Dataset, Declaration, Every, Evidence, StartFailover, Table, When
from worknet.workflow.errors import (
    FailedError,
    MemoryExceededError,
    NotIsolatedError,
    RunnerError,
    TimedOutError,
    WrongActionsError,
)
from worknet.workflow.folder import Bundle
from worknet.workflow.roots import commit_inputs

COLUMNS = [Column("id", "str"), Column("wh", "int")]
DECLARED = Declaration(
    "tried",
    Every(EVERY),
    (Dataset("meters", COLUMNS, ["id"]), Dataset("notes", COLUMNS, ["id"], committed=False)),
    (Table("out", COLUMNS, ["id"]),),
)
EVIDENCE = Evidence("0x" + "07" * 32, "tried", "0x" + "08" * 32, None, When.FAILOVER, ())


class NoRunner:
    """Stands for a runner: what it is given it gives back, or raises."""

    def __init__(self, given: Any) -> None:
        self.given, self.declaration = given, DECLARED
        self.bundle = Bundle({"workflow.py": b""})
        self.asked: list[tuple[Evidence, float]] = []

    def handle(self, evidence: Evidence, within: float) -> Any:
        self.asked.append((evidence, within))
        if isinstance(self.given, Exception):
            raise self.given
        return self.given

    def run(self, *_: object) -> Any:
        raise self.given


class Noting:
    """A source that notes what it is read for."""

    def __init__(self) -> None:
        self.occasions: list[Occasion] = []

    def read(self, occasion: Occasion) -> pl.DataFrame:
        self.occasions.append(occasion)
        return METERS


def preparer(given: Any, **sources: Any) -> Preparer:
    return Preparer(NoRunner(given), sources, data_key_of)  # type: ignore[arg-type]  # enough of a runner


def test_a_handler_is_given_the_evidence_and_its_time() -> None:
    runner = NoRunner((StartFailover(),))
    found = Preparer(runner, {}, data_key_of).handle(EVIDENCE, 7.0)  # type: ignore[arg-type]  # likewise
    assert found == (StartFailover(),)
    assert runner.asked == [(EVIDENCE, 7.0)]


@pytest.mark.parametrize("given", [None, (), (Alert("a"),)])
def test_what_a_handler_decides_is_taken_as_it_is(given: Any) -> None:
    assert preparer(given).handle(EVIDENCE, 7.0) == given


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (FailedError(f"{SECRET} is odd", f"see {SECRET}", stderr=SECRET), Cause.WORKFLOW_FAILED),
        (
            WrongActionsError(f"{SECRET} is no action", cause="no actions", stderr=SECRET),
            Cause.WORKFLOW_RESULT,
        ),
        (TimedOutError("exceeded 20 s", stderr=SECRET), Cause.WORKFLOW_TIMEOUT),
        (MemoryExceededError("exceeded 1 GiB", stderr=SECRET), Cause.WORKFLOW_MEMORY),
        (NotIsolatedError("cannot be isolated"), Cause.WORKFLOW_FAILED),
        (RunnerError("died", stderr=SECRET), Cause.WORKFLOW_FAILED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_why_a_handler_failed_is_told_without_what_its_author_says(error: Exception, cause: Cause) -> None:
    with pytest.raises(PreparationFailed) as caught:
        preparer(error).handle(EVIDENCE, 7.0)
    assert caught.value.cause is cause
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    if SECRET in f"{error} {vars(error)}":
        assert SECRET in caught.value.detail


def test_each_attempt_reads_its_sources_again_and_says_which_it_is() -> None:
    source = Noting()
    preparing = preparer(FailedError("enough"), meters=source, notes=source)
    policy = a_policy(
        bundle_digest=preparing.bundle_digest, data_key_commitment=data_key_commitment(DATA_KEY)
    )
    task = Task(b"\7" * 32, Slot(EVERY, LAST), 1, policy, 1, 60)
    for attempt in (1, 2, 3):
        with pytest.raises(PreparationFailed, match="workflow failed"):
            preparing.prepare(replace(task, attempt=attempt))
    assert sorted(occasion.attempt for occasion in source.occasions) == [1, 1, 2, 2, 3, 3]


def ballot(**changes: Any) -> Ballot:
    frames = {("dataset", "meters"): pack(METERS), ("dataset", "notes"): pack(METERS), ("table", "out"): b""}
    given = Ballot(
        b"\7" * 32, 2, 1, Pair(b"\1" * 32, b"\2" * 32), b"", 1, b"{}", encode(DECLARED.document()), frames
    )
    return replace(given, **changes)


def test_own_roots_are_those_that_the_input_root_was_made_of() -> None:
    roots = preparer(None).input_roots(ballot())
    committed = commit_inputs(DECLARED, {"meters": METERS}, Salter(DATA_KEY, b"\7" * 32, 2))
    assert roots == {"meters": committed.datasets["meters"].root}


def test_of_rows_that_were_forgotten_there_are_no_roots() -> None:
    assert preparer(None).input_roots(ballot(frames={})) == {}


def test_of_rows_whose_data_key_is_gone_there_are_no_roots() -> None:
    with pytest.raises(DataKeyMismatch, match="epoch 2"):
        preparer(None).input_roots(ballot(data_key_epoch=2))
