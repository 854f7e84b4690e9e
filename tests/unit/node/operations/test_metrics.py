"""Metrics: what is told is counted, in bounded labels; what is known is measured."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from worknet.config.operations import HealthSection
from worknet.node.operations.metrics import GAUGES, MEASURES, Metrics
from worknet.node.operations.status import Endpoint, FeedState, Status, WorkflowState

LIMITS = HealthSection()
_ORDER = [
    "workflow",
    "when",
    "dataset",
    "feed",
    "kind",
    "action",
    "outcome",
    "end",
    "cause",
    "role",
    "endpoint",
    "reason",
    "event",
    "level",
    "version",
    "le",
]
"""The exposition sorts labels by name; here in an order that reads well."""


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample that is not zero, as `name{label=value,...}`."""
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            ordered = sorted(sample.labels.items(), key=lambda label: _ORDER.index(label[0]))
            labels = ",".join(f"{name}={value}" for name, value in ordered)
            if sample.value and not sample.name.endswith("_created"):
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def counted(*events: dict[str, object]) -> dict[str, float]:
    """What the events change in the metrics, without the count of what was told."""
    metrics = Metrics(Status, LIMITS)
    before = samples(metrics)
    for event in events:
        metrics.told({"level": "info", **event})
    after = samples(metrics)
    return {
        name: value
        for name, value in after.items()
        if before.get(name) != value and not name.startswith("worknet_told_total")
    }


@pytest.mark.parametrize(
    ("event", "sample"),
    [
        (
            {"event": "ballot.outcome", "workflow": "hourly", "outcome": "cast"},
            "worknet_ballots_total{workflow=hourly,outcome=cast,cause=}",
        ),
        (
            {
                "event": "ballot.outcome",
                "workflow": "hourly",
                "outcome": "not cast",
                "cause": "source timeout",
            },
            "worknet_ballots_total{workflow=hourly,outcome=not cast,cause=source timeout}",
        ),
        (
            {"event": "publication.made", "workflow": "hourly"},
            "worknet_publications_total{workflow=hourly,outcome=made}",
        ),
        (
            {"event": "publication.fault", "workflow": "", "where": "/srv", "error": "cannot be written"},
            "worknet_publications_total{workflow=,outcome=failed}",
        ),
        (
            {"event": "voting.recorded", "workflow": "hourly", "how": "quorum"},
            "worknet_votings_total{workflow=hourly,end=quorum}",
        ),
        (
            {"event": "voting.unresolved", "workflow": "hourly"},
            "worknet_votings_total{workflow=hourly,end=unresolved}",
        ),
        (
            {"event": "ballot.none", "workflow": "hourly", "cause": "bad data"},
            "worknet_preparations_failed_total{workflow=hourly,cause=bad data}",
        ),
        (
            {"event": "ballot.none", "workflow": "hourly", "cause": "row 7: -3"},
            "worknet_preparations_failed_total{workflow=hourly,cause=other}",
        ),
        (
            {"event": "fallback.handled", "workflow": "hourly", "when": "failover", "actions": ["alert"]},
            "worknet_fallbacks_total{workflow=hourly,when=failover,action=alert,outcome=decided}",
        ),
        (
            {"event": "fallback.given_up", "workflow": "hourly", "when": "unresolved", "action": "alert"},
            "worknet_fallbacks_total{workflow=hourly,when=unresolved,action=alert,outcome=given up}",
        ),
        ({"event": "ballot.sealed"}, "worknet_transactions_total{action=seal,outcome=sent}"),
        (
            {"event": "transaction.failed", "action": "cast", "outcome": "lost"},
            "worknet_transactions_total{action=cast,outcome=lost}",
        ),
        (
            {"event": "transaction.failed", "action": "cast", "outcome": "votings: not casting"},
            "worknet_transactions_total{action=cast,outcome=reverted}",
        ),
        (
            {"event": "transaction.replaced", "action": "cast"},
            "worknet_transactions_total{action=cast,outcome=replaced}",
        ),
        (
            {"event": "event.conflict", "workflow": "orders", "kind": "webhook"},
            "worknet_events_total{workflow=orders,kind=webhook,outcome=conflict}",
        ),
    ],
)
def test_an_event_is_counted_once_under_its_labels(event: dict[str, object], sample: str) -> None:
    assert counted(event) == {sample: 1.0}


