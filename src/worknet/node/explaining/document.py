"""An explanation as a JSON document, for programs: everything that the lines say, with whole hashes."""

from collections.abc import Iterator

from worknet.node.explaining.advice import advice_on
from worknet.node.explaining.attempts import AttemptView
from worknet.node.explaining.explanation import MOST_CHARACTERS, Explanation
from worknet.node.explaining.finding import Reason
from worknet.node.explaining.known import Handled, Known, OwnBallot
from worknet.node.explaining.words import moment, printable
from worknet.protocol.canonical import to_hex


def document(explanation: Explanation, *, private: bool = False) -> dict[str, object]:
    """The document; hashes in hex, times in UTC, None for what is not known.

    With `private` the keys of this worker's own rows that differ are in it: for its operator's eyes.
    """
    known = explanation.known
    window = None if known.trigger is None else known.trigger.window
    recorded = known.voting.recorded
    return {
        "voting": to_hex(known.voting_id),
        "workflow": known.workflow or None,
        "trigger": None if known.trigger is None else to_hex(known.trigger.trigger_id),
        "start": None if window is None else moment(window.start),
        "end": None if window is None else moment(window.end),
        "due": None if known.due is None else moment(known.due),
        "state": known.voting.state.name.lower(),
        "closed": known.voting.closed,
        "how": None if recorded is None else recorded.how.name.lower(),
        "fallback": _fallback(known),
        "unopened": explanation.unopened,
        "worker": None if known.own is None else known.own.me,
        "attempts": [_attempt(view, known) for view in explanation.shown],
        "fallbacks": [] if known.own is None else [_handled(each) for each in known.own.handled],
        "members": [
            {
                "index": member.index,
                "operator": to_hex(member.operator),
                "worker": to_hex(member.worker),
                "role": member.role.name.lower(),
            }
            for member in known.members
        ],
        "statements_refused": [
            {"attempt": attempt, "where": where, "why": why} for attempt, where, why in _refused(known)
        ],
        "reasons": [_reason(reason, known, private) for reason in explanation.reasons],
    }


def _refused(known: Known) -> Iterator[tuple[int | None, str, str]]:
    """The statements that could not be used, by attempt; None for those that are about none."""
    told = [(compared.attempt, each) for compared in known.compared for each in compared.refused]
    for attempt, (where, why) in [*told, *((None, each) for each in known.refused)]:
        yield attempt, printable(where, MOST_CHARACTERS), printable(why, MOST_CHARACTERS)


def _reason(reason: Reason, known: Known, private: bool) -> dict[str, object]:
    rows = {"rows": [printable(line, MOST_CHARACTERS) for line in reason.private]} if private else {}
    return {
        "reason": reason.about.value,
        "attempts": list(reason.attempts),
        "workers": list(reason.workers),
        "own": reason.own,
        "text": printable(reason.text, MOST_CHARACTERS),
        "to_do": advice_on(reason, known),
        **rows,
    }


def _fallback(known: Known) -> str | None:
    policy = known.voting.policies.get(known.policy_version)
    return None if policy is None else policy.fallback.name.lower()


def _attempt(view: AttemptView, known: Known) -> dict[str, object]:
    own = () if known.own is None else known.own.ballots
    place = (view.number, view.policy_version)
    mine = next((ballot for ballot in own if (ballot.attempt, ballot.policy_version) == place), None)
    return {
        "attempt": view.number,
        "opened": moment(view.opened),
        "policy_version": view.policy_version,
        "over": view.over,
        "recorded": view.recorded,
        "members": list(view.members),
        "n": view.n,
        "needed": view.needed,
        "ballots": view.counted,
        "groups": [
            {
                "group": group.letter,
                "input_root": to_hex(group.pair.input_root),
                "result_root": to_hex(group.pair.result_root),
                "workers": list(group.workers),
            }
            for group in view.groups
        ],
        "otherwise": list(view.otherwise),
        "missing": [
            {"worker": each.worker, "how": each.lack.value, "same_seal_as": each.same_as}
            for each in view.missing
        ],
        "own": None if mine is None else _ballot(mine),
    }


def _ballot(ballot: OwnBallot) -> dict[str, object]:
    return {
        "input_root": to_hex(ballot.pair.input_root),
        "result_root": to_hex(ballot.pair.result_root),
        "has_rows": ballot.has_rows,
        "tables": [
            {
                "kind": table.kind,
                "name": table.name,
                "rows": table.rows,
                "root": None if table.root is None else to_hex(table.root),
                "committed": table.committed,
            }
            for table in ballot.tables
        ],
    }


def _handled(handled: Handled) -> dict[str, object]:
    return {
        "when": handled.when,
        "attempt": handled.attempt,
        "by": handled.by,
        "fault": printable(handled.fault, MOST_CHARACTERS) or None,
        "actions": [
            {
                "action": act.kind,
                "about": printable(act.about, MOST_CHARACTERS),
                "state": act.state,
                "error": printable(act.error, MOST_CHARACTERS) or None,
            }
            for act in handled.acts
        ],
    }
