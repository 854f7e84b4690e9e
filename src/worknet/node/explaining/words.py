"""The small parts of sentences that an explanation is made of; whatever comes in, the words stay few."""

from collections.abc import Sequence

from worknet.node.explaining.known import Act
from worknet.protocol.times import TimeError, time_text

NAMED = 12
"""How many workers, or groups, one sentence names."""


def moment(seconds: int) -> str:
    """Unix seconds as a time; such as have no text, in seconds."""
    try:
        return time_text(seconds)
    except TimeError:
        return f"{seconds} s after 1970"


def plural(number: int, one: str, many: str = "") -> str:
    """The number with its noun: 1 ballot, 2 ballots."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def people(workers: Sequence[int]) -> str:
    """Workers by their indices: worker 2; workers 0 and 1; workers 0, 1 and 7 more."""
    shown = [str(worker) for worker in workers[:NAMED]]
    if len(workers) > NAMED:
        shown.append(f"{len(workers) - NAMED} more")
    return f"worker{'' if len(workers) == 1 else 's'} {and_list(shown)}" if shown else "no worker"


def and_list(words: Sequence[str]) -> str:
    """A, B and C; of many the first, and how many more there are."""
    shown = list(words[:NAMED])
    if len(words) > NAMED:
        shown.append(f"{len(words) - NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def act_text(act: Act) -> str:
    """An action of a fallback: start failover; call webhook billing."""
    return " ".join(filter(None, (act.kind.replace("_", " "), act.about)))


def printable(text: str, most: int) -> str:
    """The text on one line, without escape sequences, and no longer than that."""
    shown = text[:most]
    if not shown.isprintable():
        escaped = (each if each.isprintable() else each.encode("unicode_escape").decode() for each in shown)
        shown = "".join(escaped)
    return shown if len(shown) <= most and len(text) <= most else shown[: most - 3] + "..."
