"""A policy that pins another bundle and another data key: a running worker goes over to both by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.logs import logged
from tests.services import free_port
from tests.unit.node.test_setup import POLICY, WORKFLOW, establish
from tests.unit.workflow.conftest import bundle_of

from worknet.chain.client import NetworkClient
from worknet.chain.development import start
from worknet.chain.keyfiles import write_secret
from worknet.chain.rpc import Rpc
from worknet.chain.signers import keystore_address, open_keystore
from worknet.config.network import NetworkConfig
from worknet.network.folder import NetworkFolder, NetworkPlan, WorkflowPlan, create
from worknet.node import bundles, data_keys, preparers
from worknet.node.assembly import opened_worker
from worknet.node.setup import opened
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.manifest import Manifest
from worknet.protocol.salts import data_key_commitment
from worknet.protocol.times import time_text
from worknet.workflow.archive import pack

CHAIN_ID = 31337
HOUR = 3600
GENESIS = 1_900_000_800 // HOUR * HOUR
ONE, TWO = (bundle_of(f"return Result({{'out': meters}}, {{'version': {n}}})") for n in (1, 2))
NEW_KEY = bytes(range(1, 33))


LINE = '1 = { file = "data-key-1" }'
PATIENCE = 30


@dataclass
class Company:
    """A company of three, the one whose worker runs, with the network's chain and owner."""

    folder: NetworkFolder
    rpc: Rpc
    owner: NetworkClient

    @property
    def node_file(self) -> Path:
        return self.folder.node_file("alpha")

    def has_voted(self, start: int) -> bool:
        """Whether its ballot about the slot is on chain."""
        return self.owner.voting(workflow_id(WORKFLOW), Slot.at(HOUR, start).trigger_id).ballots == 1

    def pass_time(self, until: int) -> None:
        header = self.rpc.header()
        assert header is not None
        self.rpc.request("evm_increaseTime", max(1, until - header.time))
        self.rpc.request("evm_mine", 1)

    def eventually(self, condition: Callable[[], bool]) -> None:
        """Waits until the condition holds, while the chain goes on: a worker rests between blocks."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            self.rpc.request("evm_mine", 1)
            time.sleep(0.2)

    def announce(self, **changes: Any) -> None:
        with opened(self.node_file) as access:
            policy = access.index.policies(workflow_id(WORKFLOW))[-1].policy
        self.owner.announce(workflow_id(WORKFLOW), replace(policy, **changes))

    def bundle_of(self, start: int, version: int) -> bytes:
        """The digest in what the worker has voted on, under that version of the policy."""
        voting_id = self.owner.voting_id(workflow_id(WORKFLOW), Slot.at(HOUR, start).trigger_id)
        with opened(self.node_file) as access:
            ballot = access.journal.ballots.get(voting_id, 1, version)
            assert ballot.data_key_epoch == version
            return Manifest.parse(ballot.manifest).bundle_digest


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    for path, content in ONE.files.items():
        (tmp_path / "tried").mkdir(exist_ok=True)
        (tmp_path / "tried" / path).write_bytes(content)
    (tmp_path / "meters.csv").write_text("id,wh\na,1\n")
    datasets = {"meters": {"source": "file", "path": str(tmp_path / "meters.csv")}}
    policy = {**POLICY, "start": time_text(GENESIS), "ballots": "open"}
    folder = create(
        tmp_path / "network",
        NetworkPlan(
            name="tried",
            members=["alpha", "beta", "gamma"],
            workflow=WorkflowPlan(WORKFLOW, tmp_path / "tried", policy, datasets),
            chain_kind="builtin",
            chain_port=(port := free_port()),
            genesis_time=GENESIS + HOUR,
            allow_unisolated=True,
        ),
    )
    password = (folder.path / "owner.password").read_text().strip()
    signer = open_keystore(folder.path / "owner.json", password, CHAIN_ID)
    funds = dict.fromkeys((signer.address, keystore_address(folder.node("alpha") / "worker.json")), 10**20)
    chain = start(
        folder.chain, funds=funds, engine="builtin", port=port, block_time=0, genesis_time=GENESIS + HOUR
    )
    with chain:
        url = f"http://127.0.0.1:{port}"
        establish(folder, url)
        rpc = Rpc(url, CHAIN_ID)
        contract, _ = NetworkConfig.load(folder.network_file).deployed()
        yield Company(folder, rpc, NetworkClient(rpc, contract, signer=signer))


@contextmanager
def running(node_file: Path) -> Iterator[None]:
    """The worker runs in this process meanwhile."""
    stop = threading.Event()
    with opened_worker(node_file) as worker:
        thread = threading.Thread(target=worker.run, args=(stop, threading.Event()))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def told() -> Iterator[Callable[[], list[str]]]:
    """The events about bundles and data keys so far."""
    with logged(bundles, data_keys, preparers) as lines:
        names = ("bundle.", "data_key.", "policy.")
        yield lambda: [line["event"] for line in list(lines) if line["event"].startswith(names)]


@pytest.mark.long
def test_a_running_worker_goes_over_to_a_new_bundle_and_a_new_data_key(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparers, "LOOK_AGAIN_SECONDS", 0.2)
    node_file = company.node_file
    before, header, rest = node_file.read_text().partition(f"[workflows.{WORKFLOW}.datasets")
    text = f'{before}[workflows.{WORKFLOW}]\nbundles = ["new"]\n\n{header}{rest}'
    node_file.write_text(text)
    (node_file.parent / "new").mkdir()
    with told() as events, running(node_file):
        company.eventually(lambda: company.has_voted(GENESIS))
        company.announce(
            start=GENESIS + 2 * HOUR,
            bundle_digest=TWO.digest,
            data_key_epoch=2,
            data_key_commitment=data_key_commitment(NEW_KEY),
        )
        company.eventually(lambda: events() == ["bundle.found", "bundle.missing"])
        (node_file.parent / "new" / "version-2.tar.gz").write_bytes(pack(TWO))
        company.eventually(lambda: events()[-1] == "data_key.missing")
        write_secret(node_file.parent / "data-key-2", NEW_KEY.hex())
        node_file.write_text(text.replace("[data_keys]", '[data_keys]\n2 = { file = "data-key-2" }'))
        company.eventually(lambda: events()[-1] == "data_key.found")
        company.pass_time(GENESIS + 3 * HOUR)
        company.eventually(
            lambda: company.has_voted(GENESIS + HOUR) and company.has_voted(GENESIS + 2 * HOUR)
        )
    expected = ["bundle.found", "bundle.missing", "bundle.found", "data_key.missing", "data_key.found"]
    assert events() == expected
    assert company.bundle_of(GENESIS + HOUR, 1) == ONE.digest
    assert company.bundle_of(GENESIS + 2 * HOUR, 2) == TWO.digest
