"""Datasets in object stores and on remote file systems, through fsspec: one object a reading.

fsspec speaks to S3, Google Cloud Storage, Azure, SFTP and more through drivers that are installed beside it.
None of them promises to end, so a reading runs in a thread that is left behind when its time is up.
"""

import importlib
import re
import threading
from collections.abc import Collection, Mapping
from typing import Any, Literal

import polars as pl

from worknet.protocol.tables import Schema
from worknet.sources.errors import (
    IncompleteError,
    NonsenseError,
    Origin,
    RefusedError,
    SourceError,
    UnavailableError,
)
from worknet.sources.forms import Forms, Numbers, Times
from worknet.sources.occasion import Occasion, check_template, fill
from worknet.sources.tabular import Layout, csv_rows, parquet_rows
from worknet.sources.waiting import repeated, within
from worknet.tables.repeated import Repeated

_PIECE = 1 << 20
_MOST_HANGING = 3
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/{}]*)(/.*)?", re.DOTALL)
# What tells one state of an object from another, as the file systems call it; they give some of these.
_STATE = (
    "size",
    "ETag",
    "etag",
    "LastModified",
    "last_modified",
    "mtime",
    "updated",
    "generation",
    "VersionId",
)


class ObjectSource:
    """Reads a dataset from an object or remote file.

    `url` is one that fsspec understands, such as `s3://bucket/{start:%Y/%m/%d}.parquet`; it may hold
    placeholders (see `occasion.fill`) after bucket or host, and no patterns. `options` are the arguments of
    fsspec's file system: credentials, endpoint. `format`, `time_column`, `columns`, `max_bytes`, `numbers`,
    `times`, `nulls` and `repeated` are as for `FileSource`.

    One attempt takes at most `timeout` seconds, all of them with their pauses at most `deadline`.
    """

    def __init__(
        self,
        dataset: str,
        schema: Schema,
        *,
        url: str,
        options: Mapping[str, Any] | None = None,
        format: Literal["csv", "parquet"] | None = None,
        time_column: str | None = None,
        columns: Mapping[str, str] | None = None,
        timeout: float = 60,
        retries: int = 2,
        deadline: float = 180,
        max_bytes: int = 1 << 28,
        numbers: Numbers = "exact",
        times: Times = "exact",
        nulls: Collection[str] = (),
        repeated: Repeated = "refused",
        backoff: float = 0.5,
    ) -> None:
        self._protocol, self._origin = _checked(dataset, url)
        kind = format or url.rpartition(".")[2].lower()
        if kind not in {"csv", "parquet"}:
            hint = 'set format to "csv" or "parquet"'
            raise NonsenseError(self._origin, "not an object of a known kind", hint)
        self._rows = csv_rows if kind == "csv" else parquet_rows
        forms = Forms.of(numbers, times, nulls, repeated)
        self._layout = Layout.of(schema, columns, time_column, self._origin, forms)
        self._url, self._options = url, dict(options or {})
        self._timeout, self._retries, self._deadline = timeout, retries, deadline
        self._max_bytes, self._backoff = max_bytes, backoff
        self._hanging, self._lock = set[object](), threading.Lock()
        self._system = file_system(self._protocol, self._origin)

    def __repr__(self) -> str:
        return f"ObjectSource({self._origin})"

    def read(self, occasion: Occasion) -> pl.DataFrame:
        """The occasion's rows; see `Source`."""
        window = self._layout.window(occasion, self._origin)
        url = fill(self._url, occasion, self._origin)
        content = repeated(
            lambda left: self._attempt(url, min(self._timeout, left)),
            retries=self._retries,
            backoff=self._backoff,
            deadline=self._deadline,
        )
        return self._rows(content, self._layout, window, self._origin)

    def check(self, occasion: Occasion) -> None:
        """See `PulledSource`."""
        self._layout.window(occasion, self._origin)
        fill(self._url, occasion, self._origin)

    def _attempt(self, url: str, seconds: float) -> bytes:
        with self._lock:
            if len(self._hanging) >= _MOST_HANGING:
                hint = "restart the worker, if the object store answers again"
                raise UnavailableError(self._origin, "earlier readings still hang", hint)
        reading, ended = object(), threading.Event()
        try:
            return within(seconds, lambda: self._ended(url, reading, ended))
        except TimeoutError:
            with self._lock:
                if not ended.is_set():
                    self._hanging.add(reading)
            hint = "is the object store up, and the timeout long enough for the object?"
            raise UnavailableError(self._origin, f"not read within {seconds:.3g} s", hint) from None

    def _ended(self, url: str, reading: object, ended: threading.Event) -> bytes:
        """The object; when that is known, the reading hangs no more, if it did."""
        try:
            return self._content(url)
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001 - each driver has errors of its own
            raise driver_fault(error, self._origin) from None
        finally:
            with self._lock:
                ended.set()
                self._hanging.discard(reading)

    def _content(self, url: str) -> bytes:
        """The whole object, which was the same before and after it was read."""
        # A file system of its own for each reading: no listing of an earlier one, no expired credentials.
        system = self._system(skip_instance_cache=True, use_listings_cache=False, **self._options)
        path = system._strip_protocol(url)
        before = system.info(path)
        if before.get("type") == "directory":
            raise NonsenseError(self._origin, "a folder", "name the object itself")
        if (before.get("size") or 0) > self._max_bytes:
            raise self._too_large()
        content = bytearray()
        with system.open(path, "rb") as stream:
            while piece := stream.read(_PIECE):
                content += piece
                if len(content) > self._max_bytes:
                    raise self._too_large()
        system.invalidate_cache()
        after = system.info(path)
        same = all(before.get(name) == after.get(name) for name in _STATE)
        if not same or before.get("size") not in {None, len(content)}:
            hint = "write it under another name, or once only"
            raise IncompleteError(self._origin, "changed while it was read", hint)
        return bytes(content)

    def _too_large(self) -> NonsenseError:
        return NonsenseError(
            self._origin, f"larger than {self._max_bytes} bytes", "split it, an object per window"
        )


