"""The rewards of a network: computed from the chain's events alone, held against the contracts, and claimed.

Amounts are in wei.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from worknet.chain.client import NetworkClient
from worknet.chain.errors import IndexMismatchError
from worknet.chain.events import Claimed, read_of_pool
from worknet.chain.index import NetworkIndex
from worknet.chain.index_members import IndexedMember
from worknet.chain.index_rewards import NetworkRewards, WorkerRewards, rewards
from worknet.chain.pool import PoolClient
from worknet.config.network import NetworkConfig
from worknet.network.access import synced_index, time_of
from worknet.network.errors import NetworkError
from worknet.protocol.canonical import to_hex
from worknet.protocol.earnings import Amounts, of_period
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record

_VIEWS_AT_ONCE = 8


@dataclass(frozen=True)
class Earned:
    """What a worker earned over the network's life, by kind."""

    accuracy: int
    speed: int
    base: int
    consistency: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.accuracy + self.speed + self.base + self.consistency


@dataclass(frozen=True)
class Statement:
    """A worker's rewards. `claimed` is what claims took of what it earned, `paid` what its operator got.

    `votings` and `periods` are those of which something is earned and not claimed yet.
    """

    member: IndexedMember
    earned: Earned
    claimed: int
    paid: int
    votings: tuple[Record, ...]
    periods: tuple[int, ...]

    @property
    def claimable(self) -> int:
        """What a claim would take now."""
        return self.earned.total - self.claimed

    @property
    def owed(self) -> int:
        """What was claimed and the pool could not pay."""
        return self.claimed - self.paid


@dataclass(frozen=True)
class Statements:
    """The rewards of a network's workers at a block, and the pool that pays them."""

    block: int
    pool: bytes
    balance: int
    workers: tuple[Statement, ...]


@dataclass(frozen=True)
class Payout:
    """What came of a claim for a worker: what it took, what the operator got, and what it is owed now."""

    worker: int
    operator: bytes
    earned: int
    paid: int
    owed: int


def statements(
    network: NetworkConfig,
    client: NetworkClient,
    pool: PoolClient,
    worker: int | None = None,
    block: int | None = None,
) -> Statements:
    """The rewards of a worker, or of all, at a block (default: the newest).

    Raises NetworkError for an index that was never given, and IndexMismatchError where what the events lead
    to is not what the contracts say.
    """
    block = client.rpc.block_number() if block is None else block
    with synced_index(network, client, block, pool) as index:
        index.check_log()
        found = rewards(index, client.reward_period(), time_of(client, block), pool.created_at())
        members = {member.index: member for member in index.members()}
        policies = _policies(index)
    if worker is not None and worker not in members:
        given = ", ".join(map(str, members)) or "none"
        raise NetworkError(f"no worker has index {worker}", hint=f"given are {given}")
    chosen = [found.workers[number] for number in sorted(members) if worker in (None, number)]
    check = _Contracts(client, pool, block)
    check.amounts(policies)
    check.periods(found, {number for each in chosen for number, _ in each.periods})
    claimed = check.votings(chosen, policies)
    stated = [_statement(found, each, members[each.worker], policies, check, claimed) for each in chosen]
    return Statements(block, pool.contract, pool.balance(), tuple(stated))


def claim(pool: PoolClient, statement: Statement) -> Payout:
    """Claims all that a worker can claim, in as many transactions as it takes; raises ChainError."""
    sent = pool.claim(statement.member.index, statement.votings, statement.periods)
    logs = [log for transaction in sent for log in pool.wait(transaction).logs]
    told = [read_of_pool(log) for log in logs if log.address == pool.contract]
    claims = [event for event in told if isinstance(event, Claimed)]
    index = statement.member.index
    return Payout(
        index,
        statement.member.operator,
        sum(event.earned for event in claims),
        sum(event.paid for event in claims),
        pool.owed(index),
    )


def _policies(index: NetworkIndex) -> dict[bytes, Policy]:
    every = [each for workflow in index.workflows() for each in index.policies(workflow)]
    return {each.policy_hash: each.policy for each in every}


