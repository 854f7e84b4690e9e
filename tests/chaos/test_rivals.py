"""Two machines with one key, as processes: the second does not start, and the first votes on."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.chaos.network import ChaosNetwork, until

from worknet.node.errors import RivalError


@pytest.mark.long
def test_a_second_machine_with_the_key_of_one_that_votes_ends_with_an_exit_code_of_its_own(
    tmp_path: Path,
) -> None:
    network = ChaosNetwork(tmp_path / "chaos")
    try:
        network.start_all()
        until(lambda: network.told("alpha", "transaction.done") > 0, "alpha votes", told=network.log("alpha"))
        machine = network.folder.node("alpha")
        other = machine.with_name("twin")
        shutil.copytree(machine, other, ignore=shutil.ignore_patterns("data"))
        command = [sys.executable, "-m", "worknet", "node", "run", str(other / "node.toml")]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        assert (ended.returncode, RivalError.exit_code) == (3, 3)
        assert "another worker votes with the key" in ended.stderr
        assert '"event": "worker.rival"' in ended.stdout
        votes = network.told("alpha", "ballot.sealed")
        until(lambda: network.told("alpha", "ballot.sealed") > votes, "alpha votes on")
    finally:
        network.close()
