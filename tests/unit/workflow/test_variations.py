"""What a check changes around runs, and that a node changes nothing."""

import polars as pl
from tests.unit.workflow.conftest import METERS, WINDOW, bundle_of

from worknet.workflow.determinism.findings import MEND, WHY, Kind
from worknet.workflow.determinism.variations import RUNS, Variation, not_tried, variations
from worknet.workflow.runner import Runner
from worknet.workflow.surroundings import UNCHANGED, Surroundings


def test_the_job_of_a_node_s_run_says_nothing_of_surroundings():
    assert UNCHANGED.head() == {}


def test_what_is_changed_stands_in_the_job_but_for_the_environment_of_the_process():
    told = Surroundings({"TZ": "X"}, watched=True).head()["surroundings"]
    assert (told["watched"], told["environment"]) == (True, {})


def test_a_check_makes_as_many_runs_as_it_is_asked_for_each_with_something_else():
    for runs in (2, 3, RUNS, 40):
        names = [one.name for one in variations(runs)]
        assert len(names) == len(set(names)) == runs - 2


def test_rows_are_delivered_in_another_order_and_none_is_lost():
    frame = pl.DataFrame({"id": list("abcdefgh")})
    for order in (1, 2, 3):
        delivered = Variation("other", rows=order).delivered({"t": frame})["t"]
        assert not delivered.equals(frame)
        assert delivered.sort("id").equals(frame)


def test_what_cannot_be_tried_is_told_with_its_reason():
    assert all(not_tried().values())


def test_every_kind_of_finding_says_why_and_how_it_is_mended():
    assert WHY.keys() == MEND.keys() == set(Kind)


def test_a_run_sees_its_surroundings_and_tells_what_it_depended_on():
    body = """
        import socket, time
        now = time.time_ns()
        return Result({"out": meters}, {"host": socket.gethostname(), "pieces": meters.n_chunks(),
                                        "zone": time.tzname[0], "late": now > 10**18 * 3})
    """
    surroundings = Surroundings({"TZ": "NPT-5:45"}, host="elsewhere", watched=True, later=10**10, pieces=2)
    with Runner(bundle_of(body), allow_unisolated=True, waiting=0, surroundings=surroundings) as runner:
        summary = runner.run({"meters": METERS}, WINDOW).summary
        kinds = {place.kind for told in runner.watched for place in told.places}
    assert (summary["pieces"], summary["zone"], summary["late"]) == (2, "NPT", True)
    assert {"clock", "network"} <= kinds
