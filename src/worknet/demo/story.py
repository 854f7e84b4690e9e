"""The demo from beginning to end: a network is made and started, hours are agreed on, a stranger verifies.

What belongs to the companies is asked for as they would, with `worknet` commands on their own files; the
rest is seen from outside, on the chain.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worknet.demo.companies import DemoPlan, workflow_folder, write
from worknet.demo.profiles import load_profiles
from worknet.network.errors import NetworkError
from worknet.network.folder import NetworkFolder
from worknet.network.local import LocalNetwork
from worknet.network.planning import why_not_isolated
from worknet.network.processes import end_of
from worknet.network.watch import Watch, WatchedVoting
from worknet.protocol.canonical import from_hex, to_hex
from worknet.protocol.times import time_text

POLL_SECONDS = 0.5
STUCK_SECONDS = 240
CUSTOMER_TABLE = "scores"
PPM = 1_000_000


@dataclass(frozen=True)
class _KnownResult:
    """A result that a company voted for, and its summary."""

    member: str
    summary: dict[str, Any]


Progress = Callable[[Sequence[WatchedVoting]], None]


@dataclass(frozen=True)
class Ending:
    """What came of the demo. Scores are in parts per million of the consumption.

    `hourly_score` counts what was matched hour by hour, `annual_score` what a yearly total would claim.
    `customer` is the row that was proven, `checks` what the verifier said of it.
    """

    folder: NetworkFolder
    url: str
    votings: tuple[WatchedVoting, ...]
    consensus: int
    verified: bool
    log_size: int
    head: str
    hourly_score: int
    annual_score: int
    evidence: Path
    customer: dict[str, Any]
    checks: tuple[str, ...]


def play(path: Path, plan: DemoPlan, say: Callable[[str], None], progress: Progress) -> Ending:
    """Plays the demo in the folder; `say` is told each step, `progress` how the votings go.

    Raises the errors of whatever fails. Nothing is left running, however it ends.
    """
    profiles = load_profiles()
    if not 1 <= plan.hours <= profiles.hours:
        raise NetworkError(
            f"{plan.hours} hours cannot be replayed", hint=f"1 to {profiles.hours} are recorded"
        )
    say(f"making {plan.workers} companies with keys and access tokens in {path}")
    reason = why_not_isolated(workflow_folder())
    if reason:
        say(f"{reason}; the demo's own workflow runs without that (allow_unisolated)")
    folder = write(path, plan, profiles, allow_unisolated=bool(reason))
    with LocalNetwork(folder) as network:
        config = network.start(say)
        say(f"replaying {plan.hours} hours from {time_text(profiles.start)}")
        with Watch(config, network.url, path / "watch.sqlite") as watch:
            votings = _wait(network, watch, plan.hours, progress, say)
            size, root = watch.head()
        contract = to_hex(config.deployed()[0])
        say("asking a company for its result, and for the proof of one row")
        return _verify(folder, network.url, contract, votings, f"{size}:{to_hex(root)}", size)


def _wait(
    network: LocalNetwork, watch: Watch, hours: int, progress: Progress, say: Callable[[str], None]
) -> tuple[WatchedVoting, ...]:
    """The votings, once all have ended. A worker that ends is told of; the others go on."""
    seen: list[WatchedVoting] = []
    changed = time.monotonic()
    while True:
        votings = watch.votings()
        if votings != seen:
            seen, changed = votings, time.monotonic()
            progress(votings)
        if len(votings) >= hours and all(voting.has_ended for voting in votings):
            return tuple(votings)
        for process in network.ended():
            members = [member for member, worker in network.workers.items() if worker is process]
            if not members:
                raise end_of(process)
            say(
                f"{end_of(process)}; start it again with: worknet node run "
                f"{network.folder.node_file(members[0])}"
            )
        if time.monotonic() - changed > STUCK_SECONDS:
            raise NetworkError(
                f"nothing has moved for {STUCK_SECONDS} seconds; "
                f"{sum(voting.has_ended for voting in votings)} of {hours} votings have ended",
                hint=f"see the logs in {network.folder.path}/nodes/*/node.log",
            )
        time.sleep(POLL_SECONDS)


def _verify(
    folder: NetworkFolder, url: str, contract: str, votings: tuple[WatchedVoting, ...], head: str, size: int
) -> Ending:
    recorded = [voting for voting in votings if voting.position is not None]
    known = _known_results(folder, recorded)
    totals = {
        name: sum(int(result.summary[name]) for result in known.values())
        for name in ("consumption_wh", "generation_wh", "matched_wh")
    }
    consumed = totals["consumption_wh"]
    evidence = folder.path / "evidence.json"
    verified, customer, checks = False, {}, ()
    if recorded:
        middle = recorded[len(recorded) // 2]
        company = folder.node_file(known[middle.voting_id].member)
        at = to_hex(middle.voting_id)
        key = _customer()
        _worknet("prove", str(company), at, "--table", CUSTOMER_TABLE, "--row", key, "--out", str(evidence))
        offline = json.loads(_worknet("verify", str(evidence), "--head", head, "--json"))
        online = json.loads(_worknet("verify", str(evidence), "--rpc", url, "--contract", contract, "--json"))
        verified = offline["level"] == 1 and online["level"] == 3
        customer, checks = online["disclosure"], tuple(online["checked"])
    return Ending(
        folder=folder,
        url=url,
        votings=votings,
        consensus=len(recorded),
        verified=verified,
        log_size=size,
        head=head,
        hourly_score=totals["matched_wh"] * PPM // consumed if consumed else 0,
        annual_score=min(consumed, totals["generation_wh"]) * PPM // consumed if consumed else 0,
        evidence=evidence,
        customer=customer,
        checks=checks,
    )


def _known_results(folder: NetworkFolder, recorded: Sequence[WatchedVoting]) -> dict[bytes, _KnownResult]:
    """Each recorded result as the first company knows it that voted for it."""
    known: dict[bytes, _KnownResult] = {}
    for member in folder.members:
        if all(voting.voting_id in known for voting in recorded):
            break
        for line in _worknet("votings", str(folder.node_file(member)), "--json").splitlines():
            told = json.loads(line)
            if told["part"] == "agreed" and told["summary"] is not None:
                known.setdefault(from_hex(told["voting"]), _KnownResult(member, told["summary"]))
    return known


def _customer() -> str:
    """The customer whose row is proven: the first that is recorded."""
    return f"consumer={load_profiles().consumers[0]['consumer']}"


def _worknet(*arguments: str) -> str:
    """The output of a worknet command; `NetworkError` with its own words if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "worknet", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise NetworkError(f"worknet {' '.join(arguments)} ended with code {done.returncode}: {said}")
    return done.stdout
