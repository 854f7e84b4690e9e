"""What a worker counts and measures, as Prometheus reads it.

Counters follow the events that are told; gauges are read from the worker's status at the moment of the
asking. Every label has a bounded set of values: names from the configuration, and words of ours.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from worknet.config.operations import HealthSection
from worknet.node.causes import Cause
from worknet.node.operations.status import Status, Unready, lives, readiness

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

PREPARATION_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600)
"""Seconds."""

_SENT = {
    "ballot.cast": "cast",
    "ballot.sealed": "seal",
    "ballot.revealed": "reveal",
    "voting.settled": "settle",
    "voting.advanced": "advance",
}
"""The events that say that a transaction was sent, and its action."""

_MESSAGES = ("accepted", "duplicate", "late", "conflict", "malformed", "too_old", "marker")

_CAUSES = {"", *(cause.value for cause in Cause)}

_FALLBACKS = {
    "fallback.handled": "decided",
    "fallback.refused": "refused",
    "fallback.done": "done",
    "fallback.failed": "failed",
    "fallback.given_up": "given up",
}

_PUBLICATIONS = {"publication.made": "made", "publication.fault": "failed"}

_EVENT_OUTCOMES = {"event.seen": "seen", "event.conflict": "conflict", "event.set_aside": "set aside"}


@dataclass(frozen=True)
class Measure:
    """One metric: `kind` is counter, histogram or gauge; its name as Prometheus shows it; its labels."""

    kind: str
    name: str
    meaning: str
    labels: tuple[str, ...] = ()


COUNTERS = (
    Measure(
        "counter",
        "worknet_ballots_total",
        "What became of this worker's ballots, each outcome once for each attempt",
        ("workflow", "outcome", "cause"),
    ),
    Measure("counter", "worknet_votings_total", "Votings that ended, by their end", ("workflow", "end")),
    Measure(
        "counter",
        "worknet_preparations_failed_total",
        "Preparations that gave no ballot, each try counted",
        ("workflow", "cause"),
    ),
    Measure(
        "counter",
        "worknet_transactions_total",
        "Transactions by action and what became of them",
        ("action", "outcome"),
    ),
    Measure("counter", "worknet_gas_total", "Gas that the transactions in blocks used", ("action",)),
    Measure("counter", "worknet_fees_wei_total", "What the transactions in blocks cost, in wei", ("action",)),
    Measure(
        "counter",
        "worknet_messages_total",
        "Messages of datasets that were journalled, by what became of them",
        ("workflow", "dataset", "outcome"),
    ),
    Measure(
        "counter",
        "worknet_events_total",
        "Events that may trigger votings, by what became of them",
        ("workflow", "kind", "outcome"),
    ),
    Measure(
        "counter",
        "worknet_fallbacks_total",
        "What fallback handlers decided, and what became of it; each try of an alert or webhook counted",
        ("workflow", "when", "action", "outcome"),
    ),
    Measure(
        "counter",
        "worknet_publications_total",
        "Publications that were made, and faults that kept some from being made, each told once",
        ("workflow", "outcome"),
    ),
    Measure(
        "counter", "worknet_told_total", "Everything that was told, by event and level", ("event", "level")
    ),
)
PREPARATION = Measure(
    "histogram",
    "worknet_preparation_seconds",
    "How long the preparations took that gave a ballot: reading, running, committing",
    ("workflow",),
)
GAUGES = (
    Measure("gauge", "worknet_up_info", "Always 1; the worker's version", ("version",)),
    Measure("gauge", "worknet_uptime_seconds", "Since when the worker runs"),
    Measure("gauge", "worknet_live", "1 while the loop turns"),
    Measure("gauge", "worknet_ready", "1 while the worker could vote"),
    Measure("gauge", "worknet_not_ready", "1 for each reason why it could not", ("reason",)),
    Measure("gauge", "worknet_head_block", "The chain's newest block that was read"),
    Measure("gauge", "worknet_head_time_seconds", "The time of that block, in seconds since 1970"),
    Measure("gauge", "worknet_head_age_seconds", "Since when that block is the newest"),
    Measure("gauge", "worknet_endpoint_up", "1 while an RPC server is used without trouble", ("endpoint",)),
    Measure("gauge", "worknet_balance_wei", "The balance of the key"),
    Measure("gauge", "worknet_enrolled", "1 while the network has the key, by its role", ("role",)),
    Measure("gauge", "worknet_transactions_in_flight", "Transactions whose fate is not known"),
    Measure("gauge", "worknet_preparations_under_way", "Preparations under way"),
    Measure("gauge", "worknet_errands_waiting", "Alerts and webhooks of handlers that are not over"),
    Measure("gauge", "worknet_votings_open", "Votings that the worker still has something to do about"),
    Measure("gauge", "worknet_feed_up", "1 while a feed is read", ("workflow", "feed", "kind")),
    Measure("gauge", "worknet_policy_version", "The policy version in force", ("workflow",)),
    Measure("gauge", "worknet_journal_bytes", "The size of the journal's files"),
    Measure("gauge", "worknet_disk_free_bytes", "The room on the disk of data_dir"),
)
MEASURES = (*COUNTERS, PREPARATION, *GAUGES)
"""All metrics, in the order of the guide."""


class Metrics:
    """The metrics of one worker, in a registry of their own.

    `status` gives the state that the gauges tell; `told` is to hear every event.
    """

    def __init__(self, status: Callable[[], Status], limits: HealthSection) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._counters = {
            each.name: Counter(
                each.name.removesuffix("_total"), each.meaning, each.labels, registry=self._registry
            )
            for each in COUNTERS
        }
        self._preparation = Histogram(
            PREPARATION.name,
            PREPARATION.meaning,
            PREPARATION.labels,
            buckets=PREPARATION_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Gauges(status, limits))

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def told(self, event: MutableMapping[str, Any]) -> None:
        """Counts what an event says."""
        name, workflow = event["event"], str(event.get("workflow", ""))
        self._count("worknet_told_total", name, event.get("level", ""))
        if name in _SENT:
            self._count("worknet_transactions_total", _SENT[name], "sent")
        elif name == "ballot.prepared":
            self._preparation.labels(workflow).observe(event["seconds"])
        elif name == "ballot.none":
            self._count("worknet_preparations_failed_total", workflow, _cause(event))
        elif name == "ballot.outcome":
            self._count("worknet_ballots_total", workflow, event["outcome"], _cause(event))
        elif name == "voting.recorded":
            self._count("worknet_votings_total", workflow, event["how"])
        elif name == "voting.unresolved":
            self._count("worknet_votings_total", workflow, "unresolved")
        elif name in _FALLBACKS:
            self._fallback(event, _FALLBACKS[name])
        elif name.startswith("transaction."):
            self._transaction(event, name.removeprefix("transaction."))
        elif name == "inbox.taken":
            self._messages(event)
        elif name in _PUBLICATIONS:
            self._count("worknet_publications_total", workflow, _PUBLICATIONS[name])
        elif name in _EVENT_OUTCOMES:
            self._count("worknet_events_total", workflow, event.get("kind", ""), _EVENT_OUTCOMES[name])
        elif name == "event.duplicates":
            labels = workflow, event.get("kind", ""), "duplicate"
            self._count("worknet_events_total", *labels, by=event.get("count", 1))

    def _count(self, counter: str, *labels: str, by: int = 1) -> None:
        self._counters[counter].labels(*labels).inc(by)

    def _fallback(self, event: Mapping[str, Any], outcome: str) -> None:
        for action in event.get("actions", [event.get("action")]):
            self._count("worknet_fallbacks_total", event["workflow"], event["when"], action, outcome)

    def _messages(self, event: Mapping[str, Any]) -> None:
        for outcome in _MESSAGES:
            if event.get(outcome):
                labels = event["workflow"], event["dataset"], outcome.replace("_", " ")
                self._count("worknet_messages_total", *labels, by=event[outcome])

    def _transaction(self, event: Mapping[str, Any], what: str) -> None:
        action = str(event.get("action", ""))
        outcome = what.replace("_", " ")
        if what == "failed":
            # What the contract gave as its rule stands in the log; as a label it would have no bound.
            outcome = "lost" if event.get("outcome") == "lost" else "reverted"
        self._count("worknet_transactions_total", action, outcome)
        if "gas" in event:
            self._count("worknet_gas_total", action, by=event["gas"])
            self._count("worknet_fees_wei_total", action, by=event["fee"])


def _cause(event: Mapping[str, Any]) -> str:
    """The event's cause, if it is one of ours: as a label any other text would have no bound."""
    cause = event.get("cause", "")
    return str(cause) if cause in _CAUSES else "other"


