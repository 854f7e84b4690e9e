"""Objects read through fsspec: local files, a real HTTP server, and a file system that fails in every way."""

import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources import (
    IncompleteError,
    NonsenseError,
    Occasion,
    RefusedError,
    SchemaViolationError,
    SourceError,
    UnavailableError,
)
from worknet.sources.objects import ObjectSource

SCHEMA = Schema((Column("meter", "str"), Column("wh", "int")), ("meter",))
OCCASION = Occasion(Window(1767225600, 1767229200))
ROWS = b"meter,wh\nb,2\na,1\n"
EXPECTED = [{"meter": "a", "wh": 1}, {"meter": "b", "wh": 2}]


class Faulty(MemoryFileSystem):
    """Files in memory, and a fault that a test has put in the way of reading them."""

    protocol = "faulty"
    store: dict[str, Any] = {}  # noqa: RUF012 - as in the class above, one store for all instances
    pseudo_dirs: list[str] = [""]  # noqa: RUF012
    fault: Any = None
    opened = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("faulty://").strip("/")

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        stream = super()._open(path, mode, **options)
        if mode == "rb":
            type(self).opened += 1
            if Faulty.fault is not None:
                Faulty.fault(self, path)
        return stream


@pytest.fixture
def faulty() -> Iterator[type[Faulty]]:
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    Faulty.store.clear()
    Faulty.pseudo_dirs[:] = [""]
    Faulty.fault, Faulty.opened = None, 0
    Faulty(skip_instance_cache=True).pipe_file("/x/rows.csv", ROWS)
    yield Faulty
    Faulty.fault = None


def source(url: str, **options: Any) -> ObjectSource:
    return ObjectSource("meters", SCHEMA, **{"url": url, "retries": 0, "backoff": 0.01, **options})


def read(url: str, **options: Any) -> list[dict[str, Any]]:
    return source(url, **options).read(OCCASION).to_dicts()


def test_an_object_of_csv_is_read(tmp_path: Path) -> None:
    (tmp_path / "2026" / "01").mkdir(parents=True)
    (tmp_path / "2026" / "01" / "00.csv").write_bytes(ROWS)
    assert read(f"file://{tmp_path}/{{start:%Y/%m/%H}}.csv") == EXPECTED


def test_an_object_of_parquet_is_cut_down_to_the_window(tmp_path: Path) -> None:
    content = io.BytesIO()
    frame = pl.DataFrame({"m": ["b", "a", "z"], "wh": [2, 1, 9], "t": [1767225600, 1767229199, 1767229200]})
    frame.write_parquet(content)
    (tmp_path / "all").write_bytes(content.getvalue())
    options = {"format": "parquet", "time_column": "t", "columns": {"meter": "m"}}
    assert read(f"file://{tmp_path}/all", **options) == EXPECTED


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_object_behind_http_is_read(web: str, tmp_path: Path) -> None:
    (tmp_path / "1767225600.csv").write_bytes(ROWS)
    assert read(f"{web}/{{start}}.csv") == EXPECTED
    with pytest.raises(UnavailableError, match="there is no such object") as caught:
        read(f"{web}/other.csv")
    assert str(caught.value).startswith(f"dataset meters from {web}: ")


def test_a_newer_object_of_the_same_name_is_seen(faulty: type[Faulty]) -> None:
    rows = source("faulty://x/rows.csv")
    assert rows.read(OCCASION).height == 2
    Faulty(skip_instance_cache=True).pipe_file("/x/rows.csv", b"meter,wh\nc,3\n")
    assert rows.read(OCCASION).to_dicts() == [{"meter": "c", "wh": 3}]


def test_an_object_that_changes_while_it_is_read_is_incomplete(faulty: type[Faulty]) -> None:
    faulty.fault = lambda system, path: system.pipe_file(path, ROWS + b"c,3\n")
    with pytest.raises(IncompleteError, match="changed while it was read") as caught:
        read("faulty://x/rows.csv")
    assert caught.value.transient


def raising(error: Exception) -> Any:
    def fault(*_: Any) -> None:
        raise error

    return fault


class NoCredentialsError(Exception):
    pass


class AnswerError(Exception):
    status = 503


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (PermissionError("s3cret"), RefusedError, "refused access"),
        (NoCredentialsError("s3cret"), RefusedError, "refused access"),
        (FileNotFoundError("s3cret"), UnavailableError, "no such object"),
        (OSError("s3cret"), UnavailableError, "cannot be read: OSError"),
        (ConnectionResetError("s3cret"), UnavailableError, "cannot be read: ConnectionResetError"),
        (AnswerError("s3cret"), UnavailableError, r"cannot be read: AnswerError \(status 503\)"),
        (RuntimeError("s3cret"), UnavailableError, "cannot be read: RuntimeError"),
        (ImportError("s3cret", name="paramiko"), RefusedError, "the driver lacks a package"),
    ],
)
def test_a_driver_s_error_is_told_without_its_text(
    faulty: type[Faulty], error: Exception, kind: type[SourceError], message: str
) -> None:
    faulty.fault = raising(error)
    with pytest.raises(kind, match=message) as caught:
        read("faulty://x/rows.csv")
    assert "s3cret" not in str(caught.value) + caught.value.hint


