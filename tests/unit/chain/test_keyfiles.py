"""New files with secrets: private, never overwritten, and good for what they are made for."""

from pathlib import Path

import pytest

from worknet.chain.errors import KeystoreError
from worknet.chain.keyfiles import create_encryption_key, create_key, encryption_public_key, write_secret
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import open_keystore


def test_a_secret_is_for_its_owners_eyes(tmp_path: Path) -> None:
    write_secret(tmp_path / "token", "hunter2")
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "token").read_text() == "hunter2\n"


def test_a_secret_is_never_overwritten(tmp_path: Path) -> None:
    write_secret(tmp_path / "token", "first")
    with pytest.raises(KeystoreError, match="exists already") as caught:
        write_secret(tmp_path / "token", "second")
    assert "second" not in str(caught.value)
    assert (tmp_path / "token").read_text() == "first\n"


def test_a_folder_that_is_not_there_is_an_error_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match="nowhere"):
        write_secret(tmp_path / "nowhere" / "token", "secret")


def test_a_new_key_opens_with_the_password_beside_it(tmp_path: Path) -> None:
    address = create_key(tmp_path, "worker", light=True)
    password = (tmp_path / "worker.password").read_text().strip()
    assert open_keystore(tmp_path / "worker.json", password, DEVELOPMENT_CHAIN_ID).address == address


def test_the_public_encryption_key_follows_from_the_file(tmp_path: Path) -> None:
    public = create_encryption_key(tmp_path / "encryption-key")
    assert encryption_public_key(tmp_path / "encryption-key") == public


@pytest.mark.parametrize("content", ["", "zz", "ab" * 31])
def test_a_file_without_an_encryption_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "encryption-key").write_text(content)
    with pytest.raises(KeystoreError, match="X25519"):
        encryption_public_key(tmp_path / "encryption-key")
