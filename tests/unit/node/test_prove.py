"""Evidence from a worker's journal and index: all of it verifies, and nothing else can be had."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.node.bills import DATA_KEY, METERS, Bills
from tests.unit.node.bills import make as make_bills
from tests.unit.node.conftest import EVERY, LAST, report

from worknet.node import prove
from worknet.node.errors import NodeError, UnknownVoting
from worknet.node.journal import Journal, SqliteFile
from worknet.node.preparing import Task
from worknet.node.prove import Prover, Selection
from worknet.protocol import merkle, salts
from worknet.protocol.canonical import decode
from worknet.protocol.ids import Slot
from worknet.protocol.leaves import salts_of
from worknet.protocol.tables import Kind, Salter
from worknet.tables import CommittedTable, commit_table
from worknet.verify import Evidence, Head, RefusedError, parse, verify
from worknet.workflow import Declaration

FIELDS_OF_BILL_3 = {f"field table/bills/3 {place}" for place in range(3)}


def evidence(bills: Bills, selection: Selection | None, number: int = 0, slot: int = LAST) -> Evidence:
    """Evidence that has been read again, and verified at level 1."""
    read = parse(bills.prover(number).evidence(bills.record(slot), selection))
    assert verify(read, read.head).level == 1
    return read


def shown(bills: Bills, selection: Selection, number: int = 0) -> dict[str, Any]:
    """What is shown, as the file says it."""
    disclosure = evidence(bills, selection, number).document["disclosure"]
    assert (disclosure["kind"], disclosure["name"]) == (selection.kind, selection.name)
    made: dict[str, Any] = disclosure["shown"]
    return made


def refusal(bills: Bills, selection: Selection) -> NodeError:
    with pytest.raises(NodeError) as caught:
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
    row = shown(bills, Selection("dataset", "meters", {"id": f"c{number}"}))
    assert row["values"] == {"id": f"c{number}", "wh": number * 10, "iban": f"DE{number}"}


def test_a_row_of_a_table_is_proved_by_a_key_of_several_columns(bills: Bills) -> None:
    row = shown(bills, Selection("table", "totals", {"hour": "2", "peak": "true"}))
    assert row["values"] == {"peak": True, "hour": 2, "wh": 100}


def test_all_fields_of_a_row_are_shown_where_none_is_named(bills: Bills) -> None:
    row = shown(bills, Selection("table", "bills", {"id": "c3"}))
    assert values_of(row) == {"id": "c3", "wh": 30, "iban": "DE3"}


def values_of(row: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field["value"] for field in row["fields"]}


def test_only_the_named_fields_of_a_row_are_shown(bills: Bills) -> None:
    row = shown(bills, Selection("table", "bills", {"id": "c3"}, ("wh", "id")))
    assert values_of(row) == {"id": "c3", "wh": 30}


def test_fields_among_decoys_are_proved(bills: Bills) -> None:
    row = shown(bills, Selection("table", "hidden", {"id": "c3"}, ("wh",)))
    assert (values_of(row), row["count"]) == ({"wh": 30}, 3 + 5)


@pytest.mark.parametrize(
    ("kind", "name"), [("dataset", "meters"), ("table", "totals"), ("table", "bills"), ("table", "hidden")]
)
def test_a_whole_table_is_proved_with_all_its_rows(bills: Bills, kind: Kind, name: str) -> None:
    whole = shown(bills, Selection(kind, name))
    rows = bills.prover(0).of(bills.record()).frame(kind, name).to_dicts()
    assert whole["rows"] == rows
    assert (whole["field_keys"] is None) == (name in {"meters", "totals"})


@pytest.mark.parametrize(
    ("selection", "may_stand"),
    [
        (None, set()),
        (Selection("dataset", "meters", {"id": "c3"}), {"row dataset/meters 3"}),
        (Selection("table", "totals", {"hour": "1", "peak": "true"}), {"row table/totals 2"}),
        (Selection("table", "bills", {"id": "c3"}), {"row table/bills 3", *FIELDS_OF_BILL_3}),
        (Selection("table", "bills", {"id": "c3"}, ("wh",)), {"row table/bills 3", "field table/bills/3 2"}),
        (
            Selection("table", "hidden", {"id": "c3"}, ("wh",)),
            {"row table/hidden 3", "field table/hidden/3 2"},
        ),
        (Selection("dataset", "meters"), {"key dataset/meters"}),
        (
            Selection("table", "hidden"),
            {"key table/hidden", *(f"key fields/table/hidden/{n}" for n in range(5))},
        ),
    ],
)
def test_evidence_holds_no_secret_but_those_of_what_it_discloses(
    bills: Bills, selection: Selection | None, may_stand: set[str]
) -> None:
    content = bills.prover(0).evidence(bills.record(), selection)
    standing = {what for what, secret in secrets(bills).items() if secret.hex().encode() in content}
    assert (
        standing
        - {"salt manifest", f"salt header/{selection and selection.kind}/{selection and selection.name}"}
        == may_stand
    )
    assert DATA_KEY.hex().encode() not in content


def secrets(bills: Bills) -> dict[str, bytes]:
    """Every salt and document key of the voting, and what the keys are derived from, by what it is of."""
    words = bills.record().record
    salter = Salter(DATA_KEY, words.voting_id, words.attempt)
    found = {"key of the attempt": salts.attempt_key(DATA_KEY, words.voting_id, words.attempt)}
    infos = ["manifest"]
    for kind, name in (("dataset", "meters"), ("table", "bills"), ("table", "hidden"), ("table", "totals")):
        infos.append(f"header/{kind}/{name}")
        key = salter.document_key(f"{kind}/{name}")
        found[f"key {kind}/{name}"] = key
        found |= {f"row {kind}/{name} {n}": salt for n, salt in enumerate(salts_of(key, 5))}
        for row in range(5):
            key = salter.document_key(f"fields/{kind}/{name}/{row}")
            found[f"key fields/{kind}/{name}/{row}"] = key
            found |= {f"field {kind}/{name}/{row} {n}": salt for n, salt in enumerate(salts_of(key, 8))}
    for info in infos:
        found[f"key {info}"] = salter.document_key(info)
        found[f"salt {info}"] = salter.salt(info)
    return found


def test_evidence_of_a_row_holds_no_value_of_another(bills: Bills) -> None:
    content = bills.prover(0).evidence(bills.record(), Selection("dataset", "meters", {"id": "c3"}))
    assert b"DE3" in content
    assert not [number for number in (0, 1, 2, 4) if f"DE{number}".encode() in content]


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of tables and datasets, each as often as it was committed to for a proof."""
    names: list[str] = []

    def counted(kind: Kind, name: str, *given: Any) -> CommittedTable:
        names.append(name)
        return commit_table(kind, name, *given)

    monkeypatch.setattr(prove, "commit_table", counted)
    return names