def test_a_fault_that_passes_is_survived(faulty: type[Faulty]) -> None:
    def once(*_: Any) -> None:
        if faulty.opened < 3:
            raise ConnectionResetError

    faulty.fault = once
    assert read("faulty://x/rows.csv", retries=2) == EXPECTED
    assert faulty.opened == 3


def test_a_store_that_hangs_is_not_waited_for_and_not_asked_without_end(faulty: type[Faulty]) -> None:
    hold = threading.Event()
    faulty.fault = lambda *_: hold.wait(10)
    hanging = source("faulty://x/rows.csv", timeout=0.05)
    started = time.monotonic()
    try:
        for _ in range(3):
            with pytest.raises(UnavailableError, match=r"not read within 0.05 s"):
                hanging.read(OCCASION)
        with pytest.raises(UnavailableError, match="earlier readings still hang"):
            hanging.read(OCCASION)
        assert time.monotonic() - started < 2
        assert faulty.opened == 3
    finally:
        hold.set()
    faulty.fault = None
    while hanging._hanging:
        time.sleep(0.01)
    assert hanging.read(OCCASION).height == 2


def test_readings_that_go_on_at_once_do_not_count_as_hanging(faulty: type[Faulty]) -> None:
    occasions = [Occasion(Window(start, start + 60)) for start in range(0, 300, 60)]
    for occasion in occasions:
        assert occasion.window is not None
        Faulty(skip_instance_cache=True).pipe_file(f"/x/{occasion.window.start}.csv", ROWS)
    together = threading.Barrier(len(occasions))
    faulty.fault = lambda *_: together.wait(10)
    shared = source("faulty://x/{start}.csv", timeout=20)
    with ThreadPoolExecutor(len(occasions)) as threads:
        assert [frame.height for frame in threads.map(shared.read, occasions)] == [2] * len(occasions)


def test_a_large_object_is_refused_before_and_while_it_is_read(
    faulty: type[Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NonsenseError, match="larger than 10 bytes"):
        read("faulty://x/rows.csv", max_bytes=10)
    assert faulty.opened == 0
    monkeypatch.setattr(Faulty, "info", lambda *_, **__: {"type": "file", "size": None})
    with pytest.raises(NonsenseError, match="larger than 10 bytes"):
        read("faulty://x/rows.csv", max_bytes=10)
    assert faulty.opened == 1


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"meter,wh\na,1.0\n", SchemaViolationError, "line 2, column wh: not an integer"),
        (b"meter,wh\na,1", IncompleteError, "ends in the middle of a line"),
        (b"", IncompleteError, "ends in the middle of a line"),
    ],
)
def test_an_object_that_is_no_such_table_is_told(
    faulty: type[Faulty], content: bytes, error: type[SourceError], message: str
) -> None:
    Faulty(skip_instance_cache=True).pipe_file("/x/rows.csv", content)
    with pytest.raises(error, match=message):
        read("faulty://x/rows.csv")


def test_a_folder_is_no_object(faulty: type[Faulty]) -> None:
    with pytest.raises(NonsenseError, match="a folder"):
        read("faulty://x", format="csv")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("rows.csv", "no address of an object"),
        ("s3://{event.bucket}/x.csv", "no address of an object"),
        ("file:///tmp/*.csv", "a pattern"),
        ("file:///tmp/?.csv", "a pattern"),
        ("file:///tmp/[ab].csv", "a pattern"),
        ("zip://x.csv::file:///tmp/x.zip", "a chain"),
        ("sftp://user:s3cret@host/x.csv", "a password in the url"),
        ("nowhere://x/x.csv", "not known to fsspec"),
        ("file:///tmp/x", "not an object of a known kind"),
        ("file:///tmp/{begin}.csv", "no placeholder"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused_at_once(url: str, message: str) -> None:
    with pytest.raises(NonsenseError, match=message) as caught:
        source(url)
    assert "s3cret" not in str(caught.value)


def test_a_driver_that_is_missing_is_named() -> None:
    with pytest.raises(RefusedError, match="the driver of gcs:// is not installed") as caught:
        source("gcs://bucket/x.csv")
    assert "gcsfs" in caught.value.hint


def test_options_that_do_not_fit_are_told_without_their_values(
    faulty: type[Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    def choosy(*_: Any, **options: Any) -> None:
        raise TypeError(f"unexpected {options}")

    monkeypatch.setattr(Faulty, "__init__", choosy)
    with pytest.raises(NonsenseError, match="the driver's options do not fit") as caught:
        read("faulty://x/rows.csv", options={"token": "s3cret"})
    assert "s3cret" not in str(caught.value)


def test_an_event_cannot_lead_to_another_object(faulty: type[Faulty]) -> None:
    rows = source("faulty://x/{event.name}.csv")
    assert rows.read(Occasion(event={"name": "rows"})).height == 2
    with pytest.raises(RefusedError, match="the event's name"):
        rows.read(Occasion(event={"name": "../x/rows"}))
