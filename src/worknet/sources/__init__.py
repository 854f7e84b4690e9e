"""Adapters that bring datasets in, each read for one occasion at a time.

Sources know nothing of configuration files: `source_from` takes plain arguments. What drives databases and
object stores is imported with the first such source.
"""

from typing import Any

from worknet.protocol.tables import Schema
from worknet.sources.errors import (
    IncompleteError,
    NonsenseError,
    Origin,
    RefusedError,
    SchemaViolationError,
    SourceError,
    UnavailableError,
)
from worknet.sources.files import FileSource
from worknet.sources.http import HttpSource
from worknet.sources.occasion import Occasion
from worknet.sources.source import PulledSource, Source

__all__ = [
    "KINDS",
    "FileSource",
    "HttpSource",
    "IncompleteError",
    "NonsenseError",
    "Occasion",
    "Origin",
    "PulledSource",
    "RefusedError",
    "SchemaViolationError",
    "Source",
    "SourceError",
    "UnavailableError",
    "source_from",
]

KINDS = ("file", "http", "object", "sql")
"""The kinds of sources that a dataset is read from when a voting needs it."""


def source_from(kind: str, dataset: str, schema: Schema, **options: Any) -> PulledSource:
    """The source of a dataset. `kind` is one of `KINDS`, `options` what the source of that kind takes.

    Raises `SourceError` for a kind that is not known and for options that make no sense.
    """
    match kind:
        case "file":
            return FileSource(dataset, schema, **options)
        case "http":
            return HttpSource(dataset, schema, **options)
        case "object":
            from worknet.sources.objects import ObjectSource

            return ObjectSource(dataset, schema, **options)
        case "sql":
            from worknet.sources.sql import SqlSource

            return SqlSource(dataset, schema, **options)
    hint = f"known are {', '.join(KINDS)}"
    raise NonsenseError(Origin(dataset, ""), f"{kind!r} is no kind of source", hint)
