"""Evidence from a worker's journal and index: all of it verifies, and nothing else can be had."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.node.bills import DATA_KEY, METERS, Bills
from tests.unit.node.bills import make as make_bills
from tests.unit.node.conftest import EVERY, LAST, report

from worknet.node.errors import UnknownVoting
from worknet.node.journal import Journal, SqliteFile
from worknet.node.preparing import Task
from worknet.node.prove import Prover, Selection
from worknet.protocol import merkle
from worknet.protocol.canonical import decode
from worknet.protocol.ids import Slot
from worknet.verify import Evidence, Head, RefusedError, RowFields, WholeRow, parse, verify
from worknet.workflow import Declaration


def evidence(bills: Bills, selection: Selection | None, number: int = 0, slot: int = LAST) -> Evidence:
    """Evidence that has been written, read again, and verified at level 1."""
    made = bills.prover(number).evidence(bills.record(slot), selection)
    read = parse(made.to_bytes())
    assert verify(read, read.head).level == 1
    assert read == made
    return read


def disclosed(bills: Bills, selection: Selection, number: int = 0) -> WholeRow | RowFields:
    disclosure = evidence(bills, selection, number).disclosure
    assert disclosure is not None
    return disclosure.row


def refusal(bills: Bills, selection: Selection) -> UnknownVoting:
    with pytest.raises(UnknownVoting) as caught:
        bills.prover(0).evidence(bills.record(), selection)
    return caught.value


def test_a_record_is_proved_without_any_row(bills: Bills) -> None:
    assert evidence(bills, None).disclosure is None


def test_every_record_is_proved_against_the_newest_tree_head(bills: Bills) -> None:
    proved = [evidence(bills, None, slot=slot) for slot in (LAST - 1, LAST)]
    assert [each.position for each in proved] == [0, 1]
    assert {each.head.size for each in proved} == {2}


@pytest.mark.parametrize("number", range(5))
def test_every_row_of_a_dataset_is_proved(bills: Bills, number: int) -> None:
    row = disclosed(bills, Selection("dataset", "meters", {"id": f"c{number}"}))
    assert row.values == {"id": f"c{number}", "wh": number * 10, "iban": f"DE{number}"}


def test_a_row_of_a_table_is_proved_by_a_key_of_several_columns(bills: Bills) -> None:
    row = disclosed(bills, Selection("table", "totals", {"hour": "2", "peak": "true"}))
    assert row.values == {"peak": True, "hour": 2, "wh": 100}


def test_all_fields_of_a_row_are_shown_where_none_is_named(bills: Bills) -> None:
    row = disclosed(bills, Selection("table", "bills", {"id": "c3"}))
    assert row.values == {"id": "c3", "wh": 30, "iban": "DE3"}


def test_only_the_named_fields_of_a_row_are_shown(bills: Bills) -> None:
    made = evidence(bills, Selection("table", "bills", {"id": "c3"}, ("wh", "id")))
    assert made.disclosure is not None
    assert made.disclosure.row.values == {"id": "c3", "wh": 30}
    assert b"DE3" not in made.to_bytes()


def test_evidence_discloses_no_other_row_and_no_key(bills: Bills) -> None:
    content = evidence(bills, Selection("dataset", "meters", {"id": "c3"})).to_bytes()
    assert b"DE2" not in content
    assert DATA_KEY.hex().encode() not in content


def test_every_worker_that_agreed_proves_the_same(bills: Bills) -> None:
    selection = Selection("table", "bills", {"id": "c1"})
    assert evidence(bills, selection, 0) == evidence(bills, selection, 1)


def test_the_ballots_are_those_of_all_who_voted_also_of_the_outvoted(bills: Bills) -> None:
    made = evidence(bills, None)
    assert [ballot.worker for ballot in made.ballots] == [0, 1, 2]
    assert [ballot.pair == made.record.pair for ballot in made.ballots] == [True, True, False]


def test_keys_and_operators_are_those_of_the_time_of_the_ballot(bills: Bills) -> None:
    made = evidence(bills, None)
    now = {member.index: member.worker for member in bills.companies[0].index.members()}
    assert now[1] != bills.chain.signers[1].address
    assert [ballot.key for ballot in made.ballots] == [signer.address for signer in bills.chain.signers]
    operators = [operator.address for operator in bills.chain.operators]
    assert [ballot.operator for ballot in made.ballots] == operators


def test_a_ballot_keeps_what_the_bundle_of_its_time_declares(bills: Bills) -> None:
    ballot = bills.companies[0].journal.ballots.get(bills.chain.voting_id(LAST), 1, 1)
    assert Declaration.of_document(decode(ballot.declaration)) == bills.runner.declaration


def test_a_voting_that_the_index_does_not_know_is_an_error(bills: Bills) -> None:
    record = bills.record()
    for words in ({"voting_id": b"\x01" * 32}, {"attempt": 2}):
        other = replace(record, record=replace(record.record, **words))
        with pytest.raises(UnknownVoting, match="index has no attempt"):
            bills.prover(0).evidence(other, None)


def test_a_worker_that_voted_otherwise_has_nothing_to_prove(bills: Bills) -> None:
    with pytest.raises(UnknownVoting, match="voted otherwise") as caught:
        bills.prover(2).evidence(bills.record(), None)
    assert "ask a worker that agreed" in caught.value.hint


def test_a_worker_that_was_outvoted_once_still_proves_where_it_agreed(bills: Bills) -> None:
    assert evidence(bills, None, number=2, slot=LAST - 1).position == 0


def test_a_worker_without_a_ballot_has_nothing_to_prove(bills: Bills, tmp_path: Path) -> None:
    company = bills.companies[0]
    chain_id = bills.record().record.chain_id
    empty = Journal(SqliteFile(tmp_path / "journal.sqlite"), chain_id, bills.chain.contract, bytes(20))
    with pytest.raises(UnknownVoting, match="no ballot"):
        Prover(company.index, empty, lambda _: DATA_KEY).evidence(bills.record(), None)
    empty.close()


def test_a_slot_without_a_record_has_none_to_prove(bills: Bills) -> None:
    assert bills.companies[0].index.record_of(bills.chain.voting_id(LAST + 5)) is None


def test_an_unknown_row_is_told(bills: Bills) -> None:
    with pytest.raises(Exception, match="row") as caught:
        bills.prover(0).evidence(bills.record(), Selection("dataset", "meters", {"id": "c9"}))
    assert type(caught.value).__module__.startswith("worknet.")


def test_an_unknown_table_is_told_with_what_there_is(bills: Bills) -> None:
    assert refusal(bills, Selection("table", "bill", {"id": "c1"})).hint == "it has bills, totals"


def test_a_dataset_that_is_not_committed_cannot_be_proved(bills: Bills) -> None:
    assert "no committed dataset clocks" in str(refusal(bills, Selection("dataset", "clocks", {"id": "1"})))


@pytest.mark.parametrize("key", [{}, {"hour": "1"}, {"hour": "1", "peak": "true", "wh": "1"}])
def test_a_key_of_other_columns_is_told_with_the_right_ones(bills: Bills, key: dict[str, str]) -> None:
    refused = refusal(bills, Selection("table", "totals", key))
    assert refused.hint == "--key peak=VALUE --key hour=VALUE"


@pytest.mark.parametrize("hour", ["one", "1.0", "", "0x1"])
def test_a_key_that_is_no_integer_is_told(bills: Bills, hour: str) -> None:
    refused = refusal(bills, Selection("table", "totals", {"peak": "true", "hour": hour}))
    assert "is an integer" in str(refused)


@pytest.mark.parametrize("key", [{"peak": "yes", "hour": "1"}, {"peak": "true", "hour": "9" * 30}])
def test_a_key_that_no_row_can_have_is_told(bills: Bills, key: dict[str, str]) -> None:
    with pytest.raises(Exception, match="totals") as caught:
        bills.prover(0).evidence(bills.record(), Selection("table", "totals", key))
    assert isinstance(getattr(caught.value, "hint", None), str)


def test_an_unknown_field_is_told_with_what_there_is(bills: Bills) -> None:
    assert refusal(bills, Selection("table", "bills", {"id": "c1"}, ("name",))).hint == "it has iban, id, wh"


def test_a_field_of_a_table_without_field_disclosure_is_refused(bills: Bills) -> None:
    selection = Selection("table", "totals", {"peak": "true", "hour": "1"}, ("wh",))
    assert "whole" in str(refusal(bills, selection))


def test_another_data_key_makes_no_evidence_that_verifies(bills: Bills) -> None:
    company = bills.companies[0]
    wrong = Prover(company.index, company.journal, lambda _: bytes(32))
    made = wrong.evidence(bills.record(), None)
    with pytest.raises(RefusedError):
        verify(made, made.head)


@pytest.mark.parametrize("size", [0, 10**6])
def test_a_tree_head_that_does_not_hold_the_record_is_told(bills: Bills, size: int) -> None:
    with pytest.raises(UnknownVoting, match="no tree head"):
        bills.prover(0).evidence(bills.record(), None, size)


def test_evidence_can_be_made_against_an_older_tree_head(bills: Bills) -> None:
    record = bills.record()
    size = record.position + 1
    made = bills.prover(0).evidence(record, None, size)
    assert made.head == Head(size, merkle.root(bills.companies[0].index.leaves(size)))
    verify(made, made.head)


def test_a_reported_result_is_proved_with_ballots_that_are_not_on_chain(tmp_path: Path) -> None:
    bills = make_bills(tmp_path)
    company, slot = bills.companies[0], LAST + 1
    (tmp_path / "data0" / f"meters-{slot * EVERY}.csv").write_text(METERS)
    task = Task(bills.chain.voting_id(slot), Slot(EVERY, slot), 1, bills.chain.policy, 1, 60)
    company.journal.ballots.add(company.preparer.prepare(task))
    pair = company.journal.ballots.prepared(task.voting_id)[1, 1].pair
    report(bills.chain, pair, voters=(0, 2), participants=0b111, slot=slot)
    company.index.sync()
    made = evidence(bills, Selection("dataset", "meters", {"id": "c3"}), slot=slot)
    signers = bills.chain.signers
    assert [(ballot.worker, ballot.key) for ballot in made.ballots] == [
        (worker, signers[worker].address) for worker in (0, 2)
    ]
    bills.close()
