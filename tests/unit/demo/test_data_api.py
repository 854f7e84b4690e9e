"""The companies' data API: read only, for the bearers of tokens, for what is recorded."""

import asyncio

import httpx
import pytest

from worknet.demo.data_api import application
from worknet.demo.profiles import INTERVAL, load_profiles
from worknet.protocol.ids import Window
from worknet.protocol.times import time_text

PROFILES = load_profiles()
TOKEN = "alpha-token"
HOUR = {"start": time_text(PROFILES.start), "end": time_text(PROFILES.start + 3600)}
PATHS = ["/consumption", "/generation"]


class Api:
    """The API as its clients see it, without a server."""

    def __init__(self) -> None:
        self._application = application(PROFILES, [TOKEN, "beta-token"])

    def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._application, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.request(method, path, params=params, headers=headers)

        return asyncio.run(ask())

    def get(
        self, path: str, *, params: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self.request("GET", path, params=params, headers=headers)


@pytest.fixture
def api() -> Api:
    return Api()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", PATHS)
def test_every_bearer_gets_the_same_rows(api: Api, path: str) -> None:
    answers = [api.get(path, params=HOUR, headers=bearer(token)) for token in (TOKEN, "beta-token")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def test_the_rows_are_those_of_the_recording(api: Api) -> None:
    window = Window(PROFILES.start, PROFILES.start + 3600)
    told = [api.get(path, params=HOUR, headers=bearer(TOKEN)).json()["rows"] for path in PATHS]
    assert told == [PROFILES.consumption(window), PROFILES.generation(window)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer("alpha"),
        bearer("gamma-token"),
        bearer(f"{TOKEN} beta-token"),
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
    ],
)
def test_without_a_token_there_are_no_rows(api: Api, headers: dict[str, str]) -> None:
    answer = api.get("/consumption", params=HOUR, headers=headers)
    assert answer.status_code == 401
    assert answer.json().keys() == {"error"}


def test_the_token_is_asked_for_before_the_window_is_looked_at(api: Api) -> None:
    assert api.get("/consumption", params={"start": "nonsense"}).status_code == 401


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"start": HOUR["start"]},
        {"start": HOUR["start"], "end": "tomorrow"},
        {"start": HOUR["start"], "end": "2016-05-17"},
        {"start": HOUR["end"], "end": HOUR["start"]},
        {"start": HOUR["start"], "end": HOUR["start"]},
    ],
)
def test_what_is_no_window_is_a_bad_request(api: Api, params: dict[str, str]) -> None:
    answer = api.get("/consumption", params=params, headers=bearer(TOKEN))
    assert answer.status_code == 400
    assert answer.json().keys() == {"error"}


END = PROFILES.start + PROFILES.intervals * INTERVAL


@pytest.mark.parametrize(
    ("start", "end"), [(PROFILES.start - 3600, PROFILES.start), (END, END + 3600), (PROFILES.start + 60, END)]
)
def test_what_is_not_recorded_is_not_found(api: Api, start: int, end: int) -> None:
    params = {"start": time_text(start), "end": time_text(end)}
    assert api.get("/generation", params=params, headers=bearer(TOKEN)).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(api: Api, method: str) -> None:
    assert api.request(method, "/consumption", params=HOUR, headers=bearer(TOKEN)).status_code == 405


def test_there_is_nothing_else(api: Api) -> None:
    assert api.get("/", headers=bearer(TOKEN)).status_code == 404
