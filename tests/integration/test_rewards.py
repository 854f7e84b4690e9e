"""A small network with rewards from its deployment to the last payment, by the command line alone.

Only the votings are driven by the client, as the workers' nodes would.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from worknet.chain.client import NetworkClient
from worknet.chain.development import start
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer, create_keystore, signer_from_key
from worknet.cli import main
from worknet.config.network import NetworkConfig
from worknet.network.establish import policy_of
from worknet.protocol.ballots import Pair, Place, seal
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.times import time_text

NAME = "matching_24_7"
BUNDLE = Path(__file__).resolve().parents[2] / "workflows" / NAME
WORKFLOW = workflow_id(NAME)
PAIR = Pair(b"\x0a" * 32, b"\x0b" * 32)
DAY = 86_400
KEYS = {"owner": b"\x01" * 32, "heir": b"\x02" * 32} | {f"worker{n}": bytes([n + 3]) * 32 for n in range(3)}
SIGNERS: dict[str, Signer] = {name: signer_from_key(key, DEVELOPMENT_CHAIN_ID) for name, key in KEYS.items()}
OPERATORS = [bytes([0xA0 + n]) * 20 for n in range(3)]
TEXT = f"""\
[network]
name = "paid"
chain_id = 31337

[rewards]
period = "1d"
base = "0.2"
consistency = "0.1"

[workflows.{NAME}]
folder = "{BUNDLE}"

