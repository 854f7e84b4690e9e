"""A company in a simulation: the real worker, with journal and index on disk, on a chain in this process.

What it is given is what a machine gives a worker, made repeatable: access to the chain, a clock, and random
bytes. There are no threads: what would run beside the worker's loop runs at once.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from worknet.chain.index import NetworkIndex
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import Signer
from worknet.node.errands import Outlets
from worknet.node.ingest.events import event_frame
from worknet.node.journal import Journal
from worknet.node.journal.events import Happening as Arrival
from worknet.node.preparers import Preparers
from worknet.node.preparing import Preparer
from worknet.node.reading import Reader
from worknet.node.worker import Worker
from worknet.protocol.policy import Policy
from worknet.sources import Occasion, Source
from worknet.testing.adversaries import Deeds, client_of, preparer_of
from worknet.testing.chain import NetworkChain
from worknet.testing.crashing import Crash, MortalFile, Trap
from worknet.testing.faults import Role
from worknet.testing.view import ViewRpc
from worknet.workflow.runner import Runner
from worknet.workflow.triggers import EVENT_DATASET

VOTINGS_AT_ONCE = 8
_MOST_STEPS = 20
"""How often a worker is stepped in one turn, while something that it began has ended at once."""


@dataclass
class World:
    """What all companies of a simulation share. `now` gives its time in unix seconds."""

    chain: NetworkChain
    runner: Runner
    sources: Callable[[int], Mapping[str, Source]]
    data_key: Callable[[int], bytes]
    now: Callable[[], float]
    deeds: Deeds = field(default_factory=Deeds)


class Company:
    """One operator with its worker, which can die and be started again on what is on its disk.

    `clock_off` are the seconds by which its clock is wrong. A silent company has a journal and an index, and
    no worker.
    """

    def __init__(
        self,
        world: World,
        number: int,
        role: Role,
        signer: Signer,
        folder: Path,
        *,
        seed: str,
        clock_off: int = 0,
    ) -> None:
        self.number, self.role, self.signer = number, role, signer
        self._world, self.folder, self._seed, self._clock_off = world, folder, seed, clock_off
        self._drawn = 0
        self.trap = Trap()
        self.rpc = ViewRpc(world.chain, self.trap)
        folder.mkdir(parents=True)
        self._start()

    @property
    def is_running(self) -> bool:
        """Whether there is a worker."""
        return self.worker is not None

    @property
    def resumes(self) -> int | None:
        """When its worker tries again what it has put off, if it has."""
        return None if self.worker is None else self.worker.resumes

    def look(self, seen: int) -> None:
        """From now on it sees the chain up to this block, unless it is cut off from it."""
        if not self.rpc.is_cut_off:
            self.rpc.seen = seen

    def act(self) -> None:
        """What the worker's loop does now. Raises Crash where it dies; `restart` then starts it again."""
        if self.worker is None:
            return
        try:
            for _ in range(_MOST_STEPS):
                self.worker.try_step()
                if not self.worker.has_news:
                    break
            self.trap.close()
        except Crash:
            self._stop()
            raise

    def restart(self) -> None:
        """Starts the worker on what is on its disk."""
        self._start()

    def take(self, arrival: Arrival) -> None:
        """Brings an event, as often as a broker likes."""
        self.journal.events.take(self._world.chain.workflow, [arrival])

    def close(self) -> None:
        """Closes what is open."""
        if self.worker is not None or self.role is Role.SILENT:
            self._stop()

    def _start(self) -> None:
        chain = self._world.chain
        client = client_of(
            self.role,
            self.rpc,
            chain.contract,
            self.signer,
            self._world.deeds,
            clock=self._world.now,
            sleep=_never_sleep,
        )
        self.index = NetworkIndex(self.folder / "index.sqlite", client)
        self.journal = Journal(
            MortalFile(self.folder / "journal.sqlite", self.trap),
            DEVELOPMENT_CHAIN_ID,
            chain.contract,
            self.signer.address,
            clock=lambda: self._world.now() + self._clock_off,
        )
        self.worker = None if self.role is Role.SILENT else self._worker(client)

    def _worker(self, client: Any) -> Worker:
        preparer = preparer_of(self.role, self._preparer())
        return Worker(
            client,
            self.index,
            self.journal,
            {self._world.chain.workflow: OneVersion(preparer)},
            votings_at_once=VOTINGS_AT_ONCE,
            runs_at_once=1,
            executor=AtOnce(),
            clock=self._world.now,
            outlets=Outlets(send=_took, hooks={self._world.chain.workflow: _AnyHook()}),
        )

    def _stop(self) -> None:
        self.worker = None
        self.index.close()
        self.journal.close()

    def _preparer(self) -> Preparer:
        world, name = self._world, self._world.chain.workflow

        def payload(trigger_id: bytes) -> pl.DataFrame:
            schema = world.runner.declaration.dataset(EVENT_DATASET).schema
            return event_frame(self.journal.events, name, trigger_id, schema)

        return Preparer(
            world.runner,
            world.sources(self.number),
            world.data_key,
            payload,
            reader=DirectReader,
            random_bytes=self._random_bytes,
        )

    def _random_bytes(self, size: int) -> bytes:
        """Bytes that nobody else draws and that are the same in each run of the same seed."""
        self._drawn += 1
        return sha256(f"{self._seed} {self.number} {self._drawn}".encode()).digest()[:size]


class AtOnce(Executor):
    """Runs what it is given before it returns."""

    def submit(self, task: Callable[..., Any], /, *values: Any, **named: Any) -> "Future[Any]":
        """A future that is done. A crash is the machine's, and passes."""
        future: Future[Any] = Future()
        try:
            future.set_result(task(*values, **named))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)
        return future


class DirectReader(Reader):
    """Reads one dataset after the other, in the thread that asks."""

    def read(self, occasion: Occasion, seconds: float) -> dict[str, pl.DataFrame]:
        """All datasets by name; raises what the sources raise."""
        return {name: self._sources[name].read(occasion) for name in sorted(self._sources)}


class OneVersion(Preparers):
    """The same preparer under every policy: its bundle is here from the beginning."""

    def __init__(self, preparer: Preparer) -> None:
        self._preparer = preparer

    def of(self, policy: Policy) -> Preparer:
        """The preparer."""
        return self._preparer

    def keep(self, in_force: bytes, others: Collection[bytes]) -> None:
        """There is nothing to let go of."""

    def get_ready(self, policies: Sequence[Policy]) -> None:
        """All is here."""

    def close(self) -> None:
        """Whoever made the runner closes it."""


class _AnyHook(dict[str, Callable[[str, bytes], str]]):
    """Webhooks of every name, which all take what they are sent."""

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Callable[[str, bytes], str]:
        return _took


def _took(*_: object) -> str:
    """What is sent there went well: who gets it is no part of a simulation."""
    return ""


def _never_sleep(seconds: float) -> None:
    raise RuntimeError("a worker's loop waits for nobody")
