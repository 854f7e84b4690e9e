"""The guide on arrivals is true: its sections are read, its workflow declares, its signatures are taken."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.arrivals import NODE

from worknet.config import NodeConfig
from worknet.node.ingest.webhooks import signature
from worknet.workflow.triggers import OnMessage

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "guides" / "triggers.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
SECTIONS = [text for kind, text in BLOCKS if kind == "toml"]
CODE = [text for kind, text in BLOCKS if kind == "python"]


@pytest.mark.parametrize("section", SECTIONS, ids=range(len(SECTIONS)))
def test_each_section_of_the_guide_is_read(tmp_path: Path, section: str) -> None:
    (tmp_path / "node.toml").write_text(NODE + section)
    assert len(NodeConfig.load(tmp_path / "node.toml").workflows) == 1


def test_the_guides_workflow_votes_on_messages() -> None:
    names: dict[str, Any] = {}
    exec(CODE[0], names)
    assert names["billing"].declaration.trigger == OnMessage("batch_ready", "batch")


def test_a_request_signed_as_the_guide_says_is_signed_right() -> None:
    names: dict[str, Any] = {}
    exec(CODE[1], names)
    given = names["headers"](b"s" * 32, "key-1", 1_700_000_000, b"{}")
    assert given["Webhook-Signature"] == signature(b"s" * 32, "key-1", 1_700_000_000, b"{}")
