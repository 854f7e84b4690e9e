"""Editing recorded facts: picking an event of the life, and altering, moving, doubling or dropping it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.unit.audit.life import About
from tests.unit.audit.lived import lived, recording

from worknet.audit.course import Course
from worknet.audit.facts import Happening, Question
from worknet.audit.outcome import Audit
from worknet.chain.interface import Contract, call_data, selected

Facts = list[Happening]
Edit = Callable[[Facts], None]
Pick = Callable[[Facts], int]


def audited(edit: Edit, answer: Callable[[Question, Any], Any] = lambda _, value: value) -> Audit:
    """The audit of the life with one edit of its events, and of what the contracts answer."""
    recorded = recording()
    facts = list(recorded.happenings)
    edit(facts)
    course = Course(recorded.beginning)
    for happening in facts:
        course.take(happening)
    course.check_balance(recorded.balance)

    def ask(questions: Sequence[Question]) -> list[Any]:
        return [answer(each, value) for each, value in zip(questions, recorded.ask(questions), strict=True)]

    return course.finish(recorded.header, ask)


def untouched(_: Facts) -> None:
    """No edit."""


def of(kind: type[Any], about: About | None = None, number: int = 0, **fields: Any) -> Pick:
    """The event of this kind, about a voting if one is given, with these fields: the first or another."""
    voting_id = None if about is None else lived().voting_id(about)

    def pick(facts: Facts) -> int:
        fitting = [
            place
            for place, each in enumerate(facts)
            if type(each.event) is kind
            and (voting_id is None or getattr(each.event, "voting_id", None) == voting_id)
            and all(getattr(each.event, name) == value for name, value in fields.items())
        ]
        return fitting[number]

    return pick


def alter(pick: Pick, **changes: Any) -> Edit:
    """The event says something else. A change that is a function is given what was said."""

    def edit(facts: Facts) -> None:
        at = pick(facts)
        event: Any = facts[at].event
        new = {
            name: value(getattr(event, name)) if callable(value) else value for name, value in changes.items()
        }
        facts[at] = replace(facts[at], event=replace(event, **new))

    return edit


def drop(pick: Pick) -> Edit:
    """The event is left out."""

    def edit(facts: Facts) -> None:
        del facts[pick(facts)]

    return edit


def double(pick: Pick) -> Edit:
    """The event is told twice."""

    def edit(facts: Facts) -> None:
        at = pick(facts)
        facts.insert(at, facts[at])

    return edit


def again(pick: Pick, after: Pick) -> Edit:
    """The event is told once more, after another one, in a transaction of its own at that one's time."""

    def edit(facts: Facts) -> None:
        happening, place = facts[pick(facts)], facts[after(facts)]
        facts.insert(after(facts) + 1, _there(happening, place))

    return edit


def insert(event: Any, after: Pick, like: Pick | None = None) -> Edit:
    """An event that never was, right after another one; its call is that of the event that it is like."""

    def edit(facts: Facts) -> None:
        at = after(facts)
        happening = replace(facts[at], event=event)
        if like is not None:
            happening = replace(_there(facts[like(facts)], facts[at]), event=event)
        facts.insert(at + 1, happening)

    return edit


def at_time(pick: Pick, seconds: int) -> Edit:
    """The events of a transaction come so many seconds later, or earlier, than they did."""

    def edit(facts: Facts) -> None:
        transaction = facts[pick(facts)].transaction
        for at, each in enumerate(facts):
            if each.transaction == transaction:
                facts[at] = replace(each, time=each.time + seconds)

    return edit


def sent_by(pick: Pick, account: bytes) -> Edit:
    """The transaction of the event is another account's."""

    def edit(facts: Facts) -> None:
        at = pick(facts)
        facts[at] = replace(facts[at], call=replace(facts[at].call, sender=account))

    return edit


def through(pick: Pick, contract: bytes) -> Edit:
    """The transaction of the event called another contract."""

    def edit(facts: Facts) -> None:
        at = pick(facts)
        facts[at] = replace(facts[at], call=replace(facts[at].call, to=contract))

    return edit


def call(pick: Pick, change: Callable[[list[Any]], None], interface: Contract = "WorkerNetwork") -> Edit:
    """The transaction of the event called with other values."""

    def edit(facts: Facts) -> None:
        at = pick(facts)
        found = selected(facts[at].call.data, interface)
        assert found is not None
        values = [list(each) if isinstance(each, tuple) else each for each in found[1]]
        change(values)
        data = call_data(found[0], *values, contract=interface)
        facts[at] = replace(facts[at], call=replace(facts[at].call, data=data))

    return edit


def both(*edits: Edit) -> Edit:
    """Several edits that make one fault."""

    def edit(facts: Facts) -> None:
        for each in edits:
            each(facts)

    return edit


def _there(happening: Happening, place: Happening) -> Happening:
    transaction = bytes([happening.transaction[0] ^ 255]) + happening.transaction[1:]
    return replace(happening, block=place.block, time=place.time, log=place.log, transaction=transaction)
