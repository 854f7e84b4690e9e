"""An audit of a network on its chain, from where the last one ended to a block that counts."""

from collections.abc import Callable
from dataclasses import replace

from worknet.audit.code import check_code
from worknet.audit.course import Course, beginning
from worknet.audit.errors import AuditError
from worknet.audit.facts import Place
from worknet.audit.findings import Finding, ordered, shown
from worknet.audit.held import hold
from worknet.audit.outcome import Audit
from worknet.audit.reading import Reading
from worknet.audit.resume import AuditState
from worknet.chain.client import NetworkClient
from worknet.chain.pool import PoolClient
from worknet.verify import Head as KnownHead

FRESH = 32
"""Blocks that an audit may end before the newest one that counts; after a longer reading it reads on."""

Progress = Callable[[str, int, int], None]
"""Told as an audit goes on: what is being done, how much of it is done, of how much."""


def audit(
    client: NetworkClient,
    start: int,
    pool: bytes | None,
    since: AuditState | None = None,
    until: int | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Audits a network up to block `until`, by default the newest that is `confirmations` deep.

    `start` is the block of the network's contract, `pool` the address of its pool; `since` is what an earlier
    audit of both left. Where the block of `since` is no longer on the chain, that is found (`chain.block`),
    and everything is audited anew and held to the head of before.

    Raises AuditError where there is nothing to audit or `since` is of something else, and ChainError.
    """
    client.check()
    rpc = client.rpc
    place = Place(rpc.chain_id, client.contract, pool)
    if since is not None and (since.chain_id, since.contract, since.pool) != (
        place.chain_id,
        place.contract,
        place.pool,
    ):
        raise AuditError(
            "what is remembered is of another network, or of another pool of it",
            hint="keep it apart, and start the audit of this network anew",
        )
    newest = rpc.block_number()
    last = max(newest - client.confirmations(), 0) if until is None else until
    if since is not None:
        last = max(last, since.head.block)
        if last > newest and last == since.head.block:
            raise AuditError(
                f"the last audit ended at block {last}, and the RPC's chain ends at block {newest}",
                hint="wait until the RPC has caught up, or ask another one of the same chain",
            )
    if not start <= last <= newest:
        raise AuditError(
            f"the network begins at block {start}, the chain ends at {newest}: there is no block {last}",
            hint="wait for the chain, or check the block in network.toml and the RPC",
        )
    reading = Reading(rpc, place, last)
    gone = since is not None and reading.header(since.head.block).hash != since.head.block_hash
    created_at = 0 if pool is None else _created_at(PoolClient(client, pool))
    fresh = beginning(place, start, client.reward_period(), created_at)
    course = Course(fresh if since is None or gone else since)
    check_code("WorkerNetwork", reading.code(place.contract), course.notes)
    if pool is not None:
        check_code("Rewards", reading.code(pool), course.notes)
    first = start if since is None or gone else since.head.block + 1
    while True:
        for happening in reading.happenings(first, progress):
            course.take(happening)
        counts = rpc.block_number() - client.confirmations()
        if until is not None or counts - last <= FRESH:
            break
        # The contracts are asked as of the last block, and most nodes keep the newest states only.
        first, last = last + 1, counts
        reading = Reading(rpc, place, last)
    if pool is not None:
        course.check_balance(reading.balance(pool))
    # The header is asked for after the events: that of before they were read may have been reorganised.
    made = course.finish(reading.header(last), reading.ask)
    return _held(made, since) if gone and since is not None else made


def _created_at(pool: PoolClient) -> int:
    """When the pool was made; WrongNetworkError for that of another network."""
    pool.check()
    return pool.created_at()


def _held(made: Audit, since: AuditState) -> Audit:
    """A whole audit, held to a head whose block is no longer on the chain."""
    head = since.head
    what = f"block {head.block}, up to which was audited before, is no longer on the chain"
    finding = Finding("chain.block", what, block=head.block, evidence=shown(block_hash=head.block_hash))
    made = replace(made, findings=ordered((*made.findings, finding)))
    return hold(made, [KnownHead(head.size, head.root)]) if head.size else made
