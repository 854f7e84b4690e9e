"""What evidence shows: every rule has a bad case in which all else fits together."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worknet.protocol import ids, merkle
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import encode
from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.protocol.words import Ballots, Fallback, How
from worknet.verify import Head, Member, Network, RefusedError, VerifyError, parse, verify
from worknet.verify.evidence import checksum

ROWS = [
    ("table", "scores", 3),
    ("table", "scores", 0),
    ("table", "owners", 1),
    ("dataset", "meters", 4),
    ("dataset", "owners", 2),
    ("dataset", "weather", 0),
    None,
]
OTHER = Pair(b"\x01" * 32, b"\x02" * 32)
THIRD = Pair(b"\x03" * 32, b"\x02" * 32)
SLOT = ids.Slot(3600, 490_000)


def refused(evidence, field, rule="", head=None, chain=None):
    """The evidence is refused for this field and by this rule, alone and after being read from a file."""
    with pytest.raises(RefusedError) as refusal:
        verify(parse(evidence.to_bytes()), head, chain)
    assert refusal.value.field == field, refusal.value
    assert re.search(rule, refusal.value.rule), refusal.value


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("with_manifest", [True, False])
def test_sound_evidence_reaches_the_level_that_it_is_held_against(make, chain_view, row, with_manifest):
    evidence = make(row=row, with_manifest=with_manifest)
    assert verify(evidence).level == 0
    assert verify(evidence, evidence.head).level == 1
    assert verify(evidence, None, chain_view(evidence)).level == 3
    assert verify(evidence, evidence.head, chain_view(evidence)).level == 3


def test_a_verdict_says_what_was_checked_and_why_it_went_no_further(evidence, chain_view):
    verdict = verify(evidence)
    assert "neither a tree head" in verdict.why_no_further
    assert any("row 3 (from 0) of 7 of the table scores" in sentence for sentence in verdict.checked)
    assert "no RPC was given" in verify(evidence, evidence.head).why_no_further
    assert "--contract" in verify(evidence, None, chain_view(evidence)).why_no_further
    verdict = verify(evidence, None, chain_view(evidence), contract=evidence.network.contract)
    assert verdict.why_no_further == "there is no higher level"


# The voting


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"chain_id": 1}, "record.chain_id"),
        ({"contract": b"\x01" * 20}, "record.contract"),
        ({"voting_id": b"\x01" * 32}, "record.voting_id"),
        ({"workflow_id": b"\x01" * 32}, "record.voting_id"),
        ({"trigger_id": ids.Slot(3600, 489_999).trigger_id}, "record.voting_id"),
        ({"attempt": 0}, "record.attempt"),
        ({"policy_hash": b"\x01" * 32}, "policy"),
        ({"n": 1, "members": 1, "voters": 1}, "record.n"),
        ({"n": 121}, "record.n"),
        ({"n": 2}, "record.n"),
        ({"n": 4}, "record.n"),
        ({"members": 1 << 120 | 3}, "record.members"),
        ({"needed": 1}, "record.needed"),
        ({"needed": 3}, "record.needed"),
        ({"voters": 0b0001}, "record.voters"),
        ({"voters": 0}, "record.voters"),
        ({"voters": 0b0111}, "record.voters"),
        ({"voters": 0b1010}, "ballots[2]"),
        ({"time": SLOT.due(600) - 1}, "record.time"),
        ({"time": SLOT.due(600) + 86_400 + 600}, "record.time"),
        ({"input_root": bytes(32)}, "record"),
        ({"result_root": b"\x01" * 32}, "ballots[0]"),
    ],
)
def test_a_record_whose_words_do_not_fit_together_is_refused(make, words, field):
    refused(make(record=words), field)


def test_a_file_of_another_network_than_its_record_is_refused(make):
    evidence = make()
    refused(replace(evidence, network=Network(1, evidence.network.contract)), "record.chain_id")
    refused(replace(evidence, network=replace(evidence.network, contract=b"\x01" * 20)), "record.contract")


def test_a_trigger_that_is_no_slot_of_the_policy_is_refused(make):
    refused(make(policy={"every": 900}, manifest={"window": None}), "record.trigger_id", "another length")
    refused(make(trigger_id=b"\xff" * 32), "record.trigger_id")
    refused(make(policy={"start": SLOT.window.start + 1}), "policy.start")


def test_an_event_has_no_window_and_any_trigger_id(make):
    event = {"policy": {"every": 0, "max_age": 0}, "trigger_id": b"\xee" * 32}
    assert verify(make(**event)).level == 0
    refused(make(**event, manifest={"window": SLOT.window}), "manifest.document.window")


def test_a_late_attempt_is_not_bound_by_the_age_at_which_the_first_may_open(make):
    late = {"attempt": 2, "time": SLOT.due(600) + 10**6}
    assert verify(make(record=late)).level == 0


def test_removals_do_not_lower_n_in_attempt_2(make):
    fewer = {"attempt": 2, "members": 0b0011, "n": 3}
    assert verify(make(record=fewer, votes={0: True, 1: True})).level == 0
    refused(make(record=fewer | {"n": 2, "needed": 1}, votes={0: True, 1: True}), "record.needed")


def test_a_third_attempt_needs_a_policy_with_failover(make):
    assert verify(make(record={"attempt": 3})).level == 0
    refused(make(record={"attempt": 3}, policy={"fallback": Fallback.PLURALITY}), "record.attempt")


def test_a_reopened_voting_has_members_and_policy_of_its_own(make):
    assert verify(make(record={"attempt": 4}, policy={"start": SLOT.window.end})).level == 0
    refused(make(record={"attempt": 4, "n": 4, "needed": 3}), "record.n")


# Ballots


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda b: b[1:], "ballots"),
        (lambda b: (), "ballots"),
        (lambda b: b[::-1], "ballots[1].worker"),
        (lambda b: (b[0], *b), "ballots[1].worker"),
        (
            lambda b: (*b, replace(b[0], worker=4, key=b"\x01" * 20, operator=b"\x01" * 20)),
            "ballots[3].worker",
        ),
        (lambda b: (*b, replace(b[0], worker=120)), "ballots[3].worker"),
        (lambda b: (*b, replace(b[0], worker=2**52)), "ballots[3].worker"),
        (lambda b: (b[0], replace(b[1], pair=OTHER), b[2]), "ballots[1]"),
        (lambda b: (b[0], replace(b[1], key=b[0].key), b[2]), "ballots[1].key"),
        (lambda b: (b[0], replace(b[1], operator=b[0].operator), b[2]), "ballots[1].operator"),
        (lambda b: (b[0], replace(b[1], key=bytes(20)), b[2]), "ballots[1].key"),
        (lambda b: (b[0], replace(b[1], operator=bytes(20)), b[2]), "ballots[1].operator"),
    ],
)
def test_ballots_that_do_not_fit_the_record_are_refused(evidence, change, field):
    refused(replace(evidence, ballots=change(evidence.ballots)), field)


def test_a_ballot_for_the_recorded_pair_may_come_after_the_record(make):
    assert verify(make(votes={0: True, 1: True, 3: True})).level == 0


PLURALITY = {
    "how": How.PLURALITY,
    "attempt": 2,
    "members": 0b11111,
    "n": 5,
    "needed": 4,
    "voters": 0b00011,
}
DIVIDED = {0: True, 1: True, 2: OTHER, 3: THIRD}


def test_a_plurality_is_told_as_one(make):
    verdict = verify(make(record=PLURALITY, votes=DIVIDED))
    assert any("NO consensus" in sentence for sentence in verdict.checked)


@pytest.mark.parametrize(
    ("record", "votes", "policy", "field"),
    [
        ({}, DIVIDED, {"fallback": Fallback.FAILOVER}, "record.how"),
        ({"attempt": 3}, DIVIDED, {"fallback": Fallback.PLURALITY}, "record.attempt"),
        ({"attempt": 4}, DIVIDED, {}, "record.attempt"),
        ({}, {0: True, 1: True, 2: OTHER}, {}, "ballots"),
        ({}, {0: True, 1: True, 2: OTHER, 3: OTHER}, {}, "ballots"),
        ({}, {0: True, 1: True, 2: True, 3: OTHER}, {}, "record.voters"),
        ({"voters": 0b00001}, {0: True, 1: OTHER, 2: THIRD, 3: OTHER}, {}, "record.voters"),
        ({"voters": 0b01111}, {0: True, 1: True, 2: True, 3: True}, {}, "record.how"),
    ],
)
def test_a_plurality_that_the_rules_do_not_give_is_refused(make, record, votes, policy, field):
    refused(make(record=PLURALITY | record, votes=votes, policy=policy), field)


def test_a_report_needs_as_many_voters_as_a_quorum(make):
    assert verify(make(record={"how": How.REPORT})).level == 0
    refused(make(record={"how": How.REPORT, "voters": 1}), "record.voters")


# The log


def test_a_record_that_is_not_in_the_log_is_refused(make, evidence):
    other = make(record={"time": evidence.record.time + 1})
    for changed in (
        replace(evidence, position=4),
        replace(evidence, position=11),
        replace(evidence, position=2**52),
        replace(evidence, path=evidence.path[:-1]),
        replace(evidence, path=(*evidence.path, b"\0" * 32)),
        replace(evidence, path=evidence.path[::-1]),
        replace(evidence, path=()),
        replace(evidence, head=Head(5, evidence.head.root)),
        replace(evidence, head=Head(0, merkle.EMPTY)),
        replace(evidence, head=Head(2**52, evidence.head.root)),
        replace(evidence, head=other.head),
        replace(evidence, record=other.record),
    ):
        refused(changed, "path", "not in the log")


def test_another_trusted_head_is_refused(make, evidence):
    root = evidence.head.root
    refused(evidence, "head.size", "12", head=Head(12, root))
    refused(evidence, "head.root", head=Head(11, b"\x01" * 32))
    refused(evidence, "head.root", head=make(record={"time": evidence.record.time + 1}).head)


# The manifest


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"workflow": "matching_25_7"}, "manifest.document.workflow"),
        ({"bundle_digest": b"\x01" * 32}, "manifest.document.bundle"),
        ({"trigger_id": b"\x01" * 32}, "manifest.document.trigger"),
        ({"window": None}, "manifest.document.window"),
        ({"window": ids.Window(0, 3600)}, "manifest.document.window"),
    ],
)
def test_a_manifest_of_another_voting_is_refused(make, change, field):
    refused(make(manifest=change, row=None), field)


def test_a_voting_cannot_be_its_own_parent(make, evidence):
    refused(make(manifest={"parents": (evidence.record.voting_id,)}), "manifest.document.parents")


def test_a_manifest_that_is_not_in_the_result_is_refused(make):
    evidence = make(row=None)
    proof = evidence.manifest
    manifest = proof.manifest
    more = manifest.tables | {"more": manifest.tables["left"]}
    for changed in (
        replace(proof, salt=b"\1" * 16),
        replace(proof, path=proof.path[::-1]),
        replace(proof, path=proof.path[:-1]),
        replace(proof, manifest=replace(manifest, summary={"matched_wh": 13})),
        replace(proof, manifest=replace(manifest, parameters={})),
        replace(proof, manifest=replace(manifest, tables=more)),
    ):
        refused(replace(evidence, manifest=changed), "manifest.path", "not in the result")


# The row


def test_a_row_that_is_not_in_its_table_is_refused(make):
    evidence = make()
    shown = evidence.disclosure
    row, header = shown.row, shown.header
    for changed in (
        replace(shown, row=replace(row, values=row.values | {"wh": 3001})),
        replace(shown, row=replace(row, salt=b"\1" * 16)),
        replace(shown, index=2),
        replace(shown, index=7),
        replace(shown, path=shown.path[::-1]),
    ):
        refused(replace(evidence, disclosure=changed), "disclosure.path", "row is not in the table")
    for changed in (
        replace(header, salt=b"\1" * 16),
        replace(header, root=b"\1" * 32),
        replace(header, path=header.path[:-1]),
    ):
        refused(
            replace(evidence, disclosure=replace(shown, header=changed)),
            "disclosure.header.path",
            "table is not",
        )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda d: replace(d, name="missing"), "disclosure.name"),
        (lambda d: replace(d, name="owners"), "disclosure.header.rows"),
        (lambda d: replace(d, kind="dataset"), "disclosure.schema"),
        (lambda d: replace(d, kind="dataset", schema=None), "disclosure.header.path"),
        (lambda d: replace(d, schema=None), "disclosure.schema"),
        (lambda d: replace(d, schema=replace(d.schema, field_disclosure=True)), "disclosure.schema"),
        (lambda d: replace(d, header=replace(d.header, rows=8)), "disclosure.header.rows"),
        (lambda d: replace(d, header=replace(d.header, count=3)), "disclosure.header.count"),
        (lambda d: replace(d, header=replace(d.header, index=2)), "disclosure.header.index"),
    ],
)
def test_a_row_of_another_table_than_it_says_is_refused(evidence, change, field):
    refused(replace(evidence, disclosure=change(evidence.disclosure)), field)


def test_without_a_manifest_no_schema_is_taken_on_trust_and_the_name_tells_the_table(make):
    evidence = make(with_manifest=False)
    shown, schema = evidence.disclosure, make().disclosure.schema
    refused(replace(evidence, disclosure=replace(shown, schema=schema)), "disclosure.schema")
    refused(replace(evidence, disclosure=replace(shown, name="left")), "disclosure.header.path")
    header = replace(shown.header, index=0)
    refused(replace(evidence, disclosure=replace(shown, header=header)), "disclosure.header.index")


def test_a_dataset_is_held_against_the_inputs_and_has_no_schema(make):
    evidence = make(row=("dataset", "meters", 1))
    shown, schema = evidence.disclosure, make().disclosure.schema
    refused(replace(evidence, disclosure=replace(shown, schema=schema)), "disclosure.schema")
    refused(replace(evidence, disclosure=replace(shown, kind="table")), "disclosure.name")
    for name in ("owners", "weather"):
        refused(replace(evidence, disclosure=replace(shown, name=name)), "disclosure.header.path")


def test_a_row_without_the_form_of_its_schema_is_refused_even_if_it_was_recorded(make):
    schema = make().disclosure.schema
    for row, field in (
        ({"consumer": "c0", "wh": "1", "score_ppm": None}, "disclosure.row, column wh"),
        ({"consumer": None, "wh": 1, "score_ppm": None}, "disclosure.row, column consumer"),
        ({"consumer": "c0", "wh": 1}, "disclosure.row.values"),
        ({"consumer": "c0", "wh": 1, "score_ppm": 1, "more": 1}, "disclosure.row.values"),
    ):
        refused(make(row=("table", "scores", 0), contents={"scores": (schema, [row])}), field)


def test_rows_and_fields_are_shown_as_the_schema_says(make):
    by_field = make(row=("table", "owners", 1)).disclosure.schema
    by_row = replace(by_field, field_disclosure=False)
    row = [{"consumer": "c", "owner": "o", "iban": "i"}]
    for schema, said in ((by_field, by_row), (by_row, by_field)):
        evidence = make(row=("table", "t", 0), contents={"t": (schema, row)}, schemas={"t": said})
        shown = replace(evidence.disclosure, schema=said)
        refused(replace(evidence, disclosure=shown), "disclosure.row", "rows or fields")


def test_fields_that_are_not_in_the_row_are_refused(make):
    evidence = make(row=("table", "owners", 1))
    shown = evidence.disclosure
    first, second, third = shown.row.fields

    def with_fields(*fields, **more):
        return replace(evidence, disclosure=replace(shown, row=replace(shown.row, fields=fields, **more)))

    assert verify(with_fields(second)).level == 0
    where = "disclosure.row.fields"
    refused(with_fields(), where)
    refused(with_fields(second, first), f"{where}[1]")
    refused(with_fields(first, first), f"{where}[1]")
    refused(with_fields(replace(first, value="c2")), f"{where}[0].path")
    refused(with_fields(replace(first, salt=b"\1" * 16)), f"{where}[0].path")
    refused(with_fields(replace(first, path=first.path[:-1])), f"{where}[0].path")
    refused(with_fields(replace(first, name="more")), f"{where}[0].name")
    refused(with_fields(replace(first, name="owner")), f"{where}[0].index")
    refused(with_fields(replace(third, index=1)), f"{where}[0].index")
    refused(with_fields(first, count=4), "disclosure.row.count")
    refused(with_fields(first, root=b"\1" * 32), "disclosure.path")
    refused(with_fields(first, salt=b"\1" * 16), "disclosure.path")


def test_fields_of_a_dataset_are_checked_without_a_schema(make):
    evidence = make(row=("dataset", "owners", 1))
    shown = evidence.disclosure
    first, second, third = shown.row.fields
    swapped = (replace(first, name="zzz"), second, third)
    refused(
        replace(evidence, disclosure=replace(shown, row=replace(shown.row, fields=swapped))),
        "disclosure.row.fields[0].path",
    )
    refused(
        replace(evidence, disclosure=replace(shown, row=replace(shown.row, fields=(third, second)))),
        "disclosure.row.fields[1]",
    )


# The chain


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"network": Network(1, b"\1" * 20)}, "network"),
        ({"leaf_hash": None, "position": None}, "record.voting_id"),
        ({"leaf_hash": b"\1" * 32}, "record"),
        ({"position": 4}, "position"),
        ({"position": None}, "position"),
        ({"depth": 1}, "record"),
        ({"head_then": None}, "head.size"),
        ({"head_then": Head(11, b"\1" * 32)}, "head.root"),
        ({"voters": {}}, "ballots[2]"),
        ({"counted": 0b11011}, "ballots"),
        ({"members": {}}, "ballots[0].worker"),
        ({"members": {0: Member(b"\1" * 20, b"\2" * 20)}}, "ballots[0].key"),
    ],
)
def test_a_chain_that_says_otherwise_refuses(evidence, chain_view, said, field):
    refused(evidence, field, chain=chain_view(evidence, **said))


def test_a_ballot_that_the_contract_did_not_count_is_refused(evidence, chain_view):
    voters = chain_view(evidence).voters
    refused(evidence, "ballots[2]", chain=chain_view(evidence, voters=voters | {OTHER: 0}))


def test_an_operator_of_another_time_is_refused(evidence, chain_view):
    members = chain_view(evidence).members
    other = replace(members[1], operator=b"\1" * 20)
    refused(evidence, "ballots[1].operator", chain=chain_view(evidence, members=members | {1: other}))


def test_voters_of_a_report_need_no_ballot_on_chain(make, chain_view):
    evidence = make(record={"how": How.REPORT}, votes={0: True, 1: True})
    assert verify(evidence, None, chain_view(evidence, voters={})).level == 3


def test_another_contract_than_the_one_that_is_meant_is_refused(evidence):
    with pytest.raises(RefusedError) as refusal:
        verify(evidence, contract=b"\1" * 20)
    assert refusal.value.field == "network.contract"


# All at once: any other value in any place

# Only the chain knows these, and nothing that is voted on: keys and operators, and ballots of non-voters.
ON_CHAIN_ONLY = {("ballots", 0, "key"), ("ballots", 0, "operator"), ("ballots", 1, "key")}
ON_CHAIN_ONLY |= {("ballots", 1, "operator")}
ON_CHAIN_ONLY |= {("ballots", 2, part) for part in ("key", "operator", "input_root", "result_root")}
# Nothing commits to the number of datasets or, without a schema, of fields: the path's length alone holds it.
BY_PATH_LENGTH = {("disclosure", "header", "count"), ("disclosure", "row", "count")}


def leaves(value, path=()):
    inside = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if inside is None:
        yield path, value
    else:
        for key, element in inside:
            yield from leaves(element, (*path, key))


def with_value(document, path, value):
    """The file with another value in one place, and its checksum made anew."""
    changed = json.loads(json.dumps(document))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    del changed["checksum"]
    return encode(changed | {"checksum": "0x" + checksum(changed).hex()}) + b"\n"


def another(value, data):
    """Some other value of the same form, as far as there is one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        near = st.sampled_from([value + 1, max(0, value - 1), 0, 1, 2**53 - 1])
        return data.draw(st.one_of(near, st.integers(0, 2**53 - 1)).filter(lambda other: other != value))
    if isinstance(value, str) and value.startswith("0x") and len(value) > 2:
        at = data.draw(st.integers(2, len(value) - 1))
        digit = data.draw(st.sampled_from("0123456789abcdef").filter(lambda digit: digit != value[at]))
        return value[:at] + digit + value[at + 1 :]
    words = [
        "quorum",
        "plurality",
        "report",
        "sealed",
        "open",
        "table",
        "dataset",
        "row",
        "field",
        "int",
        "str",
    ]
    return data.draw(
        st.one_of(st.sampled_from(words), st.text(max_size=5), st.none()).filter(lambda other: other != value)
    )


