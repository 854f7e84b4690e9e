"""The event index on disk: logs as the chain gave them, the blocks they stand in, and what follows from them.

Every row carries its block, so that going back to a fork is deleting what is above it. Only rows in and rows
out here; asking the chain is `index`'s, meaning is `events`' and the protocol's.
"""

import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worknet.chain.errors import ChainError, WrongNetworkError
from worknet.chain.rpc import Log

FORMAT = 1
CHECKPOINTS = 64
"""How many of the newest blocks without events are remembered, to find the fork of a reorganisation."""

EVER = 2**62
"""A block number or size that no chain reaches: no limit."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS network (
  format INTEGER NOT NULL, chain_id INTEGER NOT NULL, contract BLOB NOT NULL, start INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS blocks (
  number INTEGER PRIMARY KEY, hash BLOB NOT NULL, time INTEGER NOT NULL, has_logs INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS logs (
  block INTEGER NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL, voting_id BLOB,
  tx BLOB NOT NULL, topics BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY (block, position));
CREATE INDEX IF NOT EXISTS logs_by_voting ON logs (voting_id, block, position);
CREATE INDEX IF NOT EXISTS logs_by_kind ON logs (kind, block, position);
CREATE TABLE IF NOT EXISTS votings (
  voting_id BLOB PRIMARY KEY, workflow_id BLOB NOT NULL, trigger_id BLOB NOT NULL,
  policy_version INTEGER NOT NULL, block INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS votings_by_workflow ON votings (workflow_id, block, position);
CREATE TABLE IF NOT EXISTS ends (
  voting_id BLOB NOT NULL, kind TEXT NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (voting_id, kind));
CREATE TABLE IF NOT EXISTS records (
  position INTEGER PRIMARY KEY, voting_id BLOB NOT NULL UNIQUE, leaf BLOB NOT NULL, block INTEGER NOT NULL);
"""
_BY_BLOCK = ("logs", "votings", "ends", "records")


@dataclass(frozen=True)
class StoredLog:
    """A log with the time of its block (unix seconds)."""

    log: Log
    time: int


@dataclass(frozen=True)
class VotingRow:
    """A voting as the index lists it, with its record's position if it has one."""

    voting_id: bytes
    workflow_id: bytes
    trigger_id: bytes
    policy_version: int
    block: int
    position: int | None


@dataclass(frozen=True)
class RecordRow:
    """A record: its position in the log, voting, leaf data, and block."""

    position: int
    voting_id: bytes
    leaf: bytes
    block: int


_VOTINGS = """
SELECT v.voting_id, v.workflow_id, v.trigger_id, v.policy_version, v.block, r.position
FROM votings v LEFT JOIN records r ON r.voting_id = v.voting_id"""


