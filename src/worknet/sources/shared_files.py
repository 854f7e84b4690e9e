"""Files in a folder into which others write as well: written whole or not at all, read within bounds."""

import os
import stat
from pathlib import Path


def write_whole(path: Path, content: bytes, part: str, mode: int | None = None) -> None:
    """Puts a file there, or leaves what is there as it is, whenever it breaks off; `OSError` if it cannot.

    `part` is the name that the file has until it is whole: one that nobody else writes at that time. `mode`
    says who may read it, whatever the process's umask says; None: as that says.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(part)
    # Left by a crash, or put there by another member: a link would lead into a file of this worker's.
    unfinished.unlink(missing_ok=True)
    with unfinished.open("xb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def content_of(path: Path, max_bytes: int) -> bytes | None:
    """The file's content; None if it is too large, or no regular file. `OSError` if it cannot be read."""
    # Neither a link nor a pipe that another member has put there is followed or waited for.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        content = file.read(max_bytes + 1)
    return content if len(content) <= max_bytes else None
