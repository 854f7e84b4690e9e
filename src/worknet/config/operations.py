"""The sections of `node.toml` by which a worker is operated: what it tells to whom, and who may steer it."""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from worknet.config.document import Section
from worknet.config.secrets import SecretRef
from worknet.config.values import Currency, FilePath, Size, Span, kind, refuse, shown

_RIGHT = 'an address and a port such as "127.0.0.1:9464", or "[::1]:9464"'
_LISTEN = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})")


def _listen(value: object) -> tuple[str, int]:
    if not isinstance(value, str):
        refuse(f"is {kind(value)}", _RIGHT)
    found = _LISTEN.fullmatch(value)
    if not found or int(found[3]) > 65_535:
        refuse(f"{shown(value)} is no address to listen on", _RIGHT)
    try:
        # An address, never a name: what a name means is decided elsewhere, and may change.
        return str(ipaddress.ip_address(found[1] or found[2])), int(found[3])
    except ValueError:
        refuse(f"{shown(value)} is no address to listen on", _RIGHT)


Listen = Annotated[
    tuple[str, int], BeforeValidator(_listen), WithJsonSchema({"type": "string", "pattern": ":[0-9]+$"})
]
"""An IP address and a port."""

Event = Literal[
    "voting.unresolved",
    "voting.repeated",
    "statement.taken",
    "fallback.given_up",
    "event.conflict",
    "worker.rival",
    "worker.not_ready",
    "worker.balance_low",
    "worker.journal_failed",
    "journal.fault",
    "chain.fault",
    "ballot.none",
    "publication.fault",
    "transaction.failed",
]
"""What an alert may be sent about: a part of the events that `docs/guides/operations.md` lists."""

_TOLD: tuple[Event, ...] = (
    "event.conflict",
    "worker.rival",
    "worker.not_ready",
    "worker.balance_low",
    "worker.journal_failed",
)
"""That a voting came to nothing is told by the workflow's handler for it, or its default."""


class HttpSection(Section):
    """`[http]`: where the worker answers /healthz, /readyz, /metrics and, with a key, /admin.

    Nothing listens without it: one port by default would keep the second worker of a machine from starting.
    """

    listen: Listen = Field(
        description="address and port; anything but loopback lets others ask", examples=["127.0.0.1:9464"]
    )


class AdminSection(Section):
    """`[admin]`: who may steer the worker over HTTP; without it there is no admin API."""

    key: SecretRef = Field(
        description="where the key of the admin API is found, at least 32 characters",
        examples=[{"file": "admin.key"}],
    )


class LogSection(Section):
    """`[log]`: where the log goes, and how much of it is kept."""

    file: FilePath | None = Field(
        default=None, description="the log's file; without it, standard output", examples=["worker.log"]
    )
    max_size: Size = Field(
        default=16 << 20, description="at which size a new file is begun", examples=["16MiB"]
    )
    keep: int = Field(default=8, ge=1, le=1000, description="how many old files are kept", examples=[8])
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least that is written", examples=["info"]
    )


class HealthSection(Section):
    """`[health]`: from when on something counts as wrong."""

    stuck: Span = Field(default=120, description="for how long the loop may be in one step", examples=["2m"])
    head_stale: Span = Field(
        default=300, description="for how long the chain's head may stand still", examples=["5m"]
    )
    feed_down: Span = Field(default=60, description="for how long a feed may be down", examples=["1m"])
    not_ready_for: Span = Field(
        default=300, description="how long the worker is not ready before people are told", examples=["5m"]
    )
    disk_low: Size = Field(
        default=256 << 20, description="how much room data_dir's disk must have", examples=["256MiB"]
    )
    balance_low: Currency | None = Field(
        default=None,
        description="below which balance of the key it is time to send it some",
        examples=["0.5"],
    )


class AlertsSection(Section):
    """`[alerts]`: whom to tell, and of what: of these events, and of what fallback handlers want told."""

    urls: list[SecretRef] = Field(
        min_length=1,
        max_length=16,
        description="where the channels' addresses are found, in apprise's form",
        examples=[[{"file": "alert-url"}]],
    )
    on: list[Event] = Field(
        default_factory=lambda: list(_TOLD),
        description="the events that are told",
        examples=[["voting.unresolved", "worker.not_ready"]],
    )
    every: Span = Field(
        default=900,
        description="how long the same event of the same workflow is gathered before it is told again",
        examples=["15m"],
    )
