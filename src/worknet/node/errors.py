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


class BundleMismatch(NodeError):
    """The bundle on this machine is not the one that the policy pins."""


class DataKeyMismatch(NodeError):
    """A data key is missing, or is not the one that the policy commits to."""


class UnknownVoting(NodeError):
    """A voting, table or row that the worker's journal does not hold."""


class RequestError(NodeError):
    """A request to a worker's command that makes no sense, or whose answer cannot be written."""
