"""Channels for statements: folders, object stores and HTTP servers, and what members may put into them."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from worknet.sources import NonsenseError, RefusedError, UnavailableError
from worknet.sources.channels import Channel, Found, channels_from, statement_name

VOTING = b"\x11" * 32
OPTIONS: dict[str, Any] = {
    "folder": None,
    "url": None,
    "driver": {},
    "peers": [],
    "tls_ca": None,
    "timeout": 2.0,
    "max_bytes": 1000,
}


def channel(**options: Any) -> Channel:
    [made] = channels_from(**{**OPTIONS, **options})
    return made


@pytest.fixture(params=["folder", "file://", "memory://"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Channel]:
    """A channel over which statements are brought."""
    if request.param == "folder":
        yield channel(folder=tmp_path / "shared")
        return
    yield channel(url=f"{request.param}{tmp_path}/shared")
    MemoryFileSystem.store.clear()


def contents(found: Iterator[Found]) -> list[bytes]:
    given = list(found)
    assert not [each.fault for each in given if each.fault]
    return [each.content for each in given]


def test_what_one_member_brings_another_gets(shared: Channel) -> None:
    for worker in (0, 2):
        shared.put(VOTING, 1, worker, b"of %d" % worker)
    assert contents(shared.get(VOTING, 1, {0, 1, 2})) == [b"of 0", b"of 2"]


def test_nothing_is_there_before_anybody_has_brought_something(shared: Channel) -> None:
    assert contents(shared.get(VOTING, 1, {0, 1})) == []


def test_only_the_workers_that_are_asked_for_are_looked_at(shared: Channel) -> None:
    shared.put(VOTING, 1, 0, b"of 0")
    assert contents(shared.get(VOTING, 1, {1})) == []


def test_another_attempt_has_other_statements(shared: Channel) -> None:
    shared.put(VOTING, 1, 0, b"of 0")
    assert contents(shared.get(VOTING, 2, {0})) == []


def test_a_statement_may_be_brought_again(shared: Channel) -> None:
    shared.put(VOTING, 1, 0, b"first")
    shared.put(VOTING, 1, 0, b"second")
    assert contents(shared.get(VOTING, 1, {0})) == [b"second"]


def test_a_statement_that_is_too_large_is_told_and_hides_no_other(shared: Channel) -> None:
    shared.put(VOTING, 1, 0, b"x" * 1001)
    shared.put(VOTING, 1, 1, b"x" * 1000)
    large, other = shared.get(VOTING, 1, {0, 1})
    assert "1000 bytes" in large.fault
    assert other.content == b"x" * 1000


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_no_file_in_a_folder_is_told_and_never_waited_for(tmp_path: Path, kind: str) -> None:
    place = tmp_path / statement_name(VOTING, 1, 0)
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "link":
        (tmp_path / "secret").write_bytes(b"not to be read")
        place.symlink_to(tmp_path / "secret")
    else:
        place.mkdir()
    [found] = channel(folder=tmp_path).get(VOTING, 1, {0})
    assert found.fault
    assert not found.content


def test_a_link_that_another_member_has_put_there_is_not_written_through(tmp_path: Path) -> None:
    own = tmp_path / "journal.sqlite"
    own.write_bytes(b"salts")
    shared = tmp_path / "shared"
    shared.mkdir()
    name = statement_name(VOTING, 1, 0)
    for place in (name, f".{name}.part"):
        (shared / place).symlink_to(own)
    channel(folder=shared).put(VOTING, 1, 0, b"whole")
    assert own.read_bytes() == b"salts"
    assert contents(channel(folder=shared).get(VOTING, 1, {0})) == [b"whole"]


def test_a_folder_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    stuck = channel(folder=tmp_path, timeout=0.05)
    monkeypatch.setattr(os, "fsync", lambda _: go.wait(10))
    with pytest.raises(UnavailableError, match="not done within"):
        stuck.put(VOTING, 1, 0, b"x")
    [found] = stuck.get(VOTING, 1, {0, 1})
    go.set()
    assert "still hangs" in found.fault


def test_no_half_of_a_statement_is_ever_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    shared = channel(folder=tmp_path)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UnavailableError, match="cannot be written: No space left on device"):
        shared.put(VOTING, 1, 0, b"whole")
    assert contents(shared.get(VOTING, 1, {0})) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError, match="cannot be written"):
        channel(folder=tmp_path / "file" / "shared").put(VOTING, 1, 0, b"x")


class Hanging(MemoryFileSystem):
    """A file system that does not answer until it is told to."""

    protocol = "hanging"
    go = threading.Event()

    def _open(self, *_: Any, **__: Any) -> Any:
        self.go.wait(10)
        raise FileNotFoundError


def test_an_object_store_that_hangs_is_left_behind_and_not_asked_again_meanwhile() -> None:
    fsspec.register_implementation("hanging", Hanging, clobber=True)
    Hanging.go.clear()
    stuck = channel(url="hanging://x", timeout=0.05)
    [first] = stuck.get(VOTING, 1, {0, 1})
    [second] = stuck.get(VOTING, 1, {0, 1})
    with pytest.raises(UnavailableError, match="still hangs"):
        stuck.put(VOTING, 1, 0, b"x")
    Hanging.go.set()
    assert "not done within" in first.fault
    assert "still hangs" in second.fault


class Broken(MemoryFileSystem):
    """A file system whose every error holds a secret."""

    protocol = "broken"

    def _open(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("https://user:hunter2@host")

    def pipe_file(self, *_: Any, **__: Any) -> Any:
        raise PermissionError("hunter2")


def test_a_fault_of_an_object_store_is_told_without_its_text() -> None:
    fsspec.register_implementation("broken", Broken, clobber=True)
    broken = channel(url="broken://bucket/path")
    [found] = broken.get(VOTING, 1, {0})
    assert "RuntimeError" in found.fault
    with pytest.raises(RefusedError, match="refused access") as caught:
        broken.put(VOTING, 1, 0, b"x")
    assert "hunter2" not in found.fault + str(caught.value)


def test_a_password_in_the_url_is_refused() -> None:
    with pytest.raises(NonsenseError, match="a password in the url"):
        channel(url="sftp://user:hunter2@host/path")


class Peer(BaseHTTPRequestHandler):
    """A worker's server, of which each path answers as a test says."""

    answers: dict[str, bytes | int] = {}  # noqa: RUF012 - the tests fill it

    def do_GET(self) -> None:
        answer = self.answers.get(self.path, 404)
        self.send_response(answer if isinstance(answer, int) else 200)
        content = answer if isinstance(answer, bytes) else b""
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def peer() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Peer.answers = {}
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


