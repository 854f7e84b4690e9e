"""Networks whose workers, journals, chain, broker and disks fail lose nothing, and say nothing twice."""

from pathlib import Path

import pytest
from tests.chaos.audit import KINDS
from tests.chaos.trials import TRIALS


@pytest.mark.long
@pytest.mark.parametrize("name", TRIALS)
def test_nothing_is_lost_and_nothing_said_twice(tmp_path: Path, name: str) -> None:
    found = TRIALS[name](tmp_path).audit
    assert {kind: found.faults[kind] for kind in KINDS} == dict.fromkeys(KINDS, 0)
    assert found.votings > 0
    assert found.ballots == 3 * found.votings
