"""What befalls the world of a simulation, drawn from its seed: spans in which the network is in parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

_SHORTEST = 30
_EARLY = 6


@dataclass(frozen=True)
class Span:
    """From `begin` until before `end`, in seconds of the simulation."""

    begin: int
    end: int


def partitions(chance: str, dues: Sequence[int], cast_window: int, reveal_window: int) -> list[Span]:
    """The spans in which the network is in parts: at the first and about every second other voting, for up to
    a whole attempt; the first, and half of them, from when it opens, others somewhere in its attempt 1 or 2.
    They do not overlap."""
    spans: list[Span] = []
    for begin, end in sorted(_drawn(Random(f"partitions {chance}"), dues, cast_window, reveal_window)):
        if spans and begin <= spans[-1].end:
            spans[-1] = Span(spans[-1].begin, max(spans[-1].end, end))
        else:
            spans.append(Span(begin, end))
    return spans


def _drawn(random: Random, dues: Sequence[int], cast: int, reveal: int) -> Iterator[tuple[int, int]]:
    attempt = cast + reveal
    for number, due in enumerate(dues):
        if number == 0 or random.random() < 0.5:
            is_early = number == 0 or random.random() < 0.5
            begin = due + random.randrange(_EARLY if is_early else 2 * attempt)
            yield begin, begin + random.randrange(_SHORTEST, max(attempt, _SHORTEST + 1))