class IndexStore:
    """One network's index in one SQLite file; safe to use from several threads, and for readers elsewhere."""

    def __init__(self, path: Path, chain_id: int, contract: bytes, start: int) -> None:
        """Open or create; raises WrongNetworkError for another network's file, ChainError for a damaged."""
        self.path = path
        self._contract = contract
        self._lock = threading.RLock()
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            # All of this can be read from the chain again: losing the newest rows in a power cut is no harm.
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_SCHEMA)
            found = self._database.execute("SELECT format, chain_id, contract, start FROM network").fetchone()
            if found is None:
                self._database.execute(
                    "INSERT INTO network VALUES (?, ?, ?, ?)", (FORMAT, chain_id, contract, start)
                )
                found = (FORMAT, chain_id, contract, start)
        except sqlite3.Error as error:
            raise ChainError(
                f"{path} cannot be used as an index: {error}",
                hint="delete it: it is made anew from the chain",
            ) from None
        if found[:3] != (FORMAT, chain_id, contract):
            self._database.close()
            raise WrongNetworkError(
                f"{path} is in format {found[0]} of chain id {found[1]} and contract 0x{found[2].hex()},"
                f" not in format {FORMAT} of chain id {chain_id} and contract 0x{contract.hex()}",
                hint="use another file, or delete this one: an index is made anew from the chain",
            )
        self.start: int = found[3]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is stored whole or not at all."""
        with self._lock:
            self._run("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._run("COMMIT")

    def cursor(self) -> tuple[int, bytes] | None:
        """Number and hash of the newest indexed block, None before the first."""
        row = self._one("SELECT number, hash FROM blocks ORDER BY number DESC LIMIT 1")
        return None if row is None else (row[0], row[1])

    def blocks_from(self, newest: int) -> list[tuple[int, bytes]]:
        """Number and hash of the remembered blocks up to `newest`, newest first."""
        return [
            (row[0], row[1])
            for row in self._all(
                "SELECT number, hash FROM blocks WHERE number <= ? ORDER BY number DESC", newest
            )
        ]

    def block_time(self, number: int) -> int | None:
        """The time of a remembered block."""
        row = self._one("SELECT time FROM blocks WHERE number = ?", number)
        return None if row is None else int(row[0])

    def add_block(self, number: int, digest: bytes, time: int, has_logs: bool) -> None:
        """Remember a block; those without events are forgotten again in time."""
        self._run(
            "INSERT INTO blocks VALUES (?1, ?2, ?3, ?4)"
            " ON CONFLICT (number) DO UPDATE SET has_logs = max(has_logs, ?4)",
            number,
            digest,
            time,
            has_logs,
        )
        self._run(
            "DELETE FROM blocks WHERE NOT has_logs AND number <="
            " (SELECT number FROM blocks WHERE NOT has_logs ORDER BY number DESC LIMIT 1 OFFSET ?)",
            CHECKPOINTS,
        )

    def add_log(self, log: Log, kind: str, voting_id: bytes | None) -> None:
        """Store a log of a kind, and of a voting if it is about one."""
        topics = b"".join(log.topics)
        self._run(
            "INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?)",
            log.block,
            log.index,
            kind,
            voting_id,
            log.transaction,
            topics,
            log.data,
        )

    def add_voting(
        self, voting_id: bytes, workflow_id: bytes, trigger_id: bytes, policy_version: int, log: Log
    ) -> None:
        """List a voting that opened by this log; its later attempts change nothing."""
        self._run(
            "INSERT OR IGNORE INTO votings VALUES (?, ?, ?, ?, ?, ?)",
            voting_id,
            workflow_id,
            trigger_id,
            policy_version,
            log.block,
            log.index,
        )

    def add_end(self, voting_id: bytes, kind: str, block: int) -> None:
        """Note that the contract told that a voting is `Unresolved` or `Closed`."""
        self._run("INSERT OR REPLACE INTO ends VALUES (?, ?, ?)", voting_id, kind, block)

    def add_record(self, position: int, voting_id: bytes, leaf: bytes, block: int) -> None:
        """Store the leaf data of a record."""
        self._run("INSERT INTO records VALUES (?, ?, ?, ?)", position, voting_id, leaf, block)

    def go_back(self, block: int) -> None:
        """Forget everything above that block."""
        for table in _BY_BLOCK:
            self._run(f"DELETE FROM {table} WHERE block > ?", block)  # noqa: S608 - names from this module
        self._run("DELETE FROM blocks WHERE number > ?", block)

    def logs_of(self, voting_id: bytes, last: int) -> list[StoredLog]:
        """The logs about a voting in blocks up to `last`, in chain order."""
        return self._logs("logs.voting_id = ? AND logs.block <= ?", voting_id, last)

    def logs_of_kinds(self, kinds: Sequence[str]) -> list[StoredLog]:
        """All logs of these kinds, in chain order."""
        marks = ",".join("?" * len(kinds))
        return self._logs(f"logs.kind IN ({marks})", *kinds)

    def voting(self, voting_id: bytes) -> VotingRow | None:
        """One voting."""
        row = self._one(f"{_VOTINGS} WHERE v.voting_id = ?", voting_id)
        return None if row is None else VotingRow(*row)

    def votings(
        self, workflow_ids: Collection[bytes] | None, recorded: bool | None, limit: int, offset: int
    ) -> list[VotingRow]:
        """Votings in the order of opening: of these workflows or all, with or without a record or both."""
        ids = workflow_ids or ()
        marks = ",".join(f"?{number}" for number in range(4, 4 + len(ids)))
        condition = "" if workflow_ids is None else f" AND v.workflow_id IN ({marks})"
        rows = self._all(
            f"{_VOTINGS} WHERE (?1 IS NULL OR (r.position IS NOT NULL) = ?1){condition}"
            " ORDER BY v.block, v.position LIMIT ?2 OFFSET ?3",
            recorded,
            limit,
            offset,
            *ids,
        )
        return [VotingRow(*row) for row in rows]

    def has_ended(self, voting_id: bytes, last: int) -> bool:
        """Whether the contract told, in a block up to `last`, that the voting is unresolved or closed."""
        return self._one("SELECT 1 FROM ends WHERE voting_id = ? AND block <= ?", voting_id, last) is not None

    def record_of(self, voting_id: bytes) -> RecordRow | None:
        """The record of a voting."""
        row = self._one("SELECT position, voting_id, leaf, block FROM records WHERE voting_id = ?", voting_id)
        return None if row is None else RecordRow(*row)

    def record_at(self, position: int) -> RecordRow | None:
        """The record at a position of the log."""
        row = self._one("SELECT position, voting_id, leaf, block FROM records WHERE position = ?", position)
        return None if row is None else RecordRow(*row)

    def leaves(self, size: int) -> list[bytes]:
        """Leaf data of the first `size` records, in their order."""
        return [
            row[0] for row in self._all("SELECT leaf FROM records WHERE position < ? ORDER BY position", size)
        ]

    def log_size(self, last: int) -> int:
        """Number of records in blocks up to `last`."""
        row = self._one("SELECT count(*) FROM records WHERE block <= ?", last)
        return 0 if row is None else int(row[0])

    def _logs(self, condition: str, *values: Any) -> list[StoredLog]:
        rows = self._all(
            "SELECT logs.block, logs.position, logs.tx, logs.topics, logs.data, blocks.hash, blocks.time"  # noqa: S608 - conditions from this module
            " FROM logs JOIN blocks ON blocks.number = logs.block"
            f" WHERE {condition} ORDER BY logs.block, logs.position",
            *values,
        )
        return [
            StoredLog(
                Log(
                    address=self._contract,
                    topics=tuple(topics[start : start + 32] for start in range(0, len(topics), 32)),
                    data=data,
                    block=block,
                    block_hash=digest,
                    transaction=transaction,
                    index=position,
                ),
                time,
            )
            for block, position, transaction, topics, data, digest, time in rows
        ]

    def _one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        rows = self._all(statement, *values)
        return rows[0] if rows else None

    def _all(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._run(statement, *values).fetchall()

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        with self._lock:
            try:
                return self._database.execute(statement, values)
            except sqlite3.Error as error:
                raise ChainError(f"the index {self.path} failed: {error}") from None
