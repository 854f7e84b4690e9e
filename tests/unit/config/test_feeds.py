"""Brokers in node.toml: their options reach the feed, addresses hold no secrets, nonsense is refused."""

from pathlib import Path
from typing import Any

import pytest

from worknet.config import ConfigFileError, NodeConfig
from worknet.sources.feed import feed_from

HEAD = """
[node]
name = "alpha"
data_dir = "data"
network = "network.toml"

[chain]
rpc = "http://127.0.0.1:8545"

[key]
keystore = "worker.json"
password = { env = "WORKER_PASSWORD" }

[workflows.w.datasets.d]
time_column = "at"
"""
RABBITMQ = 'source = "rabbitmq"\nserver = "amqp://host:5672"\nqueue = "q"\n'
KAFKA = 'source = "kafka"\nservers = ["kafka://one:9092", "kafka://two:9092"]\ntopic = "t"\n'
REDIS = 'source = "redis"\nserver = "redis://host:6379"\nstream = "s"\n'


def dataset(folder: Path, text: str) -> Any:
    file = folder / "node.toml"
    file.write_text(HEAD + text)
    return NodeConfig.load(file).workflows["w"].datasets["d"]


@pytest.mark.parametrize("text", [RABBITMQ, KAFKA, REDIS])
def test_a_section_has_what_its_feed_takes(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_PASSWORD", "s3cret")
    section = dataset(tmp_path, text + 'user = "u"\npassword = { env = "BROKER_PASSWORD" }\n')
    feed = feed_from(section.source, "name", **section.options())
    assert "not connected yet" in feed.fault
    assert "s3cret" not in f"{section!r} {feed!r} {feed.fault}"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (RABBITMQ.replace("host", "u:s3cret@host"), "user"),
        (RABBITMQ.replace("5672", "5672/vhost"), "more than a server"),
        (RABBITMQ + 'exchange = "e"\nbinding = "b"\n', "binding"),
        (RABBITMQ + 'declare = true\nbinding = "b"\n', "binding"),
        (KAFKA.replace("kafka://one", "one"), "kafka://"),
        (KAFKA.replace('"t"', '"a topic"'), "topic"),
        (KAFKA + 'mechanism = "GSSAPI"\n', "mechanism"),
        (REDIS.replace("6379", "6379/1"), "more than a server"),
        (REDIS + "database = -1\n", "database"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(ConfigFileError, match=wrong) as refused:
        dataset(tmp_path, text)
    assert "s3cret" not in str(refused.value)
