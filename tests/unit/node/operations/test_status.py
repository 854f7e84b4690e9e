"""Readiness: every reason why a worker could not vote, and nothing else, makes it not ready."""

from dataclasses import replace

import pytest

from worknet.config.operations import HealthSection
from worknet.node.operations.status import (
    FeedState,
    Reason,
    Status,
    Unready,
    WorkflowState,
    lives,
    readiness,
)

LIMITS = HealthSection()
WELL = Status(
    has_looked=True,
    head=7,
    worker="0x01",
    index=0,
    role="active",
    balance=10**18,
    needed=10**15,
    disk_free=1 << 40,
    workflows=(WorkflowState("hourly", 1),),
    feeds=(FeedState("hourly", "meters", "nats"),),
)


def kinds(status: Status) -> list[Unready]:
    return [reason.kind for reason in readiness(status, LIMITS)]


def test_a_worker_that_lacks_nothing_is_ready() -> None:
    assert readiness(WELL, LIMITS) == []


def test_a_worker_of_which_nothing_is_known_is_not_ready() -> None:
    assert kinds(Status()) == [Unready.STARTING]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (replace(WELL, stopping=True), Unready.STOPPING),
        (replace(WELL, draining=True), Unready.DRAINING),
        (replace(WELL, step_age=121), Unready.STUCK),
        (replace(WELL, chain_fault="127.0.0.1 does not answer"), Unready.CHAIN_UNREACHABLE),
        (replace(WELL, head_age=301), Unready.CHAIN_STALE),
        (replace(WELL, role="none", index=None), Unready.NOT_ENROLLED),
        (replace(WELL, holds_key=False), Unready.NOT_ENROLLED),
        (replace(WELL, signer_fault="does not answer"), Unready.SIGNER),
        (replace(WELL, balance=0), Unready.NO_FUNDS),
        (replace(WELL, balance=10**15 - 1), Unready.NO_FUNDS),
        (replace(WELL, journal_fault="disk I/O error"), Unready.JOURNAL),
        (replace(WELL, disk_free=1 << 20), Unready.DISK),
        (replace(WELL, log_fault="No space left on device"), Unready.LOG),
        (replace(WELL, workflows=(WorkflowState("hourly", 2, bundle_missing="0xab"),)), Unready.BUNDLE),
        (
            replace(WELL, workflows=(WorkflowState("hourly", 2, data_key_missing="epoch 2"),)),
            Unready.DATA_KEY,
        ),
        (replace(WELL, feeds=(FeedState("hourly", "meters", "nats", "refused", 61),)), Unready.FEED),
    ],
)
def test_what_is_wrong_is_the_reason(status: Status, kind: Unready) -> None:
    assert kinds(status) == [kind]


def test_every_reason_there_is_has_its_case_above() -> None:
    cases = next(
        mark.args[1]
        for mark in test_what_is_wrong_is_the_reason.pytestmark  # type: ignore[attr-defined]  # pytest's
    )
    assert {kind for _, kind in cases} | {Unready.STARTING} == set(Unready)


def test_a_feed_that_is_down_for_a_moment_is_no_reason() -> None:
    assert (
        readiness(replace(WELL, feeds=(FeedState("hourly", "meters", "nats", "refused", 5),)), LIMITS) == []
    )


def test_a_standby_is_ready() -> None:
    assert readiness(replace(WELL, role="standby"), LIMITS) == []


def test_all_reasons_are_told() -> None:
    many = replace(WELL, chain_fault="down", journal_fault="locked", balance=0)
    assert set(kinds(many)) == {Unready.CHAIN_UNREACHABLE, Unready.JOURNAL, Unready.NO_FUNDS}


def test_a_worker_lives_while_its_loop_turns_whatever_else_is_wrong() -> None:
    assert lives(replace(WELL, chain_fault="down", step_age=119), LIMITS)
    assert not lives(replace(WELL, step_age=121), LIMITS)


def test_a_reason_is_told_with_its_detail() -> None:
    assert str(Reason(Unready.JOURNAL, "locked")) == "journal failing: locked"
    assert str(Reason(Unready.STARTING)) == "starting"


def test_amounts_stand_in_the_document_as_texts() -> None:
    assert WELL.document()["balance"] == str(10**18)
    assert Status().document()["balance"] is None
