"""`worknet node status`: what a worker says of itself, or, if it does not run, what chain and journal say."""

import fcntl
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from worknet.cli.failures import REFUSED, warn
from worknet.config import NodeConfig, amount_text
from worknet.node.operations.records import JournalRecords
from worknet.node.setup import Access, opened
from worknet.protocol.canonical import to_hex

ASK_SECONDS = 5.0
VOTINGS = 10

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked for, not listened on


@dataclass
class Answer:
    """What is known of a worker. `running` is whether its process is there; `status` and `votings` are those
    of the admin API, or of chain and journal."""

    running: bool
    ready: bool
    reasons: list[str]
    status: Mapping[str, Any] = field(default_factory=dict)
    votings: list[Mapping[str, Any]] = field(default_factory=list)
    failures: Mapping[str, int] = field(default_factory=dict)
    in_flight: list[Mapping[str, Any]] = field(default_factory=list)
    errands: list[Mapping[str, Any]] = field(default_factory=list)


def status(
    config: Annotated[Path, typer.Argument(metavar="NODE_TOML", help="The worker's configuration.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show whether a worker could vote now, and why not; what it does, and its last votings.

    A worker that runs is asked over HTTP, if node.toml has [http]; with the key of [admin] it tells all that
    it knows. Of one that does not run, chain and journal are shown. Exit codes: 0 ready, 1 not ready, or not
    running; 2 as ever.
    """
    settings = NodeConfig.load(config)
    answer = _asked(settings) or _looked_up(config, settings)
    typer.echo(json.dumps(answer.__dict__) if as_json else _text(settings.node.name, answer))
    if not answer.ready:
        raise typer.Exit(REFUSED)


def _asked(config: NodeConfig) -> Answer | None:
    """What the running worker answers; None if none does."""
    import httpx  # Only this command asks; the others need not wait for it.

    if config.http is None:
        return None
    host, port = config.http.listen
    host = _LOOPBACK.get(host, host)
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    with httpx.Client(base_url=address, timeout=ASK_SECONDS, trust_env=False) as client:
        try:
            told = client.get("/readyz").json()
            reasons = [": ".join(filter(None, each.values())) for each in told["reasons"]]
            answer = Answer(running=True, ready=told["ready"], reasons=reasons)
            if config.admin is not None:
                client.headers["authorization"] = f"Bearer {config.admin.key.resolve()}"
                known = client.get("/admin/status")
                votings = client.get(f"/admin/votings?limit={VOTINGS}")
                if known.is_success and votings.is_success:
                    answer.status, answer.votings = known.json(), votings.json()["votings"]
                else:
                    warn("the worker does not take the key of [admin]", "it was started with another one")
        except httpx.TimeoutException:
            return Answer(running=True, ready=False, reasons=[f"{address} does not answer"])
        except httpx.TransportError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            warn(f"what listens on {address} is no worker", "[http] listen in node.toml")
            return None
    return answer


def _looked_up(file: Path, config: NodeConfig) -> Answer:
    """What chain and journal say of a worker that does not answer."""
    running = _holds_lock(config.node.data_dir)
    why = "runs, but listens nowhere: [http] in node.toml" if config.http is None else "does not answer"
    with opened(file) as access:
        records = JournalRecords(access.index, access.journal, access.worker, lambda: access.now)
        return Answer(
            running=running,
            ready=False,
            reasons=[why if running else "not running"],
            status=_on_chain(access),
            votings=list(records.votings(VOTINGS)),
            failures=records.failures(),
            in_flight=records.in_flight(),
            errands=records.errands(),
        )


def _on_chain(access: Access) -> dict[str, Any]:
    mine = next((each for each in access.index.members() if each.worker == access.worker), None)
    return {
        "worker": to_hex(access.worker),
        "index": None if mine is None else mine.index,
        "role": "none" if mine is None else mine.role.name.lower(),
        "balance": str(access.client.rpc.balance(access.worker)),
        "head": access.index.block(),
    }


def _holds_lock(data_dir: Path) -> bool:
    """Whether a worker runs on the folder: it holds a lock there for as long as it lives."""
    try:
        with (data_dir / "lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _text(name: str, answer: Answer) -> str:
    lines = [f"{name}: ready" if answer.ready else f"{name}: not ready"]
    lines += [f"  {reason}" for reason in answer.reasons]
    known = answer.status
    if known:
        index = "no index" if known["index"] is None else f"index {known['index']}"
        balance = "unknown" if known["balance"] is None else amount_text(int(known["balance"]))
        lines += [f"key {known['worker']}: {index}, {known['role']}, balance {balance}"]
        lines += [f"chain: block {known['head']}"]
    for each in known.get("workflows", ()):
        lines.append(f"workflow {each['name']}: policy version {each['policy_version']}")
    for each in known.get("feeds", ()):
        lines.append(f"feed {each['workflow']}/{each['name']} ({each['kind']}): {each['fault'] or 'up'}")
    if "preparing" in known:
        lines.append(
            f"preparing {known['preparing']}, votings open {known['open_votings']}, "
            f"transactions in flight {known['in_flight']}, errands waiting {known['errands']}"
        )
    for each in answer.in_flight:
        lines.append(f"in flight: {each['action']} of {each['voting']} attempt {each['attempt']}")
    for each in answer.errands:
        error = f": {each['error']}" if each["error"] else ""
        lines.append(
            f"waits: {each['action']} of {each['voting']} ({each['when']}, {each['tries']} tries){error}"
        )
    for cause, count in answer.failures.items():
        lines.append(f"no ballot in the last week: {cause} ({count} times)")
    for each in answer.votings:
        started = each.get("slot") or each["trigger"]
        causes = f" ({', '.join(dict.fromkeys(each['causes']))})" if each["causes"] else ""
        part = each["part"] or "-"
        what = "slot" if each.get("slot") else "event"
        lines.append(f"voting {each['workflow']}, {what} {started}: {each['state']}, {part}{causes}")
        lines += [f"  {_fallback(handling)}" for handling in each["fallbacks"]]
    return "\n".join(lines)


def _fallback(handling: Mapping[str, Any]) -> str:
    """What was decided at one moment of a voting, and what became of it, in one line."""
    done = [
        f"{each['action']} {each['state']}" + (f" ({each['error']})" if each["error"] else "")
        for each in handling["actions"]
    ]
    by = f"by {handling['by']}" if handling["by"] else f"not decided yet ({handling['cause'] or 'under way'})"
    after = f" after attempt {handling['attempt']}" if handling["attempt"] else ""
    return f"{handling['when']}{after}, {by}: {', '.join(done) or 'nothing'}"
