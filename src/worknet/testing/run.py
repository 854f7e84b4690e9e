"""What is simulated, and what a simulation leaves behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import polars as pl

from worknet.chain.index import NetworkIndex
from worknet.chain.pool import PoolClient
from worknet.protocol.ids import Trigger
from worknet.protocol.words import Ballots, Fallback
from worknet.testing.adversaries import Deeds
from worknet.testing.chain import NetworkChain
from worknet.testing.clock import Clock
from worknet.testing.company import Company
from worknet.testing.faults import Faults, Role
from worknet.workflow import Declaration
from worknet.workflow.folder import Bundle

Data = Callable[[Trigger, int], Mapping[str, pl.DataFrame]]
"""The datasets of a trigger, validated; of variant 0, or of another."""


@dataclass(frozen=True)
class Setup:
    """What is to be simulated.

    The votings are those from number `first` on. `data` gives the datasets; `variants` says which workers
    have others than variant 0, by index. All spans of time are in seconds, amounts in wei: `accuracy` and
    `speed` per voting with sealed ballots, `base` and `consistency` per reward period. `isolate` runs the
    workflow in processes of its own.
    """

    bundle: Bundle
    data: Data
    workers: int = 7
    standbys: int = 0
    votings: int = 100
    first: int = 0
    seed: int = 1
    faults: Faults = field(default_factory=Faults)
    ballots: Ballots = Ballots.SEALED
    threshold: tuple[int, int] = (0, 1)
    fallback: Fallback = Fallback.FAILOVER_THEN_PLURALITY
    cast_window: int = 300
    reveal_window: int = 300
    stall: int = 600
    confirmations: int = 1
    accuracy: int = 10**15
    speed: int = 10**14
    base: int = 10**16
    consistency: int = 10**16
    reward_period: int = 86_400
    variants: Mapping[int, int] = field(default_factory=dict)
    isolate: bool = False

    @property
    def chance(self) -> str:
        """What all that happens by chance in these votings is drawn from."""
        return f"{self.seed} {self.first}"


@dataclass(frozen=True)
class Happening:
    """What befell a worker: `kind` is "crash" or "cut off"; from and until when, in unix seconds."""

    start: int
    end: int
    worker: int
    kind: str


@dataclass
class Run:
    """A simulation that has ended: its chain, and its companies with their disks, until `close`.

    `index` is an observer's, of network and pool. `triggers` are what the votings were about, `given` is
    when each could be known. `behind` is by how many seconds each company sees a block late. `stuck` are the
    triggers whose voting was not over when the simulation gave up.
    """

    setup: Setup
    roles: tuple[Role, ...]
    declaration: Declaration
    chain: NetworkChain
    clock: Clock
    index: NetworkIndex
    companies: list[Company]
    triggers: tuple[Trigger, ...]
    given: Mapping[Trigger, int]
    data_key: Callable[[int], bytes]
    deeds: Deeds
    on_close: Callable[[], None]
    happened: list[Happening] = field(default_factory=list)
    behind: tuple[float, ...] = ()
    stuck: tuple[Trigger, ...] = ()

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        return self.declaration.name

    @property
    def pool(self) -> PoolClient:
        """The network's pool, funded; nothing of it was claimed."""
        return self.chain.pool

    def let_go(self) -> None:
        """Closes the files of the chain and the companies."""
        for company in self.companies:
            company.close()
        self.index.close()
        self.chain.close()

    def close(self) -> None:
        """Removes all that the simulation has on disk."""
        self.on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
