"""`GET /statements`: a real server hands out this worker's own sealed statement, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from worknet.node.journal import Journal, SqliteFile
from worknet.node.operations.server import HttpServer, application
from worknet.node.operations.statements import statement_routes
from worknet.sources.channels import Found, channels_from

VOTING = b"\xab" * 32
CONTENT = b'{"a":"header"}\n' + bytes(range(256)) * 100


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server of worker 1, whose journal also holds a statement of worker 2."""
    journal = Journal(SqliteFile(tmp_path / "journal.sqlite"), 1, b"\x02" * 20, b"\x03" * 20)
    journal.statements.add(VOTING, 1, 1, CONTENT, delivered=False)
    journal.statements.add(VOTING, 2, 2, b"of another", delivered=True)
    server = HttpServer(application(statement_routes(journal, lambda: 1)), "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.close()
    journal.close()


def test_peers_get_the_statement_whole(url: str) -> None:
    [channel] = channels_from(
        folder=None, url=None, driver={}, peers=[url], tls_ca=None, timeout=5.0, max_bytes=1 << 20
    )
    assert list(channel.get(VOTING, 1, {1})) == [Found(url, CONTENT)]
    assert list(channel.get(VOTING, 2, {2})) == []


@pytest.mark.parametrize(
    "path",
    [
        f"0x{VOTING.hex()}/2",
        f"0x{VOTING.hex()}/3",
        f"0x{VOTING.hex()}/0",
        f"0x{VOTING.hex()}/1000",
        f"0x{VOTING.hex()}/x",
        f"0x{VOTING.hex().upper()}/1",
        f"{VOTING.hex()}/1",
        "../journal.sqlite",
        "%2e%2e%2fjournal.sqlite/1",
    ],
)
def test_there_is_nothing_else(url: str, path: str) -> None:
    assert httpx.get(f"{url}/statements/{path}").status_code == 404


def test_nothing_is_taken(url: str) -> None:
    assert httpx.put(f"{url}/statements/0x{VOTING.hex()}/1", content=b"x").status_code == 405
