"""`worknet replay`: a voting computed again, from a worker's journal or from what was disclosed of it."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from worknet.cli.failures import REFUSED
from worknet.cli.naming import voting_named
from worknet.cli.options import AsJson
from worknet.cli.replay_disclosed import replay_disclosed
from worknet.node.bundles import Bundles
from worknet.node.errors import RequestError
from worknet.node.replay import Replayed, Replayer
from worknet.node.setup import Access, opened
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import to_hex
from worknet.workflow.folder import Bundle
from worknet.workflow.process import Limits
from worknet.workflow.runner import Runner

NODE_TOML = Path("node.toml")


def replay(
    file: Annotated[
        str, typer.Argument(metavar="[NODE_TOML]", help="The worker's configuration; default: node.toml.")
    ] = "",
    voting: Annotated[
        str,
        typer.Argument(
            metavar="VOTING",
            help="A voting or trigger id, or WORKFLOW@START of its window.",
            show_default=False,
        ),
    ] = "",
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, max=255, help="Only this attempt; default: all.")
    ] = None,
    disclosed: Annotated[
        Path | None,
        typer.Option(
            "--disclosed", metavar="DIR", help="As an auditor: the sealed files that a member made."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="With --disclosed: the private key that opens them."),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="SIZE:ROOT", help="With --disclosed: a tree head that you trust."),
    ] = None,
    rpc: Annotated[
        str | None,
        typer.Option(
            "--rpc", metavar="URL", help="With --disclosed: a JSON-RPC of the chain that you trust."
        ),
    ] = None,
    contract: Annotated[
        str | None,
        typer.Option("--contract", metavar="ADDRESS", help="With --disclosed: the contract that you mean."),
    ] = None,
    allow_unisolated: Annotated[
        bool,
        typer.Option("--allow-unisolated", help="With --disclosed: run where runs cannot be isolated."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a voting's attempts again, from the journal's inputs with the bundle that the policy pinned.

    Compares what comes out with the journal's ballot and with that on chain, and names the first row that
    differs: rows are shown. With --disclosed an auditor does it, with no worker at hand: from what a member
    handed over with `worknet disclose`, held against the record.
    Exit codes: 0 all the same; 1 something differs, or the evidence is refused; 2 it cannot be run again;
    3 (--disclosed) the same, but neither --head nor --rpc was given to hold the record against.
    """
    if disclosed is not None:
        hint = "worknet replay --disclosed DIR --key FILE [--head SIZE:ROOT] [--rpc URL]"
        if file or voting or attempt is not None:
            raise RequestError("the disclosed files say which voting and attempt it is", hint)
        if key is None:
            raise RequestError("no key is named that opens the disclosed files", hint)
        replay_disclosed(disclosed, key, (head, rpc, contract), Limits(), allow_unisolated, as_json)
        return
    if key is not None or head is not None or rpc is not None or contract is not None or allow_unisolated:
        raise RequestError("--key, --head, --rpc, --contract and --allow-unisolated go with --disclosed")
    if not file or (not voting and file.endswith(".toml")):
        raise RequestError("no voting is named", hint="worknet replay [NODE_TOML] VOTING")
    if not voting:
        file, voting = str(NODE_TOML), file
    with opened(Path(file)) as access, tempfile.TemporaryDirectory() as folder:
        voting_id, _ = voting_named(access.network, access.client, access.index, voting)
        replayed = _replayer(access, Path(folder)).replay(voting_id, attempt)
    if as_json:
        document = {
            "voting": to_hex(voting_id),
            "same": all(one.is_same for one in replayed),
            "attempts": [one.document() for one in replayed],
        }
        typer.echo(json.dumps(document))
    else:
        for one in replayed:
            _show(one)
    if not all(one.is_same for one in replayed):
        raise typer.Exit(REFUSED)


def bundles_of(access: Access, folder: Path) -> Bundles:
    """A worker's bundles for a look: they are kept in `folder`, and the worker's own stay as they are."""
    workflows = access.config.workflows
    kept = access.config.node.data_dir / "bundles"
    return Bundles(
        folder,
        {name: access.network.workflow(name).folder for name in workflows},
        {name: [*([kept] if kept.is_dir() else []), *section.bundles] for name, section in workflows.items()},
    )


def _replayer(access: Access, folder: Path) -> Replayer:
    workflows, bundles = access.config.workflows, bundles_of(access, folder)

    def run(bundle: Bundle) -> Runner:
        longest = max((section.time_limit for section in workflows.values()), default=60)
        most = max((section.memory_limit for section in workflows.values()), default=Limits.memory_bytes)
        limits = Limits(wall_seconds=longest, cpu_seconds=int(longest) + 1, memory_bytes=most)
        return Runner(bundle, limits, allow_unisolated=access.config.node.allow_unisolated)

    me = access.index.index_of(access.worker)
    return Replayer(access.index, access.journal, bundles, run, access.config.data_key, me)


def _show(one: Replayed) -> None:
    lines = [
        ("attempt", f"{one.attempt}, under policy {one.policy_version}, bundle {to_hex(one.bundle)}"),
        ("journal", _pair(one.journalled)),
        ("now", _pair(one.computed) if one.computed else "no result"),
        ("on chain", _pair(one.on_chain) if one.on_chain else "no ballot of this worker was counted"),
        ("", "the same" if one.is_same else f"differs: {one.text}"),
    ]
    for label, text in lines:
        typer.echo(f"{label:<10}{text}")


def _pair(pair: Pair) -> str:
    return f"input {to_hex(pair.input_root)}, result {to_hex(pair.result_root)}"
