"""Edits of the life at random: any word of any event another one, any event dropped, doubled or moved."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import IntEnum
from typing import Any

from tests.unit.audit.planting import Facts

from worknet.audit.facts import Happening
from worknet.chain import events
from worknet.protocol.errors import ProtocolError

UNCOVERED = {(events.Funded, "funder"), (events.Funded, "amount")}
"""Words that no rule covers: money may also come to a pool without an event."""


def words(happening: Happening) -> Iterator[tuple[str, ...]]:
    """The paths of the words that a rule covers in an event."""
    for field in fields(happening.event):
        if (type(happening.event), field.name) not in UNCOVERED:
            yield from _paths(getattr(happening.event, field.name), (field.name,))


def altered(happening: Happening, path: tuple[str, ...], bit: int) -> Happening | None:
    """The event with one bit of a word flipped; None where no event can say that."""
    try:
        event = _altered(happening.event, path, bit)
        if isinstance(event, events.SealsBrought) and event.workers.bit_count() != len(event.seals):
            return None
        return replace(happening, event=event)
    except (ProtocolError, ValueError):
        return None


def moved(facts: Facts, first: int, second: int) -> None:
    """Two events tell each other's words."""
    one, two = facts[first], facts[second]
    facts[first], facts[second] = replace(one, event=two.event), replace(two, event=one.event)


def _paths(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _paths(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, int | bytes | tuple):
        yield path


def _altered(value: Any, path: tuple[str, ...], bit: int) -> Any:
    if path:
        name, *rest = path
        return replace(value, **{name: _altered(getattr(value, name), tuple(rest), bit)})
    if isinstance(value, IntEnum):
        return type(value)(int(value) ^ 1 << bit % 2)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1 << bit % max(value.bit_length(), 4)
    if isinstance(value, tuple):
        return (_altered(value[0], (), bit), *value[1:])
    at = bit % (len(value) * 8)
    return value[: at // 8] + bytes([value[at // 8] ^ 1 << at % 8]) + value[at // 8 + 1 :]
