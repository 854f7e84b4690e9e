"""A bundle as one file, for owners to publish and nodes to fetch: packed, and unpacked in memory.

An archive is a stranger's: links, other special files, paths that leave the folder and more bytes or files
than a bundle may have are refused before they are unpacked, however well they compress. Nothing is executed,
and nothing is written. Whether it is the right bundle says its digest alone.
"""

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import NoReturn

from worknet.protocol.bundle import check_path
from worknet.protocol.errors import ProtocolError
from worknet.workflow.errors import FolderError
from worknet.workflow.folder import ENTRY, MOST_BYTES, MOST_FILES, Bundle, belongs, check_size

SUFFIX = ".tar.gz"
SUFFIXES = (SUFFIX, ".zip")
MOST_ARCHIVE_BYTES = MOST_BYTES + MOST_FILES * 2048
"""An archive needs no more than the files themselves, and a few blocks for each."""

_MODE = 0o644
_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_FAULTS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError)
_PLAIN = "a .tar.gz or .zip of the folder's regular files"


def pack(bundle: Bundle) -> bytes:
    """The bundle as a `.tar.gz` that has nothing of this machine and moment in it."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=packed, mtime=0) as compressed,
        tarfile.open(mode="w", fileobj=compressed, format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(bundle.files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(bundle.files[path]), _MODE
            archive.addfile(entry, io.BytesIO(bundle.files[path]))
    return packed.getvalue()


def unpack(content: bytes) -> Bundle:
    """The bundle in an archive: its files at the top, or all in one folder; `FolderError` if there is none.

    What does not belong to a bundle (tests, hidden files) is left out, as when a folder is read.
    """
    if len(content) > MOST_ARCHIVE_BYTES:
        _refuse("it is too large for a workflow")
    try:
        if content.startswith(_GZIP):
            files = dict(_tar_files(content))
        elif content.startswith(_ZIP):
            files = dict(_zip_files(content))
        else:
            _refuse("it is no archive")
    except _FAULTS as error:
        raise FolderError(f"the archive cannot be read ({type(error).__name__})", _PLAIN) from None
    check_size(files, "the archive")
    return Bundle(files)


def _tar_files(content: bytes) -> Iterator[tuple[str, bytes]]:
    with gzip.open(io.BytesIO(content)) as compressed:
        plain = compressed.read(MOST_ARCHIVE_BYTES + 1)
    if len(plain) > MOST_ARCHIVE_BYTES:
        _refuse("it is too large for a workflow")
    with tarfile.open(mode="r:", fileobj=io.BytesIO(plain)) as archive:
        members = [member for member in archive.getmembers() if not member.isdir()]
        for path, number in _places([member.name for member in members]).items():
            member = members[number]
            # A sparse file may claim any size without having it.
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
                _refuse(f"{path!r} is a link or another special file")
            file = archive.extractfile(member)
            assert file is not None, "a regular file has content"
            yield path, file.read()


def _zip_files(content: bytes) -> Iterator[tuple[str, bytes]]:
    left = MOST_BYTES
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        for path, number in _places([entry.filename for entry in entries]).items():
            entry = entries[number]
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                _refuse(f"{path!r} is a link or another special file")
            with archive.open(entry) as file:
                data = file.read(left + 1)
            left -= len(data)
            if left < 0:
                _refuse("it is too large for a workflow")
            yield path, data


def _places(names: list[str]) -> dict[str, int]:
    """Which of an archive's files belong to the bundle: their paths there, and their numbers in `names`."""
    if len(names) > 2 * MOST_FILES:
        _refuse("it has too many files for a workflow")
    paths = [name.removeprefix("./") for name in names]
    top = paths[0].partition("/")[0] + "/" if paths else ""
    if ENTRY not in paths and all(path.startswith(top) for path in paths):
        paths = [path.removeprefix(top) for path in paths]
    if len(set(paths)) < len(paths):
        _refuse("it has a file twice")
    for path in paths:
        if {"", ".", ".."} & set(path.split("/")):
            _refuse(f"{path!r} leads out of its folder")
    chosen = {path: number for number, path in enumerate(paths) if belongs(path)}
    for path in chosen:
        try:
            check_path(path)
        except ProtocolError as error:
            raise FolderError(f"the archive is refused: {error}", error.hint) from None
    return chosen


def _refuse(why: str) -> NoReturn:
    raise FolderError(f"the archive is refused: {why}", _PLAIN)