@pytest.mark.parametrize("row", ROWS[:5])
@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_other_value_in_a_checked_place_is_refused_at_level_1(make, row, data):
    evidence = make(row=row)
    document = json.loads(evidence.to_bytes())
    places = [(path, value) for path, value in leaves(document) if path not in ON_CHAIN_ONLY]
    path, value = data.draw(st.sampled_from(places))
    if path == ("checksum",) or (row[0] == "dataset" and path in BY_PATH_LENGTH):
        return
    changed = with_value(document, path, another(value, data))
    with pytest.raises(VerifyError):
        assert not verify(parse(changed), evidence.head), path


def test_every_place_outside_the_lists_is_refused_at_level_1(make):
    for row in ROWS[:5]:
        evidence = make(row=row)
        document = json.loads(evidence.to_bytes())
        for path, value in leaves(document):
            if path in ON_CHAIN_ONLY | {("checksum",)} or (row[0] == "dataset" and path in BY_PATH_LENGTH):
                continue
            other = value + 1 if type(value) is int else "0x" + "5a" * ((len(str(value)) - 2) // 2)
            with pytest.raises(VerifyError):
                assert not verify(parse(with_value(document, path, other)), evidence.head), path


def test_what_only_the_chain_knows_is_refused_at_level_3(make, chain_view):
    evidence = make()
    document = json.loads(evidence.to_bytes())
    for path in ON_CHAIN_ONLY:
        size = 20 if path[2] in {"key", "operator"} else 32
        changed = parse(with_value(document, path, "0x" + "5a" * size))
        assert verify(changed, evidence.head).level == 1
        with pytest.raises(RefusedError):
            verify(changed, None, chain_view(evidence))


def test_a_refusal_never_shows_a_salt_or_a_value_of_the_row(make):
    schema = Schema((Column("secret", "int"),), ("secret",))
    evidence = make(row=("table", "t", 0), contents={"t": (schema, [{"secret": "hidden"}])})
    with pytest.raises(RefusedError) as refusal:
        verify(evidence)
    assert "hidden" not in str(refusal.value)
    assert evidence.disclosure.row.salt.hex() not in str(refusal.value)


def test_ballots_are_open_or_sealed_alike(make):
    assert verify(make(policy={"ballots": Ballots.OPEN, "accuracy": 0})).level == 0
