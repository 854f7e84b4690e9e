"""The worker's key: opened from where node.toml says, or refused at the very key that is to be mended."""

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.signer_server import SignerServer
from tests.unit.config.conftest import NETWORK, NODE

from worknet.chain.signers import create_keystore, signer_from_key
from worknet.config import ConfigError, NodeConfig, SecretError
from worknet.node.keys import key_address, open_signer

KEY = bytes.fromhex("11" * 32)
ADDRESS = signer_from_key(KEY, 246).address
PUBLIC_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
PASSWORD = "hunter2"
SECTION = NODE[NODE.index("[key]\n") : NODE.index("[data_keys]")]
OPEN = "import sys; from worknet.config import *; from worknet.node.keys import *\n"
OPEN += "print(open_signer(NodeConfig.load(sys.argv[1]), 246).address.hex())"

Configure = Callable[[str], NodeConfig]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """A node.toml with this under `[key]`."""

    def written(section: str) -> NodeConfig:
        (tmp_path / "network.toml").write_text(NETWORK)
        (tmp_path / "node.toml").write_text(NODE.replace(SECTION, f"[key]\n{section}\n"))
        return NodeConfig.load(tmp_path / "node.toml")

    create_keystore(tmp_path / "worker.json", PASSWORD, key=KEY, light=True)
    return written


def external(server: SignerServer, address: bytes = ADDRESS) -> str:
    return f'signer = "{server.url}"\naddress = "0x{address.hex()}"'


def test_a_key_is_opened_from_a_keystore_from_the_environment_or_outside(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_PASSWORD", PASSWORD)
    monkeypatch.setenv("TEST_KEY", KEY.hex())
    with SignerServer(KEY) as server:
        for section in (
            'keystore = "worker.json"\npassword = { env = "TEST_PASSWORD" }',
            'private_key = { env = "TEST_KEY" }',
            external(server),
        ):
            config = configure(section)
            assert open_signer(config, 246).address == key_address(config) == ADDRESS


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ('keystore = "worker.json"\npassword = { env = "TEST_SECRET" }', "line 11: key.keystore: "),
        ('keystore = "none.json"\npassword = { env = "TEST_SECRET" }', "line 11: key.keystore: "),
        ('private_key = { env = "TEST_ZERO" }', "line 11: key.private_key: "),
        ('private_key = { env = "TEST_PUBLIC" }', "line 10: key: the key of 0xf39f"),
        ('signer = "http://127.0.0.1:1"\naddress = "0x' + "12" * 20 + '"', "line 11: key.signer: "),
    ],
)
def test_a_key_that_cannot_be_opened_is_told_at_its_line(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, section: str, place: str
) -> None:
    monkeypatch.setenv("TEST_SECRET", "wrong-one")
    monkeypatch.setenv("TEST_ZERO", "00" * 32)
    monkeypatch.setenv("TEST_PUBLIC", PUBLIC_KEY)
    with pytest.raises(ConfigError) as caught:
        open_signer(configure(section), 246)
    assert place in str(caught.value)
    assert caught.value.hint
    assert not any(secret in str(caught.value) for secret in ("wrong-one", "00" * 32, PUBLIC_KEY))


def test_a_key_in_the_wrong_form_is_refused_without_being_shown(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", "11" * 31)
    with pytest.raises(SecretError, match="does not hold 32 bytes") as caught:
        open_signer(configure('private_key = { env = "TEST_KEY" }'), 246)
    assert "1111" not in str(caught.value)


def test_an_external_signer_without_the_account_is_refused_at_the_start(configure: Configure) -> None:
    with SignerServer(KEY) as server, pytest.raises(ConfigError, match=r"line 12: key.address: .* no key of"):
        open_signer(configure(external(server, b"\x12" * 20)), 246)


def test_an_external_signer_s_address_is_known_without_asking_it(configure: Configure) -> None:
    assert key_address(configure(f'signer = "http://127.0.0.1:1"\naddress = "0x{"12" * 20}"')) == b"\x12" * 20


def test_a_password_is_asked_for_on_the_terminal_and_not_echoed(configure: Configure) -> None:
    config = configure('keystore = "worker.json"\npassword = "prompt"')
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-c", OPEN, str(config.file)]
    process = subprocess.Popen(
        command, stdin=other_end, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stderr is not None
    prompt = b""
    while not prompt.endswith(b": "):
        prompt += os.read(process.stderr.fileno(), 100)
    os.write(terminal, f"{PASSWORD}\n".encode())
    out, _ = process.communicate(timeout=60)
    assert prompt == f"password of {config.file.parent / 'worker.json'}: ".encode()
    assert out.decode().strip() == ADDRESS.hex()
    os.close(other_end)
    os.set_blocking(terminal, False)
    try:
        echoed = os.read(terminal, 1000)
    except OSError:
        echoed = b""
    os.close(terminal)
    assert PASSWORD.encode() not in echoed


def test_a_password_that_nobody_can_be_asked_for_is_refused(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(ConfigError, match=r"line 12: key.password: .* no terminal"):
        open_signer(configure('keystore = "worker.json"\npassword = "prompt"'), 246)
