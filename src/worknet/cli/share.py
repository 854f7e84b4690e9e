"""`worknet voting share`: a worker's statement on an attempt as a file, for the members it is handed to."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from worknet.chain.sealed_statements import SealedStatement, seal
from worknet.cli.naming import AnyVoting, voting_named
from worknet.cli.options import AsJson
from worknet.cli.votings import Config
from worknet.cli.writing import write_whole
from worknet.node.errors import RequestError, UnknownVoting
from worknet.node.setup import Access, opened
from worknet.node.stating import Stating, confirmed_voting, has_ended, recipients, to_be_explained
from worknet.protocol.canonical import to_hex
from worknet.protocol.voting import Attempt


def share(
    config: Config,
    voting: AnyVoting,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the statement is written.")],
    number: Annotated[
        int | None,
        typer.Option(
            "--attempt", min=1, help="Default: the last in which members voted for different pairs."
        ),
    ] = None,
    level: Annotated[
        Literal["roots", "rows"] | None,
        typer.Option("--level", help="What is told; default: as [sharing] says."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write what stands behind this worker's ballot for the other members, who alone can read it.

    They find out with `worknet voting show --explain --statement FILE` which datasets, rows and columns
    differ from theirs; no value is shown. A statement is written of attempts that have ended only, and
    never over a file that is there.
    """
    if out.exists():
        raise RequestError(f"{out} exists already", hint="choose another name, or remove it before")
    with opened(config) as access:
        if level is None and access.config.sharing.level != "nothing":
            level = access.config.sharing.level
        if level is None:
            hint = '--level roots or --level rows, or [sharing] level = "rows" in node.toml for all votings'
            raise RequestError("nothing is shared by this worker", hint)
        voting_id, _ = voting_named(access.network, access.client, access.index, voting)
        me = access.index.index_of(access.worker)
        if me is None:
            raise UnknownVoting("this worker's key is that of no worker of the network")
        attempt = _attempt(access, voting_id, number)
        client = access.client
        stating = Stating(client.rpc.chain_id, client.contract, access.journal, access.config.data_key)
        statement = stating.own(voting_id, attempt, me, level).statement
        content = seal(statement, recipients(access.index.members(), me))
    write_whole(out, content)
    readers = sorted(SealedStatement.parse(content).recipients)
    told = {"statement": str(out), "voting": to_hex(voting_id), "attempt": attempt.number, "readers": readers}
    if as_json:
        typer.echo(json.dumps(told))
        return
    workers = ", ".join(map(str, readers)) or "nobody: no other member has a key that can be encrypted to"
    typer.echo(f"{out}: statement on attempt {attempt.number}, which workers can read: {workers}")


def _attempt(access: Access, voting_id: bytes, number: int | None) -> Attempt:
    """The attempt that is asked for, or else the last that is to be explained, if it has ended."""
    voting = confirmed_voting(access.client, access.index, voting_id)
    if voting is None or not voting.attempts:
        raise UnknownVoting(f"voting {to_hex(voting_id)} has no attempt in a confirmed block")
    if number is None:
        found = to_be_explained(voting)
        if not found:
            raise RequestError(
                f"voting {to_hex(voting_id)} has no attempt that has ended in which members' pairs differ",
                hint="--attempt names one to be stated all the same",
            )
        return found[-1]
    attempt = voting.attempt(number)
    if attempt is None:
        raise UnknownVoting(f"voting {to_hex(voting_id)} has no attempt {number} in a confirmed block")
    if not has_ended(voting, attempt):
        raise RequestError(
            f"attempt {number} of voting {to_hex(voting_id)} has not ended",
            hint="ballots may still come, and a statement would help whoever copies one",
        )
    return attempt
