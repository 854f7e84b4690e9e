"""A simulation is the same for the same seed, on every machine and in every process."""

import json
import os
import subprocess
import sys

import pytest
from tests.search import LIGHT, desk

from worknet.protocol.ids import Slot
from worknet.protocol.voting import State
from worknet.testing.faults import Faults
from worknet.testing.run import Run
from worknet.testing.simulation import Setup, simulate

MIX = "late:1,wrong:1,skew:2s,partition:2|3,crash:p=0.05"

PROGRAM = f"""
import json
from tests.unit.testing.test_simulation import fingerprint
print(json.dumps(fingerprint({MIX!r}, 2)))
"""


def simulated(faults: str = "", votings: int = 1, seed: int = 1, workers: int = 5) -> Run:
    bundle, data = desk(LIGHT)
    return simulate(
        Setup(
            bundle=bundle,
            data=data.frames,
            workers=workers,
            votings=votings,
            seed=seed,
            faults=Faults.parse(faults),
        )
    )


def fingerprint(faults: str, votings: int, seed: int = 1) -> list[str]:
    """What a run left on the chain, and what befell its workers."""
    with simulated(faults, votings, seed) as run:
        head = run.chain.ledger.evm.head
        return [head.hash.hex(), str(head.header.timestamp), repr(run.happened), repr(list(run.deeds))]


@pytest.mark.long
def test_another_hash_seed_and_another_process_give_the_same_run():
    found = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": f"Etc/GMT+{seed}"},
            capture_output=True,
            check=True,
            text=True,
        )
        found.append(json.loads(done.stdout.splitlines()[-1]))
    assert found[0] == found[1]


def test_another_seed_is_another_run():
    assert fingerprint("crash:p=0.2", 1, seed=1)[2] != fingerprint("crash:p=0.2", 1, seed=2)[2]


def test_a_voting_is_about_each_slot_from_the_first_and_about_no_other():
    with simulated(votings=2) as run:
        slots = [trigger.number for trigger in run.triggers if isinstance(trigger, Slot)]
        assert slots == [slots[0], slots[0] + 1]
        assert len(run.index.votings(now=run.chain.now)) == 2
        assert not run.stuck


def test_workers_that_are_all_silent_leave_every_slot_unopened_and_nothing_stuck():
    with simulated("silent:5") as run:
        voting_id = run.chain.voting_id(run.triggers[0])
        assert run.index.voting(voting_id) is None
        assert not run.stuck


def test_a_worker_that_dies_goes_on_with_what_is_on_its_disk():
    with simulated("crash:p=0.2", workers=3) as run:
        assert any(each.kind == "crash" for each in run.happened)
        assert all(company.is_running for company in run.companies)
        assert all(company.index.block() == run.chain.height for company in run.companies)


def test_who_is_cut_off_sees_no_block_until_the_network_is_whole():
    with simulated("partition:1|4") as run:
        cut_off = {each.worker for each in run.happened if each.kind == "cut off"}
        assert len(cut_off) == 1
        assert all(company.index.block() == run.chain.height for company in run.companies)


def test_no_file_of_a_run_is_left_when_it_is_closed():
    run = simulated()
    folder = run.companies[0].folder
    assert folder.exists()
    run.close()
    assert not folder.exists()


@pytest.mark.long
def test_runs_in_processes_of_their_own_give_the_same_results():
    bundle, data = desk(LIGHT)
    roots = []
    for isolate in (False, True):
        setup = Setup(bundle=bundle, data=data.frames, workers=2, votings=1, isolate=isolate)
        with simulate(setup) as run:
            voting = run.index.voting(run.chain.voting_id(run.triggers[0]), now=run.chain.now)
            assert voting is not None
            assert voting.state is State.CONSENSUS
            assert voting.recorded is not None
            roots.append(voting.recorded.pair)
    assert roots[0] == roots[1]
