"""The registry of domain tags: whatever is hashed under a tag can stand in one place only (section 2)."""

from worknet.protocol.errors import ProtocolError
from worknet.protocol.keccak import keccak256

VERSION = 1
PREFIX = "worknet/v1/"
NAMES = frozenset({"voting", "policy", "seal", "record", "moved", "datakey"})
_TAGS = {name: keccak256((PREFIX + name).encode()) for name in NAMES}


class TagError(ProtocolError):
    """A tag that the registry does not hold."""


def tag(name: str) -> bytes:
    """`TAG(name) = keccak256("worknet/v1/" + name)`, for a name of the registry."""
    if name not in _TAGS:
        raise TagError(f"no tag is called {name!r}", hint=f"the registry holds {', '.join(sorted(NAMES))}")
    return _TAGS[name]
