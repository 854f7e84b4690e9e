"""The factory, windows in addresses, and that configuration and sources speak of the same things."""

import inspect
from pathlib import Path
from typing import Any

import pytest

from worknet import sources
from worknet.config import FileDataset, HttpDataset
from worknet.config.document import Reading
from worknet.protocol.ids import Window
from worknet.protocol.tables import Column, Schema
from worknet.sources import FileSource, HttpSource, NonsenseError, Origin, SourceError, source_from
from worknet.sources.window import fill, unix_seconds

SCHEMA = Schema((Column("consumer", "str"), Column("wh", "int")), ("consumer",))
WINDOW = Window(1767225600, 1767229200)
ORIGIN = Origin("consumption", "somewhere")


def test_the_factory_makes_the_source_of_a_kind() -> None:
    assert isinstance(source_from("file", "d", SCHEMA, path=Path("x.csv")), FileSource)
    assert isinstance(source_from("http", "d", SCHEMA, url="http://x/"), HttpSource)
    with pytest.raises(NonsenseError, match="'ftp' is no kind of source"):
        source_from("ftp", "d", SCHEMA)


@pytest.mark.parametrize(
    ("model", "source"), [(FileDataset, FileSource), (HttpDataset, HttpSource)], ids=["file", "http"]
)
def test_every_option_of_the_configuration_is_one_of_the_source(model: Any, source: Any) -> None:
    keys = (
        {"source": "file", "path": "x.csv"}
        if model is FileDataset
        else {"source": "http", "url": "http://x/"}
    )
    section = model.model_validate(keys, context=Reading(Path("/folder")))
    assert section.options().keys() <= inspect.signature(source).parameters.keys()
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
    ],
)
def test_configuration_and_sources_understand_the_same_placeholders(
    template: str, filled: str | None
) -> None:
    if filled is None:
        with pytest.raises(SourceError, match="no placeholder"):
            fill(template, WINDOW, ORIGIN)
    else:
        assert fill(template, WINDOW, ORIGIN) == filled
    options = {"source": "http", "url": f"http://x/{template}"}
    if filled is None:
        with pytest.raises(ValueError, match="no placeholder"):
            HttpDataset.model_validate(options)
    else:
        assert HttpDataset.model_validate(options).url.value == options["url"]


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
