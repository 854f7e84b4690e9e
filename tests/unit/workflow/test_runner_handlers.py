"""Handlers in a runner: run apart as a run is, cut off as a run is, and what they answer believed no more."""

import textwrap

import pytest
from tests.unit.workflow.conftest import HEAD
from tests.unit.workflow.evidence import VOTING, attempt, evidence
from tests.unit.workflow.test_isolation import needs_cut

from worknet.protocol.canonical import encode
from worknet.workflow import Alert, SettlePlurality, When, runtime
from worknet.workflow.errors import FailedError, TimedOutError, WrongActionsError
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Runner
from worknet.workflow.wire import Answer

# One bundle for many small tests: the body of its handler is chosen by the worker's index.
SEEN = """
yield Alert(context.window.start, evidence.last.text(), "info")
yield CallWebhook("desk", {**evidence.document(), "share": context.parameters["share"]})
yield SettlePlurality()
"""
BODIES = {
    "sees evidence, window and parameters": SEEN,
    "decides nothing about an event": "return [Alert(context.window.start)] if context.window else []",
    "raises": 'raise ValueError("meter-4711")',
    "refuses": 'raise WorkflowError("I cannot tell", "ask the author")',
    "has no end": "while True: pass",
    "gives nothing": "pass",
    "gives a float": 'return [CallWebhook("desk", {"share": 0.5})]',
    "calls out": """
import socket
errors = []
for address in (("127.0.0.1", 80), ("1.1.1.1", 53)):
    try:
        socket.create_connection(address, timeout=2)
    except OSError as error:
        errors.append(type(error).__name__)
return [CallWebhook("desk", {"errors": errors, "interfaces": [i[1] for i in socket.if_nameindex()]})]
""",
}
NAMES = list(BODIES)
DECLARED = (
    HEAD.replace("import Column", "import Alert, CallWebhook, SettlePlurality, StartFailover, Column")
    + "    return Result({'out': meters})\n"
    + "".join(
        f"\ndef body_{number}(context, evidence):\n" + textwrap.indent(textwrap.dedent(body), "    ")
        for number, body in enumerate(BODIES.values())
    )
    + """
@run.on_unresolved
def decide(context, evidence):
    return globals()[f"body_{evidence.me}"](context, evidence)
"""
)


def bundle():
    files = {
        "workflow.py": DECLARED.encode(),
        "runtime.json": runtime.lock(),
        "parameters.json": b'{"share": 50}',
    }
    return Bundle(files)


@pytest.fixture(scope="module")
def runner():
    # Isolation has a test of its own: where the network cannot be cut, all else holds too.
    with Runner(bundle(), allow_unisolated=True) as runner:
        yield runner


def handle(runner, name, within=None, **other):
    shown = evidence(When.UNRESOLVED, [attempt(1, {0: "ab"})], me=NAMES.index(name), **other)
    return runner.handle(shown, within)


def test_a_handler_sees_context_and_evidence_and_its_actions_come_back_in_order(runner):
    alert, call, settle = handle(runner, "sees evidence, window and parameters")
    assert alert == Alert(
        "2026-01-31T09:00:00Z",
        "attempt 1: 1 of 3 ballots, 2 equal ones needed; no ballot of workers 1, 2",
        "info",
    )
    assert (call.payload["voting_id"], call.payload["share"]) == (VOTING, 50)
    assert settle == SettlePlurality()


def test_a_handler_may_decide_that_nothing_is_done_and_has_no_window_of_an_event(runner):
    assert handle(runner, "decides nothing about an event", window=None) == ()


def test_what_a_handler_raises_stays_out_of_the_message_since_it_may_hold_anything(runner):
    with pytest.raises(FailedError, match=r"raised ValueError \(workflow.py, line ") as caught:
        handle(runner, "raises")
    assert "4711" not in str(caught.value) + caught.value.hint + caught.value.cause
    assert "meter-4711" in caught.value.stderr


def test_a_handler_s_own_refusal_is_its_author_s_message(runner):
    with pytest.raises(FailedError, match=r"^I cannot tell$") as caught:
        handle(runner, "refuses")
    assert (caught.value.hint, caught.value.cause) == ("ask the author", "workflow failed")


def test_a_handler_that_has_no_end_is_cut_off(runner):
    with pytest.raises(TimedOutError, match=r"limit of 0\.5 seconds"):
        handle(runner, "has no end", within=0.5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gives nothing", "handler: not a list of actions but a NoneType"),
        ("gives a float", r"handler: CallWebhook desk: payload: \$\.share: a float has no canonical form"),
    ],
)
def test_a_handler_that_gives_what_it_may_not_is_told_what(runner, name, message):
    with pytest.raises(WrongActionsError, match=message) as caught:
        handle(runner, name)
    assert caught.value.cause == "the handler gave what is no action, or too much"


@needs_cut
def test_a_handler_reaches_no_network():
    with Runner(bundle()) as isolated:
        (call,) = handle(isolated, "calls out")
    assert len(call.payload["errors"]) == 2
    assert set(call.payload["interfaces"]) <= {"lo"}


@pytest.mark.parametrize("when", [When.FAILOVER, When.PLURALITY])
def test_a_moment_without_a_handler_is_told_apart_from_one_that_decides_nothing(runner, when):
    assert runner.handle(evidence(when)) is None


ALERT = {"kind": "alert", "title": "t", "body": "", "level": "info"}


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{}",
        "[",
        "[null]",
        "[" * 100_000,
        '[{"kind":"reboot"}]',
        '[{"kind": "start_failover"}]',
        '[{"kind":"start_failover","kind":"start_failover"}]',
        '[{"kind":"call_webhook","name":"desk","payload":{"share":0.5}}]',
        '[{"kind":"call_webhook","name":"https://example.org","payload":{}}]',
        encode([ALERT] * 17).decode(),
        encode([{**ALERT, "body": "x" * (1 << 16)}]).decode(),
        encode([{**ALERT, "to": "all"}]).decode(),
        encode([{**ALERT, "title": "two\nlines"}]).decode(),
    ],
)
def test_what_a_process_answers_is_checked_as_if_it_were_forged(runner, monkeypatch, answer):
    assert runner.declaration.handlers == (When.UNRESOLVED,)

    def answered(*_):
        return Answer(actions=answer), {}, "said"

    monkeypatch.setattr(Runner, "_answer", answered)
    with pytest.raises(WrongActionsError, match=r"^handler: ") as caught:
        runner.handle(evidence())
    assert caught.value.stderr == "said"
