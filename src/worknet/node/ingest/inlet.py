"""What an inlet is: one thing in the worker through which something arrives from outside."""

from typing import Protocol


class Inlet(Protocol):
    """Something that runs for as long as the worker does, and may not work for a while without harm.

    An inlet must survive whatever comes in and whatever happens to where it comes from; what it cannot go on
    without is the journal, whose errors it raises.
    """

    @property
    def workflow(self) -> str:
        """The workflow that it serves."""
        ...

    @property
    def name(self) -> str:
        """What it brings: a dataset's name, or `event`."""
        ...

    @property
    def kind(self) -> str:
        """How it brings that: `nats`, `poll`, `log`."""
        ...

    @property
    def fault(self) -> str:
        """Empty while it works, else why it does not. Holds no secret."""
        ...

    async def run(self) -> None:
        """Let things arrive, until cancelled. Raises `JournalError`."""
        ...
