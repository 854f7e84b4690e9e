"""A workflow folder as the bundle that its digest pins: which files belong to it, read exactly.

All regular files belong, except `__pycache__` folders, `*.pyc`, the folder `tests` at the top, and names that
begin with a dot; the file `.salt` at the top does belong. What does not belong is not there when the workflow
runs. Links, other special files and names outside the protocol's alphabet are refused. Nothing is executed.
"""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from worknet.protocol import bundle as protocol_bundle
from worknet.protocol.canonical import Value, encode
from worknet.protocol.errors import ProtocolError
from worknet.workflow.errors import FolderError

ENTRY = "workflow.py"
PARAMETERS = "parameters.json"
RUNTIME = "runtime.json"
SALT = ".salt"
SAMPLES = "tests/data"
"""Where a folder's sample data stands, `NAME.csv` or `NAME.parquet` of a dataset. It is of one window, in the
form of `worknet.tables`, and no part of the bundle."""
MOST_BYTES = 16 << 20
MOST_FILES = 1000


@dataclass(frozen=True)
class Bundle:
    """The files of a workflow, by path with `/`; `digest` is what a policy pins."""

    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if ENTRY not in self.files:
            raise FolderError(f"the bundle has no {ENTRY}", f"{ENTRY} holds the one @workflow of a folder")

    @cached_property
    def digest(self) -> bytes:
        """The bundle digest (section 4 of the protocol)."""
        try:
            return protocol_bundle.digest(self.files)
        except ProtocolError as error:
            raise FolderError(str(error), error.hint) from None

    @cached_property
    def parameters(self) -> dict[str, Value]:
        """What `parameters.json` holds; `FolderError` if that is no object of canonical values."""
        return read_object(PARAMETERS, self.files.get(PARAMETERS, b"{}"))

    def __repr__(self) -> str:
        return f"Bundle(0x{self.digest.hex()}, {len(self.files)} files)"


def read_bundle(folder: Path) -> Bundle:
    """The bundle of the workflow in this folder; `FolderError` names a file that may not stand in it."""
    try:
        files = dict(_files(folder, ""))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise FolderError(f"{error.filename or folder}: cannot be read: {reason}") from None
    if ENTRY not in files:
        raise FolderError(f"{folder}: no {ENTRY} here", f"{ENTRY} holds the one @workflow of a folder")
    check_size(files, str(folder))
    return Bundle(files)


def sample_file(folder: Path, dataset: str) -> Path | None:
    """The file with the dataset's sample data, None if there is none; `FolderError` if there are two."""
    files = [folder / SAMPLES / f"{dataset}{suffix}" for suffix in (".csv", ".parquet")]
    found = [file for file in files if file.is_file()]
    if len(found) > 1:
        raise FolderError(f"{folder / SAMPLES}: two files for the dataset {dataset}", "keep one of them")
    return found[0] if found else None


def read_object(path: str, content: bytes) -> dict[str, Any]:
    """The JSON object in a file of a bundle, written with any spaces but of canonical values."""
    try:
        value = json.loads(
            content, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_no_duplicates
        )
        encode(value)
    except ProtocolError as error:
        raise FolderError(f"{path}: {error}", error.hint) from None
    except (ValueError, RecursionError) as error:
        raise FolderError(f"{path}: no JSON with canonical values: {error}") from None
    if not isinstance(value, dict):
        raise FolderError(f"{path}: not a JSON object")
    return value


def belongs(path: str) -> bool:
    """Whether a file at this path of a workflow's folder belongs to the bundle."""
    parts = path.split("/")
    return not any(_excluded("/".join(parts[: depth + 1]), part) for depth, part in enumerate(parts))


def check_size(files: Mapping[str, bytes], where: str) -> None:
    """Raises `FolderError` if there are too many files, or too large ones, for a bundle."""
    if len(files) > MOST_FILES or sum(map(len, files.values())) > MOST_BYTES:
        limits = f"at most {MOST_FILES} files and {MOST_BYTES >> 20} MiB"
        raise FolderError(f"{where}: too large for a workflow ({limits})", "keep data out of the folder")


def _files(folder: Path, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = prefix + entry.name
        if _excluded(path, entry.name):
            continue
        try:
            protocol_bundle.check_path(path)
        except ProtocolError as error:
            raise FolderError(f"{folder}: {error}", error.hint) from None
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            found += _files(folder / entry.name, f"{path}/")
        elif stat.S_ISREG(mode):
            found.append((path, (folder / entry.name).read_bytes()))
        else:
            kind = "a link" if stat.S_ISLNK(mode) else "not a regular file"
            raise FolderError(f"{folder / entry.name}: {kind}", "a bundle is made of regular files")
    return found


def _excluded(path: str, name: str) -> bool:
    if name.startswith("."):
        return path != SALT
    return name == "__pycache__" or name.endswith(".pyc") or path == "tests"


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"the number {text} is no integer; write decimals as text")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key occurs twice")
    return members
