"""A network on a chain in this process, with its files, for commands to be called on."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.chain.votings import Votings

from worknet.chain.keyfiles import create_encryption_key
from worknet.chain.pool import PoolClient
from worknet.chain.signers import create_keystore
from worknet.cli import main
from worknet.network import access
from worknet.protocol.ids import Slot
from worknet.protocol.times import time_text
from worknet.protocol.words import Fallback

ACCURACY, SPEED, BASE, CONSISTENCY = 10**15, 10**14, 10**17, 10**16
PASSWORD = "a password"

Call = Callable[..., tuple[int, str, str]]


class Governed:
    """The network, its pool and its files; worker 3 is a standby whose operator is the owner's account."""

    def __init__(self, folder: Path, call: Call, **changes: Any) -> None:
        self.folder = folder
        policy = {"accuracy": ACCURACY, "speed": SPEED, "fallback": Fallback.PLURALITY}
        self.network = Votings(folder / "chain", **{**policy, **changes})
        self.pool: PoolClient = self.network.new_pool()
        self.rpc = self.network.rpc
        self._call = call
        for number in range(4):
            key = bytes([number + 1]) * 32
            create_keystore(folder / f"{number}.json", PASSWORD, key=key, light=True)
        (folder / "owner.json").write_bytes((folder / "3.json").read_bytes())
        self.file.write_text(
            f"""\
[network]
name = "test"
chain_id = 31337
contract = "0x{self.network.deployment.contract.hex()}"
deployed_block = {self.network.deployment.block}

[rewards]
period = "1d"
contract = "0x{self.pool.contract.hex()}"

[workflows.matching]
folder = "matching"

[workflows.matching.policy]
cast_window = "5m"
reveal_window = "5m"
stall = "10m"
data_key_epoch = 1
data_key_commitment = "0x{"02" * 32}"
"""
        )

    @property
    def file(self) -> Path:
        return self.folder / "network.toml"

    def key(self, name: str = "owner") -> list[str]:
        return ["--keystore", str(self.folder / f"{name}.json"), "--password-env", "A_PASSWORD"]

    def run(self, group: str, command: str, *arguments: str, key: str | None = None) -> tuple[int, str, str]:
        signed = [] if key is None else self.key(key)
        return self._call(group, command, str(self.file), *arguments, *signed)

    def json(self, group: str, command: str, *arguments: str, key: str | None = None) -> Any:
        code, out, err = self.run(group, command, *arguments, "--json", key=key)
        assert (code, err) == (0, "")
        return json.loads(out)

    def show(self) -> Any:
        """The network as it is shown once the blocks so far are deep enough."""
        for _ in range(2):
            self.network.pass_time(1)
        return self.json("network", "show")

    def slot(self, number: int) -> str:
        """A voting as people name it."""
        start = Slot.of_trigger(self.network.trigger(number)).window.start
        return f"matching@{time_text(start)}"

    def node(self, name: str, key: bytes) -> Path:
        """The folder of a new worker."""
        folder = self.folder / name
        folder.mkdir()
        create_keystore(folder / "worker.json", PASSWORD, key=key, light=True)
        create_encryption_key(folder / "encryption-key")
        return folder

    def sent(self, number: int = 3) -> int:
        """How many transactions that account has sent."""
        return self.rpc.nonce(self.network.signers[number].address)

    def next_period(self) -> None:
        length = self.network.PERIOD
        self.network.pass_time(length - self.network.now % length)


@pytest.fixture
def governed(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Governed]:
    """The network; a test that wants another policy names its fields as the fixture's parameter."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main.run(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert isinstance(caught.value.code, int)
        return caught.value.code, out, err

    governed = Governed(tmp_path, call, **getattr(request, "param", {}))
    lock = threading.Lock()
    ask = governed.rpc.request

    def one_at_a_time(method: str, *params: Any) -> Any:
        with lock:
            return ask(method, *params)

    monkeypatch.setattr(governed.rpc, "request", one_at_a_time)
    monkeypatch.setattr(access, "connect", lambda *_: governed.rpc)
    monkeypatch.setenv("A_PASSWORD", PASSWORD)
    yield governed
    governed.network.store.close()
