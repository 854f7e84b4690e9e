"""An external signer over real HTTP: what it signs counts only if it is what was asked for."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from tests.services import free_port
from tests.signer_server import MOODS, SignerServer

from worknet.chain.errors import SignerUnavailableError, SigningRefusedError, WrongChainError
from worknet.chain.remote_signer import RemoteKey
from worknet.chain.signers import BallotSigner, Signer, signer_from_key
from worknet.protocol.ballots import Pair, Place

KEY = bytes.fromhex("11" * 32)
PUBLIC_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
CHAIN_ID = 246
TOKEN = "s3cret-token"
LEGACY = {
    "chainId": CHAIN_ID,
    "nonce": 0,
    "gas": 90_000,
    "gasPrice": 10**9,
    "to": b"\x22" * 20,
    "value": 0,
    "data": b"\x01\x00\x02",
}
DYNAMIC = {**LEGACY, "maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9}
del DYNAMIC["gasPrice"]
CREATION = {name: value for name, value in DYNAMIC.items() if name != "to"}
KINDS = {"legacy": LEGACY, "dynamic": DYNAMIC, "creation": CREATION}
PLACE, PAIR = Place(1, 1, 0), Pair(b"\x01" * 32, b"\x02" * 32)


@pytest.fixture(scope="module")
def server() -> Iterator[SignerServer]:
    with SignerServer(KEY, token=TOKEN) as server:
        yield server


@pytest.fixture
def signer(server: SignerServer) -> Iterator[Signer]:
    yield Signer(RemoteKey(server.url, server.address, token=TOKEN, timeout=0.5), CHAIN_ID)
    server.mood = ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_transaction_signed_elsewhere_is_the_one_that_would_be_signed_here(
    signer: Signer, kind: str
) -> None:
    transaction: Any = KINDS[kind]
    signed = signer.sign(transaction)
    assert signed == signer_from_key(KEY, CHAIN_ID).sign(transaction)
    assert Account.recover_transaction(signed.raw).lower() == f"0x{signer.address.hex()}"


def test_seals_and_reports_signed_elsewhere_are_those_that_would_be_signed_here(signer: Signer) -> None:
    there, here = (BallotSigner(each, b"\x33" * 20) for each in (signer, signer_from_key(KEY, CHAIN_ID)))
    seal = b"\x05" * 30 + b"\0\0"
    assert there.seal(b"\x04" * 32, PLACE, seal) == here.seal(b"\x04" * 32, PLACE, seal)
    # Bitmaps have up to 256 bits.
    what = (b"\x04" * 32, PLACE, PAIR, (1 << 256) - 1, 1 << 255)
    assert there.report(*what) == here.report(*what)


@pytest.mark.parametrize("kind", ["legacy", "dynamic"])
@pytest.mark.parametrize("mood", [*MOODS, "another key", "no transaction"])
def test_another_transaction_than_the_one_asked_for_is_refused(
    signer: Signer, server: SignerServer, mood: str, kind: str
) -> None:
    server.mood = mood
    transaction: Any = KINDS[kind]
    with pytest.raises(SigningRefusedError, match="not the transaction asked for") as caught:
        signer.sign(transaction)
    assert "nothing was sent" in caught.value.hint


@pytest.mark.parametrize("mood", ["another key", "another message", "no transaction"])
def test_a_signature_of_anything_else_is_refused(signer: Signer, server: SignerServer, mood: str) -> None:
    server.mood = mood
    with pytest.raises(SigningRefusedError):
        BallotSigner(signer, b"\x33" * 20).report(b"\x04" * 32, PLACE, PAIR, 0b11, 0b01)


@pytest.mark.parametrize(
    ("mood", "wrong"),
    [
        ("down", "HTTP status 500"),
        ("garbage", "nothing that can be used"),
        ("slow", "no whole answer within 0.5 s"),
        ("dripping", "no whole answer within 0.5 s"),
        ("endless", "larger than"),
        ("redirecting", "HTTP status 307"),
        ("locked", "an error .code -32000"),
        ("answering another", "nothing that can be used"),
        ("nonsense", "nothing that can be used"),
    ],
)
def test_a_signer_without_a_usable_answer_is_an_error_of_its_own_and_may_be_asked_again(
    signer: Signer, server: SignerServer, mood: str, wrong: str
) -> None:
    server.mood = mood
    begun = time.monotonic()
    transaction: Any = DYNAMIC
    with pytest.raises(SignerUnavailableError, match=wrong) as caught:
        signer.sign(transaction)
    assert time.monotonic() - begun < 2
    assert caught.value.hint
    # What the signer says may quote what it was asked to sign.
    assert "hunter2" not in str(caught.value)
    server.mood = ""
    assert signer.sign(transaction)


def test_a_signer_that_is_gone_is_asked_again_when_it_is_back() -> None:
    port = free_port()
    signer = Signer(RemoteKey(f"http://127.0.0.1:{port}", signer_from_key(KEY, CHAIN_ID).address), CHAIN_ID)
    transaction: Any = DYNAMIC
    with pytest.raises(SignerUnavailableError, match="Connection refused"):
        signer.sign(transaction)
    with SignerServer(KEY, port=port):
        assert signer.sign(transaction)


def test_another_chain_s_transaction_is_not_even_asked_for(signer: Signer, server: SignerServer) -> None:
    asked = len(server.asked)
    transaction: Any = {**DYNAMIC, "chainId": 1}
    with pytest.raises(WrongChainError):
        signer.sign(transaction)
    assert len(server.asked) == asked


def test_a_signer_without_the_account_is_refused_with_those_it_has(server: SignerServer) -> None:
    RemoteKey(server.url, server.address, token=TOKEN).check()
    with pytest.raises(SigningRefusedError, match=f"no key of 0x{'99' * 20}") as caught:
        RemoteKey(server.url, b"\x99" * 20, token=TOKEN).check()
    assert f"0x{server.address.hex()}" in caught.value.hint


@pytest.mark.parametrize("token", [None, "another"])
def test_a_wrong_token_is_told_without_being_shown(server: SignerServer, token: str | None) -> None:
    with pytest.raises(SignerUnavailableError, match="HTTP status 401") as caught:
        RemoteKey(server.url, server.address, token=token).check()
    assert str(token) not in str(caught.value)


@pytest.mark.parametrize("token", ["", "two words", "line\nend", "kälte"])
def test_what_is_no_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(SignerUnavailableError, match="token") as caught:
        RemoteKey("http://127.0.0.1:1", bytes(20), token=token)
    assert not token or token not in str(caught.value)


def test_a_publicly_known_key_signs_on_no_other_chain_from_elsewhere_either() -> None:
    address = signer_from_key(PUBLIC_KEY, 31337).address
    with pytest.raises(SigningRefusedError, match="publicly known"):
        Signer(RemoteKey("http://127.0.0.1:1", address), CHAIN_ID)


def test_neither_signer_nor_key_shows_token_or_path() -> None:
    signer = Signer(RemoteKey("http://127.0.0.1:1/hunter2", b"\x99" * 20, token=TOKEN), CHAIN_ID)
    assert not {"hunter2", TOKEN} & set((repr(signer) + repr(signer.key)).replace("/", " ").split())
    assert "hunter2" not in repr(signer.key)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    files = str(tmp_path / "signer.pem"), str(tmp_path / "signer.key")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=signer"
    )
    options = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]]
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    return files


def test_a_signer_behind_tls_is_believed_only_with_a_certificate_of_the_named_authority(
    certificate: tuple[str, str],
) -> None:
    with SignerServer(KEY, token=TOKEN, tls=certificate) as server:
        RemoteKey(server.url, server.address, token=TOKEN, ca=Path(certificate[0])).check()
        with pytest.raises(SignerUnavailableError, match="self-signed certificate"):
            RemoteKey(server.url, server.address, token=TOKEN).check()
        assert server.asked == ["eth_accounts"]


def test_a_signer_that_knows_its_clients_by_certificate_answers_this_one(
    certificate: tuple[str, str], tmp_path: Path
) -> None:
    whole = tmp_path / "client.pem"
    whole.write_text("".join(Path(file).read_text() for file in certificate))
    with SignerServer(KEY, tls=certificate, clients=certificate[0]) as server:
        RemoteKey(server.url, server.address, ca=Path(certificate[0]), certificate=whole).check()
        with pytest.raises(SignerUnavailableError, match="the connection failed"):
            RemoteKey(server.url, server.address, ca=Path(certificate[0])).check()


def test_certificates_that_are_none_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for file in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        with pytest.raises(SignerUnavailableError, match=r"certificate|no file"):
            RemoteKey("https://127.0.0.1:1", bytes(20), certificate=file)
