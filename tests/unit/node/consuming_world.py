"""Three companies that vote on readings every minute, and every three minutes on what was recorded of these.

All is real but the sources of the readings; everything happens in the test's own thread.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from tests.unit.node.conftest import GENESIS, Chain, a_policy

from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.chain.index_facts import IndexedRecord
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.node.journal import Journal, SqliteFile
from worknet.node.parents import Parents
from worknet.node.preparing import Preparer, unpack
from worknet.node.results import ResultsSource
from worknet.node.worker import Worker
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.manifest import Manifest
from worknet.protocol.policy import Policy
from worknet.protocol.salts import data_key_commitment
from worknet.protocol.tables import Kind
from worknet.protocol.voting import Voting
from worknet.sources import Occasion, UnavailableError
from worknet.sources.errors import Origin
from worknet.testing import InlineRunner
from worknet.testing.company import AtOnce, DirectReader, OneVersion
from worknet.testing.source import FakeSource
from worknet.workflow import runtime
from worknet.workflow.folder import Bundle

DATA_KEY = bytes(range(32))
MINUTE, SPAN = 60, 180
FIRST = GENESIS // SPAN + 1
"""The first slot of three minutes that is voted on."""
READ = """
import polars as pl
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

METERS = Dataset("meters", [Column("id", "str"), Column("wh", "int")], ["id"])

READ = Table("read", METERS.schema.columns, ["id"])

@workflow(name="minutes", trigger=Every(60), datasets=[METERS], tables=[READ], public_summary=True)
def run(context: Context, meters: pl.DataFrame) -> Result:
    return Result({"read": meters}, {"wh": int(meters["wh"].sum())})
"""
SUM = """
import polars as pl
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

READ = Dataset("read", [Column("minute", "time"), Column("id", "str"), Column("wh", "int")], ["minute", "id"])
SLOTS = Dataset("slots", [Column("minute", "time"), Column("outcome", "str", nullable=True)], ["minute"])
SUMS = Table("sums", [Column("id", "str"), Column("wh", "int")], ["id"])

@workflow(name="spans", trigger=Every(180), datasets=[READ, SLOTS], tables=[SUMS], public_summary=True)
def run(context: Context, read: pl.DataFrame, slots: pl.DataFrame) -> Result:
    missing = slots.filter(pl.col("outcome").is_null())["minute"].to_list()
    return Result({"sums": read.group_by("id").agg(pl.col("wh").sum())}, {"missing": missing})
"""


def runner_of(code: str) -> InlineRunner:
    return InlineRunner(Bundle({"workflow.py": code.encode(), "runtime.json": runtime.lock()}))


@dataclass
class Readings:
    """What one company's meters say: in each minute 10 Wh, unless told otherwise by the minute's start.

    Where that is None, they cannot be read.
    """

    told: dict[int, int | None] = field(default_factory=dict)

    def rows(self, occasion: Occasion) -> list[dict[str, Any]]:
        assert occasion.window is not None
        wh = self.told.get(occasion.window.start, 10)
        if wh is None:
            raise UnavailableError(Origin("meters", "a test"), "nobody answers")
        return [{"id": "a", "wh": wh}, {"id": "b", "wh": 1}]


class Member:
    """One company: its worker, its disk, and its meters."""

    def __init__(self, world: "Consuming", number: int, folder: Path) -> None:
        folder.mkdir()
        chain = world.chain
        self.number, self.readings = number, Readings()
        signer = chain.signers[number]
        client = NetworkClient(chain.rpc, chain.contract, signer=signer)
        self.index = NetworkIndex(folder / "index.sqlite", client)
        self.journal = Journal(
            SqliteFile(folder / "journal.sqlite"), DEVELOPMENT_CHAIN_ID, chain.contract, signer.address
        )
        minutes, spans = world.runners["minutes"], world.runners["spans"]
        meters = FakeSource(minutes.declaration.dataset("meters"), self.readings.rows)
        self.parents = Parents(
            client, self.index, "spans", ["minutes"], chain.owner.confirmations(), patience=0
        )
        preparers = {
            "minutes": Preparer(minutes, {"meters": meters}, _data_key, reader=DirectReader),
            "spans": Preparer(
                spans,
                {"read": self.source("read", world), "slots": self.source("slots", world)},
                _data_key,
                consumed=self.parents.results,
                reader=DirectReader,
            ),
        }
        self.worker = Worker(
            client,
            self.index,
            self.journal,
            {name: OneVersion(preparer) for name, preparer in preparers.items()},
            votings_at_once=8,
            runs_at_once=1,
            executor=AtOnce(),
        )

    def source(self, name: str, world: "Consuming") -> ResultsSource:
        schema = world.runners["spans"].declaration.dataset(name).schema
        columns = {"minute": "slot.start"} | ({} if name == "read" else {"outcome": "slot.outcome"})
        table = "read" if name == "read" else None
        return ResultsSource(name, schema, self.journal.ballots, "minutes", table, columns)

    def manifest(self, slot: Slot, workflow: str = "spans", attempt: int = 1) -> Manifest:
        ballot = self.journal.ballots.get(self.voting_id(workflow, slot), attempt, 1)
        return Manifest.parse(ballot.manifest)

    def rows(self, slot: Slot, kind: Kind, name: str) -> pl.DataFrame:
        """A dataset or table behind its ballot of attempt 1 on the span."""
        content = self.journal.ballots.rows(self.voting_id("spans", slot), (1, 1), kind, name)
        assert content is not None
        return unpack(content)

    def failures(self, slot: Slot) -> list[tuple[str, str]]:
        """Why it had no ballot of the span's voting, each cause and message once."""
        found = self.journal.failures.of(self.voting_id("spans", slot))
        return list(dict.fromkeys((each.cause, each.message) for each in found))

    def voting_id(self, workflow: str, slot: Slot) -> bytes:
        return self.parents.client.voting_id(workflow_id(workflow), slot.trigger_id)

    def close(self) -> None:
        self.index.close()
        self.journal.close()


