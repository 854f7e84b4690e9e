"""The journal: what a worker must not lose, on disk before anything that depends on it leaves the machine.

Triggers, the inputs and results behind each ballot, roots, the salts of seals, and the transactions sent.
SQLite in WAL mode with `synchronous=FULL`, so that a commit has reached the disk when it returns.
"""

import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from worknet.node.errors import JournalError, UnknownVoting
from worknet.node.facts import Action, Prepared
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot

FORMAT = "1"
BUSY_SECONDS = 10

_metadata = sql.MetaData()
_about = sql.Table(
    "about", _metadata, sql.Column("name", sql.String, primary_key=True), sql.Column("value", sql.String)
)
_triggers = sql.Table(
    "triggers",
    _metadata,
    sql.Column("voting_id", sql.LargeBinary, primary_key=True),
    sql.Column("workflow", sql.String, nullable=False),
    sql.Column("every", sql.BigInteger, nullable=False),
    sql.Column("slot", sql.BigInteger, nullable=False),
    sql.Column("seen", sql.BigInteger, nullable=False),
    sql.Index("trigger_by_slot", "workflow", "slot", unique=True),
)
_ballots = sql.Table(
    "ballots",
    _metadata,
    sql.Column("voting_id", sql.LargeBinary, primary_key=True),
    sql.Column("attempt", sql.Integer, primary_key=True),
    sql.Column("policy_version", sql.Integer, primary_key=True),
    sql.Column("input_root", sql.LargeBinary, nullable=False),
    sql.Column("result_root", sql.LargeBinary, nullable=False),
    sql.Column("salt", sql.LargeBinary, nullable=False),
    sql.Column("data_key_epoch", sql.Integer, nullable=False),
    sql.Column("manifest", sql.LargeBinary, nullable=False),
    sql.Column("declaration", sql.LargeBinary, nullable=False),
    sql.Column("prepared", sql.BigInteger, nullable=False),
)
_frames = sql.Table(
    "frames",
    _metadata,
    sql.Column("voting_id", sql.LargeBinary, primary_key=True),
    sql.Column("attempt", sql.Integer, primary_key=True),
    sql.Column("policy_version", sql.Integer, primary_key=True),
    sql.Column("kind", sql.String, primary_key=True),
    sql.Column("name", sql.String, primary_key=True),
    sql.Column("content", sql.LargeBinary, nullable=False),
)
_failures = sql.Table(
    "failures",
    _metadata,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("voting_id", sql.LargeBinary, nullable=False),
    sql.Column("attempt", sql.Integer, nullable=False),
    sql.Column("cause", sql.String, nullable=False),
    sql.Column("detail", sql.String, nullable=False),
    sql.Column("time", sql.BigInteger, nullable=False),
)
_transactions = sql.Table(
    "transactions",
    _metadata,
    sql.Column("hash", sql.LargeBinary, primary_key=True),
    sql.Column("voting_id", sql.LargeBinary, nullable=False),
    sql.Column("attempt", sql.Integer, nullable=False),
    sql.Column("action", sql.String, nullable=False),
    sql.Column("sent", sql.BigInteger, nullable=False),
    sql.Column("lost_at", sql.BigInteger, nullable=False),
    sql.Column("outcome", sql.String, nullable=False, server_default=""),
    sql.Index("transactions_by_outcome", "outcome"),
)


@dataclass(frozen=True)
class Ballot:
    """Everything behind one ballot. `salt` opens its seal; `manifest` is the manifest's canonical bytes.

    `declaration` is what the bundle of that time declares, in canonical bytes: evidence needs the schemas
    long after the bundle has been replaced.
    `frames` holds the datasets and tables that were voted on, by (kind, name), in Arrow IPC form.
    """

    voting_id: bytes
    attempt: int
    policy_version: int
    pair: Pair
    salt: bytes = field(repr=False)
    data_key_epoch: int
    manifest: bytes = field(repr=False)
    declaration: bytes = field(repr=False)
    frames: Mapping[tuple[str, str], bytes] = field(repr=False)


@dataclass(frozen=True)
class Transaction:
    """A transaction that was sent. `outcome` is empty while its fate is unknown.

    `lost_at` is the chain's time from which it counts as lost, if no block holds it by then.
    """

    hash: bytes
    voting_id: bytes
    attempt: int
    action: Action
    lost_at: int
    outcome: str = ""


