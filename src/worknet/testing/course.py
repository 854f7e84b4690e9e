"""The course of a simulation: what happens when, from the first voting to the end of the last.

Everything happens in one thread, in an order that follows from the seed: a block comes at a time that is
computed, each company looks at it a little later, and what it sends stands in the next block. While nothing
is on its way, time jumps to the next moment at which something may happen.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from worknet.node.duties import TURN_SECONDS
from worknet.node.journal.events import Happening as Arrival
from worknet.protocol.canonical import encode, to_hex
from worknet.protocol.ids import Event, Slot, Trigger
from worknet.protocol.voting import FAILOVER_ATTEMPT
from worknet.testing.company import Company
from worknet.testing.crashing import Crash
from worknet.testing.faults import Role
from worknet.testing.founding import event_of, patience
from worknet.testing.moments import Pace, Phase, phase
from worknet.testing.run import Happening, Run
from worknet.testing.weather import partitions
from worknet.workflow.triggers import Every

BLOCK_SECONDS = 5
CRASH_PLACES = 12
"""A step that is to be a worker's last ends at one of so many places that it comes by, or else at its end."""

_MOST_USELESS = 10
"""After so many blocks that took nothing, what still waits is taken for what will never be in a block."""

_LAST_BLOCKS = 4
"""So many blocks come after the end of the last voting, at the least, so that all have seen it."""


@dataclass(order=True)
class _Turn:
    """A company's turn to look at the chain up to a block."""

    time: float
    number: int
    company: Company = field(compare=False)
    seen: int = field(compare=False)


