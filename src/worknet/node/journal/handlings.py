"""What the workflows' fallback handlers decided, once for each moment of a voting, and what became of it.

A decision and its errands are written in one step: a worker that dies before has decided nothing and asks the
handler again, one that dies after never does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sql

from worknet.node.facts import Errand, ErrandState, Moment
from worknet.node.journal.remembered import Remembered
from worknet.node.journal.store import Store, metadata, step, storable
from worknet.protocol.canonical import decode, encode
from worknet.workflow import Action, When
from worknet.workflow.handlers import actions_of_document

_BEGIN = step("handlings.begin")
_FAIL = step("handlings.fail")
_DECIDE = step("handlings.decide")
_TRY = step("handlings.try")
_END = step("handlings.end")
_REVIVE = step("handlings.revive")
_FORGET = step("handlings.forget")

_handlings = sql.Table(
    "handlings",
    metadata,
    sql.Column("voting_id", sql.LargeBinary, primary_key=True),
    sql.Column("moment", sql.String, primary_key=True),
    sql.Column("attempt", sql.Integer, primary_key=True),
    sql.Column("workflow", sql.String, nullable=False),
    sql.Column("tries", sql.Integer, nullable=False),
    sql.Column("begun", sql.BigInteger, nullable=False),
    sql.Column("decided", sql.BigInteger, nullable=False),
    sql.Column("by", sql.String, nullable=False),
    sql.Column("cause", sql.String, nullable=False),
    sql.Column("message", sql.String, nullable=False),
    sql.Column("detail", sql.String, nullable=False),
)
_errands = sql.Table(
    "errands",
    metadata,
    sql.Column("voting_id", sql.LargeBinary, primary_key=True),
    sql.Column("moment", sql.String, primary_key=True),
    sql.Column("attempt", sql.Integer, primary_key=True),
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("kind", sql.String, nullable=False),
    sql.Column("action", sql.LargeBinary, nullable=False),
    sql.Column("state", sql.String, nullable=False),
    sql.Column("tries", sql.Integer, nullable=False),
    sql.Column("error", sql.String, nullable=False),
    sql.Column("time", sql.BigInteger, nullable=False),
    sql.Index("errands_by_state", "state"),
)
# The moments' names come in the order of the moments.
_ORDER = (_handlings.c.begun, _handlings.c.attempt, _handlings.c.moment)


class By(StrEnum):
    """Who decided."""

    HANDLER = "handler"
    DEFAULT = "default"
    """The workflow has no handler for the moment, or it failed for good."""


@dataclass(frozen=True)
class Handling:
    """One moment of a voting: how often its handler was begun, and what was decided.

    `begun` and `decided` are Unix seconds, 0 while it is not decided; `cause` (a `Cause`) and `message` say
    why the handler failed last, empty if it did not.
    """

    workflow: str
    when: When
    attempt: int
    tries: int
    begun: int
    decided: int
    by: By
    cause: str
    message: str
    errands: tuple[Errand, ...]


@dataclass(frozen=True)
class ErrandPlace:
    """Which errand: of which voting, moment and number; beside it the workflow, and the action's kind."""

    voting_id: bytes
    workflow: str
    moment: Moment
    number: int
    kind: str


