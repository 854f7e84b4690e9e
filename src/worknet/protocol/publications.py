"""What a publication is called: the evidence file of one voting, for everybody (section 9)."""

import re

MAX_BYTES = 4 << 20
"""A publication that is longer is none: it holds a manifest and no rows."""

_NAME = re.compile(r"0x([0-9a-f]{64})\.json")


def publication_name(voting_id: bytes) -> str:
    """The name of a voting's publication, in a folder and behind an address."""
    return f"0x{voting_id.hex()}.json"


def published_voting(name: str) -> bytes | None:
    """The voting whose publication has this name; None for any other name."""
    found = _NAME.fullmatch(name)
    return bytes.fromhex(found[1]) if found else None
