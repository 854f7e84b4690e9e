"""Explanations: attempts as groups and absences, reasons in order, and what no facts can do to them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.node.failed_votings import (
    AGREED,
    CASES,
    DUE,
    LATER,
    POLICY,
    SLOT,
    again,
    attempt,
    known,
    member,
    pair,
)

from worknet.node.causes import Cause
from worknet.node.explaining import (
    Act,
    Compared,
    Finding,
    Handled,
    Known,
    Own,
    OwnBallot,
    OwnFailure,
    Reason,
    TableRoot,
    document,
    explain,
)
from worknet.node.explaining.advice import advice_on
from worknet.node.explaining.attempts import Lack, attempts_of
from worknet.node.explaining.explanation import MOST_BRIEF_LINES, MOST_CHARACTERS, MOST_LINES
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import encode
from worknet.protocol.differences import Difference, RowDifference, TableDifference
from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import Event
from worknet.protocol.policy import Policy
from worknet.protocol.voting import (
    Cast,
    Fact,
    Opened,
    Reopened,
    Reported,
    Revealed,
    Sealed,
    Settled,
    State,
    Voting,
)
from worknet.protocol.voting_rules import apply
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots, Fallback

T = TypeVar("T")
OPEN = replace(POLICY, ballots=Ballots.OPEN)


def views(what: Known) -> Any:
    return attempts_of(what.voting, what.now)


def about(what: Known) -> list[str]:
    return [reason.about.value for reason in explain(what).reasons]


# Groups and absences


def test_pairs_are_lettered_by_their_ballots_then_by_their_first_worker() -> None:
    votes = {0: pair("a"), 1: pair("b"), 2: pair("c"), 3: pair("c")}
    opened = attempt(1, votes, members=range(4))
    (view,) = views(known(opened))
    assert [(group.letter, group.workers) for group in view.groups] == [
        ("A", (2, 3)),
        ("B", (0,)),
        ("C", (1,)),
    ]


def test_the_thirtieth_pair_still_has_a_letter_of_its_own() -> None:
    votes = {worker: Pair(bytes([worker + 1]) * 32, b"\1" * 32) for worker in range(30)}
    (view,) = views(known(attempt(1, votes, members=range(30))))
    assert [group.letter for group in view.groups][-5:] == ["Z", "AA", "AB", "AC", "AD"]


def test_a_member_that_may_still_cast_is_not_missing_for_good() -> None:
    (view,) = views(known([Opened(DUE, 1, 1, 0b111, 3, 2)], DUE + 10))
    assert view.lacking(Lack.NOT_YET) == (0, 1, 2)
    assert about(known([Opened(DUE, 1, 1, 0b111, 3, 2)], DUE + 10)) == []


def test_a_member_that_has_not_sealed_is_missing_for_good_once_seals_are_opened() -> None:
    sealed = attempt(1, {}, unopened=[0, 1])
    (view,) = views(known(sealed, DUE + 5 + 301))
    assert (view.lacking(Lack.NEVER_CAST), view.lacking(Lack.NOT_YET)) == ((2,), (0, 1))


def test_the_seal_that_is_opened_is_the_original_whoever_was_first() -> None:
    seal = b"\7" * 30
    facts = [
        Opened(DUE, 1, 1, 0b111, 3, 2),
        Sealed(DUE, 1, 2, seal + b"\0\1"),
        Sealed(DUE, 1, 0, seal + b"\0\2"),
        Revealed(DUE + 300, 1, pair(), 0b001),
    ]
    (view,) = views(known(facts))
    assert [(each.worker, each.same_as) for each in view.missing if each.lack is Lack.COPIED] == [(2, 0)]


def test_an_open_ballot_that_never_came_was_never_cast() -> None:
    facts = [Opened(DUE, 1, 1, 0b111, 3, 2), Cast(DUE, 1, 0, pair())]
    (view,) = views(known(facts, policy=OPEN))
    assert view.lacking(Lack.NEVER_CAST) == (1, 2)


def test_a_report_counts_its_voters_and_names_those_who_voted_otherwise() -> None:
    reported = [Opened(DUE, 1, 1, 0b111, 3, 2), Reported(DUE, 1, pair(), 0b111, 0b011, 0b011)]
    (view,) = views(known(reported))
    assert ([group.workers for group in view.groups], view.otherwise) == ([(0, 1)], (2,))


# Reasons


def test_a_consensus_of_all_has_no_reasons() -> None:
    everyone = attempt(1, {0: pair(), 1: pair(), 2: pair()})
    assert about(known(everyone)) == []
    assert explain(known(everyone)).why() == ["recorded in attempt 1: 3 of 3 members voted alike, 2 had to"]


def test_inputs_and_results_may_both_differ() -> None:
    found = about(known(again({0: "aa", 1: "ab", 2: "cc"})))
    assert {"inputs differ", "same inputs, other results"} <= set(found)


def test_what_is_the_same_in_both_attempts_is_told_once() -> None:
    (too_few, never) = explain(known(again({0: "aa"}))).reasons
    assert (too_few.attempts, never.attempts) == ((1, 2), (1, 2))


def failed_thrice(second: str, detail: str = "") -> Known:
    """Worker 2's view: its preparations failed twice in attempt 1, and once in attempt 2."""
    message = "meters: connection refused"
    failures = [
        *[OwnFailure(1, Cause.SOURCE_UNAVAILABLE, message, "")] * 2,
        OwnFailure(2, Cause.SOURCE_UNAVAILABLE, second or message, detail),
    ]
    return known(again({0: "aa"}), own=Own(2, tuple(failures)))