class Handlings:
    """The handlings in a journal."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._decided: Remembered[dict[Moment, tuple[Errand, ...]]] = Remembered()

    def begin(self, voting_id: bytes, workflow: str, moment: Moment) -> int:
        """Holds that the handler is about to run once more; how often it then has been begun.

        So one that takes the whole worker with it does not do so for ever.
        """
        place = _place(_handlings, voting_id, moment)
        with self._store.write(_BEGIN) as connection:
            tries = connection.execute(sql.select(_handlings.c.tries).where(*place)).scalar()
            if tries is None:
                row = {**_key(voting_id, moment), "workflow": workflow, "tries": 1, "decided": 0}
                row |= {"begun": self._store.now(), "by": "", "cause": "", "message": "", "detail": ""}
                connection.execute(_handlings.insert(), row)
                return 1
            connection.execute(_handlings.update().where(*place).values(tries=tries + 1))
            return int(tries) + 1

    def fail(self, voting_id: bytes, moment: Moment, cause: str, message: str, detail: str) -> None:
        """Holds why the handler failed: a cause, a message for anyone, and detail that stays here."""
        texts = {"cause": cause, "message": storable(message), "detail": storable(detail)}
        with self._store.write(_FAIL) as connection:
            connection.execute(
                _handlings.update().where(*_place(_handlings, voting_id, moment)).values(**texts)
            )

    def decide(self, voting_id: bytes, moment: Moment, by: By, errands: Sequence[Errand]) -> bool:
        """Holds what was decided; false, and nothing changed, if it was decided before."""
        place = _place(_handlings, voting_id, moment)
        time = self._store.now()
        rows = [
            {
                **_key(voting_id, moment),
                "number": each.number,
                "kind": each.action.kind,
                "action": encode(each.action.document()),
                "state": each.state.value,
                "tries": each.tries,
                "error": storable(each.error),
                "time": time,
            }
            for each in errands
        ]
        undecided = _handlings.update().where(*place, _handlings.c.decided == 0)
        with self._decided.changing(voting_id), self._store.write(_DECIDE) as connection:
            if not connection.execute(undecided.values(decided=time, by=by.value)).rowcount:
                return False
            if rows:
                connection.execute(_errands.insert(), rows)
            return True

    def begin_errand(self, place: ErrandPlace) -> int:
        """Holds that an errand is about to leave the machine; how often it then has been begun."""
        errand = _errand(place)
        with self._decided.changing(place.voting_id), self._store.write(_TRY) as connection:
            connection.execute(
                _errands.update().where(*errand).values(tries=_errands.c.tries + 1, time=self._store.now())
            )
            return int(connection.execute(sql.select(_errands.c.tries).where(*errand)).scalar_one())

    def end_errand(self, place: ErrandPlace, state: ErrandState, error: str = "") -> None:
        """Holds what became of an errand, or, while it waits to be tried again, why it has failed."""
        values = {"state": state.value, "error": storable(error), "time": self._store.now()}
        with self._decided.changing(place.voting_id), self._store.write(_END) as connection:
            connection.execute(_errands.update().where(*_errand(place)).values(**values))

    def revive(self, voting_id: bytes) -> list[ErrandPlace]:
        """Has the errands of a voting wait again that have failed for good; all of its that wait."""
        failed = _errands.update().where(
            _errands.c.voting_id == voting_id, _errands.c.state == ErrandState.FAILED.value
        )
        with self._decided.changing(voting_id), self._store.write(_REVIVE) as connection:
            connection.execute(
                failed.values(state=ErrandState.WAITING.value, tries=0, time=self._store.now())
            )
        return [place for place in self.waiting() if place.voting_id == voting_id]

    def decided(self, voting_id: bytes) -> dict[Moment, tuple[Errand, ...]]:
        """What was decided about a voting, by moment."""
        return dict(self._decided.get(voting_id, self._read_decided))

    def _read_decided(self, voting_id: bytes) -> dict[Moment, tuple[Errand, ...]]:
        return {(each.when, each.attempt): each.errands for each in self.of(voting_id) if each.decided}

    def of(self, voting_id: bytes) -> list[Handling]:
        """The handlings of a voting in the order in which they began."""
        query = sql.select(_handlings).where(_handlings.c.voting_id == voting_id)
        errands = sql.select(_errands).where(_errands.c.voting_id == voting_id).order_by(_errands.c.number)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(*_ORDER)).all()
            given = connection.execute(errands).all() if rows else []
        return [
            Handling(
                workflow=row.workflow,
                when=When(row.moment),
                attempt=row.attempt,
                tries=row.tries,
                begun=row.begun,
                decided=row.decided,
                by=By(row.by) if row.by else By.HANDLER,
                cause=row.cause,
                message=row.message,
                errands=tuple(
                    Errand(each.number, _action(each.action), ErrandState(each.state), each.tries, each.error)
                    for each in given
                    if (each.moment, each.attempt) == (row.moment, row.attempt)
                ),
            )
            for row in rows
        ]

    def errand(self, place: ErrandPlace) -> Errand:
        """One errand as it stands."""
        with self._store.read() as connection:
            row = connection.execute(sql.select(_errands).where(*_errand(place))).one()
        return Errand(row.number, _action(row.action), ErrandState(row.state), row.tries, row.error)

    def waiting(self) -> list[ErrandPlace]:
        """The errands that are still to be done, those decided first before the others."""
        together = sql.and_(
            *(_errands.c[name] == _handlings.c[name] for name in ("voting_id", "moment", "attempt"))
        )
        query = sql.select(_errands, _handlings.c.workflow).join(_handlings, together)
        query = query.where(_errands.c.state == ErrandState.WAITING.value)
        query = query.order_by(_handlings.c.decided, _errands.c.voting_id, _errands.c.number)
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [
            ErrandPlace(
                bytes(row.voting_id), row.workflow, (When(row.moment), row.attempt), row.number, row.kind
            )
            for row in rows
        ]

    def forget_details(self, before: int, limit: int) -> None:
        """Empties the details of handlers that failed and were begun before a time, of at most so many."""
        place = (_handlings.c.voting_id, _handlings.c.moment, _handlings.c.attempt)
        old = sql.select(*place).where(_handlings.c.begun < before, _handlings.c.detail != "")
        with self._store.read() as connection:
            rows = connection.execute(old.order_by(_handlings.c.begun).limit(limit)).all()
        if rows:
            with self._store.write(_FORGET) as connection:
                for row in rows:
                    one = (column == value for column, value in zip(place, row, strict=True))
                    connection.execute(_handlings.update().where(*one).values(detail=""))


def _action(content: bytes) -> Action:
    """The action that was written so; it was checked before it was."""
    return actions_of_document([decode(bytes(content))])[0]


def _key(voting_id: bytes, moment: Moment) -> dict[str, object]:
    when, attempt = moment
    return {"voting_id": voting_id, "moment": when.value, "attempt": attempt}


def _place(table: sql.Table, voting_id: bytes, moment: Moment) -> tuple[sql.ColumnElement[bool], ...]:
    return tuple(table.c[name] == value for name, value in _key(voting_id, moment).items())


def _errand(place: ErrandPlace) -> tuple[sql.ColumnElement[bool], ...]:
    return (*_place(_errands, place.voting_id, place.moment), _errands.c.number == place.number)
