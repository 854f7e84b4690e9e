"""What is known of votings on a real chain, by workers and by anybody: their explanations, told and kept."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.node.conftest import LAST, FaultyRpc, MakeWorld, Prepare, World, disagreed, slot_of
from tests.unit.node.sharing_world import DATA_KEY, SECRETS, SharingWorld, sharing_world

from worknet.node.causes import Cause
from worknet.node.endings import Endings
from worknet.node.errors import UnknownVoting
from worknet.node.explaining import Explanation, Finding, Known, explain
from worknet.node.facts import VotingFacts
from worknet.node.knowing import Knowing, Subject, compared_of, public_part
from worknet.node.operations.records import JournalRecords
from worknet.node.preparing import PreparationFailed, Task
from worknet.protocol import tables
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.tables import Salter
from worknet.protocol.voting import State
from worknet.workflow.handlers import Alert

EVERY = 3600


def known(world: World, number: int | None, slot: int = LAST, **options: Any) -> Known:
    """What company `number` knows of a slot's voting, or what anybody does."""
    company = world.companies[number or 0]
    company.index.sync()
    names = {workflow_id(world.chain.workflow): world.chain.workflow}
    voting_id, now = world.chain.voting_id(slot), world.chain.now
    subject = Subject(world.chain.workflow, Slot(EVERY, slot))
    if number is None:
        return public_part(company.index, names, voting_id, now, subject)
    knowing = Knowing(company.index, company.journal, names, lambda _: DATA_KEY)
    return knowing.known(voting_id, number, now, subject, **options)


def about(explanation: Explanation) -> list[str]:
    return [reason.about.value for reason in explanation.reasons]


# Two attempts that failed, of companies that share


@dataclass
class Failed:
    """A world whose voting failed twice, since each company read another number; and what was told."""

    world: SharingWorld
    logs: list[Any]

    def told(self, event: str) -> list[Any]:
        return [each for each in self.logs if each["event"] == event]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failed]:
    world = sharing_world(tmp_path_factory.mktemp("failed"))
    with capture_logs() as logs:
        world.step(9)
        world.pause()
        world.pause()
    yield Failed(world, logs)
    world.close()


def test_both_attempts_are_kept_with_their_ballots_and_the_roots_behind_them(failed: Failed) -> None:
    what = known(failed.world, 1, roots=True)
    assert what.own is not None
    assert [ballot.attempt for ballot in what.own.ballots] == [1, 2]
    for ballot in what.own.ballots:
        assert [(each.kind, each.name, each.rows) for each in ballot.tables] == [
            ("dataset", "meters", 2),
            ("table", "bills", 2),
        ]
        meters = ballot.tables[0]
        assert meters.root is not None
        salter = Salter(DATA_KEY, what.voting_id, ballot.attempt)
        leaf = tables.table_leaf("dataset", "meters", 2, meters.root, salter)
        assert tables.input_root({"meters": leaf}) == ballot.pair.input_root
        assert what.voting.attempts[ballot.attempt - 1].ballots[1] == ballot.pair


def test_both_attempts_are_shown_with_every_pair_and_the_own_roots(failed: Failed) -> None:
    what = known(failed.world, 1, roots=True)
    shown = explain(what).evidence()
    for attempt in what.voting.attempts:
        for pair in attempt.ballots.values():
            assert f"     result {to_hex(pair.result_root)}" in shown
    assert sum("dataset meters: 2 rows, root 0x" in line for line in shown) == 2


def test_rows_and_columns_are_named_to_the_worker_that_was_told(failed: Failed) -> None:
    company = failed.world.company(0)
    compared = tuple(compared_of(company.gather(attempt)) for attempt in (1, 2))
    explanation = explain(replace(known(failed.world, 0), compared=compared))
    assert Finding.DATA_COMPARED in about(explanation)
    assert '   - dataset meters, meter="secretmeter": wh' in explanation.why()
    assert not any(secret in line for secret in SECRETS for line in explanation.brief())


def test_anybody_learns_pairs_and_nothing_of_what_is_behind_them(failed: Failed) -> None:
    explanation = explain(known(failed.world, None))
    assert about(explanation) == [Finding.INPUTS_DIFFER, Finding.SEVERAL_GROUPS]
    shown = "\n".join([*explanation.evidence(), *explanation.why()])
    assert not any(word in shown for word in ("meters", "bills", "this worker", *SECRETS))


