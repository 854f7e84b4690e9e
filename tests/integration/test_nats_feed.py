"""NATS JetStream as a feed, against real servers: whatever is cut off or killed, nothing is lost."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nats
import nkeys
import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy
from tests.feeding import Taken, body, die_after_take, running, until
from tests.proxy import TcpProxy
from tests.services import OwnServer, free_port, host_and_port, own_certificate

from worknet.sources.errors import RefusedError
from worknet.sources.feed import Feed, Message, feed_from

pytestmark = pytest.mark.long

SECRET = "a-secret-that-nobody-may-see"
Serve = Callable[..., tuple[OwnServer, str]]


@contextlib.asynccontextmanager
async def stream(url: str, name: str, **access: Any) -> AsyncIterator[Client]:
    """A client of a server that has a stream of that name, over the subjects `<name>.>`."""
    client = await nats.connect(url, **access)
    await client.jetstream().add_stream(name=name, subjects=[f"{name}.>"])
    try:
        yield client
    finally:
        with contextlib.suppress(nats.errors.Error):
            await client.jetstream().delete_stream(name)
            await client.close()


async def publish(client: Client, name: str, numbers: range) -> None:
    """Publish a message for each number."""
    jetstream = client.jetstream()
    for number in numbers:
        await jetstream.publish_async(f"{name}.rows", body(number), wait_stall=10)
    await jetstream.publish_async_completed()


def feed(url: str, name: str, **options: Any) -> Feed:
    """A feed of the stream of that name, remembered by the same name."""
    return feed_from("nats", name, **{"servers": [url], "stream": name} | options)


def run(scenario: Awaitable[None]) -> None:
    """Run a test's scenario, for at most a minute."""
    asyncio.run(asyncio.wait_for(scenario, 60))  # type: ignore[arg-type]  # any awaitable does


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Makes NATS servers of one's own, with JetStream in a folder; not started yet."""
    command = shutil.which("nats-server", path="/usr/sbin:/usr/local/bin:/usr/bin")
    if command is None:
        pytest.skip("no nats-server to start")
    made: list[OwnServer] = []

    def make(config: str = "") -> tuple[OwnServer, str]:
        port = free_port()
        file = tmp_path / f"nats-{port}.conf"
        file.write_text(
            f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{tmp_path / str(port)}" }}\n{config}'
        )
        made.append(OwnServer([command, "-c", str(file)], port))
        return made[-1], f"nats://127.0.0.1:{port}"

    yield make
    for server in made:
        server.kill()


def test_what_is_published_is_delivered_in_order_with_its_place(nats_url: str, unique: str) -> None:
    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            reading, taken = feed(nats_url, unique), Taken()
            await publish(client, unique, range(3))
            async with running(reading, taken):
                await until(lambda: taken.has_all(3), "all 3")
                assert reading.fault == ""
            messages = [message for batch in taken.batches for message in batch]
            assert [message.body for message in messages] == [body(number) for number in range(3)]
            assert [message.where for message in messages] == [f"{unique}:{n}" for n in (1, 2, 3)]

    run(scenario())


def test_what_was_acknowledged_does_not_come_again(nats_url: str, unique: str) -> None:
    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            first, second = Taken(), Taken()
            await publish(client, unique, range(50))
            async with running(feed(nats_url, unique), first):
                await until(lambda: first.has_all(50), "all 50")
                await asyncio.sleep(0.1)
            await publish(client, unique, range(50, 60))
            async with running(feed(nats_url, unique), second):
                await until(lambda: len(second.numbers) >= 10, "the last 10")
                assert second.numbers == list(range(50, 60))

    run(scenario())


def test_a_batch_is_no_larger_than_told(nats_url: str, unique: str) -> None:
    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            taken = Taken()
            await publish(client, unique, range(100))
            async with running(feed(nats_url, unique, batch=30), taken):
                await until(lambda: taken.has_all(100), "all 100")
            assert max(map(len, taken.batches)) <= 30

    run(scenario())


