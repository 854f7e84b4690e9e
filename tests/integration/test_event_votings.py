"""Three companies vote on events that reach each in its own way: each event is one voting with a record."""

import base64
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import tomlkit
import vyper
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.unit.chain.conftest import SOURCE, Contract
from tests.unit.chain.log_chain import PUT, send

from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer, open_keystore
from worknet.network.folder import NetworkFolder, NetworkPlan, WorkflowPlan, create
from worknet.network.local import LocalNetwork, free_port
from worknet.node.operations.server import HttpServer, application
from worknet.protocol.times import time_text
from worknet.protocol.voting import State
from worknet.workflow import runtime

pytestmark = pytest.mark.long

MEMBERS = ("alpha", "beta", "gamma")
SECRET = "a-secret-of-the-webhooks-0123456789"
TRIGGERS = {
    "hooked": 'OnWebhook("order")',
    "listed": 'OnPoll("asset", key="batch", every=1)',
    "logged": f'OnLog("put", event="{PUT}")',
}
COLUMNS = {"logged": '[Column("transaction", "bytes"), Column("index", "int"), Column("amount", "bigint")]'}
KEYS = {"logged": '["transaction", "index"]'}
CODE = """
from worknet.workflow import Column, Context, Dataset, OnLog, OnPoll, OnWebhook, Result, Table, workflow

COLUMNS = {columns}

@workflow(name="{name}", trigger={trigger}, datasets=[Dataset("event", COLUMNS, {key})],
          tables=[Table("same", COLUMNS, {key})])
def run(context: Context, event) -> Result:
    return Result(tables={{"same": event}})
"""
PATIENCE = 90.0


def make(path: Path, sections: dict[str, dict[str, object]], ports: dict[str, int]) -> NetworkFolder:
    """The network's files, with a workflow for each of the triggers."""
    for name, trigger in TRIGGERS.items():
        (path / name).mkdir()
        columns = COLUMNS.get(name, '[Column("batch", "str"), Column("wh", "int")]')
        code = CODE.format(name=name, trigger=trigger, columns=columns, key=KEYS.get(name, '["batch"]'))
        (path / name / "workflow.py").write_text(code)
        (path / name / "runtime.json").write_bytes(runtime.lock())
    now = int(time.time())
    policy = {
        "start": time_text(now),
        "threshold": "majority",
        "ballots": "open",
        "cast_window": "10m",
        "reveal_window": "10m",
        "stall": "10m",
        "fallback": "alert",
    }
    given = {"trigger-key": "0b" * 32, "webhook-secret": SECRET}
    folder = create(
        path / "network",
        NetworkPlan(
            name="events",
            members=MEMBERS,
            workflow=WorkflowPlan("hooked", path / "hooked", policy, {}),
            chain_kind="builtin",
            chain_port=free_port(),
            genesis_time=now,
            allow_unisolated=True,
            secrets=dict.fromkeys(MEMBERS, given),
        ),
    )
    shared = tomlkit.parse(folder.network_file.read_text())
    (whole,) = [dict(section["policy"]) for section in shared["workflows"].values()]
    for name in TRIGGERS:
        shared["workflows"][name] = {"folder": str(path / name), "policy": whole}
    folder.network_file.write_text(tomlkit.dumps(shared))
    for member in MEMBERS:
        node = tomlkit.parse(folder.node_file(member).read_text())
        node["node"]["trigger_key"] = {"file": "trigger-key"}
        node["http"] = {"listen": f"127.0.0.1:{ports[member]}"}
        node["workflows"] = {name: {"trigger": section} for name, section in sections.items()}
        folder.node_file(member).write_text(tomlkit.dumps(node))
    return folder


@contextmanager
def listing(rows: list[dict[str, object]]) -> Iterator[int]:
    """A server that lists the rows, at this port."""

    async def answer(_: Request) -> JSONResponse:
        return JSONResponse(rows)

    server = HttpServer(application([Route("/assets", answer)]), "127.0.0.1", 0)
    server.start()
    yield server.port
    server.close()