PATH = f"/statements/0x{VOTING.hex()}/1"


def test_peers_are_asked_for_their_statements(peer: str) -> None:
    Peer.answers = {PATH: b"root", f"/inner{PATH}": b"inner"}
    asked = channel(peers=[peer, f"{peer}/", f"{peer}/inner"])
    assert contents(asked.get(VOTING, 1, {0})) == [b"root", b"root", b"inner"]


def test_a_peer_without_a_statement_has_none(peer: str) -> None:
    assert contents(channel(peers=[peer]).get(VOTING, 1, {0})) == []


def test_faults_of_peers_are_told_and_hide_no_other(peer: str) -> None:
    Peer.answers = {PATH: b"good", f"/large{PATH}": b"x" * 1001, f"/down{PATH}": 500, f"/no{PATH}": 403}
    asked = channel(peers=[f"{peer}/large", f"{peer}/down", f"{peer}/no", "http://127.0.0.1:1", peer])
    *faults, good = asked.get(VOTING, 1, {0})
    assert good.content == b"good"
    assert [each.fault.partition(" (")[0] for each in faults] == [
        "the answer is larger than 1000 bytes",
        "the server answered with status 500",
        "the server refused access",
        "no connection",
    ]


def test_nothing_is_brought_to_peers(peer: str) -> None:
    channel(peers=[peer]).put(VOTING, 1, 0, b"x")