def test_only_the_subject_that_was_asked_for_is_read(nats_url: str, unique: str) -> None:
    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            taken = Taken()
            await client.jetstream().publish(f"{unique}.other", body(9))
            await publish(client, unique, range(1))
            async with running(feed(nats_url, unique, subject=f"{unique}.rows"), taken):
                await until(lambda: taken.numbers, "one message")
                assert taken.numbers == [0]

    run(scenario())


def test_a_consumer_for_new_messages_leaves_out_the_old_ones(nats_url: str, unique: str) -> None:
    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            reading, taken = feed(nats_url, unique, deliver="new"), Taken()
            await publish(client, unique, range(5))
            async with running(reading, taken):
                await until(lambda: not reading.fault, "connected")
                await publish(client, unique, range(5, 6))
                await until(lambda: taken.numbers, "one message")
                assert taken.numbers == [5]

    run(scenario())


def test_a_batch_that_could_not_be_taken_comes_again_at_once(nats_url: str, unique: str) -> None:
    async def refuse(_: Sequence[Message]) -> None:
        raise OSError("disk full")

    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            await publish(client, unique, range(20))
            with pytest.raises(OSError, match="disk full"):
                await feed(nats_url, unique).run(refuse)
            taken = Taken()
            async with running(feed(nats_url, unique), taken):
                await until(lambda: taken.has_all(20), "all 20", 10)

    run(scenario())


@pytest.mark.long
def test_slow_taking_brings_no_message_twice(nats_url: str, unique: str) -> None:
    taken = Taken()

    async def slowly(messages: Sequence[Message]) -> None:
        await asyncio.sleep(2.5)
        await taken(messages)

    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            await client.jetstream().add_consumer(unique, durable_name=unique, ack_wait=1)
            await publish(client, unique, range(5))
            async with running(feed(nats_url, unique), slowly):
                await until(lambda: taken.has_all(5), "all 5")
                await asyncio.sleep(0.5)
            assert len(taken.numbers) == 5

    run(scenario())


def test_a_cut_in_the_middle_of_a_burst_loses_nothing(nats_url: str, unique: str) -> None:
    async def scenario(proxy: TcpProxy) -> None:
        taken = Taken()

        async def take(messages: Sequence[Message]) -> None:
            await taken(messages)
            if len(taken.batches) in {3, 9}:
                proxy.cut()
                asyncio.get_running_loop().call_later(0.3, proxy.heal)

        async with stream(nats_url, unique) as client:
            await client.jetstream().add_consumer(unique, durable_name=unique, ack_wait=1)
            reading = feed(f"nats://127.0.0.1:{proxy.port}", unique, batch=300)
            async with running(reading, take):
                await publish(client, unique, range(4000))
                await until(lambda: taken.has_all(4000), "all 4000")
            assert len(taken.batches) > 9

    with TcpProxy(*host_and_port(nats_url)) as proxy:
        run(scenario(proxy))


def test_a_killed_server_comes_back_and_nothing_is_lost(serve: Serve, unique: str) -> None:
    server, url = serve()
    server.start()

    async def scenario() -> None:
        taken = Taken()

        async def take(messages: Sequence[Message]) -> None:
            await taken(messages)
            if len(taken.batches) == 4:
                server.kill()

        client = await nats.connect(url)
        await client.jetstream().add_stream(name=unique, subjects=[f"{unique}.>"])
        await client.jetstream().add_consumer(unique, durable_name=unique, ack_wait=1)
        await publish(client, unique, range(3000))
        await client.close()
        reading = feed(url, unique, batch=300)
        async with running(reading, take):
            await until(lambda: len(taken.batches) >= 4 and reading.fault != "", "the fault")
            server.start()
            await until(lambda: taken.has_all(3000), "all 3000")
            assert reading.fault == ""

    run(scenario())


def test_a_process_that_is_killed_before_the_acknowledgement_leaves_the_messages_to_the_next(
    nats_url: str, unique: str
) -> None:
    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            await client.jetstream().add_consumer(unique, durable_name=unique, ack_wait=1)
            await publish(client, unique, range(100))
            options: dict[str, object] = {"servers": [nats_url], "stream": unique}
            assert await asyncio.to_thread(die_after_take, "nats", unique, options) == list(range(100))
            taken = Taken()
            async with running(feed(nats_url, unique), taken):
                await until(lambda: taken.has_all(100), "all 100")

    run(scenario())


