"""What may be asked of a running worker from outside its loop. Every method may be called from any thread."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from worknet.node.operations.status import Status


class Control(Protocol):
    """A running worker, as the server and the watch see it."""

    def status(self) -> Status:
        """Its state now; cheap, without chain or journal, and never waiting for the loop."""
        ...

    def drain(self) -> None:
        """Begin no new votings; those that have a ballot of this worker are finished."""
        ...

    def resume(self) -> None:
        """Begin new votings again."""
        ...

    def retry(self, voting_id: bytes) -> None:
        """Try what failed about the voting at the next step; `UnknownVoting` if the journal has none such."""
        ...


class Records(Protocol):
    """What the worker's journal tells of the past. Its methods read the journal, so they may take a while."""

    def votings(self, limit: int) -> Iterable[Mapping[str, Any]]:
        """The last votings, the newest first: state, this worker's part, the causes of failures; no rows."""
        ...

    def voting(self, voting_id: bytes) -> Mapping[str, Any]:
        """One voting with the reasons for its end, no rows; `UnknownVoting` for one that is not known."""
        ...

    def aside(self) -> Iterable[Mapping[str, Any]]:
        """What was set aside, by workflow, dataset and reason, with counts; no rows."""
        ...
