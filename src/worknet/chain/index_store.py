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
from typing import Any, TypeAlias

from worknet.chain.answers import Log
from worknet.chain.errors import ChainError, IndexFileError, WrongNetworkError

FORMAT = 2
CHECKPOINTS = 64
"""How many of the newest blocks without events are remembered, to find the fork of a reorganisation."""

EVER = 2**62
"""A block number or size that no chain reaches: no limit."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS network (
  format INTEGER NOT NULL, chain_id INTEGER NOT NULL, contract BLOB NOT NULL, start INTEGER NOT NULL,
  pool BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS blocks (
  number INTEGER PRIMARY KEY, hash BLOB NOT NULL, time INTEGER NOT NULL, has_logs INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS logs (
  block INTEGER NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL, voting_id BLOB,
  address BLOB NOT NULL, tx BLOB NOT NULL, topics BLOB NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (block, position));
CREATE INDEX IF NOT EXISTS logs_by_voting ON logs (voting_id, block, position);
CREATE INDEX IF NOT EXISTS logs_by_kind ON logs (kind, block, position);
CREATE TABLE IF NOT EXISTS votings (
  voting_id BLOB PRIMARY KEY, workflow_id BLOB NOT NULL, trigger_id BLOB NOT NULL,
  block INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS votings_by_workflow ON votings (workflow_id, block, position);
CREATE TABLE IF NOT EXISTS leaves (
  position INTEGER PRIMARY KEY, voting_id BLOB UNIQUE, leaf BLOB NOT NULL,
  block INTEGER NOT NULL, log INTEGER NOT NULL);
"""
_BY_BLOCK = ("logs", "votings", "leaves")


@dataclass(frozen=True)
class StoredLog:
    """A log with the time of its block (unix seconds)."""

    log: Log
    time: int


LogMark: TypeAlias = tuple[int, int, bytes]
"""Where a log stands: block, position in it, and the block's hash, which the whole chain before it is in."""


@dataclass(frozen=True)
class VotingRow:
    """A voting as the index lists it since a block, with its record's position if it has one."""

    voting_id: bytes
    workflow_id: bytes
    trigger_id: bytes
    block: int
    position: int | None


@dataclass(frozen=True)
class RecordRow:
    """A record: its position in the log, leaf data, block, and the number of its event in that block."""

    position: int
    leaf: bytes
    block: int
    log: int


_VOTINGS = """
SELECT v.voting_id, v.workflow_id, v.trigger_id, v.block, r.position
FROM votings v LEFT JOIN leaves r ON r.voting_id = v.voting_id"""
_RECORDS = "SELECT position, leaf, block, log FROM leaves WHERE voting_id IS NOT NULL"