def test_a_server_that_is_down_at_the_start_is_told_and_read_once_it_is_up(serve: Serve, unique: str) -> None:
    server, url = serve()

    async def scenario() -> None:
        reading, taken = feed(url, unique), Taken()
        async with running(reading, taken):
            await until(lambda: "connection refused" in reading.fault, "the fault")
            server.start()
            async with stream(url, unique) as client:
                await publish(client, unique, range(1))
                await until(lambda: taken.has_all(1), "all 1")

    run(scenario())


def test_a_server_that_speaks_something_else_is_told_and_tried_again(unique: str) -> None:
    greetings = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"INFO []\r\n", b"INFO {\r\n", b"\x00\xff"]
    connections = 0

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        writer.write(greetings[connections % len(greetings)])
        connections += 1
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        reading = feed(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}", unique)
        async with server, running(reading, Taken()):
            await until(lambda: connections > len(greetings), "tried again")
            assert reading.fault

    run(scenario())


@pytest.mark.parametrize("access", [{"user": "worker", "password": SECRET}, {"token": SECRET}])
def test_wrong_credentials_are_told_without_them(serve: Serve, unique: str, access: dict[str, str]) -> None:
    right = "token: right" if "token" in access else "user: worker, password: right"
    server, url = serve(f"authorization {{ {right} }}")
    server.start()

    async def scenario() -> None:
        reading = feed(url, unique, **access)
        async with running(reading, Taken()):
            await until(lambda: "refuses the credentials" in reading.fault, "the fault")
        assert SECRET not in reading.fault + repr(reading)

    run(scenario())


def test_a_worker_with_an_nkey_is_let_in(serve: Serve, unique: str) -> None:
    seed = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER)
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    server, url = serve(f"authorization {{ users: [{{ nkey: {public} }}] }}")
    server.start()

    async def scenario() -> None:
        async with stream(url, unique, nkeys_seed_str=seed.decode()) as client:
            taken = Taken()
            await publish(client, unique, range(3))
            async with running(feed(url, unique, nkey=seed.decode()), taken):
                await until(lambda: taken.has_all(3), "all 3")

    run(scenario())


@pytest.mark.long
def test_a_server_with_a_certificate_of_its_own_is_believed_only_with_its_authority(
    serve: Serve, unique: str, tmp_path: Path
) -> None:
    certificate, key = own_certificate(tmp_path)
    server, url = serve(f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}')
    server.start()

    async def scenario() -> None:
        doubting, believing = feed(url, unique, tls={}), feed(url, unique, tls={"ca": certificate})
        async with running(doubting, Taken()), running(believing, Taken()):
            await until(lambda: "TLS failed" in doubting.fault, "TLS failed")
            await until(lambda: f"no stream {unique}" in believing.fault, "let in")

    run(scenario())


@pytest.mark.parametrize("subject", [None, "{name}.rows"])
def test_the_permissions_of_the_guide_are_enough(serve: Serve, unique: str, subject: str | None) -> None:
    subject = subject and subject.format(name=unique)
    behind = f".{subject}" if subject else ""
    server, url = serve(_permissions(unique, f"$JS.API.CONSUMER.CREATE.{unique}.{unique}{behind}"))
    server.start()

    async def scenario() -> None:
        async with stream(url, unique, user="admin", password="admin") as client:
            taken = Taken()
            await publish(client, unique, range(10))
            async with running(feed(url, unique, subject=subject, user="worker", password="worker"), taken):
                await until(lambda: taken.has_all(10), "all 10")

    run(scenario())


