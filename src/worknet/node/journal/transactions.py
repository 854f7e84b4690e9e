"""The transactions of a worker's duties: every version that was signed, and what became of each duty's.

A transaction is here before it leaves the machine, so no crash can make the worker sign a second one for the
same duty. What replaces it for a higher fee is another version of it, under the same nonce.
"""

import json
from dataclasses import dataclass

import sqlalchemy as sql

from worknet.chain.transactions import Outgoing
from worknet.node.facts import Action
from worknet.node.journal.store import Store, metadata, step

LOST = "lost"
REFUSED = "refused"

_ADD = step("transactions.add")
_REPLACE = step("transactions.replace")
_END = step("transactions.end")
_TAKE_OVER = step("transactions.take_over")

_transactions = sql.Table(
    "transactions",
    metadata,
    sql.Column("hash", sql.LargeBinary, primary_key=True),
    sql.Column("voting_id", sql.LargeBinary, nullable=False),
    sql.Column("attempt", sql.Integer, nullable=False),
    sql.Column("action", sql.String, nullable=False),
    sql.Column("sent", sql.BigInteger, nullable=False),
    sql.Column("lost_at", sql.BigInteger, nullable=False),
    sql.Column("outcome", sql.String, nullable=False, server_default=""),
    sql.Index("transactions_by_outcome", "outcome"),
    sql.Index("transactions_by_voting", "voting_id"),
)
_versions = sql.Table(
    "transaction_versions",
    metadata,
    sql.Column("hash", sql.LargeBinary, primary_key=True),
    sql.Column("first", sql.LargeBinary, nullable=False),
    sql.Column("number", sql.Integer, nullable=False),
    sql.Column("nonce", sql.BigInteger, nullable=False),
    sql.Column("raw", sql.LargeBinary, nullable=False),
    # None for a transaction that creates a contract.
    sql.Column("to", sql.LargeBinary),
    sql.Column("data", sql.LargeBinary, nullable=False),
    sql.Column("gas", sql.BigInteger, nullable=False),
    # Wei may be more than any integer of the database; fees are a JSON object.
    sql.Column("value", sql.String, nullable=False),
    sql.Column("fees", sql.String, nullable=False),
    sql.Column("replaces", sql.LargeBinary),
    sql.Index("versions_by_first", "first", "number", unique=True),
    sql.Index("versions_by_nonce", "nonce"),
)
_take_overs = sql.Table(
    "take_overs",
    metadata,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("time", sql.BigInteger, nullable=False),
    sql.Column("journalled", sql.BigInteger, nullable=False),
)


# Made once: that takes longer than what they do.
_ITS: sql.BindParameter[bytes] = sql.bindparam("its")
_DELETE, _INSERT = _transactions.delete().where(_transactions.c.hash == _ITS), _transactions.insert()
_DELETE_VERSION, _INSERT_VERSION = _versions.delete().where(_versions.c.hash == _ITS), _versions.insert()
_SET_OUTCOME = (
    _transactions.update().where(_transactions.c.hash == _ITS).values(outcome=sql.bindparam("outcome"))
)
_EMPTY = (
    _versions.update()
    .where(_versions.c.first == _ITS)
    .values(raw=sql.bindparam("raw"), data=sql.bindparam("data"))
)
_FIRST = sql.select(_versions.c.first).where(_versions.c.hash == _ITS)
_OLDER = sql.select(_transactions.c.hash).where(_transactions.c.hash == _ITS)
_HIGHEST = sql.select(sql.func.max(_versions.c.nonce))


@dataclass(frozen=True)
class Transaction:
    """A transaction of a duty, by the hash under which it was signed first. `outcome` is empty while its fate
    is unknown.

    `lost_at` is the chain's time from which it counts as lost, if no block holds it by then.
    """

    hash: bytes
    voting_id: bytes
    attempt: int
    action: Action
    lost_at: int
    outcome: str = ""


