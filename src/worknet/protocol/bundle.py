"""The digest that pins a workflow's code: a tree over its files in path order (section 4, "Bundle")."""

import re
from collections.abc import Mapping
from hashlib import sha256

from worknet.protocol import merkle
from worknet.protocol.errors import ProtocolError

_PATH = re.compile(r"[A-Za-z0-9._/-]+")


class BundleError(ProtocolError):
    """A bundle without files, or with a path that may not stand in one."""


def check_path(path: str) -> str:
    """The path, if it may stand in a bundle: relative, `/` between its parts, none of them `.` or `..`."""
    if not _PATH.fullmatch(path) or any(part in {"", ".", ".."} for part in path.split("/")):
        raise BundleError(f"{path!r} is no path of a bundle", hint="use letters, digits and . _ - /")
    return path


def leaf(path: str, content: bytes) -> bytes:
    """The leaf data of a file: `SHA256(utf8 path) ‖ SHA256(content)`."""
    return sha256(check_path(path).encode()).digest() + sha256(content).digest()


def digest(files: Mapping[str, bytes]) -> bytes:
    """The bundle digest of files given as path to content."""
    if not files:
        raise BundleError("a bundle without files has no digest")
    return merkle.root([leaf(path, files[path]) for path in sorted(files)])