def test_the_same_cause_of_several_attempts_is_told_once_with_all_of_its_tries() -> None:
    (own,) = [each for each in explain(failed_thrice("")).reasons if each.own]
    assert (own.attempts, own.text) == ((1, 2), "meters: connection refused (3 tries)")


def test_another_message_of_the_same_cause_is_told_apart() -> None:
    own = [each for each in explain(failed_thrice("meters: no answer")).reasons if each.own]
    assert [(each.attempts, each.text[-9:]) for each in own] == [((1,), "(2 tries)"), ((2,), "r (1 try)")]


def advised(what: Known, about: Finding) -> str:
    (advice,) = {advice_on(reason, what) for reason in explain(what).reasons if reason.about is about}
    return advice


def test_a_voting_that_is_recorded_is_not_advised_to_be_reopened() -> None:
    failed = CASES[Finding.DATA_COMPARED]()
    settled = replace(CASES[Finding.PLURALITY](), compared=failed.compared, own=failed.own)
    assert "reopen" in advised(failed, Finding.DATA_COMPARED)
    assert "reopen" not in advised(settled, Finding.DATA_COMPARED)
    assert "read later" in advised(settled, Finding.DATA_COMPARED)


@pytest.mark.parametrize("about", [Finding.MEMBERS_GONE, Cause.NO_FAILOVER])
def test_what_failed_before_a_record_is_no_cause_to_reopen_it(about: Finding | Cause) -> None:
    reason, recorded = Reason(about, (2,), "so it was"), known(AGREED)
    assert "reopen" in advice_on(reason, CASES[about]())
    assert "reopen" not in advice_on(reason, recorded)


def test_where_ballots_are_missing_a_plurality_lacks_workers_and_no_judgement() -> None:
    policy = replace(POLICY, fallback=Fallback.PLURALITY, threshold_num=5, threshold_den=6)
    agreed = known(again({0: "aa", 1: "aa"}, policy=policy), policy=policy)
    divided = CASES[Finding.NO_PLURALITY]()
    assert advised(agreed, Finding.NO_PLURALITY).startswith("get the missing workers to vote")
    assert advised(divided, Finding.NO_PLURALITY).startswith("settle outside the network")


def test_a_replay_is_advised_only_while_the_rows_are_held() -> None:
    facts = again({0: "aa", 1: "ab"})
    held = tuple(OwnBallot(number, 1, pair("a", "a", number)) for number in (1, 2))
    forgotten = tuple(replace(each, has_rows=False) for each in held)
    some = known(facts, own=Own(0, ballots=(forgotten[0], held[1])))
    none = known(facts, own=Own(0, ballots=forgotten))
    assert "worknet replay" in advised(some, Finding.RESULTS_DIFFER)
    assert "worknet replay" not in advised(none, Finding.RESULTS_DIFFER)


def test_rows_that_were_forgotten_are_said_to_be_of_their_attempt() -> None:
    ballots = (OwnBallot(1, 1, pair("a", "a", 1), has_rows=False), OwnBallot(2, 1, pair("a", "a", 2)))
    shown = "\n".join(explain(known(again({0: "aa", 1: "ab"}), own=Own(0, ballots=ballots))).evidence())
    assert "the rows of attempt 1 are no longer held ([journal] keep)" in shown
    assert "the rows of attempt 2" not in shown


def test_before_its_slot_is_due_a_voting_says_when_it_is() -> None:
    early = explain(known([], DUE - 1))
    assert "due at 2026-01-31T10:00:00Z" in early.headline()
    assert document(early)["due"] == "2026-01-31T10:00:00Z"
    assert "due" not in explain(known([], DUE)).headline()


def test_this_worker_s_own_absence_is_told_by_its_cause_alone() -> None:
    assert about(known(AGREED, own=Own(2))) == [Cause.NOT_RUNNING]
    assert about(known(AGREED)) == [Finding.NEVER_CAST]


