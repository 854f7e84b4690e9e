"""`[sharing]` and the encryption key: what they take, and what they refuse in which words."""

from pathlib import Path

import pytest
from tests.unit.config.test_operations import load

from worknet.config import ConfigError

KEY = "11" * 32


def test_without_the_section_nothing_is_shared(tmp_path: Path) -> None:
    sharing = load(tmp_path, "").sharing
    assert sharing.level == "nothing"
    assert sharing.options() == {
        "folder": None,
        "url": None,
        "driver": {},
        "peers": [],
        "tls_ca": None,
        "timeout": 20.0,
    }


def test_every_way_may_be_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SECRET", "hush")
    text = """
[sharing]
level = "rows"
folder = "shared"
url = "s3://bucket/statements"
driver = { key = "id", secret = { env = "S3_SECRET" } }
peers = ["https://beta.example:9464", "http://gamma.example"]
tls_ca = "ca.pem"
timeout = "5s"
"""
    sharing = load(tmp_path, text).sharing
    assert sharing.options() == {
        "folder": tmp_path / "shared",
        "url": "s3://bucket/statements",
        "driver": {"key": "id", "secret": "hush"},
        "peers": ["https://beta.example:9464", "http://gamma.example"],
        "tls_ca": tmp_path / "ca.pem",
        "timeout": 5.0,
    }
    assert "hush" not in repr(sharing)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('level = "values"', "sharing.level: is none of the values it may have"),
        ('url = "bucket/statements"', "sharing.url: is no address of an object"),
        ('url = "s3://bucket/{start}"', "sharing.url: holds a placeholder"),
        ('driver = { key = "id" }', "sharing: has a driver, but no url"),
        ('url = "s3://b/s"\ndriver = { secret = "hush" }', "sharing.driver: secret is a secret"),
        ('peers = ["beta.example"]', "sharing.peers[0]: is no http"),
        ('tls_ca = "ca.pem"', "sharing: has tls_ca, but no peers"),
        ('timeout = "0s"', "sharing.timeout: is 0"),
        ('forlder = "x"', "sharing.forlder: is not known"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[sharing]\n{text}")
    assert told in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_encryption_key_is_beside_the_file_unless_it_is_elsewhere(tmp_path: Path) -> None:
    for name in ("encryption-key", "elsewhere"):
        (tmp_path / name).write_text((KEY if name == "elsewhere" else "22" * 32) + "\n")
        (tmp_path / name).chmod(0o600)
    config = load(tmp_path, "")
    assert config.encryption_key() == b"\x22" * 32
    text = config.file.read_text().replace("[chain]", 'encryption_key = { file = "elsewhere" }\n[chain]')
    config.file.write_text(text)
    assert type(config).load(config.file).encryption_key() == b"\x11" * 32


@pytest.mark.parametrize("content", [None, "no key\n", KEY[:-2]])
def test_an_encryption_key_that_is_none_is_told_with_key_and_file(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "encryption-key").write_text(content)
        (tmp_path / "encryption-key").chmod(0o600)
    with pytest.raises(ConfigError, match=r"node\.encryption_key: the file .*encryption-key") as caught:
        load(tmp_path, "").encryption_key()
    assert caught.value.hint
    assert KEY[:-2] not in str(caught.value)
