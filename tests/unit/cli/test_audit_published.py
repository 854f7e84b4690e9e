"""`worknet audit` with published results: what is proven is shown, what is wrong found, what is away said."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.node.publishing_world import AGREED, Publisher, published_world

from worknet.cli import main
from worknet.network import access
from worknet.protocol.canonical import to_hex

NETWORK = """
[network]
name = "test"
chain_id = 31337
contract = "{contract}"
deployed_block = 0
published = ["served"]
"""

Audit = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    """Three votings, of two of which the results are public and lie beside network.toml."""
    folder = tmp_path_factory.mktemp("world")
    world = published_world(folder)
    publisher = Publisher(world, folder / "served")
    publisher.look()
    (folder / "network.toml").write_text(NETWORK.format(contract=to_hex(world.chain.contract)))
    yield publisher
    world.close()


@pytest.fixture
def audit(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Audit:
    """An audit that remembers nothing of another test: the exit code, and what is printed."""
    monkeypatch.setattr(access, "connect", lambda *_: publisher.world.chain.rpc)

    def call(*arguments: str) -> tuple[int, str]:
        file = publisher.path.parent / "network.toml"
        with pytest.raises(SystemExit) as caught:
            main.run(["audit", str(file), "--state", str(tmp_path / "state.json"), *arguments])
        return int(str(caught.value.code)), capsys.readouterr().out

    return call


def test_public_summaries_of_records_are_shown(audit: Audit, publisher: Publisher, tmp_path: Path) -> None:
    code, out = audit("--json", "--report", str(tmp_path / "report.txt"))
    published = [each["published"] for each in json.loads(out)["records"] if each["published"]]
    assert code == 0
    assert published == [{"where": str(publisher.path), "summary": {"rows": 2}, "parents": []}] * 2
    assert ": rows 2\n" in (tmp_path / "report.txt").read_text()


def test_a_result_that_was_published_falsely_is_found_and_not_shown(
    audit: Audit, publisher: Publisher, tmp_path: Path
) -> None:
    name = publisher.name(AGREED)
    (tmp_path / "false").mkdir()
    content = publisher.files()[name].replace(b'"rows":2}', b'"rows":3}', 1)
    assert content != publisher.files()[name]
    (tmp_path / "false" / name).write_bytes(content)
    kept = publisher.path / name
    true = kept.read_bytes()
    kept.unlink()
    try:
        code, out = audit("--json", "--published", str(tmp_path / "false"))
    finally:
        kept.write_bytes(true)
    document = json.loads(out)
    [found] = document["findings"]
    assert (code, found["rule"], found["voting"]) == (1, "publication", name.removesuffix(".json"))
    assert [each["voting"] for each in document["records"] if each["published"]] != [found["voting"]]
    assert sum(each["published"] is not None for each in document["records"]) == 1


def test_a_false_result_is_found_although_a_place_named_before_has_the_true_one(
    audit: Audit, publisher: Publisher, tmp_path: Path
) -> None:
    name = publisher.name(AGREED)
    (tmp_path / name).write_bytes(publisher.files()[name].replace(b'"rows":2}', b'"rows":3}', 1))
    code, out = audit("--json", "--published", str(tmp_path))
    document = json.loads(out)
    [found] = document["findings"]
    assert (code, found["evidence"]) == (1, {"where": str(tmp_path), "sound": str(publisher.path)})
    assert found["what"].startswith(f"the publication at {tmp_path} is wrong")
    published = [each["published"] for each in document["records"] if each["published"]]
    assert [(each["where"], each["summary"]) for each in published] == [
        (str(publisher.path), {"rows": 2})
    ] * 2


def test_a_folder_that_is_not_there_is_told_as_not_read(audit: Audit, tmp_path: Path) -> None:
    code, out = audit("--published", str(tmp_path / "typo"))
    assert code == 0
    assert f"not read    {tmp_path / 'typo'}: there is no such folder\n" in out


def test_a_place_that_does_not_answer_is_said_and_is_no_finding(audit: Audit) -> None:
    code, out = audit("--json", "--published", "http://127.0.0.1:9/published")
    document = json.loads(out)
    assert (code, document["findings"]) == (0, [])
    assert [each["where"] for each in document["unread"]] == ["http://127.0.0.1:9/published"]
