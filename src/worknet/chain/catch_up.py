"""Catching the index up with the chain: ranges of logs, reorganisations, and the rebuilding of leaves.

Writes to the index's store and reads nothing out of it for anybody else. The chain is asked through a client
whose chain id has been checked.
"""

from collections.abc import Callable
from dataclasses import dataclass

from worknet.chain import events, index_facts
from worknet.chain.answers import Header, Log
from worknet.chain.client import NetworkClient
from worknet.chain.errors import ChainError, IndexMismatchError, RpcRefusedError
from worknet.chain.index_store import EVER, IndexStore
from worknet.protocol.records import Record
from worknet.protocol.words import moved_leaf

LARGEST_RANGE = 2000
"""Blocks asked for in one eth_getLogs; halved as often as the RPC refuses so many."""

_CONTRADICTIONS = 5


@dataclass(frozen=True)
class Synced:
    """What one catching up did: the newest indexed block, events read, and the fork gone back to, if any."""

    block: int
    block_hash: bytes
    time: int
    events: int
    forked_at: int | None = None


class CatchUp:
    """Reads the events of a network's contract, and of its pool's if one is given, into a store."""

    def __init__(self, store: IndexStore, client: NetworkClient, pool: bytes | None = None) -> None:
        self._store = store
        self._client = client
        self._pool = pool
        self._rpc = client.rpc
        self._range = LARGEST_RANGE
        self._contradictions = 0

    def run(self, last: int | None, on_progress: Callable[[int, int], None] | None) -> Synced:
        """Undo what is no longer true, then read up to block `last` or the newest; see NetworkIndex.sync."""
        self._rpc.check_chain()
        head = self._rpc.block_number()
        forked_at = self._undo(head)
        target = head if last is None else min(last, head)
        count = 0
        self._contradictions = 0
        while (following := self._following()) <= target:
            end = min(following + self._range - 1, target)
            read = self._read_range(following, end)
            if read is None:
                continue
            count += read
            if on_progress is not None:
                on_progress(end, target)
        cursor = self._store.cursor()
        if cursor is None:
            raise ChainError(
                f"the chain has not reached block {self._store.start}, from which the index starts",
                hint="check the contract's block in the configuration and the RPC URL",
            )
        return Synced(cursor[0], cursor[1], self._store.block_time(cursor[0]) or 0, count, forked_at)

    def _undo(self, head: int) -> int | None:
        """Go back to the newest remembered block that the chain still has; None if there is nothing to undo.

        A node that lags behind the cursor is no reason to forget anything while what it has agrees. But no
        block below the cursor is younger than it: then the cursor was a head that an RPC had made up.
        """
        cursor = self._store.cursor()
        if cursor is None:
            return None
        is_made_up = head < cursor[0] and self._header(head).time > (self._store.block_time(cursor[0]) or 0)
        position = -1
        for position, (number, digest) in enumerate(self._store.blocks_from(min(cursor[0], head))):
            if self._header(number).hash == digest:
                if position == 0 and not is_made_up:
                    return None
                fork = number
                break
        else:
            if position < 0 and not is_made_up:
                return None
            fork = self._store.start - 1
        with self._store.transaction():
            self._store.go_back(fork)
        return fork

    def _read_range(self, first: int, last: int) -> int | None:
        """Store the events of these blocks; None when the range must be read anew, or in smaller pieces.

        The end's header is asked for before the logs: should the chain be reorganised in between, the
        remembered hash is the old one, and the next catching up goes back and reads again.
        """
        end = self._header(last)
        try:
            logs = self._logs(first, last)
        except RpcRefusedError:
            if first == last:
                raise
            self._range = max(1, (last - first + 1) // 2)
            return None
        numbers = sorted({log.block for log in logs} - {last})
        headers = dict(zip(numbers, self._rpc.headers(numbers), strict=True)) | {last: end}
        for log in logs:
            header = headers[log.block]
            if header is None or header.hash != log.block_hash:
                self._contradictions += 1
                if self._contradictions > _CONTRADICTIONS:
                    raise ChainError(
                        f"the RPC at {self._rpc.shown_url} gives events of block {log.block}"
                        " under a hash that the block does not have",
                        hint="its nodes disagree; use another RPC, or try again later",
                    )
                return None
        with self._store.transaction():
            if self._following() != first:
                # Another process on the same file, such as a command beside its worker, was quicker.
                return None
            for log in logs:
                header = headers[log.block]
                if header is not None:
                    self._store.add_block(header.number, header.hash, header.time, True)
                    self._take(log, header)
            self._store.add_block(end.number, end.hash, end.time, False)
        self._range = min(LARGEST_RANGE, self._range * 2)
        return len(logs)

    def _logs(self, first: int, last: int) -> list[Log]:
        """The events of these blocks, in the order of the chain."""
        logs = self._rpc.logs(self._client.contract, first, last)
        if self._pool is not None:
            logs += self._rpc.logs(self._pool, first, last)
        return sorted(logs, key=lambda log: (log.block, log.index))

    def _following(self) -> int:
        """The first block that is not indexed."""
        cursor = self._store.cursor()
        return self._store.start if cursor is None else cursor[0] + 1

    def _header(self, number: int) -> Header:
        header = self._rpc.header(number)
        if header is None:
            raise ChainError(
                f"the RPC does not have block {number}, though it has newer ones", hint="try again"
            )
        return header

    def _take(self, log: Log, header: Header) -> None:
        """Store a log and what follows from it."""
        event = events.read_of_pool(log) if log.address == self._pool else events.read(log)
        if event is None:
            return
        self._store.add_log(log, type(event).__name__, getattr(event, "voting_id", None))
        if isinstance(event, events.Opened | events.Reopened):
            self._store.add_voting(event.voting_id, event.workflow_id, event.trigger_id, log)
        elif isinstance(event, events.Recorded):
            record = self._record(event, header)
            self._store.add_leaf(event.position, event.voting_id, record.leaf(), log)
        elif isinstance(event, events.Moved):
            leaf = moved_leaf(
                self._rpc.chain_id,
                self._client.contract,
                event.chain_id,
                event.contract,
                event.size,
                event.root,
            )
            self._store.add_leaf(0, None, leaf, log)

    def _record(self, event: events.Recorded, header: Header) -> Record:
        """The record that was logged, rebuilt from events; `check_log` holds them to the contract."""
        row = self._store.voting(event.voting_id)
        opened = next(
            (
                fact
                for fact in (events.read(stored.log) for stored in self._store.logs_of(event.voting_id, EVER))
                if isinstance(fact, events.Opened) and fact.attempt == event.attempt
            ),
            None,
        )
        if row is None or opened is None:
            raise IndexMismatchError(
                f"voting 0x{event.voting_id.hex()} has a record, yet attempt {event.attempt} never opened",
                hint="delete the index and let it start from the contract's block",
            )
        return Record(
            chain_id=self._rpc.chain_id,
            contract=self._client.contract,
            workflow_id=row.workflow_id,
            voting_id=event.voting_id,
            trigger_id=row.trigger_id,
            attempt=event.attempt,
            policy_hash=self._policy_hash(row.workflow_id, opened.policy_version),
            input_root=event.pair.input_root,
            result_root=event.pair.result_root,
            members=opened.members,
            n=opened.n,
            needed=opened.needed,
            voters=event.voters,
            how=event.how,
            time=header.time,
        )

    def _policy_hash(self, workflow_id: bytes, version: int) -> bytes:
        for policy in index_facts.policies(self._store):
            if (policy.workflow_id, policy.version) == (workflow_id, version):
                return policy.policy_hash
        raise IndexMismatchError(
            f"a voting of workflow 0x{workflow_id.hex()} goes by policy version {version}, never announced",
            hint="delete the index and let it start from the contract's block",
        )
