"""Datasets in files: CSV or Parquet, one file per window or one file with a column that tells the time.

Here a file is found and proved whole; `tabular` makes rows of it.
"""

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

import polars as pl

from worknet.protocol.tables import Schema
from worknet.sources.errors import (
    IncompleteError,
    NonsenseError,
    Origin,
    RefusedError,
    UnavailableError,
)
from worknet.sources.forms import Forms, Numbers, Times
from worknet.sources.occasion import Occasion, check_template, fill
from worknet.sources.tabular import Layout, csv_rows, parquet_rows
from worknet.tables.repeated import Repeated


class FileSource:
    """Reads a dataset from files.

    `path` may hold placeholders (see `occasion.fill`). With `time_column`, rows are kept whose
    time in that column of the file (Unix seconds, or ISO 8601 with its zone) lies in the window. `columns`
    maps a column of the schema to its name in the file. `numbers`, `times`, `nulls` and `repeated` are the
    arguments of `Forms`. A file of more than `max_bytes` is refused.

    A file must be whole when it is read: write it under another name and rename it.
    """

    def __init__(
        self,
        dataset: str,
        schema: Schema,
        *,
        path: Path,
        format: Literal["csv", "parquet"] | None = None,
        time_column: str | None = None,
        columns: Mapping[str, str] | None = None,
        numbers: Numbers = "exact",
        times: Times = "exact",
        nulls: Collection[str] = (),
        repeated: Repeated = "refused",
        max_bytes: int = 1 << 28,
    ) -> None:
        origin = Origin(dataset, str(path))
        kind = format or path.suffix.lower().removeprefix(".")
        if kind not in {"csv", "parquet"}:
            raise NonsenseError(origin, "not a file of a known kind", 'set format to "csv" or "parquet"')
        self._rows = csv_rows if kind == "csv" else parquet_rows
        self._dataset, self._path, self._max_bytes = dataset, path, max_bytes
        forms = Forms.of(numbers, times, nulls, repeated)
        self._layout = Layout.of(schema, columns, time_column, origin, forms)
        check_template(str(path), origin)

    def read(self, occasion: Occasion) -> pl.DataFrame:
        """The occasion's rows; see `Source`."""
        template = Origin(self._dataset, str(self._path))
        window = self._layout.window(occasion, template)
        path = self._file(occasion, template)
        # A path that an event filled may hold what no error may show.
        origin = template if occasion.event else Origin(self._dataset, str(path))
        return self._rows(self._content(path, origin), self._layout, window, origin)

    def check(self, occasion: Occasion) -> None:
        """See `PulledSource`."""
        origin = Origin(self._dataset, str(self._path))
        self._layout.window(occasion, origin)
        self._file(occasion, origin)

    def _file(self, occasion: Occasion, origin: Origin) -> Path:
        return Path(fill(str(self._path), occasion, origin))

    def _content(self, path: Path, origin: Origin) -> bytes:
        try:
            # Not blocking: a pipe in place of the file must not hang the worker.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
                before = os.fstat(stream.fileno())
                if not stat.S_ISREG(before.st_mode):
                    raise NonsenseError(origin, "not a regular file", "name the file itself")
                if before.st_size > self._max_bytes:
                    message = f"larger than {self._max_bytes} bytes"
                    raise NonsenseError(origin, message, "split it, a file per window")
                content = stream.read(self._max_bytes + 1)
                after = os.fstat(stream.fileno())
        except FileNotFoundError:
            raise UnavailableError(origin, "there is no such file", "it may come later") from None
        except IsADirectoryError:
            raise NonsenseError(origin, "a folder", "name the file itself") from None
        except (PermissionError, NotADirectoryError) as error:
            raise RefusedError(origin, f"cannot be read: {error.strerror}", "check path and rights") from None
        except OSError as error:
            raise UnavailableError(origin, f"cannot be read: {error.strerror}") from None
        same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        if not same or len(content) != before.st_size:
            hint = "write it under another name and rename it"
            raise IncompleteError(origin, "changed while it was read", hint)
        return content
