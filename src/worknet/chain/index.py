"""The event index: what happened on the contract, caught up from `eth_getLogs` and kept in a file.

The chain's logs are the truth and the stored cursor says how far they are read, so any downtime is made up
for. A reorganisation is noticed by block hashes and undone to the fork. What the facts mean is folded by
`worknet.protocol.voting_rules`; how the chain is read stands in `catch_up`.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from pathlib import Path

from worknet.chain import events, index_facts, index_members
from worknet.chain.answers import Receipt
from worknet.chain.catch_up import CatchUp, Synced
from worknet.chain.client import NetworkClient
from worknet.chain.errors import ChainError, IndexMismatchError
from worknet.chain.index_facts import IndexedPolicy, IndexedRecord, IndexedVoting
from worknet.chain.index_members import IndexedMember, Membership, Moment
from worknet.chain.index_store import EVER, IndexStore, LogMark, StoredLog, VotingRow
from worknet.protocol import merkle, voting, voting_rules, voting_time
from worknet.protocol.errors import ProtocolError
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.voting import Voting

_ENDS = ("Unresolved", "Closed")

FOLDED = 4096
"""How many votings are remembered as their events make them."""


class NetworkIndex:
    """The index of one network; safe to use from several threads. Every method may raise a ChainError."""

    def __init__(
        self, path: Path, client: NetworkClient, start_block: int = 0, pool: bytes | None = None
    ) -> None:
        """Open or create the index at `path`; nothing is asked of the chain before `sync`.

        `start_block`: the contract's block, or any before it. `pool` is the address of the network's pool,
        where its events are wanted too. Raises WrongNetworkError when the file belongs to another chain id,
        contract or pool, or was written in another format.
        """
        self._client = client
        self._store = IndexStore(path, client.rpc.chain_id, client.contract, start_block, pool or b"")
        self._catch_up = CatchUp(self._store, client, pool)
        self._syncing = threading.Lock()
        self._policies: dict[tuple[bytes, int], IndexedPolicy] = {}
        self._membership = Membership(())
        self._read_at: tuple[int, bytes] | None = None
        self._rules_at: LogMark | None = None
        self._folded: OrderedDict[tuple[bytes, LogMark], Voting] = OrderedDict()
        self._newest: OrderedDict[bytes, tuple[LogMark, Voting]] = OrderedDict()
        self._reading = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def sync(self, last: int | None = None, on_progress: Callable[[int, int], None] | None = None) -> Synced:
        """Read all events up to block `last` (default: the newest), after undoing what is no longer true.

        `on_progress` is told the block reached and the block aimed at after each range.
        """
        with self._syncing:
            return self._catch_up.run(last, on_progress)

    def check_log(self) -> None:
        """Raise IndexMismatchError unless the index's log is the contract's, at the newest indexed block.

        Records are rebuilt from events; only this proves that the RPC left out and altered none.
        """
        block = self.block()
        if block is None:
            return
        leaves = self.leaves()
        size, root, own_root = self._client.size(block), self._client.root(block), merkle.root(leaves)
        if (size, root) == (len(leaves), own_root):
            return
        raise IndexMismatchError(
            f"at block {block} the contract's log has {size} leaves and the root 0x{root.hex()},"
            f" the index has {len(leaves)} and 0x{own_root.hex()}{self._first_difference(block)}",
            hint="the RPC leaves out or alters events: compare with another one",
        )

    def _first_difference(self, block: int) -> str:
        """The first record of which the contract has another leaf, in words; empty if there is none."""
        for row in self._store.records():
            record = Record.parse(row.leaf)
            theirs = self._client.record(record.voting_id, block)
            if theirs != record.leaf_hash():
                shown = "none" if theirs is None else f"0x{theirs.hex()}"
                return (
                    f"; of position {row.position}, voting 0x{record.voting_id.hex()}, the contract has the"
                    f" leaf {shown}, the index 0x{record.leaf_hash().hex()}"
                )
        return ""

    def lacks(self, receipt: Receipt) -> bool:
        """Whether events of a transaction are missing in a block that was read: the RPC left them out."""
        block = self.block()
        if block is None or receipt.block > block:
            return False
        told = sum(log.address == self._client.contract for log in receipt.logs)
        return self._store.count_logs_of(receipt.transaction, receipt.block) < told

    def reread(self, time: int) -> None:
        """Forget all blocks as young as that time of the chain, so that the next `sync` reads them again."""
        with self._syncing, self._store.transaction():
            self._store.go_back(self._store.first_since(time) - 1)

    # Reading

    def block(self) -> int | None:
        """The newest indexed block."""
        cursor = self._store.cursor()
        return None if cursor is None else cursor[0]

    def newest(self) -> tuple[int, bytes] | None:
        """Number and hash of the newest indexed block."""
        return self._store.cursor()

    def holds(self, block: tuple[int, bytes]) -> bool:
        """Whether a block that was the newest lately, by number and hash, still is of the chain."""
        return next(self._store.blocks_from(block[0]), None) == block

    def members(self, *, before: Moment | None = None) -> list[IndexedMember]:
        """All worker indices ever given, in their order; or as they were before a moment of the chain."""
        return self._members_now().at(before)

    def index_of(self, worker: bytes) -> int | None:
        """The index whose key this is, or was before the key was rotated; None for a key of nobody."""
        return self._members_now().index_of(worker)

    def opening_paused(self) -> bool:
        """Whether the opening of attempt 1 is paused."""
        stored = self._store.logs_of_kinds(("OpeningPaused",))
        event = events.read(stored[-1].log) if stored else None
        return isinstance(event, events.OpeningPaused) and event.paused

    def predecessor(self) -> events.Moved | None:
        """The log that this network's continues, None for a network that did not move."""
        stored = self._store.logs_of_kinds(("Moved",))
        event = events.read(stored[0].log) if stored else None
        return event if isinstance(event, events.Moved) else None

    def workflows(self) -> list[bytes]:
        """The ids of all workflows that have a policy, oldest first."""
        return list(dict.fromkeys(workflow_id for workflow_id, _ in self._policies_now()))

    def policies(self, workflow_id: bytes) -> list[IndexedPolicy]:
        """All versions of a workflow's policy, version 1 first."""
        return [p for p in self._policies_now().values() if p.workflow_id == workflow_id]

    def policy(self, workflow_id: bytes, version: int) -> IndexedPolicy:
        """A version of a workflow's policy; ChainError for one that was never announced."""
        policy = self._policies_now().get((workflow_id, version))
        if policy is not None:
            return policy
        raise ChainError(f"workflow 0x{workflow_id.hex()} has no policy version {version} in the index")

    def votings(
        self,
        *,
        now: int,
        workflow_ids: Collection[bytes] | None = None,
        state: voting.State | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[IndexedVoting]:
        """Votings as they stand at time `now`: of workflows, in a state, paged.

        In the order of opening, or of reopening where they never opened.
        """
        if state is None:
            return [self._listed(row, now) for row in self._store.votings(workflow_ids, None, limit, offset)]
        recorded = state in {voting.State.CONSENSUS, voting.State.SETTLED}
        rows = self._store.votings(workflow_ids, recorded, -1, 0)
        found = [each for each in (self._listed(row, now) for row in rows) if each.voting.state is state]
        return found[offset : offset + limit]

    def entry(self, voting_id: bytes, *, now: int) -> IndexedVoting | None:
        """A voting as a list has it, as it stands at time `now`; None if there is none."""
        row = self._store.voting(voting_id)
        return None if row is None else self._listed(row, now)

    def facts(self, voting_id: bytes, last: int | None = None) -> list[voting.Fact]:
        """All facts about a voting in blocks up to `last`, in the order of the chain."""
        stored = self._store.logs_of(voting_id, EVER if last is None else last)
        return index_facts.facts(stored, self._members_now().standbys)

    def voting(
        self, voting_id: bytes, *, last: int | None = None, now: int | None = None
    ) -> voting.Voting | None:
        """The voting that the facts up to block `last` make, at time `now`; None if there is none.

        One that was reopened, and never opened before, has no attempts.
        """
        folded = self._fold(voting_id, last)
        return folded if folded is None or now is None else voting_time.at(folded, now)

    def _fold(self, voting_id: bytes, last: int | None) -> Voting | None:
        """The same, without the time that has passed since; the last ones are remembered."""
        self._read_again()
        newest = self._store.newest_of(voting_id, EVER if last is None else last)
        if newest is None:
            return None
        with self._reading:
            known = self._folded.get((voting_id, newest))
            mark, before = self._newest.get(voting_id, (None, None))
        if known is not None:
            return known
        if mark is not None and (mark > newest or self._store.newest_of(voting_id, mark[0]) != mark):
            # An older block is asked for, or a reorganisation took that one away.
            mark = before = None
        row = self._store.voting(voting_id)
        stored = self._store.logs_of(voting_id, newest[0], -1 if mark is None else mark[0])
        facts = index_facts.facts(stored, self._members_now().standbys)
        if row is None or not (facts or before):
            return None
        try:
            # What a block tells of a voting was read whole, so that nothing of it is left over.
            folded = before or Voting(self._versions(row.workflow_id))
            for fact in facts:
                folded = voting_rules.apply(folded, fact)
        except ProtocolError as error:
            raise IndexMismatchError(
                f"the events of voting 0x{voting_id.hex()} break the rules: {error}",
                hint="the RPC leaves out or alters events; compare with another one",
            ) from None
        with self._reading:
            self._folded[voting_id, newest] = folded
            if mark is not None or voting_id not in self._newest or newest > self._newest[voting_id][0]:
                self._newest[voting_id] = (newest, folded)
            while len(self._folded) > FOLDED:
                self._folded.popitem(last=False)
            while len(self._newest) > FOLDED:
                self._newest.popitem(last=False)
        return folded

    def ballot_moments(self, voting_id: bytes, attempt: int) -> dict[int, Moment]:
        """When each worker's ballot of an attempt came, open, sealed or in a report; its key then stands
        behind it."""
        return index_facts.ballot_moments(self._store.logs_of(voting_id, EVER), attempt)

    def has_ended(self, voting_id: bytes, last: int | None = None) -> bool:
        """Whether the contract told, in a block up to `last`, that the voting is closed or unresolved, and
        not since then that it is reopened."""
        newest = self._store.last_kind(voting_id, (*_ENDS, "Reopened"), EVER if last is None else last)
        return newest in _ENDS

    def reopened(self, workflow_id: bytes) -> list[bytes]:
        """The trigger ids of a workflow's votings that were reopened and have not ended since."""
        found = {}
        for stored in self._store.logs_of_kinds(("Reopened",)):
            event = events.read(stored.log)
            if isinstance(event, events.Reopened) and event.workflow_id == workflow_id:
                found[event.voting_id] = event.trigger_id
        return [trigger_id for voting_id, trigger_id in found.items() if not self.has_ended(voting_id)]

    def record_of(self, voting_id: bytes) -> IndexedRecord | None:
        """The record of a voting."""
        row = self._store.record_of(voting_id)
        return None if row is None else index_facts.record(row)

    def record_at(self, position: int) -> IndexedRecord | None:
        """The record at a position of the log, from 0."""
        row = self._store.record_at(position)
        return None if row is None else index_facts.record(row)

    def log_size(self, last: int | None = None) -> int:
        """The number of the log's leaves in blocks up to `last`: records, and one if the network moved."""
        return self._store.log_size(EVER if last is None else last)

    def leaves(self) -> list[bytes]:
        """Data of the log's leaves, in their order."""
        return [leaf for leaf, _ in self._store.leaves(0)]

    def leaves_from(self, first: int) -> list[tuple[bytes, bytes]]:
        """Data of the log's leaves from position `first` on, each with the hash of its block.

        The whole chain before a block is in its hash: as long as a leaf keeps its own, all before it stand.
        """
        return self._store.leaves(first)

    def logs(self, *kinds: str, first: int = 0) -> list[StoredLog]:
        """The events of these kinds, by their names, from block `first` on, in the order of the chain."""
        return self._store.logs_of_kinds(kinds, first)

    def first_since(self, time: int) -> int:
        """A block before which no block with an event is as young as that time of the chain."""
        return self._store.first_since(time)

    def _versions(self, workflow_id: bytes) -> dict[int, Policy]:
        """A workflow's policies by version."""
        every = self._policies_now().values()
        return {each.version: each.policy for each in every if each.workflow_id == workflow_id}

    def _policies_now(self) -> dict[tuple[bytes, int], IndexedPolicy]:
        """All policies by workflow and version."""
        self._read_again()
        return self._policies

    def _members_now(self) -> Membership:
        self._read_again()
        return self._membership

    def _read_again(self) -> None:
        """Reads policies and members again when the index has more of them: every voting asks for them."""
        with self._reading:
            cursor = self._store.cursor()
            if cursor == self._read_at:
                return
            rules_at = self._store.newest_of_kinds((*index_members.KINDS, *index_facts.KINDS))
            if rules_at != self._rules_at:
                self._policies = {(p.workflow_id, p.version): p for p in index_facts.policies(self._store)}
                self._membership = Membership(self._store.logs_of_kinds(index_members.KINDS))
                self._folded.clear()
                self._newest.clear()
            self._rules_at, self._read_at = rules_at, cursor

    def _listed(self, row: VotingRow, now: int) -> IndexedVoting:
        folded = self.voting(row.voting_id, now=now)
        if folded is None:
            raise IndexMismatchError(f"voting 0x{row.voting_id.hex()} is listed but has no facts")
        return IndexedVoting(
            row.voting_id,
            row.workflow_id,
            row.trigger_id,
            row.block,
            folded,
            row.position,
        )
