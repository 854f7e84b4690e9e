"""Datasets that brokers bring, to each company in its own order: what all vote on is the same, and whole."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish as paho
from tests.arrivals import Company, publish, streams, unacknowledged, until
from tests.feeding import forget
from tests.proxy import TcpProxy
from tests.services import host_and_port

from worknet.node.journal.inbox import Inbox
from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Salter
from worknet.sources.errors import UnavailableError
from worknet.sources.occasion import Occasion
from worknet.workflow import Dataset, Declaration, Table
from worknet.workflow.roots import commit_inputs
from worknet.workflow.triggers import Every

pytestmark = pytest.mark.long

NOW = 1_700_006_400
"""The end of a slot."""
COLUMNS = [Column("meter", "str"), Column("at", "int"), Column("price", "decimal", digits=2)]
DECLARATION = Declaration(
    "matching",
    Every(3600),
    (Dataset("readings", COLUMNS, ["meter", "at"]),),
    (Table("result", COLUMNS, ["meter"]),),
)
SALTER = Salter(b"\x0d" * 32, b"\x0e" * 32, 1)


def company(folder: Path, number: int, url: str, stream: str, more: str = "") -> Company:
    section = f"""
[workflows.matching.datasets.readings]
source = "nats"
servers = ["{url}"]
stream = "{stream}"
batch = 50
time_column = "at"
{more}
"""
    return Company(folder / str(number), number, DECLARATION, section, lambda: NOW)


def reading(meter: int, at: int, price: str = "1.50") -> bytes:
    return json.dumps({"meter": f"m{meter}", "at": at, "price": price}).encode()


def root(company: Company, start: int, attempt: int = 1) -> bytes:
    """The input root of a window, as a voting's attempt would commit to it, once the feed has caught up."""
    occasion = Occasion(window=Window(start, start + 3600), attempt=attempt)
    end = time.monotonic() + 30
    while True:
        try:
            frame = company.sources["readings"].read(occasion)
        except UnavailableError:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return commit_inputs(DECLARATION, {"readings": frame}, SALTER).root


def test_two_companies_with_the_same_messages_in_other_orders_have_the_same_inputs(
    nats_url: str, unique: str, tmp_path: Path
) -> None:
    windows = [NOW - 7200, NOW - 3600]
    messages = [reading(meter, start + 60 * meter) for start in windows for meter in range(30)] + [
        json.dumps([json.loads(reading(meter, NOW - 7)) for meter in range(30, 40)]).encode()
    ]
    # Of some keys there are other contents, which come before the first ones at one company or the other.
    messages += [
        reading(meter, windows[0] + 60 * meter, price) for meter in range(9) for price in ("1.40", "9.00")
    ]
    dice = random.Random(4)
    names = [f"{unique}a", f"{unique}b"]
    host, port = host_and_port(nats_url)
    with streams(nats_url, *names), TcpProxy(host, port) as proxy:
        companies = [
            company(tmp_path, 1, nats_url, names[0]),
            company(tmp_path, 2, f"nats://127.0.0.1:{proxy.port}", names[1]),
        ]
        for name in names:
            shuffled = [*messages, *dice.choices(messages, k=200), b"no JSON", b"{}"]
            dice.shuffle(shuffled)
            publish(nats_url, name, shuffled)
        first, second = companies
        with first.ingesting(), second.ingesting() as ingest:
            until(lambda: unacknowledged(nats_url, names[1]) < 250, "the second company has some")
            proxy.cut()
            until(lambda: ingest.state()[0].fault, "the cut is seen")
            proxy.heal()
            # What lost its acknowledgement to the cut comes again later: rows are counted instead.
            until(lambda: first.rows() == second.rows() == 70, "all rows are there")
            until(lambda: not ingest.state()[0].fault, "the feed is back")
            roots = [[root(each, start) for start in windows] for each in companies]
    assert roots[0] == roots[1]
    assert len(set(roots[0])) == 2
    for each in companies:
        each.journal.close()


