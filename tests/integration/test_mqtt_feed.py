"""MQTT as a feed, against Mosquitto: whatever is cut off or killed, nothing is lost."""

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish as paho
from tests.feeding import Taken, body, die_after_take, forget, running, until
from tests.proxy import TcpProxy
from tests.services import OwnServer, free_port, host_and_port, own_certificate

from worknet.sources.errors import RefusedError
from worknet.sources.feed import Feed, Message, feed_from

pytestmark = pytest.mark.long

SECRET = "a-secret-that-nobody-may-see"
Serve = Callable[..., tuple[OwnServer, str]]


def feed(url: str, name: str, **options: Any) -> Feed:
    """A feed of the topics below that name, remembered by the same name."""
    return feed_from("mqtt", name, **{"server": url, "topics": [f"{name}/#"]} | options)


async def publish(url: str, name: str, numbers: range, topic: str = "rows", **options: Any) -> None:
    """Publish a message for each number with QoS 1; the broker has them all when this returns."""
    host, port = host_and_port(url)
    told: dict[str, Any] = {"topic": f"{name}/{topic}", "qos": 1} | options
    messages = [told | {"payload": body(number)} for number in numbers]
    await asyncio.to_thread(paho.multiple, messages, host, port)


async def subscribed(url: str, name: str, **options: Any) -> None:
    """Have the broker remember a reader of that name from now on."""
    reading = feed(url, name, **options)
    async with running(reading, Taken()):
        await until(lambda: not reading.fault, "subscribed")


def run(scenario: Awaitable[None]) -> None:
    """Run a test's scenario, for at most a minute."""
    asyncio.run(asyncio.wait_for(scenario, 60))  # type: ignore[arg-type]  # any awaitable does


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Makes Mosquittos of one's own that queue without bounds; not started yet."""
    command = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if command is None:
        pytest.skip("no mosquitto to start")
    made: list[OwnServer] = []

    def make(config: str = "", anonymous: bool = True) -> tuple[OwnServer, str]:
        port = free_port()
        file = tmp_path / f"mosquitto-{port}.conf"
        file.write_text(
            f"listener {port} 127.0.0.1\nuser root\npersistence true\npersistence_location {tmp_path}/\n"
            f"max_queued_messages 0\nallow_anonymous {str(anonymous).lower()}\n{config}\n"
        )
        made.append(OwnServer([command, "-c", str(file)], port))
        return made[-1], f"mqtt://127.0.0.1:{port}"

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def name(mqtt_url: str, unique: str) -> Iterator[str]:
    """A reader's name on the shared broker, which forgets it afterwards."""
    yield unique
    forget(mqtt_url, unique)


VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5"])


@VERSIONS
def test_what_is_published_is_delivered_with_its_topic(mqtt_url: str, name: str, version: str) -> None:
    async def scenario() -> None:
        reading, taken = feed(mqtt_url, name, topics=[f"{name}/+/rows"], version=version), Taken()
        async with running(reading, taken):
            await until(lambda: not reading.fault, "subscribed")
            await publish(mqtt_url, name, range(3), "7/rows")
            await until(lambda: taken.has_all(3), "all 3")
        messages = [message for batch in taken.batches for message in batch]
        assert [message.body for message in messages] == [body(number) for number in range(3)]
        assert {message.where for message in messages} == {f"{name}/7/rows"}

    run(scenario())


@VERSIONS
def test_what_is_published_while_the_worker_is_away_waits_for_it(
    mqtt_url: str, name: str, version: str
) -> None:
    async def scenario() -> None:
        await subscribed(mqtt_url, name, version=version)
        await publish(mqtt_url, name, range(100))
        taken = Taken()
        async with running(feed(mqtt_url, name, version=version), taken):
            await until(lambda: taken.has_all(100), "all 100")

    run(scenario())


def test_what_was_acknowledged_does_not_come_again(mqtt_url: str, name: str) -> None:
    async def scenario() -> None:
        await subscribed(mqtt_url, name)
        await publish(mqtt_url, name, range(50))
        first, second = Taken(), Taken()
        async with running(feed(mqtt_url, name), first):
            await until(lambda: first.has_all(50), "all 50")
            await asyncio.sleep(0.1)
        await publish(mqtt_url, name, range(50, 60))
        async with running(feed(mqtt_url, name), second):
            await until(lambda: len(second.numbers) >= 10, "the last 10")
        assert second.numbers == list(range(50, 60))

    run(scenario())


@VERSIONS
def test_nothing_is_acknowledged_of_a_batch_that_could_not_be_taken(
    mqtt_url: str, name: str, version: str
) -> None:
    async def refuse(_: Sequence[Message]) -> None:
        raise OSError("disk full")

    async def scenario() -> None:
        await subscribed(mqtt_url, name, version=version)
        await publish(mqtt_url, name, range(20))
        with pytest.raises(OSError, match="disk full"):
            await feed(mqtt_url, name, version=version).run(refuse)
        taken = Taken()
        async with running(feed(mqtt_url, name, version=version), taken):
            await until(lambda: taken.has_all(20), "all 20")

    run(scenario())


def test_the_broker_waits_while_a_batch_is_being_taken(serve: Serve, unique: str) -> None:
    server, url = serve("max_inflight_messages 0")
    server.start()
    going_on = asyncio.Event()
    taken = Taken()

    async def take(messages: Sequence[Message]) -> None:
        await going_on.wait()
        await taken(messages)

    async def scenario() -> None:
        await subscribed(url, unique)
        await publish(url, unique, range(100))
        async with running(feed(url, unique, batch=30), take):
            await asyncio.sleep(0.3)
            going_on.set()
            await until(lambda: taken.has_all(100), "all 100")
        # No more than a batch was ever under way: what came first is whole, and nothing came beside it.
        assert len(taken.batches[0]) <= 30
        assert taken.numbers == list(range(100))

    run(scenario())


