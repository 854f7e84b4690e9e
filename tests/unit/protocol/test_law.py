"""The text of the law against the code, where both name the same things."""

import re
from dataclasses import fields
from pathlib import Path

from worknet.protocol import eip712
from worknet.protocol.manifest import Manifest
from worknet.protocol.policy import Policy
from worknet.protocol.words import NAMES

ROOT = Path(__file__).parents[3]
LAW = (ROOT / "docs" / "protocol.md").read_text()


def appendix(letter: str) -> str:
    """The text of an appendix."""
    return re.split(r"(?m)^### ", LAW.partition(f"### {letter}. ")[2])[0]


def test_the_registry_of_tags_is_that_of_the_code() -> None:
    assert set(re.findall(r"(?m)^\| `([a-z]+)` \|", appendix("D"))) == NAMES


def test_the_types_that_are_signed_are_those_of_the_code() -> None:
    for struct in (eip712.DOMAIN_TYPE, eip712.SEAL_TYPE, eip712.REPORT_TYPE):
        assert struct in appendix("C")


def test_the_fields_of_a_policy_stand_in_the_order_in_which_they_are_hashed() -> None:
    line = next(line for line in appendix("E").splitlines() if line.startswith("- The fields are hashed"))
    listed = re.sub(r"\([^)]*\)", "", line.partition(":")[2]).rstrip(".").split(",")
    short = [field.name.replace("_", " ").removeprefix("data key ") for field in fields(Policy)]
    assert [name.strip().replace("_", " ").removeprefix("data key ") for name in listed] == short


def test_the_keys_of_a_manifest_are_named() -> None:
    manifest = Manifest("a", bytes(32), bytes(32), None, {}, {}, {})
    assert [key for key in manifest.document() if f"`{key}`" not in appendix("B")] == []


def test_every_section_that_the_protocol_names_exists() -> None:
    for path in (ROOT / "src" / "worknet" / "protocol").glob("*.py"):
        for section in re.findall(r"\((?:S|s)ections? (\d+)", path.read_text()):
            assert f"\n## {section}. " in LAW, path.name
