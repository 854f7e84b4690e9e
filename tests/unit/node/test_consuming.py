"""What does not fit between workflows that consume each other's results is refused before the worker runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.node.conftest import a_policy
from tests.unit.node.consuming_world import READ, SUM, runner_of

from worknet.config import ConfigError, NodeConfig
from worknet.node.consuming import check_names, check_tables, parents_for
from worknet.node.errors import BundleMissing
from worknet.protocol.ids import workflow_id
from worknet.workflow import Declaration, Every
from worknet.workflow.triggers import OnWebhook

NODE = """
[node]
name = "alpha"
data_dir = "."
network = "network.toml"

[chain]
rpc = "http://127.0.0.1:8545"

[key]
private_key = { file = "key" }

"""
SPANS = """
[workflows.spans.datasets.read]
source = "results"
workflow = "minutes"
table = "read"
columns = { minute = "slot.start" }

[workflows.spans.datasets.slots]
source = "results"
workflow = "minutes"
columns = { minute = "slot.start", outcome = "slot.outcome" }
"""
MINUTES = """
[workflows.minutes.datasets.meters]
source = "file"
path = "meters.csv"
"""
DECLARED = {"minutes": runner_of(READ).declaration, "spans": runner_of(SUM).declaration}

Loaded = Callable[[str], NodeConfig]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """Loads a node.toml with these workflows."""

    def load(workflows: str) -> NodeConfig:
        file = tmp_path / "node.toml"
        file.write_text(NODE + workflows)
        return NodeConfig.load(file)

    return load


def access(config: NodeConfig, every: int = 60) -> Any:
    """As much of what commands work with as is looked at: the policies of both workflows."""
    policies = {
        workflow_id("minutes"): [SimpleNamespace(policy=a_policy(every=every, start=0))],
        workflow_id("spans"): [SimpleNamespace(policy=a_policy(every=180, start=0))],
    }
    return SimpleNamespace(
        config=config,
        client=None,
        index=SimpleNamespace(policies=lambda name: policies.get(name, [])),
        journal=SimpleNamespace(ballots=None),
        network=SimpleNamespace(network=SimpleNamespace(confirmations=3)),
        now=1000,
    )


class Version:
    """Preparers of which only the declaration is asked for; None: no bundle is here."""

    def __init__(self, declaration: Declaration | None) -> None:
        self._declaration = declaration

    def of(self, _: object) -> Any:
        if self._declaration is None:
            raise BundleMissing("none")
        return SimpleNamespace(declaration=self._declaration)


def refused(check: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(ConfigError) as caught:
        check(*arguments)
    return f"{caught.value}; {caught.value.hint}"


def preparers(**changes: Declaration | None) -> Any:
    return {name: Version(declared) for name, declared in {**DECLARED, **changes}.items()}


# Names


def test_what_fits_is_not_refused(loaded: Loaded) -> None:
    config = loaded(MINUTES + SPANS)
    check_names(config)
    check_tables(access(config), preparers())
    parents = parents_for(access(config), "spans", DECLARED["spans"])
    assert parents is not None
    assert (parents.consumed, parents.confirmations) == (["minutes"], 3)


def test_a_workflow_that_consumes_nothing_has_no_parents(loaded: Loaded) -> None:
    assert parents_for(access(loaded(MINUTES + SPANS)), "minutes", DECLARED["minutes"]) is None


def test_a_worker_votes_on_what_it_consumes(loaded: Loaded) -> None:
    wrong = refused(check_names, loaded(SPANS))
    assert "workflows.spans.datasets.read.workflow" in wrong
    assert "this worker does not vote on that" in wrong


def test_a_workflow_does_not_consume_its_own_results(loaded: Loaded) -> None:
    config = loaded(SPANS.replace('workflow = "minutes"', 'workflow = "spans"'))
    assert "waits for the results of spans itself" in refused(check_names, config)


def test_workflows_do_not_wait_for_each_other(loaded: Loaded) -> None:
    back = '[workflows.minutes.datasets.meters]\nsource = "results"\nworkflow = "hours"\n'
    round_about = '[workflows.hours.datasets.meters]\nsource = "results"\nworkflow = "spans"\n'
    wrong = refused(check_names, loaded(SPANS + back + round_about))
    assert "waits for the results of spans itself" in wrong


# Slots


@pytest.mark.parametrize("every", [70, 360])
def test_slots_that_do_not_divide_each_other_are_refused(loaded: Loaded, every: int) -> None:
    config = loaded(MINUTES + SPANS)
    wrong = refused(parents_for, access(config, every), "spans", DECLARED["spans"])
    assert f"has slots of {every} s, those of spans have 180 s" in wrong


def test_too_many_slots_are_refused(loaded: Loaded) -> None:
    spans = declared(trigger=Every(10_001))
    assert "at most 10000" in refused(parents_for, access(loaded(MINUTES + SPANS), 1), "spans", spans)


def test_results_of_a_workflow_of_events_are_refused(loaded: Loaded) -> None:
    wrong = refused(parents_for, access(loaded(MINUTES + SPANS), 0), "spans", DECLARED["spans"])
    assert "is minutes, which votes on no slots" in wrong


def test_a_workflow_of_events_consumes_no_results(loaded: Loaded) -> None:
    event = DECLARED["minutes"].dataset("meters")
    renamed = type(event)("event", event.schema.columns, event.schema.key)
    spans = declared(trigger=OnWebhook("orders"), datasets=(renamed, *DECLARED["spans"].datasets))
    wrong = refused(parents_for, access(loaded(MINUTES + SPANS)), "spans", spans)
    assert "feeds a workflow of events, and results are of slots" in wrong


def test_rows_must_be_kept_for_as_long_as_windows_are(loaded: Loaded) -> None:
    config = loaded(f'{MINUTES}{SPANS}\n[journal]\nkeep = "180s"\n')
    wrong = refused(parents_for, access(config), "spans", DECLARED["spans"])
    assert "journal.keep" in wrong
    assert "is shorter than the windows of spans" in wrong


# Tables and columns


def columns(text: str) -> str:
    return MINUTES + SPANS.replace('columns = { minute = "slot.start" }', text)


@pytest.mark.parametrize(
    ("workflows", "place", "told"),
    [
        (MINUTES + SPANS.replace('"read"', '"rows"'), "read.table", "has no table 'rows'"),
        (columns('columns = { minute = "slot.begin" }'), "read.columns", "the results have no slot.begin"),
        (columns('columns = { minute = "id" }'), "read.columns", "id is of another type there"),
        (columns(""), "read.columns", "the results have no minute"),
        (columns('columns = { hour = "slot.start" }'), "read.columns", "no such column to rename"),
        (
            MINUTES + SPANS.replace('outcome = "slot.outcome"', 'outcome = "slot.voting"'),
            "slots.columns",
            "slot.voting is of another type there",
        ),
    ],
)
def test_a_dataset_fits_the_table_that_feeds_it(
    loaded: Loaded, workflows: str, place: str, told: str
) -> None:
    wrong = refused(check_tables, access(loaded(workflows)), preparers())
    assert f"workflows.spans.datasets.{place}" in wrong
    assert told in wrong


def test_slots_without_a_record_need_a_column_that_may_be_null(loaded: Loaded) -> None:
    spans = runner_of(SUM.replace(", nullable=True", "")).declaration
    wrong = refused(check_tables, access(loaded(MINUTES + SPANS)), preparers(spans=spans))
    assert "slot.outcome is of another type there" in wrong


def test_of_a_version_that_is_not_here_nothing_is_refused(loaded: Loaded) -> None:
    config = loaded(MINUTES + SPANS.replace('"read"', '"rows"'))
    check_tables(access(config), preparers(minutes=None))


def declared(*, trigger: Any, datasets: Sequence[Any] | None = None) -> Declaration:
    spans = DECLARED["spans"]
    return Declaration("spans", trigger, tuple(datasets or spans.datasets), spans.tables)
