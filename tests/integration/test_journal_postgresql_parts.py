"""What the journal's parts promise holds on PostgreSQL as it does in a file: the same tests, run there."""

import inspect
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sql
from tests.unit.node import (
    test_journal_events,
    test_journal_handlings,
    test_journal_inbox,
    test_journal_statements,
    test_journal_transactions,
)
from tests.unit.node.test_journal import BALLOT, VOTING

from worknet.node.errors import JournalError
from worknet.node.journal import Journal
from worknet.node.journal.failures import Failure
from worknet.node.journal.postgresql import PostgresqlSchema
from worknet.workflow import When

BEHAVIOURS = [
    function
    for module in (
        test_journal_events,
        test_journal_handlings,
        test_journal_inbox,
        test_journal_statements,
        test_journal_transactions,
    )
    for name, function in vars(module).items()
    if name.startswith("test_") and list(inspect.signature(function).parameters) == ["journal"]
]


@pytest.fixture
def journal(postgres_url: str, unique: str) -> Iterator[Journal]:
    schema = f"worknet_{unique}"
    journal = Journal(PostgresqlSchema(postgres_url, schema), 1, b"\1" * 20, b"\2" * 20)
    yield journal
    journal.close()
    engine = sql.create_engine(postgres_url, poolclass=sql.NullPool)
    with engine.begin() as connection:
        connection.execute(sql.schema.DropSchema(schema, cascade=True))


@pytest.mark.long
@pytest.mark.parametrize(
    "behaviour", BEHAVIOURS, ids=lambda function: function.__name__.removeprefix("test_")
)
def test_a_part_does_on_a_server_what_it_does_in_a_file(
    behaviour: Callable[[Journal], None], journal: Journal
) -> None:
    behaviour(journal)


def test_a_ballot_comes_back_whole_and_is_never_replaced(journal: Journal) -> None:
    journal.ballots.add(BALLOT)
    with pytest.raises(JournalError, match="23505"):
        journal.ballots.add(BALLOT)
    assert journal.ballots.get(VOTING, 1, 1) == BALLOT


def test_rows_are_forgotten_and_the_salt_stays(journal: Journal) -> None:
    journal.ballots.add(BALLOT)
    ((_, voting_id),) = journal.ballots.prepared_between((0, b""), 1 << 40, 10)
    assert journal.ballots.forget_rows(voting_id) == 1
    assert journal.ballots.get(VOTING, 1, 1).salt == BALLOT.salt


def test_a_failure_of_any_bytes_can_be_held(journal: Journal) -> None:
    journal.failures.add(VOTING, 1, "workflow failed", "no\0text", "\0\udcff")
    assert journal.failures.of(VOTING) == [Failure(1, "workflow failed", "no\ufffdtext")]


def test_a_journal_of_format_2_gets_the_tables_that_it_lacks(
    postgres_url: str, unique: str, journal: Journal
) -> None:
    journal.ballots.add(BALLOT)
    schema = f"worknet_{unique}"
    engine = sql.create_engine(postgres_url, poolclass=sql.NullPool)
    with engine.begin() as connection:
        connection.execute(sql.text(f'DROP TABLE "{schema}".errands, "{schema}".handlings'))
        connection.execute(sql.text(f"UPDATE \"{schema}\".about SET value = '2' WHERE name = 'format'"))
    journal.close()
    again = Journal(PostgresqlSchema(postgres_url, schema), 1, b"\1" * 20, b"\2" * 20)
    assert again.handlings.begin(VOTING, "hourly", (When.UNRESOLVED, 2)) == 1
    assert again.ballots.get(VOTING, 1, 1) == BALLOT
    again.close()
