"""Facts altered at random: an audit never breaks, and finds what a rule covers; cut anywhere, it goes on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.audit.life import audit_of
from tests.unit.audit.lived import lived, recording
from tests.unit.audit.planting import Facts, audited
from tests.unit.audit.varied import altered, moved, words

from worknet.audit.outcome import Audit
from worknet.audit.resume import AuditState

FEW = settings(max_examples=15, deadline=None)
MANY = settings(max_examples=120, deadline=None)
BITS = st.integers(0, 255)
WHERE = st.integers(0, 10_000)


def is_word_covered(place: int, word: int, bit: int) -> bool:
    """Whether a flipped bit of some event's words is found; True where nothing came of it."""
    facts = recording().happenings
    place %= len(facts)
    paths = [*words(facts[place])]
    new = altered(facts[place], paths[word % len(paths)], bit) if paths else None
    if new is None or new == facts[place]:
        return True

    def edit(edited: Facts) -> None:
        edited[place] = new

    return bool(audited(edit).findings)


def disordered(kind: str, first: int, second: int) -> Audit:
    """The audit of a life with an event dropped, doubled, moved, or saying what another one says."""

    def edit(facts: Facts) -> None:
        one, two = first % len(facts), second % len(facts)
        if kind == "drop":
            del facts[one]
        elif kind == "double":
            facts.insert(one, facts[one])
        elif kind == "move":
            facts.insert(two, facts.pop(one))
        else:
            moved(facts, one, two)

    return audited(edit)


KINDS = st.sampled_from(["drop", "double", "move", "swap"])


@FEW
@given(WHERE, WHERE, BITS)
def test_another_word_in_an_event_is_found(place: int, word: int, bit: int) -> None:
    assert is_word_covered(place, word, bit)


@pytest.mark.long
@MANY
@given(WHERE, WHERE, BITS)
def test_another_word_in_an_event_is_found_wherever_it_is(place: int, word: int, bit: int) -> None:
    assert is_word_covered(place, word, bit)


@FEW
@given(KINDS, WHERE, WHERE)
def test_events_in_disorder_break_no_audit(kind: str, first: int, second: int) -> None:
    assert disordered(kind, first, second).after.block == recording().header.number


def in_two_parts(cut: int) -> tuple[Audit, Audit]:
    """An audit of the whole life in two, the second going on from the document of the first."""
    network = lived()
    first = audit_of(network, until=network.start + cut % (network.chain.height - network.start))
    return first, audit_of(network, since=AuditState.read(first.state.document()))


@settings(max_examples=5, deadline=None)
@given(WHERE)
def test_an_audit_in_two_parts_ends_where_one_does(cut: int) -> None:
    whole, (first, second) = audit_of(lived()), in_two_parts(cut)
    assert not first.findings
    assert not second.findings
    assert second.state.document() == whole.state.document()
    assert [line.position for line in (*first.records, *second.records)] == [
        line.position for line in whole.records
    ]
    assert second.without_record == whole.without_record
    assert second.open_votings == whole.open_votings
