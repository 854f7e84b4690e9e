"""Reads a finished simulation into its history: from the chain, and from the disk of every worker.

The chain is read by an index of its own. The rewards are claimed here, after the end, so that what the
contract pays can be held against the rules.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import get_args

from eth_utils.crypto import keccak

from worknet.chain import events
from worknet.chain.errors import ChainError
from worknet.chain.index_rewards import rewards
from worknet.chain.index_store import StoredLog
from worknet.node.errors import NodeError
from worknet.node.journal import Ballot
from worknet.node.preparing import unpack
from worknet.node.prove import Prover
from worknet.protocol.ballots import seal
from worknet.protocol.canonical import decode, to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.tables import Salter
from worknet.protocol.voting import Voting
from worknet.testing.company import Company
from worknet.testing.course import BLOCK_SECONDS
from worknet.testing.history import Claim, History, Kept, Seen, VotingHistory, WorkerHistory
from worknet.testing.simulation import Run
from worknet.verify import VerifyError, parse, verify
from worknet.workflow import Declaration
from worknet.workflow.evidence import When
from worknet.workflow.roots import commit_inputs

EVIDENCE_OF_EACH = 10
"""Evidence is made and verified of one in so many records."""

_KINDS = tuple(kind.__name__ for kind in get_args(events.Event))


def read(run: Run) -> History:
    """All that a finished simulation left behind. Claims all rewards, and so adds blocks to its chain."""
    now = run.chain.now
    policies = {entry.version: entry.policy for entry in run.index.policies(workflow_id(run.workflow))}
    votings = tuple(_votings(run, policies, now))
    workers = _workers(run, votings)
    log_faults = tuple(_log_faults(run))
    claims = _claims(run)
    return History(
        policy=policies[1],
        votings=votings,
        workers=tuple(replace(worker, claim=claims[worker.index]) for worker in workers),
        active=(1 << run.setup.workers) - 1,
        now=now,
        skew=run.setup.faults.skew,
        confirming=run.setup.confirmations * BLOCK_SECONDS,
        funded=run.pool.balance() + sum(claim.paid for claim in claims.values()),
        handlers=frozenset(run.declaration.handlers),
        happened=_happened(run),
        log_faults=log_faults,
        unfinished=tuple(run.chain.voting_id(trigger) for trigger in run.stuck),
    )


def _votings(run: Run, policies: Mapping[int, Policy], now: int) -> Iterator[VotingHistory]:
    told: dict[bytes, list[Seen]] = defaultdict(list)
    for stored in run.index.logs(*_KINDS):
        event = events.read(stored.log)
        voting_id = getattr(event, "voting_id", None)
        if event is not None and voting_id is not None:
            told[voting_id].append(Seen(stored.time, event))
    for trigger in run.triggers:
        voting_id = run.chain.voting_id(trigger)
        yield VotingHistory(
            voting_id=voting_id,
            trigger=trigger,
            due=run.given[trigger],
            voting=run.index.voting(voting_id, now=now) or Voting(policies),
            events=tuple(told[voting_id]),
            leaf=run.chain.owner.record(voting_id),
        )


def _workers(run: Run, votings: tuple[VotingHistory, ...]) -> list[WorkerHistory]:
    roots = _Roots(run)
    true_logs = run.index.logs(*_KINDS)
    found = []
    for index, company in enumerate(run.companies):
        kept: dict[tuple[bytes, int], Kept] = {}
        handled: dict[bytes, tuple[tuple[When, int], ...]] = {}
        if company.role.computes:
            for voting in votings:
                kept.update(_kept(run, roots, company, index, voting.voting_id))
                moments = company.journal.handlings.of(voting.voting_id)
                handled[voting.voting_id] = tuple(
                    (each.when, each.attempt) for each in moments if each.decided
                )
        found.append(
            WorkerHistory(
                index=index,
                role=company.role,
                kept=kept,
                handled=handled,
                away=tuple((each.start, each.end) for each in run.happened if each.worker == index),
                behind=run.behind[index],
                strays=_strays(company, true_logs) if company.role.computes else "",
            )
        )
    return found


def _kept(
    run: Run, roots: "_Roots", company: Company, index: int, voting_id: bytes
) -> Iterator[tuple[tuple[bytes, int], Kept]]:
    """The ballots of a voting that a worker's journal holds, by voting and attempt."""
    for attempt, version in company.journal.ballots.prepared(voting_id):
        ballot = company.journal.ballots.get(voting_id, attempt, version)
        place = (run.chain.rpc.chain_id, run.chain.contract, voting_id, attempt, index)
        sealed = seal(*place, ballot.pair, ballot.salt, _keccak)
        yield (voting_id, attempt), Kept(ballot.pair, sealed, roots.of(ballot))