def test_every_worker_tells_once_that_attempt_1_failed_and_why(failed: Failed) -> None:
    told = failed.told("voting.repeated")
    assert [(each["attempt"], each["next"]) for each in told] == [(1, 2)] * 3
    assert all(any("inputs differ" in line for line in each["explanation"]) for each in told)


def test_the_end_is_told_with_the_reasons_of_both_attempts(failed: Failed) -> None:
    told = failed.told("voting.unresolved")
    assert len(told) == 3
    for each in told:
        assert each["explanation"][0].startswith("unresolved: in attempts 1 and 2 no 2 of 3 members")
        assert any(line.startswith("attempts 1 and 2: inputs differ: ") for line in each["explanation"])


def test_statements_are_told_in_words_without_rows(failed: Failed) -> None:
    lines = failed.told("statement.taken")[0]["explanation"]
    assert "dataset meters (2 rows here, 2 there): 1 row differs, in wh (1)" in lines[0]
    assert not any(secret in repr(failed.logs) for secret in SECRETS)


def test_people_are_alerted_with_the_reasons(failed: Failed) -> None:
    company = failed.world.companies[0]
    (handling,) = company.journal.handlings.of(failed.world.chain.voting_id(LAST))
    (errand,) = handling.errands
    assert isinstance(errand.action, Alert)
    assert "attempts 1 and 2: inputs differ: " in errand.action.body
    assert not any(secret in errand.action.body for secret in SECRETS)


def test_what_members_have_told_is_among_the_reasons_for_people(failed: Failed) -> None:
    company = failed.world.company(0)
    now, voting_id = failed.world.chain.now, failed.world.chain.voting_id(LAST)
    voting = company.index.voting(voting_id, now=now)
    assert voting is not None
    facts = VotingFacts(
        voting_id,
        "tried",
        Slot(EVERY, LAST),
        now,
        1,
        1,
        voting,
        now,
        voting,
        0,
        is_enrolled=True,
        is_active=True,
    )
    endings = Endings(company.index, company.journal, {workflow_id("tried"): "tried"}, company.reader())
    told = "attempts 1 and 2, this worker: data compared: workers 1 and 2 against this worker: dataset"
    assert any(line.startswith(told) for line in endings.all_lines(facts))
    assert not any("data compared" in line for line in endings.lines(facts))
    assert not any(secret in line for line in endings.all_lines(facts) for secret in SECRETS)


def test_an_admin_is_told_the_reasons_and_no_rows(failed: Failed) -> None:
    company, voting_id = failed.world.companies[0], failed.world.chain.voting_id(LAST)
    now = failed.world.chain.now
    records = JournalRecords(company.index, company.journal, company.signer.address, lambda: now)
    document = records.voting(voting_id)
    assert (document["workflow"], document["state"], document["worker"]) == ("tried", "unresolved", 0)
    assert [reason["reason"] for reason in document["reasons"]][:1] == ["inputs differ"]
    assert not any(secret in json.dumps(document) for secret in SECRETS)
    with pytest.raises(UnknownVoting):
        records.voting(bytes(32))


# Workers without a ballot, in every way that there is

FAILING = [
    cause
    for cause in Cause
    if cause not in {Cause.CHAIN_UNAVAILABLE, Cause.NOT_IN_TIME, Cause.NOT_RUNNING, Cause.NO_FAILOVER}
]
"""The causes of preparations that fail."""


