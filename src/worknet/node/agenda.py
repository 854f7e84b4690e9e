"""Which triggers of one workflow a worker looks at in a step: slots that are due, events that came, and what
the owner reopened. Nothing here knows a chain or a journal; what it remembers is made anew after a restart.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from worknet.node.backlog import Backlog, Standing
from worknet.protocol.ids import Event, Slot, Trigger, trigger_of
from worknet.protocol.policy import Policy

LEAST_REACH = 200
"""How many votings that are not over a worker looks at in one step, at the least."""

Ask = Callable[[Trigger], Standing]


class Agenda:
    """The triggers of one workflow; one that was put off until a time is passed over until then."""

    def __init__(self, reach: int) -> None:
        """`reach`: how many votings that are not over are looked at in one step, if more than the least."""
        self._reach = max(LEAST_REACH, reach)
        self._backlog = Backlog()
        self._put_off: dict[Trigger, int] = {}
        self._over: set[Trigger] = set()
        self._reopened: set[Trigger] = set()

    @property
    def resumes(self) -> int | None:
        """When the first of what was put off is looked at again."""
        return min(self._put_off.values(), default=None)

    def put_off(self, trigger: Trigger, until: int) -> None:
        """Leaves a trigger alone until that time."""
        self._put_off[trigger] = until

    def take_up(self, trigger_id: bytes) -> None:
        """Looks again at a trigger that was put off."""
        self._put_off = {
            each: until for each, until in self._put_off.items() if each.trigger_id != trigger_id
        }

    def due(
        self,
        policies: Sequence[Policy],
        now: int,
        reopened: Iterable[bytes],
        events: Sequence[Event],
        ask: Ask,
    ) -> Iterator[Trigger]:
        """The triggers to be looked at now; `ask` is asked about each.

        Of more than are looked at in one step it is the oldest and the newest, so that those that never open
        keep back none that come.

        `policies` are the versions 1, 2, ... of the workflow; `reopened` the trigger ids that the owner
        reopened, however old; `events` those that came and are not known to be over, oldest first.
        """
        if not policies:
            return
        every = policies[0].every
        self._forget(events)
        self._put_off = {trigger: until for trigger, until in self._put_off.items() if until > now}
        self._reopened |= {trigger_of(trigger_id, every) for trigger_id in reopened}
        self._over -= self._reopened
        given = sorted(self._reopened, key=lambda trigger: trigger.trigger_id)
        for trigger in given:
            stands = self._standing(trigger, ask)
            if stands is Standing.NOW:
                yield trigger
            elif stands is Standing.OVER:
                self._reopened.discard(trigger)
        for trigger in islice(self._others(policies, now, events, ask), self._reach):
            if trigger not in given:
                yield trigger

    def _others(
        self, policies: Sequence[Policy], now: int, events: Sequence[Event], ask: Ask
    ) -> Iterator[Trigger]:
        if not policies[0].every:
            for event in _from_both_ends(events):
                if self._standing(event, ask) is Standing.NOW:
                    yield event
            return
        yield from self._backlog.due(policies, now, self._reach, lambda slot: self._standing(slot, ask))

    def _forget(self, events: Sequence[Event]) -> None:
        """What neither the backlog nor the events will ask about again need not be remembered."""
        coming, first = set(events), self._backlog.first
        self._over = {
            each
            for each in self._over
            if (each.number >= first if isinstance(each, Slot) else each in coming)
        }

    def _standing(self, trigger: Trigger, ask: Ask) -> Standing:
        if trigger in self._over:
            return Standing.OVER
        if trigger in self._put_off:
            return Standing.PUT_OFF
        stands = ask(trigger)
        if stands is Standing.OVER:
            self._over.add(trigger)
        return stands


def _from_both_ends(events: Sequence[Event]) -> Iterator[Event]:
    """The first, the last, the second, the last but one, and so on."""
    for number in range(len(events)):
        yield events[number // 2] if number % 2 == 0 else events[-1 - number // 2]
