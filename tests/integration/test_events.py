"""The same event at two companies, in any order and number, is the same voting: by NATS, by poll, by log."""

import json
import random
from pathlib import Path

import pytest
import vyper
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.arrivals import Company, publish, streams, unacknowledged, until
from tests.unit.chain.conftest import SOURCE, Contract
from tests.unit.chain.log_chain import PUT, SIGNER, send

from worknet.chain.development import start
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.node.ingest.events import event_frame
from worknet.node.operations.server import HttpServer, application
from worknet.protocol.columns import Column
from worknet.workflow import Dataset, Declaration, Table
from worknet.workflow.triggers import OnEvent, OnLog, OnMessage, OnPoll

EVENT = Dataset("event", [Column("batch", "str"), Column("wh", "int")], ["batch"])
RESULT = Table("result", [Column("batch", "str")], ["batch"])


def declared(trigger: OnEvent, event: Dataset = EVENT) -> Declaration:
    return Declaration("billing", trigger, (event,), (RESULT,))


def seen(company: Company, event: Dataset = EVENT) -> dict[bytes, list[dict[str, object]]]:
    """The events of a company with what they say."""
    events = company.journal.events
    return {
        opened.trigger_id: event_frame(events, "billing", opened.trigger_id, event.schema).to_dicts()
        for opened in events.open("billing")
    }


def test_messages_in_any_order_and_number_are_the_same_votings(
    nats_url: str, unique: str, tmp_path: Path
) -> None:
    bodies = [json.dumps({"batch": f"b{number}", "wh": number}).encode() for number in range(40)]
    names = [f"{unique}a", f"{unique}b"]
    dice = random.Random(2)
    companies = []
    with streams(nats_url, *names):
        for number, name in enumerate(names):
            section = f"""
[workflows.billing.trigger]
source = "nats"
servers = ["{nats_url}"]
stream = "{name}"
batch = 7
"""
            declaration = declared(OnMessage("ready", "batch"))
            companies.append(Company(tmp_path / str(number), number, declaration, section))
            shuffled = [*bodies, *dice.choices(bodies, k=100)]
            dice.shuffle(shuffled)
            publish(nats_url, name, shuffled)
        for company, name in zip(companies, names, strict=True):
            # Stopped in between and started again, as workers are.
            with company.ingesting():
                until(lambda name=name: unacknowledged(nats_url, name) < 140, "some are there")  # type: ignore[misc]  # bound now
            with company.ingesting():
                until(lambda name=name: not unacknowledged(nats_url, name), "all are there")  # type: ignore[misc]  # bound now
    first, second = (seen(company) for company in companies)
    assert first == second
    assert sorted(str(rows[0]["batch"]) for rows in first.values()) == sorted(f"b{n}" for n in range(40))
    for company in companies:
        company.journal.close()


def test_a_listing_that_grows_changes_and_fails_gives_each_new_key_once(tmp_path: Path) -> None:
    listing: dict[str, int] = {"a": 1}
    status = 200
    asked = 0

    async def answer(_: Request) -> JSONResponse:
        nonlocal asked
        asked += 1
        return JSONResponse([{"asset": batch, "wh": wh} for batch, wh in listing.items()], status)

    server = HttpServer(application([Route("/assets", answer)]), "127.0.0.1", 0)
    server.start()
    section = f"""
[workflows.billing.trigger]
source = "http"
url = "http://127.0.0.1:{server.port}/assets"
retries = 0
columns = {{ batch = "asset" }}
"""
    company = Company(tmp_path / "one", 1, declared(OnPoll("asset", "batch", every=1)), section)
    with company.ingesting() as ingest:
        until(lambda: len(seen(company)) == 1, "the first asset")
        status = 503
        until(lambda: ingest.state()[0].fault, "the listing fails")
        status, listing = 200, {"a": 2, "b": 1}
        until(lambda: len(seen(company)) == 2, "the second asset")
    server.close()
    assert sorted(str(rows) for rows in seen(company).values()) == [
        "[{'batch': 'a', 'wh': 1}]",
        "[{'batch': 'b', 'wh': 1}]",
    ]
    (known,) = [each for each, rows in seen(company).items() if rows[0]["batch"] == "a"]
    assert company.journal.events.conflicts("billing", known) == [b'{"batch":"a","wh":2}']
    company.journal.close()


@pytest.mark.long
def test_a_contracts_logs_are_the_same_votings_whenever_a_company_looks(tmp_path: Path) -> None:
    contract = Contract(
        bytes.fromhex(vyper.compile_code(SOURCE, output_formats=["bytecode"])["bytecode"][2:])
    )
    event = Dataset(
        "event",
        [
            Column("transaction", "bytes"),
            Column("index", "int"),
            Column("amount", "bigint"),
            Column("time", "int"),
        ],
        ["transaction", "index"],
    )
    declaration = declared(OnLog("put", PUT), event)
    with start(tmp_path / "chain", funds={SIGNER.address: 10**20}, engine="builtin", block_time=1.0) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        address = mined(rpc, send(rpc, contract.code, b""))
        section = f"""
[workflows.billing.trigger]
source = "log"
rpc = "{chain.url}"
chain_id = {DEVELOPMENT_CHAIN_ID}
contract = "0x{address.hex()}"
confirmations = 1
first_block = 0
every = "1s"
"""
        early, late = (Company(tmp_path / str(number), number, declaration, section) for number in (1, 2))
        with early.ingesting():
            send(rpc, contract.put(1, 7), address)
            until(lambda: len(seen(early, event)) == 1, "the first log")
            send(rpc, contract.call("put_many(bytes32,uint256)", bytes(32), 3), address)
            until(lambda: len(seen(early, event)) == 4, "the others")
        with late.ingesting():
            until(lambda: len(seen(late, event)) == 4, "all logs")
    assert seen(early, event) == seen(late, event)
    for company in (early, late):
        company.journal.close()


def mined(rpc: Rpc, transaction: bytes) -> bytes:
    """The address of the contract that a transaction makes."""
    until(lambda: rpc.receipt(transaction), "the contract is there")
    receipt = rpc.receipt(transaction)
    assert receipt is not None
    assert receipt.contract is not None
    return receipt.contract
