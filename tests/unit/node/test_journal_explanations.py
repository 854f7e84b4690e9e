"""What faults of a journal's server mean: said without the server's own words, which may hold rows."""

import pytest

from worknet.node.errors import JournalError, JournalUnavailable
from worknet.node.journal.postgresql import _explanation

SECRET = "Meier-4711"


def explained(state: str) -> JournalError:
    return _explanation("at host", Exception({"C": state, "M": SECRET, "D": SECRET}))


@pytest.mark.parametrize(
    ("state", "hint"),
    [("42P01", "put it back, or a backup"), ("3F000", "put it back, or a backup"), ("53100", "make room")],
)
def test_what_can_be_mended_is_told_with_how(state: str, hint: str) -> None:
    assert hint in explained(state).hint


@pytest.mark.parametrize(
    ("state", "passes"), [("53100", True), ("57P01", True), ("42P01", False), ("XX001", False)]
)
def test_what_passes_by_itself_is_told_apart(state: str, passes: bool) -> None:
    assert isinstance(explained(state), JournalUnavailable) is passes


def test_the_servers_own_words_are_not_repeated() -> None:
    error = explained("22000")
    assert SECRET not in f"{error} {error.hint}"