class Transactions:
    """The transactions in a journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, transaction: Transaction, outgoing: Outgoing) -> None:
        """Holds a transaction that is signed and about to leave.

        One with the same hash may have ended before: refused, or in a block that is on no chain any more.
        """
        row = {
            "hash": transaction.hash,
            "voting_id": transaction.voting_id,
            "attempt": transaction.attempt,
            "action": transaction.action.value,
            "sent": self._store.now(),
            "lost_at": transaction.lost_at,
        }
        with self._store.write(_ADD) as connection:
            _forget(connection, transaction.hash)
            connection.execute(_DELETE, {"its": transaction.hash})
            connection.execute(_INSERT, row)
            connection.execute(_INSERT_VERSION, _row(outgoing, transaction.hash, 0))

    def replace(self, outgoing: Outgoing) -> None:
        """Holds a version of a transaction with other fees that is about to leave."""
        query = sql.select(_versions.c.first).where(_versions.c.hash == outgoing.replaces)
        with self._store.write(_REPLACE) as connection:
            first = bytes(connection.execute(query).scalar_one())
            _forget(connection, outgoing.hash)
            numbers = sql.select(sql.func.max(_versions.c.number)).where(_versions.c.first == first)
            newest = int(connection.execute(numbers).scalar_one())
            connection.execute(_versions.insert(), _row(outgoing, first, newest + 1))

    def end(self, transaction_hash: bytes, outcome: str) -> None:
        """Holds what became of a transaction: `done`, `lost`, `refused`, or the contract's revert reason.

        Unless it is lost it never leaves again, and what it said is not kept.
        """
        with self._store.write(_END) as connection:
            connection.execute(_SET_OUTCOME, {"its": transaction_hash, "outcome": outcome})
            if outcome != LOST:
                connection.execute(_EMPTY, {"its": transaction_hash, "raw": b"", "data": b""})

    def waiting(self) -> list[Transaction]:
        """The transactions whose fate is not known yet."""
        query = sql.select(_transactions).where(_transactions.c.outcome == "")
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [
            Transaction(row.hash, row.voting_id, row.attempt, Action(row.action), row.lost_at) for row in rows
        ]

    def has_ballot(self, voting_id: bytes, attempt: int) -> bool:
        """Whether a transaction that casts or seals the ballot of an attempt was ever sent."""
        query = sql.select(_transactions.c.hash).where(
            _transactions.c.voting_id == voting_id,
            _transactions.c.attempt == attempt,
            _transactions.c.action.in_((Action.CAST, Action.SEAL)),
            _transactions.c.outcome != REFUSED,
        )
        with self._store.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def in_flight(self) -> list[Outgoing]:
        """All versions of what may be in no confirmed block, in the order of signing.

        One that was given up as lost is among them while none after it is known to be in a block: those that
        come after it would wait for its nonce.
        """
        ended = sql.select(sql.func.max(_versions.c.nonce)).join(
            _transactions, _transactions.c.hash == _versions.c.first
        )
        ended = ended.where(_transactions.c.outcome.not_in(["", LOST, REFUSED]))
        query = sql.select(_versions).join(_transactions, _transactions.c.hash == _versions.c.first)
        query = query.order_by(_versions.c.nonce, _transactions.c.sent, _versions.c.number)
        with self._store.read() as connection:
            highest = connection.execute(ended).scalar()
            above = -1 if highest is None else int(highest)
            alive = (_transactions.c.outcome == "") | (
                (_transactions.c.outcome == LOST) & (_versions.c.nonce > above)
            )
            rows = connection.execute(query.where(alive)).all()
        return [_outgoing(row) for row in rows]

    def first_of(self, transaction_hash: bytes) -> bytes | None:
        """The hash under which the transaction was signed first of which this is a version; None for one that
        this worker never signed."""
        its = {"its": transaction_hash}
        with self._store.read() as connection:
            # Those from before versions were journalled have none.
            row = connection.execute(_FIRST, its).first() or connection.execute(_OLDER, its).first()
        return None if row is None else bytes(row[0])

    def highest_nonce(self) -> int | None:
        """The highest nonce that this worker ever signed; None if it signed nothing."""
        with self._store.read() as connection:
            highest = connection.execute(_HIGHEST).scalar()
        return None if highest is None else int(highest)

    def take_over(self, time: int) -> None:
        """Holds that the operator answers for every ballot under this key up to that time of the chain."""
        with self._store.write(_TAKE_OVER) as connection:
            connection.execute(_take_overs.insert(), {"time": time, "journalled": self._store.now()})

    def taken_over_at(self) -> int:
        """The chain's time up to which ballots under this key are answered for; 0 if none ever were."""
        with self._store.read() as connection:
            return int(connection.execute(sql.select(sql.func.max(_take_overs.c.time))).scalar() or 0)


def _forget(connection: sql.Connection, version: bytes) -> None:
    """Makes room for a version that was signed before, byte for byte."""
    connection.execute(_DELETE_VERSION, {"its": version})


def _row(outgoing: Outgoing, first: bytes, number: int) -> dict[str, object]:
    return {
        "hash": outgoing.hash,
        "first": first,
        "number": number,
        "nonce": outgoing.nonce,
        "raw": outgoing.raw,
        "to": outgoing.to,
        "data": outgoing.data,
        "gas": outgoing.gas,
        "value": str(outgoing.value),
        "fees": json.dumps(dict(outgoing.fees), sort_keys=True),
        "replaces": outgoing.replaces,
    }


def _outgoing(row: sql.Row[tuple[object, ...]]) -> Outgoing:
    return Outgoing(
        hash=row.hash,
        nonce=row.nonce,
        raw=row.raw,
        to=row.to,
        data=row.data,
        gas=row.gas,
        value=int(row.value),
        fees=json.loads(row.fees),
        replaces=row.replaces,
    )