class IndexStore:
    """One network's index in one SQLite file; safe to use from several threads, and for readers elsewhere."""

    def __init__(self, path: Path, chain_id: int, contract: bytes, start: int, pool: bytes = b"") -> None:
        """Open or create; raises WrongNetworkError for another network's file, ChainError for a damaged.

        `pool` is the address of the pool whose events are kept too; empty for none. A file in another format
        is refused as it is: what it left out cannot be added.
        """
        self.path = path
        self._lock = threading.RLock()
        wanted = (FORMAT, chain_id, contract, pool)
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            # All of this can be read from the chain again: losing the newest rows in a power cut is no harm.
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            found, self.start = self._claim(wanted, start)
        except sqlite3.Error as error:
            raise ChainError(
                f"{path} cannot be used as an index: {error}",
                hint="delete it: it is made anew from the chain",
            ) from None
        if found != wanted:
            self._database.close()
            raise WrongNetworkError(
                f"{path} is {_described(found)}, not {_described(wanted)}",
                hint="use another file, or delete this one: an index is made anew from the chain",
            )

    def _claim(self, wanted: tuple[Any, ...], start: int) -> tuple[tuple[Any, ...], int]:
        """What the file is an index of, and from which block; a new one is made one of what is wanted.

        Of a file in another format only that much is looked at that every format has.
        """
        tables = {
            row[0] for row in self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if "network" in tables:
            row = self._database.execute("SELECT format, chain_id, contract, start FROM network").fetchone()
            if row is not None and row[0] != FORMAT:
                return row[:3], row[3]
        self._database.executescript(_SCHEMA)
        self._database.execute(
            "INSERT INTO network SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT * FROM network)",
            (*wanted[:3], start, wanted[3]),
        )
        row = self._database.execute("SELECT format, chain_id, contract, pool, start FROM network").fetchone()
        return row[:4], row[4]

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
                self._run("COMMIT")
            except BaseException:
                # Where the disk is full SQLite has done so itself.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def cursor(self) -> tuple[int, bytes] | None:
        """Number and hash of the newest indexed block, None before the first."""
        row = self._one("SELECT number, hash FROM blocks ORDER BY number DESC LIMIT 1")
        return None if row is None else (row[0], row[1])

    def blocks_from(self, newest: int) -> Iterator[tuple[int, bytes]]:
        """Number and hash of the remembered blocks up to `newest`, newest first, as many as are taken."""
        while True:
            row = self._one(
                "SELECT number, hash FROM blocks WHERE number <= ? ORDER BY number DESC LIMIT 1", newest
            )
            if row is None:
                return
            yield row[0], row[1]
            newest = row[0] - 1

    def block_time(self, number: int) -> int | None:
        """The time of a remembered block."""
        row = self._one("SELECT time FROM blocks WHERE number = ?", number)
        return None if row is None else int(row[0])

    def count_logs_of(self, transaction: bytes, block: int) -> int:
        """How many logs of a transaction are stored in its block."""
        row = self._one("SELECT count(*) FROM logs WHERE block = ? AND tx = ?", block, transaction)
        return 0 if row is None else int(row[0])

    def first_since(self, time: int) -> int:
        """A block before which every remembered block is older than that time."""
        row = self._one("SELECT number FROM blocks WHERE time < ? ORDER BY number DESC LIMIT 1", time)
        return 0 if row is None else int(row[0]) + 1

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
            "INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            log.block,
            log.index,
            kind,
            voting_id,
            log.address,
            log.transaction,
            topics,
            log.data,
        )

    def add_voting(self, voting_id: bytes, workflow_id: bytes, trigger_id: bytes, log: Log) -> None:
        """List a voting since this log; what opens or reopens it later changes nothing."""
        self._run(
            "INSERT OR IGNORE INTO votings VALUES (?, ?, ?, ?, ?)",
            voting_id,
            workflow_id,
            trigger_id,
            log.block,
            log.index,
        )

    def add_leaf(self, position: int, voting_id: bytes | None, leaf: bytes, log: Log) -> None:
        """Store the data of a leaf of the result log: of a voting's record, or (None) of another kind."""
        self._run(
            "INSERT INTO leaves VALUES (?, ?, ?, ?, ?)", position, voting_id, leaf, log.block, log.index
        )

    def go_back(self, block: int) -> None:
        """Forget everything above that block."""
        for table in _BY_BLOCK:
            self._run(f"DELETE FROM {table} WHERE block > ?", block)  # noqa: S608 - names from this module
        self._run("DELETE FROM blocks WHERE number > ?", block)

    def logs_of(self, voting_id: bytes, last: int, after: int = -1) -> list[StoredLog]:
        """The logs about a voting in blocks behind `after` and up to `last`, in chain order."""
        where = "logs.voting_id = ? AND logs.block > ? AND logs.block <= ?"
        return self._logs(where, voting_id, after, last)

    def logs_of_kinds(self, kinds: Sequence[str], first: int = 0) -> list[StoredLog]:
        """The logs of these kinds from block `first` on, in chain order."""
        marks = ",".join("?" * len(kinds))
        return self._logs(f"logs.kind IN ({marks}) AND logs.block >= ?", *kinds, first)

    def newest_of(self, voting_id: bytes, last: int) -> LogMark | None:
        """The newest log about a voting in blocks up to `last`."""
        mark: LogMark | None = self._one(
            "SELECT l.block, l.position, b.hash FROM logs l JOIN blocks b ON b.number = l.block"
            " WHERE l.voting_id = ? AND l.block <= ? ORDER BY l.block DESC, l.position DESC LIMIT 1",
            voting_id,
            last,
        )
        return mark

    def newest_of_kinds(self, kinds: Sequence[str]) -> LogMark | None:
        """The newest log of these kinds."""
        marks = ",".join("?" * len(kinds))
        mark: LogMark | None = self._one(
            "SELECT l.block, l.position, b.hash FROM logs l JOIN blocks b ON b.number = l.block"  # noqa: S608 - question marks
            f" WHERE l.kind IN ({marks}) ORDER BY l.block DESC, l.position DESC LIMIT 1",
            *kinds,
        )
        return mark

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

    def last_kind(self, voting_id: bytes, kinds: Sequence[str], last: int) -> str | None:
        """Of which of these kinds the newest log about a voting is, in blocks up to `last`; None: of none."""
        marks = ",".join("?" * len(kinds))
        row = self._one(
            f"SELECT kind FROM logs WHERE voting_id = ? AND block <= ? AND kind IN ({marks})"  # noqa: S608 - question marks
            " ORDER BY block DESC, position DESC LIMIT 1",
            voting_id,
            last,
            *kinds,
        )
        return None if row is None else str(row[0])

    def record_of(self, voting_id: bytes) -> RecordRow | None:
        """The record of a voting."""
        row = self._one(f"{_RECORDS} AND voting_id = ?", voting_id)
        return None if row is None else RecordRow(*row)

    def record_at(self, position: int) -> RecordRow | None:
        """The record at a position of the log; none where another leaf stands."""
        row = self._one(f"{_RECORDS} AND position = ?", position)
        return None if row is None else RecordRow(*row)

    def records(self) -> list[RecordRow]:
        """All records, in the order of the log."""
        return [RecordRow(*row) for row in self._all(f"{_RECORDS} ORDER BY position")]

    def leaves(self, first: int) -> list[tuple[bytes, bytes]]:
        """The leaves of the log from that position on, in their order, each with the hash of its block."""
        return self._all(
            "SELECT leaf, hash FROM leaves JOIN blocks ON number = block WHERE position >= ?"
            " ORDER BY position",
            first,
        )

    def log_size(self, last: int) -> int:
        """Number of leaves in blocks up to `last`."""
        row = self._one("SELECT count(*) FROM leaves WHERE block <= ?", last)
        return 0 if row is None else int(row[0])

    def _logs(self, condition: str, *values: Any) -> list[StoredLog]:
        rows = self._all(
            "SELECT logs.address, logs.block, logs.position, logs.tx, logs.topics, logs.data,"  # noqa: S608 - conditions from this module
            " blocks.hash, blocks.time"
            " FROM logs JOIN blocks ON blocks.number = logs.block"
            f" WHERE {condition} ORDER BY logs.block, logs.position",
            *values,
        )
        return [
            StoredLog(
                Log(
                    address=address,
                    topics=tuple(topics[start : start + 32] for start in range(0, len(topics), 32)),
                    data=data,
                    block=block,
                    block_hash=digest,
                    transaction=transaction,
                    index=position,
                ),
                time,
            )
            for address, block, position, transaction, topics, data, digest, time in rows
        ]

    def _one(self, statement: str, *values: Any) -> Any:
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
                hint = "see that its disk has room and may be written; deleted, it is made anew"
                raise IndexFileError(f"the index {self.path} failed: {error}", hint) from None


def _described(network: tuple[Any, ...]) -> str:
    """What an index is of, in words; `network` is format, chain id, contract and, since format 2, pool."""
    number, chain_id, contract, *pool = network
    with_pool = f" with the pool 0x{pool[0].hex()}" if any(pool) else ""
    return f"in format {number} of chain id {chain_id} and contract 0x{contract.hex()}{with_pool}"