def _checked(dataset: str, url: str) -> tuple[str, Origin]:
    """The protocol of the URL, and bucket or host as the place that errors name."""
    nowhere = Origin(dataset, "")
    parts = _URL.fullmatch(url)
    if parts is None:
        hint = "protocol://bucket/path; a placeholder may stand in the path only"
        raise NonsenseError(nowhere, "the url is no address of an object", hint)
    user, _, place = parts[2].rpartition("@")
    origin = Origin(dataset, f"{parts[1]}://{place}")
    if ":" in user:
        raise NonsenseError(origin, "a password in the url", "put it into options, as a reference")
    if "::" in url:
        raise NonsenseError(origin, "a chain of file systems", "name one object")
    patterns = "*[]" if parts[1] in {"http", "https"} else "*?[]"
    if any(mark in url for mark in patterns):
        raise NonsenseError(origin, "a pattern in the url", "name one object; {start} tells it from others")
    check_template(url, origin)
    return parts[1], origin


def file_system(protocol: str, origin: Origin) -> Any:
    """fsspec's class for the protocol; `RefusedError` names the package that is missing."""
    try:
        registry = importlib.import_module("fsspec.registry")
    except ImportError:
        raise RefusedError(origin, "fsspec is not installed", "pip install 'worknet[objects]'") from None
    try:
        return registry.get_filesystem_class(protocol)
    except ImportError:
        told = registry.known_implementations.get(protocol, {}).get("err", "")
        raise RefusedError(origin, f"the driver of {protocol}:// is not installed", told) from None
    except ValueError:
        raise NonsenseError(
            origin, f"{protocol}:// is not known to fsspec", "s3, gcs, abfs, sftp, ..."
        ) from None


def driver_fault(error: Exception, origin: Origin) -> SourceError:
    """What an error of a driver means. Its text may hold addresses and keys: it is not shown."""
    name, status = type(error).__name__, getattr(error, "status", None)
    if isinstance(error, FileNotFoundError):
        return UnavailableError(origin, "there is no such object", "it may come later")
    if isinstance(error, IsADirectoryError):
        return NonsenseError(origin, "a folder", "name the object itself")
    if isinstance(error, PermissionError) or status in {401, 403} or "Credential" in name or "Auth" in name:
        hint = "are the credentials right, not expired, and allowed to read it?"
        return RefusedError(origin, "the object store refused access", hint)
    if isinstance(error, TypeError):
        # Some drivers look at their options only when they connect.
        hint = "they are the arguments of fsspec's file system"
        return NonsenseError(origin, "the driver's options do not fit", hint)
    if isinstance(error, ImportError):
        return RefusedError(origin, "the driver lacks a package", str(error.name or ""))
    told = f" (status {status})" if isinstance(status, int) else ""
    hint = "is the object store up, and the address right?"
    return UnavailableError(origin, f"cannot be read: {name}{told}", hint)
