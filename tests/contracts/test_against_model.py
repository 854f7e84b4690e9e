"""The contracts and the models in `worknet.protocol`, call by call: any interleaving leaves both equal.

What is sent stands in `mirror/actions` and `mirror/adversaries`, what must come of it in `mirror/world`, what
must always hold in `mirror/invariants`, and that nothing is ever stuck in `mirror/endings`.
"""

import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import boa
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.contracts.mirror.chain import Chain, shared_code_streams
from tests.contracts.mirror.machine import Interleaving

CONTRACTS = Path(__file__).parents[2] / "src" / "worknet" / "contracts"
SEEDS = [1, 2]
FURTHER_SEEDS = [3, 4]
CALLS = 25_000
"""Of one seed: the four of them make 100,000."""
# Nobody makes so many changes in a run: other tests bring the counters there. The pool is as old as the
# network, and one is the refusal of a view.
OUT_OF_REACH = {
    "members: unknown worker",
    "members: no index left",
    "members: too many changes",
    "policies: too many versions",
    "rewards: before the pool",
    "rewards: too many changes",
    "votings: too many attempts",
}


@dataclass(frozen=True)
class Run:
    """What a run has met, by reason of refusal, `call: taken` and `event name`; and what it has called."""

    met: Counter[str]
    chain: Chain
    seconds: float

    def __str__(self) -> str:
        calls = self.chain.calls
        speed = calls.total() / self.seconds
        text = f"{calls['transactions']} transactions, {calls['views']} views: {speed:.0f} a second"
        return f"{text}, {self.met['event Recorded']} records; {dict(self.met.most_common())}"


def run(examples: int, steps: int, number: int | None = None) -> Run:
    """Runs the machine: this many interleavings, each of this many steps at most."""
    with boa.env.anchor(), shared_code_streams():
        kind = type("Interleaving", (Interleaving,), {"chain": Chain(), "met": Counter()})
        began = time.process_time()
        run_state_machine_as_test(
            kind if number is None else seed(number)(kind),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate, Phase.shrink),
            ),
        )
        return Run(kind.met, kind.chain, time.process_time() - began)


def reasons() -> set[str]:
    """All reasons that stand in the sources of the network and its pool, those of skipped items too."""
    texts = [path.read_text("utf-8") for path in CONTRACTS.rglob("*.vy") if path.stem != "RowProofs"]
    return set(re.findall(r'_(?:refuse|skip)\([^"]*"([^"]+)"\)', "\n".join(texts)))


def test_contracts_and_models_stay_equal() -> None:
    print(run(examples=8, steps=25))


@pytest.mark.parametrize(
    "number",
    [pytest.param(number, marks=pytest.mark.long) for number in SEEDS]
    + [pytest.param(number, marks=pytest.mark.exhaustive) for number in FURTHER_SEEDS],
)
def test_contracts_and_models_stay_equal_at_length(number: int) -> None:
    done = run(examples=100, steps=50, number=number)
    print(done)
    assert done.chain.calls.total() >= CALLS
    assert {f"event {kind}" for kind in done.chain.event_kinds} - done.met.keys() == {"event Moved"}
    assert reasons() >= OUT_OF_REACH
    within_reach = reasons() - OUT_OF_REACH
    assert len(within_reach - done.met.keys()) <= len(within_reach) / 10, within_reach - done.met.keys()