def test_what_comes_late_changes_the_second_attempt_only(nats_url: str, unique: str, tmp_path: Path) -> None:
    with streams(nats_url, unique):
        one = company(tmp_path, 1, nats_url, unique)
        publish(nats_url, unique, [reading(1, NOW - 1)])
        with one.ingesting() as ingest:
            until(lambda: not ingest.state()[0].fault, "the feed is connected")
            until(lambda: not unacknowledged(nats_url, unique), "the first is there")
            before = root(one, NOW - 3600)
            publish(nats_url, unique, [reading(2, NOW - 1)])
            until(lambda: not unacknowledged(nats_url, unique), "the late one is there")
            assert root(one, NOW - 3600) == before
            assert root(one, NOW - 3600, attempt=2) != before
    one.journal.close()


def test_companies_that_read_other_contents_under_a_key_agree_in_the_attempt_after_all_have_come(
    nats_url: str, unique: str, tmp_path: Path
) -> None:
    names = [f"{unique}a", f"{unique}b"]
    contents = [reading(1, NOW - 1, "2.00"), reading(1, NOW - 1, "1.00")]
    with streams(nats_url, *names):
        companies = [company(tmp_path, number, nats_url, name) for number, name in enumerate(names)]
        with companies[0].ingesting() as ingest, companies[1].ingesting() as other:
            until(lambda: not (ingest.state()[0].fault or other.state()[0].fault), "both are connected")
            roots = []
            for attempt, order in ((1, contents), (2, contents[::-1])):
                for name, content in zip(names, order, strict=True):
                    publish(nats_url, name, [content])
                until(lambda: not any(unacknowledged(nats_url, name) for name in names), "all is there")
                roots.append([root(each, NOW - 3600, attempt) for each in companies])
            again = [root(each, NOW - 3600, 1) for each in companies]
    assert roots[0][0] != roots[0][1]
    assert roots[1][0] == roots[1][1]
    assert again == roots[0]
    for each in companies:
        each.journal.close()


@pytest.mark.long
def test_what_piled_up_at_an_mqtt_broker_is_all_there_when_its_window_is_read(
    mqtt_url: str, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = host_and_port(mqtt_url)
    section = f"""
[workflows.matching.datasets.readings]
source = "mqtt"
server = "{mqtt_url}"
topics = ["{unique}"]
consumer = "{unique}"
version = "3.1.1"
time_column = "at"
"""
    one, take = Company(tmp_path, 1, DECLARATION, section, lambda: NOW), Inbox.take

    def slow(*arguments: Any, **more: Any) -> Any:
        # By that version Mosquitto sends 20 messages at once, no full batch; the three take longer than 2 s.
        time.sleep(1)
        return take(*arguments, **more)

    with one.ingesting() as ingest:
        until(lambda: not ingest.state()[0].fault, "the broker knows the reader")
    readings = [{"topic": unique, "qos": 1, "payload": reading(meter, NOW - 1)} for meter in range(50)]
    paho.multiple(readings, host, port)
    monkeypatch.setattr(Inbox, "take", slow)
    try:
        with one.ingesting():
            root(one, NOW - 3600)
            rows = one.sources["readings"].read(Occasion(window=Window(NOW - 3600, NOW), attempt=1))
    finally:
        forget(mqtt_url, unique)
        one.journal.close()
    assert rows.height == 50


def test_nothing_is_lost_where_a_worker_stops_in_the_middle(
    nats_url: str, unique: str, tmp_path: Path
) -> None:
    messages = [reading(meter, NOW - 1) for meter in range(2000)]
    with streams(nats_url, unique):
        one = company(tmp_path, 1, nats_url, unique, 'complete = "marker"')
        publish(nats_url, unique, [*messages, b'{"end_of": %d}' % NOW])
        with one.ingesting():
            until(lambda: unacknowledged(nats_url, unique) < 1900, "some are there")
        left = unacknowledged(nats_url, unique)
        kept = len(one.journal.inbox.read("matching", "readings", NOW - 3600, 99))
        kept += one.journal.inbox.is_marked("matching", "readings", NOW - 3600)
        # What is journalled when a worker stops is acknowledged, so nothing of it comes again.
        assert kept + left == 2001
        with one.ingesting():
            until(lambda: not unacknowledged(nats_url, unique), "all is acknowledged")
            rows = one.sources["readings"].read(Occasion(window=Window(NOW - 3600, NOW), attempt=100))
    assert rows.height == 2000
    one.journal.close()
