"""The author's guide on determinism is true: its example gives the findings that it shows."""

import re
from pathlib import Path

import pytest

from worknet.cli import main

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "author.md"


def block(language):
    """The one code block of that language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.long
def test_the_check_says_of_the_guide_s_example_what_the_guide_shows(tmp_path, capsys):
    (tmp_path / "workflow.py").write_text(block("py"))
    with pytest.raises(SystemExit) as ended:
        main.run(["workflow", "check", str(tmp_path), "--runs", "4", "--allow-unisolated"])
    told = capsys.readouterr().out.splitlines()
    assert ended.value.code == 1
    assert [line for line in block("console").splitlines() if line not in told] == []
