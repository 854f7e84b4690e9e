"""What is around a worker is put together from its configuration, and every misfit is refused at its key."""

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
import structlog
from starlette.responses import Response
from starlette.routing import Route
from tests.unit.node.operations.test_admin import Worker

from worknet.config import ConfigError, NodeConfig
from worknet.network.local import free_port
from worknet.node.operations.logs import open_log
from worknet.node.operations.operating import operated

KEY = "k" * 32
NODE = """
[node]
name = "alpha"
data_dir = "."
network = "network.toml"
[chain]
rpc = "http://127.0.0.1:8545"
[key]
keystore = "worker.json"
password = { file = "worker.password" }
[log]
file = "worker.log"
"""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers = list(logging.getLogger().handlers)
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers


def around(
    folder: Path, more: str, *routes: Route, public: Sequence[Route] = ()
) -> AbstractContextManager[None]:
    file = folder / "node.toml"
    file.write_text(NODE + more)
    config = NodeConfig.load(file)
    log = open_log(config)
    log.use()
    worker = Worker()
    return operated(config, log, worker, worker, routes, public)


def listening(port: int) -> str:
    return f'[http]\nlisten = "127.0.0.1:{port}"\n'


def with_key(folder: Path, key: str = KEY) -> str:
    (folder / "admin.key").write_text(key)
    (folder / "admin.key").chmod(0o600)
    return '[admin]\nkey = { file = "admin.key" }\n'


def test_a_worker_answers_while_it_is_operated_and_no_longer(tmp_path: Path) -> None:
    port = free_port()
    with around(tmp_path, listening(port) + with_key(tmp_path)):
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        answer = httpx.get(
            f"http://127.0.0.1:{port}/admin/status", headers={"authorization": f"Bearer {KEY}"}
        )
        assert answer.json()["disk_free"] > 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/healthz")


def test_what_is_told_is_counted(tmp_path: Path) -> None:
    port = free_port()
    with around(tmp_path, listening(port)):
        structlog.get_logger().info("ballot.cast", workflow="hourly")
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert 'worknet_transactions_total{action="cast",outcome="sent"} 1.0' in text


def test_without_a_key_there_is_no_admin_api(tmp_path: Path) -> None:
    port = free_port()
    with around(tmp_path, listening(port)):
        assert httpx.get(f"http://127.0.0.1:{port}/admin/status").status_code == 404


def test_a_worker_that_listens_nowhere_is_watched_all_the_same(tmp_path: Path) -> None:
    with around(tmp_path, ""):
        structlog.get_logger().info("worker.started")
    assert "worker.started" in (tmp_path / "worker.log").read_text()


def refused(folder: Path, more: str, *routes: Route) -> str:
    with pytest.raises(ConfigError) as caught, around(folder, more, *routes):
        pytest.fail("it was not refused")
    return f"{caught.value} - {caught.value.hint}"


def test_a_key_without_a_place_to_listen_is_refused(tmp_path: Path) -> None:
    assert "admin: has a key, but the worker listens nowhere" in refused(tmp_path, with_key(tmp_path))


def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, listening(free_port()) + with_key(tmp_path, "s3cret"))
    assert "admin.key: is too short" in said
    assert "openssl rand -hex 32" in said
    assert "s3cret" not in said


def test_a_webhook_without_a_place_to_listen_is_refused(tmp_path: Path) -> None:
    hook = Route("/hooks/orders", lambda _: None)
    assert "http: is missing, but a workflow's trigger is a webhook" in refused(tmp_path, "", hook)


def test_a_port_in_use_is_refused_at_its_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = refused(tmp_path, listening(other.getsockname()[1]))
    assert "http.listen: cannot listen on 127.0.0.1" in said


def publishing(port: int) -> str:
    return f'[publishing]\nfolder = "published"\nlisten = "127.0.0.1:{port}"\n'


def test_the_public_is_answered_on_a_port_of_its_own_and_about_nothing_else(tmp_path: Path) -> None:
    inside, outside = free_port(), free_port()
    public = Route("/published", lambda _: Response("public"))
    with around(tmp_path, listening(inside) + with_key(tmp_path) + publishing(outside), public=[public]):
        assert httpx.get(f"http://127.0.0.1:{outside}/published").text == "public"
        for path in ("healthz", "readyz", "metrics", "admin/status"):
            assert httpx.get(f"http://127.0.0.1:{outside}/{path}").status_code == 404
        assert httpx.get(f"http://127.0.0.1:{inside}/published").status_code == 404
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{outside}/published")


def test_a_public_port_in_use_is_refused_at_its_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = refused(tmp_path, publishing(other.getsockname()[1]))
    assert "publishing.listen: cannot listen on 127.0.0.1" in said


def test_an_alert_s_channel_that_cannot_be_read_frees_the_port_again(tmp_path: Path) -> None:
    port = free_port()
    refused(tmp_path, listening(port) + '[alerts]\nurls = [{ file = "none" }]\n')
    socket.create_server(("127.0.0.1", port)).close()
