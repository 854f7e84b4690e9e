"""Keystores, password references and signers."""

import json
import stat
from pathlib import Path

import pytest
from eth_account import Account

from worknet.chain.errors import KeystoreError, SigningRefusedError, WrongChainError
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID, PUBLIC_CHAINS
from worknet.chain.signers import (
    DEVELOPMENT_CHAIN_IDS,
    PUBLICLY_KNOWN,
    create_keystore,
    keystore_address,
    open_keystore,
    signer_from_key,
)

KEY = bytes.fromhex("11" * 32)
TRANSFER = {"nonce": 0, "gas": 21000, "gasPrice": 1, "to": "0x" + "22" * 20, "value": 1, "chainId": 246}
MNEMONICS = {
    "test test test test test test test test test test test junk": 20,
    "myth like bonus scare over problem client lizard pioneer submit female collect": 10,
}


def test_a_keystore_gives_back_its_key_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    address = create_keystore(path, "secret", light=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keystore_address(path) == address
    assert open_keystore(path, "secret", 246).address == address


def test_a_keystore_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    address = create_keystore(path, "a", light=True)
    with pytest.raises(KeystoreError, match="exists"):
        create_keystore(path, "b", light=True)
    assert keystore_address(path) == address


def test_a_wrong_password_is_refused_without_being_shown(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    create_keystore(path, "right", light=True)
    with pytest.raises(KeystoreError) as caught:
        open_keystore(path, "wrong-one", 246)
    assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 3}', '{"version": 3, "crypto": {}}', "\0"])
def test_a_file_that_is_no_keystore_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(text)
    with pytest.raises(KeystoreError):
        open_keystore(path, "x", 246)
    with pytest.raises(KeystoreError):
        keystore_address(path)


def test_a_missing_keystore_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match=r"nowhere\.json"):
        open_keystore(tmp_path / "nowhere.json", "x", 246)


@pytest.mark.parametrize("key", [b"", b"\0" * 32, b"\xff" * 32, b"\x01" * 31])
def test_what_is_no_key_is_refused_without_being_shown(key: bytes) -> None:
    with pytest.raises(KeystoreError) as caught:
        signer_from_key(key, 246)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_signer_signs_for_its_chain_only() -> None:
    signer = signer_from_key(KEY, 246)
    signed = signer.sign(TRANSFER)
    assert Account.recover_transaction(signed.raw).lower() == "0x" + signer.address.hex()
    with pytest.raises(WrongChainError) as caught:
        signer.sign({**TRANSFER, "chainId": 1})
    assert (caught.value.expected, caught.value.actual) == (246, 1)
    with pytest.raises(WrongChainError):
        signer.sign({name: value for name, value in TRANSFER.items() if name != "chainId"})


def test_a_malformed_transaction_is_refused() -> None:
    with pytest.raises(SigningRefusedError):
        signer_from_key(KEY, 246).sign({**TRANSFER, "to": "nonsense"})


def test_a_signer_does_not_show_its_key() -> None:
    assert KEY.hex() not in repr(signer_from_key(KEY, 246))


def test_publicly_known_keys_sign_on_development_chains_only() -> None:
    Account.enable_unaudited_hdwallet_features()
    known = set()
    for mnemonic, count in MNEMONICS.items():
        for index in range(count):
            account = Account.from_mnemonic(mnemonic, account_path=f"m/44'/60'/0'/0/{index}")
            known.add(bytes.fromhex(account.address[2:]))
    assert known == PUBLICLY_KNOWN
    key = bytes(account.key)
    assert signer_from_key(key, DEVELOPMENT_CHAIN_ID).address in known
    for chain_id in (1, 246, 73799, 1337):
        with pytest.raises(SigningRefusedError, match=str(chain_id)):
            signer_from_key(key, chain_id)


def test_a_full_keystore_costs_more_to_guess_than_a_light_one(tmp_path: Path) -> None:
    for name, light in (("light", True), ("full", False)):
        create_keystore(tmp_path / name, "x", key=KEY, light=light)
    cost = {
        name: json.loads((tmp_path / name).read_text())["crypto"]["kdfparams"]["n"]
        for name in ("light", "full")
    }
    assert cost == {"light": 4096, "full": 262144}


def test_public_chains_are_told_from_development_chains() -> None:
    assert PUBLIC_CHAINS.keys() == {246, 73799}
    assert not PUBLIC_CHAINS.keys() & DEVELOPMENT_CHAIN_IDS
    assert all(chain.rpc_url.startswith("https://") for chain in PUBLIC_CHAINS.values())