def test_evidence_of_a_result_takes_no_look_at_the_inputs(bills: Bills, committed: list[str]) -> None:
    bills.prover(0).evidence(bills.record(), Selection("table", "bills", {"id": "c1"}))
    assert sorted(committed) == ["bills", "hidden", "totals"]


def test_every_row_of_a_voting_is_proved_from_tables_that_are_committed_to_once(
    bills: Bills, committed: list[str]
) -> None:
    proofs = bills.prover(0).of(bills.record())
    for kind, name in proofs.names:
        for disclosure in proofs.rows(kind, name):
            verify(parse(proofs.file(disclosure)))
    assert sorted(committed) == ["bills", "hidden", "meters", "totals"]


def test_every_worker_that_agreed_proves_the_same(bills: Bills) -> None:
    selection = Selection("table", "bills", {"id": "c1"})
    first, second = (bills.prover(number).evidence(bills.record(), selection) for number in (0, 1))
    assert first == second


def test_the_ballots_are_those_of_all_who_voted_also_of_the_outvoted(bills: Bills) -> None:
    made = evidence(bills, None)
    assert [ballot["worker"] for ballot in made.ballots] == [0, 1, 2]
    agreed = [ballot["result_root"] == made.record["result_root"] for ballot in made.ballots]
    assert agreed == [True, True, False]


