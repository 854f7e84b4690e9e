"""The form of a vector file: good cases with what they give, bad cases with the error they must end in.

What is given and what comes out is JSON: bytes as `0x` hex, integers of 2^53 or more as decimal text.
`vectors/README.md` tells the reader's side of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import shake_128
from typing import Any, TypeAlias

Json: TypeAlias = Any

JSON_INTEGER_BOUND = 1 << 53


@dataclass
class VectorFile:
    """The cases of one file, in the order in which they were added."""

    about: str
    good_cases: list[dict[str, Json]] = field(default_factory=list)
    bad_cases: list[dict[str, Json]] = field(default_factory=list)

    def good(self, name: str, does: str, gives: object, /, **given: Any) -> None:
        """A case in which operation `does` of what is given gives `gives`."""
        self.good_cases.append({"name": name, "does": does, "given": written(given), "gives": written(gives)})

    def bad(self, name: str, does: str, error: str, rule: str = "", /, **given: Any) -> None:
        """A case in which operation `does` must refuse what is given; `rule` is the revert reason."""
        case = {"name": name, "does": does, "given": written(given), "error": error}
        self.bad_cases.append(case | ({"rule": rule} if rule else {}))

    def refused(self, name: str, does: str, error: str, field: str, /, **given: Any) -> None:
        """A case in which operation `does` must refuse what is given, naming `field`."""
        self.bad(name, does, error, **given)
        self.bad_cases[-1]["field"] = field

    def document(self) -> dict[str, Json]:
        """The file as JSON."""
        return {"about": self.about, "protocol": 1, "good": self.good_cases, "bad": self.bad_cases}


def written(value: object) -> Json:
    """A value as the vectors write it."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value) if abs(value) < JSON_INTEGER_BOUND else str(int(value))
    if isinstance(value, Mapping):
        return {key: written(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [written(element) for element in value]
    return value


def sample(name: str, size: int = 32) -> bytes:
    """Bytes that look random and are the same in every run."""
    return shake_128(f"worknet vectors: {name}".encode()).digest(size)
