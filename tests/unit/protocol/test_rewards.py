"""The rewards of a network by their laws, over random histories of what might come on chain.

`Definition` computes them a second time, from section 8 as it is written: it looks through all facts for each
question and keeps no words. A fact that the rules refuse changes nothing, as a reverted transaction does.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol.ballots import seconds_left
from worknet.protocol.earnings import Amounts, ClosedVoting, Period
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.rewards import (
    CHANGES_OF_AMOUNTS,
    CheckedIn,
    Claimed,
    Closed,
    ClosingBooked,
    Enrolled,
    Fact,
    Funded,
    Payment,
    RecordLogged,
    Removed,
    RewardError,
    Rewards,
    RewardsSet,
    fold,
    period_of,
)
from worknet.protocol.voting import FactError
from worknet.protocol.words import Ballots, Fallback, How

ROOT = Path(__file__).parents[3]
LENGTH = 20
WORKERS = [0, 1, 2, 118, 119]
SEALED = Policy(
    bundle_digest=b"\1" * 32,
    data_key_epoch=1,
    data_key_commitment=b"\2" * 32,
    every=3600,
    delay=0,
    start=0,
    max_age=0,
    threshold_num=0,
    threshold_den=1,
    ballots=Ballots.SEALED,
    cast_window=20,
    reveal_window=10,
    stall=30,
    fallback=Fallback.ALERT,
    accuracy=100,
    speed=7,
)
POLICIES = [SEALED, replace(SEALED, accuracy=0), replace(SEALED, ballots=Ballots.OPEN, accuracy=0, speed=0)]
HASHES = {policy: policy.hash() for policy in POLICIES}
KINDS = [Enrolled, Removed, CheckedIn, CheckedIn, RewardsSet, RecordLogged, RecordLogged, ClosingBooked]
KINDS += [Closed, Closed, ClosingBooked, Funded, Claimed, Claimed]


@dataclass
class Chain:
    """What may come next depends on this."""

    enrolled: set[int]
    known: set[int]
    logged: dict[bytes, ClosedVoting]
    closed: list[Record]
    booked: list[Record] = field(default_factory=list)

    @classmethod
    def after(cls, facts: Sequence[Fact], logged: dict[bytes, ClosedVoting]) -> "Chain":
        enrolled: set[int] = set()
        for fact in facts:
            if isinstance(fact, Enrolled):
                enrolled.add(fact.worker)
            if isinstance(fact, Removed):
                enrolled.remove(fact.worker)
        known = {fact.worker for fact in facts if isinstance(fact, Enrolled)}
        booked = [fact.voting.record for fact in facts if isinstance(fact, ClosingBooked)]
        return cls(enrolled, known, logged, closed_in(facts), booked)


def some(workers: Iterable[int]) -> st.SearchStrategy[int]:
    """A bitmap of some of the workers."""
    chosen = list(workers)
    return st.integers(0, 2 ** len(chosen) - 1).map(
        lambda bits: sum((bits >> place & 1) << worker for place, worker in enumerate(chosen))
    )


@st.composite
def votings(draw: st.DrawFn, chain: Chain, time: int) -> ClosedVoting:
    """A voting recorded at this time, by workers that are or were enrolled."""
    policy = draw(st.sampled_from([SEALED, SEALED, SEALED, *POLICIES]))
    how = draw(st.sampled_from([How.QUORUM, *How]))
    members = draw(some(sorted(chain.known)))
    accurate = members & ~(draw(some(WORKERS)) & draw(some(WORKERS)))
    remainder = draw(st.sampled_from([0, 1, 2, 3, 118, 119]))
    voting_id = (len(chain.logged) * 120 + remainder).to_bytes(32, "big")
    n, voters = members.bit_count(), accurate & draw(some(WORKERS))
    network = 1, b"\5" * 20, b"\6" * 32
    attempt = 1, HASHES[policy], b"\3" * 32, b"\4" * 32, members, n, n // 2 + 1
    record = Record(*network, voting_id, b"\7" * 32, *attempt, voters, how, time)
    early = draw(some(WORKERS))
    seals = {worker: b"\7" * 30 + bytes([0, 6 if is_in(early, worker) else 5]) for worker in WORKERS}
    return ClosedVoting(record, policy, accurate, seals)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Facts at times that never go back; all are lawful, for those that are refused have not happened."""
    facts: list[Fact] = [*(Enrolled(0, worker) for worker in WORKERS[:3]), RewardsSet(1, 1000, 30)]
    rewards, time = fold(LENGTH, facts), 1
    logged: dict[bytes, ClosedVoting] = {}
    for _ in range(draw(st.integers(0, 30))):
        time += draw(st.sampled_from([0, 1, 3, 7, 7, 20]))
        fact = draw(next_facts(Chain.after(facts, logged), rewards, time))
        try:
            rewards.apply(fact)
        except (RewardError, FactError):
            continue
        facts.append(fact)
    return facts


