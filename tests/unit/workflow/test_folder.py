"""A folder's bundle: what belongs to it, what is refused, and what pins its runtime."""

import os

import polars
import pytest

from worknet.protocol import bundle as protocol_bundle
from worknet.workflow import runtime
from worknet.workflow.errors import FolderError, RuntimeMismatchError
from worknet.workflow.folder import MOST_FILES, Bundle, read_bundle


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "workflow.py").write_bytes(b"x = 1\n")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "rule.py").write_bytes(b"")
    return tmp_path


def test_the_digest_is_that_of_the_protocol(folder):
    bundle = read_bundle(folder)
    assert bundle.files == {"workflow.py": b"x = 1\n", "parts/rule.py": b""}
    assert bundle.digest == protocol_bundle.digest(bundle.files)


def test_caches_tests_and_dot_files_do_not_belong_but_the_salt_does(folder):
    before = read_bundle(folder).digest
    for path in ("__pycache__/a.txt", "parts/__pycache__/x.pyc", "x.pyc", ".git/config", ".env",
                 "tests/test_x.py", "parts/.salt"):  # fmt: skip
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(b"secret")
    assert read_bundle(folder).digest == before
    (folder / ".salt").write_bytes(bytes(32))
    assert read_bundle(folder).digest != before
    (folder / "parts" / "tests").mkdir()
    (folder / "parts" / "tests" / "x.py").write_bytes(b"")
    assert "parts/tests/x.py" in read_bundle(folder).files


def test_times_and_modes_of_files_do_not_matter(folder):
    before = read_bundle(folder).digest
    os.utime(folder / "workflow.py", (0, 0))
    (folder / "workflow.py").chmod(0o755)
    assert read_bundle(folder).digest == before


def test_links_are_refused_also_of_folders(folder):
    (folder / "link.py").symlink_to(folder / "workflow.py")
    with pytest.raises(FolderError, match=r"link\.py: a link"):
        read_bundle(folder)
    (folder / "link.py").unlink()
    (folder / "link").symlink_to(folder / "parts")
    with pytest.raises(FolderError, match="link: a link"):
        read_bundle(folder)


def test_what_is_no_regular_file_is_refused(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(FolderError, match="not a regular file"):
        read_bundle(folder)


@pytest.mark.parametrize("name", ["a b.py", "é.py", "a\nb", "a\\b"])
def test_names_outside_the_alphabet_are_refused(folder, name):
    (folder / name).write_bytes(b"")
    with pytest.raises(FolderError, match="no path of a bundle"):
        read_bundle(folder)


def test_a_folder_without_a_workflow_or_that_is_none_is_refused(folder):
    (folder / "workflow.py").unlink()
    with pytest.raises(FolderError, match=r"no workflow\.py"):
        read_bundle(folder)
    with pytest.raises(FolderError, match="no such file"):
        read_bundle(folder / "none")
    with pytest.raises(FolderError, match="cannot be read"):
        read_bundle(folder / "parts" / "rule.py")


def test_a_folder_of_data_is_refused(folder):
    for number in range(MOST_FILES):
        (folder / f"{number}.csv").touch()
    with pytest.raises(FolderError, match="too large"):
        read_bundle(folder)


def test_parameters_are_exact_values():
    def parameters(content):
        return Bundle({"workflow.py": b"", "parameters.json": content}).parameters

    assert Bundle({"workflow.py": b""}).parameters == {}
    assert parameters(b'{ "b": [1, null],\n "a": "1.5" }') == {"b": [1, None], "a": "1.5"}
    for wrong in (b"", b"[]", b'{"a": 1.5}', b'{"a": 1e3}', b'{"a": NaN}', b'{"a": 1, "a": 1}', b"\xff",
                  b'{"a": 9007199254740992}', b'{"a": "\\ud800"}'):  # fmt: skip
        with pytest.raises(FolderError, match=r"parameters\.json"):
            parameters(wrong)


def bundle_with(content):
    return Bundle({"workflow.py": b"", "runtime.json": content})


def test_what_is_locked_here_fits_here():
    runtime.check(bundle_with(runtime.lock()))
    runtime.check(bundle_with(runtime.lock(["msgspec"])))
    assert runtime.pinned_packages(bundle_with(runtime.lock(["msgspec"]))).keys() == {"polars", "msgspec"}
    assert runtime.lock() == runtime.lock(["polars"])


def test_a_bundle_that_pins_nothing_is_refused():
    with pytest.raises(RuntimeMismatchError, match=r"no runtime\.json") as caught:
        runtime.check(Bundle({"workflow.py": b""}))
    assert "workflow lock" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"packages": {"polars": "0.1.0"}, "runner": 1}',
            "pins polars 0.1.0, installed is " + polars.__version__,
        ),
        (b'{"packages": {"polars": "%s"}, "runner": 2}' % polars.__version__.encode(), "runner 2"),
        (b'{"packages": {"polars": "%s"}, "runner": true}' % polars.__version__.encode(), "runner True"),
        (b'{"packages": {}, "runner": 1}', "keys"),
        (b'{"packages": [], "runner": 1}', "keys"),
        (b'{"runner": 1}', "keys"),
    ],
)
def test_a_bundle_for_another_runtime_is_refused(content, message):
    with pytest.raises(RuntimeMismatchError, match=message):
        runtime.check(bundle_with(content))


def test_a_package_that_is_not_installed_cannot_be_pinned():
    with pytest.raises(RuntimeMismatchError, match="no-such-package"):
        runtime.lock(["no-such-package"])
    pinned = runtime.lock().replace(b'"polars"', b'"no-such-package": "1", "polars"')
    with pytest.raises(RuntimeMismatchError, match="installed is none"):
        runtime.check(bundle_with(pinned))
