"""A network of three companies whose worker processes a test starts, kills and starts again.

The built-in chain makes a block every quarter of a second and its time runs on by a second with each, so that
a slot of some seconds is due all the while.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.crash import Point

from worknet.chain.client import NetworkClient
from worknet.chain.development import DevelopmentChain, start
from worknet.chain.index import NetworkIndex
from worknet.chain.keyfiles import encryption_public_key
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import keystore_address, open_keystore
from worknet.config.network import NetworkConfig
from worknet.network.access import owner_client
from worknet.network.establish import NewMember, announce_policies, deploy_contract, enrol_members
from worknet.network.folder import NetworkFolder, NetworkPlan, WorkflowPlan, create
from worknet.network.local import FUNDS, free_port
from worknet.protocol.times import time_text
from worknet.workflow import runtime

WORKFLOW = "counted"
MEMBERS = ("alpha", "beta", "gamma")
BLOCK_SECONDS = 0.25
EVERY = 6
"""Chain seconds of a slot."""
WINDOW = 600
"""Chain seconds for casting, and for revealing: longer than any worker is away."""
ROWS_FILE = "rows.csv"
PATIENCE = 60.0
"""Seconds that anything may take here."""

_CODE = f"""
import polars as pl
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("id", "str"), Column("wh", "int")]

@workflow(name="{WORKFLOW}", trigger=Every({EVERY}), datasets=[Dataset("meters", COLUMNS, ["id"])],
          tables=[Table("doubled", COLUMNS, ["id"])], public_summary=True)
def run(context: Context, meters: pl.DataFrame) -> Result:
    doubled = meters.with_columns(pl.col("wh") * 2)
    return Result(tables={{"doubled": doubled}}, summary={{"rows": len(meters)}})
"""
_ROWS = "id,wh\n" + "".join(f"m{number},{number}\n" for number in range(20))


@dataclass
class Nursery:
    """The process that starts workers, and what it says has become of them."""

    process: "subprocess.Popen[str]"
    ended: dict[int, int] = field(default_factory=dict)
    _started: list[int] = field(default_factory=list)

    @classmethod
    def open(cls) -> "Nursery":
        """A nursery that is ready soon."""
        command = [sys.executable, "-m", "tests.chaos.nursery"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        nursery = cls(process)
        threading.Thread(target=nursery._listen, daemon=True).start()
        return nursery

    def start(self, order: Mapping[str, str]) -> int:
        """Starts a worker; its process id."""
        known = len(self._started)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        until(lambda: len(self._started) > known, "the nursery starts a worker")
        return self._started[-1]

    def close(self) -> None:
        """Ends the nursery; the workers stop when they find themselves without it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            if "started" in told:
                self._started.append(told["started"])
            else:
                self.ended[told["ended"]] = told["status"]