@VERSIONS
def test_a_cut_in_the_middle_of_a_burst_loses_nothing(serve: Serve, unique: str, version: str) -> None:
    server, url = serve()
    server.start()

    async def scenario(proxy: TcpProxy) -> None:
        taken = Taken()
        cuts = iter((500, 1500))
        due = next(cuts)

        async def take(messages: Sequence[Message]) -> None:
            nonlocal due
            await taken(messages)
            if len(taken.numbers) >= due:
                due = next(cuts, 1 << 30)
                proxy.cut()
                asyncio.get_running_loop().call_later(0.2, proxy.heal)

        reading = feed(f"mqtt://127.0.0.1:{proxy.port}", unique, version=version)
        async with running(reading, take):
            await until(lambda: not reading.fault, "subscribed")
            await publish(url, unique, range(3000))
            await until(lambda: taken.has_all(3000), "all 3000")
        assert due == 1 << 30

    with TcpProxy(*host_and_port(url)) as proxy:
        run(scenario(proxy))


def test_a_killed_broker_comes_back_and_nothing_is_lost(serve: Serve, unique: str, tmp_path: Path) -> None:
    server, url = serve()
    server.start()
    taken = Taken()

    async def take(messages: Sequence[Message]) -> None:
        await taken(messages)
        if len(taken.batches) == 5:
            server.kill()

    async def scenario() -> None:
        await subscribed(url, unique)
        await publish(url, unique, range(500))
        server.tell(signal.SIGUSR1)  # what Mosquitto has is in its file from now on
        await until((tmp_path / "mosquitto.db").exists, "the file")
        reading = feed(url, unique, batch=50)
        async with running(reading, take):
            await until(lambda: len(taken.batches) >= 5 and reading.fault, "the fault")
            server.start()
            await until(lambda: taken.has_all(500), "all 500")

    run(scenario())


def test_a_process_that_is_killed_before_the_acknowledgement_leaves_the_messages_to_the_next(
    mqtt_url: str, name: str
) -> None:
    async def scenario() -> None:
        options: dict[str, object] = {"server": mqtt_url, "topics": [f"{name}/#"]}
        await subscribed(mqtt_url, name)
        await publish(mqtt_url, name, range(100))
        assert await asyncio.to_thread(die_after_take, "mqtt", name, options)
        taken = Taken()
        async with running(feed(mqtt_url, name), taken):
            await until(lambda: taken.has_all(100), "all 100")

    run(scenario())


def test_a_broker_that_is_down_at_the_start_is_told_and_read_once_it_is_up(serve: Serve, unique: str) -> None:
    server, url = serve()

    async def scenario() -> None:
        reading, taken = feed(url, unique), Taken()
        async with running(reading, taken):
            await until(lambda: "Connection refused" in reading.fault, "the fault")
            server.start()
            await until(lambda: not reading.fault, "subscribed")
            await publish(url, unique, range(1))
            await until(lambda: taken.has_all(1), "the message")

    run(scenario())


@VERSIONS
def test_wrong_credentials_are_told_without_them(serve: Serve, unique: str, version: str) -> None:
    server, url = serve(anonymous=False)
    server.start()

    async def scenario() -> None:
        reading = feed(url, unique, user="worker", password=SECRET, version=version)
        async with running(reading, Taken()):
            await until(lambda: "refuses the credentials" in reading.fault, "the fault")
        assert SECRET not in reading.fault + repr(reading)

    run(scenario())


def test_a_second_reader_of_the_same_name_is_told(mqtt_url: str, name: str) -> None:
    async def scenario() -> None:
        one, other = feed(mqtt_url, name), feed(mqtt_url, name)
        async with running(one, Taken()):
            await until(lambda: not one.fault, "subscribed")
            async with running(other, Taken()):
                await until(lambda: "the same identifier" in one.fault + other.fault, "the fault")

    run(scenario())


def test_a_broker_with_a_certificate_of_its_own_is_believed_only_with_its_authority(
    serve: Serve, unique: str, tmp_path: Path
) -> None:
    certificate, key = own_certificate(tmp_path)
    server, url = serve(f"certfile {certificate}\nkeyfile {key}")
    server.start()

    async def scenario() -> None:
        doubting, believing = feed(url, unique, tls={}), feed(url, f"{unique}b", tls={"ca": certificate})
        async with running(doubting, Taken()), running(believing, Taken()):
            await until(lambda: "certificate" in doubting.fault, "refused")
            await until(lambda: not believing.fault, "let in")

    run(scenario())


@pytest.mark.long
def test_a_broker_that_falls_silent_is_told_and_left(serve: Serve, unique: str) -> None:
    server, url = serve()
    server.start()

    async def scenario(proxy: TcpProxy) -> None:
        reading, taken = feed(f"mqtt://127.0.0.1:{proxy.port}", unique), Taken()
        async with running(reading, taken):
            await until(lambda: not reading.fault, "subscribed")
            proxy.stall()
            await until(lambda: reading.fault, "the fault", 45)
            proxy.heal()
            await publish(url, unique, range(10))
            await until(lambda: taken.has_all(10), "all 10")

    with TcpProxy(*host_and_port(url)) as proxy:
        run(scenario(proxy))


@pytest.mark.parametrize(
    "options",
    [{"password": SECRET}, {"topics": ["#/rows"]}, {"tls": {"certificate": Path("/nowhere")}}],
)
def test_options_that_make_no_sense_are_refused_with_a_hint(options: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refused:
        feed("mqtt://127.0.0.1:1883", "name", **options)
    assert SECRET not in str(refused.value)
    assert refused.value.hint
