"""`GET /published/`: a real server hands publications to everybody, and nothing else to anybody."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from tests.unit.node.publishing_world import AGREED, OUTVOTED, PRIVATE, Publisher, published_world

from worknet.node.operations import published
from worknet.node.operations.published import published_routes
from worknet.node.operations.server import HttpServer, application
from worknet.node.published import PublishedFolder
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    folder = tmp_path_factory.mktemp("world")
    world = published_world(folder)
    publisher = Publisher(world, folder / "served")
    publisher.look()
    yield publisher
    world.close()


@pytest.fixture(scope="module")
def url(publisher: Publisher) -> Iterator[str]:
    """A server of these publications, in whose folder lies more than that."""
    (publisher.path / "secret.txt").write_text("secret")
    (publisher.path / publisher.name(PRIVATE)).symlink_to(publisher.path / "secret.txt")
    routes = published_routes(publisher.folder, publisher.company.index, {workflow_id("tried"): "tried"})
    server = HttpServer(application(routes), "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.close()


def test_everybody_gets_a_publication_whole(publisher: Publisher, url: str) -> None:
    name = publisher.name(AGREED)
    answer = httpx.get(f"{url}/published/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.content == (publisher.path / name).read_bytes()


def test_a_page_of_any_origin_may_read_it(publisher: Publisher, url: str) -> None:
    for path in ("", publisher.name(AGREED), "none"):
        assert httpx.get(f"{url}/published/{path}").headers["access-control-allow-origin"] == "*"


def test_the_head_alone_may_be_asked_for(publisher: Publisher, url: str) -> None:
    name = publisher.name(AGREED)
    answer = httpx.head(f"{url}/published/{name}")
    content = (publisher.path / name).read_bytes()
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(content)
    assert answer.headers["etag"] == f'"{sha256(content).hexdigest()}"'


def test_who_has_it_already_is_told_so(publisher: Publisher, url: str) -> None:
    address = f"{url}/published/{publisher.name(AGREED)}"
    tag = httpx.get(address).headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        answer = httpx.get(address, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    assert httpx.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


def test_publications_are_listed_the_newest_first(publisher: Publisher, url: str) -> None:
    listed = httpx.get(f"{url}/published/").json()
    assert httpx.get(f"{url}/published").json() == listed
    found = listed["publications"]
    slots = {to_hex(publisher.world.chain.voting_id(slot)) for slot in (AGREED, OUTVOTED)}
    assert {each["voting"] for each in found} == slots
    assert {each["workflow"] for each in found} == {"tried"}
    assert [each["file"] for each in found] == [f"{each['voting']}.json" for each in found]
    positions = [each["position"] for each in found]
    assert positions == sorted(positions, reverse=True)
    assert listed["before"] is None


@pytest.mark.parametrize("bound", ["MOST_LISTED", "MOST_LOOKED_AT"])
def test_a_listing_is_bounded_and_goes_on(url: str, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    whole = httpx.get(f"{url}/published/").json()["publications"]
    monkeypatch.setattr(published, bound, 1)
    found, before = [], ""
    for _ in range(5):
        page = httpx.get(f"{url}/published/{before}").json()
        assert len(page["publications"]) <= 1
        found += page["publications"]
        if page["before"] is None:
            break
        before = f"?before={page['before']}"
    assert found == whole


def test_listings_are_made_one_by_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0

    def listed(*_: object) -> dict[str, object]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.02)
        at_once -= 1
        return {}

    monkeypatch.setattr(published, "_listed", listed)
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda _: httpx.get(f"{url}/published/").status_code, range(4)))
    assert answers == [200] * 4
    assert most == 1


@pytest.mark.parametrize("before", ["-1", "x", "1.5", "%00", "9" * 16, "\N{ARABIC-INDIC DIGIT ONE}"])
def test_a_place_to_go_on_that_is_none_is_refused(url: str, before: str) -> None:
    assert httpx.get(f"{url}/published/", params={"before": before}).status_code == 400


def test_a_place_beyond_the_end_is_the_end(url: str) -> None:
    whole = httpx.get(f"{url}/published/").json()
    assert httpx.get(f"{url}/published/?before=999999999").json() == whole


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metrics",
        "/admin/status",
        "/published/secret.txt",
        "/published/..%2fserved%2fsecret.txt",
        "/published/%2e%2e/secret.txt",
        "/published/.0x" + "00" * 32 + ".json.part",
        "/published/0x" + "00" * 32 + ".json",
        "/published/0x" + "AB" * 32 + ".json",
        "/published/" + "00" * 32 + ".json",
        "/published/0x" + "00" * 32,
        "/published/0x" + "00" * 32 + ".json%0a",
        "/published/0x" + "00" * 32 + ".json/",
    ],
)
def test_nothing_else_is_served(url: str, path: str) -> None:
    answer = httpx.get(f"{url}{path}")
    assert answer.status_code == 404
    assert b"secret" not in answer.content


def test_a_link_is_not_followed(publisher: Publisher, url: str) -> None:
    assert httpx.get(f"{url}/published/{publisher.name(PRIVATE)}").status_code == 404


def test_a_file_that_is_too_large_is_none(
    publisher: Publisher, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worknet.node.published.MAX_BYTES", 100)
    assert httpx.get(f"{url}/published/{publisher.name(AGREED)}").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_taken(publisher: Publisher, url: str, method: str) -> None:
    name = publisher.name(AGREED)
    assert httpx.request(method, f"{url}/published/{name}", content=b"x").status_code == 405
    assert json.loads((publisher.path / name).read_bytes())


def test_a_folder_that_is_not_there_yet_is_empty(url: str, tmp_path: Path, publisher: Publisher) -> None:
    folder = PublishedFolder(tmp_path / "none", "alpha")
    routes = published_routes(folder, publisher.company.index, {workflow_id("tried"): "tried"})
    server = HttpServer(application(routes), "127.0.0.1", 0)
    server.start()
    address = f"http://127.0.0.1:{server.port}/published"
    assert httpx.get(f"{address}/").json() == {"publications": [], "before": None}
    assert httpx.get(f"{address}/{publisher.name(AGREED)}").status_code == 404
    server.close()
