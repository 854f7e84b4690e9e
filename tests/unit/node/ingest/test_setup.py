"""From node.toml and a declaration to the ways in: what fits, and what is refused with file, line and key."""

from pathlib import Path

import pytest
from tests.unit.chain.log_chain import PUT

from worknet.config import ConfigFileError, NodeConfig
from worknet.node.ingest.setup import Outside
from worknet.node.journal import Journal
from worknet.protocol.columns import Column
from worknet.workflow import Dataset, Declaration, Table
from worknet.workflow.triggers import Every, OnLog, OnMessage, OnPoll, OnWebhook, Trigger

NODE = """
[node]
name = "alpha"
data_dir = "data"
network = "network.toml"
trigger_key = { file = "trigger-key" }

[chain]
rpc = "http://127.0.0.1:8545"

[key]
keystore = "worker.json"
password = { file = "password" }

"""
NATS = 'source = "nats"\nservers = ["nats://127.0.0.1:1"]\nstream = "S"\n'
MQTT = 'source = "mqtt"\nserver = "mqtt://127.0.0.1:1"\ntopics = ["a"]\n'
RABBITMQ = 'source = "rabbitmq"\nserver = "amqp://127.0.0.1:1"\nqueue = "q"\n'
KAFKA = 'source = "kafka"\nservers = ["kafka://127.0.0.1:1"]\ntopic = "t"\n'
REDIS = 'source = "redis"\nserver = "redis://127.0.0.1:1"\nstream = "s"\n'
HTTP = 'source = "http"\nurl = "http://127.0.0.1:1/assets"\n'
SQL = 'source = "sql"\npath = "assets.db"\nstatement = "select batch from assets"\n'
WEBHOOK = 'source = "webhook"\nsecrets = [{ file = "secret" }]\n'
LOG = f"""source = "log"
rpc = "http://127.0.0.1:1"
chain_id = 246
contract = "0x{"5e" * 20}"
confirmations = 12
first_block = 0
"""
MESSAGE, CALL, POLL, PUTS = (
    OnMessage("ready", "batch"),
    OnWebhook("order"),
    OnPoll("asset", "batch", every=60),
    OnLog("put", PUT),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("trigger-key", "0b" * 32), ("secret", "s" * 32), ("short", "s")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def declared(trigger: Trigger, *more: str) -> Declaration:
    columns = [Column(name, "bytes" if name == "key" else "str") for name in ("batch", *more)]
    name = "readings" if isinstance(trigger, Every) else "event"
    return Declaration(
        "billing", trigger, (Dataset(name, columns, ["batch"]),), (Table("t", columns, ["batch"]),)
    )


def outside(folder: Path, journal: Journal, text: str, declaration: Declaration) -> Outside:
    (folder / "node.toml").write_text(NODE + text)
    outside = Outside(NodeConfig.load(folder / "node.toml"), journal, b"\xab" * 20)
    outside.add("billing", declaration)
    return outside


def trigger(text: str) -> str:
    return f"[workflows.billing.trigger]\n{text}"


def dataset(text: str) -> str:
    return f'[workflows.billing.datasets.readings]\ntime_column = "at"\n{text}'


@pytest.mark.parametrize(
    ("text", "on", "kind"),
    [
        (trigger(NATS), MESSAGE, "nats"),
        (trigger(MQTT), MESSAGE, "mqtt"),
        (trigger(RABBITMQ), MESSAGE, "rabbitmq"),
        (trigger(KAFKA), MESSAGE, "kafka"),
        (trigger(REDIS), MESSAGE, "redis"),
        (trigger(HTTP), POLL, "poll"),
        (trigger(SQL), POLL, "poll"),
        (trigger(LOG + 'columns = { batch = "transaction" }'), PUTS, "log"),
        (dataset(NATS), Every(3600), "nats"),
        (dataset(MQTT), Every(3600), "mqtt"),
        (dataset(RABBITMQ), Every(3600), "rabbitmq"),
        (dataset(KAFKA), Every(3600), "kafka"),
        (dataset(REDIS), Every(3600), "redis"),
    ],
)
def test_each_way_in_is_an_inlet_that_is_not_connected_yet(
    folder: Path, journal: Journal, text: str, on: Trigger, kind: str
) -> None:
    (state,) = outside(folder, journal, text, declared(on)).ingest().state()
    assert (state.workflow, state.kind, "not connected yet" in state.fault) == ("billing", kind, True)
    assert state.name == ("readings" if isinstance(on, Every) else "event")


def test_a_webhook_is_a_route_and_no_inlet(folder: Path, journal: Journal) -> None:
    ways = outside(folder, journal, trigger(WEBHOOK), declared(CALL))
    assert [route.path for route in ways.routes()] == ["/hooks/{workflow}"]
    assert ways.ingest().state() == ()


def test_without_webhooks_there_is_no_route(folder: Path, journal: Journal) -> None:
    assert outside(folder, journal, trigger(NATS), declared(MESSAGE)).routes() == []


def test_what_a_broker_brings_is_a_source_of_its_dataset(folder: Path, journal: Journal) -> None:
    (folder / "node.toml").write_text(NODE + dataset(NATS))
    ways = Outside(NodeConfig.load(folder / "node.toml"), journal, b"\xab" * 20)
    assert set(ways.add("billing", declared(Every(3600)))) == {"readings"}


@pytest.mark.parametrize(
    ("text", "on", "key"),
    [
        ("[workflows.billing]", MESSAGE, "workflows.billing.trigger"),
        (trigger(HTTP), MESSAGE, "workflows.billing.trigger.source"),
        (trigger(NATS), POLL, "workflows.billing.trigger.source"),
        (trigger(HTTP.replace("assets", "{start}")), POLL, "workflows.billing.trigger"),
        (trigger(SQL.replace('assets"', 'assets where t > :start"')), POLL, "workflows.billing.trigger"),
        (trigger(NATS) + dataset(NATS), Every(3600), "workflows.billing.trigger"),
        (trigger(NATS + 'columns = { other = "x" }'), MESSAGE, "workflows.billing.trigger.columns"),
        (trigger(WEBHOOK.replace('"secret"', '"short"')), CALL, "workflows.billing.trigger.secrets"),
        (trigger(LOG), PUTS, "workflows.billing.trigger.columns"),
        (trigger(LOG), OnLog("put", "Put(nothing x)"), "workflows.billing.trigger"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_key(
    folder: Path, journal: Journal, text: str, on: Trigger, key: str
) -> None:
    with pytest.raises(ConfigFileError) as caught:
        outside(folder, journal, text, declared(on))
    assert caught.value.problems[0].key == key
    assert caught.value.problems[0].right


def test_a_workflow_of_events_needs_the_members_trigger_key(folder: Path, journal: Journal) -> None:
    text = (NODE + trigger(NATS)).replace('trigger_key = { file = "trigger-key" }', "")
    (folder / "node.toml").write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        Outside(NodeConfig.load(folder / "node.toml"), journal, b"\xab" * 20).add(
            "billing", declared(MESSAGE)
        )
    assert caught.value.problems[0].key == "node.trigger_key"


def test_a_brokers_dataset_of_a_workflow_of_events_is_refused(folder: Path, journal: Journal) -> None:
    event = Dataset("event", [Column("batch", "str")], ["batch"])
    readings = Dataset("readings", [Column("batch", "str")], ["batch"])
    table = Table("t", [Column("batch", "str")], ["batch"])
    declaration = Declaration("billing", MESSAGE, (event, readings), (table,))
    with pytest.raises(ConfigFileError) as caught:
        outside(folder, journal, trigger(NATS) + dataset(NATS), declaration)
    assert caught.value.problems[0].key == "workflows.billing.datasets.readings"