class Consuming:
    """The chain and its members. `play` lets time pass; the workers do what is due every ten seconds."""

    def __init__(
        self,
        folder: Path,
        minutes: Mapping[str, Any],
        spans: Mapping[str, Any],
        confirmations: int,
    ) -> None:
        self.folder = folder
        self.runners = {"minutes": runner_of(READ), "spans": runner_of(SUM)}
        policy = self._policy("minutes", minutes)
        self.chain = Chain(folder / "chain", policy, workflow="minutes", confirmations=confirmations)
        self.chain.owner.announce(workflow_id("spans"), self._policy("spans", spans))
        self.members = [Member(self, number, folder / f"node{number}") for number in range(3)]

    def _policy(self, name: str, changes: Mapping[str, Any]) -> Policy:
        runner = self.runners[name]
        policy = {
            "every": runner.declaration.every,
            "start": FIRST * SPAN,
            "bundle_digest": runner.bundle.digest,
            "data_key_commitment": data_key_commitment(DATA_KEY),
            "cast_window": 40,
            "reveal_window": 40,
            "stall": 30,
            "max_age": 60 if name == "minutes" else 300,
        }
        return a_policy(**{**policy, **changes})

    def play(self, until: int) -> None:
        """Time passes until then."""
        while self.chain.now < until:
            for member in self.members:
                member.worker.step()
            self.chain.pass_time(10)

    def voting(self, slot: Slot, workflow: str = "spans") -> Voting:
        index = self.members[0].index
        index.sync()
        found = index.voting(self.members[0].voting_id(workflow, slot), now=self.chain.now)
        assert found is not None, "the voting has not opened"
        return found

    def record(self, slot: Slot, workflow: str = "minutes") -> IndexedRecord | None:
        self.members[0].index.sync()
        return self.members[0].index.record_of(self.members[0].voting_id(workflow, slot))

    def close(self) -> None:
        for member in self.members:
            member.close()
        self.chain.close()


def span(number: int = 0) -> Slot:
    """A slot of three minutes."""
    return Slot(SPAN, FIRST + number)


def minute(number: int, of: Slot | None = None) -> Slot:
    """A slot of a minute, by its place in a span."""
    return Slot(MINUTE, (of or span()).window.start // MINUTE + number)


def _data_key(_: int) -> bytes:
    return DATA_KEY


@contextmanager
def consuming(
    folder: Path,
    *,
    minutes: Mapping[str, Any] | None = None,
    spans: Mapping[str, Any] | None = None,
    confirmations: int = 1,
) -> Iterator[Consuming]:
    world = Consuming(folder, minutes or {}, spans or {}, confirmations)
    try:
        yield world
    finally:
        world.close()
