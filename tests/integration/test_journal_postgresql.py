"""The journal on a PostgreSQL server: what must survive cuts and stalls, and who may use it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sql
from tests.proxy import TcpProxy
from tests.services import host_and_port

from worknet.node.errors import JournalError, JournalUnavailable
from worknet.node.journal import Journal, postgresql
from worknet.node.journal.postgresql import PostgresqlSchema
from worknet.node.journal.store import metadata
from worknet.protocol.ids import Slot

CONTRACT, WORKER = b"\1" * 20, b"\2" * 20
SLOT = Slot(3600, 7)

Open = Callable[..., Journal]


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sql.Engine]:
    engine = sql.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sql.NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def schema(engine: sql.Engine, unique: str) -> Iterator[str]:
    yield f"worknet_{unique}"
    with engine.connect() as connection:
        connection.execute(sql.schema.DropSchema(f"worknet_{unique}", cascade=True, if_exists=True))


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[TcpProxy]:
    with TcpProxy(*host_and_port(postgres_url)) as proxy:
        yield proxy


@pytest.fixture
def open_journal(postgres_url: str, proxy: TcpProxy, schema: str) -> Iterator[Open]:
    """Opens the journal, through the proxy if `cut` is to be."""
    opened: list[Journal] = []

    def open_one(*, through_proxy: bool = False, patience: float = 600, **owner: bytes) -> Journal:
        url = sql.make_url(postgres_url)
        if through_proxy:
            url = url.set(host="127.0.0.1", port=proxy.port)
        database = PostgresqlSchema(url.render_as_string(hide_password=False), schema)
        opened.append(
            Journal(database, 1, **{"contract": CONTRACT, "worker": WORKER, **owner}, patience=patience)
        )
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()


def voting(number: int) -> bytes:
    return number.to_bytes(32, "big")


def add(journal: Journal, number: int) -> None:
    """Journals one small thing; each has a number."""
    journal.triggers.add(voting(number), "hourly", Slot(3600, number))


def held(engine: sql.Engine, schema: str) -> set[int]:
    """The numbers of what stands on the server."""
    with engine.connect() as connection:
        rows = connection.execute(sql.text(f"SELECT voting_id FROM {schema}.triggers")).all()
    return {int.from_bytes(row.voting_id, "big") for row in rows}


def sessions(engine: sql.Engine, schema: str) -> list[int]:
    """The processes of the server that hold the journal's lock."""
    with engine.connect() as connection:
        query = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = :low AND classid = :high"
        key = PostgresqlSchema("postgresql://x@127.0.0.1/x", schema)._key % (1 << 64)
        return list(
            connection.execute(sql.text(query), {"low": key & 0xFFFFFFFF, "high": key >> 32}).scalars()
        )


@pytest.mark.long
def test_what_was_journalled_is_there_when_it_is_opened_again(open_journal: Open) -> None:
    first = open_journal()
    add(first, 1)
    first.close()
    open_journal().triggers.get(voting(1))


@pytest.mark.long
def test_every_table_of_the_journal_lies_in_the_workers_schema(
    open_journal: Open, engine: sql.Engine, schema: str
) -> None:
    open_journal()
    assert {*metadata.tables, "last_change"} == set(sql.inspect(engine).get_table_names(schema))


def test_commits_wait_for_the_disk_whatever_the_servers_default(
    open_journal: Open, engine: sql.Engine, schema: str, postgres_url: str
) -> None:
    database = PostgresqlSchema(f"{postgres_url}", schema)
    with database.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    database.close()


@pytest.mark.long
def test_what_reads_cannot_write(open_journal: Open) -> None:
    journal = open_journal()
    with pytest.raises(JournalError), journal.store.read() as connection:
        connection.execute(sql.text("DELETE FROM about"))


def test_a_second_worker_on_the_same_schema_is_refused(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "LOCK_SECONDS", 0.1)
    open_journal().hold()
    with pytest.raises(JournalError, match="another process uses the journal") as caught:
        open_journal().hold()
    assert "stop the other worker" in caught.value.hint


@pytest.mark.long
def test_a_command_reads_while_the_worker_holds_the_journal(open_journal: Open) -> None:
    worker = open_journal()
    worker.hold()
    add(worker, 1)
    open_journal().triggers.get(voting(1))


@pytest.mark.long
def test_the_lock_is_free_again_when_the_worker_has_ended(open_journal: Open) -> None:
    first = open_journal()
    first.hold()
    first.close()
    open_journal().hold()


@pytest.mark.long
def test_the_journal_of_another_worker_is_refused(open_journal: Open) -> None:
    open_journal().close()
    with pytest.raises(JournalError, match="belongs to another worker"):
        open_journal(worker=b"\x09" * 20)


def test_a_connection_that_was_cut_is_made_anew(open_journal: Open, proxy: TcpProxy) -> None:
    journal = open_journal(through_proxy=True)
    add(journal, 1)
    proxy.cut()
    proxy.heal()
    add(journal, 2)
    journal.triggers.get(voting(1))


def test_nothing_is_written_while_the_server_is_away_and_all_goes_on_when_it_is_back(
    open_journal: Open, proxy: TcpProxy, engine: sql.Engine, schema: str
) -> None:
    journal = open_journal(through_proxy=True)
    add(journal, 1)
    proxy.cut()
    with pytest.raises(JournalUnavailable, match="does not answer") as caught:
        add(journal, 2)
    assert "goes on by itself" in caught.value.hint
    with pytest.raises(JournalUnavailable):
        journal.triggers.get(voting(1))
    proxy.heal()
    add(journal, 3)
    assert held(engine, schema) == {1, 3}


