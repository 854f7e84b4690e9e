"""A long simulation is cut into stretches that know nothing of each other, and told as one."""

import pytest
from tests.search import LIGHT, desk

from worknet.testing import stretches as module
from worknet.testing.faults import Faults
from worknet.testing.report import together
from worknet.testing.run import Setup
from worknet.testing.stretches import STRETCH, play, played, stretches


def setup(votings: int, **settings: object) -> Setup:
    bundle, data = desk(LIGHT)
    asked = {"workers": 3, "faults": Faults.parse("wrong:1"), **settings}
    return Setup(bundle=bundle, data=data.frames, votings=votings, **asked)


def test_every_voting_belongs_to_one_stretch():
    parts = list(stretches(setup(2 * STRETCH + 3)))
    assert [(part.first, part.votings) for part in parts] == [
        (0, STRETCH),
        (STRETCH, STRETCH),
        (2 * STRETCH, 3),
    ]


def test_stretches_begin_where_the_one_before_ends():
    one, other = (played(setup(1, first=first)) for first in (0, 1))
    assert list(played(setup(2)).names.values()) == [*one.names.values(), *other.names.values()]


def test_chance_differs_from_stretch_to_stretch():
    assert len({part.chance for part in stretches(setup(3 * STRETCH))}) == 3


def test_reports_are_told_together_as_one():
    one, other = (played(setup(1, first=first)) for first in (0, 1))
    both = together([one, other])
    assert (both.votings, both.consensus) == (2, one.consensus + other.consensus)
    assert both.ballots == one.ballots + other.ballots
    assert [line.earned for line in both.workers] == [
        mine.earned + theirs.earned for mine, theirs in zip(one.workers, other.workers, strict=True)
    ]
    assert both.document()["votings"] == 2


def test_a_violation_of_any_stretch_is_told():
    fine = played(setup(1))
    broken = played(setup(1, first=1, faults=Faults.parse("wrong:2")))
    assert not fine.violations
    assert together([fine, broken]).violations == broken.violations != ()


@pytest.mark.long
def test_side_by_side_they_give_the_same_report_as_one_after_the_other(monkeypatch):
    monkeypatch.setattr(module, "STRETCH", 1)
    asked = setup(2, faults=Faults.parse("wrong:1,crash:p=0.05"))
    assert play(asked, processes=2) == play(asked, processes=1)