class ChaosNetwork:
    """The network, its chain and its workers. Close it at the end."""

    def __init__(
        self,
        path: Path,
        change: Callable[["ChaosNetwork"], None] = lambda _: None,
        *,
        as_installed: bool = False,
    ) -> None:
        """`change` may write more into the network's files before anything is started. `as_installed`: the
        workers are the command as it is, slower by far, and so is the chain."""
        self._as_installed = as_installed
        self.path = path
        self.port = free_port()
        self.slot_workflows = 1
        """How many of the workflows vote on slots."""
        self.events = 0
        """How many events have come that are to be voted on."""
        self.begin = int(time.time()) // EVERY * EVERY
        self.folder = self._written()
        change(self)
        self.nursery = Nursery.open()
        self.pids: dict[str, int] = {}
        self.starts = 0
        self.chain: DevelopmentChain
        self.start_chain()
        self.network = self._established()
        self.contract, self.deployed_block = self.network.deployed()
        self.client = NetworkClient(Rpc(self.url, DEVELOPMENT_CHAIN_ID), self.contract)

    @property
    def url(self) -> str:
        """The chain's RPC."""
        return f"http://127.0.0.1:{self.port}"

    def start_chain(self) -> None:
        """Starts the chain, or lets it go on where it was."""
        local, _, nodes = self.folder.load()
        funded = [local.owner.keystore, *(self._place(member, "worker.json") for member in nodes)]
        self.folder.chain.mkdir(exist_ok=True)
        self.chain = start(
            self.folder.chain,
            funds={keystore_address(keystore): FUNDS for keystore in funded},
            engine="builtin",
            port=self.port,
            block_time=1.0 if self._as_installed else BLOCK_SECONDS,
            genesis_time=local.chain.genesis_time,
        )

    def kill_chain(self) -> None:
        """Ends the chain's process where it stands."""
        self.chain.process.kill()
        self.chain.stop()

    def start(self, member: str, point: Point | None = None) -> None:
        """Starts a company's worker; with a point it will die there."""
        order = {"config": str(self.folder.node_file(member)), "log": str(self._place(member, "node.log"))}
        if self._as_installed:
            order["installed"] = "yes"
        if point is not None:
            order |= {"point": str(point), "marker": str(self._place(member, "marker"))}
        self.starts += 1
        self.pids[member] = self.nursery.start(order)

    def start_all(self) -> None:
        """Starts the workers that do not run."""
        for member in MEMBERS:
            if not self.runs(member):
                self.start(member)

    def runs(self, member: str) -> bool:
        """Whether the worker's process is alive."""
        return member in self.pids and self.pids[member] not in self.nursery.ended

    def kill(self, member: str) -> None:
        """Ends a worker at once, wherever it stands."""
        pid = self.pids[member]
        if self.runs(member):
            os.kill(pid, signal.SIGKILL)
        until(lambda: pid in self.nursery.ended, f"{member} is dead")

    def die_at(self, member: str, point: Point, within: float = PATIENCE) -> None:
        """Starts a worker and waits until it has died at the point."""
        marker = self._place(member, "marker")
        marker.unlink(missing_ok=True)
        self.start(member, point)
        pid = self.pids[member]
        until(lambda: pid in self.nursery.ended, f"{member} dies at {point}", within, self.log(member))
        assert marker.exists(), f"{member} ended before {point}:\n{self.log(member)()}"

    def log(self, member: str) -> Callable[[], str]:
        """The last of what a worker has said."""
        return lambda: "\n".join(self._place(member, "node.log").read_text().splitlines()[-12:])

    def told(self, member: str, event: str) -> int:
        """How often a worker has logged an event."""
        return self._place(member, "node.log").read_text().count(f'"event": "{event}"')

    def configure(self, member: str, text: str) -> None:
        """Writes more into a worker's node.toml; before it is started."""
        file = self.folder.node_file(member)
        file.write_text(f"{file.read_text()}\n{text}\n")

    def index(self) -> NetworkIndex:
        """A stranger's index, in memory."""
        return NetworkIndex(Path(":memory:"), self.client, self.deployed_block)

    def close(self) -> None:
        """Ends all of it."""
        for member in self.pids:
            self.kill(member)
        self.nursery.close()
        self.chain.stop()

    def rows(self, member: str) -> Path:
        """The file that a worker reads its dataset from."""
        return self._place(member, ROWS_FILE)

    def _place(self, member: str, name: str) -> Path:
        return self.folder.node(member) / name

    def _written(self) -> NetworkFolder:
        bundle = self.path / "bundle"
        bundle.mkdir(parents=True)
        (bundle / "workflow.py").write_text(_CODE)
        (bundle / "runtime.json").write_bytes(runtime.lock())
        policy = {
            "start": time_text(self.begin),
            "threshold": "majority",
            "ballots": "sealed",
            "cast_window": f"{WINDOW}s",
            "reveal_window": f"{WINDOW}s",
            "stall": "10m",
            "fallback": "alert",
        }
        datasets = {"meters": {"source": "file", "path": ROWS_FILE}}
        plan = NetworkPlan(
            name="chaos",
            members=MEMBERS,
            workflow=WorkflowPlan(WORKFLOW, bundle, policy, datasets),
            chain_kind="builtin",
            chain_port=self.port,
            genesis_time=self.begin,
            allow_unisolated=True,
            secrets={member: {ROWS_FILE: _ROWS.rstrip()} for member in MEMBERS},
        )
        return create(self.path / "net", plan)

    def _established(self) -> NetworkConfig:
        local, network, nodes = self.folder.load()
        rpc = Rpc(self.url, DEVELOPMENT_CHAIN_ID)
        signer = open_keystore(local.owner.keystore, local.owner.password.resolve(), DEVELOPMENT_CHAIN_ID)
        file = self.folder.network_file
        client = owner_client(deploy_contract(file, rpc, signer), rpc, signer)
        network = NetworkConfig.load(file)
        announce_policies(network, client, allow_unisolated=True)
        members = [
            NewMember(
                operator=keystore_address(self._place(member, "operator.json")),
                worker=keystore_address(self._place(member, "worker.json")),
                encryption_key=encryption_public_key(self._place(member, "encryption-key")),
            )
            for member in nodes
        ]
        enrol_members(client, members)
        return network


def until(
    condition: Callable[[], bool],
    what: str,
    within: float = PATIENCE,
    told: Callable[[], str] = lambda: "",
) -> None:
    """Waits for a condition; fails the test, saying what it waited for, if that takes too long."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} seconds: {what}\n{told()}"
        time.sleep(0.02)
