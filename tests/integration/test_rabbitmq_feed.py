"""RabbitMQ as a feed, against a real server: cut off, refused, its queue deleted; the worker killed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aio_pika
import pytest
from tests.feeding import Taken, body, die_after_take, running, until
from tests.proxy import TcpProxy
from tests.services import free_port, host_and_port

from worknet.sources.feed import feed_from
from worknet.sources.rabbitmq import RabbitmqFeed

pytestmark = pytest.mark.long


@contextlib.asynccontextmanager
async def queue_of(url: str, name: str, kind: str = "quorum") -> AsyncIterator[aio_pika.abc.AbstractQueue]:
    """A queue of that name, deleted afterwards."""
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(name, durable=True, arguments={"x-queue-type": kind})
        try:
            yield queue
        finally:
            await (await connection.channel()).queue_delete(name)


async def publish(queue: aio_pika.abc.AbstractQueue, numbers: range) -> None:
    """Put messages into the queue, and wait until the server has them."""
    exchange = queue.channel.default_exchange
    messages = [aio_pika.Message(body(n), delivery_mode=2) for n in numbers]
    await asyncio.gather(*(exchange.publish(message, queue.name) for message in messages))


async def left_in(queue: aio_pika.abc.AbstractQueue) -> int:
    """How many messages the server holds for the queue that nobody is working on."""
    declared = await queue.declare()
    return declared.message_count or 0


def feed(name: str, port: int, **options: object) -> RabbitmqFeed:
    credentials = {"user": "guest", "password": "guest"}
    made = feed_from(
        "rabbitmq", name, **({"server": f"amqp://127.0.0.1:{port}", "queue": name} | credentials | options)
    )
    assert isinstance(made, RabbitmqFeed)
    return made


@pytest.mark.parametrize("kind", ["quorum", "classic"])
def test_nothing_is_lost_when_the_connection_is_cut_in_the_middle_of_a_burst(
    rabbitmq_url: str, unique: str, kind: str
) -> None:
    async def scenario() -> None:
        with TcpProxy(*host_and_port(rabbitmq_url)) as proxy:
            async with queue_of(rabbitmq_url, unique, kind) as queue:
                await publish(queue, range(3000))
                taken, reader = Taken(), feed(unique, proxy.port, batch=100)
                async with running(reader, taken):
                    await until(lambda: len(taken.numbers) > 500, "some have come")
                    proxy.cut()
                    assert len(taken.numbers) < 3000
                    await until(lambda: reader.fault, "the cut is told")
                    proxy.heal()
                    await until(lambda: taken.has_all(3000), "all have come")
                    assert reader.fault == ""
                await asyncio.sleep(0.2)
                assert await left_in(queue) == 0

    asyncio.run(scenario())


def test_a_broker_that_is_down_at_the_start_is_told_and_waited_for(rabbitmq_url: str, unique: str) -> None:
    async def scenario() -> None:
        with TcpProxy(*host_and_port(rabbitmq_url)) as proxy:
            proxy.cut()
            async with queue_of(rabbitmq_url, unique) as queue:
                await publish(queue, range(3))
                taken, reader = Taken(), feed(unique, proxy.port)
                async with running(reader, taken):
                    await until(lambda: "not connected yet" not in reader.fault, "the fault is told")
                    assert reader.fault.startswith(f"RabbitMQ at 127.0.0.1:{proxy.port}: ")
                    proxy.heal()
                    await until(lambda: taken.has_all(3), "all have come")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"password": "wrong-secret"}, "the user or the password is refused"),
        ({"vhost": "none-such"}, "the broker refuses the virtual host none-such"),
        ({"queue": "worknet-none-such"}, "there is no queue worknet-none-such"),
        ({"declare": True, "exchange": "none-such", "binding": "#"}, "or no exchange none-such"),
    ],
)
def test_what_the_broker_refuses_is_told_without_secrets(
    rabbitmq_url: str, unique: str, options: dict[str, object], told: str
) -> None:
    async def scenario() -> None:
        reader = feed(unique, host_and_port(rabbitmq_url)[1], **options)
        async with running(reader, Taken()):
            await until(lambda: told in reader.fault, told, 10)
            assert "secret" not in f"{reader.fault} {reader!r}"

    try:
        asyncio.run(scenario())
    finally:
        if options.get("declare"):
            asyncio.run(_deleted(rabbitmq_url, unique))


def test_a_queue_is_declared_and_bound_only_if_told(rabbitmq_url: str, unique: str) -> None:
    async def scenario() -> None:
        connection = await aio_pika.connect(rabbitmq_url)
        async with connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(unique, "topic", durable=True)
            try:
                options = {"declare": True, "exchange": unique, "binding": "meters.*"}
                taken, reader = Taken(), feed(unique, host_and_port(rabbitmq_url)[1], **options)
                async with running(reader, taken):
                    await until(lambda: not reader.fault, "connected")
                    await exchange.publish(aio_pika.Message(body(0)), "meters.1")
                    await exchange.publish(aio_pika.Message(body(1)), "other")
                    await exchange.publish(aio_pika.Message(body(2)), "meters.2")
                    await until(lambda: len(taken.numbers) == 2, "those bound have come")
                assert taken.numbers == [0, 2]
            finally:
                await channel.exchange_delete(unique)
                await channel.queue_delete(unique)

    asyncio.run(scenario())


def test_what_take_raises_ends_the_feed_and_nothing_of_the_batch_is_acknowledged(
    rabbitmq_url: str, unique: str
) -> None:
    async def scenario() -> None:
        async def take(_: object) -> None:
            raise ZeroDivisionError

        async with queue_of(rabbitmq_url, unique) as queue:
            await publish(queue, range(5))
            port = host_and_port(rabbitmq_url)[1]
            with pytest.raises(ZeroDivisionError):
                await feed(unique, port).run(take)
            taken = Taken()
            async with running(feed(unique, port), taken):
                await until(lambda: taken.has_all(5), "all have come")

    asyncio.run(scenario())


def test_what_a_killed_process_had_taken_and_not_acknowledged_comes_again(
    rabbitmq_url: str, unique: str
) -> None:
    async def scenario() -> None:
        async with queue_of(rabbitmq_url, unique) as queue:
            await publish(queue, range(20))
            port = host_and_port(rabbitmq_url)[1]
            options = {"server": f"amqp://127.0.0.1:{port}", "queue": unique}
            died_with = await asyncio.to_thread(die_after_take, "rabbitmq", unique, options)
            assert died_with
            taken = Taken()
            async with running(feed(unique, port), taken):
                await until(lambda: taken.has_all(20), "all have come")
            assert set(died_with) <= set(taken.numbers)

    asyncio.run(scenario())


@pytest.mark.long
def test_a_queue_that_is_deleted_is_told_and_read_again_when_it_is_back(
    rabbitmq_url: str, unique: str
) -> None:
    async def scenario() -> None:
        port = host_and_port(rabbitmq_url)[1]
        taken, reader = Taken(), feed(unique, port)
        async with queue_of(rabbitmq_url, unique) as queue, running(reader, taken):
            await until(lambda: not reader.fault, "connected")
            await _deleted(rabbitmq_url, unique)
            await until(lambda: f"there is no queue {unique}" in reader.fault, "the fault is told")
            await queue.declare()
            await publish(queue, range(3))
            await until(lambda: taken.has_all(3), "all have come")

    asyncio.run(scenario())


@pytest.mark.long
def test_a_broker_that_falls_silent_is_told(rabbitmq_url: str, unique: str) -> None:
    async def scenario() -> None:
        with TcpProxy(*host_and_port(rabbitmq_url)) as proxy:
            async with queue_of(rabbitmq_url, unique) as queue:
                taken, reader = Taken(), feed(unique, proxy.port)
                async with running(reader, taken):
                    await until(lambda: not reader.fault, "connected")
                    proxy.stall()
                    await until(lambda: reader.fault, "the silence is told")
                    proxy.heal()
                    await publish(queue, range(3))
                    await until(lambda: taken.has_all(3), "all have come", 60)

    asyncio.run(scenario())


def test_a_server_that_nothing_listens_on_is_told(unique: str) -> None:
    async def scenario() -> None:
        reader = feed(unique, free_port())
        async with running(reader, Taken()):
            await until(lambda: "not connected yet" not in reader.fault, "the fault is told")

    asyncio.run(scenario())


async def _deleted(url: str, name: str) -> None:
    async with await aio_pika.connect(url) as connection:
        await (await connection.channel()).queue_delete(name)
