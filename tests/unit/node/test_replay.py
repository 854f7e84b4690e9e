"""A voting is computed again from the journal: the same comes out, or what differs is named."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from tests.unit.node.bills import CODE, DATA_KEY, Bills
from tests.unit.node.conftest import LAST

from worknet.node.bundles import Bundles
from worknet.node.errors import BundleMissing, UnknownVoting
from worknet.node.journal import Ballot
from worknet.node.preparing import pack, unpack
from worknet.node.replay import Replayed, Replayer
from worknet.protocol.ids import Event
from worknet.workflow import runtime
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Runner

NO_WAITING = {"allow_unisolated": True, "waiting": 0}


def replayer(
    bills: Bills, number: int = 0, change: Callable[[Ballot], Ballot] = lambda same: same
) -> Replayer:
    """Of a company, whose journal's ballots are changed as they are read."""
    company = bills.companies[number]
    ballots = company.journal.ballots
    changed = SimpleNamespace(
        prepared=ballots.prepared, get=lambda *place: change(ballots.get(*place)), list=ballots
    )
    journal: Any = SimpleNamespace(triggers=company.journal.triggers, ballots=changed)
    return Replayer(
        company.index,
        journal,
        SimpleNamespace(get=lambda *_: bills.runner.bundle),  # type: ignore[arg-type]
        lambda _: nullcontext(bills.runner),
        lambda _: DATA_KEY,
        number,
    )


def replayed(made: Replayer, bills: Bills, attempt: int | None = None) -> Replayed:
    (one,) = made.replay(bills.chain.voting_id(LAST), attempt)
    return one


def otherwise(ballot: Ballot, kind: str, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Ballot:
    frames = {**ballot.frames, (kind, name): pack(change(unpack(ballot.frames[kind, name])))}
    return replace(ballot, frames=frames)


def test_a_recorded_voting_comes_out_the_same_as_in_the_journal_and_on_chain(bills: Bills) -> None:
    one = replayed(replayer(bills), bills)
    assert one.is_same
    assert one.computed == one.journalled == one.on_chain == bills.record().record.pair


def test_a_worker_that_was_outvoted_replays_what_it_voted_on_itself(bills: Bills) -> None:
    one = replayed(replayer(bills, 2), bills)
    assert one.is_same
    assert one.computed == one.on_chain != bills.record().record.pair


def test_the_first_row_that_comes_out_otherwise_is_named_with_both_values(bills: Bills) -> None:
    def then(ballot: Ballot) -> Ballot:
        more = otherwise(ballot, "table", "bills", lambda frame: frame.with_columns(pl.col("wh") + 1))
        return replace(more, pair=replace(ballot.pair, result_root=b"\x01" * 32))

    one = replayed(replayer(bills, 0, then), bills)
    assert not one.is_same
    assert one.difference is not None
    assert (one.difference.table, one.difference.key, one.difference.column) == ("bills", {"id": "c0"}, "wh")
    assert (one.difference.first, one.difference.other) == (1, 0)


def test_a_ballot_on_chain_that_is_not_the_journals_differs(bills: Bills) -> None:
    made = replace(replayer(bills), me=2)
    assert "on chain" in replayed(made, bills).text


def test_rows_of_a_journal_that_was_changed_do_not_give_its_input_root(bills: Bills) -> None:
    def cheat(ballot: Ballot) -> Ballot:
        return otherwise(ballot, "dataset", "meters", lambda frame: frame.head(3))

    assert "input root" in replayed(replayer(bills, 0, cheat), bills).text


def test_another_data_key_gives_another_input_root(bills: Bills) -> None:
    made = replace(replayer(bills), data_key=lambda _: bytes(32))
    assert "data key" in replayed(made, bills).text


def test_a_bundle_that_fails_now_differs_from_the_result_of_then(bills: Bills) -> None:
    code = CODE.replace("    total = ", '    raise KeyError("now")\n    total = ')
    bundle = Bundle({"workflow.py": code.encode(), "runtime.json": runtime.lock()})
    with Runner(bundle, **NO_WAITING) as runner:  # type: ignore[arg-type]
        made = replace(replayer(bills), run=lambda _: nullcontext(runner))
        assert "now there is none" in replayed(made, bills).text


def test_forgotten_rows_are_an_error_that_says_for_how_long_they_are_kept(bills: Bills) -> None:
    made = replayer(bills, 0, lambda ballot: replace(ballot, frames={}))
    with pytest.raises(UnknownVoting, match="no longer holds the rows") as caught:
        replayed(made, bills)
    assert "keep" in caught.value.hint


def test_an_attempt_without_a_ballot_is_an_error(bills: Bills) -> None:
    with pytest.raises(UnknownVoting, match="attempt 2"):
        replayed(replayer(bills), bills, 2)


def test_a_voting_that_the_journal_does_not_hold_is_an_error(bills: Bills) -> None:
    with pytest.raises(UnknownVoting):
        replayer(bills).replay(b"\x09" * 32)


def test_a_bundle_that_is_nowhere_is_an_error_that_says_where_was_looked(
    bills: Bills, tmp_path: Path
) -> None:
    made = replace(replayer(bills), bundles=Bundles(tmp_path / "kept", {"bills": tmp_path}, {}))
    with pytest.raises(BundleMissing, match=str(tmp_path)):
        replayed(made, bills)


def test_a_workflow_of_events_is_replayed_with_what_the_event_said(bills: Bills) -> None:
    ballot = bills.companies[0].journal.ballots.get(bills.chain.voting_id(LAST), 1, 1)
    seen = []

    def run(datasets: dict[str, pl.DataFrame], window: object) -> None:
        seen.append((sorted(datasets), window))
        raise AssertionError

    event = Event(b"\x07" * 32)
    company = bills.companies[0]
    policy = SimpleNamespace(policy=SimpleNamespace(bundle_digest=bytes(32), every=0))
    index: Any = SimpleNamespace(policy=lambda *_: policy, voting=company.index.voting)
    triggers = SimpleNamespace(get=lambda _: ("bills", event.trigger_id))
    made = replayer(bills)
    journal: Any = SimpleNamespace(triggers=triggers, ballots=made.journal.ballots)
    runner: Any = SimpleNamespace(declaration=bills.runner.declaration, bundle=bills.runner.bundle, run=run)
    made = replace(made, index=index, journal=journal, run=lambda _: nullcontext(runner))
    with pytest.raises(AssertionError):
        replayed(made, bills)
    assert seen == [(sorted(name for kind, name in ballot.frames if kind == "dataset"), None)]
