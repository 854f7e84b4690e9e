"""What must hold after every step: of the contracts' views, and of what they have told so far.

`Told` judges the events alone, without the models: were a model as wrong as the contract, this would show it.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from tests.contracts.mirror.cases import Case, bitmap, cast_count, indices, seen
from tests.contracts.mirror.chain import PERIOD, Chain
from tests.contracts.mirror.governance import Event
from tests.contracts.mirror.world import World

from worknet.protocol.merkle import root_of_hashes
from worknet.protocol.rewards import period_of
from worknet.protocol.trees import Tree, verify_consistency
from worknet.protocol.voting import State
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots, How


class Told:
    """The events of a run, and what they must never say."""

    def __init__(self) -> None:
        self.members: dict[tuple[bytes, int], tuple[int, int, int]] = {}
        self.attempts: dict[bytes, int] = {}
        self.done: defaultdict[tuple[bytes, int], int] = defaultdict(int)
        self.voters: defaultdict[tuple[bytes, int, bytes, bytes], int] = defaultdict(int)
        self.reported: dict[bytes, int] = {}
        self.recorded: set[bytes] = set()
        self.funded = self.earned = self.paid = 0

    def hear(self, event: Event) -> None:
        """Takes an event in; fails if it breaks a law."""
        match event:
            case ("Opened", about, _, _, attempt, _, members, n, needed):
                assert (about, attempt) not in self.members
                assert attempt > self.attempts.get(about, 0)
                assert members.bit_count() <= n < 2 * needed <= 2 * n
                self.members[about, attempt] = members, n, needed
                self.attempts[about] = attempt
            case ("Cast", about, place, input_root, result_root):
                self._cast(about, place >> 32, 1 << (place & 0xFFFF))
                self._vote(about, place >> 32, input_root, result_root, 1 << (place & 0xFFFF))
            case ("Sealed", about, place, _):
                self._cast(about, place >> 32, 1 << (place & 0xFFFF))
            case ("SealsBrought", about, place, workers, seals):
                assert workers.bit_count() == len(seals) > 0
                self._cast(about, place >> 32, workers)
            case ("Revealed", about, place, input_root, result_root, workers):
                assert workers & ~self.done[about, place >> 32] == 0
                self._vote(about, place >> 32, input_root, result_root, workers)
            case ("Reported", about, place, participants, voters, signers):
                members, _, needed = self.members[about, place >> 32]
                assert signers & ~voters == voters & ~participants == participants & ~members == 0
                assert signers.bit_count() >= needed
                self.reported[about] = voters
            case ("Recorded", about, _, attempt, *rest):
                self._record(about, attempt, *rest)
            case ("Funded", _, amount):
                self.funded += amount
            case ("Claimed", _, _, earned, paid):
                self.earned += earned
                self.paid += paid
                assert self.paid <= self.funded

    def _cast(self, about: bytes, attempt: int, workers: int) -> None:
        """One ballot for each member, in the last attempt only."""
        assert attempt == self.attempts[about]
        assert workers & self.done[about, attempt] == 0
        assert workers & ~self.members[about, attempt][0] == 0
        self.done[about, attempt] |= workers

    def _vote(self, about: bytes, attempt: int, input_root: bytes, result_root: bytes, workers: int) -> None:
        others = sum(voters for where, voters in self.voters.items() if where[:2] == (about, attempt))
        assert workers & others == 0
        self.voters[about, attempt, input_root, result_root] |= workers

    def _record(
        self, about: bytes, attempt: int, input_root: bytes, result_root: bytes, voters: int, how: int
    ) -> None:
        assert about not in self.recorded
        assert attempt == self.attempts[about]
        self.recorded.add(about)
        members, n, needed = self.members[about, attempt]
        counted = self.voters[about, attempt, input_root, result_root]
        assert voters & ~members == 0
        if how == How.REPORT:
            assert voters == counted | self.reported[about]
            assert voters.bit_count() >= needed
            return
        assert voters == counted
        if how == How.QUORUM:
            assert voters.bit_count() >= needed
            return
        others = [one for where, one in self.voters.items() if where[:2] == (about, attempt)]
        assert sum(one.bit_count() for one in others) >= needed
        assert 3 * voters.bit_count() > n
        assert sorted(one.bit_count() for one in others if one)[-2:-1] < [voters.bit_count()]
        assert 2 <= voters.bit_count() < needed


class Invariants:
    """Compares the contracts with the mirrored world: each step another part, a voting's view always."""

    def __init__(self, chain: Chain, world: World) -> None:
        self.chain, self.world = chain, world
        self.roots: list[tuple[int, bytes]] = []
        self.ended: dict[int, list[int]] = {}
        self._step = 0

    def check(self, case: Case | None) -> None:
        """Checks a voting, and at every third step what it is the turn of."""
        self._step += 1
        if case is not None:
            self.voting(case)
        turn, rest = divmod(self._step, 3)
        if rest == 0:
            _TURNS[turn % len(_TURNS)](self, turn // len(_TURNS))

    def all(self) -> None:
        """Checks every voting, and all that takes turns once."""
        for case in self.world.votings.cases.values():
            self.voting(case)
        for check in _TURNS:
            check(self, self._step)

    def voting(self, case: Case) -> None:
        """The view is the model's state: what was frozen when the attempt opened, and what was counted."""
        now = at(case.voting, self.world.votings.now)
        there = self.chain.view("voting", case.workflow, case.trigger)
        if now.state is State.NONE or now.is_record_only:
            assert there == [0] * 14
            return
        if not now.attempts:
            assert there[:3] == [now.state, 0, case.governing]
            assert there[6] == (now.stalls or now.ended)
            return
        attempt = now.current
        sealed = now.policy.ballots is Ballots.SEALED
        done, cast = seen(now), cast_count(now)
        if case.shown:
            done, cast = case.shown
        elif now.recorded and now.recorded.how is How.REPORT:
            done |= attempt.participants
            cast = (done | bitmap(attempt.seals)).bit_count()
        assert there[:6] == [
            now.state,
            attempt.number,
            attempt.policy_version,
            sealed,
            now.closed,
            case.booked,
        ]
        assert there[7:12] == [attempt.members, attempt.n, attempt.needed, done, cast]
        deadlines = {
            State.CASTING: attempt.cast_end,
            State.REVEALING: attempt.end,
            State.PENDING: now.stalls,
            State.SETTLING: now.ended,
            State.UNRESOLVED: now.ended,
            State.CONSENSUS: attempt.end,
            State.SETTLED: now.recorded.time if now.recorded else 0,
        }
        assert there[6] == deadlines[now.state]
        if now.recorded is None or now.recorded.how is not How.REPORT:
            counts = sorted((voters.bit_count() for voters in attempt.tally().values()), reverse=True)
            assert there[12] == (counts[0] if counts else 0)
            assert there[13] == (counts[1:2] == counts[:1] != [])

    def log(self, _: int = 0) -> None:
        """Size and root of the log; the last root that was seen here is the root of a prefix."""
        size, root = self.chain.view("size")[0], _word(self.chain.view("root")[0])
        assert (size, root) == (len(self.world.leaves), self.world.log.root())
        if self.roots and self.roots[-1][0] < size:
            path = Tree(self.world.leaves).consistency(self.roots[-1][0])
            verify_consistency(*self.roots[-1], size, root, path)
            assert root == root_of_hashes(self.world.leaves)
        if size and (size, root) not in self.roots[-1:]:
            self.roots.append((size, root))

    def _record(self, number: int) -> None:
        """A record never changes, and only what is recorded has one."""
        for case in list(self.world.votings.cases.values())[number % 3 :: 3][:3]:
            record = self.world.records.get(case.id)
            expected = record.leaf_hash() if record else bytes(32)
            assert self.chain.view("record", case.id) == [int.from_bytes(expected, "big")]

    def _ballots(self, number: int) -> None:
        """Voters of each pair and seals, in every attempt."""
        cases = [case for case in self.world.votings.cases.values() if case.voting.attempts]
        if not cases:
            return
        case = cases[number % len(cases)]
        attempt = case.voting.attempts[number % len(case.voting.attempts)]
        recorded = case.voting.recorded
        for pair, voters in attempt.tally().items():
            shown = self.chain.view("voters", case.id, attempt.number, pair.input_root, pair.result_root)[0]
            if recorded and recorded.attempt == attempt.number and recorded.pair == pair:
                assert shown | recorded.voters == case.voting.accurate
            else:
                assert shown == voters
        for worker in indices(attempt.members):
            sealed = attempt.seals.get(worker)
            stored = int.from_bytes(sealed.seal, "big") if sealed else 0
            assert self.chain.view("seal_of", case.id, attempt.number, worker) == [stored]

    def _periods(self, number: int) -> None:
        """The present period is the model's; one that has ended never changes."""
        now = period_of(self.world.votings.now, PERIOD)
        asked = list(self.world.rewards._periods)[-1 - number % 8 :][:1] or [now]
        for period in {now, *asked}:
            model = self.world.rewards.period(period)
            here = [model.eligible, model.checked_in, model.taken, model.missed]
            assert self.chain.view("period", period) == here
            if period < now:
                assert self.ended.setdefault(period, here) == here
            amounts = self.world.rewards.amounts_in(period)
            assert self.chain.view("amounts_in", period) == [amounts.base, amounts.consistency]
            assert self.chain.view("claimed_of_period", period) == [
                self.world.rewards.claimed_of_period(period)
            ]

    def _money(self, number: int) -> None:
        """owed + paid = earned, paid <= funded, balance = funded - paid; nobody's debt is lost."""
        count = len(self.world.governance.operators)
        rewards = self.world.rewards
        owed = sum(rewards.owed(index) for index in range(count))
        assert owed + rewards.paid == self.world.earned
        assert rewards.paid <= rewards.funded
        assert self.chain.balance() == rewards.funded - rewards.paid
        index = number % max(1, count)
        assert self.chain.view("owed", index) == [rewards.owed(index)]
        for about in list(self.world.records)[number % 3 :: 3][:1]:
            assert self.chain.view("claimed_of_voting", about) == [rewards.claimed_of_voting(about)]

    def _members(self, number: int) -> None:
        """Who takes part, with which key and in which role, and who governs."""
        rules = self.world.governance
        assert self.chain.view("active") + self.chain.view("standby") == [rules.active, rules.standby]
        index = number % 8
        if index < len(rules.keys):
            member = (rules.operators[index], rules.keys[index])
            words = [*(int.from_bytes(one, "big") for one in member), rules.roles[index]]
            assert self.chain.view("member", index) == words
            assert self.chain.view("index_of", rules.keys[index]) == [index]
        else:
            assert self.chain.view("member", index) == []
        who = (self.chain.view("owner") + self.chain.view("pending_owner"), self.chain.view("opening_paused"))
        owners = [int.from_bytes(one, "big") for one in (rules.owner, rules.pending)]
        assert who == (owners, [rules.paused])

    def _policies(self, number: int) -> None:
        """Versions, what they pay, and which governs now."""
        rules, now = self.world.governance, self.world.votings.now
        for workflow, versions in rules.policies.items():
            assert self.chain.view("policy_count", workflow) == [len(versions)]
            assert self.chain.view("policy_version_at", workflow, now) == [rules.version_at(workflow, now)]
        hashes = list(rules.hashes.items())
        for policy_hash, policy in hashes[number % max(1, len(hashes)) :][:1]:
            assert self.chain.view("amounts", policy_hash) == [policy.accuracy | policy.speed << 128]


_TURNS: Final[list[Callable[[Invariants, int], None]]] = [
    Invariants.log,
    Invariants._record,
    Invariants._ballots,
    Invariants._periods,
    Invariants._money,
    Invariants._members,
    Invariants._policies,
]


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
