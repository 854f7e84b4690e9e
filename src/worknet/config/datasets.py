"""Where a dataset comes from: `[workflows.NAME.datasets.NAME]`, a section for each kind of source.

Each section's `options()` are the arguments of `worknet.sources.source_from`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from worknet.config.document import Section
from worknet.config.drivers import DriverOptions, object_address, resolved
from worknet.config.secrets import SecretRef
from worknet.config.values import (
    FilePath,
    Name,
    Size,
    Span,
    WindowedPath,
    WindowedUrl,
    check_placeholders,
    kind,
    refuse,
)

_LARGEST = 1 << 28
_PLACEHOLDERS = "may hold {start} and {end}, also as {start:%Y-%m-%d}, and {event.NAME}"


def _source_name(value: object) -> object:
    if not isinstance(value, str) or not value:
        refuse("is no name of the source's column", "a text that is not empty")
    return value


SourceName = Annotated[str, BeforeValidator(_source_name)]
"""What a source calls a column."""


class DatasetSection(Section):
    """What every dataset has, wherever it comes from."""

    columns: Mapping[Name, SourceName] = Field(
        default_factory=dict,
        description="the schema's columns that the source calls otherwise",
        examples=[{"consumer": "meter_id"}],
    )


class WrittenSection(Section):
    """Which forms of numbers and times are taken in what is written as text, CSV or JSON."""

    numbers: Literal["exact", "padded", "rounded"] = Field(
        default="exact",
        description="what is taken for a number: the protocol's own form, also with other zeros (padded), or "
        "any, rounded half to even to the schema's digits (rounded). All members must say the same",
        examples=["padded"],
    )
    times: Literal["exact", "utc", "assumed_utc"] = Field(
        default="exact",
        description="what is taken for a time: the protocol's own form, or any with a zone, brought to UTC "
        "(utc), or also one without a zone, which is in UTC then (assumed_utc). All members must say the "
        "same",
        examples=["utc"],
    )
    nulls: list[str] = Field(
        default_factory=list,
        max_length=20,
        description="texts that stand for no value. All members must say the same",
        examples=[["NaN"]],
    )

    def forms(self) -> dict[str, object]:
        """The arguments of a source that these keys are."""
        return {"numbers": self.numbers, "times": self.times, "nulls": self.nulls}


class PulledSection(DatasetSection):
    """What every dataset has that is asked for: brokers have one rule for rows that repeat a key."""

    repeated: Literal["refused", "least"] = Field(
        default="refused",
        description="what is done where rows repeat a key: all are refused, or of each key the row with the "
        "least canonical bytes counts (least). All members must say the same",
        examples=["least"],
    )


class TriedDataset(PulledSection):
    """A dataset from somewhere that may fail for a while."""

    retries: int = Field(
        default=2, ge=0, le=100, description="how often a failed attempt is repeated", examples=[2]
    )
    deadline: Span = Field(
        default=180, description="how long all attempts of a reading may take", examples=["3m"]
    )
    max_bytes: Size = Field(
        default=_LARGEST, description="how large the data of one reading may be", examples=["256MiB"]
    )


class FileDataset(PulledSection, WrittenSection):
    """A dataset in files: one per window, or one for all with a column that tells the time."""

    source: Literal["file"]
    path: WindowedPath = Field(
        description=f"the file; {_PLACEHOLDERS}",
        examples=["generation/{start}.csv"],
    )
    format: Literal["csv", "parquet"] | None = Field(
        default=None,
        description="the file's format, if its name does not end in .csv or .parquet",
        examples=["csv"],
    )
    time_column: SourceName | None = Field(
        default=None,
        description="the file's column with each row's time, which the window is cut out by",
        examples=["start"],
    )
    max_bytes: Size = Field(default=_LARGEST, description="how large a file may be", examples=["256MiB"])

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.source_from`."""
        return {
            "path": self.path,
            "format": self.format,
            "time_column": self.time_column,
            "columns": dict(self.columns),
            "repeated": self.repeated,
            **self.forms(),
            "max_bytes": self.max_bytes,
        }


