"""Evidence for tests of handlers: made of few words, drawn by hypothesis, and altered at one place."""

from hypothesis import strategies as st

from worknet.protocol.words import Fallback
from worknet.workflow import (
    Alert,
    AttemptEvidence,
    Evidence,
    Roots,
    SettlePlurality,
    StartFailover,
    When,
    Window,
)

MOMENTS = {When.FAILOVER: StartFailover, When.PLURALITY: SettlePlurality, When.UNRESOLVED: Alert}
WINDOW = Window("2026-01-31T09:00:00Z", "2026-01-31T10:00:00Z")
VOTING = "0x" + "11" * 32


def attempt(number, ballots, members=(0, 1, 2), **other):
    """An attempt with ballots by worker: `ab` stands for input root a and result root b."""
    roots = {worker: Roots("0x" + pair[0] * 64, "0x" + pair[1] * 64) for worker, pair in ballots.items()}
    n = len(members)
    given = {"n": n, "needed": n // 2 + 1, **other}
    return AttemptEvidence(number, "2026-01-31T10:01:00Z", members=tuple(members), ballots=roots, **given)


def evidence(when=When.UNRESOLVED, attempts=(), window=WINDOW, **other):
    """Evidence of the workflow `meters`."""
    given = {"workflow": "meters", **other}
    return Evidence(
        voting_id=VOTING,
        trigger_id="0x" + "22" * 32,
        window=window,
        when=when,
        attempts=tuple(attempts),
        **given,
    )


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
PAIR = st.tuples(st.sampled_from("abc"), st.sampled_from("abc")).map("".join)
ROOT = st.sampled_from("0123456789abcdef").map(lambda digit: "0x" + digit * 64)


@st.composite
def _attempts(draw):
    numbers = sorted(draw(st.sets(st.integers(1, 5), max_size=3)))
    attempts = []
    for number in numbers:
        members = sorted(draw(st.sets(st.integers(0, 119), min_size=2, max_size=5)))
        ballots = draw(st.dictionaries(st.sampled_from(members), PAIR))
        unopened = [worker for worker in members if worker not in ballots and draw(st.booleans())]
        attempts.append(attempt(number, ballots, members, unopened=tuple(unopened)))
    return tuple(attempts)


EVIDENCE = st.builds(
    evidence,
    st.sampled_from(When),
    _attempts(),
    st.sampled_from([WINDOW, None]),
    policy_version=st.integers(1, 9),
    fallback=st.sampled_from([fallback.name.lower() for fallback in Fallback]),
    me=st.none() | st.integers(0, 119),
    inputs=st.dictionaries(
        st.integers(1, 5), st.dictionaries(st.sampled_from(["rows", "b"]), ROOT), max_size=2
    ),
    causes=st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["bad data", "x"])), max_size=2).map(tuple),
)

_OTHER = st.sampled_from([None, True, False, 0, 1, -1, 1.0, "", "x", [], {}, 2**53, "0x", {"kind": "alert"}])


@st.composite
def altered(draw, document):
    """The document with something else at one place, or with a place more or less."""
    if isinstance(document, dict) and document and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(document)))
        match draw(st.integers(0, 5)):
            case 0:
                return {name: value for name, value in document.items() if name != key}
            case 1:
                return {**document, draw(TEXT): draw(_OTHER)}
            case _:
                return {**document, key: draw(altered(document[key]))}
    if isinstance(document, list) and document and draw(st.integers(0, 4)):
        position = draw(st.integers(0, len(document) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                return document[:position] + document[position + 1 :]
            case 1:
                return [*document, document[position]]
            case _:
                return [*document[:position], draw(altered(document[position])), *document[position + 1 :]]
    return draw(_OTHER)
