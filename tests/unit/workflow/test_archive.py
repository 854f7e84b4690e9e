"""A bundle in an archive: packed alike everywhere, and unpacked only if it is harmless."""

import gzip
import io
import stat
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from worknet.workflow.archive import pack, unpack
from worknet.workflow.errors import FolderError
from worknet.workflow.folder import MOST_BYTES, MOST_FILES, Bundle, read_bundle

BUNDLE = Bundle({"workflow.py": b"print()\n", "rule/match.py": b"", ".salt": b"x", "parameters.json": b"{}"})


def tar(*entries: tuple[str, bytes] | tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    content = io.BytesIO()
    with tarfile.open(mode=mode, fileobj=content) as archive:  # type: ignore[call-overload]  # a mode is one
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry, io.BytesIO(bytes(entry.size)))
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                archive.addfile(info, io.BytesIO(entry[1]))
    return content.getvalue()


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return content.getvalue()


def special(kind: bytes, name: str = "link", target: str = "workflow.py") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


ENTRY = ("workflow.py", b"print()\n")


def test_what_is_packed_is_unpacked_as_it_was() -> None:
    assert unpack(pack(BUNDLE)) == BUNDLE


def test_an_archive_has_nothing_of_its_machine_in_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for path in ("workflow.py", "zero.py", "a.py"):
            (tmp_path / name / path).write_bytes(BUNDLE.files["workflow.py"])
    (tmp_path / "two" / "workflow.py").chmod(0o755)
    assert pack(read_bundle(tmp_path / "one")) == pack(read_bundle(tmp_path / "two"))


@pytest.mark.parametrize("make", [tar, zipped])
@pytest.mark.parametrize("prefix", ["", "./", "matching/", "./matching/"])
def test_a_folder_packed_by_hand_is_the_bundle_that_is_read_from_it(
    make: Callable[..., bytes], prefix: str
) -> None:
    extra = {"tests/test_it.py": b"x", ".git/config": b"x", "__pycache__/a.pyc": b"x", ".hidden": b"x"}
    files = {**BUNDLE.files, **extra}
    assert unpack(make(*((prefix + name, data) for name, data in files.items()))) == BUNDLE


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "no archive"),
        (b"<html>", "no archive"),
        (b"\x1f\x8bxx", "cannot be read"),
        (b"PKxx", "cannot be read"),
        (pack(BUNDLE)[:-30], "cannot be read"),
        (gzip.compress(b"text"), "cannot be read"),
        (tar(), "no workflow.py"),
        (tar(("other.py", b"")), "no workflow.py"),
        (tar(ENTRY, special(tarfile.SYMTYPE)), "a link"),
        (tar(ENTRY, special(tarfile.LNKTYPE)), "a link"),
        (tar(ENTRY, special(tarfile.FIFOTYPE)), "special file"),
        (tar(ENTRY, special(tarfile.CHRTYPE)), "special file"),
        (zipped(ENTRY, (zip_link(), b"/etc/passwd")), "a link"),
        (tar(ENTRY, ("/etc/passwd", b"")), "leads out"),
        (tar(ENTRY, ("../x.py", b"")), "leads out"),
        (tar(ENTRY, ("a/../../x.py", b"")), "leads out"),
        (zipped(ENTRY, ("../x.py", b"")), "leads out"),
        (zipped(ENTRY, ("a//x.py", b"")), "leads out"),
        (zipped(ENTRY, ("C:\\x.py", b"")), "no path of a bundle"),
        (tar(ENTRY, ("ümlaut.py", b"")), "no path of a bundle"),
        (tar(ENTRY, ENTRY), "twice"),
        (tar(ENTRY, ("./workflow.py", b"")), "twice"),
        (tar(ENTRY, *((f"f{n}.py", b"") for n in range(MOST_FILES))), "too large"),
        (zipped(ENTRY, *((f"f{n}.py", b"") for n in range(2 * MOST_FILES))), "too many files"),
        (tar(ENTRY, ("big.bin", bytes(MOST_BYTES))), "too large"),
        (zipped(ENTRY, ("big.bin", bytes(MOST_BYTES))), "too large"),
    ],
    # Archives hold the time at which they were made, which is no part of a test's name.
    ids=lambda value: value if isinstance(value, str) else "archive",
)
def test_what_is_no_harmless_bundle_is_refused(content: bytes, wrong: str) -> None:
    with pytest.raises(FolderError, match=wrong) as caught:
        unpack(content)
    assert caught.value.hint


def bomb_in_tar() -> bytes:
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=9) as compressed:
        for _ in range(64):
            compressed.write(bytes(1 << 20))
    return content.getvalue()


@pytest.mark.parametrize(
    "content", [bomb_in_tar(), zipped(("workflow.py", bytes(64 << 20)))], ids=["tar", "zip"]
)
def test_a_bomb_is_refused_without_being_unpacked(content: bytes) -> None:
    assert len(content) < 1 << 20
    tracemalloc.start()
    with pytest.raises(FolderError, match="too large"):
        unpack(content)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 * MOST_BYTES


def test_a_sparse_file_of_any_size_is_refused() -> None:
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 40)}
    info = tarfile.TarInfo("sparse.bin")
    info.pax_headers, info.size = {**headers, "GNU.sparse.name": "sparse.bin"}, 512
    content = io.BytesIO()
    with tarfile.open(mode="w:gz", fileobj=content, format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("workflow.py"))
        archive.addfile(info, io.BytesIO(b"1\n0\n512\n".ljust(512, b"\0")))
    with pytest.raises(FolderError, match=r"special file|cannot be read"):
        unpack(content.getvalue())