def test_failures_before_a_ballot_that_counted_are_no_reason() -> None:
    failed = (OwnFailure(1, Cause.SOURCE_TIMEOUT, "slow"),)
    assert about(known(attempt(1, {0: pair(), 1: pair(), 2: pair()}), own=Own(2, failed))) == []


def test_an_attempt_that_never_opened_has_this_worker_s_causes_for_it() -> None:
    failed = (OwnFailure(2, Cause.SOURCE_UNAVAILABLE, "down"),)
    stalled = known(attempt(1, {0: pair("a"), 1: pair("b")}), own=Own(0, failed))
    assert about(stalled)[0] == Finding.STALLED
    assert Cause.SOURCE_UNAVAILABLE in about(stalled)


def test_a_failover_that_stalled_is_told_as_attempt_3() -> None:
    policy = replace(POLICY, fallback=Fallback.FAILOVER)
    explanation = explain(known(again({0: "aa"}), policy=policy))
    assert (explanation.unopened, explanation.reasons[0].attempts) == (3, (3,))


def test_a_reopened_attempt_that_nobody_opened_is_told() -> None:
    facts = [*again({0: "aa"}), Reopened(LATER, 4, LATER + 900)]
    explanation = explain(known(facts, LATER + 1000, reopened=(4,)))
    assert explanation.unopened == 4
    assert "the owner had allowed attempt 4" in "\n".join(explanation.why())


def test_a_voting_that_waits_for_its_next_attempt_says_until_when() -> None:
    waits = explain(known(attempt(1, {0: pair("a"), 1: pair("b")}), DUE + 700))
    assert waits.known.voting.state is State.PENDING
    assert any("attempt 2: may open until 2026-01-31T10:20:06Z" in line for line in waits.evidence())


def test_a_dataset_in_no_root_is_named_where_the_results_differ() -> None:
    ballot = OwnBallot(1, 1, pair(), (TableRoot("dataset", "clocks", 1, committed=False),))
    what = known(again({0: "aa", 1: "ab"}), own=Own(0, ballots=(ballot,)))
    assert "in no root, so perhaps different: clocks" in "\n".join(explain(what).why())


def test_both_attempts_are_shown_with_their_pairs() -> None:
    shown = explain(known(again({0: "aa", 1: "bb"}))).evidence()
    for number in (1, 2):
        for letter in "ab":
            assert f"     inputs 0x{pair(letter, letter, number).input_root.hex()}" in shown


# Keys of rows


def test_keys_of_rows_stand_on_the_terminal_and_nowhere_else() -> None:
    explanation = explain(CASES[Finding.DATA_COMPARED]())
    key = 'meter="c1"'
    assert key in "\n".join(explanation.why())
    assert key not in "\n".join([*explanation.brief(), *explanation.evidence(), repr(explanation)])
    assert 'meter=\\"c1\\"' not in encode(document(explanation)).decode()
    assert 'meter=\\"c1\\"' in encode(document(explanation, private=True)).decode()


def test_what_a_workflow_said_stands_on_the_terminal_and_nowhere_else() -> None:
    explanation = explain(CASES[Cause.WORKFLOW_FAILED]())
    assert "meter c1" in "\n".join(explanation.why())
    assert "meter c1" not in "\n".join([*explanation.brief(), *explanation.evidence(), repr(explanation)])
    assert b"meter c1" not in encode(document(explanation))


def test_no_escape_sequence_of_a_source_s_message_reaches_the_terminal() -> None:
    what = known(AGREED, own=Own(2, (OwnFailure(1, Cause.BAD_DATA, "\x1b[31mred\nline"),)))
    lines = [*explain(what).why(), *explain(what).brief()]
    assert all(line.isprintable() for line in lines)


# Whatever the facts are

PAIRS = (pair("a"), pair("a", "b"), pair("c"))
WORDS = ("", "down", "\x1b[31m", "x" * 600, "two\nlines", "\ud800")
KEY = (("meter", "SECRET"),)


def facts_of(random: Random, policy: Policy) -> tuple[list[Fact], int]:
    """Facts that the rules take, in order; and a time after them."""
    voting, now = Voting({1: policy}), DUE
    taken: list[Fact] = []
    for _ in range(random.randrange(16)):
        now += random.choice([0, 0, 1, 299, 300, 901])
        try:
            fact = _fact(random, voting, policy, now)
            voting = apply(voting, fact)
        except ProtocolError:
            continue
        taken.append(fact)
    return taken, now + random.choice([0, 1, 300, 900, 9000])


