"""A remembered state that was edited by hand is refused where it contradicts itself."""

from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from tests.unit.audit.life import audit_of
from tests.unit.audit.lived import lived

from worknet.audit.errors import AuditError
from worknet.audit.resume import AuditState


@cache
def remembered() -> Any:
    """What an audit of a part of the life left."""
    return audit_of(lived(), until=lived().start + 90).state.document()


def edited(*path: str | int, value: Any) -> dict[str, Any]:
    """What is remembered, with another value at a path."""
    document = place = deepcopy(remembered())
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return dict(document)


def test_a_state_that_nobody_edited_is_read() -> None:
    document = edited("format", value=1)
    assert AuditState.read(document).document() == document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("head", "time"), -1),
        (("head", "time"), 10**12),
        (("head", "block"), str(2**300)),
        (("members", "seats", 0, 0), 120),
        (("members", "seats", 0, 0), str(2**200)),
        (("members", "seats", 0, 1, "keys"), []),
        (("policies", "lines", 0, 0), "0x"),
        (("policies", "lines", 0, 1), []),
        (("policies", "lines", 0, 1, 0, "policy_hash"), "0x"),
        (("policies", "lines", 0, 1, 0, "policy", "bundle_digest"), "0x"),
        (("policies", "lines", 0, 1, 0, "policy", "threshold_den"), 0),
        (("policies", "lines", 0, 1, 0, "workflow_id"), "0x" + "11" * 32),
        (("slots", "without", 0, 1, 0, "version"), 99),
        (("slots", "without", 0, 1, 0, "first"), 10**9),
        (("slots", "without", 0, 1, 0, "last"), str(2**200)),
        (("slots", "without", 0), []),
        (("slots", "without", 0, 0), "0x"),
        (("votings", 0, 1, "workflow_id"), "0x"),
        (("votings", 0, 1, "trigger_id"), "0x11"),
        (("votings", 0, 1, "voting", "state"), 6),
        (("ledger", "since"), []),
        (("ledger", "since"), [0, 0]),
        (("ledger", "amounts"), []),
        (("ledger", "length"), 0),
        (("ledger", "funded"), "-7"),
    ],
)
def test_a_state_that_contradicts_itself_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    with pytest.raises(AuditError, match="the remembered state"):
        AuditState.read(edited(*path, value=value))