@st.composite
def next_facts(draw: st.DrawFn, chain: Chain, rewards: Rewards, time: int) -> Fact:
    """What may come at this time; seldom something that is refused."""
    kind = draw(st.sampled_from(KINDS))
    astray = draw(st.integers(0, 9)) == 9
    if kind in {Enrolled, Removed, CheckedIn}:
        fitting = set(WORKERS) - chain.enrolled if kind is Enrolled else chain.enrolled
        return kind(time, draw(st.sampled_from(WORKERS if astray else sorted(fitting) or WORKERS)))
    if kind is RewardsSet:
        return RewardsSet(time, draw(st.integers(0, 3)) * 1000, draw(st.integers(0, 3)) * 10)
    if kind is Funded:
        return Funded(time, draw(st.sampled_from([0, 50, 500, 5000])))
    if kind in {Closed, ClosingBooked} and chain.logged:
        done = chain.closed if kind is Closed else chain.booked
        left = [voting for voting in chain.logged.values() if voting.record not in done]
        return kind(time, draw(st.sampled_from(left or list(chain.logged.values()))))
    if kind is Claimed:
        worker = draw(st.sampled_from(WORKERS if astray else sorted(chain.known)))
        records, periods = rewards.unclaimed(worker, time)
        records += draw(st.lists(st.sampled_from(chain.closed), max_size=2)) if chain.closed else []
        periods += (
            draw(st.lists(st.integers(0, time // LENGTH - (not astray)), max_size=2)) if time > LENGTH else []
        )
        kept = slice(draw(st.integers(0, 1)), None)
        return Claimed(time, worker, tuple(records[kept]), tuple(periods[kept]))
    voting = draw(votings(chain, time))
    chain.logged.setdefault(voting.record.voting_id, voting)
    return RecordLogged(voting.record)


@dataclass(frozen=True)
class Definition:
    """Section 8, read from the facts."""

    facts: Sequence[Fact]

    def of_period(self, number: int, worker: int) -> int:
        base, consistency = self.amounts(number)
        closings = list(self.closings(number))
        taken = [is_in(voting.accurate, worker) for voting in closings]
        member = [is_in(voting.record.members, worker) for voting in closings]
        checked = any(isinstance(fact, CheckedIn) and fact.worker == worker for fact in self.within(number))
        earned = base if self.enrolled_throughout(number, worker) and (checked or any(taken)) else 0
        return earned + (consistency if any(member) and taken == member else 0)

    def of_voting(self, record: Record, worker: int) -> int:
        closing = next(
            fact.voting
            for fact in self.facts
            if isinstance(fact, Closed | ClosingBooked) and fact.voting.record == record
        )
        if not is_in(closing.accurate, worker) or record.how is How.PLURALITY:
            return 0
        earned = closing.policy.accuracy
        if record.how is How.QUORUM and closing.policy.ballots is Ballots.SEALED:
            accurate = [index for index in range(120) if is_in(closing.accurate, index)]
            most = max(seconds_left(closing.seals[index]) for index in accurate)
            index = int(record.voting_id.hex(), 16) % 120
            while index not in accurate or seconds_left(closing.seals[index]) != most:
                index = (index + 1) % 120
            earned += closing.policy.speed if index == worker else 0
        return earned

    def within(self, number: int) -> Iterator[Fact]:
        return (fact for fact in self.facts if number * LENGTH <= fact.time < (number + 1) * LENGTH)

    def before(self, number: int) -> Iterator[Fact]:
        return (fact for fact in self.facts if fact.time < number * LENGTH)

    def amounts(self, number: int) -> tuple[int, int]:
        sets = [(fact.base, fact.consistency) for fact in self.before(number) if isinstance(fact, RewardsSet)]
        return sets[-1] if sets else (0, 0)

    def closings(self, number: int) -> Iterator[ClosedVoting]:
        for fact in self.within(number):
            if isinstance(fact, ClosingBooked):
                how, ballots = fact.voting.record.how, fact.voting.policy.ballots
                if how is How.REPORT or (how is How.QUORUM and ballots is Ballots.SEALED):
                    yield fact.voting

    def enrolled_throughout(self, number: int, worker: int) -> bool:
        changes = [
            fact
            for fact in self.before(number)
            if isinstance(fact, Enrolled | Removed) and fact.worker == worker
        ]
        removed = any(isinstance(fact, Removed) and fact.worker == worker for fact in self.within(number))
        return bool(changes) and isinstance(changes[-1], Enrolled) and not removed

    def payments(self) -> list[Payment]:
        """What each claim earned and paid."""
        done: set[tuple[int, bytes | int]] = set()
        pool, owed, payments = 0, dict.fromkeys(WORKERS, 0), []
        for fact in self.facts:
            if isinstance(fact, Funded):
                pool += fact.amount
            if isinstance(fact, Claimed):
                items = {record.voting_id: self.of_voting(record, fact.worker) for record in fact.records}
                items |= {number: self.of_period(number, fact.worker) for number in fact.periods}
                new = {item: amount for item, amount in items.items() if (fact.worker, item) not in done}
                done |= {(fact.worker, item) for item in new}
                owed[fact.worker] += sum(new.values())
                paid = min(pool, owed[fact.worker])
                pool, owed[fact.worker] = pool - paid, owed[fact.worker] - paid
                payments.append(Payment(sum(new.values()), paid))
        return payments


def closed_in(facts: Sequence[Fact]) -> list[Record]:
    """The records of the votings that closed, in the order in which they did."""
    closed = [fact.voting.record for fact in facts if isinstance(fact, Closed | ClosingBooked)]
    return list(dict.fromkeys(closed))


def is_in(bitmap: int, worker: int) -> bool:
    return bool(bitmap >> worker & 1)


def paid_by(rewards: Rewards, facts: Sequence[Fact]) -> list[Payment]:
    return [payment for fact in facts if (payment := rewards.apply(fact))]


def without_claims(facts: Sequence[Fact]) -> list[Fact]:
    return [fact for fact in facts if not isinstance(fact, Claimed)]


def after_all(facts: Sequence[Fact]) -> int:
    """A time at which every period of the facts is over."""
    return facts[-1].time + LENGTH


def single_claims(rewards: Rewards, now: int) -> list[Claimed]:
    """Everything that can be claimed, each item by itself."""
    claims = []
    for worker in WORKERS:
        records, periods = rewards.unclaimed(worker, now)
        claims += [Claimed(now, worker, (record,)) for record in records]
        claims += [Claimed(now, worker, (), (number,)) for number in periods]
    return claims


laws = settings(max_examples=30)
"""A history is long, and each law reads all of it: more examples are for a day of their own."""


@laws
@given(histories())
def test_every_claim_earns_and_pays_what_the_definition_says(facts: list[Fact]) -> None:
    assert paid_by(Rewards(LENGTH), facts) == Definition(facts).payments()


@laws
@given(histories())
def test_what_can_be_claimed_in_the_end_is_what_the_definition_says(facts: list[Fact]) -> None:
    facts = without_claims(facts)
    rewards, definition, now = fold(LENGTH, facts), Definition(facts), after_all(facts)
    for worker in WORKERS:
        records = [record for record in closed_in(facts) if definition.of_voting(record, worker)]
        periods = [number for number in range(now // LENGTH) if definition.of_period(number, worker)]
        assert rewards.unclaimed(worker, now) == (records, periods)


@laws
@given(histories())
def test_a_period_holds_who_was_enrolled_throughout_and_has_the_amounts_set_before_it(
    facts: list[Fact],
) -> None:
    rewards, definition = fold(LENGTH, facts), Definition(facts)
    for number in range(after_all(facts) // LENGTH):
        amounts, period = rewards.amounts_in(number), rewards.period(number)
        assert (amounts.base, amounts.consistency) == definition.amounts(number)
        if period != Period():
            throughout = [worker for worker in WORKERS if definition.enrolled_throughout(number, worker)]
            assert [worker for worker in WORKERS if is_in(period.eligible, worker)] == throughout


@laws
@given(histories())
def test_paid_never_exceeds_funded_and_the_rest_is_the_pool(facts: list[Fact]) -> None:
    rewards = Rewards(LENGTH)
    for fact in facts:
        rewards.apply(fact)
        assert 0 <= rewards.paid <= rewards.funded
        assert rewards.pool == rewards.funded - rewards.paid


@laws
@given(histories())
def test_all_that_was_earned_is_paid_or_owed(facts: list[Fact]) -> None:
    rewards = Rewards(LENGTH)
    earned = 0
    for fact in facts:
        payment = rewards.apply(fact)
        earned += payment.earned if payment else 0
        assert earned == rewards.paid + sum(map(rewards.owed, WORKERS))


@laws
@given(histories())
def test_once_the_pool_is_refilled_all_that_is_owed_is_paid(facts: list[Fact]) -> None:
    rewards = fold(LENGTH, facts)
    owed = {worker: rewards.owed(worker) for worker in WORKERS if rewards.owed(worker)}
    rewards.apply(Funded(facts[-1].time, sum(owed.values())))
    for worker, amount in owed.items():
        assert rewards.apply(Claimed(facts[-1].time, worker)) == Payment(0, amount)
        assert rewards.owed(worker) == 0


@laws
@given(histories())
def test_nothing_is_claimed_twice(facts: list[Fact]) -> None:
    rewards, now = fold(LENGTH, [*facts, Funded(facts[-1].time, 10**6)]), after_all(facts)
    claims = [*single_claims(rewards, now), *(fact for fact in facts if isinstance(fact, Claimed))]
    paid_by(rewards, single_claims(rewards, now))
    for claim in claims:
        again = replace(claim, time=now)
        if rewards.owed(claim.worker):
            assert rewards.apply(again).earned == 0
        else:
            with pytest.raises(RewardError, match="rewards: nothing to claim"):
                rewards.apply(again)


@laws
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_claims_does_not_change_what_each_earns(
    facts: list[Fact], random: st.DataObject
) -> None:
    facts = without_claims(facts)
    claims = single_claims(fold(LENGTH, facts), after_all(facts))
    shuffled = random.sample(range(len(claims)), len(claims))
    in_order = paid_by(fold(LENGTH, facts), claims)
    otherwise = paid_by(fold(LENGTH, facts), [claims[place] for place in shuffled])
    assert [in_order[place].earned for place in shuffled] == [payment.earned for payment in otherwise]


@laws
@given(histories())
def test_claims_in_one_earn_as_much_as_one_by_one(facts: list[Fact]) -> None:
    facts, now = without_claims(facts), after_all(facts)
    rewards = fold(LENGTH, facts)
    singly = paid_by(fold(LENGTH, facts), single_claims(rewards, now))
    at_once = [Claimed(now, worker, *rewards.unclaimed(worker, now)) for worker in WORKERS]
    together = paid_by(rewards, [claim for claim in at_once if claim.records or claim.periods])
    assert sum(payment.earned for payment in singly) == sum(payment.earned for payment in together)


@laws
@given(histories(), st.integers(0, 200))
def test_a_pool_pays_for_records_from_its_creation_on_and_for_no_earlier_one(
    facts: list[Fact], created_at: int
) -> None:
    facts, now = without_claims(facts), after_all(facts)
    of_all, later = fold(LENGTH, facts), fold(LENGTH, facts, created_at)
    for worker in WORKERS:
        records, periods = of_all.unclaimed(worker, now)
        own = [record for record in records if record.time >= created_at]
        assert later.unclaimed(worker, now) == (own, periods)
        for record in records:
            claim = Claimed(now, worker, (record,))
            if record in own:
                assert later.apply(claim) == of_all.apply(claim)
                continue
            with pytest.raises(RewardError, match="rewards: before the pool"):
                later.apply(claim)
            assert not is_in(later.claimed_of_voting(record.voting_id), worker)


def test_what_is_no_record_is_told_before_that_it_is_too_early_and_that_before_that_it_is_open() -> None:
    network, voting = (1, b"\5" * 20, b"\6" * 32), (b"\1" * 32, b"\7" * 32)
    attempt = 1, HASHES[SEALED], b"\3" * 32, b"\4" * 32, 1, 1, 1
    record = Record(*network, *voting, *attempt, 1, How.QUORUM, 9)
    rewards = fold(LENGTH, [Enrolled(0, 0), RecordLogged(record)], created_at=10)
    for claimed, reason in ((record, "before the pool"), (replace(record, time=10), "not the record")):
        with pytest.raises(RewardError, match=f"rewards: {reason}"):
            rewards.apply(Claimed(10, 0, (claimed,)))
    in_time = fold(LENGTH, [Enrolled(0, 0), RecordLogged(record)], created_at=9)
    with pytest.raises(RewardError, match="rewards: voting not closed"):
        in_time.apply(Claimed(10, 0, (record,)))


@laws
@given(histories())
def test_an_ended_period_and_its_amounts_never_change(facts: list[Fact]) -> None:
    rewards = Rewards(LENGTH)
    before: dict[int, tuple[Period, Amounts]] = {}
    for fact in facts:
        rewards.apply(fact)
        assert {number: (rewards.period(number), rewards.amounts_in(number)) for number in before} == before
        ended = range(fact.time // LENGTH)
        before = {number: (rewards.period(number), rewards.amounts_in(number)) for number in ended}


@laws
@given(histories())
def test_what_was_claimed_stays_claimed_and_only_claims_add_to_it(facts: list[Fact]) -> None:
    rewards = Rewards(LENGTH)
    before: dict[int | bytes, int] = {}
    for fact in facts:
        rewards.apply(fact)
        after: dict[int | bytes, int] = {
            number: rewards.claimed_of_period(number) for number in range(fact.time // LENGTH + 1)
        }
        after |= {
            record.voting_id: rewards.claimed_of_voting(record.voting_id) for record in closed_in(facts)
        }
        assert all(after[item] & claimed == claimed for item, claimed in before.items())
        assert isinstance(fact, Claimed) or {item: after[item] for item in before} == before
        before = after


@laws
@given(histories(), st.integers(0, 30))
def test_amounts_that_are_set_later_change_no_earlier_period(facts: list[Fact], place: int) -> None:
    facts = without_claims(facts)
    time = facts[min(place, len(facts) - 1)].time
    earlier = [fact for fact in facts if fact.time <= time]
    changed = fold(LENGTH, [*earlier, RewardsSet(time, 9, 9), *facts[len(earlier) :]])
    rewards = fold(LENGTH, facts)
    for number in range(time // LENGTH + 1):
        assert changed.amounts_in(number) == rewards.amounts_in(number)
        for worker in WORKERS:
            claims = [
                rewards.unclaimed(worker, after_all(facts)),
                changed.unclaimed(worker, after_all(facts)),
            ]
            assert len({number in periods for _, periods in claims}) == 1


@laws
@given(histories(), st.data())
def test_a_refused_fact_changes_nothing(facts: list[Fact], data: st.DataObject) -> None:
    rewards = fold(LENGTH, facts)
    logged = {fact.voting.record.voting_id: fact.voting for fact in facts if isinstance(fact, ClosingBooked)}
    fact = data.draw(next_facts(Chain.after(facts, logged), rewards, facts[-1].time))
    before = deepcopy({name: value for name, value in vars(rewards).items() if name != "_policy_hashes"})
    try:
        rewards.apply(fact)
    except (RewardError, FactError):
        after = {name: value for name, value in vars(rewards).items() if name != "_policy_hashes"}
        assert after == before


@given(st.integers(1, 10**6), st.integers(0, 10**10))
def test_a_time_belongs_to_the_period_that_contains_it(length: int, time: int) -> None:
    number = period_of(time, length)
    assert number * length <= time < (number + 1) * length


def test_amounts_are_changed_only_so_often_and_the_last_change_can_still_be_corrected() -> None:
    rewards = fold(1, [RewardsSet(time, time, 0) for time in range(CHANGES_OF_AMOUNTS)])
    with pytest.raises(RewardError, match="rewards: too many changes"):
        rewards.apply(RewardsSet(CHANGES_OF_AMOUNTS, 1, 1))
    rewards.apply(RewardsSet(CHANGES_OF_AMOUNTS - 1, 1, 1))
    assert rewards.amounts_in(CHANGES_OF_AMOUNTS) == Amounts(1, 1)
    assert rewards.amounts_in(CHANGES_OF_AMOUNTS - 1) == Amounts(CHANGES_OF_AMOUNTS - 2, 0)


def test_setting_the_amounts_is_no_sign_of_life_in_a_period() -> None:
    rewards = fold(LENGTH, [Enrolled(0, 0), RewardsSet(LENGTH, 9, 9)])
    assert rewards.period(1) == Period()


def test_periods_have_a_length() -> None:
    with pytest.raises(FactError, match="0 s"):
        Rewards(0)


def test_every_reason_is_one_that_a_contract_can_give() -> None:
    source = (ROOT / "src" / "worknet" / "protocol" / "rewards.py").read_text()
    reasons = re.findall(r'RewardError\("([^"]*)"\)', source)
    assert len(reasons) == source.count("raise RewardError(")
    contracts = [path.read_text() for path in (ROOT / "src" / "worknet" / "contracts").glob("*.vy")]
    given = {reason for text in contracts for reason in re.findall(r'_refuse\("([^"]*)"\)', text)}
    assert set(reasons) - given == set()
