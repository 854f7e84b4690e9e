"""The error base of what an owner does."""


class NetworkError(Exception):
    """A network cannot be deployed, changed or started; `hint` says how to mend it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ProcessEnded(NetworkError):
    """A process of a local network ended when it should not have; the message names its log."""
