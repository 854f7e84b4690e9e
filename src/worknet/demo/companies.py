"""The demo's network as files: companies with keys, tokens and the policy under which they replay the past.

The chain begins at the end of the hours that are replayed, so that all of them are due at once and the
times on chain are those of the recorded data.
"""

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from worknet.config.local import LocalConfig
from worknet.demo.profiles import Profiles
from worknet.network.errors import NetworkError
from worknet.network.folder import NetworkFolder, NetworkPlan, WorkflowPlan, create
from worknet.network.local import check_stopped, free_port
from worknet.protocol.times import time_text

WORKFLOW = "matching_24_7"
HOUR = 3600
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda")
SERVICE, MODULE = "data-api", "worknet.demo.data_api"
TOKENS = "data-api.tokens"
TOKEN = "api-token"  # noqa: S105 - the name of the file that holds it
TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class DemoPlan:
    """What is demonstrated: how many workers replay how many hours, and how they vote."""

    workers: int
    hours: int
    ballots: str
    chain_kind: str


def write(path: Path, plan: DemoPlan, profiles: Profiles, *, allow_unisolated: bool = False) -> NetworkFolder:
    """Writes the network's folder; an earlier demo there is replaced, anything else is not."""
    _make_room(path)
    members = [_name(number) for number in range(plan.workers)]
    tokens = {member: secrets.token_urlsafe(24) for member in members}
    port = free_port()
    return create(
        path,
        NetworkPlan(
            name="demo",
            members=members,
            workflow=WorkflowPlan(
                WORKFLOW, workflow_folder(), _policy(plan, profiles), _datasets(port), is_public=True
            ),
            chain_kind=plan.chain_kind,
            chain_port=free_port(),
            genesis_time=profiles.start + plan.hours * HOUR,
            votings_at_once=24,
            allow_unisolated=allow_unisolated,
            services={
                SERVICE: {
                    "module": MODULE,
                    "arguments": ["--port", str(port), "--tokens", TOKENS],
                    "port": port,
                }
            },
            service_secrets={TOKENS: "\n".join(tokens.values())},
            secrets={member: {TOKEN: token} for member, token in tokens.items()},
        ),
    )


def workflow_folder() -> Path:
    """The example workflow: in the installed package, or in the checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "examples", package.parent.parent / "workflows"):
        if (folder / WORKFLOW).is_dir():
            return folder / WORKFLOW
    raise NetworkError(f"the example workflow {WORKFLOW} is not installed", hint="install worknet again")


def _policy(plan: DemoPlan, profiles: Profiles) -> dict[str, object]:
    return {
        "start": time_text(profiles.start),
        "threshold": "majority",
        "ballots": plan.ballots,
        "cast_window": "45s",
        "reveal_window": "45s",
        "stall": "10m",
        "fallback": "alert",
    }


def _datasets(port: int) -> dict[str, dict[str, object]]:
    return {
        name: {
            "source": "http",
            "url": f"http://127.0.0.1:{port}/{name}?start={{start:{TIME}}}&end={{end:{TIME}}}",
            "token": {"file": TOKEN},
            "rows": "rows",
        }
        for name in ("consumption", "generation")
    }


def _make_room(path: Path) -> None:
    """Removes an earlier demo; `create` refuses any other folder that is not empty."""
    local = path / "local.toml"
    if not local.exists():
        return
    service = LocalConfig.load(local).services.get(SERVICE)
    if service is not None and service.module == MODULE:
        check_stopped(NetworkFolder(path))
        shutil.rmtree(path)


def _name(number: int) -> str:
    return NAMES[number] if number < len(NAMES) else f"company-{number + 1}"
