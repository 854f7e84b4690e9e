"""A worker that is killed around its ballots loses nothing; and what the chaos tests cover, and can find."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from tests.chaos.audit import inspect
from tests.chaos.crash import MOMENTS, SEND, Point
from tests.chaos.network import ChaosNetwork
from tests.chaos.scenarios import UNREACHED, Result, killed_at, points, points_outside

from worknet.node.journal.store import STEPS


def assert_sound(result: Result) -> None:
    """Nothing was found that must not be, and there was something to be found."""
    assert +result.audit.faults == {}
    assert result.audit.votings > 0
    assert result.audit.ballots == 3 * result.audit.votings


def test_every_step_is_crashed_or_has_a_reason() -> None:
    places = {point.place for point in [*points(), *points_outside()]}
    assert {place for place in places if not place.startswith(SEND)} == set(STEPS) - set(UNREACHED)
    assert set(UNREACHED) <= set(STEPS)


@dataclass(frozen=True)
class Crashed:
    """A network whose workers have ended, and what was found there."""

    network: ChaosNetwork
    result: Result


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashed]:
    """A network of which one worker died around its ballots and around its sending."""
    network = ChaosNetwork(tmp_path_factory.mktemp("crashed") / "chaos")
    chosen = [
        *(Point("ballots.add", moment) for moment in MOMENTS),
        Point("send.seal", "after"),
        Point("send.reveal", "before", 3),
    ]
    try:
        yield Crashed(network, killed_at(network, chosen))
    finally:
        network.close()


@pytest.mark.long
def test_a_worker_that_is_killed_around_its_ballot_and_its_sending_loses_nothing(crashed: Crashed) -> None:
    assert_sound(crashed.result)


@pytest.mark.long
def test_the_audit_finds_what_is_missing_or_wrong(crashed: Crashed) -> None:
    network, due = crashed.network, crashed.result.audit.due
    file = network.folder.node("beta") / "data" / "journal.sqlite"
    with closing(sqlite3.connect(file)) as journal, journal:
        first, second = journal.execute("SELECT voting_id FROM ballots ORDER BY prepared LIMIT 2 OFFSET 1")
        journal.execute("UPDATE ballots SET salt = zeroblob(32) WHERE voting_id = ?", first)
        journal.execute("DELETE FROM ballots WHERE voting_id = ?", second)
    assert +inspect(network, due, {}).faults == {"salt lost": 1, "ballot not in the journal": 1}
