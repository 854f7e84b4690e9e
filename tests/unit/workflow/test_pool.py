"""The pool of processes: who waits for what."""

import threading
from typing import ClassVar

import pytest
from tests.unit.workflow.conftest import bundle_of

from worknet.workflow import pool
from worknet.workflow.pool import Pool
from worknet.workflow.process import Limits


class Gated:
    """As much of a process as a pool asks for: one starts each time that the gate is released."""

    gate: ClassVar[threading.Semaphore]
    running: ClassVar[list["Gated"]]

    def __init__(self, *_: object) -> None:
        self.gate.acquire(timeout=30)
        self.running.append(self)
        self.alive = True

    def end(self) -> str:
        self.running.remove(self)
        return ""


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Pool:
    """A pool that keeps two processes waiting, of which none has started yet."""
    Gated.gate, Gated.running = threading.Semaphore(0), []
    monkeypatch.setattr(pool, "Process", Gated)
    return Pool(bundle_of(""), Limits(), waiting=2)  # type: ignore[no-untyped-call]  # made in the conftest


def has_closed(processes: Pool) -> bool:
    """Closes the pool; whether that has an end."""
    closing = threading.Thread(target=processes.close, daemon=True)
    closing.start()
    closing.join(10)
    return not closing.is_alive()


def test_nobody_waits_for_a_process_that_is_too_many_to_start(processes: Pool) -> None:
    processes.keep(0)
    assert not Gated.running
    Gated.gate.release(2)
    assert has_closed(processes)
    assert not Gated.running


def test_one_that_is_too_many_may_still_be_taken(processes: Pool) -> None:
    processes.keep(0)
    Gated.gate.release()
    with processes.process():
        assert len(Gated.running) == 1
        Gated.gate.release()
    assert has_closed(processes)
    assert not Gated.running
