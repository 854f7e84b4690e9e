"""Fixtures of the tests of what arrives."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from worknet.node.journal import Journal, SqliteFile


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(SqliteFile(tmp_path / "journal.sqlite"), 1, b"\1" * 20, b"\2" * 20)
    yield journal
    journal.close()
