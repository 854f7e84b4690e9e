"""What came of the votings: the chain held against every worker's journal, by one who trusts neither."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from tests.chaos.network import EVERY, MEMBERS, ChaosNetwork, until

from worknet.chain.index import NetworkIndex
from worknet.chain.index_facts import IndexedVoting
from worknet.chain.interface import selected
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.config.node import NodeConfig
from worknet.node.journal import Journal, SqliteFile
from worknet.node.journal.store import Database
from worknet.node.prove import Prover
from worknet.protocol.ballots import seal, without_time
from worknet.protocol.voting import Attempt, Part, State
from worknet.verify import parse, verify

BALLOTS = {"seal", "reveal", "cast"}
OVER_SECONDS = 180.0
"""How long votings may take to end after the last fault: a broker waits half a minute to bring again what a
worker that died had in hand."""


@dataclass
class Audit:
    """Counts over all votings and workers. Everything in `faults` is one thing that must not be."""

    votings: int = 0
    ballots: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    """Transactions that the contract refused in a block: they cost gas and nothing else."""
    due: int = 0
    """Audited are the votings about slots that were due then."""

    def __add__(self, other: "Audit") -> "Audit":
        return Audit(
            self.votings + other.votings,
            self.ballots + other.ballots,
            self.faults + other.faults,
            self.refused + other.refused,
            self.due,
        )


KINDS = (
    "voting not recorded",
    "ballot outvoted",
    "ballot missing",
    "ballot not in the journal",
    "ballot other than the journal's",
    "salt lost",
    "seal not revealed",
    "ballot sent twice",
    "evidence does not verify",
)
"""All that can be wrong with a voting, by the names that the table of faults gives it."""


def audit(network: ChaosNetwork, databases: Mapping[str, Database] | None = None) -> Audit:
    """Waits until all votings so far are over, ends the workers, and audits those votings."""
    due = _all_over(network)
    for member in MEMBERS:
        network.kill(member)
    return inspect(network, due, databases or {})


def inspect(network: ChaosNetwork, due: int, databases: Mapping[str, Database]) -> Audit:
    """Audits the votings about events, and slots that were due at a time; raises what `check_log` raises.

    `databases`: the journals that are in no file, by the worker's name.
    """
    found = Audit(due=due)
    with closing(network.index()) as index:
        now = index.sync().time
        index.check_log()
        votings = [entry for entry in index.votings(now=now, limit=-1) if _ends_by(entry, due)]
        found.votings = len(votings)
        for entry in votings:
            if entry.voting.state is not State.CONSENSUS:
                found.faults["voting not recorded"] += 1
        for number, member in enumerate(MEMBERS):
            database = databases.get(member) or SqliteFile(
                network.folder.node(member) / "data" / "journal.sqlite"
            )
            config = NodeConfig.load(network.folder.node_file(member))
            worker = index.members()[number].worker
            with closing(Journal(database, DEVELOPMENT_CHAIN_ID, network.contract, worker)) as journal:
                for entry in votings:
                    found += _audit_ballot(network, journal, entry, number)
                found += _audit_evidence(Prover(index, journal, config.data_key), votings, index, number)
        found += _audit_transactions(network, index)
    return found


def _audit_ballot(network: ChaosNetwork, journal: Journal, entry: IndexedVoting, worker: int) -> Audit:
    found = Audit()
    if entry.voting.part_of(worker) is not Part.AGREED:
        found.faults["ballot outvoted"] += 1
    for attempt in entry.voting.attempts:
        for fault in _faults_of(network, journal, entry.voting_id, attempt, worker):
            found.faults[fault] += 1
        found.ballots += worker in attempt.ballots
    return found


def _faults_of(
    network: ChaosNetwork, journal: Journal, voting_id: bytes, attempt: Attempt, worker: int
) -> Iterator[str]:
    if worker not in attempt.seals:
        yield "ballot missing"
        return
    mine = journal.ballots.prepared(voting_id).get((attempt.number, attempt.policy_version))
    if mine is None:
        yield "ballot not in the journal"
        return
    salt = journal.ballots.get(voting_id, attempt.number, attempt.policy_version).salt
    place = (DEVELOPMENT_CHAIN_ID, network.contract, voting_id, attempt.number, worker)
    if without_time(attempt.seals[worker].seal) != seal(*place, mine.pair, salt):
        yield "salt lost"
    if worker not in attempt.ballots:
        yield "seal not revealed"
    elif attempt.ballots[worker] != mine.pair:
        yield "ballot other than the journal's"


def _audit_evidence(prover: Prover, votings: list[IndexedVoting], index: NetworkIndex, worker: int) -> Audit:
    """Has the verifier look at evidence from this worker about each tenth voting."""
    found = Audit()
    for entry in votings[::10]:
        record = index.record_of(entry.voting_id)
        if record is None or entry.voting.part_of(worker) is not Part.AGREED:
            continue
        if not prover.journal.ballots.prepared(entry.voting_id):
            continue  # that it is lost was found already
        content = prover.evidence(record)
        try:
            evidence = parse(content)
            verify(evidence, evidence.head)
        except Exception:
            found.faults["evidence does not verify"] += 1
    return found


def _audit_transactions(network: ChaosNetwork, index: NetworkIndex) -> Audit:
    """Looks at every transaction in every block: which ballots were taken more than once, and refused."""
    found = Audit()
    taken: Counter[tuple[object, ...]] = Counter()
    workers = {member.worker for member in index.members()}
    rpc = network.client.rpc
    for number in range(network.deployed_block, int(rpc.block_number()) + 1):
        block = rpc.request("eth_getBlockByNumber", hex(number), True)
        for transaction in block["transactions"]:
            call = selected(bytes.fromhex(transaction["input"][2:]))
            sender = bytes.fromhex(transaction["from"][2:])
            if call is None or call[0] not in BALLOTS or sender not in workers:
                continue
            receipt = rpc.request("eth_getTransactionReceipt", transaction["hash"])
            if receipt["status"] == "0x0":
                found.refused += 1
            else:
                taken[sender, call[0], *call[1][:3]] += 1
    found.faults["ballot sent twice"] += sum(count > 1 for count in taken.values())
    return found


def _ends_by(entry: IndexedVoting, time: int) -> bool:
    """Whether a voting is about a slot that had ended at that time, or about an event."""
    window = entry.trigger.window
    return window is None or window.end <= time


def _all_over(network: ChaosNetwork) -> int:
    """Waits until all slots that are due now are over, and no seal is still to be opened; that time."""
    with closing(network.index()) as index:
        due = index.sync().time // EVERY * EVERY

        def is_over() -> bool:
            for member in MEMBERS:
                assert network.runs(member), f"the worker of {member} has ended:\n{network.log(member)()}"
            now = index.sync().time
            entries = [entry for entry in index.votings(now=now, limit=-1) if _ends_by(entry, due)]
            slots = (due - network.begin) // EVERY * network.slot_workflows
            return len(entries) == slots + network.events and all(
                index.has_ended(entry.voting_id) and not entry.voting.current.unrevealed()
                for entry in entries
            )

        until(
            is_over,
            "all votings are over",
            OVER_SECONDS,
            lambda: "\n".join(network.log(each)() for each in MEMBERS),
        )
    return due
