"""The guide "Why did my voting fail?": its cases are these votings, and what it shows is what is printed."""

import re
from pathlib import Path

import pytest
from tests.unit.node.failed_votings import CASES, FIRST, GUIDE, cases_in, printed

from worknet.node.causes import Cause
from worknet.node.explaining import ADVICE, Finding, explain
from worknet.node.explaining.advice import BALLOTS_MISSING, RECORDED, WITHOUT_ROWS

TEXT = GUIDE.read_text()
NAMES = [about.value for about in CASES]
CLI = Path(GUIDE).parents[1] / "reference" / "cli.md"


def test_the_guide_has_a_case_for_every_finding_and_every_cause() -> None:
    assert sorted(cases_in(TEXT)) == sorted([FIRST, *NAMES])
    assert set(CASES) == {*Finding, *Cause}


@pytest.mark.parametrize("name", [FIRST, *NAMES])
def test_the_guide_shows_what_is_printed(name: str) -> None:
    section = TEXT.split(f"### {name}\n")[1].split("\n#")[0]
    shown = re.search(r"^```text\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert shown[1] == printed(name), "run python -m tests.unit.node.failed_votings"


@pytest.mark.parametrize("about", CASES, ids=NAMES)
def test_the_case_has_the_reason_after_which_it_is_named(about: Finding | Cause) -> None:
    assert about in {reason.about for reason in explain(CASES[about]()).reasons}


@pytest.mark.parametrize("about", CASES, ids=NAMES)
def test_every_reason_has_an_advice_with_commands_that_there_are(about: Finding | Cause) -> None:
    texts = [
        ADVICE[about],
        *(each[about] for each in (RECORDED, WITHOUT_ROWS, BALLOTS_MISSING) if about in each),
    ]
    commands = re.findall(r"`(worknet [a-z-]+(?: [a-z-]+)?)[^`]*`", "; ".join(texts))
    reference = CLI.read_text()
    assert all(f"\n## {command}\n" in reference for command in commands)
