"""A network with its pool, and `worknet.protocol.rewards`, step by step: any history leaves both equal.

Python is told what stands on the chain: events, views, and what each claim named. What it refuses the
contracts must refuse for the same reason, and the other way round.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import boa
import pytest
from boa.contracts.base_evm_contract import BoaError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.contracts.network import ACTIVE, STANDBY, Network, bitmap
from tests.contracts.rewarding import claimed

from worknet.protocol import earnings
from worknet.protocol.earnings import Amounts, ClosedVoting, Period
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.rewards import (
    CheckedIn,
    Claimed,
    Closed,
    ClosingBooked,
    Enrolled,
    Funded,
    RecordLogged,
    Removed,
    RewardError,
    Rewards,
    RewardsSet,
)
from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, Fallback, How

LENGTH = 500
INDICES = 6
WORKERS = st.integers(0, INDICES - 1)
AMOUNTS = st.sampled_from([0, 3, 1000])
EARNING = {"ballots": Ballots.SEALED, "accuracy": 100, "speed": 10}
POLICIES: dict[str, dict[str, Any]] = {
    "earning": EARNING,
    "without speed": EARNING | {"accuracy": 70, "speed": 0},
    "plurality": EARNING | {"fallback": Fallback.PLURALITY},
    "open": {"ballots": Ballots.OPEN},
}
VOTES = st.lists(st.sampled_from([*"aaaaaabc", ""]), min_size=INDICES, max_size=INDICES)


def workers_of(votes: Mapping[int, str], name: str) -> list[int]:
    return [worker for worker, vote in votes.items() if vote == name]


class Histories(RuleBasedStateMachine):
    """Workers come and go, votings are held in all ways that the contract knows, anyone claims anything."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.network = Network(period=LENGTH)
        assert self.network.pool
        self.first_period = self.network.now // LENGTH
        self.rewards = Rewards(LENGTH)
        self.policies: list[Policy] = []
        self.policy = ""
        self.read = self.votings = 0
        self.records: dict[bytes, Record] = {}
        self.unbooked: dict[bytes, bool] = {}
        self.earned: Counter[int] = Counter()

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)

    # The chain as Python reads it

    def follow(self) -> None:
        """Tells Python of every event since it looked last."""
        events = self.network.history[self.read :]
        self.read = len(self.network.history)
        for time, name, fields in events:
            match name:
                case "Enrolled":
                    self.rewards.apply(Enrolled(time, fields["index"]))
                case "Removed":
                    self.rewards.apply(Removed(time, fields["index"]))
                case "CheckedIn":
                    self.rewards.apply(CheckedIn(time, fields["index"]))
                case "RewardsSet":
                    self.rewards.apply(RewardsSet(time, fields["base"], fields["consistency"]))
                case "Funded":
                    self.rewards.apply(Funded(time, fields["amount"]))
                case "Recorded":
                    record = self.network.record(self.trigger_of(fields["voting_id"]))
                    self.rewards.apply(RecordLogged(record))
                    self.records[record.voting_id] = record
                    self.unbooked[record.voting_id] = False
                case "Closed":
                    del self.unbooked[fields["voting_id"]]
                    voting = self.closed_voting(self.records[fields["voting_id"]])
                    self.rewards.apply(ClosingBooked(time, voting))

    def look_at_the_time(self) -> None:
        """Tells Python of the votings whose window is over by now."""
        for voting_id, is_told in self.unbooked.items():
            record = self.records[voting_id]
            if not is_told and self.network.contract.voting(record.workflow_id, record.trigger_id).closed:
                self.rewards.apply(Closed(self.network.now, self.closed_voting(record)))
                self.unbooked[voting_id] = True

    def trigger_of(self, voting_id: bytes) -> bytes:
        opened = (fields for _, name, fields in self.network.history if name == "Opened")
        return next(fields["trigger_id"] for fields in opened if fields["voting_id"] == voting_id)

    def closed_voting(self, record: Record) -> ClosedVoting:
        """A voting as views tell it, once it is closed."""
        contract, place = self.network.contract, (record.voting_id, record.attempt)
        accurate = record.voters | contract.voters(*place, record.input_root, record.result_root)
        policy = next(policy for policy in self.policies if policy.hash() == record.policy_hash)
        seals = {
            worker: contract.seal_of(*place, worker) for worker in range(INDICES) if accurate >> worker & 1
        }
        return ClosedVoting(record, policy, accurate, seals)

    # What happens

    @initialize(base=AMOUNTS, consistency=AMOUNTS, money=st.sampled_from([0, 500, 10**6]))
    def begin(self, base: int, consistency: int, money: int) -> None:
        self.network.enrol(4)
        self.network.set_rewards(base, consistency)
        self.network.fund(money)
        self.network.wait(LENGTH)
        self.follow()

    @rule(seconds=st.sampled_from([1, 30, 60, 170, LENGTH, 3 * LENGTH]))
    def time_passes(self, seconds: int) -> None:
        self.network.wait(seconds)

    @rule(role=st.sampled_from([ACTIVE, ACTIVE, STANDBY]))
    def enrol(self, role: int) -> None:
        if self.network.contract.member_count() < INDICES:
            self.network.enrol(1, role)
            self.follow()

    @rule(worker=WORKERS, role=st.sampled_from([ACTIVE, ACTIVE, STANDBY]))
    def enrol_again(self, worker: int, role: int) -> None:
        if worker in self.network.keys and self.network.contract.member(worker).role == 0:
            self.network.enrol_again(worker, role)
            self.follow()

    @precondition(lambda self: self.network.contract.active().bit_count() > 3)
    @rule(worker=WORKERS)
    def remove(self, worker: int) -> None:
        self.told_or_refused(Removed(self.network.now, worker), "remove", worker)

    @rule(worker=WORKERS)
    def check_in(self, worker: int) -> None:
        key = self.network.keys.get(worker, self.network.owner)
        self.told_or_refused(CheckedIn(self.network.now, worker), "check_in", worker, sender=key)

    def told_or_refused(
        self, fact: Removed | CheckedIn, name: str, *arguments: Any, sender: Any = None
    ) -> None:
        """Sends it; if Python refuses the fact the network must refuse the call."""
        enrolled = self.network.contract.active() | self.network.contract.standby()
        if enrolled >> fact.worker & 1:
            self.network.call(name, *arguments, sender=sender)
            self.follow()
            return
        with pytest.raises(RewardError) as refused:
            self.rewards.apply(fact)
        with self.network.refuses(str(refused.value)):
            self.network.call(name, *arguments, sender=sender)

    @rule(worker=WORKERS)
    def rotate(self, worker: int) -> None:
        if worker in self.network.keys and self.network.contract.member(worker).role:
            self.network.rotate(worker)
            self.follow()

    @rule(base=AMOUNTS, consistency=AMOUNTS)
    def set_rewards(self, base: int, consistency: int) -> None:
        self.network.set_rewards(base, consistency)
        self.follow()

    @rule(amount=st.sampled_from([0, 7, 150, 5000]))
    def fund(self, amount: int) -> None:
        self.network.fund(amount)
        self.follow()

    def begin_voting(self, policy: str) -> None:
        if self.policy != policy:
            windows = {"cast_window": 60, "reveal_window": 30, "stall": 0, "every": 0, "delay": 0}
            self.policies.append(self.network.announce(**windows, **POLICIES[policy], start=self.network.now))
            self.policy = policy
        self.votings += 1
        self.network.trigger = self.votings.to_bytes(32, "big")

    @rule(
        policy=st.sampled_from(["earning", "earning", "earning", "without speed", "plurality"]),
        votes=VOTES,
        apart=st.sampled_from([0, 0, 1, 7]),
        order=st.permutations("abc"),
        silent=st.sets(WORKERS, max_size=1),
        reported=st.sampled_from([False, False, True]),
    )
    def hold_a_sealed_voting(
        self, policy: str, votes: list[str], apart: int, order: list[str], silent: set[int], reported: bool
    ) -> None:
        """All reveal but the silent; or those who agreed report, and the others reveal."""
        self.begin_voting(policy)
        active = self.network.contract.active()
        cast = {worker: vote for worker, vote in enumerate(votes) if vote and active >> worker & 1}
        for worker, name in cast.items():
            self.network.seal(worker, self.network.pair(name), version=len(self.policies))
            self.network.wait(apart)
        voting = self.network.voting()
        if voting.state == State.CASTING:
            self.network.wait_until(voting.deadline)
        shown = {worker: name for worker, name in cast.items() if worker not in silent}
        agreeing = workers_of(shown, "a")
        if reported and len(agreeing) >= max(voting.needed, 1):
            self.report(agreeing, bitmap(agreeing))
            shown = {worker: name for worker, name in cast.items() if worker not in agreeing}
        for name in order:
            if workers_of(shown, name) and self.network.voting().state in {State.REVEALING, State.CONSENSUS}:
                pair, version = self.network.pair(name), len(self.policies)
                self.network.reveal(pair, workers_of(shown, name), version=version)
        if self.network.voting().state == State.SETTLING:
            self.network.settle(self.network.pair(max("abc", key=lambda name: len(workers_of(shown, name)))))
        self.follow()

    @rule(votes=VOTES)
    def hold_an_open_voting(self, votes: list[str]) -> None:
        self.begin_voting("open")
        active = self.network.contract.active()
        for worker, name in enumerate(votes):
            if name and active >> worker & 1 and self.network.voting().state in {0, 1, State.CONSENSUS}:
                self.network.cast(worker, self.network.pair(name), version=len(self.policies))
        self.follow()

    @rule(policy=st.sampled_from(["earning", "open"]), absent=st.sets(WORKERS, max_size=2))
    def report_a_voting(self, policy: str, absent: set[int]) -> None:
        self.begin_voting(policy)
        active = self.network.contract.active()
        voters = [worker for worker in range(INDICES) if active >> worker & 1 and worker not in absent]
        if len(voters) > active.bit_count() // 2:
            self.report(voters, active)
            self.follow()

    def report(self, voters: list[int], participants: int) -> None:
        version = len(self.policies)
        self.network.report(self.network.pair("a"), voters, version=version, participants=participants)

    @precondition(lambda self: self.unbooked)
    @rule(data=st.data())
    def book_a_closing(self, data: st.DataObject) -> None:
        record = self.records[data.draw(st.sampled_from(sorted(self.unbooked)))]
        self.network.trigger = record.trigger_id
        if self.network.voting().closed:
            self.network.advance(record.pair)
            self.follow()

    @rule(name=st.sampled_from("aab"))
    def whoever_still_can_reveals(self, name: str) -> None:
        """In all votings that are recorded and not closed; those without such a seal are skipped."""
        for voting_id in sorted(self.unbooked):
            self.network.trigger = self.records[voting_id].trigger_id
            voting, everyone = self.network.voting(), list(range(INDICES))
            if voting.sealed and not voting.closed:
                with suppress(BoaError):
                    self.network.reveal(self.network.pair(name), everyone, version=voting.policy_version)
        self.follow()

    @rule(
        workers=st.lists(st.sampled_from([*range(INDICES), 0, 1, 2, 120]), min_size=3, max_size=6),
        seconds=st.sampled_from([0, LENGTH, LENGTH]),
        data=st.data(),
    )
    def claim(self, workers: list[int], seconds: int, data: st.DataObject) -> None:
        self.network.wait(seconds)
        for worker in workers:
            self.claim_for(worker, data)

    def claim_for(self, worker: int, data: st.DataObject) -> None:
        """Most of what can be claimed, and seldom something that cannot."""
        self.look_at_the_time()
        now = self.network.now
        records, periods = self.rewards.unclaimed(worker, now) if worker < INDICES else ([], [])
        dropped = data.draw(st.sampled_from([0, 0, 0, 1]))
        records, periods = records[dropped:], periods[dropped:]
        if self.records:
            records += data.draw(st.lists(st.sampled_from(sorted(self.records)), max_size=1).map(self.known))
        ended = st.integers(self.first_period, now // LENGTH - 1)
        periods += data.draw(st.lists(ended, max_size=1))
        match data.draw(st.integers(0, 14)):
            case 0:
                periods.append(now // LENGTH)
            case 1 if records:
                records[-1] = replace(records[-1], time=records[-1].time + 1)
        fact = Claimed(now, worker, records, periods)
        try:
            payment = self.rewards.apply(fact)
        except RewardError as error:
            with self.network.refuses(str(error)):
                self.network.claim(worker, records, periods)
            return
        assert payment
        fields = claimed(self.network.claim(worker, records, periods, sender=boa.env.generate_address()))
        assert (fields["earned"], fields["paid"]) == (payment.earned, payment.paid)
        self.earned[worker] += payment.earned

    def known(self, voting_ids: list[bytes]) -> list[Record]:
        return [self.records[voting_id] for voting_id in voting_ids]

    # What must hold

    @invariant()
    def money_is_conserved(self) -> None:
        pool, network = self.network.pool, self.network
        in_pool = boa.env.get_balance(pool.address)
        paid = sum(map(boa.env.get_balance, network.operators.values()))
        assert in_pool == self.rewards.pool == self.rewards.funded - self.rewards.paid
        assert paid == self.rewards.paid <= self.rewards.funded
        owed = [pool.owed(worker) for worker in range(INDICES)]
        assert owed == [self.rewards.owed(worker) for worker in range(INDICES)]
        assert sum(self.earned.values()) == paid + sum(owed)

    @invariant()
    def the_present_period_is_equal(self) -> None:
        number = self.network.now // LENGTH
        assert self.period(number) == self.rewards.period(number)

    def period(self, number: int) -> Period:
        return Period(*self.network.period(number))

    def amounts_in(self, number: int) -> Amounts:
        return Amounts(*self.network.pool.amounts_in(number))

    @rule()
    def audit(self) -> None:
        """Every period and voting; and all that was ever earned, from views alone."""
        self.look_at_the_time()
        pool = self.network.pool
        found: Counter[int] = Counter()
        for number in range(self.first_period - 1, self.network.now // LENGTH + 2):
            period, amounts, done = (
                self.period(number),
                self.amounts_in(number),
                pool.claimed_of_period(number),
            )
            assert asdict(period) == asdict(self.rewards.period(number))
            assert amounts == self.rewards.amounts_in(number)
            assert done == self.rewards.claimed_of_period(number)
            for worker in workers_in(done):
                found[worker] += earnings.of_period(period, amounts, worker)
        for record in self.records.values():
            done = pool.claimed_of_voting(record.voting_id)
            assert done == self.rewards.claimed_of_voting(record.voting_id)
            for worker in workers_in(done):
                found[worker] += earnings.of_voting(self.closed_voting(record), worker)
            assert record.how is not How.PLURALITY or not done
        assert found == self.earned


def workers_in(workers: int) -> list[int]:
    return [worker for worker in range(INDICES) if workers >> worker & 1]


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
        ),
    )


def test_the_contracts_and_python_reward_alike() -> None:
    run(examples=8, steps=40)


@pytest.mark.long
def test_the_contracts_and_python_reward_alike_at_length() -> None:
    run(examples=30, steps=60)
