"""No state is a dead end: from wherever a run stopped, votings end and workers come to their money.

Every voting comes to a record or to UNRESOLVED by calls that anyone may send; an unresolved one the owner can
reopen.
"""

from typing import Protocol

from tests.contracts.mirror.actions import OUTSIDER, Actions
from tests.contracts.mirror.cases import Case
from tests.contracts.mirror.chain import PERIOD, Chain, Transaction
from tests.contracts.mirror.world import TAKES, World
from tests.contracts.network import words_of

from worknet.protocol.voting import MAX_ATTEMPT, State
from worknet.protocol.voting_time import at

# CASTING, REVEALING, PENDING, PENDING for the failover, and the end; then a reopening and its own end.
MOST_TURNS = 12
# Votings of a run that are reopened at its end: of more there is nothing new to learn.
REOPENED = 3


class Run(Protocol):
    """What is brought to its end."""

    chain: Chain
    world: World
    actions: Actions

    def send(self, transaction: Transaction) -> bool: ...
    def wait(self, seconds: int) -> None: ...
    def turn_of(self, case: Case) -> int: ...


def end(run: Run) -> None:
    """Brings every voting to its end, then everyone to what it has earned."""
    for number, case in enumerate(list(run.world.votings.cases.values())):
        reopened = number >= REOPENED
        for _ in range(MOST_TURNS):
            now = at(case.voting, run.chain.now)
            if now.state is State.UNRESOLVED and not reopened:
                reopened = True
                if not now.attempts or now.current.number < MAX_ATTEMPT:
                    owner = run.world.governance.owner
                    assert run.send(Transaction(owner, "reopen", (case.workflow, case.trigger)))
            elif not _move_on(run, case):
                break
        assert case.booked or at(case.voting, run.chain.now).state in {State.NONE, State.UNRESOLVED}
    _pay_all(run)


def _move_on(run: Run, case: Case) -> bool:
    """Sends the call that anyone may send next, where it names a pair first with a wrong one; False: none."""
    now = at(case.voting, run.chain.now)
    if case.booked or now.state in {State.NONE, State.UNRESOLVED}:
        return False
    if now.state is State.SETTLING:
        leading = now.current.leading()
        assert leading is not None
        roots = (leading.input_root, leading.result_root)
        last = Transaction(OUTSIDER, "settle", (case.workflow, case.trigger, *roots))
    else:
        run.wait(max(0, run.turn_of(case) - run.chain.now))
        last = run.actions.advance(case)
    if now.state in {State.SETTLING, State.CONSENSUS}:
        assert not run.send(Transaction(OUTSIDER, last.name, (*last.arguments[:3], b"\x77" * 32)))
    assert run.send(last)
    return True


def _pay_all(run: Run) -> None:
    """With the pool full and all operators taking money, nothing stays owed and everything earned is paid."""
    run.wait(PERIOD)
    for number, receiver in enumerate(run.chain.receivers):
        run.chain.behave(number, TAKES, None)
        run.world.manners[receiver] = (TAKES, None)
    assert run.send(Transaction(OUTSIDER, "fund", (), 2**140))
    for index in range(len(run.world.governance.operators)):
        records, periods = run.world.rewards.unclaimed(index, run.chain.now)
        if records or periods or run.world.rewards.owed(index):
            words = [words_of(record) for record in records[:50]]
            assert run.send(Transaction(OUTSIDER, "claim", (index, words, periods[:100])))
        assert run.world.rewards.owed(index) == 0
    assert run.world.rewards.paid == run.world.earned
