"""Blocking work beside the loop: what journals is finished, what hangs keeps nobody."""

import asyncio
import threading
import time

import pytest

from worknet.node.ingest.writing import Writing, in_thread


def test_a_functions_result_and_its_error_come_back() -> None:
    assert asyncio.run(in_thread(int, "7")) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(in_thread(int, "seven"))


def test_a_function_that_hangs_does_not_keep_the_loop() -> None:
    released = threading.Event()

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(in_thread(released.wait), 0.01)

    begun = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - begun < 5
    released.set()


def test_what_journals_is_finished_though_whoever_waits_is_cancelled() -> None:
    released, done = threading.Event(), threading.Event()

    def journal() -> None:
        released.wait()
        done.set()

    async def run() -> None:
        writing = Writing()
        waiting = asyncio.create_task(writing.do(journal))
        await asyncio.sleep(0.01)
        waiting.cancel()
        released.set()
        await writing.close(5)
        assert done.is_set()

    asyncio.run(run())


def test_nothing_begins_after_the_close() -> None:
    begun = threading.Event()

    async def run() -> None:
        writing = Writing()
        await writing.close(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writing.do(begun.set), 0.02)

    asyncio.run(run())
    assert not begun.is_set()