def _fact(random: Random, voting: Voting, policy: Policy, now: int) -> Fact:
    last = voting.attempts[-1].number if voting.attempts else 1
    some, worker = random.randrange(1, 64), random.randrange(6)
    if voting.next_attempt is not None:
        members = 63 if last == 1 else voting.attempts[0].members
        n = max(members.bit_count(), voting.attempts[0].n if voting.attempts else 0)
        return Opened(now, voting.next_attempt, 1, members, n, policy.needed(n), 0)
    voted = random.choice(PAIRS)
    return random.choice(
        [
            Cast(now, last, worker, voted),
            Sealed(now, last, worker, random.choice([bytes([worker + 1]), b"\7"]) * 32),
            Sealed(now, last, random.randrange(6), random.randbytes(32)),
            Revealed(now, last, voted, some),
            Reported(now, last, voted, 63, some, some),
            Settled(now, voted),
            Reopened(now, last + 1, now + 900),
        ]
    )


def _many(random: Random, make: Callable[[], T]) -> tuple[T, ...]:
    return tuple(make() for _ in range(random.randrange(5)))


def _own(random: Random) -> Own:
    word, number = (lambda: random.choice(WORDS)), (lambda: random.randrange(6))
    return Own(
        number(),
        _many(random, lambda: OwnFailure(number(), random.choice(list(Cause)), word(), "SECRET")),
        _many(random, lambda: OwnBallot(number(), 1, random.choice(PAIRS), (), random.random() < 0.5)),
        frozenset(_many(random, number)),
        _many(
            random,
            lambda: Handled(
                random.choice(["failover", "unresolved"]),
                number(),
                random.choice(["", "handler", "default"]),
                _many(
                    random, lambda: Act("start_failover", word(), random.choice(["done", "failed"]), word())
                ),
                word(),
            ),
        ),
    )


def _compared(random: Random) -> Compared:
    def table() -> TableDifference:
        rows = tuple(RowDifference(KEY, ("wh",)) for _ in range(random.randrange(21)))
        counts = [random.choice([None, 0, 3]), random.choice([None, 0, 3])]
        return TableDifference(
            "dataset", "meters", *counts, random.random() < 0.5, 25, rows, {"wh": 1}, 12, (KEY,) * 12, 1
        )

    def difference() -> Difference:
        same = [random.random() < 0.5 for _ in range(3)]
        return Difference(random.randrange(6), *same, (), _many(random, table))

    words = _many(random, lambda: (random.choice(WORDS), random.choice(WORDS)))
    return Compared(random.randrange(4), _many(random, difference), words, (1, 2))


def anything(random: Random) -> Known:
    """Whatever may be known of a voting, and some of what may not."""
    policy = replace(
        POLICY,
        ballots=random.choice(list(Ballots)),
        fallback=random.choice(list(Fallback)),
        max_age=random.choice([0, 7200]),
        stall=random.choice([0, 900]),
    )
    facts, now = facts_of(random, policy)
    return known(
        facts,
        now,
        policy,
        trigger=random.choice([SLOT, Event(b"\1" * 32), None]),
        members=random.choice([(), tuple(member(index) for index in range(6))]),
        is_paused=random.random() < 0.5,
        refused=_many(random, lambda: (random.choice(WORDS), random.choice(WORDS))),
        reopened=tuple(fact.attempt for fact in facts if isinstance(fact, Reopened)),
        policy_version=random.choice([0, 1]),
        own=random.choice([None, _own(random)]),
        compared=_many(random, lambda: _compared(random)),
    )


def bounded(lines: Sequence[str], most: int) -> bool:
    return len(lines) <= most and all(len(line) <= MOST_CHARACTERS and line.isprintable() for line in lines)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_an_explanation_never_fails_is_bounded_and_keeps_rows_to_itself(seed: int) -> None:
    explanation = explain(anything(Random(seed)))
    assert bounded(explanation.evidence(), MOST_LINES)
    assert bounded(explanation.why(), MOST_LINES)
    assert bounded(explanation.brief(), MOST_BRIEF_LINES)
    assert "SECRET" not in "".join([*explanation.evidence(), *explanation.brief()])
    assert "SECRET" not in json.dumps(document(explanation))


def test_a_voting_of_all_workers_and_attempts_is_bounded() -> None:
    policy = replace(POLICY, stall=0)
    everyone = range(120)
    votes = {worker: Pair(bytes([worker + 1]) * 32, b"\1" * 32) for worker in everyone}
    voting = Voting({1: policy})
    for fact in attempt(1, votes, members=everyone, policy=policy):
        voting = apply(voting, fact)
    what = replace(
        known([]), voting=at(voting, LATER), now=LATER, members=tuple(member(index) for index in everyone)
    )
    assert bounded(explain(what).evidence(), MOST_LINES)
    assert bounded(explain(what).why(), MOST_LINES)
