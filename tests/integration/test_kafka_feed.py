"""Kafka as a feed, against a compatible broker (see `tests.kafka`): cut off, killed; the worker killed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import aiokafka
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.feeding import Taken, body, die_after_take, running, until
from tests.kafka import kafka_broker
from tests.proxy import TcpProxy
from tests.services import free_port

from worknet.sources.feed import feed_from
from worknet.sources.kafka import KafkaFeed

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def broker() -> Iterator[TcpProxy]:
    """A broker behind a proxy that all its clients go through."""
    port = free_port()
    with TcpProxy("127.0.0.1", port) as proxy, kafka_broker(port, proxy.port):
        yield proxy


async def make_topic(port: int, name: str, partitions: int = 2) -> None:
    """A topic of that name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}")
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def producer(port: int) -> AsyncIterator[aiokafka.AIOKafkaProducer]:
    made = aiokafka.AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{port}")
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def publish(port: int, topic: str, numbers: range) -> None:
    """Append messages to the topic's partitions by turns, and wait until the broker has them."""
    async with producer(port) as to:
        sent = [await to.send(topic, body(number), partition=number % 2) for number in numbers]
        await asyncio.gather(*sent)


async def committed(port: int, topic: str) -> int:
    """How many messages of the topic the group of the same name has committed."""
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=f"127.0.0.1:{port}", group_id=topic)
    partitions = [aiokafka.TopicPartition(topic, number) for number in (0, 1)]
    consumer.assign(partitions)
    await consumer.start()
    try:
        return sum([await consumer.committed(partition) or 0 for partition in partitions])
    finally:
        await consumer.stop()


def feed(name: str, port: int, **options: object) -> KafkaFeed:
    made = feed_from(
        "kafka",
        name,
        **({"servers": [f"kafka://127.0.0.1:{port}"], "topic": name, "patience": 1, "session": 1} | options),
    )
    assert isinstance(made, KafkaFeed)
    return made


def test_nothing_is_lost_when_the_connection_is_cut_in_the_middle_of_a_burst(
    broker: TcpProxy, unique: str
) -> None:
    async def scenario() -> None:
        await make_topic(broker.port, unique)
        await publish(broker.port, unique, range(3000))
        taken, reader = Taken(), feed(unique, broker.port, batch=50)
        async with running(reader, taken):
            await until(lambda: len(taken.numbers) > 500, "some have come")
            broker.cut()
            try:
                assert len(taken.numbers) < 3000
                await until(lambda: reader.fault, "the cut is told")
            finally:
                broker.heal()
            await until(lambda: taken.has_all(3000), "all have come")
            await asyncio.sleep(0.2)
        assert await committed(broker.port, unique) == 3000

    asyncio.run(scenario())


def test_a_broker_that_is_down_at_the_start_is_told_and_waited_for(unique: str) -> None:
    async def scenario() -> None:
        port = free_port()
        taken, reader = Taken(), feed(unique, port)
        async with running(reader, taken):
            await until(lambda: "no broker can be reached" in reader.fault, "the fault is told")
            assert reader.fault.startswith(f"Kafka at 127.0.0.1:{port}: ")
            with kafka_broker(port, port):
                await make_topic(port, unique)
                await publish(port, unique, range(3))
                await until(lambda: taken.has_all(3), "all have come")

    asyncio.run(scenario())


def test_a_topic_that_is_not_there_is_told_and_not_made(broker: TcpProxy, unique: str) -> None:
    async def scenario() -> None:
        taken, reader = Taken(), feed(unique, broker.port)
        async with running(reader, taken):
            await until(lambda: f"there is no topic {unique}" in reader.fault, "the fault is told")
            admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{broker.port}")
            await admin.start()
            assert unique not in await admin.list_topics()
            await admin.close()
            await make_topic(broker.port, unique)
            await publish(broker.port, unique, range(3))
            await until(lambda: taken.has_all(3), "all have come")

    asyncio.run(scenario())


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_credentials_that_the_broker_refuses_are_told_without_secrets(unique: str, mechanism: str) -> None:
    async def scenario() -> None:
        port = free_port()
        with kafka_broker(port, port, "--authentication"):
            reader = feed(unique, port, user="u", password="wrong-secret", mechanism=mechanism)
            async with running(reader, Taken()):
                await until(lambda: "the user or the password is refused" in reader.fault, "that is told")
                assert "secret" not in f"{reader.fault} {reader!r}"

    asyncio.run(scenario())


