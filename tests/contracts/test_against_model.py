"""The contract and `worknet.protocol.voting`, step by step: any interleaving of calls leaves both equal.

The model knows nothing of keys and of who calls; the contract is asked by the right key. What the model
refuses the contract must refuse for the same reason, and the other way round.
"""

from collections.abc import Callable
from typing import Any

import boa
import pytest
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

from worknet.protocol import voting as model
from worknet.protocol.ballots import without_time
from worknet.protocol.merkle import Frontier
from worknet.protocol.policy import Ballots, Policy
from worknet.protocol.records import Record
from worknet.protocol.voting import State, VotingError

WORKERS = st.integers(0, 4)
PAIRS = st.sampled_from("aaab")
ATTEMPTS = st.sampled_from([None, None, None, None, 1, 2, 3])


def machine(new_network: Callable[[], Any]) -> type[RuleBasedStateMachine]:
    """The machine over networks made this way."""

    class Votings(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.anchor = boa.env.anchor()
            self.anchor.__enter__()
            self.network = new_network()

        def teardown(self) -> None:
            self.anchor.__exit__(None, None, None)

        @initialize(
            ballots=st.sampled_from(Ballots),
            workers=st.integers(2, 5),
            threshold=st.sampled_from([(0, 1), (2, 3), (1, 1)]),
            stall=st.sampled_from([0, 40]),
        )
        def begin(self, ballots: Ballots, workers: int, threshold: tuple[int, int], stall: int) -> None:
            self.network.enrol(workers)
            self.policy: Policy = self.network.announce(
                ballots=ballots,
                threshold_num=threshold[0],
                threshold_den=threshold[1],
                cast_window=60,
                reveal_window=30,
                stall=stall,
            )
            self.begin_voting()
            self.slots = 2
            self.log = Frontier()

        def begin_voting(self) -> None:
            self.voting = model.Voting(self.policy)
            self.logged = False
            self.pairs: dict[int, str] = {}
            self.booked = False

        @rule(seconds=st.sampled_from([1, 1, 5, 5, 10, 29, 30, 60, 200]))
        def time_passes(self, seconds: int) -> None:
            self.network.wait(seconds)

        @precondition(lambda self: self.network.now % 3 == 0)
        @rule(worker=WORKERS)
        def remove(self, worker: int) -> None:
            enrolled = self.network.contract.active() | self.network.contract.standby()
            if enrolled >> worker & 1 and enrolled.bit_count() > 2:
                self.network.call("remove", worker)

        @rule(worker=WORKERS, role=st.sampled_from([1, 1, 2]))
        def enrol_again(self, worker: int, role: int) -> None:
            enrolled = self.network.contract.active() | self.network.contract.standby()
            if worker in self.network.keys and not enrolled >> worker & 1:
                operator, key = self.network.operators[worker], self.network.keys[worker]
                self.network.call("enrol", operator, key, role, b"\x09" * 32)

        def both(self, facts: list[model.Fact], call: Callable[[], list[tuple[str, dict[str, Any]]]]) -> bool:
            """Applies the facts to the model and makes the call; both must take it, or both refuse it."""
            after, refused = self.voting, ""
            try:
                for fact in facts:
                    after = model.apply(after, fact)
            except VotingError as error:
                refused = str(error)
            if refused:
                with self.network.refuses(refused):
                    call()
                return False
            told = call()
            self.voting = after
            self.booked = self.booked or any(event == "Closed" for event, _ in told)
            self.compare_record()
            return True

        def opening(self, attempt: int) -> list[model.Fact]:
            """The fact of the attempt's opening, if a ballot that names it would open it now."""
            now = model.at(self.voting, self.network.now)
            if now.state not in {State.NONE, State.PENDING} or attempt != now.next_attempt:
                return []
            active = self.network.contract.active()
            enrolled = active | self.network.contract.standby()
            members, n = model.members_of_next(now, active, enrolled)
            needed = self.policy.needed(n)
            return [model.Opened(self.network.now, attempt, 1, members, n, needed)]

        def named(self, attempt: int | None) -> int:
            """The attempt that an honest worker would name, or the one drawn."""
            now = model.at(self.voting, self.network.now)
            waiting = now.state in {State.NONE, State.PENDING}
            return attempt or (now.next_attempt if waiting else now.current.number)

        @rule(votes=st.lists(st.tuples(WORKERS, PAIRS), min_size=1, max_size=8))
        def members_vote(self, votes: list[tuple[int, str]]) -> None:
            """Several members in a row, most of them for one pair, as happens in earnest."""
            for worker, name in votes:
                now = model.at(self.voting, self.network.now)
                if now.state is State.UNRESOLVED or self.booked:
                    self.slots += 1
                    self.network.trigger = self.network.slot(self.slots).trigger_id
                    self.begin_voting()
                    now = self.voting
                members = now.current.members if now.attempts else self.network.contract.active()
                done = {*now.current.seals, *now.current.ballots} if now.state is State.CASTING else set()
                left = [one for one in self.network.keys if members >> one & 1 and one not in done]
                if left:
                    self.vote(left[worker % len(left)], name, None)

        @rule(worker=WORKERS, name=PAIRS, attempt=ATTEMPTS)
        def anyone_votes(self, worker: int, name: str, attempt: int | None) -> None:
            self.vote(worker, name, attempt)

        def vote(self, worker: int, name: str, attempt: int | None) -> None:
            attempt = self.named(attempt)
            facts = self.opening(attempt)
            if not facts and not self.voting.attempts:
                with self.network.refuses("votings: other attempt"):
                    self.network.cast(worker, self.network.pair(name), attempt)
                return
            pair, now = self.network.pair(name), self.network.now
            if self.policy.ballots is Ballots.OPEN:
                facts.append(model.Cast(now, attempt, worker, pair))
                self.both(facts, lambda: self.network.cast(worker, pair, attempt))
            else:
                seal = self.network.seal_for(worker, pair, attempt)
                facts.append(model.Sealed(now, attempt, worker, seal))
                if self.both(facts, lambda: self.network.seal(worker, pair, attempt)):
                    self.pairs[worker + 10 * attempt] = name

        @rule(name=PAIRS)
        def reveal_all(self, name: str) -> None:
            if self.voting.attempts and self.voting.current.seals:
                self.reveal(name, sorted(self.voting.current.seals))

        @rule(name=PAIRS, workers=st.lists(WORKERS, min_size=1, max_size=6))
        def reveal_some(self, name: str, workers: list[int]) -> None:
            self.reveal(name, workers)

        def reveal(self, name: str, workers: list[int]) -> None:
            if not self.voting.attempts or self.policy.ballots is Ballots.OPEN:
                return
            attempt = self.voting.current.number
            done = model.at(self.voting, self.network.now).current.ballots
            fitting = {
                worker
                for worker in workers
                if self.pairs.get(worker + 10 * attempt) == name and worker not in done
            }
            pair, now = self.network.pair(name), self.network.now
            fact = model.Revealed(now, attempt, pair, sum(1 << worker for worker in fitting))
            self.both([fact], lambda: self.network.reveal(pair, workers, attempt))

        @rule(name=PAIRS)
        def advance(self, name: str) -> None:
            if not self.voting.attempts:
                return
            now = model.at(self.voting, self.network.now)
            closing = now.closed and not self.booked
            if closing and now.recorded is not None and now.recorded.pair != self.network.pair(name):
                with self.network.refuses("votings: not the recorded pair"):
                    self.network.advance(self.network.pair(name))
            elif closing or now.state is not self.voting.state:
                told = self.network.advance(self.network.pair(name))
                self.booked = self.booked or any(event == "Closed" for event, _ in told)
                self.voting = now
            else:
                with self.network.refuses("votings: nothing to advance"):
                    self.network.advance(self.network.pair(name))

        def compare_record(self) -> None:
            recorded = self.voting.recorded
            if recorded is None or self.logged:
                return
            attempt = self.voting.attempts[recorded.attempt - 1]
            expected = Record(
                self.network.chain_id,
                self.network.address,
                self.network.workflow,
                self.network.voting_id(),
                self.network.trigger,
                recorded.attempt,
                self.policy.hash(),
                recorded.pair.input_root,
                recorded.pair.result_root,
                attempt.members,
                attempt.n,
                attempt.needed,
                recorded.voters,
                recorded.how,
                recorded.time,
            )
            self.log.append(expected.leaf_hash())
            self.logged = True
            assert self.network.contract.record(self.network.voting_id()) == expected.leaf_hash()

        @invariant()
        def equal(self) -> None:
            if not hasattr(self, "voting"):
                return
            contract = self.network.contract
            assert (contract.size(), contract.root()) == (self.log.size, self.log.root())
            here, there = model.at(self.voting, self.network.now), self.network.voting()
            assert there.state == here.state
            if not here.attempts:
                return
            attempt = here.current
            assert (there.attempt, there.policy_version) == (attempt.number, attempt.policy_version)
            assert (there.members, there.n, there.needed) == (attempt.members, attempt.n, attempt.needed)
            assert (there.closed, there.booked) == (here.closed, self.booked)
            deadlines = {
                State.CASTING: attempt.cast_end,
                State.REVEALING: attempt.end,
                State.PENDING: here.stalls,
                State.UNRESOLVED: here.ended,
                State.CONSENSUS: attempt.end,
            }
            assert there.deadline == deadlines[here.state]
            seen = attempt.seals if self._casting_sealed(here) else attempt.ballots
            assert there.ballots == sum(1 << worker for worker in seen)
            assert there.cast == max(len(attempt.seals), len(attempt.ballots))
            counts = sorted((voters.bit_count() for voters in attempt.tally().values()), reverse=True)
            assert there.highest == (counts[0] if counts else 0)
            assert there.shared == (len(counts) > 1 and counts[0] == counts[1])
            for name in "ab":
                pair = self.network.pair(name)
                assert self.network.voters(pair, attempt.number) == attempt.voters(pair)
            for worker, fact in attempt.seals.items():
                stored = contract.seal_of(self.network.voting_id(), attempt.number, worker)
                assert without_time(stored) == fact.seal

        def _casting_sealed(self, voting: model.Voting) -> bool:
            return voting.state is State.CASTING and self.policy.ballots is Ballots.SEALED

    return Votings


def run(new_network: Callable[[], Any], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine(new_network),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
        ),
    )


def test_contract_and_model_stay_equal(new_network: Callable[[], Any]) -> None:
    run(new_network, examples=15, steps=40)


@pytest.mark.long
def test_contract_and_model_stay_equal_at_length(new_network: Callable[[], Any]) -> None:
    run(new_network, examples=250, steps=60)