def test_a_transaction_in_a_block_counts_its_gas_and_its_fee() -> None:
    done = {"event": "transaction.done", "action": "seal", "gas": 90_000, "fee": 10**15}
    assert counted(done) == {
        "worknet_transactions_total{action=seal,outcome=done}": 1.0,
        "worknet_gas_total{action=seal}": 90_000.0,
        "worknet_fees_wei_total{action=seal}": 1e15,
    }


def test_messages_are_counted_by_what_became_of_them() -> None:
    taken = {"event": "inbox.taken", "workflow": "hourly", "dataset": "meters", "accepted": 500, "too_old": 2}
    assert counted(taken) == {
        "worknet_messages_total{workflow=hourly,dataset=meters,outcome=accepted}": 500.0,
        "worknet_messages_total{workflow=hourly,dataset=meters,outcome=too old}": 2.0,
    }


def test_how_long_a_preparation_took_is_measured() -> None:
    found = counted({"event": "ballot.prepared", "workflow": "hourly", "seconds": 3.5})
    assert found["worknet_preparation_seconds_sum{workflow=hourly}"] == 3.5


def test_everything_that_is_told_is_counted_by_its_name() -> None:
    metrics = Metrics(Status, LIMITS)
    metrics.told({"event": "ingest.fault", "level": "warning", "inlet": "hourly.meters"})
    assert samples(metrics)["worknet_told_total{event=ingest.fault,level=warning}"] == 1.0


def test_gauges_tell_the_status_of_the_moment() -> None:
    status = Status(
        has_looked=True,
        head=12,
        head_age=3.0,
        role="standby",
        index=1,
        balance=5,
        endpoints=(Endpoint("a.example"), Endpoint("b.example", "down")),
        feeds=(FeedState("hourly", "meters", "nats", "refused", 2.0),),
        workflows=(WorkflowState("hourly", 3),),
    )
    found = samples(Metrics(lambda: status, LIMITS))
    assert found["worknet_head_block"] == 12
    assert found["worknet_balance_wei"] == 5
    assert found["worknet_enrolled{role=standby}"] == 1
    assert found["worknet_endpoint_up{endpoint=a.example}"] == 1
    assert "worknet_endpoint_up{endpoint=b.example}" not in found
    assert found["worknet_policy_version{workflow=hourly}"] == 3
    assert found["worknet_ready"] == 1


def test_what_is_not_known_has_no_value() -> None:
    text = Metrics(Status, LIMITS).exposition().decode()
    assert not [
        line for line in text.splitlines() if line.startswith(("worknet_balance_wei", "worknet_head_"))
    ]


def test_reasons_for_not_being_ready_are_told_one_by_one() -> None:
    found = samples(Metrics(lambda: Status(has_looked=True, role="active", balance=0), LIMITS))
    assert [name for name in found if name.startswith("worknet_not_ready")] == [
        "worknet_not_ready{reason=key without funds}"
    ]


def test_two_workers_of_one_process_share_nothing() -> None:
    one, other = Metrics(Status, LIMITS), Metrics(Status, LIMITS)
    one.told({"event": "ballot.cast", "level": "info"})
    assert "worknet_transactions_total{action=cast,outcome=sent}" not in samples(other)


def test_every_metric_has_its_values_and_a_name_of_its_own() -> None:
    text = Metrics(Status, LIMITS).exposition().decode()
    assert len({each.name for each in MEASURES}) == len(MEASURES)
    for each in GAUGES:
        assert f"# TYPE {each.name} gauge" in text
