"""What can be wrong with evidence, and with asking a chain about it; no message holds salts or values."""

from collections.abc import Iterator
from contextlib import contextmanager

from worknet.protocol.errors import ProtocolError


class VerifyError(Exception):
    """Base of all errors of `worknet.verify`; `hint` says what to do about it, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class EvidenceError(VerifyError):
    """The form of the file is wrong at the place `field`, such as `$.head.size`."""

    def __init__(self, field: str, rule: str, hint: str = "") -> None:
        super().__init__(f"{field}: {rule}", hint)
        self.field, self.rule = field, rule


class RefusedError(EvidenceError):
    """The form is right, but the evidence does not hold: `field` breaks the rule `rule`."""


class RpcError(VerifyError):
    """The chain could not be asked, so nothing is known: neither verified nor refused."""


def require(holds: object, field: str, rule: str, hint: str = "") -> None:
    """Raises `RefusedError` unless the rule holds."""
    if not holds:
        raise RefusedError(field, rule, hint)


@contextmanager
def refusing(field: str, rule: str) -> Iterator[None]:
    """A rule of the protocol that is broken inside refuses the field; `rule` goes before its message."""
    try:
        yield
    except ProtocolError as error:
        raise RefusedError(field, f"{rule}: {error}", error.hint) from error
