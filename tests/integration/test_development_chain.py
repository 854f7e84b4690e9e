"""Both development chains as processes: persistence, kills, ports, folders, and ends with their parent."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from worknet.chain.answers import Header, Receipt
from worknet.chain.development import DevelopmentChain, Engine, choose_engine, start
from worknet.chain.development.anvil import STATE, find_anvil
from worknet.chain.development.store import DATABASE
from worknet.chain.errors import DevelopmentChainError, FolderInUseError, PortInUseError, WrongChainError
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import signer_from_key

T = TypeVar("T")
SIGNER = signer_from_key(b"\x01" * 32, DEVELOPMENT_CHAIN_ID)
FUNDS = {SIGNER.address: 10**20}
RECEIVER = b"\x22" * 20

needs_anvil = pytest.mark.skipif(find_anvil() is None, reason="anvil is not installed")
engines = pytest.mark.parametrize("engine", ["builtin", pytest.param("anvil", marks=needs_anvil)])


def run(folder: Path, engine: Engine = "builtin", **options: float) -> DevelopmentChain:
    return start(folder, funds=FUNDS, engine=engine, block_time=options.get("block_time", 1.0))


def pay(rpc: Rpc, wei: int) -> Receipt:
    transaction = {"chainId": rpc.chain_id, "nonce": rpc.nonce(SIGNER.address), "gas": 21000, "value": wei}
    signed = SIGNER.sign(transaction | {"gasPrice": rpc.gas_price() * 2, "to": RECEIVER, "data": b""})
    rpc.send(signed.raw, signed.hash)
    return until(lambda: rpc.receipt(signed.hash))


def until(attempt: Callable[[], T | None], seconds: float = 15.0) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = attempt()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"nothing after {seconds} seconds")


def head(rpc: Rpc) -> Header:
    header = rpc.header()
    assert header is not None
    return header


@engines
def test_a_chain_goes_on_where_it_was_stopped(tmp_path: Path, engine: Engine) -> None:
    with run(tmp_path, engine) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        rpc.check_chain()
        receipt = pay(rpc, 5)
        assert receipt.succeeded
        seen = head(rpc)
        assert abs(seen.time - time.time()) < 10
    assert chain.process.returncode == 0
    with run(tmp_path, engine) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        assert rpc.receipt(receipt.transaction) == receipt
        assert rpc.balance(RECEIVER) == 5
        assert rpc.header(seen.number) == seen
        pay(rpc, 6)
        assert rpc.balance(RECEIVER) == 11


@pytest.mark.long
def test_a_killed_chain_has_the_same_blocks_when_it_is_started_again(tmp_path: Path) -> None:
    with run(tmp_path) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        receipt = pay(rpc, 5)
        seen = head(rpc)
        chain.process.send_signal(signal.SIGKILL)
        chain.process.wait()
    with run(tmp_path) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        assert rpc.header(seen.number) == seen
        assert rpc.receipt(receipt.transaction) == receipt


def test_blocks_come_by_themselves_and_faster_when_asked(tmp_path: Path) -> None:
    with run(tmp_path, block_time=0.1) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        first = head(rpc)
        later = until(lambda: found if (found := head(rpc)).number >= first.number + 5 else None)
        assert later.time - first.time >= later.number - first.number


def test_block_time_zero_mines_with_every_transaction(tmp_path: Path) -> None:
    with run(tmp_path, block_time=0) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        assert [pay(rpc, 1).block for _ in range(3)] == [1, 2, 3]


def test_a_chain_is_this_machines_own_and_its_folders_only_one(tmp_path: Path) -> None:
    with run(tmp_path) as chain:
        assert chain.url.startswith("http://127.0.0.1:")
        port = int(chain.url.rpartition(":")[2])
        with socket.socket() as other:
            other.bind(("127.0.0.2", port))
        with pytest.raises(FolderInUseError, match=str(tmp_path)):
            run(tmp_path)
        with pytest.raises(WrongChainError, match="246"):
            Rpc(chain.url, 246).check_chain()
        # A client's open connection does not hold up the end.
        chain.process.send_signal(signal.SIGINT)
        assert chain.process.wait(10) == 0


@engines
def test_a_port_in_use_is_named(tmp_path: Path, engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=str(port)) as caught:
            start(tmp_path, funds=FUNDS, engine=engine, port=port)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("file", "engine", "other"), [(DATABASE, "builtin", "anvil"), (STATE, "anvil", "builtin")]
)
def test_a_folder_stays_with_the_engine_that_began_it(
    tmp_path: Path, file: str, engine: Engine, other: Engine
) -> None:
    (tmp_path / file).write_text("")
    assert choose_engine(tmp_path, "auto") == choose_engine(tmp_path, engine) == engine
    with pytest.raises(DevelopmentChainError, match=engine):
        choose_engine(tmp_path, other)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DevelopmentChainError, match="file"):
        run(tmp_path / "file" / "chain")


PARENT = """
import sys, time
from pathlib import Path
from worknet.chain.development import start
chain = start(Path(sys.argv[1]), funds={}, engine=sys.argv[2])
print(chain.process.pid, flush=True)
time.sleep(60)
"""


@engines
def test_a_chain_ends_with_its_parent_even_when_that_is_killed(tmp_path: Path, engine: Engine) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), engine], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert lives(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not lives(pid))


@needs_anvil
@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal of Linux")
def test_anvil_ends_even_when_the_process_that_watches_it_is_killed(tmp_path: Path) -> None:
    with run(tmp_path, "anvil") as chain:
        port = int(chain.url.rpartition(":")[2])
        chain.process.kill()
        chain.process.wait()

        def is_free() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) != 0

        until(is_free)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    # Where nobody reaps orphans (containers), a process that has ended stays on as a zombie.
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


WITHOUT_EVM = """
import sys
sys.modules["eth"] = None
from worknet.chain.development.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_without_the_extra_the_built_in_chain_says_what_to_install(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_EVM, "--folder", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    answer = json.loads(ended.stdout)
    assert answer["error"] == "DevelopmentChainError"
    assert "worknet[local]" in answer["hint"]
    assert ended.stderr == ""


def test_a_missing_anvil_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DevelopmentChainError, match="anvil") as caught:
        run(tmp_path / "chain", "anvil")
    assert "npm" in caught.value.hint
