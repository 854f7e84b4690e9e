"""Evidence of one sound voting (that of the vectors), bent by a test before ids, hashes and trees are made.

What is changed in a `Voted` fits together with all else, so that only the rule under test can refuse it;
what is changed in a document afterwards does not.
"""

from pathlib import Path

import pytest
from tools.vectors.voted import Voted, text_of

from worknet.verify import Evidence, parse


def file_of(voted, shown=None, **options):
    """The bytes of evidence about the voting."""
    return text_of(voted.document(shown, **options)).encode()


def read(voted, shown=None, **options):
    """The same, as the verifier reads it."""
    return parse(file_of(voted, shown, **options))


@pytest.fixture(scope="session")
def voted() -> Voted:
    """A voting with two tables and two datasets, in a log of seven records."""
    return Voted()


@pytest.fixture(scope="session")
def content(voted: Voted) -> bytes:
    """A file that shows a row of a table."""
    return file_of(voted, voted.row("table", "scores", 1))


@pytest.fixture(scope="session")
def evidence(content: bytes) -> Evidence:
    """What stands in it."""
    return parse(content)


@pytest.fixture
def files(tmp_path: Path):
    """Writes bytes into a file of a folder of the test's own."""

    def write(content: bytes, name: str = "evidence.json") -> Path:
        file = tmp_path / name
        file.write_bytes(content)
        return file

    return write
