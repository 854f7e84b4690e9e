"""The vectors of sealed statements, read as a stranger would who has `vectors/README.md` only."""

import json
from pathlib import Path
from typing import Any

import pytest

from worknet.chain.errors import SealedStatementError
from worknet.chain.sealed_statements import SealedStatement

DOCUMENT = json.loads((Path(__file__).parents[3] / "vectors" / "sealed_statements.json").read_text())


def opened(given: dict[str, Any]) -> str:
    content, key = (bytes.fromhex(given[name][2:]) for name in ("content", "encryption_key"))
    return SealedStatement.parse(content).open(key, given["me"]).to_bytes().decode()


@pytest.mark.parametrize("case", DOCUMENT["good"], ids=lambda case: case["name"])
def test_recipients_read_what_was_sealed_by_another_implementation(case: Any) -> None:
    assert opened(case["given"]) == case["gives"]


@pytest.mark.parametrize("case", DOCUMENT["bad"], ids=lambda case: case["name"])
def test_bad_ones_are_refused(case: Any) -> None:
    with pytest.raises(SealedStatementError):
        opened(case["given"])
