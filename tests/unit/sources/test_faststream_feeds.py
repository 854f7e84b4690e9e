"""RabbitMQ, Kafka and Redis as feeds, without a server: what is refused at once, loaded, and told."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from tests.feeding import running, until

from worknet.sources.errors import RefusedError
from worknet.sources.feed import Feed, feed_from

OPTIONS: dict[str, dict[str, object]] = {
    "rabbitmq": {"server": "amqp://host.example:5672", "queue": "q"},
    "kafka": {"servers": ("kafka://host.example:9092",), "topic": "t"},
    "redis": {"server": "redis://host.example:6379", "stream": "s"},
}
KINDS = list(OPTIONS)


def feed(kind: str, **options: object) -> Feed:
    return feed_from(kind, "alpha", **(OPTIONS[kind] | options))


@pytest.mark.parametrize("kind", KINDS)
def test_a_feed_that_does_not_run_tells_where_it_will_connect(kind: str) -> None:
    assert "host.example" in feed(kind).fault
    assert "not connected yet" in feed(kind).fault


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_without_a_password_is_refused(kind: str) -> None:
    with pytest.raises(RefusedError, match="without a password"):
        feed(kind, user="u")


@pytest.mark.parametrize("kind", KINDS)
def test_certificates_that_cannot_be_read_are_refused_at_once(kind: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="certificates"):
        feed(kind, tls={"ca": tmp_path / "missing.pem"})


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_of_a_feed_holds_its_password(kind: str) -> None:
    made = feed(kind, user="u", password="s3cret")
    assert "s3cret" not in f"{made!r} {made} {made.fault}"


@pytest.mark.parametrize(
    ("kind", "library"), [("rabbitmq", "aio_pika"), ("kafka", "aiokafka"), ("redis", "redis")]
)
def test_a_library_that_is_not_installed_is_named_with_what_installs_it(
    kind: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*sys.modules]:
        if name == f"worknet.sources.{kind}" or name.partition(".")[0] == library:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Without(library), *sys.meta_path])
    with pytest.raises(RefusedError, match=f"the library {library} is not installed") as refused:
        feed(kind)
    assert refused.value.hint == f"pip install 'worknet[{kind}]'"


def test_no_library_of_a_broker_is_loaded_before_a_feed_of_it_is_made() -> None:
    libraries = {"faststream", "aio_pika", "aiokafka", "redis"}
    code = f"import sys, worknet.sources, worknet.sources.feed; print({libraries} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\2\0\0", b"AMQP\0\0\0\0", b"", bytes(range(256)) * 16],
)
def test_a_server_that_speaks_something_else_is_told_and_asked_again(kind: str, answer: bytes) -> None:
    asked = 0

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async def take(_: object) -> None:
        raise AssertionError

    async def scenario() -> None:
        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        where = {"servers": [f"kafka://{address}"]} if kind == "kafka" else {"server": f"x://{address}"}
        made = feed(kind, **where)
        async with server, running(made, take):
            await until(lambda: asked > 2, "it is asked again")
            assert made.fault.partition(f"{address}: ")[2] not in {"", "not connected yet"}

    asyncio.run(scenario())


class _Without:
    """As if a library were not installed."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == self._library:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
