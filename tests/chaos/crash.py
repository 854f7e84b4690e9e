"""Where a worker dies: before, inside or after a step of its journal, or beside the sending of a ballot."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from worknet.chain.interface import functions
from worknet.chain.rpc import Rpc
from worknet.node.journal.store import Step, Store

MOMENTS = ("before", "inside", "after")
"""Before a step begins, after its changes and before they are committed, and after that."""
SENDS = ("seal", "reveal")
SEND = "send."


@dataclass(frozen=True)
class Point:
    """A place to die at: a step, or `send.` and the contract's function; a moment; and at which time."""

    place: str
    moment: str
    time: int = 1

    def __str__(self) -> str:
        return f"{self.place}:{self.moment}:{self.time}"

    @classmethod
    def parse(cls, text: str) -> "Point":
        """The point that was written so."""
        place, moment, time = text.split(":")
        return cls(place, moment, int(time))


def arm(point: Point, marker: Path) -> None:
    """Has this process kill itself at the point, and leave a file that says that it got there."""
    trap = _Trap(point, marker)
    write, request = Store.write, Rpc.request

    @contextmanager
    def writing(self: Store, step: Step) -> Iterator[sql.Connection]:
        is_place = step.name == point.place
        trap.spring(is_place, "before")
        with write(self, step) as connection:
            yield connection
            trap.spring(is_place, "inside")
        trap.spring(is_place, "after")

    def requesting(self: Rpc, method: str, *params: Any) -> Any:
        is_place = method == "eth_sendRawTransaction" and _calls(point.place, params[0])
        trap.spring(is_place, "before")
        answer = request(self, method, *params)
        trap.spring(is_place, "after")
        return answer

    Store.write = writing  # type: ignore[method-assign]  # the one way in that every step takes
    Rpc.request = requesting  # type: ignore[method-assign]  # likewise for what is sent


def _calls(place: str, raw: str) -> bool:
    """Whether a signed transaction calls the function that the place names."""
    name = place.removeprefix(SEND)
    return place.startswith(SEND) and functions()[name].selector in bytes.fromhex(raw[2:])


class _Trap:
    def __init__(self, point: Point, marker: Path) -> None:
        self._point, self._marker, self._left = point, marker, point.time

    def spring(self, is_place: bool, moment: str) -> None:
        if not is_place or moment != self._point.moment:
            return
        self._left -= 1
        if not self._left:
            self._marker.write_text(str(self._point))
            os.kill(os.getpid(), signal.SIGKILL)