def test_every_cause_of_a_preparation_is_named_with_its_message(make_world: MakeWorld) -> None:
    def cause_of(slot: int, number: int) -> Cause:
        return FAILING[(3 * (LAST - slot) + number) % len(FAILING)]

    def pair_of(task: Task, number: int) -> Pair:
        cause = cause_of(slot_of(task), number)
        raise PreparationFailed(cause, f"{cause.name} happened", "secretmeter")

    slots = -(-len(FAILING) // 3)
    world = make_world(pair_of, slots=slots)
    world.step()
    for slot, number in product(range(LAST - slots + 1, LAST + 1), range(3)):
        cause = cause_of(slot, number)
        explanation = explain(known(world, number, slot))
        (reason,) = [each for each in explanation.reasons if each.own]
        assert (reason.about, reason.private) == (cause, ("| secretmeter",))
        assert reason.text == f"{cause.name} happened (1 try)"
        assert "secretmeter" not in "\n".join(explanation.brief())


def own_reasons(world: World) -> list[str]:
    return [reason.about.value for reason in explain(known(world, 2)).reasons if reason.own]


def test_a_worker_that_did_not_run_says_so(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(2, 0, 1)
    world.chain.pass_time(301)
    world.step(2, 0, 1)
    assert own_reasons(world) == [Cause.NOT_RUNNING]
    assert about(explain(known(world, 0))) == [Finding.NEVER_CAST]


def test_a_ballot_that_the_contract_would_not_take_was_not_in_time(make_world: MakeWorld) -> None:
    world = make_world()
    rpc = world.companies[2].rpc
    assert isinstance(rpc, FaultyRpc)
    rpc.refused = {"seal"}
    world.step(3)
    world.chain.pass_time(301)
    world.step(2, 0, 1)
    assert own_reasons(world) == [Cause.NOT_IN_TIME]


def test_a_ballot_that_was_sent_and_is_in_no_block_is_lost(make_world: MakeWorld) -> None:
    world = make_world()
    rpc = world.companies[2].rpc
    assert isinstance(rpc, FaultyRpc)
    rpc.swallowing = True
    world.step(3)
    world.chain.pass_time(301)
    world.step(2, 0, 1)
    assert own_reasons(world) == [Finding.LOST]


def test_a_seal_that_was_never_opened_is_told_to_its_worker_and_to_anybody(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(2)
    world.step(2, 0, 1)
    world.chain.pass_time(301)
    assert own_reasons(world) == [Finding.SEAL_NOT_OPENED]
    assert about(explain(known(world, None))) == [Finding.NOT_OPENED]


# Votings that go nowhere


def test_a_voting_of_which_all_preparations_fail_is_never_opened(make_world: MakeWorld) -> None:
    def pair_of(task: Task, number: int) -> Pair:
        raise PreparationFailed(Cause.SOURCE_TIMEOUT, "too slow")

    world = make_world(pair_of)
    world.step(2)
    explanation = explain(known(world, 0))
    assert (about(explanation), explanation.attempts) == ([Finding.NEVER_OPENED, Cause.SOURCE_TIMEOUT], ())


def test_a_pause_is_told(make_world: MakeWorld) -> None:
    world = make_world()
    world.chain.owner.pause_opening(True)
    assert about(explain(known(world, None))) == [Finding.NEVER_OPENED, Finding.PAUSED]


def test_a_second_attempt_that_nobody_opens_has_stalled(make_world: MakeWorld) -> None:
    world = make_world(disagreed_then_nothing())
    world.step(5)
    world.chain.pass_time(601)
    world.step(1)
    what = known(world, 0)
    assert (what.voting.state, explain(what).unopened) == (State.UNRESOLVED, 2)
    assert about(explain(what))[0] == Finding.STALLED
    assert Cause.SOURCE_UNAVAILABLE in about(explain(what))


def disagreed_then_nothing() -> Prepare:
    """Workers that disagree in attempt 1, and have no ballot after that."""

    def pair_of(task: Task, number: int) -> Pair:
        if task.attempt > 1:
            raise PreparationFailed(Cause.SOURCE_UNAVAILABLE, "down")
        return disagreed(task, number)

    return pair_of


def test_of_a_voting_that_nobody_knows_nothing_can_be_told(make_world: MakeWorld) -> None:
    world = make_world()
    index = world.companies[0].index
    with pytest.raises(UnknownVoting, match="the network has no voting 0x0101"):
        public_part(index, {}, b"\1" * 32, world.chain.now)


def test_a_voting_that_never_opened_is_known_from_its_trigger_in_the_journal(make_world: MakeWorld) -> None:
    def pair_of(task: Task, number: int) -> Pair:
        raise PreparationFailed(Cause.BAD_DATA, "no table")

    world = make_world(pair_of)
    world.step(2)
    company = world.companies[0]
    names = {workflow_id(world.chain.workflow): world.chain.workflow}
    voting_id = world.chain.voting_id(LAST)
    what = Knowing(company.index, company.journal, names).known(voting_id, 0, world.chain.now)
    assert (what.workflow, what.trigger) == (world.chain.workflow, Slot(EVERY, LAST))