class Journal:
    """The journal of one worker in one network, in one file. Safe to use from several threads.

    Every method raises `JournalError` if the file cannot be read or written.
    """

    def __init__(self, path: Path, chain_id: int, contract: bytes, worker: bytes) -> None:
        self._path = path
        _make_private(path)
        self._engine = sql.create_engine(
            f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
        )
        sql.event.listen(self._engine, "connect", _prepare_connection)
        with self._begin() as connection:
            _metadata.create_all(connection)
        self._claim({"format": FORMAT, "chain id": str(chain_id), "contract": to_hex(contract)})
        self._claim({"worker": to_hex(worker)})

    def close(self) -> None:
        """Closes the file; the journal is not used after that."""
        self._engine.dispose()

    def add_trigger(self, voting_id: bytes, workflow: str, slot: Slot) -> None:
        """Holds that this worker has seen the trigger of a voting; a second time changes nothing."""
        row = {"workflow": workflow, "every": slot.every, "slot": slot.number, "seen": _now()}
        with self._begin() as connection:
            known = connection.execute(sql.select(_triggers.c.slot).where(_triggers.c.voting_id == voting_id))
            if known.first() is None:
                connection.execute(_triggers.insert().values(voting_id=voting_id, **row))

    def trigger(self, voting_id: bytes) -> tuple[str, Slot]:
        """The workflow and slot of a voting; `UnknownVoting` if the journal does not hold it."""
        with self._begin() as connection:
            row = connection.execute(sql.select(_triggers).where(_triggers.c.voting_id == voting_id)).first()
        if row is None:
            raise UnknownVoting(f"the journal {self._path} holds no voting {to_hex(voting_id)}")
        return row.workflow, Slot(row.every, row.slot)

    def add_ballot(self, ballot: Ballot) -> None:
        """Holds a ballot with all that is behind it. A ballot that is held already is never replaced."""
        row = {
            "voting_id": ballot.voting_id,
            "attempt": ballot.attempt,
            "policy_version": ballot.policy_version,
            "input_root": ballot.pair.input_root,
            "result_root": ballot.pair.result_root,
            "salt": ballot.salt,
            "data_key_epoch": ballot.data_key_epoch,
            "manifest": ballot.manifest,
            "declaration": ballot.declaration,
            "prepared": _now(),
        }
        place = {
            "voting_id": ballot.voting_id,
            "attempt": ballot.attempt,
            "policy_version": ballot.policy_version,
        }
        frames = [
            {**place, "kind": kind, "name": name, "content": content}
            for (kind, name), content in ballot.frames.items()
        ]
        with self._begin() as connection:
            connection.execute(_ballots.insert(), row)
            if frames:
                connection.execute(_frames.insert(), frames)

    def ballot(self, voting_id: bytes, attempt: int, policy_version: int) -> Ballot:
        """A ballot with all that is behind it; `UnknownVoting` if the journal does not hold it."""
        with self._begin() as connection:
            row = connection.execute(
                sql.select(_ballots).where(*_place(_ballots, voting_id, attempt, policy_version))
            ).first()
            frames = connection.execute(
                sql.select(_frames).where(*_place(_frames, voting_id, attempt, policy_version))
            ).all()
        if row is None:
            raise UnknownVoting(
                f"the journal holds no ballot of attempt {attempt} of voting {to_hex(voting_id)}",
                hint="this worker did not vote there; ask another worker",
            )
        return Ballot(
            voting_id=voting_id,
            attempt=attempt,
            policy_version=row.policy_version,
            pair=Pair(row.input_root, row.result_root),
            salt=row.salt,
            data_key_epoch=row.data_key_epoch,
            manifest=row.manifest,
            declaration=row.declaration,
            frames={(frame.kind, frame.name): frame.content for frame in frames},
        )

    def prepared(self, voting_id: bytes) -> dict[tuple[int, int], Prepared]:
        """The ballots of a voting by attempt and policy version, without what is behind them."""
        place = (_ballots.c.attempt, _ballots.c.policy_version)
        columns = (*place, _ballots.c.input_root, _ballots.c.result_root)
        query = sql.select(*columns).where(_ballots.c.voting_id == voting_id)
        with self._begin() as connection:
            rows = connection.execute(query).all()
        return {
            (row.attempt, row.policy_version): Prepared(
                row.attempt, row.policy_version, Pair(row.input_root, row.result_root)
            )
            for row in rows
        }

    def add_failure(self, voting_id: bytes, attempt: int, cause: str, detail: str) -> None:
        """Holds why there is no ballot: a cause in few words, and detail that stays in the journal."""
        row = {"voting_id": voting_id, "attempt": attempt, "cause": cause, "detail": detail, "time": _now()}
        with self._begin() as connection:
            connection.execute(_failures.insert(), row)

    def failures(self, voting_id: bytes) -> list[tuple[int, str]]:
        """The attempt and cause of each preparation that failed, oldest first."""
        columns = (_failures.c.attempt, _failures.c.cause)
        query = sql.select(*columns).where(_failures.c.voting_id == voting_id).order_by(_failures.c.number)
        with self._begin() as connection:
            return [(row.attempt, row.cause) for row in connection.execute(query)]

    def add_transaction(self, transaction: Transaction) -> None:
        """Holds a transaction that was just sent. One that a crash kept from here may be sent a second time:
        the contract then refuses it."""
        row = {
            "hash": transaction.hash,
            "voting_id": transaction.voting_id,
            "attempt": transaction.attempt,
            "action": transaction.action.value,
            "sent": _now(),
            "lost_at": transaction.lost_at,
        }
        with self._begin() as connection:
            connection.execute(_transactions.insert(), row)

    def end_transaction(self, transaction_hash: bytes, outcome: str) -> None:
        """Holds what became of a transaction: `done`, `lost`, or the contract's revert reason."""
        update = _transactions.update().where(_transactions.c.hash == transaction_hash)
        with self._begin() as connection:
            connection.execute(update.values(outcome=outcome))

    def waiting_transactions(self) -> list[Transaction]:
        """The transactions whose fate is not known yet."""
        query = sql.select(_transactions).where(_transactions.c.outcome == "")
        with self._begin() as connection:
            rows = connection.execute(query).all()
        return [
            Transaction(row.hash, row.voting_id, row.attempt, Action(row.action), row.lost_at) for row in rows
        ]

    def _claim(self, about: dict[str, str]) -> None:
        """Writes what the journal belongs to into a new one, or compares it with what stands there."""
        with self._begin() as connection:
            rows = connection.execute(sql.select(_about)).all()
            held: dict[str, str] = {row.name: row.value for row in rows}
            for name, value in about.items():
                if held.get(name, value) != value:
                    raise JournalError(
                        f"the journal {self._path} belongs to another {name}: {held[name]}, not {value}",
                        hint="give this worker a data_dir of its own, or set the configuration right",
                    )
                if name not in held:
                    connection.execute(_about.insert(), {"name": name, "value": value})

    @contextmanager
    def _begin(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            # The text of the library's error holds the statement's parameters: salts and rows.
            cause = getattr(error, "orig", None) or type(error).__name__
            raise JournalError(
                f"the journal {self._path} failed: {cause}", hint="see that its disk is writable and has room"
            ) from None


def check_private(folder: Path) -> None:
    """Raises `JournalError` if others than the user may enter the folder: rows and salts lie in it."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        raise JournalError(
            f"{folder} is open to others (mode {mode:o}), and a worker's rows and salts lie in it",
            hint=f"chmod 700 {folder}",
        )


def _make_private(path: Path) -> None:
    """The file is for its owner alone before anything stands in it; SQLite gives -wal and -shm its mode."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # Never opened here: closing it would end the locks that this process may hold on it.
        path.chmod(0o600)
    except OSError as error:
        hint = "see that its folder is there and writable"
        raise JournalError(f"the journal {path} cannot be made: {error.strerror}", hint) from None


def _prepare_connection(connection: object, _: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # SQLAlchemy types the DBAPI connection loosely
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _place(
    table: sql.Table, voting_id: bytes, attempt: int, policy_version: int
) -> tuple[sql.ColumnElement[bool], ...]:
    columns = (table.c.voting_id, table.c.attempt, table.c.policy_version)
    return tuple(
        column == value for column, value in zip(columns, (voting_id, attempt, policy_version), strict=True)
    )


def _now() -> int:
    return int(time.time())
