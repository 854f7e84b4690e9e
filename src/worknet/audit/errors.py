"""What keeps an audit from being made. What an audit finds is no error: see `findings`."""


class AuditError(Exception):
    """The audit cannot be made, or cannot go on from where the last one ended; `hint` says what helps."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
