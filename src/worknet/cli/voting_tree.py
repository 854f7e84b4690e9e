"""`worknet voting show --tree`: the votings whose results one consumed, as a worker or anybody sees them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from worknet.audit.publications import Known, Publications
from worknet.chain.index_facts import IndexedRecord
from worknet.cli.naming import voting_named
from worknet.cli.published import places_of
from worknet.config import NetworkConfig
from worknet.network import access as network_access
from worknet.node.ancestry import Ancestor, Ancestry, document, lines
from worknet.node.errors import RequestError, UnknownVoting
from worknet.node.journal import Journal
from worknet.node.setup import opened
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.manifest import Manifest


def show_tree(
    file: Path, voting: str, rpc: str | None, published: Sequence[str], as_json: bool, *, is_network: bool
) -> None:
    """Prints the tree of the voting that the text names; as `show` takes its file, RPC and places."""
    if rpc is not None and not is_network:
        raise RequestError("--rpc goes with a network.toml", hint="node.toml names its RPC in [chain]")
    if published and not is_network:
        raise RequestError("a worker draws the tree by its own manifests", hint="leave --published out")
    root = _as_anybody(file, voting, rpc, published) if is_network else _as_worker(file, voting)
    if root.entry is None:
        raise UnknownVoting(
            f"nobody has voted on {to_hex(root.voting_id)}", "a voting without a record has no parents"
        )
    if as_json:
        typer.echo(json.dumps(document(root)))
        return
    for line in lines(root):
        typer.echo(line)


def _as_worker(file: Path, voting: str) -> Ancestor:
    """By the manifests of this worker's own ballots, where these are the recorded ones."""
    with opened(file) as access:
        voting_id, _ = voting_named(access.network, access.client, access.index, voting)
        names = {workflow_id(name): name for name in access.network.workflows}
        journal = access.journal

        def manifests(records: Sequence[IndexedRecord]) -> Mapping[bytes, Manifest]:
            found = {each.record.voting_id: _own(journal, each) for each in records}
            return {each: manifest for each, manifest in found.items() if manifest is not None}

        return Ancestry(access.index, names, manifests, access.now).of(voting_id)


def _own(journal: Journal, indexed: IndexedRecord) -> Manifest | None:
    record = indexed.record
    places = journal.ballots.of_record(record)
    if not places:
        return None
    return Manifest.parse(journal.ballots.get(record.voting_id, *places[0], with_rows=False).manifest)


def _as_anybody(file: Path, voting: str, rpc: str | None, published: Sequence[str]) -> Ancestor:
    """By the manifests that are published where network.toml says, or in these places."""
    network = NetworkConfig.load(file)
    client = network_access.reading_client(network, network_access.connect(network, rpc))
    places = Publications(places_of(network, published))

    def manifests(records: Sequence[IndexedRecord]) -> Mapping[bytes, Manifest]:
        known = [Known(each.record, each.position) for each in records]
        found = (each.publication for each in places.find(known))
        return {each.voting_id: each.manifest for each in found if each is not None}

    with network_access.synced_index(network, client) as index:
        now = network_access.time_of(client, index.block())
        voting_id, _ = voting_named(network, client, index, voting)
        names = {workflow_id(name): name for name in network.workflows}
        return Ancestry(index, names, manifests, now).of(voting_id)
