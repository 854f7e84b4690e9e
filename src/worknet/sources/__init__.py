"""Adapters that bring datasets in: files and HTTP so far. Each reads one dataset, for one window at a time.

Sources know nothing of configuration files: `source_from` takes plain arguments.
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
from worknet.sources.source import Source

__all__ = [
    "FileSource",
    "HttpSource",
    "IncompleteError",
    "NonsenseError",
    "Origin",
    "RefusedError",
    "SchemaViolationError",
    "Source",
    "SourceError",
    "UnavailableError",
    "source_from",
]

_KINDS: dict[str, type[FileSource] | type[HttpSource]] = {"file": FileSource, "http": HttpSource}


def source_from(kind: str, dataset: str, schema: Schema, **options: Any) -> Source:
    """The source of a dataset. `kind` is `file` or `http`, `options` what `FileSource` or `HttpSource` takes.

    Raises `SourceError` for a kind that is not known and for options that make no sense.
    """
    if kind not in _KINDS:
        hint = f"known are {', '.join(sorted(_KINDS))}"
        raise NonsenseError(Origin(dataset, ""), f"{kind!r} is no kind of source", hint)
    return _KINDS[kind](dataset, schema, **options)
