"""`[journal]` of node.toml: where the worker's journal lies, and for how long it keeps rows."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from worknet.config.document import Section
from worknet.config.secrets import SecretRef
from worknet.config.values import Span, kind, refuse, shown

_SCHEMA = re.compile("[a-z][a-z0-9_]{0,62}")


def _schema(value: object) -> str:
    right = "lower-case letters, digits and _, beginning with a letter, at most 63"
    if not isinstance(value, str):
        refuse(f"is {kind(value)}", right)
    if not _SCHEMA.fullmatch(value) or value == "public" or value.startswith("pg_"):
        refuse(f"{shown(value)} is no name of a schema of its own", right)
    return value


class JournalSection(Section):
    """`[journal]`: a file in the data_dir, or a schema of a PostgreSQL server."""

    url: SecretRef | None = Field(
        default=None,
        description="where the address of a PostgreSQL database is found (postgresql://user@host/name); "
        "without it the journal is a file in data_dir",
        examples=[{"file": "journal-url"}],
    )
    # Not `schema`, which is a name of pydantic's own.
    schema_name: (
        Annotated[
            str,
            BeforeValidator(_schema),
            WithJsonSchema({"type": "string", "pattern": f"^{_SCHEMA.pattern}$"}),
        ]
        | None
    ) = Field(
        default=None,
        description="the schema that is this worker's alone; without it worknet_ and the worker's name",
        examples=["worknet_alpha"],
    )
    patience: Span = Field(
        default=600,
        description="how long the worker waits for a journal that cannot be used, before it stops",
        examples=["10m"],
    )
    keep: Span | None = Field(
        default=None,
        description="how long rows are kept once their voting is over; without it for ever",
        examples=["400d"],
    )

    def schema_of(self, worker: str) -> str:
        """The schema of the worker that the operator calls so."""
        return self.schema_name or "worknet_" + re.sub("[^a-z0-9_]", "_", worker.lower())[:55]
