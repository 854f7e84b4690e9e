"""A simulation: companies with the node's real code on a chain with the real contract, in virtual time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import structlog

from worknet.testing.chain import scratch_folder
from worknet.testing.course import Course
from worknet.testing.founding import found
from worknet.testing.inline import InlineRunner
from worknet.testing.run import Happening, Run, Setup
from worknet.workflow.runner import Runner

__all__ = ["Happening", "Run", "Setup", "simulate", "unheard"]


def simulate(setup: Setup) -> Run:
    """Simulates from the first voting to the end of the last.

    Raises FaultsError for faults that do not fit the workers, and WorkflowError for a bundle that cannot run.
    """
    folder = scratch_folder()
    opened: list[Callable[[], None]] = [folder.cleanup]

    def close() -> None:
        while opened:
            opened.pop()()

    try:
        runner = _runner(setup)
        opened.append(runner.close)
        with unheard():
            run = found(setup, runner, Path(folder.name), close)
            opened.append(run.let_go)
            Course(run).go()
    except BaseException:
        close()
        raise
    return run


@contextmanager
def unheard() -> Iterator[None]:
    """Inside, nothing is logged: the workers' logs would tell of times and places that do not exist."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


def _runner(setup: Setup) -> Runner:
    if not setup.isolate:
        return InlineRunner(setup.bundle)
    # What is simulated is the network; whether this machine can cut off a run is not the question.
    return Runner(setup.bundle, allow_unisolated=True, any_runtime=True)
