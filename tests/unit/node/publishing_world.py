"""Three votings that are over, of which some results are public, and what publishes them on its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.unit.node.conftest import LAST, Chain, Company, World, a_policy, slot_of
from tests.unit.node.sharing_world import DATA_KEY, DECLARATION, Clock, MeterPreparer, meters

from worknet.chain.events import Role
from worknet.node.journal import Ballot
from worknet.node.preparing import Task
from worknet.node.prove import Prover
from worknet.node.published import PublishedFolder
from worknet.node.publishing import Publishing
from worknet.node.view import View
from worknet.protocol.canonical import decode, encode
from worknet.protocol.ids import workflow_id
from worknet.protocol.publications import publication_name
from worknet.testing.company import AtOnce
from worknet.workflow.folder import Bundle

PRIVATE, AGREED, OUTVOTED = LAST - 2, LAST - 1, LAST
"""The slots: one under a bundle that declares nothing public, one on which all agree, and one about which the
last company reads another number."""


class PublicPreparer(MeterPreparer):
    """Real ballots on these slots."""

    def __init__(self, number: int) -> None:
        super().__init__(number, lambda *_: meters())

    def prepare(self, task: Task, turns: object = None) -> Ballot:
        slot = slot_of(task)
        self.read = lambda number, _: meters(8 if slot == OUTVOTED and number == 2 else 7)
        declares = replace(DECLARATION, public_summary=slot != PRIVATE)
        return replace(super().prepare(task), declaration=encode(declares.document()))


class PublishingCompany(Company):
    """A company whose worker publishes into a folder of its own."""

    def publishing(self) -> Publishing | None:
        folder = self.folder.parent / "published" / str(self.number)
        return publishing(self, PublishedFolder(folder, f"company-{self.number}"), Clock())

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            super().step()
            assert self.worker._publishing is not None
            self.worker._publishing.work()


def publishing(
    company: Company,
    folder: PublishedFolder,
    clock: Clock,
    data_key: Callable[[int], bytes] = lambda _: DATA_KEY,
) -> Publishing:
    """What publishes for a company, in the thread that asks."""
    names = {workflow_id(company.chain.workflow): company.chain.workflow}
    prover = Prover(company.index, company.journal, data_key)
    return Publishing(prover, names, folder, executor=AtOnce(), clock=clock)


def published_world(path: Path) -> World:
    """The companies after the three votings."""
    policy = a_policy(3, bundle_digest=Bundle({"workflow.py": b""}).digest)
    chain = Chain(path / "chain", policy)
    companies: list[Company] = [
        PublishingCompany(chain, number, path / f"node{number}", PublicPreparer(number))
        for number in range(3)
    ]
    world = World(chain, companies)
    world.step(6)
    return world


@dataclass
class Publisher:
    """What publishes for one company of a world whose votings are over, into a new folder."""

    world: World
    path: Path
    number: int = 0
    data_key: Callable[[int], bytes] = lambda _: DATA_KEY
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.company = self.world.companies[self.number]
        self.folder = PublishedFolder(self.path, f"company-{self.number}")
        self.restart()

    def restart(self) -> None:
        """Nothing is known any more but what is on disk."""
        self.publishing = publishing(
            self.company, self.folder, self.clock, lambda epoch: self.data_key(epoch)
        )

    def look(self, settled: int | None = None, time: int | None = None) -> None:
        """Looks at the chain as it is, with this block as the confirmed one, to the end."""
        head, now = self.world.chain.rpc.block_number(), self.world.chain.now
        block, settled_time = head if settled is None else settled, now if time is None else time
        self.publishing.look(View(head, now, block, settled_time, self.number, Role.ACTIVE, True, False, 0))
        self.work()

    def work(self, seconds: float = 0.0) -> None:
        """Some turns of the worker's loop, after so many seconds."""
        self.clock.now += seconds
        for _ in range(5):
            self.publishing.work()

    def files(self) -> dict[str, bytes]:
        """Everything in the folder, by name."""
        return {file.name: file.read_bytes() for file in sorted(self.path.glob("*"))}

    def names(self) -> set[str]:
        return set(self.files())

    def document(self, slot: int = AGREED) -> Mapping[str, Any]:
        """The publication about a slot, read."""
        found: Mapping[str, Any] = decode(self.files()[self.name(slot)][:-1])
        return found

    def name(self, slot: int) -> str:
        """What the publication about a slot is called."""
        return publication_name(self.world.chain.voting_id(slot))

    def block(self, slot: int) -> int:
        """The block of a slot's record."""
        record = self.company.index.record_of(self.world.chain.voting_id(slot))
        assert record is not None
        return record.block
