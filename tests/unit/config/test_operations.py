"""The sections by which a worker is operated: what they take, and what they refuse in which words."""

from pathlib import Path

import pytest

from worknet.config import ConfigError, NodeConfig
from worknet.node.operations.events import EVENTS

NODE = """
[node]
name = "alpha"
data_dir = "data"
network = "network.toml"
[chain]
rpc = "http://127.0.0.1:8545"
[key]
keystore = "worker.json"
password = { file = "worker.password" }
"""


def load(folder: Path, more: str) -> NodeConfig:
    file = folder / "node.toml"
    file.write_text(NODE + more)
    return NodeConfig.load(file)


def test_without_its_sections_a_worker_listens_nowhere_and_alerts_nobody(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    assert (config.http, config.admin, config.alerts) == (None, None, None)
    assert (config.log.file, config.log.level) == (None, "info")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:9464", "127.0.0.1", 9464), ("[::1]:80", "::1", 80), ("0.0.0.0:65535", "0.0.0.0", 65_535)],
)
def test_a_worker_listens_on_an_address_and_a_port(tmp_path: Path, text: str, host: str, port: int) -> None:
    config = load(tmp_path, f'[http]\nlisten = "{text}"')
    assert config.http is not None
    assert config.http.listen == (host, port)


@pytest.mark.parametrize(
    "text",
    ["9464", "localhost:9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "1.2.3:80", "[::g]:80", ""],
)
def test_what_is_no_address_and_port_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"http.listen: .* is no address to listen on") as caught:
        load(tmp_path, f'[http]\nlisten = "{text}"')
    assert "127.0.0.1:9464" in caught.value.hint


def test_keys_and_channels_are_references(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"admin.key: is a string, not a reference to a secret"):
        load(tmp_path, '[admin]\nkey = "s3cret"')
    with pytest.raises(ConfigError, match="is a string, not a reference to a secret") as caught:
        load(tmp_path, '[alerts]\nurls = ["mailto://user:pass@host"]')
    assert "pass" not in str(caught.value)


def test_an_event_that_no_alert_is_sent_about_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is none of the values it may have"):
        load(tmp_path, '[alerts]\nurls = [{ file = "u" }]\non = ["ballot.cast"]')


def test_alerts_are_about_events_that_are_told(tmp_path: Path) -> None:
    config = load(tmp_path, '[alerts]\nurls = [{ file = "u" }]')
    assert config.alerts is not None
    assert set(config.alerts.on) <= EVENTS.keys()


def test_the_log_s_file_stands_beside_the_configuration(tmp_path: Path) -> None:
    config = load(tmp_path, '[log]\nfile = "worker.log"\nmax_size = "1MiB"\nkeep = 3\nlevel = "debug"')
    assert (config.log.file, config.log.max_size) == (tmp_path / "worker.log", 1 << 20)


def test_a_level_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"log.level: is none of the values"):
        load(tmp_path, '[log]\nlevel = "loud"')
