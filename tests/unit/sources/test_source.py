"""The factory, windows in addresses, and that configuration and sources speak of the same things."""

import inspect
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest

from worknet import sources
from worknet.config import FileDataset, HttpDataset, ObjectDataset, SqlDataset
from worknet.config.document import Reading
from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources import (
    FileSource,
    HttpSource,
    NonsenseError,
    Occasion,
    Origin,
    RefusedError,
    SourceError,
    source_from,
)
from worknet.sources.objects import ObjectSource
from worknet.sources.occasion import check_template, fill, unix_seconds
from worknet.sources.sql import SqlSource

SCHEMA = Schema((Column("consumer", "str"), Column("wh", "int")), ("consumer",))
SLOT = Occasion(Window(1767225600, 1767229200))
BOTH = Occasion(Window(1767225600, 1767229200), {"asset": "a-1"})
ORIGIN = Origin("consumption", "somewhere")


@pytest.mark.parametrize(
    "url", ["http://{event.x}/", "http://host{event.x}/", "http://host:1{start}/", "http://{start}@host/"]
)
def test_a_placeholder_cannot_choose_the_server(url: str) -> None:
    with pytest.raises(NonsenseError, match="no http:// or https:// address"):
        HttpSource("d", SCHEMA, url=url)


def test_the_factory_makes_the_source_of_a_kind() -> None:
    assert isinstance(source_from("file", "d", SCHEMA, path=Path("x.csv")), FileSource)
    assert isinstance(source_from("http", "d", SCHEMA, url="http://x/"), HttpSource)
    with pytest.raises(NonsenseError, match="'ftp' is no kind of source"):
        source_from("ftp", "d", SCHEMA)


@pytest.mark.parametrize(
    ("model", "keys", "source"),
    [
        (FileDataset, {"path": "x.csv"}, FileSource),
        (HttpDataset, {"url": "http://x/", "paging": {"by": "page", "parameter": "p"}}, HttpSource),
        (SqlDataset, {"path": "x.db", "statement": "select 1"}, SqlSource),
        (ObjectDataset, {"url": "memory://x/y.csv"}, ObjectSource),
    ],
    ids=["file", "http", "sql", "object"],
)
def test_every_option_of_the_configuration_is_one_of_the_source(
    model: Any, keys: dict[str, Any], source: Any
) -> None:
    name = get_args(model.model_fields["source"].annotation)[0]
    section = model.model_validate({"source": name, **keys}, context=Reading(Path("/folder")))
    parameters = inspect.signature(source).parameters
    assert section.options().keys() <= parameters.keys()
    told = section.options().keys() - {"url", "path", "statement", "paging"}
    # What the file leaves out is what the source does without being told, but for the pauses of tests.
    assert {key: section.options()[key] or None for key in told} == {
        key: parameters[key].default or None for key in told
    }
    assert isinstance(source_from(section.source, "d", SCHEMA, **section.options()), source)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("x", "x"),
        ("{start}-{end}", "1767225600-1767229200"),
        ("{start:%Y-%m-%dT%H:%M:%SZ}", "2026-01-01T00:00:00Z"),
        ("{end:%y%j%%}", "26001%"),
        ("100%", "100%"),
        ("{begin}", None),
        ("{}", None),
        ("{start", None),
        ("end}", None),
        ("{{start}}", None),
        ("{start:%A}", None),
        ("{start:%}", None),
        ("{start:}", None),
        ("{event.asset}", "a-1"),
        ("{event}", None),
        ("{event.}", None),
        ("{event.A}", None),
        ("{event.a:%Y}", None),
    ],
)
def test_configuration_and_sources_understand_the_same_placeholders(
    template: str, filled: str | None
) -> None:
    if filled is None:
        with pytest.raises(SourceError, match="no placeholder"):
            fill(template, SLOT, ORIGIN)
        with pytest.raises(SourceError, match="no placeholder"):
            check_template(template, ORIGIN)
    else:
        assert fill(template, BOTH, ORIGIN) == filled
    options = {"source": "http", "url": f"http://x/{template}"}
    if filled is None:
        with pytest.raises(ValueError, match="no placeholder"):
            HttpDataset.model_validate(options)
    else:
        assert HttpDataset.model_validate(options).url.value == options["url"]


