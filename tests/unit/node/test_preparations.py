"""Preparations side by side: what hangs in one of them keeps back no other."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.node.conftest import OnePreparer, TinyPreparer, agreed
from tests.unit.node.test_journal import opened
from tests.unit.node.test_schedule import wanted

from worknet.node.journal import Ballot, Journal
from worknet.node.preparations import Preparations
from worknet.node.preparing import Task
from worknet.node.schedule import Wanted


class Running(TinyPreparer):
    """Its runs take a turn, and end when the gate is opened."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__(0, agreed)
        self.gate = gate

    def prepare(self, task: Task, turns: object = None) -> Ballot:
        assert isinstance(turns, AbstractContextManager)
        with turns:
            self.gate.wait(30)
            return super().prepare(task)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = opened(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def about(workflow: str) -> Wanted:
    """A preparation of a voting of that workflow."""
    each = wanted(1)
    return replace(each, facts=replace(each.facts, workflow=workflow, voting_id=workflow.encode() * 4))


def test_a_workflow_that_hangs_keeps_no_other_from_running(journal: Journal) -> None:
    opens, is_open = threading.Event(), threading.Event()
    is_open.set()
    preparers = {"hangs": OnePreparer(Running(opens)), "runs": OnePreparer(Running(is_open))}
    preparations = Preparations(journal, preparers, at_once=2, runs_at_once=1)
    preparations.begin([about("hangs")])
    preparations.begin([about("runs")])
    runs = preparations._under_way[b"runs" * 4, 1]
    runs.future.result(10)
    assert [ended.workflow for ended in preparations.collect()] == ["runs"]
    opens.set()
    preparations.close(10)
