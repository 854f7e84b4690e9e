"""A whole run with faults in it, and a search through everything that it wrote: no secret, no row anywhere.

Three companies vote with sealed ballots on rows behind an HTTP API: alpha with an external signer, gamma with
a wrong token, and a broker that repeats in its refusal what it was sent. The second slot's rows make the
workflow fail with a message that names one of them. Searched are all files but those that hold the secret by
their nature, what was told over HTTP, and the chain itself.
"""

import base64
import contextlib
import json
import shutil
import sqlite3
import stat
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.error import HTTPError
from urllib.parse import quote

import pytest
from eth_account import Account
from tests.signer_server import SignerServer

from worknet.chain.rpc import Rpc
from worknet.chain.signers import keystore_address
from worknet.network.folder import NetworkFolder, NetworkPlan, WorkflowPlan, create
from worknet.network.local import LocalNetwork, free_port
from worknet.protocol.times import time_text
from worknet.workflow import runtime

pytestmark = pytest.mark.long

MEMBERS = ("alpha", "beta", "gamma")
HOUR = 3600
FIRST = 1_900_000_800 // HOUR * HOUR
WORKFLOW = "tried"
CODE = """
import polars as pl
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, WorkflowError, workflow

COLUMNS = [Column("id", "str"), Column("wh", "int")]
DATASETS = [Dataset("meters", COLUMNS, ["id"]), Dataset("hints", COLUMNS, ["id"])]

@workflow(name="tried", trigger=Every(3600), datasets=DATASETS, tables=[Table("out", COLUMNS, ["id"])])
def run(context: Context, meters: pl.DataFrame, hints: pl.DataFrame) -> Result:
    print("looking at", meters["id"].to_list())
    for row in meters.iter_rows(named=True):
        if row["wh"] < 0:
            raise WorkflowError(f"the row {row['id']} has {row['wh']} Wh", f"look at {row['id']}")
    return Result({"out": meters})
"""
NAME, FAILING_NAME = "Zwickau-4711-Messstelle", "Goerlitz-0815-Messstelle"
VOLUME, FAILING_VOLUME = 5_203_817_649_201, -7_310_482_956_113
ROWS = {FIRST: [(NAME, VOLUME)], FIRST + HOUR: [(FAILING_NAME, FAILING_VOLUME)]}
SIGNER_TOKEN, RPC_TOKEN = "signer-Kw3Qz8TtVn5bXr2m", "rpc-Yp6Gd1LsHc9jFe4u"
ADMIN_KEY, TRIGGER_KEY = "admin-Rb7Nf2WxMa0kUo5v-Jt8Cq3EyHs6Lz1Pg", bytes.fromhex("c4e1") * 16
BROKER_PASSWORD = "broker-Fd8Tk5YqWu3jCx0s"
ALERT_TOKEN = "alert-Zi4Bh9VpSg6lDw1n"


# The run


