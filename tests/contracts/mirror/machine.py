"""The stateful machine: any interleaving of transactions and time, each judged by the mirrored world.

A step is one rule with one draw of `Dice`; it sends one transaction or a few that belong together.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import ClassVar

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.contracts.mirror.actions import EVENTS, SLOTS, Actions
from tests.contracts.mirror.adversaries import bent
from tests.contracts.mirror.cases import Case, bitmap, indices
from tests.contracts.mirror.chain import OWNER, PERIOD, Chain, Transaction
from tests.contracts.mirror.endings import end
from tests.contracts.mirror.invariants import Invariants, Told
from tests.contracts.mirror.reasons import Refused
from tests.contracts.mirror.world import ON_VOTINGS, REENTERS, TAKES, World
from tests.unit.protocol.voting_histories import Dice

from worknet.protocol.voting import State
from worknet.protocol.voting_time import at

# Hypothesis draws a few bytes for a step, and shrinks which steps there are rather than what each does.
DRAWN = st.binary(min_size=8, max_size=8)
JUMPS = [1, 1, 2, 5, 10, 30, 60, 100]
HUGE = [PERIOD, 3 * PERIOD, 10**5, 10**7, 10**9]


def step(act: Callable[["Interleaving", Dice], None]) -> Callable[..., None]:
    """A rule that acts by dice."""

    def stepped(self: "Interleaving", drawn: bytes) -> None:
        act(self, self.dice(drawn))

    stepped.__name__, stepped.__doc__ = act.__name__, act.__doc__
    ruled: Callable[..., None] = rule(drawn=DRAWN)(stepped)
    return ruled


class Interleaving(RuleBasedStateMachine):
    """One run. `chain` is shared by all runs of a test and put back after each; `met` counts what came."""

    chain: ClassVar[Chain]
    met: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World(self.chain.chain_id, self.chain.network, OWNER)
        self.actions = Actions(self.world, self.chain.receivers)
        self.laws = Invariants(self.chain, self.world)
        self.told = Told()
        self.sent: list[Transaction] = []
        self.drawn: Counter[bytes] = Counter()
        self.wait(0)

    def teardown(self) -> None:
        try:
            end(self)
            self.laws.all()
        finally:
            self.anchor.__exit__(None, None, None)

    @initialize(drawn=DRAWN)
    def begin(self, drawn: bytes) -> None:
        """A network with policies, some workers and perhaps a standby; a pool that is short, or full."""
        dice = self.dice(drawn)
        for _ in range(dice.of([4, 5, 3, 6, 2])):
            self.send(self._enrolment(1))
        for _ in range(dice.of([1, 0, 2])):
            self.send(self._enrolment(2))
        for workflow in (SLOTS, EVENTS):
            self.send(self.actions.announcement(workflow, self.chain.now - 10**6, dice))
        self.send(Transaction(OWNER, "set_rewards", dice.of([(1000, 500), (0, 3), (7, 0)])))
        self.send(Transaction(OWNER, "fund", (), dice.of([10**9, 150, 0])))
        self.wait(dice.of([PERIOD, 0]))

    @step
    def votes(self, dice: Dice) -> None:
        """What moves a voting on, several times."""
        case = self.actions.some_case(dice)
        if self._is_over(case):
            case = dice.of([self.actions.new_case(dice), self.actions.new_case(dice), case])
        for _ in range(dice.of([6, 4, 2, 1])):
            self.send(self.actions.next_of(case, dice), dice)

    @step
    def opens(self, dice: Dice) -> None:
        """A new voting beside the others."""
        self.send(self.actions.next_of(self.actions.new_case(dice), dice))

    @step
    def goes_its_way(self, dice: Dice) -> None:
        """A voting from its opening on, with the time that it takes."""
        case = dice.of([self.actions.new_case(dice), self.actions.some_case(dice)])
        for _ in range(dice.of([12, 8, 16])):
            if self._is_over(case):
                break
            self.wait(dice.of([0, 0, 1, 7, self.turn_of(case) - self.chain.now]))
            self.send(self.actions.next_of(case, dice), dice)

    @step
    def time_passes(self, dice: Dice) -> None:
        """A little, a lot, or to the second in which something turns."""
        case = self.actions.some_case(dice)
        turn = self.turn_of(case) - self.chain.now
        self.wait(max(0, dice.of([*JUMPS, turn, turn, turn, turn, turn - 1, turn + 1, dice.of(HUGE)])))
        if dice.of([1, 0]):
            self.send(self.actions.advance(case))

    @step
    def window_ends(self, dice: Dice) -> None:
        """A voting's phase ends, and what follows is tried at once."""
        case = self.actions.some_case(dice)
        self.wait(max(0, self.turn_of(case) - self.chain.now))
        for _ in range(dice.of([3, 2, 1])):
            self.send(self.actions.next_of(case, dice), dice)

    @step
    def members_change(self, dice: Dice) -> None:
        """Enrolments, removals, rotations, check-ins."""
        self.send(self.actions.on_members(dice), dice)

    @step
    def owner_governs(self, dice: Dice) -> None:
        """Policies, pause, the owner's change."""
        self.send(self.actions.on_governance(dice), dice)
        if self.world.governance.paused and dice.of([1, 1, 1, 0]):
            self.send(Transaction(self.world.governance.owner, "pause_opening", (False,)))

    @step
    def money_moves(self, dice: Dice) -> None:
        """Payments into the pool, its amounts, claims; a claim again, or after a part of it was claimed."""
        transaction = self.actions.on_pool(dice)
        if transaction.name == "claim" and dice.of([0, 0, 1]):
            index, records, periods = transaction.arguments
            self.send(Transaction(transaction.sender, "claim", (index, records[:1], periods[1:])))
        self.send(transaction, dice)

    @step
    def receivers_change(self, dice: Dice) -> None:
        """Operators that are contracts refuse, burn gas, or call again while they are paid."""
        number, manner = dice.of([0, 1]), dice.of([REENTERS, 1, 2, TAKES])
        receiver = self.chain.receivers[number]
        index = dice.of(
            [one for one, op in enumerate(self.world.governance.operators) if op == receiver] or [0]
        )
        again = [self.actions.claim(index, dice), self.actions.on_pool(dice), self.actions.on_members(dice)]
        again.append(self.actions.next_of(self.actions.some_case(dice), dice))
        drawn = dice.of(again)
        nested = Transaction(receiver, drawn.name, drawn.arguments)
        if len(self.chain.data(nested.name, nested.arguments)) > 8_192 or drawn.value:
            nested = Transaction(receiver, "fund", ())
        self.chain.behave(number, manner, nested)
        self.world.manners[receiver] = (manner, nested)
        if manner == REENTERS:
            self.send(self.actions.claim(index, dice))

    @step
    def somebody_cheats(self, dice: Dice) -> None:
        """Calls on a voting that are bent in one thing; after them the honest one."""
        honest = self.actions.next_of(self.actions.some_case(dice), dice)
        for _ in range(dice.of([4, 2, 6])):
            self.send(bent(honest, self.actions, self.sent, dice))
        self.send(honest)

    @step
    def somebody_presumes(self, dice: Dice) -> None:
        """Calls of the owner, of operators and of who is paid: bent; after them the honest one."""
        honest = dice.of([self.actions.on_governance, self.actions.on_members, self.actions.on_pool])(dice)
        for _ in range(dice.of([4, 2, 6])):
            self.send(bent(honest, self.actions, self.sent, dice))
        self.send(honest)

    @step
    def somebody_is_faster(self, dice: Dice) -> None:
        """A part of a batch comes before the batch; or an earlier transaction comes again."""
        case = self.actions.some_case(dice)
        batch = self.actions.next_of(case, dice)
        if batch.name in {"bring_seals", "reveal"}:
            self.send(_part_of(batch, dice.of([1, 2])))
        self.send(batch)
        if self.sent:
            self.send(dice.of(self.sent[-30:]))

    def dice(self, drawn: bytes) -> Dice:
        """Even dice that never run out; others each time that the same is drawn, as Hypothesis often does.

        Of zeros, the first time, the first choice always.
        """
        again = self.drawn[drawn]
        self.drawn[drawn] += 1
        if not again and not any(drawn):
            return Dice(0)
        return Dice(int.from_bytes(hashlib.shake_256(drawn + bytes([again])).digest(64), "big"))

    def wait(self, seconds: int) -> None:
        """Lets time pass."""
        self.chain.now += seconds
        self.actions.now = self.world.votings.now = self.chain.now

    def turn_of(self, case: Case) -> int:
        """When time next moves the voting on, or now."""
        now = at(case.voting, self.chain.now)
        turns = [now.stalls]
        if now.attempts:
            turns += [now.current.cast_end, now.current.end]
        return min((turn for turn in turns if turn > self.chain.now), default=self.chain.now)

    def send(self, transaction: Transaction, dice: Dice | None = None) -> bool:
        """Sends it; the contract must take or refuse it as the world does. Whether it was taken.

        With dice, it may be that somebody comes first who bends it.
        """
        if dice is not None and dice.of([0, 0, 1]):
            self.send(bent(transaction, self.actions, self.sent, dice))
        self.sent.append(transaction)
        reason, events = None, []
        try:
            events = self.world.apply(transaction, self.chain.now)
        except Refused as refused:
            reason = str(refused)
        answer = self.chain.send(transaction)
        assert answer.reason == reason, (transaction.name, reason, answer.reason)
        self.met[reason or f"{transaction.name}: taken"] += 1
        assert list(answer.logs) == [self.chain.log(*event) for event in events]
        for event in events:
            self.met[f"event {event[0]}"] += 1
            self.told.hear(event)
            if event[0] == "Skipped":
                self.met[event[3]] += 1
            elif event[0] == "Recorded":
                self.laws.log()
        case = None
        if transaction.name in ON_VOTINGS:
            case = self.world.votings.cases[transaction.arguments[:2]]
        if reason is None or len(self.sent) % 8 == 0:
            self.laws.check(case)
        return reason is None

    def _is_over(self, case: Case) -> bool:
        """Whether nothing follows in the voting by itself, or it is too late or too early to open."""
        state = at(case.voting, self.chain.now).state
        if state is State.NONE:
            version = self.world.governance.version_at(case.workflow, self.actions.start_of(case))
            return bool(self.world.governance.to_open(case.workflow, case.trigger, version, self.chain.now))
        return case.booked or state in {State.UNRESOLVED, State.SETTLED}

    def _enrolment(self, role: int) -> Transaction:
        return self.actions.enrolment(len(self.world.governance.operators), role)


def _part_of(batch: Transaction, count: int) -> Transaction:
    """The batch with its first items alone."""
    at_workers = 3 if batch.name == "bring_seals" else 5
    arguments = list(batch.arguments)
    first = indices(arguments[at_workers])[:count]
    arguments[at_workers] = bitmap(first)
    arguments[-1] = arguments[-1][: len(first)]
    return Transaction(batch.sender, batch.name, tuple(arguments))