def test_keys_and_operators_are_those_of_the_time_of_the_ballot(bills: Bills) -> None:
    made = evidence(bills, None)
    now = {member.index: member.worker for member in bills.companies[0].index.members()}
    assert now[1] != bills.chain.signers[1].address
    assert [ballot["key"] for ballot in made.ballots] == [signer.address for signer in bills.chain.signers]
    operators = [operator.address for operator in bills.chain.operators]
    assert [ballot["operator"] for ballot in made.ballots] == operators


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
    refused = refusal(bills, Selection("dataset", "meters", {"id": "c9"}))
    assert "meters: no row has this key" in str(refused)


def test_an_unknown_table_is_told_with_what_there_is(bills: Bills) -> None:
    assert refusal(bills, Selection("table", "bill", {"id": "c1"})).hint == "it has bills, totals, hidden"


def test_a_dataset_that_is_not_committed_cannot_be_proved(bills: Bills) -> None:
    assert "no committed dataset clocks" in str(refusal(bills, Selection("dataset", "clocks", {"id": "1"})))


@pytest.mark.parametrize("key", [{}, {"hour": "1"}, {"hour": "1", "peak": "true", "wh": "1"}])
def test_a_key_of_other_columns_is_told_with_the_right_ones(bills: Bills, key: dict[str, str]) -> None:
    refused = refusal(bills, Selection("table", "totals", key))
    assert refused.hint == "--row peak=VALUE,hour=VALUE"


@pytest.mark.parametrize("hour", ["one", "1.0", "", "0x1"])
def test_a_key_that_is_no_integer_is_told(bills: Bills, hour: str) -> None:
    refused = refusal(bills, Selection("table", "totals", {"peak": "true", "hour": hour}))
    assert "is an integer" in str(refused)


@pytest.mark.parametrize("key", [{"peak": "yes", "hour": "1"}, {"peak": "true", "hour": "9" * 30}])
def test_a_key_that_no_row_can_have_is_told(bills: Bills, key: dict[str, str]) -> None:
    assert "totals" in str(refusal(bills, Selection("table", "totals", key)))


def test_an_unknown_field_is_told_with_what_there_is(bills: Bills) -> None:
    assert refusal(bills, Selection("table", "bills", {"id": "c1"}, ("name",))).hint == "it has iban, id, wh"


def test_a_field_of_a_table_without_field_disclosure_is_refused(bills: Bills) -> None:
    selection = Selection("table", "totals", {"peak": "true", "hour": "1"}, ("wh",))
    assert "whole" in str(refusal(bills, selection))


def test_fields_of_all_rows_at_once_are_refused(bills: Bills) -> None:
    assert "of one row" in str(refusal(bills, Selection("table", "bills", show=("wh",))))


def test_another_data_key_makes_no_evidence_that_verifies(bills: Bills) -> None:
    company = bills.companies[0]
    wrong = Prover(company.index, company.journal, lambda _: bytes(32))
    made = parse(wrong.evidence(bills.record(), None))
    with pytest.raises(RefusedError):
        verify(made, made.head)


@pytest.mark.parametrize("size", [0, 10**6])
def test_a_tree_head_that_does_not_hold_the_record_is_told(bills: Bills, size: int) -> None:
    with pytest.raises(UnknownVoting, match="no tree head"):
        bills.prover(0).evidence(bills.record(), None, size)


def test_evidence_can_be_made_against_an_older_tree_head(bills: Bills) -> None:
    record = bills.record()
    size = record.position + 1
    made = parse(bills.prover(0).evidence(record, None, size))
    assert made.head == Head(size, merkle.root(bills.companies[0].index.leaves()[:size]))
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
    assert [(ballot["worker"], ballot["key"]) for ballot in made.ballots] == [
        (worker, signers[worker].address) for worker in (0, 2)
    ]
    bills.close()