class Course:
    """The course of one run."""

    def __init__(self, run: Run) -> None:
        setup, faults = run.setup, run.setup.faults
        self._run, self._setup, self._chain = run, setup, run.chain
        self._random = Random(f"course {setup.chance}")
        self._pace = Pace(2 * BLOCK_SECONDS + faults.skew + 1, len(run.companies))
        run.behind = tuple(self._random.randrange(faults.skew * 1000 + 1) / 1000 for _ in run.companies)
        # A slot gets too old for the contract; an event does not, and waits for those who hear of it late.
        self._patience = patience(setup) + (0 if run.declaration.every else faults.skew)
        groups = faults.groups(setup.workers, setup.standbys, setup.seed)
        self._outside = sorted(number for group in groups[1:] for number in group)
        windows = (setup.cast_window, setup.reveal_window)
        self._spans = partitions(setup.chance, list(run.given.values()), *windows) if self._outside else []
        self._cut_since: int | None = None
        self._down: dict[int, int] = {}
        self._turns: list[_Turn] = []
        self._wakes: set[int] = set()
        self._numbers = 0
        self._useless = self._unconfirmed = 0
        self._left = dict(run.given)
        self._open: dict[Trigger, Phase] = {}
        self._gifts: list[list[Trigger]] = [[] for _ in run.companies]
        self._has_late = Role.LATE in run.roles
        self._coming = [trigger for trigger in run.triggers if isinstance(trigger, Event)]
        self._pause_at = self._time_of_pause()
        self._is_over = False

    def go(self) -> None:
        """To the end of the last voting, or until it is clear that one never ends."""
        deadline = max(self._left.values(), default=0) + self._longest()
        while self._left and self._chain.now < deadline:
            self._to(self._next_block())
        self._run.stuck = tuple(self._left)
        self._is_over = True
        self._spans.clear()
        for _ in range(_LAST_BLOCKS + self._setup.confirmations):
            self._to(self._soon())
        while self._turns:
            self._take_turn(heapq.heappop(self._turns))

    # Time

    def _to(self, time: int) -> None:
        """Goes on to a block of that time, or to an earlier one if something needs it before."""
        while self._turns and self._turns[0].time < time:
            self._take_turn(heapq.heappop(self._turns))
            if self._chain.ledger.is_waiting:
                time = min(time, self._soon())
            time = max(min([time, *self._down.values()]), self._chain.now + 1)
        self._go_on(time)
        started = self._befall(time)
        self._chain.mine(time)
        is_empty = not self._chain.ledger.evm.head.executions
        self._useless = self._useless + 1 if is_empty else 0
        has_moved = self._observe()
        concerns_all = has_moved or not is_empty or self._unconfirmed or self._is_over or time in self._wakes
        # What has come about is acted on when it is confirmed.
        self._unconfirmed = self._setup.confirmations if has_moved else max(0, self._unconfirmed - 1)
        for number, company in enumerate(self._run.companies):
            # A block that shows nothing new is looked at by those for whose sake it came; standbys look when
            # there may be something to do for them, for theirs are a fifth of all looks.
            is_for_it = concerns_all and (number < self._setup.workers or self._concerns_standbys)
            if not is_for_it and company.role is not Role.LATE and number not in started:
                continue
            self._numbers += 1
            turn = _Turn(time + self._run.behind[number], self._numbers, company, self._chain.height)
            heapq.heappush(self._turns, turn)

    @property
    def _concerns_standbys(self) -> bool:
        return self._is_over or not self._open or any(each.of_standbys for each in self._open.values())

    def _soon(self) -> int:
        """When the next block comes at the pace of the chain."""
        gone = max(0, int(self._run.clock.now) - self._chain.now)
        return self._chain.now + BLOCK_SECONDS * (gone // BLOCK_SECONDS + 1)

    def _next_block(self) -> int:
        """When the next block comes: soon while something is on its way, else when something may happen."""
        waits = self._chain.ledger.is_waiting and self._useless < _MOST_USELESS
        if waits or self._unconfirmed:
            return self._soon()
        now = self._chain.now
        self._wakes = {time for time in self._moments() if time > now}
        alone = {time for time in self._moments_of_some() if time > now}
        return min(self._wakes | alone, default=self._soon())

    def _moments_of_some(self) -> Iterator[int]:
        """When something may happen that concerns some companies only."""
        yield from self._down.values()
        if self._has_late:
            yield from (each.late(self._pace) for each in self._open.values())

    def _moments(self) -> Iterator[int]:
        """When something may happen of itself that concerns all."""
        for each in self._open.values():
            yield from each.times(self._pace)
        yield from [time for time in self._left.values() if time > self._chain.now][:1]
        yield from [time for span in self._spans[:1] for time in (span.begin, span.end)]
        if self._pause_at is not None:
            yield self._pause_at
        for company in self._run.companies:
            if company.resumes is not None:
                yield company.resumes
        if self._open:
            yield self._chain.now + self._setup.cast_window

    def _go_on(self, time: float) -> None:
        self._run.clock.now = max(self._run.clock.now, time)

    def _longest(self) -> int:
        """For how long a voting may go on at the most."""
        setup = self._setup
        attempts = FAILOVER_ATTEMPT * (setup.cast_window + setup.reveal_window + setup.stall)
        turns = TURN_SECONDS * (len(self._run.companies) + 1)
        # Who is behind learns late that something is to be settled, and again that the end is to be told.
        return self._patience + 2 * (attempts + setup.faults.skew) + turns

    def _time_of_pause(self) -> int | None:
        """Just before a slot may open that is none of the votings."""
        last = self._run.triggers[-1] if self._run.triggers else None
        if not isinstance(last, Slot):
            return None
        return self._run.given[last] + max(1, last.every - 1)

    # The world

    def _befall(self, time: int) -> set[int]:
        """What happens to the companies, and to the network, before a block of that time; the companies that
        are started again."""
        started = set()
        if self._spans and self._cut_since is None and self._spans[0].begin <= time:
            self._cut_since = time
            for number in self._outside:
                self._run.companies[number].rpc.is_cut_off = True
        if self._cut_since is not None and (not self._spans or self._spans[0].end <= time):
            self._join(self._cut_since, time)
            self._cut_since = None
            self._spans = self._spans[1:]
        for number in [number for number, until in self._down.items() if until <= time or self._is_over]:
            del self._down[number]
            self._run.companies[number].restart()
            started.add(number)
        while self._coming and self._run.given[self._coming[0]] <= time:
            trigger = self._coming.pop(0)
            for gifts in self._gifts:
                gifts.append(trigger)
        if self._pause_at is not None and self._pause_at <= time:
            self._pause_at = None
            self._chain.owner.pause_opening(True)
        return started

    def _join(self, since: int, time: int) -> None:
        """The network is whole again."""
        for number in self._outside:
            rpc = self._run.companies[number].rpc
            rpc.is_cut_off = False
            rpc.hand_over()
            self._run.happened.append(Happening(since, time, number, "cut off"))

    def _observe(self) -> bool:
        """Looks how far the votings are; whether any has got into another phase."""
        before = dict(self._open)
        index, now = self._run.index, self._chain.now
        index.sync()
        for trigger, due in list(self._left.items()):
            if due > now:
                break
            voting_id = self._chain.voting_id(trigger)
            ended = index.has_ended(voting_id)
            found = phase(index.voting(voting_id), due, self._patience, now, has_ended=ended)
            if found is None:
                del self._left[trigger]
                self._open.pop(trigger, None)
            else:
                self._open[trigger] = found
        return self._open != before

    # Companies

    def _take_turn(self, turn: _Turn) -> None:
        company, number = turn.company, turn.company.number
        self._go_on(turn.time)
        company.look(turn.seen)
        if not company.is_running or (company.role is Role.LATE and not self._is_late()):
            return
        while self._gifts[number]:
            company.take(self._arrival(self._gifts[number].pop(0)))
        probability = 0 if self._is_over else self._setup.faults.crash
        if self._random.random() < probability:
            company.trap.set(self._random.randrange(CRASH_PLACES))
        try:
            company.act()
        except Crash:
            now = int(self._run.clock.now)
            until = now + BLOCK_SECONDS + self._random.randrange(self._setup.cast_window)
            self._down[number] = until
            self._run.happened.append(Happening(now, until, number, "crash"))

    def _is_late(self) -> bool:
        """Whether a late worker acts now: some window is nearly over, or there is none."""
        now = self._chain.now
        return not self._open or any(now >= each.late(self._pace) for each in self._open.values())

    def _arrival(self, trigger: Trigger) -> Arrival:
        """An event as it reaches a company."""
        declared = self._run.declaration.trigger
        assert not isinstance(declared, Every), "slots are no events"
        identity = encode([to_hex(trigger.trigger_id)])
        return Arrival(
            trigger.trigger_id, declared.kind, identity, encode(event_of(self._setup.data, trigger))
        )
