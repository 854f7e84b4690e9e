"""Addresses on the command line: a slip is told with its option before anything is sent or made."""

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Governed

from worknet.cli import main

RIGHT = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
SLIPPED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"
KEY = ["--encryption-key", f"0x{'ef' * 32}"]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("ADDRESS", ["transfer", "TEXT"]),
        ("--operator", ["enrol", "--operator", "TEXT", "--worker", RIGHT, *KEY]),
        ("--worker", ["enrol", "--operator", RIGHT, "--worker", "TEXT", *KEY]),
    ],
)
@pytest.mark.parametrize(("text", "why"), [(SLIPPED, "a digit or the case"), ("0x12", "no address")])
def test_a_slip_in_an_address_is_told_with_its_option(
    governed: Governed, option: str, words: list[str], text: str, why: str
) -> None:
    before = governed.sent()
    given = [text if word == "TEXT" else word for word in words]
    code, _, err = governed.run("network", *given, key="owner")
    assert (code, f"error: {option} {text}: {why}" in err, "$:" in err) == (2, True, False)
    assert governed.sent() == before


@pytest.mark.parametrize("text", [RIGHT, RIGHT.lower(), f"0x{RIGHT[2:].upper()}"])
def test_an_address_without_a_slip_is_taken(governed: Governed, text: str) -> None:
    assert governed.json("network", "transfer", text, key="owner")["pending_owner"] == RIGHT.lower()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--operator", "node init DIR --name a --network N.toml --rpc http://x --operator TEXT"),
        ("--contract", "verify FILE --contract TEXT"),
    ],
)
def test_commands_without_a_network_tell_it_too(
    option: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("")
    with pytest.raises(SystemExit) as caught:
        main.run(words.replace("TEXT", SLIPPED).split())
    said = "".join(capsys.readouterr())
    assert (caught.value.code, option in said, "a digit or the case" in said) == (2, True, True)
    assert not (tmp_path / "DIR").exists()
