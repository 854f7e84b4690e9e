"""Folders of runs: private, removed with the run, and swept up later if the worker was killed before that.

A folder is locked as long as its owner lives; the system drops the lock however the owner ends, so that an
unlocked folder is nobody's. In it lie the bundle's files and what the workflow wrote, never the rows.
"""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_PREFIX = "worknet-run-"
_OLD_SECONDS = 60  # a younger folder may be about to be locked


class Scratch:
    """A new folder that only this user can enter; `path` says where. `remove` it when its run has ended."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Removes the folder with all that is in it; the second time, nothing happens."""
        self._folder.cleanup()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sweep() -> None:
    """Removes this user's folders whose owners were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another's folder, or one that is in use, or just going
            status = path.lstat()
            if status.st_uid != os.getuid() or status.st_mtime > time.time() - _OLD_SECONDS:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
