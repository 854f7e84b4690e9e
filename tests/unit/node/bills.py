"""A workflow that bills customers, voted on by three companies on a chain in this process."""

from dataclasses import dataclass
from pathlib import Path

from tests.unit.node.conftest import LAST, Chain, Company, World, a_policy

from worknet.chain.index_facts import IndexedRecord
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import signer_from_key
from worknet.node.preparing import Preparer
from worknet.node.prove import Prover
from worknet.protocol.salts import data_key_commitment
from worknet.sources import FileSource
from worknet.workflow import runtime
from worknet.workflow.folder import Bundle, read_bundle
from worknet.workflow.runner import Runner

DATA_KEY = bytes(range(32))
NAME = "bills"
CODE = """
import polars as pl
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

METERS = Dataset("meters", [Column("id", "str"), Column("wh", "int"), Column("iban", "str")], ["id"])
CLOCKS = Dataset("clocks", [Column("id", "int"), Column("skew", "int")], ["id"], committed=False)
BILLS = Table("bills", METERS.schema.columns, ["id"], disclosure="field")
TOTALS = Table("totals", [Column("peak", "bool"), Column("hour", "int"), Column("wh", "int")],
               ["peak", "hour"])
HIDDEN = Table("hidden", METERS.schema.columns, ["id"], disclosure="field", decoys=5)

@workflow(name="bills", trigger=Every(3600), datasets=[METERS, CLOCKS], tables=[BILLS, TOTALS, HIDDEN])
def run(context: Context, meters: pl.DataFrame, clocks: pl.DataFrame) -> Result:
    total = int(meters["wh"].sum())
    rows = [{"peak": peak, "hour": hour, "wh": total} for peak in (False, True) for hour in (1, 2)]
    return Result({"bills": meters, "totals": rows, "hidden": meters}, {"total": total})
"""
METERS = "id,wh,iban\n" + "".join(f"c{number},{number * 10},DE{number}\n" for number in range(5))
CHEATED = METERS.replace("c1,10", "c1,11")


@dataclass
class Bills(World):
    """The companies after two votings: all agreed about the first slot, the third not about the second.

    Their clocks always differ. Since then company 1 has got another key, and a third slot has become due, on
    which nobody has voted.
    """

    runner: Runner
    folder: Path

    def prover(self, number: int) -> Prover:
        company = self.companies[number]
        return Prover(company.index, company.journal, lambda _: DATA_KEY)

    def record(self, slot: int = LAST) -> IndexedRecord:
        record = self.companies[0].index.record_of(self.chain.voting_id(slot))
        assert record is not None
        return record

    def close(self) -> None:
        super().close()
        self.runner.close()


def make(path: Path) -> Bills:
    """Two votings from beginning to end."""
    folder = path / "bundle"
    folder.mkdir()
    for name, content in Bundle({"workflow.py": CODE.encode(), "runtime.json": runtime.lock()}).files.items():
        (folder / name).write_bytes(content)
    bundle = read_bundle(folder)
    runner = Runner(bundle, allow_unisolated=True, waiting=2)
    commitment = data_key_commitment(DATA_KEY)
    policy = a_policy(2, bundle_digest=bundle.digest, data_key_commitment=commitment)
    chain = Chain(path / "chain", policy, workflow=NAME)
    companies = [
        Company(chain, number, path / f"node{number}", _preparer(runner, path / f"data{number}", number))
        for number in range(3)
    ]
    bills = Bills(chain, companies, runner, folder)
    bills.step(5)
    chain.rotate(1, signer_from_key(b"\x77" * 32, DEVELOPMENT_CHAIN_ID).address)
    chain.pass_time(3600)
    for company in companies:
        company.index.sync()
    return bills


def _preparer(runner: Runner, data: Path, number: int) -> Preparer:
    data.mkdir()
    starts = [LAST - 1, LAST]
    for slot in starts:
        cheats = number == 2 and slot == LAST
        (data / f"meters-{slot * 3600}.csv").write_text(CHEATED if cheats else METERS)
    (data / "clocks.csv").write_text(f"id,skew\n1,{number}\n")
    declared = runner.declaration.dataset
    meters = FileSource("meters", declared("meters").schema, path=data / "meters-{start}.csv")
    clocks = FileSource("clocks", declared("clocks").schema, path=data / "clocks.csv")
    return Preparer(runner, {"meters": meters, "clocks": clocks}, lambda _: DATA_KEY)
