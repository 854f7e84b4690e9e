"""`worknet voting share`: a file that the other members can read, and only of what has ended."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.node.conftest import LAST
from tests.unit.node.sharing_world import DATA_KEY, SECRETS, SharingWorld, sharing_world

from worknet.chain.client import NetworkClient
from worknet.cli import main, share
from worknet.protocol.canonical import to_hex

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharingWorld]:
    """Companies that disagreed in attempt 1; attempt 2 is open, with their seals."""
    made = sharing_world(tmp_path_factory.mktemp("share"), levels=(None, None, None))
    made.step(3)
    made.chain.mine()
    made.step(2)
    yield made
    made.close()


@pytest.fixture
def said(
    world: SharingWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """Calls the command for company 0; what it printed, with the exit code."""
    company = world.company(0)

    @contextmanager
    def opened(_: Path) -> Iterator[Any]:
        company.index.sync()
        sharing = SimpleNamespace(level="nothing")
        yield SimpleNamespace(
            config=SimpleNamespace(sharing=sharing, data_key=lambda _: DATA_KEY),
            network=SimpleNamespace(workflows={"tried": None}),
            client=NetworkClient(company.rpc, world.chain.contract, signer=company.signer),
            index=company.index,
            journal=company.journal,
            worker=company.signer.address,
        )

    monkeypatch.setattr(share, "opened", opened)

    def call(*options: str) -> tuple[int, str, str]:
        out = str(tmp_path / "mine.statement")
        voting = to_hex(world.chain.voting_id(LAST))
        with pytest.raises(SystemExit) as ended:
            main.run(["voting", "share", "node.toml", voting, "--out", out, *options])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


def test_the_file_tells_the_others_what_differs(world: SharingWorld, said: Said, tmp_path: Path) -> None:
    code, out, _ = said("--level", "rows")
    assert (code, "workers can read: 1, 2" in out) == (0, True)
    file = tmp_path / "mine.statement"
    assert file.stat().st_mode & 0o777 == 0o600
    assert not [secret for secret in SECRETS if secret.encode() in file.read_bytes()]
    [found] = world.company(2).gather(files=[file]).differences
    assert (found.worker, found.tables[0].columns) == (0, {"wh": 1})


def test_roots_alone_may_be_told(world: SharingWorld, said: Said, tmp_path: Path) -> None:
    code, out, _ = said("--level", "roots", "--attempt", "1", "--json")
    assert code == 0
    assert json.loads(out)["readers"] == [1, 2]
    [found] = world.company(2).gather(files=[tmp_path / "mine.statement"]).differences
    assert not found.tables[0].known


def test_nothing_is_shared_that_nobody_has_agreed_to(said: Said, tmp_path: Path) -> None:
    code, _, err = said()
    assert code != 0
    assert "nothing is shared by this worker" in err
    assert not (tmp_path / "mine.statement").exists()


def test_an_attempt_that_is_open_is_not_shared(said: Said, tmp_path: Path) -> None:
    code, _, err = said("--level", "rows", "--attempt", "2")
    assert code != 0
    assert "has not ended" in err
    assert not (tmp_path / "mine.statement").exists()


def test_an_attempt_that_never_was_is_told(said: Said) -> None:
    code, _, err = said("--level", "rows", "--attempt", "3")
    assert code != 0
    assert "has no attempt 3" in err
