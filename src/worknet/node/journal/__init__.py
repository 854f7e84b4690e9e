"""The journal: what a worker must not lose, on disk before anything that depends on it leaves the machine.

Triggers, the inputs and results behind each ballot, roots, the salts of seals, and the transactions sent.
Each part has its own tables and is a file here; `store` is what is below them, over a database in `sqlite`
or `postgresql`.
"""

import time
from collections.abc import Callable

from worknet.node.journal import migration
from worknet.node.journal.ballots import Ballot, Ballots
from worknet.node.journal.events import Events
from worknet.node.journal.failures import Failures
from worknet.node.journal.handlings import Handlings
from worknet.node.journal.inbox import Inbox
from worknet.node.journal.sqlite import SqliteFile, check_private
from worknet.node.journal.statements import Statements
from worknet.node.journal.store import PATIENCE_SECONDS, Database, Store
from worknet.node.journal.transactions import Transaction, Transactions
from worknet.node.journal.triggers import Triggers
from worknet.protocol.canonical import to_hex

__all__ = ["Ballot", "Journal", "SqliteFile", "Transaction", "check_private"]

FORMAT = "3"


class Journal:
    """The journal of one worker in one network. Safe to use from several threads.

    Every method of its parts raises `JournalUnavailable` while the database cannot be read or written, for at
    most `patience` seconds, and `JournalError` where waiting does not help.
    """

    def __init__(
        self,
        database: Database,
        chain_id: int,
        contract: bytes,
        worker: bytes,
        patience: float = PATIENCE_SECONDS,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives unix seconds, for the columns that say when something was journalled."""
        self._database = database
        self.store = Store(database, patience, clock=clock)
        owner = {"chain id": str(chain_id), "contract": to_hex(contract), "worker": to_hex(worker)}
        self.store.open(FORMAT, owner, {"1": migration.from_1, "2": migration.from_2})
        self.triggers = Triggers(self.store)
        self.ballots = Ballots(self.store)
        self.failures = Failures(self.store)
        self.handlings = Handlings(self.store)
        self.statements = Statements(self.store)
        self.transactions = Transactions(self.store)
        self.inbox = Inbox(self.store)
        self.events = Events(self.store)

    def hold(self) -> None:
        """Makes sure until `close` that no other worker uses this journal; `JournalError` if one does."""
        self._database.hold()

    def close(self) -> None:
        """Closes the database; the journal is not used after that."""
        self._database.close()
