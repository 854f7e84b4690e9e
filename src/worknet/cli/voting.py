"""`worknet voting`: one voting, its attempts and why it failed, as a worker or as anybody sees it."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from worknet.cli.failures import REFUSED
from worknet.cli.naming import voting_named
from worknet.cli.options import AsJson, RpcUrl
from worknet.cli.published import PublishedPlaces, ShownResult, published_result
from worknet.cli.share import share
from worknet.cli.voting_tree import show_tree
from worknet.config import NetworkConfig
from worknet.network import access as network_access
from worknet.node.errors import RequestError, UnknownVoting
from worknet.node.explaining import Explanation, document, explain
from worknet.node.knowing import Knowing, compared_of, public_part
from worknet.node.setup import Access, opened
from worknet.node.statements import StatementReader, sorted_files
from worknet.node.stating import to_be_explained
from worknet.protocol.ids import workflow_id
from worknet.protocol.voting import State

NODE_TOML = Path("node.toml")

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def _group() -> None:
    """One voting: what became of it, and why."""


@app.command("show")
def show(
    file: Annotated[
        str,
        typer.Argument(
            metavar="[FILE]",
            help="The worker's node.toml, the default; with a network.toml what anybody may see.",
        ),
    ],
    voting: Annotated[
        str,
        typer.Argument(
            metavar="VOTING",
            help="A voting or trigger id, or WORKFLOW@START of its window.",
            show_default=False,
        ),
    ] = "",
    explained: Annotated[
        bool, typer.Option("--explain", help="Say why it failed as far as known, and what to do.")
    ] = False,
    statements: Annotated[
        list[Path] | None,
        typer.Option(
            "--statement",
            metavar="FILE",
            help="What another member wrote with `worknet voting share`; with --explain.",
        ),
    ] = None,
    tree: Annotated[
        bool,
        typer.Option("--tree", help="Draw the votings whose results it consumed, theirs, and so on."),
    ] = False,
    published: PublishedPlaces = None,
    rpc: RpcUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show a voting: each attempt with its pairs, ballots and who is missing, and what this worker voted on.

    A result that members publish is shown where its record proves it, with the place from which it is.

    With --explain also why: who agreed with whom, whether inputs or results differ, this worker's own causes,
    in which datasets, rows and columns the members differ that share, and what to do about each.
    With --tree instead the results that it was made from, as far as their manifests are known.
    Exit codes: 0 it is recorded, or may be yet; 1 it is unresolved, or can open no more; 2 as ever.
    """
    if not voting:
        file, voting = str(NODE_TOML), file
    config = Path(file)
    if tree:
        if explained or statements:
            raise RequestError("--tree draws votings and explains none", hint="give --tree alone")
        show_tree(config, voting, rpc, published or [], as_json, is_network=_is_network(config))
        return
    if statements and not explained:
        raise RequestError("--statement is for --explain", hint="give --explain too")
    if _is_network(config):
        if statements:
            raise RequestError("only members can read statements", hint="name the worker's node.toml")
        explanation, result = _as_anybody(config, voting, rpc, published or [])
    else:
        if rpc is not None:
            raise RequestError("--rpc goes with a network.toml", hint="node.toml names its RPC in [chain]")
        explanation, result = _as_worker(
            config, voting, statements or [] if explained else None, published or []
        )
    if as_json:
        told = None if result is None else result.document()
        typer.echo(json.dumps({**document(explanation, private=explained), "published": told}))
    else:
        shown = result.lines() if result is not None else ()
        for line in (*explanation.evidence(), *shown, *(explanation.why() if explained else ())):
            typer.echo(line)
    if has_failed(explanation):
        raise typer.Exit(REFUSED)


def has_failed(explanation: Explanation) -> bool:
    """Whether the voting can bring no record, unless the owner reopens it."""
    state = explanation.known.voting.state
    return state is State.UNRESOLVED or (state is State.NONE and explanation.is_too_old)


def _as_anybody(
    file: Path, text: str, rpc: str | None, places: Sequence[str]
) -> tuple[Explanation, ShownResult | None]:
    """What the chain tells, at its newest block, and what is published."""
    network = NetworkConfig.load(file)
    client = network_access.reading_client(network, network_access.connect(network, rpc))
    with network_access.synced_index(network, client) as index:
        now = network_access.time_of(client, index.block())
        voting_id, subject = voting_named(network, client, index, text)
        names = {workflow_id(name): name for name in network.workflows}
        explanation = explain(public_part(index, names, voting_id, now, subject))
        return explanation, published_result(network, index, voting_id, places)


def _as_worker(
    file: Path, text: str, statements: Sequence[Path] | None, places: Sequence[str]
) -> tuple[Explanation, ShownResult | None]:
    """What the worker knows besides; with `statements` also what members told it, in these files too."""
    with opened(file) as access:
        voting_id, subject = voting_named(
            access.network, access.client, access.index, text, lambda each: _has_trigger(access, each)
        )
        me = access.index.index_of(access.worker)
        if statements and me is None:
            raise RequestError("only members can read statements", hint="this worker's key is that of none")
        names = {workflow_id(name): name for name in access.network.workflows}
        knowing = Knowing(access.index, access.journal, names, access.config.data_key)
        known = knowing.known(voting_id, me, access.now, subject, roots=True)
        if statements is not None and me is not None:
            reader = StatementReader.of(access)
            attempts = [each.number for each in to_be_explained(known.voting)]
            files, refused = sorted_files(statements, voting_id, attempts)
            compared = (compared_of(reader.gather(voting_id, *about)) for about in files.items())
            told = tuple((each.where, each.reason) for each in refused)
            known = replace(known, compared=tuple(compared), refused=told)
        return explain(known), published_result(access.network, access.index, voting_id, places)


def _has_trigger(access: Access, voting_id: bytes) -> bool:
    try:
        access.journal.triggers.get(voting_id)
    except UnknownVoting:
        return False
    return True


def _is_network(file: Path) -> bool:
    """Whether a file is a network.toml; one that cannot be read is left to whoever reads node.toml."""
    try:
        sections = tomllib.loads(file.read_text())
    except (OSError, ValueError):
        return False
    return "network" in sections and "node" not in sections


app.command("share")(share)
