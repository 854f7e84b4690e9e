"""The error base of the protocol: every rule that is broken raises a child of `ProtocolError`."""


class ProtocolError(Exception):
    """A rule of the protocol is broken.

    `hint` says how to mend it, in words for the person who sees the message; it may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
