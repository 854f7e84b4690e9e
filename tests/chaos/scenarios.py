"""What is done to a network, how often, and what the audit finds. Tests and the table of faults run these."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.chaos.audit import Audit, audit
from tests.chaos.crash import MOMENTS, SEND, SENDS, Point
from tests.chaos.network import MEMBERS, ChaosNetwork, until
from tests.proxy import TcpProxy

from worknet.node.journal.store import STEPS, Database

VICTIM = "alpha"
ONCE = ("about.create",)
"""Steps of a worker's first start, which come before all others."""
OUTSIDE = ("inbox.", "events.")
UNREACHED = {
    "about.migrate": "an older journal only: tests/unit/node/test_journal_migration.py",
    "transactions.replace": "no transaction here waits long enough to be replaced",
    "transactions.take_over": "no key here is used twice",
    **dict.fromkeys(
        sorted(name for name in STEPS if name.startswith("handlings.") and name != "handlings.forget"),
        "no voting here comes to nothing: each is crashed in tests/unit/node/test_errands.py",
    ),
    **dict.fromkeys(
        ("ballots.forget", "failures.forget", "handlings.forget"),
        "nobody keeps rows so briefly: tests/unit/node/test_retention.py",
    ),
    **dict.fromkeys(
        ("statements.add", "statements.deliver", "statements.forget"),
        "nobody shares anything here: tests/unit/node/test_sharing.py",
    ),
}
"""The steps that this network's workers never do, each with the reason."""


@dataclass(frozen=True)
class Result:
    """What was done, how often, and what came of it."""

    fault: str
    times: int
    audit: Audit


def points_outside(times: Iterable[int] = (1,)) -> Iterator[Point]:
    """Every place to die at where something comes from outside."""
    for name in sorted(name for name in STEPS if name.startswith(OUTSIDE)):
        for time_there in times:
            for moment in MOMENTS:
                yield Point(name, moment, time_there)


def points(times: Iterable[int] = (1,)) -> Iterator[Point]:
    """Every other place: each step at each moment, each kind of sending before and after."""
    reached = [name for name in STEPS if name not in UNREACHED and not name.startswith(OUTSIDE)]
    for name in sorted(reached, key=lambda name: name not in ONCE):
        for time_there in (1,) if name in ONCE else times:
            for moment in MOMENTS:
                yield Point(name, moment, time_there)
    for name in SENDS:
        for time_there in times:
            for moment in ("before", "after"):
                yield Point(SEND + name, moment, time_there)


def killed_at(
    network: ChaosNetwork,
    chosen: Iterable[Point],
    done: Callable[[], None] = lambda: None,
    fault: str = "worker killed at a step of its journal, or beside a sending",
) -> Result:
    """One worker dies at each of the points in turn; it is started again each time, and `done` is called."""
    for member in MEMBERS:
        if member != VICTIM:
            network.start(member)
    count = 0
    for point in chosen:
        rows, away = network.rows(VICTIM), network.rows(VICTIM).with_suffix(".away")
        if point.place.startswith("failures."):
            rows.rename(away)
        network.die_at(VICTIM, point)
        if away.exists():
            away.rename(rows)
        count += 1
    network.start(VICTIM)
    done()
    return Result(fault, count, audit(network))


def killed_at_random(
    network: ChaosNetwork,
    seed: int,
    seconds: float,
    pause: float = 1.0,
    fault: str = "worker killed at a random moment",
) -> Result:
    """All workers are killed at moments of a seeded order, each within a pause, and started again."""
    chance = random.Random(seed)
    network.start_all()
    count = 0

    def once() -> None:
        member = chance.choice(MEMBERS)
        network.kill(member)
        time.sleep(chance.uniform(0, 0.3))
        network.start(member)

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(chance.uniform(0, pause))
        once()
        count += 1
    return Result(fault, count, audit(network))


def chain_killed(network: ChaosNetwork, times: int) -> Result:
    """The chain's process is killed under the running workers, and goes on where it was."""
    network.start_all()
    for _ in range(times):
        time.sleep(2)
        network.kill_chain()
        time.sleep(1)
        network.start_chain()
    return Result("chain killed and started again", times, audit(network))


def journal_away(
    network: ChaosNetwork,
    fault: str,
    away: Callable[[], None],
    back: Callable[[], None],
    times: int,
    databases: Mapping[str, Database],
) -> Result:
    """The victim's journal cannot be used for a while, more than once; the worker says so, waits, goes on."""
    network.start_all()
    for number in range(times):
        _told_again(network, "voting.recorded", lambda: None)
        if number:
            # One that comes before a whole step has gone well is the same fault still, and told once.
            away()
            time.sleep(3)
        else:
            _told_again(network, "journal.fault", away)
        back()
    return Result(fault, times, audit(network, databases))


def _told_again(network: ChaosNetwork, event: str, act: Callable[[], None]) -> None:
    """Does something, and waits until the victim has logged the event once more."""
    known = network.told(VICTIM, event)
    act()
    until(lambda: network.told(VICTIM, event) > known, f"{VICTIM} tells {event}", told=network.log(VICTIM))


def broker_cut(network: ChaosNetwork, proxy: TcpProxy, times: int, done: Callable[[], None]) -> Result:
    """All workers lose their broker for a while, and get what came meanwhile; `done` ends what comes."""
    network.start_all()
    for _ in range(times):
        time.sleep(3)
        proxy.cut()
        time.sleep(2)
        proxy.heal()
    time.sleep(3)
    done()
    return Result("connection of all workers to their broker cut", times, audit(network))


def journal_moved(network: ChaosNetwork, times: int) -> Result:
    """The victim's journal is moved away under it, with what SQLite has beside it; put back when it ended."""
    network.start_all()
    data = network.folder.node(VICTIM) / "data"
    for _ in range(times):
        time.sleep(2)
        moved = data.with_name("moved")
        moved.mkdir(mode=0o700)
        for file in data.glob("journal.sqlite*"):
            file.rename(moved / file.name)
        until(lambda: not network.runs(VICTIM), f"{VICTIM} stops", told=network.log(VICTIM))
        for file in moved.iterdir():
            file.rename(data / file.name)
        moved.rmdir()
        network.start(VICTIM)
    return Result("journal moved away under a worker, which stopped; put back", times, audit(network))
