"""A voting that consumes the results of others: the same ones at every worker, and named in its manifest."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from tests.unit.node.consuming_world import DATA_KEY, SPAN, Consuming, consuming, minute, span

from worknet.node.bundles import Bundles
from worknet.node.causes import Cause
from worknet.node.errors import ParentMissing
from worknet.node.parents import parents_of
from worknet.node.replay import Replayer
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Fallback
from worknet.protocol.records import How
from worknet.protocol.times import time_text
from worknet.protocol.voting import Part, State

DUE = span().window.end
ENOUGH = DUE + 200


def starts(*minutes: int) -> list[str]:
    return [time_text(minute(number).window.start) for number in minutes]


def ids(world: Consuming, *minutes: int) -> tuple[bytes, ...]:
    """The votings about these minutes, ascending."""
    return tuple(sorted(world.members[0].voting_id("minutes", minute(number)) for number in minutes))


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consuming]:
    """A span after three minutes on which all agreed."""
    with consuming(tmp_path_factory.mktemp("agreed")) as world:
        world.play(ENOUGH)
        yield world


@pytest.fixture(scope="module")
def holed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consuming]:
    """Nobody could read minute 0, and member 2 read minute 1 otherwise than the others.

    All three must agree on a minute; else the pair that leads is settled.
    """
    all_three = {"threshold_num": 1, "threshold_den": 1, "fallback": Fallback.PLURALITY}
    folder = tmp_path_factory.mktemp("holed")
    with consuming(folder, minutes=all_three) as world:
        for member in world.members:
            member.readings.told[minute(0).window.start] = None
        world.members[2].readings.told[minute(1).window.start] = 11
        world.play(ENOUGH)
        yield world


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consuming]:
    """Minute 2 can be read only 40 seconds after the span is due, and member 2 has forgotten minute 0."""
    last = minute(2).window.start
    with consuming(tmp_path_factory.mktemp("late")) as world:
        for member in world.members:
            member.readings.told[last] = None
        world.play(DUE + 40)
        for member in world.members:
            del member.readings.told[last]
        assert world.members[2].journal.ballots.forget_rows(ids(world, 0)[0])
        world.play(ENOUGH + 40)
        yield world


# What is consumed


def test_a_span_is_recorded_from_its_minutes(agreed: Consuming) -> None:
    assert agreed.voting(span()).state is State.CONSENSUS


def test_the_manifest_names_all_votings_that_were_consumed_at_every_worker(agreed: Consuming) -> None:
    manifests = [member.manifest(span()) for member in agreed.members]
    assert [manifest.parents for manifest in manifests] == [ids(agreed, 0, 1, 2)] * 3


def test_the_next_span_consumes_other_votings(agreed: Consuming) -> None:
    agreed.play(DUE + SPAN + 60)
    first, second = (set(agreed.members[0].manifest(span(number)).parents) for number in (0, 1))
    assert len(second) == 3
    assert not first & second


def test_a_workflow_that_consumes_nothing_names_no_parents(agreed: Consuming) -> None:
    assert agreed.members[0].manifest(minute(0), "minutes").parents == ()


def test_the_rows_are_those_of_the_recorded_tables_with_their_slot(agreed: Consuming) -> None:
    rows = agreed.members[0].rows(span(), "dataset", "read").to_dicts()
    expected = [(start, name, wh) for start in starts(0, 1, 2) for name, wh in (("a", 10), ("b", 1))]
    assert [(row["minute"], row["id"], row["wh"]) for row in rows] == expected


def test_the_result_is_computed_from_them(agreed: Consuming) -> None:
    rows = agreed.members[0].rows(span(), "table", "sums").to_dicts()
    assert rows == [{"id": "a", "wh": 30}, {"id": "b", "wh": 3}]


def test_a_replay_comes_to_the_same_parents(agreed: Consuming) -> None:
    member = agreed.members[1]
    replayer = Replayer(
        member.index,
        member.journal,
        NoBundles(),
        lambda _: nullcontext(agreed.runners["spans"]),
        lambda _: DATA_KEY,
        1,
    )
    assert [each.text for each in replayer.replay(member.voting_id("spans", span()))] == [""]


class NoBundles(Bundles):
    """The replayer is given a runner that is there already."""

    def __init__(self) -> None:
        """There are none."""

    def get(self, workflow: str, digest: bytes) -> object:  # type: ignore[override]
        return None


# Slots without a record


def test_a_slot_without_a_record_is_no_parent(holed: Consuming) -> None:
    assert [member.manifest(span()).parents for member in holed.members[:2]] == [ids(holed, 1, 2)] * 2


def test_what_a_plurality_recorded_is_consumed(holed: Consuming) -> None:
    record = holed.record(minute(1))
    assert record is not None
    assert record.record.how is How.PLURALITY
    assert record.record.voting_id in holed.members[0].manifest(span()).parents


def test_a_workflow_sees_which_slots_have_no_record_and_how_others_came_to_one(
    holed: Consuming,
) -> None:
    slots = holed.members[0].rows(span(), "dataset", "slots").to_dicts()
    outcomes = [(row["minute"], row["outcome"]) for row in slots]
    assert outcomes == list(zip(starts(0, 1, 2), [None, "plurality", "quorum"], strict=True))


def test_who_voted_otherwise_than_a_record_has_no_ballot_on_what_consumes_it(holed: Consuming) -> None:
    assert holed.voting(minute(1), "minutes").part_of(2) is Part.OUTVOTED
    causes = [cause for cause, _ in holed.members[2].failures(span())]
    assert set(causes) == {Cause.PARENT_MISSING}


def test_its_cause_names_the_voting(holed: Consuming) -> None:
    _, message = holed.members[2].failures(span())[-1]
    named = f"minutes@{starts(1)[0]}, voting {to_hex(ids(holed, 1)[0])}"
    assert message == f"of {named}, this worker holds no ballot that is the recorded one"


def test_the_others_agree_without_it(holed: Consuming) -> None:
    voting = holed.voting(span())
    assert (voting.state, voting.accurate) == (State.CONSENSUS, 0b011)


def test_what_is_recorded_after_the_cut_is_consumed_by_nobody(holed: Consuming) -> None:
    member, start = holed.members[0], minute(0).window.start
    for each in holed.members:
        each.readings.told.pop(start, None)
    holed.chain.owner.reopen(workflow_id("minutes"), minute(0).trigger_id)
    holed.play(holed.chain.now + 60)
    assert holed.record(minute(0)) is not None
    assert parents_of(member.parents.results(span(), 1, 0)) == ids(holed, 1, 2)


# What is open yet


def test_a_span_waits_for_a_minute_that_is_open_yet(late: Consuming) -> None:
    last = late.record(minute(2))
    assert last is not None
    assert last.record.time > DUE + 40
    assert late.voting(span()).attempts[0].opened > last.record.time


def test_what_it_waited_for_is_consumed(late: Consuming) -> None:
    assert [member.manifest(span()).parents for member in late.members[:2]] == [ids(late, 0, 1, 2)] * 2


def test_while_it_waits_the_cause_says_for_what(late: Consuming) -> None:
    messages = [message for _, message in late.members[0].failures(span())]
    assert f"open yet: minutes@{starts(2)[0]}" in messages


def test_rows_that_were_forgotten_are_named_as_the_cause(late: Consuming) -> None:
    cause, message = late.members[2].failures(span())[-1]
    assert cause == Cause.PARENT_MISSING
    assert message.endswith("this worker no longer holds the rows of read")


def test_nothing_is_consumed_before_it_is_confirmed_that_the_attempt_may_open(late: Consuming) -> None:
    coming = Slot.at(SPAN, late.chain.now + SPAN)
    late.chain.pass_time(coming.due(0) - late.chain.now)
    late.members[0].index.sync()
    with pytest.raises(ParentMissing, match="no confirmed block shows that attempt 1 may open"):
        late.members[0].parents.results(coming, 1, 0)


def test_nothing_is_consumed_while_no_block_of_after_the_cut_is_confirmed(late: Consuming) -> None:
    member, slot = late.members[0], Slot.at(SPAN, late.chain.now + SPAN)
    # Long after all is too old there is no record, and the cut is when the last minute became so.
    closed = slot.due(0) + late.chain.policy.max_age + 1
    late.chain.pass_time(closed - late.chain.now)
    late.chain.pass_time(1)
    member.index.sync()
    with pytest.raises(ParentMissing, match="no later block is confirmed"):
        member.parents.results(slot, 1, 0)
    late.chain.pass_time(1)
    member.index.sync()
    assert parents_of(member.parents.results(slot, 1, 0)) == ()
