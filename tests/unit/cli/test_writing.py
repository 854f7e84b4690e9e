"""Files that a command writes are for its caller's eyes, whatever lies there already."""

import stat
from pathlib import Path

import pytest

from worknet.cli.writing import write_whole
from worknet.node.errors import RequestError


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "evidence.json"


def test_what_a_broken_command_left_for_everybody_is_not_written_into(target: Path) -> None:
    left = target.with_name("evidence.json.part")
    left.write_bytes(b"half")
    left.chmod(0o666)
    write_whole(target, b"whole")
    assert target.read_bytes() == b"whole"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_link_in_its_way_is_not_followed(target: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    target.with_name("evidence.json.part").symlink_to(other)
    write_whole(target, b"whole")
    assert (target.read_bytes(), other.read_bytes()) == (b"whole", b"mine")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be written"):
        write_whole(tmp_path / "missing" / "evidence.json", b"whole")
