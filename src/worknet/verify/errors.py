"""What can be wrong with evidence, and with asking a chain about it.

Every public function of `worknet.verify` raises a child of `VerifyError` and nothing else. Messages name
the field and the rule; they never hold salts or values of rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from worknet.protocol.errors import ProtocolError


class VerifyError(Exception):
    """Base of all errors of this package; `hint` says what to do about it, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class EvidenceError(VerifyError):
    """The file is no evidence file: `field` is the place in it whose form is wrong, such as `$.head.size`."""

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(f"{field}: {message}", hint)
        self.field = field


class RefusedError(VerifyError):
    """The evidence has the right form but does not hold: `field` names what breaks the rule `rule`."""

    def __init__(self, field: str, rule: str, hint: str = "") -> None:
        super().__init__(f"{field}: {rule}", hint)
        self.field = field
        self.rule = rule


class RpcError(VerifyError):
    """The chain could not be asked, so nothing is known: neither verified nor refused."""


def require(holds: bool, field: str, rule: str, hint: str = "") -> None:
    """Raises `RefusedError` unless the rule holds."""
    if not holds:
        raise RefusedError(field, rule, hint)


@contextmanager
def refusing(field: str, rule: str = "") -> Iterator[None]:
    """A rule of the protocol that is broken inside refuses the field; `rule` goes before its message."""
    try:
        yield
    except ProtocolError as error:
        raise RefusedError(field, f"{rule}: {error}" if rule else str(error), error.hint) from error
