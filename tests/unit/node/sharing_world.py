"""Three companies on a chain in this process that read meters, disagree about them, and share statements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.node.conftest import (
    LAST,
    Chain,
    Company,
    TinyPreparer,
    World,
    a_policy,
    private_key,
)

from worknet.chain.client import NetworkClient
from worknet.node.journal import Ballot
from worknet.node.preparing import Task, pack
from worknet.node.sharing import Sharing
from worknet.node.statements import Gathered, StatementReader
from worknet.node.stating import Stating
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import encode
from worknet.protocol.columns import Column
from worknet.protocol.statement import Level
from worknet.protocol.tables import Salter
from worknet.sources.channels import Channel, channels_from
from worknet.tables import frame_of_rows
from worknet.testing.company import AtOnce
from worknet.workflow import Dataset, Declaration, Every, Table
from worknet.workflow.folder import Bundle
from worknet.workflow.roots import commit_inputs, commit_result
from worknet.workflow.runner import Outcome

DATA_KEY = bytes(range(32))
COLUMNS = (Column("meter", "str"), Column("wh", "int"), Column("note", "str"))
METERS = Dataset("meters", COLUMNS, ["meter"])
BILLS = Table("bills", COLUMNS, ["meter"], disclosure="field")
DECLARATION = Declaration("tried", Every(3600), (METERS,), (BILLS,))
SECRETS = ("secretmeter", "secretnote")

Rows = Sequence[dict[str, Any]]
Read = Callable[[int, int], Rows]


def meters(wh: int = 7) -> Rows:
    """What all companies would read, but for one number."""
    return [
        {"meter": "secretmeter", "wh": wh, "note": "secretnote"},
        {"meter": "other", "wh": 1, "note": ""},
    ]


def alone(number: int, attempt: int) -> Rows:
    """Each company reads another number."""
    return meters(7 + number)


class MeterPreparer(TinyPreparer):
    """Real ballots on what `read` gives for the company's number and the attempt."""

    def __init__(self, number: int, read: Read) -> None:
        super().__init__(number, lambda *_: Pair(b"", b""))
        self.read = read

    def prepare(self, task: Task, turns: object = None) -> Ballot:
        self.tasks.append(task)
        frame = frame_of_rows("meters", METERS.schema, self.read(self.number, task.attempt)).sort("meter")
        salter = Salter(DATA_KEY, task.voting_id, task.attempt)
        inputs = commit_inputs(DECLARATION, {"meters": frame}, salter)
        outcome = Outcome({"bills": frame}, {"rows": frame.height})
        result = commit_result(DECLARATION, Bundle({"workflow.py": b""}), task.trigger, outcome, salter)
        return Ballot(
            task.voting_id,
            task.attempt,
            task.policy_version,
            Pair(inputs.root, result.root),
            bytes([self.number, task.attempt]) * 16,
            1,
            encode(result.manifest.document()),
            encode(DECLARATION.document()),
            {("dataset", "meters"): pack(frame), ("table", "bills"): pack(frame)},
        )


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class SharingCompany(Company):
    """A company that shares at `level` over a folder."""

    def __init__(self, chain: Chain, number: int, folder: Path, read: Read, level: Level | None) -> None:
        self.level, self.own_clock = level, Clock()
        self.channels = open_folder(folder.parent / "shared")
        super().__init__(chain, number, folder, MeterPreparer(number, read))

    def sharing(self, client: NetworkClient) -> Sharing | None:
        return Sharing(self.reader(), self.level, executor=AtOnce(), clock=self.own_clock)

    def reader(self) -> StatementReader:
        """The reader of statements, as a worker or a command makes it."""
        stating = Stating(self.chain.rpc.chain_id, self.chain.contract, self.journal, lambda _: DATA_KEY)
        return StatementReader(
            self.index,
            self.journal,
            stating,
            self.channels,
            lambda: private_key(self.number),
            lambda: self.index.index_of(self.signer.address),
        )

    def gather(self, attempt: int = 1, **options: Any) -> Gathered:
        """What it knows of an attempt of the last slot."""
        self.index.sync()
        return self.reader().gather(self.chain.voting_id(LAST), attempt, **options)

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            super().step()
            assert self.worker._sharing is not None
            # What has ended is taken note of before the next is begun.
            self.worker._sharing.work()


def open_folder(folder: Path) -> list[Channel]:
    """A shared folder as a channel."""
    return channels_from(
        folder=folder, url=None, driver={}, peers=[], tls_ca=None, timeout=5.0, max_bytes=1 << 20
    )


@dataclass
class SharingWorld(World):
    """The companies, and the folder that they share."""

    folder: Path

    def company(self, number: int) -> SharingCompany:
        company = self.companies[number]
        assert isinstance(company, SharingCompany)
        return company

    def files(self) -> list[Path]:
        """What stands in the shared folder."""
        return sorted(self.folder.glob("*")) if self.folder.exists() else []

    def pause(self, seconds: float = 60.0) -> None:
        """Lets the companies' own clocks go on, and each look again."""
        for number in range(len(self.companies)):
            company = self.company(number)
            company.own_clock.now += seconds
            assert company.worker._sharing is not None
            for _ in range(3):
                company.worker._sharing.work()


def sharing_world(
    path: Path,
    read: Read = alone,
    levels: Sequence[Level | None] = ("rows", "rows", "rows"),
    confirmations: int = 0,
    **policy: Any,
) -> SharingWorld:
    """A chain with one slot that is due, and the companies."""
    chain = Chain(path / "chain", a_policy(**policy), confirmations=confirmations)
    companies: list[Company] = [
        SharingCompany(chain, number, path / f"node{number}", read, level)
        for number, level in enumerate(levels)
    ]
    return SharingWorld(chain, companies, path / "shared")