class PagingSection(Section):
    """How an API that answers in pages says where the next one is."""

    by: Literal["next", "link", "page", "cursor"] = Field(
        description="what leads to the next page: its address in the answer (next) or in the Link header "
        "(link), a number (page), or a mark in the answer that a parameter brings back (cursor)",
        examples=["next"],
    )
    at: str = Field(
        default="",
        description="where in the answer address or mark stand: a key or JSON pointer",
        examples=["/links/next"],
    )
    parameter: str = Field(
        default="", description="the parameter of the query for number or mark", examples=["page"]
    )
    first: int = Field(default=1, ge=0, lt=1 << 31, description="the number of the first page", examples=[1])

    @model_validator(mode="after")
    def must_be_whole(self) -> Self:
        """Refuse a way of paging without what it needs, or with what it does not."""
        needed = {"next": {"at"}, "link": set(), "page": {"parameter"}, "cursor": {"at", "parameter"}}[
            self.by
        ]
        given = {name for name in ("at", "parameter") if getattr(self, name)}
        if given != needed:
            parts = " and ".join(sorted(needed)) or "neither at nor parameter"
            refuse(f'by "{self.by}" does not go with what is said', f'by "{self.by}" has {parts}')
        return self


class HttpDataset(TriedDataset, WrittenSection):
    """A dataset behind an HTTP API that answers in JSON or CSV."""

    source: Literal["http"]
    url: WindowedUrl = Field(
        description="the address; may hold {start} and {end}, also as {start:%Y-%m-%dT%H:%M:%SZ}, and "
        "{event.NAME}",
        examples=["https://host.example/consumption?start={start}&end={end}"],
    )
    token: SecretRef | None = Field(
        default=None, description="where the bearer token is found", examples=[{"file": "api-token"}]
    )
    format: Literal["json", "csv"] = Field(
        default="json", description="what the API answers in", examples=["json"]
    )
    timeout: Span = Field(default=10, description="how long one request may take", examples=["10s"])
    retries: int = Field(
        default=4, ge=0, le=100, description="how often a failed request is repeated", examples=[4]
    )
    deadline: Span = Field(
        default=300, description="how long all requests of a reading may take", examples=["5m"]
    )
    rows: str = Field(
        default="", description="where in the answer the rows stand: a key or JSON pointer", examples=["rows"]
    )
    paging: PagingSection | None = Field(
        default=None,
        description="how the next page is found, if the API answers in pages",
        examples=[{"by": "next", "at": "/links/next"}],
    )
    max_pages: int = Field(
        default=100, ge=1, le=100_000, description="of how many pages a reading may be", examples=[100]
    )

    tls_ca: FilePath | None = Field(
        default=None,
        description="the certificates of the authorities that the server's is checked with, in PEM form, "
        "where it is not a public one",
        examples=["company-ca.pem"],
    )

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.source_from`; reads the token, so a `SecretError` may come."""
        return {
            "url": self.url.value,
            "token": self.token.resolve() if self.token is not None else None,
            "format": self.format,
            "timeout": self.timeout,
            "retries": self.retries,
            "deadline": self.deadline,
            "rows": self.rows,
            "columns": dict(self.columns),
            "repeated": self.repeated,
            "paging": self.paging.model_dump() if self.paging is not None else None,
            "max_pages": self.max_pages,
            "tls_ca": self.tls_ca,
            **self.forms(),
            "max_bytes": self.max_bytes,
        }


def _statement(value: object) -> object:
    right = '"select ... from ... where t >= :start and t < :end"'
    if not isinstance(value, str):
        refuse(f"is {kind(value)}", right)
    if not value.strip(" \t\r\n;"):
        refuse("is empty", right)
    return value


class SqlDataset(TriedDataset):
    """A dataset in a database of PostgreSQL or MariaDB (`url`), or in a file of SQLite (`path`)."""

    source: Literal["sql"]
    url: SecretRef | None = Field(
        default=None,
        description="where the database's address is found: postgresql://user:password@host:port/database, "
        "or mariadb://...; the account has the right to SELECT, and no other",
        examples=[{"file": "database-url"}],
    )
    path: FilePath | None = Field(default=None, description="the file of SQLite", examples=["meters.db"])
    statement: Annotated[str, BeforeValidator(_statement)] = Field(
        description="one SELECT; :start and :end are the window's, :event_NAME the event's values",
        examples=["select meter, wh from readings where t >= :start and t < :end"],
    )
    time_binds: Literal["unix", "timestamp", "iso"] = Field(
        default="unix",
        description="what :start and :end are: Unix seconds, a timestamp with its zone, or the text of "
        "ISO 8601 in UTC",
        examples=["timestamp"],
    )
    zone: Literal["UTC"] | None = Field(
        default=None,
        description="the zone of times that the database gives without one; without it they are refused",
        examples=["UTC"],
    )
    timeout: Span = Field(
        default=30,
        description="how long one attempt may take, from connecting to the last row",
        examples=["30s"],
    )
    max_rows: int = Field(
        default=1_000_000,
        ge=1,
        lt=1 << 31,
        description="of how many rows a reading may be",
        examples=[100_000],
    )
    tls: Literal["verify", "unverified", "off"] | None = Field(
        default=None,
        description="how the connection is encrypted; without it verify, but off on this machine itself",
        examples=["verify"],
    )
    tls_ca: FilePath | None = Field(
        default=None,
        description="the certificates of the authorities that the server's is checked with, in PEM form",
        examples=["company-ca.pem"],
    )

    @model_validator(mode="after")
    def must_be_one_place(self) -> Self:
        """Refuse both of url and path, and neither."""
        if (self.url is None) == (self.path is None):
            wrong = "has neither url nor path" if self.url is None else "has both url and path"
            refuse(wrong, 'url = { file = "..." } for PostgreSQL and MariaDB, or path = "..." for SQLite')
        return self

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.source_from`; reads the url, so a `SecretError` may come."""
        return {
            "url": self.url.resolve() if self.url is not None else None,
            "path": self.path,
            "statement": self.statement,
            "time_binds": self.time_binds,
            "zone": self.zone,
            "columns": dict(self.columns),
            "repeated": self.repeated,
            "timeout": self.timeout,
            "retries": self.retries,
            "deadline": self.deadline,
            "max_rows": self.max_rows,
            "max_bytes": self.max_bytes,
            "tls": self.tls,
            "tls_ca": self.tls_ca,
        }


def _object_url(value: object) -> object:
    address = object_address(value, "s3://bucket/path/{start:%Y/%m/%d/%H}.parquet")
    return check_placeholders(address)


class ObjectDataset(TriedDataset, WrittenSection):
    """A dataset in an object store or on a remote file system that fsspec has a driver for."""

    source: Literal["object"]
    url: Annotated[str, BeforeValidator(_object_url)] = Field(
        repr=False,
        description=f"the object's address; {_PLACEHOLDERS}",
        examples=["s3://bucket/path/{start:%Y/%m/%d/%H}.parquet"],
    )
    driver: DriverOptions = Field(
        default_factory=dict,
        description="what fsspec's driver is told: credentials, as references, and endpoint",
        examples=[{"key": {"env": "S3_KEY"}, "secret": {"env": "S3_SECRET"}}],
    )
    format: Literal["csv", "parquet"] | None = Field(
        default=None,
        description="the object's format, if its name does not end in .csv or .parquet",
        examples=["csv"],
    )
    time_column: SourceName | None = Field(
        default=None,
        description="the column with each row's time, which the window is cut out by",
        examples=["start"],
    )
    timeout: Span = Field(default=60, description="how long one attempt may take", examples=["60s"])

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.source_from`; reads secrets, so a `SecretError` may come."""
        return {
            "url": self.url,
            "options": resolved(self.driver),
            "format": self.format,
            "time_column": self.time_column,
            "columns": dict(self.columns),
            "repeated": self.repeated,
            "timeout": self.timeout,
            "retries": self.retries,
            "deadline": self.deadline,
            **self.forms(),
            "max_bytes": self.max_bytes,
        }


PulledDataset = FileDataset | HttpDataset | SqlDataset | ObjectDataset
"""Where a dataset is read from that is asked for a window; `fed_datasets` adds what brokers bring."""