class _Gauges(Collector):
    """The status as gauges. What is not known has no value, instead of a wrong one."""

    def __init__(self, status: Callable[[], Status], limits: HealthSection) -> None:
        self._status = status
        self._limits = limits

    def collect(self) -> Iterable[Metric]:
        values = gauge_values(self._status(), self._limits)
        for each in GAUGES:
            family = GaugeMetricFamily(each.name, each.meaning, labels=each.labels)
            for labels, value in values[each.name].items():
                family.add_metric(labels, value)
            yield family


def gauge_values(status: Status, limits: HealthSection) -> dict[str, dict[tuple[str, ...], float]]:
    """The value of each gauge by its labels; pure."""
    reasons = {reason.kind for reason in readiness(status, limits)}
    one: dict[str, float | None] = {
        "worknet_uptime_seconds": status.uptime,
        "worknet_live": lives(status, limits),
        "worknet_ready": not reasons,
        "worknet_head_block": status.head if status.has_looked else None,
        "worknet_head_time_seconds": status.head_time if status.has_looked else None,
        "worknet_head_age_seconds": status.head_age if status.has_looked else None,
        "worknet_balance_wei": status.balance,
        "worknet_transactions_in_flight": status.in_flight,
        "worknet_preparations_under_way": status.preparing,
        "worknet_errands_waiting": status.errands,
        "worknet_votings_open": status.open_votings,
        "worknet_journal_bytes": status.journal_bytes,
        "worknet_disk_free_bytes": status.disk_free,
    }
    is_enrolled = status.holds_key and status.role != "none"
    return {
        **{name: {} if value is None else {(): float(value)} for name, value in one.items()},
        "worknet_up_info": {(status.version,): 1.0},
        "worknet_not_ready": {(kind.value,): float(kind in reasons) for kind in Unready},
        "worknet_endpoint_up": {(each.address,): float(not each.fault) for each in status.endpoints},
        "worknet_enrolled": {
            (role,): float(is_enrolled and status.role == role) for role in ("active", "standby")
        },
        "worknet_feed_up": {
            (each.workflow, each.name, each.kind): float(not each.fault) for each in status.feeds
        },
        "worknet_policy_version": {(each.name,): float(each.policy_version) for each in status.workflows},
    }