def tell(port: int, key: str, body: bytes) -> int:
    """Tells a company of an event; the status of its answer."""
    at = int(time.time())
    signed = hmac.digest(SECRET.encode(), f"{key}.{at}.".encode() + body, sha256)
    headers = {
        "content-type": "application/json",
        "idempotency-key": key,
        "webhook-timestamp": str(at),
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }
    url = f"http://127.0.0.1:{port}/hooks/hooked"
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


def until(condition: Callable[[], bool], told: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.2)


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def deployed(rpc: Rpc, code: bytes, owner: Signer) -> bytes:
    """The address of a contract that was just made."""
    transaction = send(rpc, code, b"", owner)
    until(lambda: rpc.receipt(transaction) is not None, lambda: "the contract is not there")
    receipt = rpc.receipt(transaction)
    assert receipt is not None
    assert receipt.contract is not None
    return receipt.contract


class WatchedNetwork(LocalNetwork):
    """A network whose workers watch a contract on the network's own chain, made before they start."""

    def __init__(self, folder: NetworkFolder, contract: Contract) -> None:
        super().__init__(folder)
        self._contract = contract
        self._address = b""

    @property
    def rpc(self) -> Rpc:
        return Rpc(self.url, DEVELOPMENT_CHAIN_ID)

    @property
    def owner(self) -> Signer:
        password = (self.folder.path / "owner.password").read_text().strip()
        return open_keystore(self.folder.path / "owner.json", password, DEVELOPMENT_CHAIN_ID)

    def start_worker(self, member: str) -> None:
        self._address = self._address or deployed(self.rpc, self._contract.code, self.owner)
        trigger = {
            "source": "log",
            "rpc": self.url,
            "chain_id": DEVELOPMENT_CHAIN_ID,
            "contract": f"0x{self._address.hex()}",
            "confirmations": 1,
            "first_block": 0,
            "every": "1s",
        }
        node = tomlkit.parse(self.folder.node_file(member).read_text())
        node["workflows"]["logged"] = {"trigger": trigger}
        self.folder.node_file(member).write_text(tomlkit.dumps(node))
        super().start_worker(member)

    def put(self) -> None:
        """Has the contract log."""
        send(self.rpc, self._contract.put(1, 7), self._address, self.owner)

    def log(self) -> str:
        """The last of what the workers have said."""
        return "\n".join((self.folder.node(member) / "node.log").read_text()[-3000:] for member in MEMBERS)


def test_events_by_webhook_poll_and_log_are_each_one_voting_with_a_record(tmp_path: Path) -> None:
    ports = {member: free_port() for member in MEMBERS}
    code = vyper.compile_code(SOURCE, output_formats=["bytecode"])["bytecode"]
    assets: list[dict[str, object]] = [{"batch": "a1", "wh": 1}, {"batch": "a2", "wh": 2}]
    with listing(assets) as port:
        sections: dict[str, dict[str, object]] = {
            "hooked": {"source": "webhook", "secrets": [{"file": "webhook-secret"}]},
            "listed": {"source": "http", "url": f"http://127.0.0.1:{port}/assets"},
        }
        folder = make(tmp_path, sections, ports)
        with WatchedNetwork(folder, Contract(bytes.fromhex(code[2:]))) as network:
            config = network.start(lambda _: None)
            for member in MEMBERS:
                until(lambda: is_ready(ports[member]), network.log)  # noqa: B023 - asked at once
            for member, order in zip(MEMBERS, ([0, 1, 2], [2, 2, 0, 1], [1, 0, 2, 0, 1]), strict=True):
                statuses = [tell(ports[member], f"order-{n}", b'{"batch":"o","wh":%d}' % n) for n in order]
                assert sorted(statuses) == [200] * (len(order) - 3) + [202] * 3
            assert tell(ports["gamma"], "order-0", b'{"batch":"o","wh":9}') == 409
            network.put()
            assets.append({"batch": "a3", "wh": 3})
            contract, deployed_block = config.deployed()
            index = NetworkIndex(Path(":memory:"), NetworkClient(network.rpc, contract), deployed_block)

            def votings(state: State | None = None) -> int:
                return len(index.votings(now=index.sync().time, state=state))

            until(lambda: votings(State.CONSENSUS) == 7, network.log)
            time.sleep(2)
            assert votings() == 7
            index.close()
