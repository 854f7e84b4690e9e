"""An auditor's way over a real chain: a first audit, the next one, and a history that was replaced."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from worknet.audit.audit import audit as everything
from worknet.chain.client import NetworkClient
from worknet.chain.deployment import Deployment, deploy, deploy_pool
from worknet.chain.development import start
from worknet.chain.events import Role
from worknet.chain.pool import PoolClient
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import signer_from_key
from worknet.cli import main
from worknet.protocol.ballots import Pair, Place, seal
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Ballots, Fallback, Policy

pytestmark = pytest.mark.long

WORKFLOW = workflow_id("hourly")
PAIR = Pair(b"\x0a" * 32, b"\x0b" * 32)
OTHER = Pair(b"\x0a" * 32, b"\x0c" * 32)
EVERY = 3_600
GENESIS = 1_767_225_600
SIGNERS = [signer_from_key(bytes([number + 1]) * 32, DEVELOPMENT_CHAIN_ID) for number in range(4)]
OWNER = SIGNERS[3]
FUNDS = {signer.address: 10**20 for signer in SIGNERS}
SALT = b"\x05" * 32
POLICY = Policy(
    bundle_digest=b"\x01" * 32,
    data_key_epoch=1,
    data_key_commitment=b"\x02" * 32,
    every=EVERY,
    delay=0,
    start=GENESIS - 10 * EVERY,
    max_age=0,
    threshold_num=0,
    threshold_den=1,
    ballots=Ballots.SEALED,
    cast_window=600,
    reveal_window=600,
    stall=600,
    fallback=Fallback.ALERT,
    accuracy=10**16,
    speed=10**15,
)


class Network:
    """Three companies on a chain that can be begun again, at the same address, with another history."""

    def __init__(self, rpc: Rpc, folder: Path) -> None:
        self.rpc = rpc
        self.deployment: Deployment = deploy(rpc, OWNER, 0, 86_400)
        pool = deploy_pool(rpc, OWNER, self.deployment.contract)
        self.owner = self.client(OWNER)
        for number, signer in enumerate(SIGNERS[:3]):
            self.owner.enrol(bytes([0xA0 + number]) * 20, signer.address, Role.ACTIVE, b"\x01" * 32)
        self.owner.wait(self.owner.announce(WORKFLOW, POLICY), poll=0.02)
        self.pool = PoolClient(self.owner, pool.contract)
        (folder / "network.toml").write_text(
            f"""\
[network]
name = "audited"
chain_id = {DEVELOPMENT_CHAIN_ID}
contract = "0x{self.deployment.contract.hex()}"
deployed_block = {self.deployment.block}

[rewards]
period = "1d"
contract = "0x{pool.contract.hex()}"
"""
        )

    def client(self, signer: Any) -> NetworkClient:
        return NetworkClient(self.rpc, self.deployment.contract, signer=signer)

    def vote(self, number: int, pair: Pair = PAIR) -> None:
        """All seal the pair of that slot, and open it."""
        slot = Slot.at(EVERY, GENESIS - (10 - number) * EVERY)
        clients = [self.client(signer) for signer in SIGNERS[:3]]
        where = (
            DEVELOPMENT_CHAIN_ID,
            self.deployment.contract,
            clients[0].voting_id(WORKFLOW, slot.trigger_id),
        )
        for worker, client in enumerate(clients):
            sealed = seal(*where, 1, worker, pair, SALT)
            client.wait(client.seal(WORKFLOW, slot.trigger_id, Place(1, 1, worker), sealed), poll=0.02)
        salts = dict.fromkeys(range(3), SALT)
        client.wait(client.reveal(WORKFLOW, slot.trigger_id, Place(1, 1), pair, salts), poll=0.02)

    def claim(self, worker: int) -> None:
        """Has the worker's operator paid for all records."""
        seen = everything(self.owner, self.deployment.block, self.pool.contract)
        for transaction in self.pool.claim(worker, [line.record for line in seen.records]):
            self.owner.wait(transaction, poll=0.02)


@contextmanager
def network(folder: Path, name: str) -> Iterator[tuple[Network, str]]:
    with start(folder / name, funds=FUNDS, engine="builtin", block_time=0, genesis_time=GENESIS) as chain:
        yield Network(Rpc(chain.url, DEVELOPMENT_CHAIN_ID), folder), chain.url


def test_an_auditor_follows_a_log_and_finds_that_its_history_was_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def audit(url: str, *arguments: str) -> tuple[int, Any]:
        with pytest.raises(SystemExit) as caught:
            main.run(["audit", str(tmp_path / "network.toml"), "--rpc", url, "--json", *arguments])
        out, err = capsys.readouterr()
        assert out, err
        return int(str(caught.value.code)), json.loads(out)

    with network(tmp_path, "chain") as (audited, url):
        audited.vote(0)
        audited.vote(1)
        code, first = audit(url, "--report", str(tmp_path / "report.html"))
        assert (code, first["findings"]) == (0, [])
        assert [record["position"] for record in first["records"]] == [0, 1]
        assert "nothing found" in (tmp_path / "report.html").read_text()

        audited.vote(2)
        audited.owner.wait(audited.pool.fund(10**17), poll=0.02)
        audited.claim(0)
        code, second = audit(url)
        assert (code, second["findings"]) == (0, [])
        assert second["log"]["before"] == first["log"]["after"]
        assert [record["position"] for record in second["records"]] == [2]
        assert second["workers"][0]["paid"] == str(3 * (POLICY.accuracy + POLICY.speed))

    remembered = (tmp_path / "audit-state.json").read_bytes()
    with network(tmp_path, "another") as (audited, url):
        for number in range(4):
            audited.vote(number, OTHER if number == 1 else PAIR)
        code, third = audit(url, "--accept")
        assert (code, third["log"]["is_rewritten"]) == (1, True)
        assert {"chain.block", "log.prefix"} <= {each["rule"] for each in third["findings"]}
        assert (tmp_path / "audit-state.json").read_bytes() == remembered
