"""What the worker's loop asks of a journal of many votings: none of it may grow with history.

    .venv/bin/python -m benchmarks.journal [votings]

Last figures (2 shared cores, SQLite 3.40): with 100,000 votings (412 MiB) every question below 0.4 ms; a step
1.7 ms; opened in 0.27 s.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from worknet.node.journal import Journal, SqliteFile
from worknet.node.journal.store import metadata, step

FILL = step("benchmark.fill")
PART = 5000
TIMES = 100


def main() -> None:
    """Fills a journal and prints how long each question takes, in milliseconds."""
    votings = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "journal.sqlite"
        journal = _open(file)
        for first in range(0, votings, PART):
            _fill(journal, range(first, min(votings, first + PART)))
        print(f"{votings} votings, {file.stat().st_size >> 20} MiB")
        for name, ask in _questions(journal, votings).items():
            ask(0)
            begun = time.perf_counter()
            for number in range(TIMES):
                ask(number)
            print(f"  {name:28} {(time.perf_counter() - begun) / TIMES * 1000:7.3f} ms")
        journal.close()
        begun = time.perf_counter()
        _open(file).close()
        print(f"  {'open':28} {(time.perf_counter() - begun) * 1000:7.3f} ms")


def _open(file: Path) -> Journal:
    return Journal(SqliteFile(file), 1, b"\1" * 20, b"\2" * 20)


def _questions(journal: Journal, votings: int) -> dict[str, Callable[[int], object]]:
    return {
        "ballots.prepared": lambda number: journal.ballots.prepared(_id(number)),
        "transactions.waiting": lambda _: journal.transactions.waiting(),
        "transactions.in_flight": lambda _: journal.transactions.in_flight(),
        "transactions.highest_nonce": lambda _: journal.transactions.highest_nonce(),
        "transactions.first_of": lambda number: journal.transactions.first_of(_id(number)),
        "transactions.has_ballot": lambda number: journal.transactions.has_ballot(_id(number), 1),
        "failures.of": lambda number: journal.failures.of(_id(number)),
        "triggers.get": lambda number: journal.triggers.get(_id(number)),
        "triggers.newest": lambda _: journal.triggers.newest(100),
        "events.open": lambda _: journal.events.open("hourly"),
        "ballots.prepared_between": lambda number: journal.ballots.prepared_between(
            (number, b""), votings, 20
        ),
        "a step": lambda number: journal.failures.add(_id(number), 1, "bad data", "m", "d"),
    }


def _fill(journal: Journal, numbers: range) -> None:
    """A trigger, a ballot and two transactions of each voting, without rows."""
    tables = metadata.tables
    sends = [(number, 2 * number + which) for number in numbers for which in (0, 1)]
    with journal.store.write(FILL) as connection:
        connection.execute(
            tables["triggers"].insert(),
            [
                {"voting_id": _id(number), "workflow": "hourly", "trigger_id": _id(number), "seen": number}
                for number in numbers
            ],
        )
        connection.execute(
            tables["ballots"].insert(),
            [
                {
                    "voting_id": _id(number),
                    "attempt": 1,
                    "policy_version": 1,
                    "input_root": _id(number),
                    "result_root": _id(number),
                    "salt": _id(number),
                    "data_key_epoch": 1,
                    "manifest": b"m" * 400,
                    "declaration": b"d" * 1200,
                    "prepared": number,
                }
                for number in numbers
            ],
        )
        connection.execute(
            tables["transactions"].insert(),
            [
                {
                    "hash": _id(sent),
                    "voting_id": _id(number),
                    "attempt": 1,
                    "action": "seal",
                    "sent": number,
                    "lost_at": number,
                    "outcome": "done",
                }
                for number, sent in sends
            ],
        )
        connection.execute(
            tables["transaction_versions"].insert(),
            [
                {
                    "hash": _id(sent),
                    "first": _id(sent),
                    "number": 0,
                    "nonce": sent,
                    "raw": b"r" * 300,
                    "to": b"t" * 20,
                    "data": b"d" * 200,
                    "gas": 1,
                    "value": "0",
                    "fees": "{}",
                }
                for _, sent in sends
            ],
        )


def _id(number: int) -> bytes:
    return sha256(number.to_bytes(8, "big")).digest()


if __name__ == "__main__":
    main()
