"""The error base of the worker: what stops it, or one of its votings, with evidence and a hint."""


class NodeError(Exception):
    """The worker cannot go on as it is configured, or a request to it cannot be met.

    `hint` says how to mend it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class JournalError(NodeError):
    """The journal cannot be opened, read or written, or belongs to another network or worker."""


class JournalUnavailable(JournalError):
    """The journal cannot be read or written now, but that may pass. Nothing was written."""


class BundleMismatch(NodeError):
    """The bundle on this machine is not the one that the policy pins."""


class BundleMissing(NodeError):
    """No bundle with the digest that the policy pins is here, nor where it was looked for."""


class BundleUnusable(NodeError):
    """The bundle that the policy pins is here, but this worker cannot run it: it needs other packages, or it
    reads datasets that node.toml does not name."""


class DataKeyMismatch(NodeError):
    """A data key is missing, or is not the one that the policy commits to."""


class SourceTimeout(NodeError):
    """A dataset was not read in time, and its reading was cut off."""


class ParentMissing(NodeError):
    """A result that a voting consumes may yet come, or is one whose rows this worker does not hold."""


class RivalError(NodeError):
    """Another worker votes with the same key: this one stops, and must not be started again by itself."""

    exit_code = 3


class UnknownVoting(NodeError):
    """A voting, table or row that the worker's journal does not hold."""


class RequestError(NodeError):
    """A request to a worker's command that makes no sense, or whose answer cannot be written."""
