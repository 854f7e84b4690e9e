"""References to secrets: read when asked, refused when others can read them, never shown."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from worknet.config import SecretError, SecretRef

Write = Callable[..., Path]


def test_a_secret_is_read_each_time_it_is_asked_for(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("secret", "one\n")
    reference = SecretRef(file=file)
    assert reference.resolve() == "one"
    file.write_text("two\r\n")
    assert reference.resolve() == "two"
    monkeypatch.setenv("WORKNET_TEST_SECRET", "three")
    assert SecretRef(env="WORKNET_TEST_SECRET").resolve() == "three"


def test_only_one_line_end_is_no_part_of_a_secret(write: Write) -> None:
    assert SecretRef(file=write("secret", " a b \n\n")).resolve() == " a b \n"


def test_a_secret_is_not_shown_by_its_reference(write: Write) -> None:
    reference = SecretRef(file=write("secret", "hunter2"))
    reference.resolve()
    assert "hunter2" not in repr(reference) + str(reference)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o666])
def test_a_file_open_to_every_user_is_refused(write: Write, mode: int) -> None:
    with pytest.raises(SecretError, match="open to every user") as caught:
        SecretRef(file=write("secret", "hunter2", mode)).resolve()
    assert "chmod 600" in caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_a_file_open_to_its_group_is_accepted(write: Write) -> None:
    assert SecretRef(file=write("secret", "x", 0o640)).resolve() == "x"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 70_000, "larger than")],
)
def test_a_file_without_a_secret_is_refused(write: Write, content: bytes, wrong: str) -> None:
    with pytest.raises(SecretError, match=wrong):
        SecretRef(file=write("secret", content)).resolve()


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for place in (tmp_path / "pipe", tmp_path, tmp_path / "none"):
        with pytest.raises(SecretError, match=r"no regular file|cannot be read"):
            SecretRef(file=place).resolve()


def test_a_variable_that_is_not_set_is_told_by_name() -> None:
    with pytest.raises(SecretError, match="environment variable WORKNET_TEST_NONE is not set"):
        SecretRef(env="WORKNET_TEST_NONE").resolve()


@pytest.mark.parametrize("text", ["ab" * 32, "0x" + "ab" * 32, " " + "ab" * 32 + " \n\n"])
def test_bytes_are_read_from_hex_digits(write: Write, text: str) -> None:
    assert SecretRef(file=write("secret", text)).resolve_bytes(32) == b"\xab" * 32


@pytest.mark.parametrize("text", ["ab" * 31, "ab" * 33, "zz" * 32, "AB" * 32, "0xabc"])
def test_a_secret_that_is_not_those_bytes_is_refused_and_not_shown(write: Write, text: str) -> None:
    with pytest.raises(SecretError, match="does not hold 32 bytes") as caught:
        SecretRef(file=write("secret", text)).resolve_bytes(32)
    assert text not in str(caught.value) + caught.value.hint