def test_what_take_raises_ends_the_feed_and_nothing_of_the_batch_is_acknowledged(
    broker: TcpProxy, unique: str
) -> None:
    async def scenario() -> None:
        async def take(_: object) -> None:
            raise ZeroDivisionError

        await make_topic(broker.port, unique)
        await publish(broker.port, unique, range(5))
        with pytest.raises(ZeroDivisionError):
            await feed(unique, broker.port).run(take)
        assert await committed(broker.port, unique) == 0
        taken = Taken()
        async with running(feed(unique, broker.port), taken):
            await until(lambda: taken.has_all(5), "all have come")

    asyncio.run(scenario())


@pytest.mark.long
def test_what_a_killed_process_had_taken_and_not_acknowledged_comes_again(
    broker: TcpProxy, unique: str
) -> None:
    async def scenario() -> None:
        await make_topic(broker.port, unique)
        await publish(broker.port, unique, range(20))
        options = {"servers": [f"kafka://127.0.0.1:{broker.port}"], "topic": unique, "session": 1}
        died_with = await asyncio.to_thread(die_after_take, "kafka", unique, options)
        assert died_with
        taken = Taken()
        async with running(feed(unique, broker.port), taken):
            await until(lambda: taken.has_all(20), "all have come")
        assert set(died_with) <= set(taken.numbers)

    asyncio.run(scenario())


@pytest.mark.long
def test_what_was_acknowledged_does_not_come_again(broker: TcpProxy, unique: str) -> None:
    async def scenario() -> None:
        await make_topic(broker.port, unique)
        await publish(broker.port, unique, range(10))
        taken = Taken()
        async with running(feed(unique, broker.port), taken):
            await until(lambda: taken.has_all(10), "all have come")
            await asyncio.sleep(0.1)
        await publish(broker.port, unique, range(10, 13))
        after = Taken()
        async with running(feed(unique, broker.port), after):
            await until(lambda: after.numbers, "the new ones have come")
            await until(lambda: len(after.numbers) == 3, "all the new ones have come")
        assert sorted(after.numbers) == [10, 11, 12]

    asyncio.run(scenario())


@pytest.mark.long
def test_nothing_is_lost_when_another_member_joins_the_group_and_leaves_it(
    broker: TcpProxy, unique: str
) -> None:
    async def scenario() -> None:
        await make_topic(broker.port, unique)
        one, other = Taken(), Taken()
        async with running(feed(unique, broker.port, batch=20), one):
            await publish(broker.port, unique, range(1000))
            await until(lambda: len(one.numbers) > 100, "some have come")
            async with running(feed(unique, broker.port, batch=20), other):
                count, deadline = 1000, time.monotonic() + 90
                # The group is divided anew when the broker thinks fit: until then the first one takes all.
                while not other.numbers:
                    assert time.monotonic() < deadline, "the other has no share"
                    await publish(broker.port, unique, range(count, count + 50))
                    count += 50
                    await asyncio.sleep(0.2)
            await publish(broker.port, unique, range(count, count + 100))
            wanted = set(range(count + 100))
            await until(lambda: {*one.numbers, *other.numbers} >= wanted, "all have come", 90)

    asyncio.run(scenario())


@pytest.mark.long
def test_a_broker_that_falls_silent_is_told(broker: TcpProxy, unique: str) -> None:
    async def scenario() -> None:
        await make_topic(broker.port, unique)
        taken, reader = Taken(), feed(unique, broker.port)
        async with running(reader, taken):
            await until(lambda: not reader.fault, "connected")
            broker.stall()
            try:
                await until(lambda: reader.fault, "the silence is told")
            finally:
                broker.heal()
            await publish(broker.port, unique, range(3))
            await until(lambda: taken.has_all(3), "all have come", 60)

    asyncio.run(scenario())


@pytest.mark.long
def test_a_broker_that_is_killed_and_comes_back_empty_is_read_from_its_beginning(unique: str) -> None:
    # What dies with this broker is lost with it, for it has no disk: what was taken is safe all the same, and
    # the offsets that the feed remembers do not hide what the new broker holds.
    async def scenario() -> None:
        port = free_port()
        taken, reader = Taken(), feed(unique, port, batch=50)
        with kafka_broker(port, port):
            await make_topic(port, unique)
            await publish(port, unique, range(1000))
            running_feed = asyncio.create_task(reader.run(taken))
            await until(lambda: len(taken.numbers) > 300, "some have come")
        await until(lambda: reader.fault, "the end is told")
        before = len(taken.numbers)
        with kafka_broker(port, port):
            await make_topic(port, unique)
            await publish(port, unique, range(1000, 1200))
            await until(lambda: set(taken.numbers[before:]) == set(range(1000, 1200)), "all have come")
            running_feed.cancel()
            await asyncio.wait({running_feed})

    asyncio.run(scenario())