@pytest.mark.long
def test_a_fault_that_outlasts_the_workers_patience_stops_it(open_journal: Open, proxy: TcpProxy) -> None:
    journal = open_journal(through_proxy=True, patience=0.2)
    proxy.cut()
    with pytest.raises(JournalUnavailable):
        add(journal, 1)
    time.sleep(0.2)
    with pytest.raises(JournalError, match="could not be written for 0 seconds") as caught:
        add(journal, 1)
    assert not isinstance(caught.value, JournalUnavailable)


@pytest.mark.long
@pytest.mark.parametrize("is_saved", [True, False])
def test_a_commit_whose_answer_was_cut_off_is_looked_up(
    open_journal: Open, proxy: TcpProxy, engine: sql.Engine, schema: str, is_saved: bool
) -> None:
    journal = open_journal(through_proxy=True)
    add(journal, 1)
    database = journal._database
    assert isinstance(database, PostgresqlSchema)

    def cut_around(connection: sql.Connection) -> None:
        if is_saved:
            # As if the answer alone were lost: saved on the server, then the connection is gone.
            connection.connection.dbapi_connection.commit()  # type: ignore[union-attr]  # it is open
        proxy.cut()
        threading.Timer(1.5, proxy.heal).start()

    sql.event.listen(database._writer, "commit", cut_around, once=True)
    if is_saved:
        add(journal, 2)
    else:
        with pytest.raises(JournalUnavailable):
            add(journal, 2)
    assert held(engine, schema) == ({1, 2} if is_saved else {1})
    add(journal, 3)
    assert 3 in held(engine, schema)


@pytest.mark.long
def test_a_commit_of_which_nobody_can_tell_whether_it_was_saved_stops_the_worker(
    open_journal: Open, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "UNSURE_SECONDS", 0.5)
    journal = open_journal(through_proxy=True)
    add(journal, 1)
    database = journal._database
    assert isinstance(database, PostgresqlSchema)
    sql.event.listen(database._writer, "commit", lambda _: proxy.cut())
    with pytest.raises(JournalError, match="whether the last change was saved") as caught:
        add(journal, 2)
    assert not isinstance(caught.value, JournalUnavailable)


@pytest.mark.long
def test_a_server_that_no_longer_answers_is_noticed(
    open_journal: Open, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 1)
    journal = open_journal(through_proxy=True)
    add(journal, 1)
    proxy.stall()
    begun = time.monotonic()
    with pytest.raises(JournalUnavailable):
        add(journal, 2)
    assert time.monotonic() - begun < 10
    proxy.heal()
    add(journal, 3)


@pytest.mark.long
def test_a_session_of_its_own_that_the_server_still_holds_is_ended(
    open_journal: Open, proxy: TcpProxy, engine: sql.Engine, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 1)
    journal = open_journal(through_proxy=True)
    add(journal, 1)
    (before,) = sessions(engine, schema)
    # The proxy keeps the connection to the server open, as a network that went away does.
    proxy.stall()
    with pytest.raises(JournalUnavailable):
        add(journal, 2)
    assert sessions(engine, schema) == [before]
    proxy.heal()
    add(journal, 3)
    assert len(sessions(engine, schema)) == 1


def test_a_worker_that_was_cut_off_stops_if_another_has_written_meanwhile(
    open_journal: Open, proxy: TcpProxy
) -> None:
    first = open_journal(through_proxy=True)
    add(first, 1)
    proxy.cut()
    second = open_journal()
    add(second, 2)
    second.close()
    proxy.heal()
    with pytest.raises(JournalError, match="another worker has used the journal") as caught:
        add(first, 3)
    assert not isinstance(caught.value, JournalUnavailable)


@pytest.mark.long
def test_a_server_that_has_lost_what_it_confirmed_is_told(
    open_journal: Open, proxy: TcpProxy, engine: sql.Engine, schema: str
) -> None:
    journal = open_journal(through_proxy=True)
    add(journal, 1)
    add(journal, 2)
    proxy.cut()
    with engine.connect() as connection:  # as a standby is that lagged one change behind
        connection.execute(sql.text(f"UPDATE {schema}.last_change SET number = number - 1"))
    proxy.heal()
    with pytest.raises(JournalError, match="has lost 1 changes that it had confirmed") as caught:
        add(journal, 3)
    assert "synchronous_standby_names" in caught.value.hint


def test_an_error_never_shows_a_row_nor_the_password(open_journal: Open, postgres_url: str) -> None:
    journal = open_journal()
    with pytest.raises(JournalError) as caught, journal.store.read() as connection:
        connection.execute(sql.text("SELECT CAST(:text AS bigint)"), {"text": "row 4711"})
    assert "4711" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.hint}"
    url = sql.make_url(postgres_url).set(password="hush", host="127.0.0.1", port=1)
    with pytest.raises(JournalError) as caught:
        Journal(PostgresqlSchema(url.render_as_string(hide_password=False), "worknet_x"), 1, CONTRACT, WORKER)
    assert "hush" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.hint}"


def test_a_server_that_answers_nonsense_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql://u@127.0.0.1:{server.getsockname()[1]}/d"

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(1000)
                        connection.sendall(b"R\0\0\0\6xx")  # what says how to log in, cut off
                        connection.recv(1000)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(JournalUnavailable, match="does not answer"):
            Journal(PostgresqlSchema(url, "worknet_x"), 1, CONTRACT, WORKER)
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "url", ["", "sqlite:///x", "postgresql://u@h/d?sslmode=maybe", "postgresql://u@h/d?option=1", "://secret"]
)
def test_an_address_that_is_no_servers_is_refused(url: str) -> None:
    with pytest.raises(JournalError, match="the journal's url") as caught:
        PostgresqlSchema(url, "worknet_x")
    assert "secret" not in f"{caught.value}{caught.value.hint}"
