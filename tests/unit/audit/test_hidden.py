"""What an RPC hides: votings that brought nothing, ballots of attempts that failed, the calls of all."""

from dataclasses import replace

import pytest
from tests.unit.audit.audits import EVERY, FIRST, POLICY, WORKFLOW, trigger
from tests.unit.audit.life import OPEN, PAIR, About, slot
from tests.unit.audit.lived import lived, recording
from tests.unit.audit.planting import Edit, Facts, audited, drop, of, untouched

from worknet.audit import slots, stands
from worknet.audit.course import Course
from worknet.audit.outcome import Audit
from worknet.audit.policies import Policies, PolicyLine
from worknet.audit.report_text import verdict_text
from worknet.audit.slots import Run, SlotBook, Slots
from worknet.audit.telling import Context, report_of
from worknet.chain import events
from worknet.protocol.ballots import Pair
from worknet.protocol.voting import Attempt, Voting

ASKED = "slots that never opened, asked of the contract"
NOT_ASKED = "slots that never opened, too many to ask the contract for"
BALLOTS = (events.Cast, events.Sealed, events.SealsBrought, events.Revealed, events.Reported)


def hidden(about: About) -> Edit:
    """No event of a voting is told."""
    voting_id = lived().voting_id(about)

    def edit(facts: Facts) -> None:
        facts[:] = [each for each in facts if getattr(each.event, "voting_id", None) != voting_id]

    return edit


def elsewhere(share: int) -> Edit:
    """So many of a hundred ballots came through another contract."""

    def edit(facts: Facts) -> None:
        places = [at for at, each in enumerate(facts) if isinstance(each.event, BALLOTS)]
        for at in places[: len(places) * share // 100]:
            facts[at] = replace(facts[at], call=replace(facts[at].call, to=b"\x99" * 20))

    return edit


def found(made: Audit) -> set[tuple[str, bytes]]:
    return {(finding.rule, finding.voting_id) for finding in made.findings}


@pytest.mark.parametrize(
    "about",
    [slot(48, version=2), slot(20, OPEN), slot(50, version=2), slot(4, OPEN)],
    ids=["failed", "casting", "revealing", "reopened, and nobody came"],
)
def test_a_voting_without_a_record_of_which_every_event_is_hidden_is_found(about: About) -> None:
    assert found(audited(hidden(about))) == {("voting.answers", lived().voting_id(about))}


def test_slots_that_never_opened_are_asked_for_and_counted() -> None:
    made = audited(untouched)
    begun = {(each.workflow_id, each.trigger_id) for each in made.open_votings}
    without = sum(each.last - each.first + 1 for each in made.without_record)
    recorded = sum(each.state.name == "CONSENSUS" for each in made.open_votings)
    assert made.checked[ASKED] == without - (len(begun) - recorded)
    assert NOT_ASKED not in made.unseen


def test_slots_too_many_to_ask_for_are_counted_as_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    every = audited(untouched).checked[ASKED]
    monkeypatch.setattr(slots, "MOST_ASKED", 10)
    made = audited(untouched)
    assert (made.checked[ASKED], made.unseen[NOT_ASKED]) == (20, every - 20)


def test_of_a_workflow_the_newest_slots_that_never_opened_are_asked_for() -> None:
    policies = Policies({WORKFLOW: [PolicyLine(WORKFLOW, 1, POLICY, POLICY.hash(), 1, 0)]})
    runs = [Run(1, FIRST, FIRST + 499), Run(1, FIRST + 600, FIRST + 1_399)]
    book = SlotBook(Slots(without={WORKFLOW: runs}), policies)
    [(workflow_id, newest, more)] = book.unopened({(WORKFLOW, trigger(number)) for number in (10, 1_399)})
    assert (workflow_id, len(newest), more) == (WORKFLOW, slots.MOST_ASKED, 298)
    numbers = [each.number - FIRST for each in newest]
    assert numbers == [*range(1_398, 599, -1), *range(499, 298, -1)]
    assert {each.every for each in newest} == {EVERY}


# Of the voting, attempt 2 has the pair too.
def test_a_hidden_reveal_of_an_attempt_that_failed_is_found() -> None:
    about = slot(3)
    made = audited(drop(of(events.Revealed, about)))
    assert found(made) == {("voting.answers", lived().voting_id(about))}


def test_a_hidden_reveal_is_found_when_a_later_audit_learns_of_the_pair() -> None:
    recorded, about = recording(), slot(3)
    reveal, opened = of(events.Revealed, about), of(events.Opened, about, attempt=2)

    def second(facts: Facts) -> Audit:
        cut = opened(facts)
        first = Course(recorded.beginning)
        for each in facts[:cut]:
            first.take(each)
        header = replace(recorded.header, number=facts[cut].block - 1, time=facts[cut].time - 1)
        course = Course(first.finish(header, recorded.ask).state)
        for each in facts[cut:]:
            course.take(each)
        return course.finish(recorded.header, recorded.ask)

    facts = list(recorded.happenings)
    breach = ("voting.answers", lived().voting_id(about))
    assert breach not in found(second(facts))
    del facts[reveal(facts)]
    assert breach in found(second(facts))


def test_of_other_attempts_no_more_pairs_are_asked_for_than_one_attempt_may_have() -> None:
    pairs = {worker: Pair(b"\x0a" * 32, bytes([worker + 1]) * 32) for worker in range(100)}
    attempts = [
        replace(_attempt(1), ballots={0: PAIR}),
        *(
            replace(
                _attempt(number),
                ballots={w: Pair(bytes([number]) * 32, p.result_root) for w, p in pairs.items()},
            )
            for number in (2, 3)
        ),
    ]
    voting = Voting({}, attempts=tuple(attempts))
    due, more = stands.ballots_of(bytes(32), attempts[0], voting)
    asked = [each for each in due if each.question.view == "voters"]
    assert (len(asked), more) == (1 + stands.MOST_PAIRS, 200 - stands.MOST_PAIRS)
    assert [each.answer for each in asked] == [1, *[0] * stands.MOST_PAIRS]
    # The newest attempt first.
    assert all(each.question.arguments[2] == b"\x03" * 32 for each in asked[1:101])


def test_where_every_ballot_came_through_another_contract_the_verdict_says_so() -> None:
    made = audited(elsewhere(100))
    assert not made.findings
    verdict = verdict_text(report_of(made, Context("test")))
    assert verdict.startswith("nothing found: ")
    assert "but most of the ballots" in verdict


def test_where_few_ballots_came_through_another_contract_the_verdict_is_silent() -> None:
    made = audited(elsewhere(40))
    assert made.unseen["ballots that came through other contracts"]
    assert "most of the ballots" not in verdict_text(report_of(made, Context("test")))


def _attempt(number: int) -> Attempt:
    return Attempt(number, 0, 1, (1 << 100) - 1, 0, 100, 51, 10, 20)