[workflows.{NAME}.policy]
start = 2026-01-01T00:00:00Z
cast_window = "5m"
reveal_window = "5m"
stall = "1h"
fallback = "failover_then_plurality"
accuracy = "0.05"
speed = "0.01"
data_key_epoch = 1
data_key_commitment = "0x{"11" * 32}"
"""


@dataclass
class Desk:
    """The folder with network.toml and all keys, and the chain."""

    folder: Path
    rpc: Rpc
    url: str
    capsys: pytest.CaptureFixture[str]

    @property
    def file(self) -> Path:
        return self.folder / "network.toml"

    def run(self, group: str, command: str, *words: str, key: str | None = None, code: int = 0) -> Any:
        """What a command prints with --json."""
        signed = [] if key is None else ["--keystore", str(self.folder / f"{key}.json")]
        password = [] if key is None else ["--password-env", "A_PASSWORD"]
        rest = [str(self.file), *words, "--rpc", self.url, *signed, *password, "--json"]
        with pytest.raises(SystemExit) as caught:
            main.run([group, command, *rest])
        out, err = self.capsys.readouterr()
        assert caught.value.code == code, err
        return json.loads(out) if out else err

    def client(self, name: str) -> NetworkClient:
        return NetworkClient(self.rpc, NetworkConfig.load(self.file).deployed()[0], signer=SIGNERS[name])

    @property
    def now(self) -> int:
        header = self.rpc.header()
        assert header is not None
        return header.time

    def pass_time(self, seconds: int) -> None:
        self.rpc.request("evm_increaseTime", seconds)
        self.rpc.request("evm_mine")

    def next_period(self) -> None:
        self.pass_time(DAY - self.now % DAY)

    def vote(self, slot: Slot) -> None:
        """All workers seal the pair, worker 0 first, and open it."""
        clients = [self.client(f"worker{number}") for number in range(3)]
        chain_id, contract = self.rpc.chain_id, clients[0].contract
        voting_id = clients[0].voting_id(WORKFLOW, slot.trigger_id)
        salts = {number: bytes([number]) * 32 for number in range(3)}
        for number, client in enumerate(clients):
            sealed = seal(chain_id, contract, voting_id, 1, number, PAIR, salts[number])
            client.wait(client.seal(WORKFLOW, slot.trigger_id, Place(1, 1, number), sealed), poll=0.02)
        client = clients[0]
        client.wait(client.reveal(WORKFLOW, slot.trigger_id, Place(1, 1), PAIR, salts), poll=0.02)


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    monkeypatch.setenv("A_PASSWORD", "a password")
    for name, key in KEYS.items():
        create_keystore(tmp_path / f"{name}.json", "a password", key=key, light=True)
    funds = {signer.address: 10**20 for signer in SIGNERS.values()}
    (tmp_path / "network.toml").write_text(TEXT)
    with start(tmp_path / "chain", funds=funds, engine="builtin", block_time=0) as chain:
        yield Desk(tmp_path, Rpc(chain.url, DEVELOPMENT_CHAIN_ID), chain.url, capsys)


def test_a_network_pays_its_workers_and_passes_to_another_owner(desk: Desk) -> None:
    # Deployed, with pool and amounts; three companies enrolled, and a standby.
    deployed = desk.run("network", "deploy", "--allow-unisolated", key="owner")
    assert deployed["announced"] == [NAME]
    for number, operator in enumerate(OPERATORS):
        worker = SIGNERS[f"worker{number}"].address
        words = ["--operator", f"0x{operator.hex()}", "--worker", f"0x{worker.hex()}"]
        enrolled = desk.run("network", "enrol", *words, "--encryption-key", f"0x{'ef' * 32}", key="owner")
        assert enrolled["index"] == number
    words = [
        "--operator",
        f"0x{'dd' * 20}",
        "--worker",
        f"0x{'cc' * 20}",
        "--encryption-key",
        f"0x{'ef' * 32}",
    ]
    assert desk.run("network", "enrol", *words, "--role", "standby", key="owner")["index"] == 3
    shown = desk.run("network", "show")
    assert [member["role"] for member in shown["members"]] == ["active"] * 3 + ["standby"]
    assert shown["pool"]["amounts_to_come"] == {"base": str(2 * 10**17), "consistency": str(10**17)}

    # A period in which three votings come to an agreement, one of them by signatures from files.
    every = policy_of(NetworkConfig.load(desk.file), NAME, allow_unisolated=True).every
    first = Slot.at(every, desk.now - 5 * every).number
    slots = [Slot(every, first + number) for number in range(3)]
    desk.next_period()
    for slot in slots[:2]:
        desk.vote(slot)
    roots = ["--input-root", f"0x{PAIR.input_root.hex()}", "--result-root", f"0x{PAIR.result_root.hex()}"]
    voting = f"{NAME}@{time_text(slots[2].window.start)}"
    files = [str(desk.folder / f"{number}.report.json") for number in (0, 2)]
    for number, file in zip((0, 2), files, strict=True):
        who = ["--participants", "0-2", "--voters", "0,2", "--out", file]
        desk.run("report", "sign", voting, *roots, *who, key=f"worker{number}")
    assert desk.run("report", "collect", files[0], key="heir", code=1)["missing"] == [2]
    assert desk.run("report", "collect", *files, key="heir")["signed"] == [0, 2]
    assert desk.run("network", "show")["log_size"] == 3

    # Shown from the chain alone: worker 1 was outvoted in the report, and is consistent no more.
    desk.next_period()
    shown = {each["index"]: each for each in desk.run("rewards", "show")["workers"]}
    totals = [3 * 5 + 2 + 20 + 10, 2 * 5 + 20, 3 * 5 + 20 + 10, 0]
    assert [int(shown[number]["earned"]["total"]) for number in range(4)] == [n * 10**16 for n in totals]

    # A pool that is short pays what it has; the rest stays owed until it is funded.
    desk.run("network", "fund", "0.5", key="heir")
    paid = desk.run("rewards", "claim", key="worker0")["claims"]
    assert [int(claim["paid"]) for claim in paid] == [47 * 10**16, 3 * 10**16, 0]
    assert [int(claim["owed"]) for claim in paid] == [0, 27 * 10**16, 45 * 10**16]
    assert desk.run("rewards", "claim", key="worker0", code=1)["claims"] == []
    desk.run("network", "fund", "1", key="owner")
    desk.run("rewards", "claim", key="worker0")
    assert [desk.rpc.balance(operator) for operator in OPERATORS] == [n * 10**16 for n in totals[:3]]
    after = desk.run("rewards", "show")
    assert {each["owed"] for each in after["workers"]} == {"0"}
    assert {each["claimable"] for each in after["workers"]} == {"0"}
    assert int(after["balance"]) == 15 * 10**17 - sum(totals) * 10**16

    # A pause, and another owner, who alone ends it.
    desk.run("network", "pause", key="owner")
    assert desk.run("network", "show")["paused"] is True
    heir = f"0x{SIGNERS['heir'].address.hex()}"
    desk.run("network", "transfer", heir, key="owner")
    desk.run("network", "accept", key="heir")
    assert "belongs to" in desk.run("network", "resume", key="owner", code=2)
    desk.run("network", "resume", key="heir")
    shown = desk.run("network", "show")
    assert (shown["owner"], shown["paused"]) == (heir, False)
