"""Two workers, as they are started from files, report on what they recorded of two hours."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.services import free_port
from tests.unit.node.test_setup import POLICY, WORKFLOW, establish
from tests.unit.workflow.conftest import bundle_of

from worknet.chain.client import NetworkClient
from worknet.chain.development import start
from worknet.chain.rpc import Rpc
from worknet.chain.signers import keystore_address
from worknet.cli import main
from worknet.config.network import NetworkConfig
from worknet.network.folder import NetworkFolder, NetworkPlan, WorkflowPlan, create
from worknet.node.assembly import opened_worker
from worknet.node.setup import opened
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.times import time_text
from worknet.workflow import runtime

pytestmark = pytest.mark.long

CHAIN_ID = 31337
HOUR, SPAN = 3600, 7200
BEGIN = 1_900_000_800 // SPAN * SPAN
PATIENCE = 120
REPORT = """
import polars as pl
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

OUT = Dataset("out", [Column("hour", "time"), Column("id", "str"), Column("wh", "int")], ["hour", "id"])
HOURS = Dataset("hours", [Column("hour", "time"), Column("outcome", "str", nullable=True)], ["hour"])
SUMS = Table("sums", [Column("id", "str"), Column("wh", "int")], ["id"])

@workflow(name="report", trigger=Every(7200), datasets=[OUT, HOURS], tables=[SUMS])
def run(context: Context, out: pl.DataFrame, hours: pl.DataFrame) -> Result:
    missing = int(hours["outcome"].null_count())
    return Result({"sums": out.group_by("id").agg(pl.col("wh").sum())}, {"missing": missing})
"""
DATASETS = """
[workflows.report.datasets.out]
source = "results"
workflow = "tried"
table = "out"
columns = { hour = "slot.start" }

[workflows.report.datasets.hours]
source = "results"
workflow = "tried"
columns = { hour = "slot.start", outcome = "slot.outcome" }
"""


@dataclass
class Network:
    folder: NetworkFolder
    rpc: Rpc
    client: NetworkClient

    def is_recorded(self) -> bool:
        trigger = Slot.at(SPAN, BEGIN).trigger_id
        return self.client.record(self.client.voting_id(workflow_id("report"), trigger)) is not None

    def eventually_recorded(self) -> None:
        """Waits for the report's record, while the chain goes on."""
        deadline = time.monotonic() + PATIENCE
        while not self.is_recorded():
            assert time.monotonic() < deadline
            self.rpc.request("evm_mine", 1)
            time.sleep(0.2)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    bundles = {
        "tried": bundle_of("return Result({'out': meters}, {'wh': 7})").files,
        "report": {"workflow.py": REPORT.encode(), "runtime.json": runtime.lock()},
    }
    for name, files in bundles.items():
        (tmp_path / name).mkdir()
        for path, content in files.items():
            (tmp_path / name / path).write_bytes(content)
    (tmp_path / "meters.csv").write_text("id,wh\na,7\n")
    policy = {**POLICY, "start": time_text(BEGIN), "ballots": "open"}
    datasets = {"meters": {"source": "file", "path": str(tmp_path / "meters.csv")}}
    folder = create(
        tmp_path / "network",
        NetworkPlan(
            name="tried",
            members=["alpha", "beta"],
            workflow=WorkflowPlan(WORKFLOW, tmp_path / "tried", policy, datasets),
            chain_kind="builtin",
            chain_port=(port := free_port()),
            genesis_time=BEGIN + SPAN,
            allow_unisolated=True,
        ),
    )
    text = folder.network_file.read_text()
    second = text[text.index("[workflows.tried]") :].partition("\n[rewards")[0]
    second = second.replace("[workflows.tried", "[workflows.report").replace("/tried", "/report")
    folder.network_file.write_text(f"{text}\n{second}")
    for member in folder.members:
        node_file = folder.node_file(member)
        node_file.write_text(node_file.read_text() + DATASETS)
    keys = [folder.path / "owner.json", *(folder.node(name) / "worker.json" for name in folder.members)]
    funds = {keystore_address(key): 10**20 for key in keys}
    url = f"http://127.0.0.1:{port}"
    genesis = BEGIN + SPAN
    with start(folder.chain, funds=funds, engine="builtin", port=port, block_time=0, genesis_time=genesis):
        establish(folder, url)
        rpc = Rpc(url, CHAIN_ID)
        contract, _ = NetworkConfig.load(folder.network_file).deployed()
        yield Network(folder, rpc, NetworkClient(rpc, contract))


@contextmanager
def running(folder: NetworkFolder) -> Iterator[None]:
    """Both workers run in this process meanwhile."""
    stop = threading.Event()
    with ExitStack() as stack:
        workers = [stack.enter_context(opened_worker(folder.node_file(name))) for name in folder.members]
        threads = [threading.Thread(target=each.run, args=(stop, threading.Event())) for each in workers]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_a_report_on_two_hours_is_recorded_and_names_them(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(network.folder):
        network.eventually_recorded()
    ids = [
        network.client.voting_id(workflow_id("tried"), Slot.at(HOUR, BEGIN + after).trigger_id)
        for after in (0, HOUR)
    ]
    capsys.readouterr()
    for member in network.folder.members:
        node_file = str(network.folder.node_file(member))
        with pytest.raises(SystemExit):
            main.run(["voting", "show", node_file, f"report@{time_text(BEGIN)}", "--tree", "--json"])
        tree = json.loads(capsys.readouterr().out)
        assert tree["summary"] == {"missing": 0}
        assert [parent["voting"] for parent in tree["parents"]] == [f"0x{each.hex()}" for each in ids]
    with opened(network.folder.node_file("alpha")) as access:
        assert access.index.log_size() == 3
