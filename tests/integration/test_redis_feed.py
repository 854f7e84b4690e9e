"""Redis streams as a feed, against real servers: cut off, flushed, trimmed, killed; the worker killed."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis.asyncio
from tests.feeding import Taken, body, die_after_take, running, until
from tests.proxy import TcpProxy
from tests.services import free_port, host_and_port

from worknet.sources.feed import feed_from
from worknet.sources.redis import RedisFeed

pytestmark = pytest.mark.long


@contextlib.asynccontextmanager
async def stream_of(url: str, name: str) -> AsyncIterator[redis.asyncio.Redis]:
    """A client; the stream of that name is deleted afterwards."""
    client = redis.asyncio.Redis.from_url(url, protocol=2)
    try:
        yield client
    finally:
        await client.delete(name)
        await client.aclose()


async def add(client: redis.asyncio.Redis, stream: str, numbers: range) -> None:
    """Append entries, and wait until the server has them."""
    pipeline = client.pipeline(transaction=False)
    for number in numbers:
        pipeline.xadd(stream, {"data": body(number)})
    await pipeline.execute()


async def pending(client: redis.asyncio.Redis, name: str) -> int:
    """How many entries were delivered to the group of the same name as the stream, and not acknowledged."""
    return int((await client.xpending(name, name))["pending"])


def feed(name: str, port: int, **options: object) -> RedisFeed:
    made = feed_from("redis", name, **({"server": f"redis://127.0.0.1:{port}", "stream": name} | options))
    assert isinstance(made, RedisFeed)
    return made


@contextlib.contextmanager
def server_of_its_own(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis of this test's own that writes down each command before it answers; skips without one."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server in PATH")
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    durable = ["--appendonly", "yes", "--appendfsync", "always"]
    process = subprocess.Popen([binary, *settings, *durable, *options], stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_nothing_is_lost_when_the_connection_is_cut_in_the_middle_of_a_burst(
    redis_url: str, unique: str
) -> None:
    async def scenario() -> None:
        with TcpProxy(*host_and_port(redis_url)) as proxy:
            async with stream_of(redis_url, unique) as client:
                await add(client, unique, range(3000))
                taken, reader = Taken(), feed(unique, proxy.port, batch=100)
                async with running(reader, taken):
                    await until(lambda: len(taken.numbers) > 500, "some have come")
                    proxy.cut()
                    assert len(taken.numbers) < 3000
                    await until(lambda: reader.fault, "the cut is told")
                    proxy.heal()
                    await until(lambda: taken.has_all(3000), "all have come")
                    await until(lambda: not reader.fault, "connected again")
                    await asyncio.sleep(0.05)
                assert await pending(client, unique) == 0
                assert reader.missed == 0

    asyncio.run(scenario())


def test_a_server_that_is_down_at_the_start_is_told_and_waited_for(redis_url: str, unique: str) -> None:
    async def scenario() -> None:
        with TcpProxy(*host_and_port(redis_url)) as proxy:
            proxy.cut()
            async with stream_of(redis_url, unique) as client:
                await add(client, unique, range(3))
                taken, reader = Taken(), feed(unique, proxy.port)
                async with running(reader, taken):
                    await until(lambda: "cannot be reached" in reader.fault, "the fault is told")
                    assert reader.fault.startswith(f"Redis at 127.0.0.1:{proxy.port}: ")
                    proxy.heal()
                    await until(lambda: taken.has_all(3), "all have come")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"user": "nobody", "password": "wrong-secret"}, "the user or the password is refused"),
        ({"stream": "worknet-none-such"}, "there is no stream worknet-none-such"),
    ],
)
def test_what_the_server_refuses_is_told_without_secrets(
    redis_url: str, unique: str, options: dict[str, object], told: str
) -> None:
    async def scenario() -> None:
        reader = feed(unique, host_and_port(redis_url)[1], **options)
        async with running(reader, Taken()):
            await until(lambda: told in reader.fault, told, 10)
            assert "secret" not in f"{reader.fault} {reader!r}"
        async with stream_of(redis_url, unique) as client:
            assert not await client.exists("worknet-none-such")

    asyncio.run(scenario())


def test_a_user_without_the_right_to_read_is_told(redis_url: str, unique: str) -> None:
    async def scenario() -> None:
        async with stream_of(redis_url, unique) as client:
            await add(client, unique, range(3))
            await client.acl_setuser(unique, enabled=True, passwords=["+secret"], keys=[unique])
            try:
                options = {"user": unique, "password": "secret"}
                reader = feed(unique, host_and_port(redis_url)[1], **options)
                async with running(reader, Taken()):
                    await until(lambda: "may not read the stream" in reader.fault, "the refusal is told")
                # The least that reading needs, where somebody else has made the group.
                await client.acl_setuser(unique, enabled=True, commands=["+xreadgroup", "+xack"])
                await client.xgroup_create(unique, unique, "0")
                taken, reader = Taken(), feed(unique, host_and_port(redis_url)[1], **options)
                async with running(reader, taken):
                    await until(lambda: taken.has_all(3), "all have come")
            finally:
                await client.acl_deluser(unique)

    asyncio.run(scenario())


def test_what_take_raises_ends_the_feed_and_nothing_of_the_batch_is_acknowledged(
    redis_url: str, unique: str
) -> None:
    async def scenario() -> None:
        async def take(_: object) -> None:
            raise ZeroDivisionError

        async with stream_of(redis_url, unique) as client:
            await add(client, unique, range(5))
            port = host_and_port(redis_url)[1]
            with pytest.raises(ZeroDivisionError):
                await feed(unique, port).run(take)
            assert await pending(client, unique) == 5
            await add(client, unique, range(5, 8))
            taken = Taken()
            async with running(feed(unique, port), taken):
                await until(lambda: taken.has_all(8), "all have come")
            assert taken.numbers == list(range(8))

    asyncio.run(scenario())


def test_what_a_killed_process_had_taken_and_not_acknowledged_comes_again_before_what_is_new(
    redis_url: str, unique: str
) -> None:
    async def scenario() -> None:
        async with stream_of(redis_url, unique) as client:
            await add(client, unique, range(20))
            port = host_and_port(redis_url)[1]
            options = {"server": f"redis://127.0.0.1:{port}", "stream": unique, "batch": 10}
            died_with = await asyncio.to_thread(die_after_take, "redis", unique, options)
            assert died_with == list(range(10))
            taken = Taken()
            async with running(feed(unique, port, batch=4), taken):
                await until(lambda: taken.has_all(20), "all have come")
            assert taken.numbers == list(range(20))

    asyncio.run(scenario())


def test_a_stream_that_is_flushed_is_told_and_read_again_from_its_beginning(
    redis_url: str, unique: str
) -> None:
    async def scenario() -> None:
        async with stream_of(redis_url, unique) as client:
            await add(client, unique, range(3))
            taken, reader = Taken(), feed(unique, host_and_port(redis_url)[1])
            async with running(reader, taken):
                await until(lambda: taken.has_all(3), "all have come")
                await client.delete(unique)
                await until(lambda: reader.fault, "the loss is told")
                await add(client, unique, range(3, 6))
                await until(lambda: taken.has_all(6), "those of the new stream have come")

    asyncio.run(scenario())


def test_a_group_that_vanishes_is_made_again_from_the_beginning(redis_url: str, unique: str) -> None:
    async def scenario() -> None:
        async with stream_of(redis_url, unique) as client:
            await add(client, unique, range(3))
            taken = Taken()
            async with running(feed(unique, host_and_port(redis_url)[1]), taken):
                await until(lambda: taken.has_all(3), "all have come")
                await client.xgroup_destroy(unique, unique)
                await until(lambda: len(taken.numbers) == 6, "all have come again")

    asyncio.run(scenario())


def test_the_stream_is_made_only_if_told(redis_url: str, unique: str) -> None:
    async def scenario() -> None:
        async with stream_of(redis_url, unique) as client:
            taken, reader = Taken(), feed(unique, host_and_port(redis_url)[1], declare=True)
            async with running(reader, taken):
                await until(lambda: not reader.fault, "connected")
                await add(client, unique, range(3))
                await until(lambda: taken.has_all(3), "all have come")

    asyncio.run(scenario())


def test_entries_trimmed_before_they_were_read_are_counted_once(redis_url: str, unique: str) -> None:
    async def scenario() -> None:
        port = host_and_port(redis_url)[1]
        async with stream_of(redis_url, unique) as client:
            await add(client, unique, range(10))
            await client.xtrim(unique, maxlen=8, approximate=False)  # before the group was there: none of its
            taken, reader = Taken(), feed(unique, port)
            async with running(reader, taken):
                await until(lambda: len(taken.numbers) == 8, "what is there has come")
            assert reader.missed == 0
            for trimmed in (5, 2):
                await add(client, unique, range(10))
                await client.xtrim(unique, maxlen=10 - trimmed, approximate=False)
                taken, reader = Taken(), feed(unique, port)
                async with running(reader, taken):
                    await until(lambda taken=taken: 9 in taken.numbers, "what is there has come")
                assert (len(taken.numbers), reader.missed) == (10 - trimmed, trimmed)

    asyncio.run(scenario())


def test_entries_trimmed_between_delivery_and_acknowledgement_are_counted(
    redis_url: str, unique: str
) -> None:
    async def scenario() -> None:
        async with stream_of(redis_url, unique) as client:
            await add(client, unique, range(10))
            await client.xgroup_create(unique, unique, "0")
            await client.xreadgroup(unique, unique, {unique: ">"}, count=6)
            await client.xtrim(unique, maxlen=7, approximate=False)
            taken, reader = Taken(), feed(unique, host_and_port(redis_url)[1])
            async with running(reader, taken):
                await until(lambda: 9 in taken.numbers, "what is there has come")
            assert (taken.numbers, reader.missed) == (list(range(3, 10)), 3)
            assert await pending(client, unique) == 0

    asyncio.run(scenario())


def test_an_entry_without_the_field_is_delivered_as_an_object_of_its_fields(
    redis_url: str, unique: str
) -> None:
    async def scenario() -> None:
        async with stream_of(redis_url, unique) as client:
            await client.xadd(unique, {"meter": "m1", "wh": "17"})
            bodies: list[bytes] = []

            async def take(batch: object) -> None:
                bodies.extend(message.body for message in batch)  # type: ignore[attr-defined]  # messages

            async with running(feed(unique, host_and_port(redis_url)[1]), take):
                await until(lambda: bodies, "it has come")
            assert json.loads(bodies[0]) == {"meter": "m1", "wh": "17"}

    asyncio.run(scenario())


def test_nothing_is_lost_when_the_server_is_killed_and_comes_back(tmp_path: Path, unique: str) -> None:
    async def scenario() -> None:
        port = free_port()
        url = f"redis://127.0.0.1:{port}/0"
        taken, reader = Taken(), feed(unique, port, batch=100)
        with server_of_its_own(tmp_path, port):
            await _answers(url)
            async with stream_of(url, "other") as client:
                await add(client, unique, range(3000))
            process = asyncio.create_task(reader.run(taken))
            await until(lambda: len(taken.numbers) > 500, "some have come")
        await until(lambda: reader.fault, "the end is told")
        assert len(taken.numbers) < 3000
        with server_of_its_own(tmp_path, port):
            await until(lambda: taken.has_all(3000), "all have come")
            process.cancel()
            await asyncio.wait({process})

    asyncio.run(scenario())


async def _answers(url: str) -> None:
    client = redis.asyncio.Redis.from_url(url)
    for _ in range(500):
        with contextlib.suppress(redis.exceptions.ConnectionError):
            await client.ping()
            break
        await asyncio.sleep(0.01)
    await client.aclose()