EVENT = Occasion(
    event={"asset": "wt-7.a", "number": 3, "new": True, "slash": "a/b", "gone": None, "dots": ".."}
)


def test_an_event_gives_its_values_to_paths_and_addresses() -> None:
    template = "{event.asset}/{event.number}/{event.new}"
    assert fill(template, EVENT, ORIGIN) == "wt-7.a/3/true"
    assert fill("{event.slash}", EVENT, ORIGIN, lambda text: quote(text, safe="")) == "a%2Fb"


@pytest.mark.parametrize(
    "value", ["", ".", "..", ".x", "a/b", "a\\b", "a b", "a\0", "a\n", "ä", "x" * 256, "\ud800"]
)
def test_an_event_cannot_lead_to_another_file(value: str) -> None:
    with pytest.raises(RefusedError, match="the event's x does not fit into a path") as caught:
        fill("{event.x}", Occasion(event={"x": value}), ORIGIN)
    assert value not in str(caught.value).partition("the event's x")[2] or value in {"", "."}


@pytest.mark.parametrize("value", ["", ".", "..", "\ud800"])
def test_an_event_cannot_lead_to_another_resource(value: str) -> None:
    with pytest.raises(RefusedError, match="the event's x"):
        fill("{event.x}", Occasion(event={"x": value}), ORIGIN, quote)


@pytest.mark.parametrize(
    ("template", "occasion", "message"),
    [
        ("{start}", EVENT, "where there is no window"),
        ("{event.asset}", SLOT, "the event has no asset"),
        ("{event.gone}", EVENT, "the event has no gone"),
        ("{event.other}", EVENT, "the event has no other"),
    ],
)
def test_a_placeholder_without_a_value_is_told(template: str, occasion: Occasion, message: str) -> None:
    with pytest.raises(NonsenseError, match=message):
        fill(template, occasion, ORIGIN)


def test_what_a_dataset_is_read_for_does_not_show_the_event_s_row() -> None:
    assert "wt-7" not in repr(EVENT)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("-1", -1),
        ("1970-01-01T00:00:01Z", 1),
        ("1970-01-01T01:00:01.9+01:00", 1),
        ("1969-12-31T23:59:59.5Z", -1),
        ("1970-01-01T00:00:01", None),
        ("1970-01-01", None),
        ("", None),
        (" 1", None),
        ("1.0", None),
        ("9" * 400, None),
    ],
)
def test_times_are_read_with_their_zone_or_not_at_all(text: str, seconds: int | None) -> None:
    assert unix_seconds(text) == seconds


def test_the_public_names_are_all_there() -> None:
    assert all(hasattr(sources, name) for name in sources.__all__)


@pytest.mark.parametrize(
    ("kind", "options", "for_windows", "for_events"),
    [
        ("file", {"path": Path("{start}.csv")}, True, False),
        ("file", {"path": Path("{event.asset}.csv")}, False, True),
        ("file", {"path": Path("x.csv"), "time_column": "t"}, True, False),
        ("file", {"path": Path("x.csv")}, True, True),
        ("http", {"url": "http://x/{start}"}, True, False),
        ("http", {"url": "http://x/{event.asset}"}, False, True),
        ("http", {"url": "http://x/{event.other}"}, False, False),
        ("object", {"url": "memory://x/{end}.csv"}, True, False),
        ("object", {"url": "memory://x/{event.asset}.csv"}, False, True),
        ("object", {"url": "memory://x/y.csv", "time_column": "t"}, True, False),
        ("sql", {"path": Path("x.db"), "statement": "select :start"}, True, False),
        ("sql", {"path": Path("x.db"), "statement": "select :event_asset"}, False, True),
        ("sql", {"path": Path("x.db"), "statement": "select 1"}, True, True),
    ],
)
def test_it_is_known_before_anything_is_read_whether_a_source_fits_windows_and_events(
    kind: str, options: dict[str, Any], for_windows: bool, for_events: bool
) -> None:
    source = source_from(kind, "d", SCHEMA, **options)
    for fits, occasion in ((for_windows, SLOT), (for_events, Occasion(event={"asset": "example"}))):
        if fits:
            source.check(occasion)
        else:
            with pytest.raises(SourceError):
                source.check(occasion)
