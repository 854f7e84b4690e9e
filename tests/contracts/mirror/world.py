"""The whole mirror: a network and its pool in Python, which says of each transaction what must come of it.

Votings go by `protocol.voting`, rewards by `protocol.rewards`, the log by `protocol.merkle`; what only the
contracts know stands in `governance`.
"""

from copy import copy
from typing import Any

from eth_utils.crypto import keccak
from tests.contracts.mirror.cases import Case, Effect
from tests.contracts.mirror.chain import PERIOD, Transaction
from tests.contracts.mirror.governance import Event, Governance
from tests.contracts.mirror.reasons import Refused
from tests.contracts.mirror.votings import Votings

from worknet.protocol import rewards
from worknet.protocol.earnings import ClosedVoting
from worknet.protocol.records import Record
from worknet.protocol.rewards import RewardError, Rewards, period_of
from worknet.protocol.trees import Frontier
from worknet.protocol.voting import State, Voting
from worknet.protocol.voting_time import at
from worknet.protocol.words import How

ON_VOTINGS = {"cast", "seal", "bring_seals", "reveal", "report", "advance", "settle", "reopen"}
TAKES, REFUSES, BURNS, REENTERS = range(4)


class World:
    """What the contracts hold. `manners` are what operators that are contracts do when they are paid."""

    def __init__(self, chain_id: int, network: bytes, owner: bytes) -> None:
        self.chain_id, self.network = chain_id, network
        self.governance = Governance(owner)
        self.votings = Votings(chain_id, network, self.governance)
        self.rewards = Rewards(PERIOD)
        self.earned = 0
        self.records: dict[bytes, Record] = {}
        self.leaves: list[bytes] = []
        self.log = Frontier()
        self.manners: dict[bytes, tuple[int, Transaction | None]] = {}
        self._told_closed: set[bytes] = set()

    def apply(self, transaction: Transaction, now: int) -> list[Event]:
        """The events of a transaction that is taken; `Refused`, and nothing has changed, of any other."""
        self.votings.now = now
        name, sender, arguments = transaction.name, transaction.sender, transaction.arguments
        if name in ON_VOTINGS:
            workflow, trigger, *rest = arguments
            case = self.votings.case(workflow, trigger)
            effect: Effect = getattr(self.votings, name)(sender, case, *rest)
            return self._after(case, effect, now)
        if name == "fund":
            self.rewards.apply(rewards.Funded(now, transaction.value))
            return [("Funded", sender, transaction.value)]
        if name == "set_rewards":
            return self._set_rewards(sender, now, *arguments)
        if name == "claim":
            return self._claim(now, *arguments)
        if name == "check_in":
            arguments = (*arguments, period_of(now, PERIOD))
        events: list[Event] = getattr(self.governance, name)(sender, now, *arguments)
        self._tell_membership(events[0], now)
        return events

    def closed(self, case: Case, voting: Voting) -> ClosedVoting:
        """What the rewards of a closed voting depend on."""
        record = self.records[case.id]
        seals = {worker: sealed.seal for worker, sealed in voting.current.seals.items()}
        return ClosedVoting(record, voting.policy, voting.accurate, seals)

    def _after(self, case: Case, effect: Effect, now: int) -> list[Event]:
        """Makes a call's effect on its voting ours: the record that it made, the closing that it booked."""
        events = [
            self._record(case, effect.after) if event == ("Recorded",) else event for event in effect.events
        ]
        case.voting = effect.after
        case.governing = effect.governing or case.governing
        case.shown = effect.shown or case.shown
        if effect.booked:
            case.booked = True
            self._told_closed.add(case.id)
            self.rewards.apply(rewards.ClosingBooked(now, self.closed(case, effect.after)))
        return events

    def _record(self, case: Case, voting: Voting) -> Event:
        recorded, attempt = voting.recorded, voting.current
        assert recorded is not None
        assert case.id not in self.records
        record = Record(
            chain_id=self.chain_id,
            contract=self.network,
            workflow_id=case.workflow,
            voting_id=case.id,
            trigger_id=case.trigger,
            attempt=recorded.attempt,
            policy_hash=voting.policy.hash(keccak),
            input_root=recorded.pair.input_root,
            result_root=recorded.pair.result_root,
            members=attempt.members,
            n=attempt.n,
            needed=attempt.needed,
            voters=recorded.voters,
            how=recorded.how,
            time=recorded.time,
        )
        self.records[case.id] = record
        self.rewards.apply(rewards.RecordLogged(record))
        self.leaves.append(record.leaf_hash())
        self.log.append(self.leaves[-1])
        told = (record.attempt, record.input_root, record.result_root, record.voters, int(record.how))
        return ("Recorded", case.id, len(self.leaves) - 1, *told)

    def _tell_membership(self, event: Event, now: int) -> None:
        match event:
            case ("Enrolled", index, *_):
                self.rewards.apply(rewards.Enrolled(now, index))
            case ("Removed", index, *_):
                self.rewards.apply(rewards.Removed(now, index))
            case ("CheckedIn", index, _):
                self.rewards.apply(rewards.CheckedIn(now, index))

    def _set_rewards(self, sender: bytes, now: int, base: int, consistency: int) -> list[Event]:
        if sender != self.governance.owner:
            raise Refused("rewards: not the owner")
        try:
            self.rewards.apply(rewards.RewardsSet(now, base, consistency))
        except RewardError as error:
            raise Refused(str(error)) from None
        return [("RewardsSet", base, consistency, period_of(now, PERIOD) + 1)]

    def _claim(self, now: int, index: int, words: list[tuple[Any, ...]], periods: list[int]) -> list[Event]:
        records = [self._of_words(one) for one in words]
        for record in records:
            self._tell_closed(record, now)
        fact = rewards.Claimed(now, index, records, periods)
        trial = self._copied()
        try:
            payment = trial.apply(fact)
        except RewardError as error:
            raise Refused(str(error)) from None
        assert payment is not None
        operator = self.governance.operators[index]
        manner, nested = self.manners.get(operator, (TAKES, None))
        if manner in {REFUSES, BURNS}:
            raise Refused("rewards: operator refuses")
        self.rewards = trial
        self.earned += payment.earned
        events: list[Event] = [("Claimed", index, operator, payment.earned, payment.paid)]
        if manner == REENTERS and nested is not None:
            self.manners[operator] = (TAKES, None)
            try:
                events += self.apply(nested, now)
            except Refused:
                pass
            finally:
                self.manners[operator] = (manner, nested)
        return events

    def _of_words(self, words: tuple[Any, ...]) -> Record:
        *before, how, time = words
        # Garbage may name a way that does not exist: such words are no record's, whatever stands there.
        known = How(how) if how in set(How) else how
        return Record(self.chain_id, self.network, *before, known, time)

    def _tell_closed(self, record: Record, now: int) -> None:
        """Tells the model that a window is over: the voting can be claimed before its closing is booked."""
        case = self.votings.cases.get((record.workflow_id, record.trigger_id))
        if case is None or case.id not in self.records or case.id in self._told_closed:
            return
        voting = at(case.voting, now)
        if voting.closed:
            assert voting.state is State.CONSENSUS
            self._told_closed.add(case.id)
            self.rewards.apply(rewards.Closed(now, self.closed(case, voting)))

    def _copied(self) -> Rewards:
        """The rewards with what a claim changes copied: a receiver may yet refuse it."""
        trial = copy(self.rewards)
        for name, value in vars(trial).items():
            if isinstance(value, dict):
                setattr(trial, name, dict(value))
        return trial
