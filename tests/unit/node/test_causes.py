"""Causes: every error that keeps a ballot away has its words."""

import pytest

from worknet.node.causes import Cause, cause_of
from worknet.node.errors import BundleMismatch, DataKeyMismatch, NodeError
from worknet.sources.errors import (
    IncompleteError,
    NonsenseError,
    Origin,
    RefusedError,
    SchemaViolationError,
    UnavailableError,
)
from worknet.workflow.errors import (
    FailedError,
    FloatRefusedError,
    MemoryExceededError,
    RunnerError,
    TimedOutError,
    WorkflowError,
    WrongActionsError,
)

ORIGIN = Origin("meters", "host.example")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (UnavailableError(ORIGIN, "down"), Cause.SOURCE_UNAVAILABLE),
        (IncompleteError(ORIGIN, "half"), Cause.SOURCE_INCOMPLETE),
        (RefusedError(ORIGIN, "401"), Cause.SOURCE_REFUSED),
        (NonsenseError(ORIGIN, "no JSON"), Cause.BAD_DATA),
        (SchemaViolationError(ORIGIN, "negative", row=1), Cause.BAD_DATA),
        (TimedOutError("60 s"), Cause.WORKFLOW_TIMEOUT),
        (MemoryExceededError("1 GiB"), Cause.WORKFLOW_MEMORY),
        (FailedError("division by zero"), Cause.WORKFLOW_FAILED),
        (FloatRefusedError("a float", cause="a float"), Cause.WORKFLOW_RESULT),
        (WrongActionsError("no action", cause="no action"), Cause.WORKFLOW_RESULT),
        (RunnerError("no pipe"), Cause.WORKFLOW_FAILED),
        (WorkflowError("no rows"), Cause.WORKFLOW_FAILED),
        (BundleMismatch("other digest"), Cause.BUNDLE_MISSING),
        (DataKeyMismatch("other key"), Cause.DATA_KEY_MISSING),
        (NodeError("what"), Cause.FAULT),
        (ZeroDivisionError(), Cause.FAULT),
    ],
)
def test_an_error_of_sources_workflow_or_node_has_its_cause(error: Exception, cause: Cause) -> None:
    assert cause_of(error) is cause
