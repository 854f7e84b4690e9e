"""Feeds as they are made from their options, and what all of them share: pauses, the word on a fault, TLS."""

import asyncio
import subprocess
import sys
from math import inf
from pathlib import Path

import pytest

from worknet.sources import feed_link
from worknet.sources.errors import NonsenseError, Origin, RefusedError
from worknet.sources.feed import Message, feed_from
from worknet.sources.feed_link import FaultError, Link, tls_context

ORIGIN = Origin("consumption", "a broker")


class Clock:
    """A clock that sleeping moves, and nothing else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        monkeypatch.setattr(feed_link.asyncio, "sleep", self._sleep)
        monkeypatch.setattr(feed_link.time, "monotonic", lambda: self.now)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_a_kind_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(NonsenseError, match="'pigeon' is no kind of feed") as refused:
        feed_from("pigeon", "consumption")
    assert "nats" in refused.value.hint


def test_a_library_that_is_not_installed_is_named_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("worknet.sources.nats")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(RefusedError, match="library nats is not installed") as refused:
        feed_from("nats", "consumption", servers=["nats://127.0.0.1"], stream="S")
    assert refused.value.hint == "pip install 'worknet[nats]'"


def test_brokers_that_nobody_uses_cost_no_memory() -> None:
    code = "import sys, worknet.sources.feed; print({'nats', 'aiomqtt', 'faststream'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_the_text_of_a_message_does_not_show_its_body() -> None:
    assert "secret" not in repr(Message(b"secret", "S:1"))


def test_a_link_is_faulty_until_it_is_up() -> None:
    link = Link("NATS at host")
    assert link.fault == "NATS at host: not connected yet"
    link.up()
    assert link.fault == ""


def test_each_connection_has_a_time_of_its_own_however_short_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, link = Clock(monkeypatch), Link("a broker", first=0.001)
    assert link.up_since == inf
    link.up()
    first = link.up_since
    clock.now += 1
    link.up()
    assert link.up_since == first
    asyncio.run(link.down("gone"))
    assert link.up_since == inf
    link.up()
    assert link.up_since > first


def test_a_link_that_is_down_says_where_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    link = Link("NATS at host")
    asyncio.run(link.down("connection refused"))
    assert link.fault == "NATS at host: connection refused"


def test_a_link_whose_session_ended_otherwise_than_by_a_fault_is_not_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Clock(monkeypatch)
    link, ends = Link("NATS at host"), [FaultError("gone"), OSError("the disk is full")]

    async def session() -> None:
        link.up()
        raise ends.pop(0)

    with pytest.raises(OSError, match="full"):
        asyncio.run(link.keep(session))
    assert (ends, link.fault) == ([], "NATS at host: not connected yet")


def test_pauses_double_up_to_the_longest_and_vary_by_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, link = Clock(monkeypatch), Link("a broker", first=1, longest=10)
    for _ in range(6):
        asyncio.run(link.down("gone"))
    for pause, due in zip(clock.pauses, (1, 2, 4, 8, 10, 10), strict=True):
        assert 0.75 * due <= pause <= 1.25 * due


def test_pauses_begin_anew_after_a_connection_that_held(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, link = Clock(monkeypatch), Link("a broker", first=1)
    for _ in range(4):
        asyncio.run(link.down("gone"))
    link.up()
    clock.now += 60
    asyncio.run(link.down("gone"))
    assert clock.pauses[-1] <= 1.25


def test_pauses_go_on_growing_while_connections_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, link = Clock(monkeypatch), Link("a broker", first=1)
    for _ in range(4):
        link.up()
        asyncio.run(link.down("thrown out"))
    assert clock.pauses[-1] >= 6


def test_a_key_without_its_certificate_is_refused() -> None:
    with pytest.raises(RefusedError, match="a key without a certificate"):
        tls_context(ORIGIN, {"key": Path("worker-key.pem")})


def test_files_that_are_no_certificates_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    for ca in (file, tmp_path / "missing.pem"):
        with pytest.raises(RefusedError, match="cannot be read"):
            tls_context(ORIGIN, {"ca": ca})
