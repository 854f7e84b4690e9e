"""Versions of a workflow's bundle side by side: found by their digest, wherever they are, or refused."""

import io
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.logs import logged

from worknet.config import Url
from worknet.node import bundles as module
from worknet.node.bundles import Bundles, Place
from worknet.node.errors import BundleMissing
from worknet.workflow.archive import pack
from worknet.workflow.folder import Bundle

ONE, TWO, THREE = (Bundle({"workflow.py": f"print({n})\n".encode(), "rule/a.py": b""}) for n in (1, 2, 3))

Make = Callable[..., Bundles]


@pytest.fixture
def bundles(tmp_path: Path) -> Make:
    """The bundles of a worker; network.toml names a folder with the first version."""

    def make(*places: Place) -> Bundles:
        return Bundles(tmp_path / "data" / "bundles", {"tried": tmp_path / "tried"}, {"tried": places})

    put(tmp_path / "tried", ONE)
    return make


def put(folder: Path, bundle: Bundle) -> None:
    for path, content in bundle.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def kept(tmp_path: Path) -> list[str]:
    folder = tmp_path / "data" / "bundles"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_bundle_stays_when_the_owner_s_folder_has_become_another(bundles: Make, tmp_path: Path) -> None:
    ours = bundles()
    assert ours.get("tried", ONE.digest) == ONE
    put(tmp_path / "tried", TWO)
    assert (ours.get("tried", TWO.digest), ours.get("tried", ONE.digest)) == (TWO, ONE)
    assert kept(tmp_path) == sorted(bundle.digest.hex() for bundle in (ONE, TWO))
    assert bundles().get("tried", ONE.digest) == ONE


def test_what_is_kept_is_for_its_owner_s_eyes_only(bundles: Make, tmp_path: Path) -> None:
    bundles().get("tried", ONE.digest)
    for path in (tmp_path / "data" / "bundles").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


@pytest.mark.parametrize(
    "name", ["versions/v2", "versions", "versions/{}", "versions/{}.tar.gz", "versions/any.tar.gz"]
)
def test_a_further_folder_is_a_version_or_has_versions_in_it(
    bundles: Make, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name.format(TWO.digest.hex())
    if name.endswith(".gz"):
        path.parent.mkdir()
        path.write_bytes(pack(TWO))
    else:
        put(path, TWO)
    assert bundles(tmp_path / "none", tmp_path / "versions").get("tried", TWO.digest) == TWO


def test_no_bundle_with_the_digest_is_told_with_what_is_where(bundles: Make, tmp_path: Path) -> None:
    put(tmp_path / "versions" / "v2", TWO)
    (tmp_path / "versions" / "x.zip").write_bytes(b"PK no zip")
    with pytest.raises(BundleMissing) as caught:
        bundles(tmp_path / "versions", tmp_path / "none").get("tried", THREE.digest)
    told = str(caught.value)
    assert f"0x{THREE.digest.hex()}" in told
    assert f"{tmp_path / 'tried'} has the digest 0x{ONE.digest.hex()}" in told
    assert f"{tmp_path / 'versions' / 'v2'} has the digest 0x{TWO.digest.hex()}" in told
    assert f"{tmp_path / 'versions' / 'x.zip'}: the archive cannot be read" in told
    assert f"{tmp_path / 'none'}: cannot be read (No such file or directory)" in told
    assert "bundles" in caught.value.hint


def test_a_bundle_that_is_not_the_one_it_is_called_is_neither_kept_nor_given(
    bundles: Make, tmp_path: Path
) -> None:
    put(tmp_path / "versions" / THREE.digest.hex(), TWO)
    with pytest.raises(BundleMissing, match=f"{THREE.digest.hex()} has the digest 0x{TWO.digest.hex()}"):
        bundles(tmp_path / "versions").get("tried", THREE.digest)
    assert kept(tmp_path) == []


def test_a_missing_bundle_is_told_once_and_again_when_it_is_found(bundles: Make, tmp_path: Path) -> None:
    ours = bundles(tmp_path / "versions")
    with logged(module) as told:
        for _ in range(3):
            with pytest.raises(BundleMissing):
                ours.get("tried", TWO.digest)
        put(tmp_path / "versions" / "v2", TWO)
        ours.get("tried", TWO.digest)
        ours.get("tried", TWO.digest)
    assert [(line["event"], line["digest"]) for line in told] == [
        ("bundle.missing", f"0x{TWO.digest.hex()}"),
        ("bundle.found", f"0x{TWO.digest.hex()}"),
    ]


def test_a_bundle_that_was_spoilt_on_disk_is_fetched_anew(bundles: Make, tmp_path: Path) -> None:
    ours = bundles()
    ours.get("tried", ONE.digest)
    (tmp_path / "data" / "bundles" / ONE.digest.hex() / "workflow.py").write_bytes(b"evil()")
    assert ours.get("tried", ONE.digest) == ONE
    assert bundles().get("tried", ONE.digest) == ONE
    assert kept(tmp_path) == [ONE.digest.hex()]


def test_what_an_interrupted_start_left_is_removed(bundles: Make, tmp_path: Path) -> None:
    put(tmp_path / "data" / "bundles" / f".{TWO.digest.hex()}.0123", TWO)
    bundles()
    assert kept(tmp_path) == []


def test_a_bundle_that_cannot_be_kept_is_told(bundles: Make, tmp_path: Path) -> None:
    ours = bundles()
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(BundleMissing, match="cannot be kept") as caught:
        ours.get("tried", ONE.digest)
    assert caught.value.hint


# From an address


class Server:
    """A server of archives, by the name that is asked for; what is no bytes is a status, or a redirect."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | int | str] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                found = server.files.get(self.path, 404)
                status = found if isinstance(found, int) else 302 if isinstance(found, str) else 200
                self.send_response(status)
                if isinstance(found, str):
                    self.send_header("Location", found)
                body = found if isinstance(found, bytes) else b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Not onto the tests' output."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}).start()

    @property
    def place(self) -> Url:
        return Url(f"{self.url.replace('//', '//alice:hunter2@')}/{{digest}}.tar.gz")

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def test_a_bundle_is_fetched_from_an_address_once(bundles: Make, server: Server) -> None:
    name = f"/{TWO.digest.hex()}.tar.gz"
    server.files = {name: "/elsewhere", "/elsewhere": pack(TWO)}
    ours = bundles(server.place)
    assert (ours.get("tried", TWO.digest), ours.get("tried", TWO.digest)) == (TWO, TWO)
    assert server.asked == [name, "/elsewhere"]


def links() -> bytes:
    content = io.BytesIO()
    with tarfile.open(mode="w:gz", fileobj=content) as archive:
        link = tarfile.TarInfo("workflow.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return content.getvalue()


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (404, "status 404"),
        ("http://127.0.0.1:1/", "redirects to another server"),
        (b"<html>", "no archive"),
        (links(), "a link"),
        (bytes(20 << 20), "larger than"),
        (pack(THREE), f"has the digest 0x{THREE.digest.hex()}"),
    ],
)
def test_what_an_address_gives_otherwise_is_refused_and_asked_for_again_later(
    bundles: Make, server: Server, tmp_path: Path, answer: bytes | int | str, wrong: str
) -> None:
    name = f"/{TWO.digest.hex()}.tar.gz"
    server.files = {name: answer}
    ours = bundles(server.place)
    with pytest.raises(BundleMissing, match=wrong) as caught:
        ours.get("tried", TWO.digest)
    assert f"0x{TWO.digest.hex()}" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert kept(tmp_path) == []
    server.files = {name: pack(TWO)}
    assert ours.get("tried", TWO.digest) == TWO
