"""Files that a command writes for whoever called it."""

import os
from pathlib import Path

from worknet.node.errors import RequestError


def write_whole(path: Path, content: bytes) -> None:
    """Writes the file whole or not at all, for its owner's eyes only; `RequestError` where it cannot be."""
    part = path.with_name(path.name + ".part")
    try:
        # Left by a command that was broken off, or put there by another: who may read it is not known.
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        part.replace(path)
    except OSError as error:
        raise RequestError(f"{path} cannot be written: {error.strerror}") from None
