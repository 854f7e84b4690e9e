"""How the journal reads and writes: contexts over one database, changed by nothing but named steps.

What kind of database it is, and how a commit there is known to be safe, is decided in `sqlite` and
`postgresql`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sql
import structlog

from worknet.node.errors import JournalError, JournalUnavailable

PATIENCE_SECONDS = 600
"""How long a fault that may pass is waited out by default."""
CONNECTED_SECONDS = 60
"""Faults that lie further apart than this are not the same one going on."""

log = structlog.get_logger()

metadata = sql.MetaData()
"""All tables of the journal; each part defines its own."""

_about = sql.Table(
    "about", metadata, sql.Column("name", sql.String, primary_key=True), sql.Column("value", sql.String)
)


class Database(Protocol):
    """Where the journal lies. Its contexts raise `JournalError`, or `JournalUnavailable` for what may pass;
    no error of theirs shows what a statement carried: salts and rows."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def hold(self) -> None:
        """Makes sure until `close` that no other worker writes here."""

    def reading(self) -> AbstractContextManager[sql.Connection]:
        """A connection that sees one moment and can change nothing."""

    def writing(self) -> AbstractContextManager[sql.Connection]:
        """A connection whose changes, all of them or none, are safe once the context has ended."""

    def close(self) -> None:
        """Lets go of everything."""


@dataclass(frozen=True)
class Step:
    """One kind of change to the journal, done whole or not at all."""

    name: str


STEPS: dict[str, Step] = {}
"""Every kind of change that there is: the tests crash a worker at each of them."""


def step(name: str) -> Step:
    """A new kind of change, such as `ballots.add`: the part and what is done."""
    if name in STEPS:
        raise ValueError(f"two steps are called {name}")
    STEPS[name] = Step(name)
    return STEPS[name]


_CREATE = step("about.create")
_MIGRATE = step("about.migrate")


class Store:
    """The database behind the parts of a journal. Safe to use from several threads.

    `JournalUnavailable` is raised for what may pass, and once that has gone on for `patience` seconds
    `JournalError`: the worker then stops. After either nothing may leave the machine that was to be written.
    """

    def __init__(
        self,
        database: Database,
        patience: float = PATIENCE_SECONDS,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives unix seconds."""
        self._database = database
        self._patience = patience
        self._clock = clock
        self._faults = {"read": _Fault(), "written": _Fault()}

    @property
    def name(self) -> str:
        """What the journal is called in messages."""
        return self._database.name

    def now(self) -> int:
        """Unix seconds, for the columns that say when something was journalled."""
        return int(self._clock())

    @contextmanager
    def read(self) -> Iterator[sql.Connection]:
        """A connection that sees one moment of the journal and cannot change it."""
        with self._patient("read"), self._database.reading() as connection:
            yield connection

    @contextmanager
    def write(self, step: Step) -> Iterator[sql.Connection]:
        """A connection whose changes are on the disk when the context has ended, all of them or none."""
        if STEPS.get(step.name) is not step:
            raise ValueError(f"no step is registered as {step.name}")
        with self._patient("written"), self._database.writing() as connection:
            yield connection

    def open(
        self,
        form: str,
        owner: Mapping[str, str],
        migrations: Mapping[str, Callable[[sql.Connection], None]],
    ) -> None:
        """Makes the tables of a new journal and writes down whose it is; refuses the journal of another.

        `migrations` turn older formats into this one, `form`, each in one transaction.
        """
        held = self._held()
        self._check_owner(held, owner)
        if not held:
            rows = [{"name": name, "value": value} for name, value in {"format": form, **owner}.items()]
            with self.write(_CREATE) as connection:
                # A command and the worker may both have found it new.
                if not sql.inspect(connection).has_table(_about.name):
                    metadata.create_all(connection)
                    connection.execute(_about.insert(), rows)
            self._check_owner(self._held(), owner)
        elif held["format"] in migrations:
            log.info("journal.migrating", format=held["format"], to=form)
            mark = _about.update().where(_about.c.name == "format", _about.c.value == held["format"])
            with self.write(_MIGRATE) as connection:
                # Nothing is marked where another process has done it meanwhile.
                if connection.execute(mark.values(value=form)).rowcount:
                    migrations[held["format"]](connection)
        elif held["format"] != form:
            raise JournalError(
                f"the journal {self.name} has the format {held['format']}, which this worknet does not know",
                hint="install the newest worknet; a journal is never turned back into an older format",
            )

    def _held(self) -> dict[str, str]:
        """What the journal says about itself; nothing if it is new."""
        with self.read() as connection:
            if not sql.inspect(connection).has_table(_about.name):
                return {}
            rows = connection.execute(sql.select(_about)).all()
        return {row.name: row.value for row in rows}

    def _check_owner(self, held: Mapping[str, str], owner: Mapping[str, str]) -> None:
        for name, value in owner.items():
            if held.get(name, value) != value:
                raise JournalError(
                    f"the journal {self.name} belongs to another {name}: {held[name]}, not {value}",
                    hint="give this worker a journal of its own, in another data_dir or schema, "
                    "or set the configuration right",
                )

    @contextmanager
    def _patient(self, what: str) -> Iterator[None]:
        """Turns a fault that has gone on for too long into one to stop at."""
        fault = self._faults[what]
        try:
            yield
        except JournalUnavailable as error:
            if fault.seconds() < self._patience:
                raise
            raise JournalError(
                f"{error}; it could not be {what} for {fault.seconds():.0f} seconds", hint=error.hint
            ) from None
        fault.has_passed()


@dataclass
class _Fault:
    """How long the journal has been failing, in seconds of the clock that only rises."""

    since: float = 0.0
    last: float | None = None

    def seconds(self) -> float:
        """Counts one more failure; how long ago the first of them was that hang together."""
        now = time.monotonic()
        if self.last is None or now - self.last > CONNECTED_SECONDS:
            self.since = now
        self.last = now
        return now - self.since

    def has_passed(self) -> None:
        """Forgets the failures."""
        self.last = None


def storable(text: str) -> str:
    """The text without what a database refuses: NUL, and halves of characters that a workflow printed."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