class _Roots:
    """Input roots, computed again from journalled rows; of equal rows in one attempt once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: dict[bytes, bytes] = {}

    def of(self, ballot: Ballot) -> bytes | None:
        """The input root of a ballot's rows, None where the journal holds none."""
        datasets = {name: content for (kind, name), content in ballot.frames.items() if kind == "dataset"}
        if not datasets:
            return None
        about = sha256(ballot.voting_id + ballot.attempt.to_bytes(8, "big") + ballot.declaration)
        for name in sorted(datasets):
            about.update(sha256(name.encode()).digest() + sha256(datasets[name]).digest())
        if about.digest() not in self._known:
            declaration = Declaration.of_document(decode(ballot.declaration))
            salter = Salter(self._run.data_key(ballot.data_key_epoch), ballot.voting_id, ballot.attempt)
            frames = {name: unpack(content) for name, content in datasets.items()}
            self._known[about.digest()] = commit_inputs(declaration, frames, salter).root
        return self._known[about.digest()]


def _strays(company: Company, true_logs: list[StoredLog]) -> str:
    """Where a worker's index tells otherwise than the chain, up to the block that it has read."""
    newest = company.index.block() or 0
    theirs = company.index.logs(*_KINDS)
    ours = [stored for stored in true_logs if stored.log.block <= newest]
    for mine, other in zip(ours, theirs, strict=False):
        if mine != other:
            return f"the index has another event in block {mine.log.block}"
    if len(ours) != len(theirs):
        return f"the index has {len(theirs)} events up to block {newest}, the chain {len(ours)}"
    return ""


def _log_faults(run: Run) -> Iterator[str]:
    try:
        run.index.check_log()
    except ChainError as error:
        yield str(error)
    positions = range(0, run.index.log_size(), EVIDENCE_OF_EACH)
    for position in positions:
        record = run.index.record_at(position)
        accurate = 0 if record is None else record.record.voters
        for index, company in enumerate(run.companies):
            if record is None or not (company.role.computes and accurate >> index & 1):
                continue
            try:
                evidence = parse(Prover(run.index, company.journal, run.data_key).evidence(record))
                verify(evidence, evidence.head)
            except (VerifyError, NodeError) as error:
                yield f"evidence of voting {to_hex(record.record.voting_id)} does not verify: {error}"
            break


def _claims(run: Run) -> dict[int, Claim]:
    """Ends the reward period, has every worker's rewards claimed, and tells what the contract made of it."""
    length = run.setup.reward_period
    run.chain.mine((run.chain.now // length + 1) * length)
    run.index.sync()
    created_at = run.pool.created_at()
    before = rewards(run.index, length, run.chain.now, created_at)
    for worker in before.workers.values():
        if worker.earned:
            records = [record for record, _ in worker.votings]
            run.pool.claim(worker.worker, records, [number for number, _ in worker.periods])
            run.chain.mine()
    run.index.sync()
    told = [events.read_of_pool(stored.log) for stored in run.index.logs("Claimed")]
    claims = {}
    for index, worker in before.workers.items():
        own = [each for each in told if isinstance(each, events.Claimed) and each.index == index]
        earned, paid = sum(each.earned for each in own), sum(each.paid for each in own)
        claims[index] = Claim(worker.earned, earned, paid)
    return claims


def _happened(run: Run) -> dict[str, int]:
    return dict(Counter([each.kind for each in run.happened] + [deed.what for deed in run.deeds]))


def _keccak(data: bytes) -> bytes:
    return bytes(keccak(data))