def test_an_account_that_may_not_make_consumers_uses_the_one_that_is_there(serve: Serve, unique: str) -> None:
    server, url = serve(_permissions(unique, "nothing"))
    server.start()

    async def scenario() -> None:
        async with stream(url, unique, user="admin", password="admin") as client:
            reading, taken = feed(url, unique, user="worker", password="worker"), Taken()
            await publish(client, unique, range(10))
            async with running(reading, taken):
                await until(lambda: "it cannot be made: permissions violation" in reading.fault, "the fault")
                await client.jetstream().add_consumer(unique, durable_name=unique)
                await until(lambda: taken.has_all(10), "all 10")

    run(scenario())


def _permissions(name: str, make: str) -> str:
    publish = [f"$JS.API.CONSUMER.{act}.{name}.{name}" for act in ("INFO", "MSG.NEXT")]
    allowed = ", ".join(f'"{subject}"' for subject in (*publish, make, f"$JS.ACK.{name}.{name}.>"))
    return f"""
authorization {{ users: [
  {{ user: admin, password: admin }}
  {{ user: worker, password: worker, permissions: {{ publish: [{allowed}], subscribe: ["_INBOX.>"] }} }}
] }}"""


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"ack_policy": AckPolicy.NONE}, "ack_policy"),
        ({"ack_policy": AckPolicy.ALL}, "ack_policy"),
        ({"max_deliver": 3}, "max_deliver"),
        ({"deliver_subject": "somewhere"}, "pull consumer"),
        ({"headers_only": True}, "headers_only"),
        ({"filter_subject": "{name}.other"}, "reads {name}.other"),
    ],
)
def test_a_consumer_that_could_lose_messages_is_refused_with_a_hint(
    nats_url: str, unique: str, settings: dict[str, Any], fault: str
) -> None:
    settings = {
        name: value.format(name=unique) if isinstance(value, str) else value
        for name, value in settings.items()
    }

    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            await client.jetstream().add_consumer(unique, durable_name=unique, **settings)
            reading = feed(nats_url, unique, subject=f"{unique}.rows" if "reads" in fault else None)
            async with running(reading, Taken()):
                await until(lambda: fault.format(name=unique) in reading.fault, "the fault")
            assert "delete it" in reading.fault

    run(scenario())


def test_a_stream_that_is_deleted_is_told_and_read_again_when_it_is_back(nats_url: str, unique: str) -> None:
    async def scenario() -> None:
        async with stream(nats_url, unique) as client:
            reading, taken = feed(nats_url, unique, deliver="new"), Taken()
            async with running(reading, taken):
                await until(lambda: not reading.fault, "connected")
                await client.jetstream().delete_stream(unique)
                await until(lambda: f"no stream {unique}" in reading.fault, "the fault")
                await client.jetstream().add_stream(name=unique, subjects=[f"{unique}.>"])
                await publish(client, unique, range(10))
                await until(lambda: taken.has_all(10), "all 10")

    run(scenario())


@pytest.mark.long
def test_a_server_that_falls_silent_is_told_and_left(nats_url: str, unique: str) -> None:
    async def scenario(proxy: TcpProxy) -> None:
        async with stream(nats_url, unique) as client:
            reading, taken = feed(f"nats://127.0.0.1:{proxy.port}", unique), Taken()
            async with running(reading, taken):
                await until(lambda: not reading.fault, "connected")
                proxy.stall()
                await until(lambda: reading.fault != "", "the fault")
                proxy.heal()
                await publish(client, unique, range(10))
                await until(lambda: taken.has_all(10), "all 10", 40)

    with TcpProxy(*host_and_port(nats_url)) as proxy:
        run(scenario(proxy))


@pytest.mark.parametrize(
    "access",
    [
        {"nkey": SECRET},
        {"credentials": SECRET},
        {"credentials": f"-----BEGIN NATS USER JWT-----\\nx\\n-----BEGIN USER NKEY SEED-----\\n{SECRET}\\n"},
        {"token": SECRET, "password": SECRET},
        {"tls": {"ca": Path("/nowhere"), "certificate": None, "key": None}},
    ],
)
def test_credentials_that_cannot_be_right_are_refused_at_once(access: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refused:
        feed("nats://127.0.0.1:4222", "name", **access)
    assert SECRET not in str(refused.value)
    assert refused.value.hint
