"""The audit of a real simulation finds what is wrong with it: worknet's own code is broken on purpose."""

from typing import Any

import pytest
from tests.search import LIGHT, desk

from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.node import duties
from worknet.node.journal.ballots import Ballots
from worknet.protocol.words import Fallback
from worknet.testing import reading
from worknet.testing.faults import Faults
from worknet.testing.promises import audit
from worknet.testing.simulation import Setup, simulate

Patch = pytest.MonkeyPatch


def broken(faults: str = "", **settings: Any) -> set[str]:
    """The promises that a small simulation breaks."""
    bundle, data = desk(LIGHT)
    asked = {"workers": 3, "votings": 1, "faults": Faults.parse(faults), **settings}
    with simulate(Setup(bundle=bundle, data=data.frames, **asked)) as run:
        return {violation.promise for violation in audit(reading.read(run))}


def test_workers_that_never_reveal_are_found(monkeypatch: Patch) -> None:
    monkeypatch.setattr(duties, "_reveal", lambda *_: None)
    assert {"no ballot lost", "consensus in time"} <= broken()


def test_workers_that_do_not_vote_again_are_found(monkeypatch: Patch) -> None:
    to_open = duties._to_open

    def once(facts: Any, voting: Any, me: int) -> Any:
        return None if voting.attempts else to_open(facts, voting, me)

    monkeypatch.setattr(duties, "_to_open", once)
    assert "no result without reason" in broken("silent:2")


def test_workers_that_settle_nothing_are_found(monkeypatch: Patch) -> None:
    monkeypatch.setattr(duties, "_settle", lambda *_: None)
    faults = "wrong:1,silent:1"
    assert "no result without reason" in broken(faults, workers=4, fallback=Fallback.PLURALITY)


def test_workers_that_forget_their_rows_are_found(monkeypatch: Patch) -> None:
    add = Ballots.add

    def add_and_forget(self: Ballots, ballot: Any) -> None:
        add(self, ballot)
        self.forget_rows(ballot.voting_id)

    monkeypatch.setattr(Ballots, "add", add_and_forget)
    assert "evidence kept" in broken()


def test_workers_that_seal_what_they_cannot_open_are_found(monkeypatch: Patch) -> None:
    seal = NetworkClient.seal

    def other_seal(
        self: NetworkClient, workflow_id: bytes, trigger_id: bytes, place: Any, sent: bytes
    ) -> bytes:
        return seal(self, workflow_id, trigger_id, place, bytes(reversed(sent[:30])) + bytes(2))

    monkeypatch.setattr(NetworkClient, "seal", other_seal)
    assert "salt on disk" in broken()


def test_workers_that_leave_out_an_event_are_found(monkeypatch: Patch) -> None:
    logs = NetworkIndex.logs

    def fewer(self: NetworkIndex, *kinds: str, first: int = 0) -> Any:
        found = logs(self, *kinds, first=first)
        is_worker_s = self._store.path.name != "observer.sqlite"
        return found[:-1] if is_worker_s and kinds == reading._KINDS else found

    monkeypatch.setattr(NetworkIndex, "logs", fewer)
    assert broken() == {"one chain for all"}


def test_workers_that_handle_nothing_are_found(monkeypatch: Patch) -> None:
    monkeypatch.setattr(duties, "_handle", lambda *_: None)
    assert "handled once" in broken("silent:2", fallback=Fallback.ALERT)
