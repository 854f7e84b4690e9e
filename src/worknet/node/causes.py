"""Why a worker has no ballot: the few words that logs, metrics, alerts, the journal and `node status` share.

A cause is bounded and says nothing of rows; what exactly happened stands beside it, in the log or journal.
"""

from enum import StrEnum

from worknet.chain.errors import ChainError
from worknet.node.errors import (
    BundleMismatch,
    BundleMissing,
    BundleUnusable,
    DataKeyMismatch,
    ParentMissing,
    SourceTimeout,
)
from worknet.sources.errors import IncompleteError, RefusedError, SourceError, UnavailableError
from worknet.workflow.errors import (
    FailedError,
    MemoryExceededError,
    RunnerError,
    TimedOutError,
    WorkflowError,
    WrongActionsError,
    WrongTablesError,
)


class Cause(StrEnum):
    """Why there is no ballot, as it is told and counted."""

    SOURCE_TIMEOUT = "source timeout"
    """A dataset was not read when the preparation had to be cut off."""
    SOURCE_UNAVAILABLE = "source unavailable"
    """A source is not there, or does not answer."""
    SOURCE_INCOMPLETE = "source incomplete"
    """What is there is a part only: a file being written, a window without its end marker."""
    SOURCE_REFUSED = "source refused"
    """A source does not let this worker read, or does not know what it asks for."""
    BAD_DATA = "bad data"
    """What a source gave is no table, or breaks the dataset's schema."""
    PARENT_MISSING = "parent missing"
    """A result that is consumed may yet come, or this worker does not hold its rows."""
    WORKFLOW_FAILED = "workflow failed"
    """The workflow raised an error, or its run died without a result."""
    WORKFLOW_TIMEOUT = "workflow timeout"
    """The run exceeded its time."""
    WORKFLOW_MEMORY = "workflow memory"
    """The run exceeded its memory."""
    WORKFLOW_RESULT = "workflow result"
    """The run's result does not fit what the workflow declares."""
    BUNDLE_MISSING = "bundle missing"
    """No bundle here has the digest that the policy pins, or this worker cannot run it."""
    DATA_KEY_MISSING = "data key missing"
    """No data key here is the one that the policy commits to."""
    CHAIN_UNAVAILABLE = "chain unavailable"
    """The chain could not be read or written while the ballot was due."""
    NOT_IN_TIME = "not in time"
    """A ballot was there, but no transaction brought it in before the window ended."""
    NO_FAILOVER = "no failover"
    """The workflow's handler for it did not start attempt 3."""
    NOT_RUNNING = "not running"
    """The worker was stopped, or draining, or not started yet while the ballot was due."""
    FAULT = "fault of worknet"
    """An error that should not be; please report it."""


def cause_of(error: BaseException) -> Cause:
    """The cause that an error of sources, workflow or node stands for; `FAULT` for one that none expects."""
    for kind, cause in _CAUSES:
        if isinstance(error, kind):
            return cause
    return Cause.FAULT


# The first that fits counts: children before their parents.
_CAUSES: tuple[tuple[type[BaseException], Cause], ...] = (
    (SourceTimeout, Cause.SOURCE_TIMEOUT),
    (UnavailableError, Cause.SOURCE_UNAVAILABLE),
    (IncompleteError, Cause.SOURCE_INCOMPLETE),
    (RefusedError, Cause.SOURCE_REFUSED),
    (SourceError, Cause.BAD_DATA),
    (ParentMissing, Cause.PARENT_MISSING),
    (TimedOutError, Cause.WORKFLOW_TIMEOUT),
    (MemoryExceededError, Cause.WORKFLOW_MEMORY),
    (FailedError, Cause.WORKFLOW_FAILED),
    (WrongTablesError, Cause.WORKFLOW_RESULT),
    (WrongActionsError, Cause.WORKFLOW_RESULT),
    (RunnerError, Cause.WORKFLOW_FAILED),
    (WorkflowError, Cause.WORKFLOW_FAILED),
    (BundleMissing, Cause.BUNDLE_MISSING),
    (BundleUnusable, Cause.BUNDLE_MISSING),
    (BundleMismatch, Cause.BUNDLE_MISSING),
    (DataKeyMismatch, Cause.DATA_KEY_MISSING),
    (ChainError, Cause.CHAIN_UNAVAILABLE),
)
