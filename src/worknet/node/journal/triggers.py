"""The triggers that a worker has seen: what each of its votings is about."""

import sqlalchemy as sql

from worknet.node.errors import UnknownVoting
from worknet.node.journal.store import Store, metadata, step
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Trigger

_ADD = step("triggers.add")

_triggers = sql.Table(
    "triggers",
    metadata,
    sql.Column("voting_id", sql.LargeBinary, primary_key=True),
    sql.Column("workflow", sql.String, nullable=False),
    sql.Column("trigger_id", sql.LargeBinary, nullable=False),
    sql.Column("seen", sql.BigInteger, nullable=False),
    sql.Index("trigger_by_workflow", "workflow", "trigger_id", unique=True),
    sql.Index("triggers_by_time", "seen"),
)


class Triggers:
    """The triggers in a journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, voting_id: bytes, workflow: str, trigger: Trigger) -> None:
        """Holds that this worker has seen the trigger of a voting; a second time changes nothing."""
        row = {"workflow": workflow, "trigger_id": trigger.trigger_id, "seen": self._store.now()}
        with self._store.write(_ADD) as connection:
            known = connection.execute(
                sql.select(_triggers.c.trigger_id).where(_triggers.c.voting_id == voting_id)
            )
            if known.first() is None:
                connection.execute(_triggers.insert().values(voting_id=voting_id, **row))

    def get(self, voting_id: bytes) -> tuple[str, bytes]:
        """The workflow and trigger id of a voting; `UnknownVoting` if the journal does not hold it."""
        with self._store.read() as connection:
            row = connection.execute(sql.select(_triggers).where(_triggers.c.voting_id == voting_id)).first()
        if row is None:
            raise UnknownVoting(f"the journal {self._store.name} holds no voting {to_hex(voting_id)}")
        return row.workflow, row.trigger_id

    def newest(self, limit: int) -> list[tuple[bytes, str, bytes]]:
        """Voting id, workflow and trigger id of the triggers that were seen last, the newest first."""
        columns = (_triggers.c.voting_id, _triggers.c.workflow, _triggers.c.trigger_id)
        query = sql.select(*columns).order_by(_triggers.c.seen.desc(), _triggers.c.voting_id).limit(limit)
        with self._store.read() as connection:
            return [(row.voting_id, row.workflow, row.trigger_id) for row in connection.execute(query)]
