"""The stored blocks of the built-in development chain: one SQLite file in a folder that one process holds.

Kept are the genesis and, per block, exactly what its execution needs (time, mix_hash, transactions) and the
hash that came out, so that replaying can be checked. States, receipts and logs are not stored: they follow.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from worknet.chain.errors import DevelopmentChainError, FolderInUseError

DATABASE = "chain.sqlite"
_LOCK = "chain.lock"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS genesis (chain_id INTEGER NOT NULL, time INTEGER NOT NULL, funds TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS blocks (
  number INTEGER PRIMARY KEY, time INTEGER NOT NULL, mix_hash BLOB NOT NULL, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS transactions (
  block INTEGER NOT NULL, position INTEGER NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (block, position));
"""


@dataclass(frozen=True)
class StoredGenesis:
    """Chain id, time (unix seconds) and funded accounts (wei) of block 0."""

    chain_id: int
    time: int
    funds: dict[bytes, int]


@dataclass(frozen=True)
class StoredBlock:
    """What one block was made of, and its hash."""

    number: int
    time: int
    mix_hash: bytes
    hash: bytes
    transactions: tuple[bytes, ...]


class FolderLock:
    """Holds a chain's folder for this process; the system lets go of it however the process ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock, making the folder first; raises FolderInUseError while another process has it."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = (folder / _LOCK).open("a+", encoding="utf-8")
        except OSError as error:
            raise DevelopmentChainError(f"{folder} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise FolderInUseError(
                f"a development chain already runs on {folder} (process {holder})",
                hint="stop that one or choose another folder",
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def close(self) -> None:
        """Let go of the folder."""
        self._file.close()


class BlockStore:
    """Genesis and blocks of one chain; every method may raise DevelopmentChainError for a damaged file."""

    def __init__(self, folder: Path) -> None:
        """Open or create the database in `folder`, whose FolderLock the caller holds."""
        self.path = folder / DATABASE
        try:
            self._database = sqlite3.connect(self.path, isolation_level=None)
            # A killed process loses nothing in WAL mode; a power cut may lose the newest blocks, no more.
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise self._damaged(error) from None

    def genesis(self) -> StoredGenesis | None:
        """The stored genesis, None in a new folder."""
        try:
            row = self._database.execute("SELECT chain_id, time, funds FROM genesis").fetchone()
        except sqlite3.Error as error:
            raise self._damaged(error) from None
        if row is None:
            return None
        return StoredGenesis(
            row[0], row[1], {bytes.fromhex(k): int(v) for k, v in json.loads(row[2]).items()}
        )

    def begin(self, genesis: StoredGenesis) -> None:
        """Store the genesis of a new chain."""
        funds = json.dumps({address.hex(): str(wei) for address, wei in sorted(genesis.funds.items())})
        self._database.execute(
            "INSERT INTO genesis VALUES (?, ?, ?)", (genesis.chain_id, genesis.time, funds)
        )

    def append(self, block: StoredBlock) -> None:
        """Store the next block, whole or not at all."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute(
                "INSERT INTO blocks VALUES (?, ?, ?, ?)",
                (block.number, block.time, block.mix_hash, block.hash),
            )
            self._database.executemany(
                "INSERT INTO transactions VALUES (?, ?, ?)",
                [(block.number, position, raw) for position, raw in enumerate(block.transactions)],
            )
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._damaged(error) from None

    def blocks(self) -> Iterator[StoredBlock]:
        """All stored blocks, ascending from number 1."""
        try:
            for number, time, mix_hash, digest in self._database.execute(
                "SELECT * FROM blocks ORDER BY number"
            ):
                rows = self._database.execute(
                    "SELECT raw FROM transactions WHERE block = ? ORDER BY position", (number,)
                )
                yield StoredBlock(number, time, mix_hash, digest, tuple(raw for (raw,) in rows))
        except sqlite3.Error as error:
            raise self._damaged(error) from None

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _damaged(self, error: sqlite3.Error) -> DevelopmentChainError:
        return DevelopmentChainError(
            f"{self.path} cannot be used as the store of a development chain: {error}",
            hint="move it away and start anew, or choose another folder",
        )
