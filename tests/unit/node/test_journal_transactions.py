"""The journal's transactions: on disk before they leave, with every version of each."""

from dataclasses import replace
from pathlib import Path

import pytest

from worknet.chain.transactions import Outgoing
from worknet.node.facts import Action
from worknet.node.journal import Journal, SqliteFile, Transaction
from worknet.node.journal.transactions import LOST, REFUSED

FIRST, SECOND, THIRD = (bytes([number]) * 32 for number in (1, 2, 3))
DUTY = Transaction(FIRST, b"\x07" * 32, 1, Action.SEAL, lost_at=7)
SIGNED = Outgoing(FIRST, 5, b"raw", b"\x09" * 20, b"data", 100_000, 2**200, {"gasPrice": 7})
REPLACING = replace(SIGNED, hash=SECOND, fees={"gasPrice": 9}, replaces=FIRST)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(SqliteFile(tmp_path / "journal.sqlite"), 1, b"\x01" * 20, b"\x02" * 20)


def another(nonce: int, transaction: bytes = THIRD) -> tuple[Transaction, Outgoing]:
    """The transaction of another duty."""
    duty = replace(DUTY, hash=transaction, voting_id=b"\x08" * 32)
    return duty, replace(SIGNED, hash=transaction, nonce=nonce)


def test_a_transaction_waits_until_its_end_is_known(journal: Journal) -> None:
    journal.transactions.add(DUTY, SIGNED)
    assert journal.transactions.waiting() == [DUTY]
    journal.transactions.end(DUTY.hash, "done")
    assert journal.transactions.waiting() == []


def test_every_version_is_in_flight_in_the_order_of_signing(journal: Journal) -> None:
    journal.transactions.add(DUTY, SIGNED)
    journal.transactions.replace(REPLACING)
    assert journal.transactions.in_flight() == [SIGNED, REPLACING]


def test_a_version_leads_to_the_hash_that_was_signed_first(journal: Journal) -> None:
    journal.transactions.add(DUTY, SIGNED)
    journal.transactions.replace(REPLACING)
    assert journal.transactions.first_of(SECOND) == FIRST


def test_a_transaction_that_was_never_signed_here_is_unknown(journal: Journal) -> None:
    assert journal.transactions.first_of(THIRD) is None


def test_what_is_done_or_refused_is_not_in_flight(journal: Journal) -> None:
    journal.transactions.add(DUTY, SIGNED)
    journal.transactions.add(*another(6))
    journal.transactions.end(FIRST, "done")
    journal.transactions.end(THIRD, REFUSED)
    assert journal.transactions.in_flight() == []


def test_a_lost_transaction_is_in_flight_while_later_ones_would_wait_for_its_nonce(journal: Journal) -> None:
    journal.transactions.add(DUTY, SIGNED)
    journal.transactions.end(FIRST, LOST)
    assert journal.transactions.in_flight() == [SIGNED]
    journal.transactions.add(*another(6))
    journal.transactions.end(THIRD, "done")
    assert journal.transactions.in_flight() == []


def test_the_highest_nonce_counts_what_has_ended(journal: Journal) -> None:
    assert journal.transactions.highest_nonce() is None
    journal.transactions.add(DUTY, SIGNED)
    journal.transactions.end(FIRST, "done")
    assert journal.transactions.highest_nonce() == 5


@pytest.mark.parametrize(("outcome", "counts"), [("", True), ("done", True), (LOST, True), (REFUSED, False)])
def test_a_ballot_was_sent_unless_the_chain_refused_it(journal: Journal, outcome: str, counts: bool) -> None:
    journal.transactions.add(DUTY, SIGNED)
    journal.transactions.end(FIRST, outcome)
    assert journal.transactions.has_ballot(DUTY.voting_id, 1) is counts


def test_the_newest_take_over_counts(journal: Journal) -> None:
    assert journal.transactions.taken_over_at() == 0
    journal.transactions.take_over(100)
    journal.transactions.take_over(300)
    assert journal.transactions.taken_over_at() == 300


@pytest.mark.parametrize("outcome", [REFUSED, "done", LOST])
def test_a_transaction_that_is_signed_again_byte_for_byte_is_in_flight_again(
    journal: Journal, outcome: str
) -> None:
    journal.transactions.add(DUTY, SIGNED)
    journal.transactions.replace(REPLACING)
    journal.transactions.end(FIRST, outcome)
    journal.transactions.add(replace(DUTY, hash=SECOND), replace(REPLACING, replaces=None))
    assert [each.hash for each in journal.transactions.waiting()] == [SECOND]
    assert SECOND in [each.hash for each in journal.transactions.in_flight()]
    journal.transactions.add(DUTY, SIGNED)
    assert {each.hash for each in journal.transactions.waiting()} == {FIRST, SECOND}


def test_what_is_signed_again_byte_for_byte_may_be_replaced_otherwise_than_before(journal: Journal) -> None:
    journal.transactions.add(DUTY, SIGNED)
    journal.transactions.replace(REPLACING)
    journal.transactions.end(FIRST, REFUSED)
    journal.transactions.add(DUTY, SIGNED)
    journal.transactions.replace(replace(REPLACING, hash=THIRD, fees={"gasPrice": 8}))
    assert [each.hash for each in journal.transactions.in_flight()][-1] == THIRD
    assert journal.transactions.first_of(SECOND) == FIRST
