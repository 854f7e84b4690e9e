"""Fallback handlers as they are declared, the actions they may give, and the defaults where there is none."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.workflow.evidence import EVIDENCE, JSON, MOMENTS, TEXT, altered, attempt, evidence

from worknet.protocol.canonical import decode, encode
from worknet.protocol.voting import MAX_ATTEMPT
from worknet.protocol.words import MAX_WORKERS
from worknet.workflow import (
    Alert,
    CallWebhook,
    Column,
    Dataset,
    Declaration,
    Every,
    Result,
    SettlePlurality,
    StartFailover,
    Table,
    When,
    workflow,
)
from worknet.workflow.errors import ActionError, DeclarationError
from worknet.workflow.evidence import MOST_CAUSES
from worknet.workflow.handlers import (
    MOST_ACTIONS,
    MOST_BYTES,
    MOST_TITLE,
    actions_document,
    actions_of_document,
    checked_actions,
    default_actions,
)

COLUMNS = [Column("id", "str")]
LINE = TEXT.filter(bool)
ACTIONS = st.lists(
    st.builds(Alert, LINE, TEXT, st.sampled_from(["info", "warning", "failure"]))
    | st.builds(CallWebhook, st.sampled_from(["pager", "desk"]), st.dictionaries(TEXT, JSON, max_size=2))
    | st.just(SettlePlurality())
    | st.just(StartFailover()),
    max_size=4,
)


@pytest.fixture
def meters():
    """A workflow without handlers, newly declared."""

    @workflow(
        name="meters",
        trigger=Every(3600),
        datasets=[Dataset("rows", COLUMNS, ["id"])],
        tables=[Table("out", COLUMNS, ["id"])],
    )
    def run(context, rows):
        return Result({"out": rows})

    return run


@pytest.mark.parametrize("when", When)
def test_a_handler_is_declared_for_its_moment_and_stays_a_function(meters, when):
    @getattr(meters, f"on_{when}")
    def decide(context, evidence):
        return [Alert(evidence.workflow)]

    assert meters.declaration.handlers == (when,)
    assert meters.handlers == {when: decide}
    assert decide(None, evidence(when)) == [Alert("meters")]


def test_a_declaration_with_handlers_survives_its_document_in_whatever_order_they_were_declared(meters):
    meters.on_unresolved(lambda context, evidence: [])
    meters.on_failover(lambda context, evidence: [])
    declaration = meters.declaration
    assert declaration.handlers == (When.FAILOVER, When.UNRESOLVED)
    assert Declaration.of_document(decode(encode(declaration.document()))) == declaration


def test_the_document_of_a_workflow_without_handlers_is_as_it_was_before_there_were_any(meters):
    document = meters.declaration.document()
    assert list(document) == ["name", "trigger", "datasets", "tables", "public_summary"]
    assert Declaration.of_document(document).handlers == ()


@pytest.mark.parametrize(
    "handlers", [[], ["unresolved", "failover"], ["failover", "failover"], ["never"], "failover", 1, [[]], {}]
)
def test_a_document_with_other_handlers_than_one_per_moment_in_their_order_is_refused(meters, handlers):
    with pytest.raises(DeclarationError):
        Declaration.of_document({**meters.declaration.document(), "handlers": handlers})


def test_a_second_handler_for_one_moment_is_refused(meters):
    meters.on_plurality(lambda context, evidence: [])
    with pytest.raises(DeclarationError, match="meters: on_plurality: there are two of these handlers"):
        meters.on_plurality(lambda context, evidence: [])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: [],
        lambda context: [],
        lambda evidence, context: [],
        lambda context, evidence, rows: [],
        [],
        None,
    ],
)
def test_a_handler_that_does_not_take_context_and_evidence_is_refused(meters, wrong):
    with pytest.raises(DeclarationError, match="meters: on_unresolved: the handler"):
        meters.on_unresolved(wrong)
    assert meters.declaration.handlers == ()


@given(ACTIONS)
def test_actions_survive_their_document(actions):
    document = decode(encode(actions_document(actions)))
    assert actions_of_document(document) == tuple(actions)


@given(ACTIONS, st.data())
def test_a_document_of_actions_that_is_altered_anywhere_is_refused_or_stands_for_just_what_it_says(
    actions, data
):
    document = data.draw(altered(actions_document(actions)))
    try:
        read = actions_of_document(document)
    except ActionError:
        return
    assert encode(actions_document(read)) == encode(document)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "alert",
        [],
        {},
        {"kind": []},
        {"kind": "reboot"},
        {"kind": "settle_plurality", "pair": 1},
        {"kind": "alert"},
        {"kind": "alert", "title": "x"},
        {"kind": "alert", "title": "x", "body": "", "level": "loud"},
        {"kind": "alert", "title": 1, "body": "", "level": "info"},
        {"kind": "alert", "title": "x", "body": 0.5, "level": "info"},
        {"kind": "call_webhook", "name": "pager", "payload": {"share": 0.5}},
        {"kind": "call_webhook", "name": "pager", "payload": {"wh": 2**53}},
        {"kind": "call_webhook", "name": "pager", "payload": []},
        {"kind": "call_webhook", "name": "https://example.org", "payload": {}},
        {"kind": "call_webhook", "name": ["pager"], "payload": {}},
    ],
)
def test_what_is_the_document_of_no_action_is_refused_with_its_place(entry):
    with pytest.raises(ActionError, match=r"^(action 1|not the document)"):
        actions_of_document([{"kind": "start_failover"}, entry])


@pytest.mark.parametrize("document", [None, {}, "[]", 1, ({"kind": "start_failover"},)])
def test_what_is_no_list_of_actions_is_refused(document):
    with pytest.raises(ActionError):
        actions_of_document(document)


@pytest.mark.parametrize(
    "title",
    ["", "x" * (MOST_TITLE + 1), "two\nlines", "two\u2028lines", "bell\x07", "\ud800", None, b"title", 5],
)
def test_a_title_that_is_not_one_short_line_is_refused(title):
    with pytest.raises(ActionError, match="Alert"):
        Alert(title)


@pytest.mark.parametrize("body", [None, "nul\x00", "back\x08", "\udfff", ["line"], "x" * (MOST_BYTES + 1)])
def test_a_body_that_is_no_text_is_refused(body):
    with pytest.raises(ActionError, match="Alert"):
        Alert("title", body)


def test_a_body_may_have_lines_and_columns():
    assert Alert("title", "a\tb\nc").body == "a\tb\nc"


@pytest.mark.parametrize("name", ["", "Pager", "https://example.org", "a b", "x" * 64, None, 7])
def test_a_webhook_is_called_by_a_name_of_the_protocol(name):
    with pytest.raises(ActionError, match="CallWebhook"):
        CallWebhook(name)


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        ({"share": 0.5}, r"\$\.share: a float"),
        ({"a": [1, float("nan")]}, r"\$\.a\[1\]: a float"),
        ({"n": 2**53}, r"\$\.n: an integer of 2\^53"),
        ({1: "x"}, "a key that is a int"),
        ({"rows": {1, 2}}, "a set has no canonical form"),
        ({"text": "\ud800"}, "a lone surrogate"),
        ({"text": "x" * MOST_BYTES}, "more than 65536"),
        ([1], "no mapping"),
    ],
)
def test_a_payload_that_is_no_object_of_canonical_values_is_refused_with_its_place(payload, where):
    with pytest.raises(ActionError, match=where):
        CallWebhook("pager", payload)


def test_a_payload_is_as_it_was_when_the_action_was_made():
    payload = {"missing": [1]}
    action = CallWebhook("pager", payload)
    payload["missing"].append(2)
    assert action.payload == {"missing": [1]}


@pytest.mark.parametrize("given", [None, 7, "alert", {"alert": 1}, {Alert("x")}, Alert("x")])
def test_a_handler_that_gives_no_list_is_told_what_it_gave(given):
    with pytest.raises(ActionError, match="not a list of actions but a"):
        checked_actions(given)


@pytest.mark.parametrize("given", [["x"], [None], [[Alert("x")]], [Alert], [{"kind": "start_failover"}]])
def test_a_handler_that_gives_something_else_among_its_actions_is_told_which_and_what_there_is(given):
    with pytest.raises(ActionError, match="action 0 is a") as caught:
        checked_actions(given)
    assert caught.value.hint == "an action is Alert, CallWebhook, SettlePlurality or StartFailover"


def test_actions_may_be_yielded_and_without_end_they_are_cut_off():
    assert checked_actions(Alert(str(number)) for number in range(MOST_ACTIONS))[-1] == Alert("15")
    with pytest.raises(ActionError, match="more than 16 actions"):
        checked_actions(Alert(str(number)) for number in count())


def test_actions_that_are_too_large_together_are_refused():
    half = Alert("half", "x" * (MOST_BYTES // 2))
    with pytest.raises(ActionError, match=r"all actions: .* more than 65536"):
        checked_actions([half, half])


@given(EVIDENCE)
def test_the_default_of_each_moment_goes_on_as_the_policy_says_or_tells_the_operator(evidence):
    (action,) = checked_actions(default_actions(evidence))
    assert isinstance(action, MOMENTS[evidence.when])


def test_the_default_alert_says_what_is_unresolved_and_how_each_attempt_went():
    attempts = (attempt(1, {0: "aa"}, unopened=(2,)), attempt(2, {0: "aa", 1: "ab", 2: "ba"}))
    causes = ((1, "source timeout"), (1, "source timeout"), (2, "not in time"))
    (alert,) = default_actions(evidence(When.UNRESOLVED, attempts, causes=causes))
    assert alert.title == "meters: the voting about 2026-01-31T09:00:00Z is unresolved"
    assert alert.body.splitlines() == [
        "attempt 1: 1 of 3 ballots, 2 equal ones needed; no ballot of worker 1; "
        "sealed and not opened by worker 2",
        "attempt 2: 3 of 3 ballots, 2 equal ones needed; inputs differ; results differ on the same inputs",
        "this worker in attempt 1: source timeout",
        "this worker in attempt 2: not in time",
        f"voting 0x{'11' * 32}",
    ]


def test_the_default_alert_fits_however_much_there_is_to_tell():
    members = range(MAX_WORKERS)
    attempts = [attempt(number, {}, members, unopened=tuple(members)) for number in range(1, MAX_ATTEMPT + 1)]
    causes = tuple((1 + number % MAX_ATTEMPT, f"{number:0200}") for number in range(MOST_CAUSES))
    (alert,) = default_actions(evidence(When.UNRESOLVED, attempts, workflow="w" * 63, causes=causes))
    assert "attempt 255: 0 of 120 ballots" in alert.body
    assert "attempt 1: " not in alert.body
