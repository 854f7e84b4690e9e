"""Events that are logs: on a real chain in this process, through a crash, a restart and a reorganisation."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import vyper
from structlog.testing import capture_logs
from tests.unit.chain.conftest import SOURCE, Contract
from tests.unit.chain.log_chain import PUT, LogChain
from tests.unit.node.ingest.given import KEY, book

from worknet.chain.watch import EventForm, Found, LogWatch
from worknet.node.ingest.logs import LogInlet
from worknet.node.ingest.rows import RowForm
from worknet.node.ingest.writing import Writing
from worknet.node.journal import Journal
from worknet.node.journal.events import Cursor
from worknet.protocol.columns import Column
from worknet.protocol.ids import event_trigger_id
from worknet.protocol.tables import Schema
from worknet.workflow.triggers import OnLog

TRIGGER = OnLog("put", PUT)
SCHEMA = Schema(
    (
        Column("key", "bytes"),
        Column("amount", "bigint"),
        Column("block", "int"),
        Column("time", "time"),
        Column("tx", "bytes"),
        Column("index", "int"),
        Column("contract", "bytes"),
    ),
    ("tx", "index"),
)


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The tests' contract, compiled once."""
    return Contract(bytes.fromhex(vyper.compile_code(SOURCE, output_formats=["bytecode"])["bytecode"][2:]))


@pytest.fixture
def chain(tmp_path: Path, contract: Contract) -> Iterator[LogChain]:
    chain = LogChain(tmp_path / "chain", contract)
    yield chain
    chain.close()


class Watching(LogWatch):
    """Knows when there was nothing more to read, or nothing could be read."""

    def __init__(self, chain: LogChain) -> None:
        super().__init__(chain.rpc, chain.address, EventForm.parse(PUT), 0, 0)
        self.rests = threading.Event()

    def next(self, cursor: tuple[int, bytes] | None) -> Found | None:
        found = None
        try:
            found = super().next(cursor)
        finally:
            if found is None:
                self.rests.set()
        return found


def look(chain: LogChain, journal: Journal) -> LogInlet:
    """Runs an inlet until it has nothing to do or has failed."""
    watch = Watching(chain)
    form = RowForm(SCHEMA, {"tx": "transaction"})
    inlet = LogInlet(watch, chain.rpc.chain_id, book(journal, TRIGGER), form, 0.001, Writing())

    async def run() -> None:
        running = asyncio.create_task(inlet.run())
        assert await asyncio.to_thread(watch.rests.wait, 5)
        for _ in range(500):  # the word of it comes from another thread
            if not inlet.fault.endswith("not connected yet"):
                break
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
    return inlet


def watched(chain: LogChain) -> bytes:
    return Watching(chain).watched


def trigger_id(chain: LogChain, transaction: bytes, index: int) -> bytes:
    return event_trigger_id(KEY, "billing", "put", "log", chain.rpc.chain_id, "0x" + transaction.hex(), index)


def events(journal: Journal) -> set[bytes]:
    return {opened.trigger_id for opened in journal.events.open("billing")}


def test_a_log_is_an_event_with_the_id_that_the_protocol_gives_it(chain: LogChain, journal: Journal) -> None:
    transaction = chain.put_many(5, 2)
    chain.mine()
    look(chain, journal)
    assert events(journal) == {trigger_id(chain, transaction, index) for index in (0, 1)}


def test_a_logs_row_has_its_parameters_and_where_it_stands(chain: LogChain, journal: Journal) -> None:
    transaction = chain.put(5, 2**200)
    chain.mine()
    look(chain, journal)
    payload = journal.events.payload("billing", trigger_id(chain, transaction, 0))
    header = chain.rpc.header(2)
    assert header is not None
    row = json.loads(payload or b"")
    assert row.pop("time").startswith("2023-11-14T22:13:")
    assert row == {
        "amount": str(2**200),
        "block": 2,
        "contract": "0x" + chain.address.hex(),
        "index": 0,
        "key": "0x" + (5).to_bytes(32, "big").hex(),
        "tx": "0x" + transaction.hex(),
    }


def test_after_a_crash_nothing_is_missed_and_nothing_comes_twice(chain: LogChain, journal: Journal) -> None:
    sent = [chain.put(1, 1)]
    chain.mine()
    look(chain, journal)
    cursor = journal.events.cursor("billing", watched(chain))
    # The worker is down, and the chain goes on.
    sent.append(chain.put(1, 2))
    chain.mine(3)
    with capture_logs() as logs:
        look(chain, journal)
    assert [told["event"] for told in logs] == ["event.seen"]
    assert events(journal) == {trigger_id(chain, transaction, 0) for transaction in sent}
    assert cursor is not None
    assert journal.events.cursor("billing", watched(chain)) == Cursor(
        watched(chain),
        cursor.block + 3,
        chain.rpc.headers([cursor.block + 3])[0].hash,  # type: ignore[union-attr]  # it is there
    )


def test_a_chain_that_changed_deeper_than_the_confirmations_is_told(
    chain: LogChain, journal: Journal
) -> None:
    chain.put(1, 1)
    chain.mine(2)
    look(chain, journal)
    journal.events.take("billing", [], cursor=Cursor(watched(chain), 2, b"\xee" * 32))
    with capture_logs() as logs:
        look(chain, journal)
    assert [told["event"] for told in logs] == ["log.reorganised", "event.duplicates"]
    assert len(events(journal)) == 1


def test_a_log_that_does_not_fit_the_row_is_set_aside_and_the_rest_goes_on(
    chain: LogChain, journal: Journal
) -> None:
    small = Schema((Column("amount", "int"),), ("amount",))
    chain.put(1, 2**200)
    fits = chain.put(1, 7)
    chain.mine()
    form = RowForm(small)
    watch = LogWatch(chain.rpc, chain.address, EventForm.parse(PUT), 0, 0)
    inlet = LogInlet(watch, chain.rpc.chain_id, book(journal, TRIGGER), form, 3600, Writing())
    found = watch.next(None)
    assert found is not None
    inlet._journal(found, None)
    assert events(journal) == {trigger_id(chain, fits, 0)}
    (aside,) = journal.inbox.asides("billing", "event")
    assert aside.reason == "column amount: an integer of 2^53 or more"


def test_an_rpc_that_is_down_is_a_fault(chain: LogChain, journal: Journal) -> None:
    chain.rpc.chain_id += 1
    assert "chain id" in look(chain, journal).fault
