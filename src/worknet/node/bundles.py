"""The bundles on this machine, several versions of a workflow side by side, each found by its digest.

What is found elsewhere (the folder that network.toml names, further folders, addresses) is kept under the
worker's data_dir, so that an owner may replace his folder while votings under the old policy are still open.
Nothing is kept or given out whose digest is not the one asked for; nothing is executed here.
"""

import os
import secrets
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import structlog

from worknet.config import Url
from worknet.node.errors import BundleMissing
from worknet.protocol.canonical import to_hex
from worknet.sources import SourceError
from worknet.sources.download import download
from worknet.workflow.archive import MOST_ARCHIVE_BYTES, SUFFIXES, unpack
from worknet.workflow.errors import FolderError
from worknet.workflow.folder import ENTRY, Bundle, read_bundle

DIGEST = "{digest}"
"""Stands in an address for the digest: 64 hex digits, as `worknet workflow pack` names its archives."""

_MOST_VERSIONS = 100
_MOST_REASONS = 8
_HINT = (
    "put the folder, or the archive that the owner packed, where network.toml or `bundles` in node.toml "
    "says; it is looked for again by itself"
)

Place = Path | Url
Look = tuple[str, Callable[[], Bundle]]
"""Where a bundle may be, in words, and how it is got from there."""

log = structlog.get_logger()


class Bundles:
    """The bundles of a worker; safe to use from several threads.

    `folder` is where they are kept. By workflow, `folders` are those that network.toml names, and `places`
    those of node.toml: a folder that is a version, or has versions in it, as folders or archives; or the
    address of an archive, with `{digest}` in it.
    """

    def __init__(
        self, folder: Path, folders: Mapping[str, Path], places: Mapping[str, Sequence[Place]]
    ) -> None:
        self._folder, self._folders, self._places = folder, folders, places
        self._locks: defaultdict[bytes, threading.Lock] = defaultdict(threading.Lock)
        self._missing: set[tuple[str, bytes]] = set()
        # What an interrupted start left half written.
        for leftover in folder.glob(".*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def get(self, workflow: str, digest: bytes) -> Bundle:
        """The bundle with this digest, fetched if need be, which may take a minute.

        Raises `BundleMissing`, which says where was looked and what was there; the next call looks again.
        """
        with self._locks[digest]:
            kept = self._kept(digest)
            if kept is not None:
                return kept
            bundle, where, reasons = self._found(workflow, digest)
            about = {"workflow": workflow, "digest": to_hex(digest)}
            if bundle is None:
                told = "; ".join(reasons) or "nowhere is there any"
                if (workflow, digest) not in self._missing:
                    self._missing.add((workflow, digest))
                    log.warning("bundle.missing", error=told, hint=_HINT, **about)
                wrong = (
                    f"no bundle of {workflow} has the digest {to_hex(digest)}, which the policy pins: {told}"
                )
                raise BundleMissing(wrong, _HINT)
            self._keep(bundle)
            self._missing.discard((workflow, digest))
            log.info("bundle.found", where=where, **about)
            return bundle

    def _found(self, workflow: str, digest: bytes) -> tuple[Bundle | None, str, list[str]]:
        """The bundle and where it was; else why it was found in none of the places."""
        reasons = []
        for where, look in self._looks(workflow, digest):
            try:
                bundle = look()
                if bundle.digest == digest:
                    return bundle, where, []
                reasons.append(f"{where} has the digest {to_hex(bundle.digest)}")
            except FolderError as error:
                # Most of these texts begin with the path.
                reasons.append(str(error) if where in str(error) else f"{where}: {error}")
            except SourceError as error:
                reasons.append(f"{where}: {error.message}")
            except OSError as error:
                reasons.append(f"{where}: cannot be read ({error.strerror})")
        left = len(reasons) - _MOST_REASONS
        return None, "", reasons[:_MOST_REASONS] + ([f"and {left} more"] if left > 0 else [])

    def _looks(self, workflow: str, digest: bytes) -> Iterator[Look]:
        if workflow in self._folders:
            yield str(self._folders[workflow]), partial(read_bundle, self._folders[workflow])
        for place in self._places.get(workflow, ()):
            if isinstance(place, Url):
                yield str(place), partial(_fetched, workflow, place, digest)
            else:
                yield from _versions(place, digest.hex())

    def _kept(self, digest: bytes) -> Bundle | None:
        """The bundle as it is kept here; None if it is not, or no longer what it was."""
        try:
            bundle = read_bundle(self._folder / digest.hex())
            return bundle if bundle.digest == digest else None
        except FolderError:
            return None

    def _keep(self, bundle: Bundle) -> None:
        """Puts the bundle into the folder, whole or not at all, whenever the machine stops."""
        name = bundle.digest.hex()
        new, spoilt = (self._folder / f".{name}.{secrets.token_hex(4)}" for _ in range(2))
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(new, bundle.files)
            if (self._folder / name).exists():
                (self._folder / name).rename(spoilt)
            new.rename(self._folder / name)
            _sync(self._folder)
        except OSError as error:
            wrong = f"the bundle {to_hex(bundle.digest)} cannot be kept in {self._folder}: {error.strerror}"
            raise BundleMissing(wrong, "make room there, and let the worker write into it") from None
        finally:
            for leftover in (new, spoilt):
                shutil.rmtree(leftover, ignore_errors=True)


def _versions(place: Path, name: str) -> Iterator[Look]:
    """Where in a folder a version may be: what bears the digest's name first."""
    try:
        entries = [place] if (place / ENTRY).is_file() else sorted(place.iterdir())
    except OSError as error:
        yield str(place), partial(_nothing, f"cannot be read ({error.strerror})")
        return
    named = {name, *(f"{name}{suffix}" for suffix in SUFFIXES)}
    versions = [entry for entry in entries if (entry / ENTRY).is_file() or entry.name.endswith(SUFFIXES)]
    if not versions:
        yield str(place), partial(_nothing, "no version of a workflow is there")
    for version in sorted(versions, key=lambda version: version.name not in named)[:_MOST_VERSIONS]:
        yield str(version), partial(read_bundle if version.is_dir() else _unpacked, version)


def _nothing(why: str) -> NoReturn:
    raise FolderError(why)


def _unpacked(path: Path) -> Bundle:
    with path.open("rb") as file:
        return unpack(file.read(MOST_ARCHIVE_BYTES + 1))


def _fetched(workflow: str, url: Url, digest: bytes) -> Bundle:
    address = url.value.replace(DIGEST, digest.hex())
    return unpack(download(f"the bundle of {workflow}", address, MOST_ARCHIVE_BYTES))


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    for inner in {folder, *((folder / path).parent for path in files)}:
        _sync(inner)


def _sync(folder: Path) -> None:
    """Makes the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