class Rows:
    """The API with the rows, each company's by its token; it says what it was given in its refusals."""

    def __init__(self, tokens: list[str]) -> None:
        self.refused = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                start = int(self.path.rpartition("start=")[2])
                rows = [{"id": name, "wh": wh} for name, wh in ROWS[start]]
                is_known = token in tokens
                api.refused += not is_known
                body = json.dumps(rows if is_known else {"no such token": token, "rows": rows}).encode()
                self.send_response(200 if is_known else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Not onto the tests' output."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/rows?start={{start}}"
        threading.Thread(target=self._http.serve_forever).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class Broker:
    """A server that speaks enough of NATS to refuse a client, and tells it what it has sent."""

    def __init__(self) -> None:
        self.refused = 0
        broker = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                about = {"server_id": "x", "version": "2.10.0", "max_payload": 1 << 20, "auth_required": True}
                self.wfile.write(f"INFO {json.dumps(about)}\r\n".encode())
                told = self.rfile.readline().strip()
                broker.refused += BROKER_PASSWORD.encode() in told
                self.wfile.write(b"-ERR 'Authorization Violation: " + told + b"'\r\n")

        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def make(
    path: Path, rows: str, tokens: dict[str, str], chain_port: int, ports: dict[str, int]
) -> NetworkFolder:
    """The network's folder; alpha's key is moved out of it, to an external signer."""
    bundle = path / "tried"
    bundle.mkdir()
    (bundle / "workflow.py").write_text(CODE)
    (bundle / "runtime.json").write_bytes(runtime.lock())
    meters = {"source": "http", "url": rows, "token": {"file": "api-token"}, "retries": 0}
    (path / "hints.csv").write_text("id,wh\n")
    hints = {"source": "file", "path": str(path / "hints.csv")}
    policy = {
        "start": time_text(FIRST),
        "threshold": "majority",
        "ballots": "sealed",
        "cast_window": "10s",
        "reveal_window": "10s",
        "stall": "10m",
        "fallback": "alert",
    }
    plan = NetworkPlan(
        name="leaks",
        members=MEMBERS,
        workflow=WorkflowPlan(WORKFLOW, bundle, policy, {"meters": meters, "hints": hints}),
        chain_kind="builtin",
        chain_port=chain_port,
        genesis_time=FIRST + 2 * HOUR,
        allow_unisolated=True,
        secrets={
            name: {
                "api-token": token,
                "admin-key": ADMIN_KEY,
                "trigger-key": TRIGGER_KEY.hex(),
                "broker-password": BROKER_PASSWORD,
                "alert-url": f"json://127.0.0.1:1/{ALERT_TOKEN}",
            }
            for name, token in tokens.items()
        },
    )
    folder = create(path / "network", plan)
    for name in MEMBERS:
        file = folder.node_file(name)
        text = file.read_text().replace(f":{chain_port}", f":{chain_port}/?token={RPC_TOKEN}")
        text = text.replace("[node]", '[node]\ntrigger_key = { file = "trigger-key" }')
        text += f'\n[http]\nlisten = "127.0.0.1:{ports[name]}"\n'
        text += '\n[admin]\nkey = { file = "admin-key" }\n'
        text += '\n[alerts]\nurls = [{ file = "alert-url" }]\non = ["ballot.none", "chain.fault"]\n'
        file.write_text(text)
    return folder


def feed(folder: NetworkFolder, member: str, broker: Broker) -> None:
    """The member's hints come by the broker from now on."""
    section = [
        "[workflows.tried.datasets.hints]",
        'source = "nats"',
        f'servers = ["nats://127.0.0.1:{broker.port}"]',
    ]
    section += [
        'stream = "HINTS"',
        'user = "hints"',
        'password = { file = "broker-password" }',
        'time_column = "at"',
    ]
    before, _, rest = folder.node_file(member).read_text().partition("[workflows.tried.datasets.hints]")
    text = f"{before}{chr(10).join(section)}\n\n[http]{rest.partition('[http]')[2]}"
    folder.node_file(member).write_text(text)


def move_key(folder: NetworkFolder, server: SignerServer) -> None:
    """Alpha's key is in the external signer alone from now on."""
    place = folder.node("alpha")
    (place / "signer-token").write_text(SIGNER_TOKEN)
    (place / "signer-token").chmod(0o600)
    key = (
        f'signer = "{server.url}"\naddress = "0x{server.address.hex()}"\ntoken = {{ file = "signer-token" }}'
    )
    text = folder.node_file("alpha").read_text()
    before, _, rest = text.partition("[key]")
    folder.node_file("alpha").write_text(
        f"{before}[key]\n{key}\n\n[data_keys]{rest.partition('[data_keys]')[2]}"
    )
    (place / "worker.json").unlink()
    (place / "worker.password").unlink()


def key_of(place: Path, name: str) -> bytes:
    password = (place / f"{name}.password").read_text().strip()
    return bytes(Account.decrypt(json.loads((place / f"{name}.json").read_text()), password))


def asked(port: int, path: str) -> str:
    """What a worker answers, whatever the status; an admin's question with a wrong key."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    request.add_header("Authorization", "Bearer not-the-key")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()
    except HTTPError as error:
        return error.read().decode()


@dataclass
class Run:
    """A run: its folder as it was when nothing was revealed yet, and at the end; what was told over HTTP; and
    the secrets."""

    sealed: Path
    ended: NetworkFolder
    told: dict[str, str]
    secrets: dict[str, bytes]
    unrevealed: list[bytes]
    asked_signer: set[str]
    refused_by_api: int
    refused_by_broker: int

    def events(self, member: str) -> list[dict[str, object]]:
        return events(self.ended, member)


def events(folder: NetworkFolder, member: str) -> list[dict[str, object]]:
    log = folder.node(member) / "node.log"
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


def until(condition: Callable[[], bool], network: LocalNetwork, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        logs = {name: (network.folder.node(name) / "node.log").read_text()[-3000:] for name in MEMBERS}
        assert not network.ended(), logs
        assert time.monotonic() < deadline, logs
        time.sleep(0.1)


def salts(folder: NetworkFolder) -> list[bytes]:
    found = []
    for member in MEMBERS:
        file = folder.node(member) / "data" / "journal.sqlite"
        with contextlib.closing(sqlite3.connect(file)) as journal:
            found += [salt for (salt,) in journal.execute("SELECT salt FROM ballots")]
    return found


def chain_text(url: str) -> str:
    """All blocks with their transactions and events, as the chain tells them."""
    rpc = Rpc(url, 31337)
    last = rpc.block_number()
    blocks = [rpc.request("eth_getBlockByNumber", hex(number), True) for number in range(last + 1)]
    logs = rpc.request("eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(last)})
    return json.dumps([blocks, logs])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    path = tmp_path_factory.mktemp("leaks")
    tokens = {name: f"{name}-Xt5Qm9RvKd2wHn7c" for name in MEMBERS}
    api = Rows([tokens["alpha"], tokens["beta"]])
    broker = Broker()
    ports = {name: free_port() for name in MEMBERS}
    folder = make(path, api.url, tokens, free_port(), ports)
    feed(folder, "gamma", broker)
    secrets = {f"the token of {name}": token.encode() for name, token in tokens.items()}
    secrets |= {"the signer's token": SIGNER_TOKEN.encode(), "the RPC's token": RPC_TOKEN.encode()}
    secrets |= {"the admin's key": ADMIN_KEY.encode(), "the alerts' token": ALERT_TOKEN.encode()}
    secrets |= {"the broker's password": BROKER_PASSWORD.encode(), "the trigger key": TRIGGER_KEY}
    secrets |= {"a name": NAME.encode(), "the failing name": FAILING_NAME.encode()}
    secrets |= {"a volume": str(VOLUME).encode(), "the failing volume": str(FAILING_VOLUME)[1:].encode()}
    secrets |= {f"{what} in bytes": value.to_bytes(8, "big", signed=True) for what, value in _VOLUMES.items()}
    for place, names in [
        (folder.path, ["owner"]),
        *((folder.node(m), ["worker", "operator"]) for m in MEMBERS),
    ]:
        for name in names:
            secrets[f"the key {place.name}/{name}"] = key_of(place, name)
            password = (place / f"{name}.password").read_text().strip()
            secrets[f"the password {place.name}/{name}"] = password.encode()
    for name in MEMBERS:
        secrets[f"the encryption key of {name}"] = bytes.fromhex(
            (folder.node(name) / "encryption-key").read_text()
        )
    secrets["the data key"] = bytes.fromhex((folder.node("alpha") / "data-key-1").read_text())
    alpha = keystore_address(folder.node("alpha") / "worker.json")
    with SignerServer(secrets["the key alpha/worker"], token=SIGNER_TOKEN) as signer:
        assert signer.address == alpha
        move_key(folder, signer)
        network = LocalNetwork(folder)
        try:
            network.start(lambda _: None)
            voters = ("alpha", "beta")
            until(lambda: all("ballot.sealed" in _names(folder, name) for name in voters), network)
            unrevealed = salts(folder)
            sealed_chain = chain_text(network.url)
            shutil.copytree(folder.path, path / "sealed")
            (path / "sealed" / "chain.json").write_text(sealed_chain)
            assert not any("ballot.revealed" in _names(folder, name) for name in voters), "it was too slow"
            until(lambda: all("voting.recorded" in _names(folder, name) for name in voters), network)
            paths = ("/healthz", "/readyz", "/metrics", "/admin/status", "/nothing?token=guessed")
            told = {f"{name}{path}": asked(ports[name], path) for name in MEMBERS for path in paths}
            told["the chain"] = chain_text(network.url)
        finally:
            network.stop()
            api.close()
            broker.close()
        yield Run(
            path / "sealed", folder, told, secrets, unrevealed, set(signer.asked), api.refused, broker.refused
        )


_VOLUMES = {"a volume": VOLUME, "the failing volume": FAILING_VOLUME}


def _names(folder: NetworkFolder, member: str) -> set[object]:
    return {event["event"] for event in events(folder, member)}


# The search


def forms(secret: bytes) -> set[bytes]:
    """All ways in which it might be written."""
    found: set[bytes] = set()
    for value in (secret, secret[::-1]):
        found |= {value, value.hex().encode(), value.hex().upper().encode(), quote(value, safe="").encode()}
        for shift in range(3):
            # Within a longer text its base64 begins at one of three places; the edges depend on the rest.
            core = base64.b64encode(bytes(shift) + value)[4 if shift else 0 :]
            core = core.rstrip(b"=")[:-1]
            found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def places_of(secret: bytes, contents: dict[str, bytes]) -> list[str]:
    wanted = forms(secret)
    return [place for place, content in contents.items() if any(form in content for form in wanted)]


def files(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


OWN_FILES = (
    *(
        "/api-token",
        "/signer-token",
        "/broker-password",
        "/admin-key",
        "/trigger-key",
        "/alert-url",
        "/encryption-key",
    ),
    *("/data-key-1", ".password", "/data/journal.sqlite", "/data/journal.sqlite-wal"),
)
"""What holds a secret or rows by its nature."""
CONFIGURED = {"the RPC's token": "/node.toml"}
"""What a configuration file holds by its nature."""


def searched(path: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(path).items() if not name.endswith(OWN_FILES)}


def test_the_search_would_find_a_secret_in_every_form() -> None:
    secret = b"hunter2-and-more"
    texts = [secret, secret.hex().encode(), secret[::-1], b"..." + base64.b64encode(b"a" + secret + b"bc")]
    texts += [base64.b64encode(b"{" * n + secret + b"}" * m) for n in range(4) for m in range(4)]
    assert all(places_of(secret, {"text": text}) for text in texts)


def test_the_run_was_what_it_should_be(run: Run) -> None:
    for member in ("alpha", "beta"):
        told = run.events(member)
        assert {"ballot.sealed", "ballot.revealed", "voting.recorded"} <= {event["event"] for event in told}
        causes = {event["cause"] for event in told if event["event"] == "ballot.none"}
        assert causes == {"workflow failed"}
    # Whichever of its two datasets was found wrong first.
    causes = {event["cause"] for event in run.events("gamma") if event["event"] == "ballot.none"}
    assert causes
    assert causes <= {"source refused", "source unavailable"}
    assert run.refused_by_api > 0
    assert run.asked_signer == {"eth_accounts", "eth_signTransaction"}
    assert run.refused_by_broker > 0
    assert "ingest.fault" in {event["event"] for event in run.events("gamma")}
    assert len(run.unrevealed) == 2


def test_no_secret_and_no_row_stands_anywhere_but_in_its_own_file(run: Run) -> None:
    contents = searched(run.ended.path) | {name: text.encode() for name, text in run.told.items()}
    assert any(name.endswith("index.sqlite") for name in contents)
    found = {
        what: [place for place in places if not place.endswith(CONFIGURED.get(what, "\0"))]
        for what, secret in run.secrets.items()
        if (places := places_of(secret, contents))
    }
    assert {what: places for what, places in found.items() if places} == {}


def test_no_salt_stands_anywhere_but_in_its_journal_before_it_is_revealed(run: Run) -> None:
    contents = searched(run.sealed)
    assert [places_of(salt, contents) for salt in run.unrevealed] == [[], []]


def test_each_member_has_its_own_rows_and_salts_in_its_journal_alone(run: Run) -> None:
    journals = {name: content for name, content in files(run.ended.path).items() if "journal.sqlite" in name}
    for member in MEMBERS:
        others = {name: content for name, content in journals.items() if f"/{member}/" not in name}
        assert places_of(run.secrets[f"the token of {member}"], journals) == []
        assert all(
            not places_of(run.secrets[f"the key {member}/{key}"], others) for key in ("worker", "operator")
        )


def test_journals_and_keys_are_for_their_owner_s_eyes_only(run: Run) -> None:
    for member in MEMBERS:
        place = run.ended.node(member)
        for folder in (place, place / "data", place / "data" / "bundles"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        secret = [file for file in place.rglob("*") if str(file).endswith((*OWN_FILES, ".json"))]
        assert any(file.name == "journal.sqlite" for file in secret)
        modes = {str(file): oct(stat.S_IMODE(file.stat().st_mode)) for file in secret if file.is_file()}
        assert {file: mode for file, mode in modes.items() if mode != "0o600"} == {}
