"""What makes results differ between workers: the kinds there are, why each does, and how it is mended."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from worknet.protocol.canonical import Value


class Kind(StrEnum):
    """What a place of a workflow's code depends on beside its datasets, window and parameters."""

    FLOAT = "float"
    CLOCK = "clock"
    RANDOM = "random"
    ENVIRONMENT = "environment"
    FILES = "files"
    LOCALE = "locale"
    NETWORK = "network"
    PROCESS = "process"
    THREAD = "thread"
    ORDER = "order"
    IDENTITY = "identity"
    RELEASE = "release"
    ROUNDING = "rounding"
    SYNTAX = "syntax"


WHY: Final[dict[Kind, str]] = {
    Kind.FLOAT: "floating point rounds, and its sums depend on their order, on threads and on the processor",
    Kind.CLOCK: "no two workers run at the same moment, and attempt 2 runs later",
    Kind.RANDOM: "each worker draws other numbers",
    Kind.ENVIRONMENT: "each worker's machine, user and settings are its own",
    Kind.FILES: "what lies outside the bundle is another file on each machine, or none",
    Kind.LOCALE: "language and time zone are each machine's own",
    Kind.NETWORK: "a run has no network, and an answer from there would be another one each time",
    Kind.PROCESS: "other programs are not part of the bundle: each machine has its own releases of them",
    Kind.THREAD: "which thread comes first is chance",
    Kind.ORDER: "the order is not promised: it changes with the hash seed, the threads or the release",
    Kind.IDENTITY: "addresses of objects and hashes of texts change from process to process",
    Kind.RELEASE: "workers have Python 3.11 to 3.13, and each its own machine",
    Kind.ROUNDING: "with few digits, sums of decimals depend on their order, and other threads keep 28",
    Kind.SYNTAX: "what cannot be read cannot be checked",
}
MEND: Final[dict[Kind, str]] = {
    Kind.FLOAT: "count in whole units (Wh, ppm), divide with //, or reckon with decimal.Decimal of texts",
    Kind.CLOCK: "take the time from context.window",
    Kind.RANDOM: "derive what must be drawn from the datasets, for instance with hashlib.sha256",
    Kind.ENVIRONMENT: "put what it needs into parameters.json or a dataset",
    Kind.FILES: "put the file into the workflow's folder, or make it a dataset",
    Kind.LOCALE: "compare texts as they are; write formats out; keep to UTC",
    Kind.NETWORK: "declare what it needs as a dataset: workers read it before the run",
    Kind.PROCESS: "do it in Python, in the bundle",
    Kind.THREAD: "do one thing after the other",
    Kind.ORDER: "sort by a key before the order matters: sorted(...), .sort(key), maintain_order=True",
    Kind.IDENTITY: "use keys out of the data; hashlib.sha256 where a hash is due",
    Kind.RELEASE: "do the same on all releases and machines",
    Kind.ROUNDING: "set the digits with decimal.localcontext() where they are needed; sort before summing",
    Kind.SYNTAX: "write there what Python can read",
}


ONLY_POSSIBLE: Final = frozenset({Kind.ORDER, Kind.ROUNDING, Kind.RELEASE})
"""Kinds of which a place alone is never certain to do harm."""


@dataclass(frozen=True, order=True)
class Finding:
    """A place in a bundle's code, and what is wrong there. `line` counts from 1, `column` too.

    It is `certain` where the code does depend on what it must not, as read or as seen while it ran; else it
    may do so, and the runs could not tell.
    """

    file: str
    line: int
    column: int
    kind: Kind
    what: str
    certain: bool = True

    @property
    def why(self) -> str:
        """Why results differ by it."""
        return WHY[self.kind]

    @property
    def mend(self) -> str:
        """What to write instead."""
        return MEND[self.kind]

    def document(self) -> dict[str, Value]:
        """The finding as a JSON document."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "kind": self.kind.value,
            "certain": self.certain,
            "what": self.what,
            "why": self.why,
            "mend": self.mend,
        }

    def lines(self) -> list[str]:
        """The finding in words."""
        degree = "error" if self.certain else "warning"
        return [
            f"{self.file}:{self.line}:{self.column}: {degree}: {self.kind.value}: {self.what}",
            f"    why: {self.why}",
            f"    mend: {self.mend}",
        ]
