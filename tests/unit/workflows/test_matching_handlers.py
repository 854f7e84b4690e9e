"""What the matching workflow does about an hour without a consensus."""

from pathlib import Path

import pytest

from worknet.testing import Desk
from worknet.workflow import Alert, SettlePlurality, StartFailover, When

DESK = Desk(Path(__file__).parents[3] / "workflows" / "matching_24_7")
HOUR = "2026-01-31T09:00:00Z"


def test_it_leaves_the_failover_to_the_policy():
    assert DESK.declaration.handlers == (When.PLURALITY, When.UNRESOLVED)
    assert DESK.handle(When.FAILOVER, "AAB----", "AAB----") == (StartFailover(),)


@pytest.mark.parametrize("votes", ["AAABC--", "AAABCD-"])
def test_a_leading_pair_with_half_of_the_ballots_is_settled(votes):
    assert DESK.handle(When.PLURALITY, "AAA----", votes) == (SettlePlurality(),)


def test_a_leading_pair_with_less_than_half_of_the_ballots_is_left_to_people():
    (alert,) = DESK.handle(When.PLURALITY, "AAA----", "AAABBCC", window=HOUR)
    assert alert.title == f"24/7 matching of {HOUR}: not settled, 3 of 7 ballots agree"


def test_an_unresolved_hour_is_told_with_who_was_missing_and_what_differed_in_each_attempt():
    (alert,) = DESK.handle(When.UNRESOLVED, "AAB--?-", "AAaa---", "AAA----", window=HOUR)
    assert alert == Alert(
        f"24/7 matching of {HOUR}: unresolved",
        "attempt 1: 3 of 7 ballots, 4 equal ones needed; no ballot of workers 3, 4, 6; "
        "sealed and not opened by worker 5; inputs differ. "
        "Companies read different consumption or generation: compare what their sources gave.\n"
        "attempt 2: 4 of 7 ballots, 4 equal ones needed; no ballot of workers 4, 5, 6; "
        "results differ on the same inputs. "
        "The same rows were matched differently: compare the machines and releases.\n"
        "attempt 3: 3 of 7 ballots, 4 equal ones needed; no ballot of workers 3, 4, 5, 6. "
        "There are too few ballots, and all are equal: ask the missing workers.",
        "failure",
    )


def test_the_handlers_decide_the_same_in_a_worker_s_runner_as_here():
    isolated = Desk(DESK.folder, isolate=True)
    votes = "AAb--?-", "AAaB---"
    assert isolated.handle(When.UNRESOLVED, *votes) == DESK.handle(When.UNRESOLVED, *votes)
