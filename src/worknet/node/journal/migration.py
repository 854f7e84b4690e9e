"""How an older journal becomes one of today: each function takes one format to today's, inside one
transaction.

What is written here names the older tables as they were, and never what today's code calls them.
"""

import sqlalchemy as sql

from worknet.node.causes import Cause
from worknet.node.journal.store import metadata
from worknet.protocol.ids import Slot

AT_ONCE = 1000
"""Rows that are held in memory at a time."""


def from_1(connection: sql.Connection) -> None:
    """Triggers by their ids, so that events have a place; failures with one of the known causes."""
    connection.execute(sql.text("DROP INDEX trigger_by_slot"))
    connection.execute(sql.text("ALTER TABLE triggers RENAME TO triggers_1"))
    connection.execute(sql.text("ALTER TABLE failures ADD COLUMN message VARCHAR NOT NULL DEFAULT ''"))
    connection.execute(
        sql.text(
            "UPDATE failures SET message = cause, cause = CASE"
            " WHEN cause LIKE 'workflow%' THEN :failed"
            " WHEN cause LIKE 'a fault of worknet%' THEN :fault"
            " ELSE :source END"
        ),
        {
            "failed": Cause.WORKFLOW_FAILED.value,
            "fault": Cause.FAULT.value,
            "source": Cause.SOURCE_UNAVAILABLE.value,
        },
    )
    make_tables(connection)
    old = connection.execute(sql.text("SELECT voting_id, workflow, every, slot, seen FROM triggers_1"))
    add = sql.text(
        "INSERT INTO triggers (voting_id, workflow, trigger_id, seen)"
        " VALUES (:voting_id, :workflow, :trigger_id, :seen)"
    )
    for rows in old.partitions(AT_ONCE):
        connection.execute(
            add,
            [
                {
                    "voting_id": row.voting_id,
                    "workflow": row.workflow,
                    "trigger_id": Slot(row.every, row.slot).trigger_id,
                    "seen": row.seen,
                }
                for row in rows
            ],
        )
    connection.execute(sql.text("DROP TABLE triggers_1"))


def from_2(connection: sql.Connection) -> None:
    """What format 2 had stays as it is: there are only more tables."""
    make_tables(connection)


def make_tables(connection: sql.Connection) -> None:
    """Makes the tables and indices that are not there."""
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        for index in table.indexes:
            index.create(connection, checkfirst=True)