def _statement(
    found: NetworkRewards,
    worker: WorkerRewards,
    member: IndexedMember,
    policies: dict[bytes, Policy],
    check: "_Contracts",
    claimed: dict[bytes, int],
) -> Statement:
    accuracy = sum(policies[record.policy_hash].accuracy for record, _ in worker.votings)
    base = sum(_base(found, number, worker.worker) for number, _ in worker.periods)
    earned = Earned(
        accuracy=accuracy,
        speed=sum(amount for _, amount in worker.votings) - accuracy,
        base=base,
        consistency=sum(amount for _, amount in worker.periods) - base,
    )
    periods = check.claimed_of_periods([number for number, _ in worker.periods])
    votings_left = [each for each in worker.votings if not claimed[each[0].voting_id] >> worker.worker & 1]
    periods_left = [each for each in worker.periods if not periods[each[0]] >> worker.worker & 1]
    left = sum(amount for _, amount in (*votings_left, *periods_left))
    check.same(f"what worker {worker.worker} has claimed", worker.claimed, earned.total - left)
    check.same(f"what worker {worker.worker} is owed", worker.owed, check.owed(worker.worker))
    return Statement(
        member,
        earned,
        worker.claimed,
        worker.paid,
        tuple(record for record, _ in votings_left),
        tuple(number for number, _ in periods_left),
    )


def _base(found: NetworkRewards, number: int, worker: int) -> int:
    amounts = found.periods.amounts_in(number)
    return of_period(found.periods.period(number), Amounts(base=amounts.base), worker)


class _Contracts:
    """What the contracts say at a block, held against what the events lead to."""

    def __init__(self, client: NetworkClient, pool: PoolClient, block: int) -> None:
        self._client = client
        self._pool = pool
        self._block = block

    def same(self, what: str, ours: object, theirs: object) -> None:
        """Raises IndexMismatchError unless both say the same."""
        if ours != theirs:
            raise IndexMismatchError(
                f"at block {self._block} the events make {what} {ours}, the contracts say {theirs}",
                hint="the RPC leaves out or alters events: compare with another one",
            )

    def amounts(self, policies: dict[bytes, Policy]) -> None:
        """The amounts for accuracy and speed under each policy."""
        for policy_hash, policy in policies.items():
            theirs = self._client.amounts(policy_hash, self._block)
            what = f"the amounts under the policy {to_hex(policy_hash)}"
            self.same(what, (policy.accuracy, policy.speed), theirs)

    def periods(self, found: NetworkRewards, numbers: Collection[int]) -> None:
        """The words of periods, and the amounts that count in them."""
        for number in numbers:
            ours = found.periods.period(number), found.periods.amounts_in(number)
            theirs = self._client.period(number, self._block), self._pool.amounts_in(number, self._block)
            self.same(f"period {number}", ours, theirs)

    def votings(self, workers: Sequence[WorkerRewards], policies: dict[bytes, Policy]) -> dict[bytes, int]:
        """Who has claimed each voting of which these workers earned something; and that they voted so."""
        earners: dict[Record, int] = {}
        for worker in workers:
            for record, _ in worker.votings:
                earners[record] = earners.get(record, 0) | 1 << worker.worker
        looked_at = sum(1 << worker.worker for worker in workers)
        # A year has thousands of votings, and each is asked for alone.
        with ThreadPoolExecutor(_VIEWS_AT_ONCE) as threads:
            for record, accurate in zip(earners, threads.map(self._accurate, earners), strict=True):
                ours = earners[record]
                # Without an amount for accuracy only the fastest of the accurate earns.
                all_earn = policies[record.policy_hash].accuracy > 0
                theirs = accurate & (looked_at if all_earn else ours)
                self.same(f"the earners of voting {to_hex(record.voting_id)}", ours, theirs)
            ids = [record.voting_id for record in earners]
            claimed = threads.map(lambda each: self._pool.claimed_of_voting(each, self._block), ids)
            return dict(zip(ids, claimed, strict=True))

    def claimed_of_periods(self, numbers: Sequence[int]) -> dict[int, int]:
        """Who has claimed each period."""
        return {number: self._pool.claimed_of_period(number, self._block) for number in numbers}

    def owed(self, worker: int) -> int:
        """What a worker claimed and was not paid."""
        return self._pool.owed(worker, self._block)

    def _accurate(self, record: Record) -> int:
        on_chain = self._client.voters(record.voting_id, record.attempt, record.pair, self._block)
        return record.voters | on_chain
