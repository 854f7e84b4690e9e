"""`worknet disclose`: all that stands behind a recorded voting, sealed to an auditor who replays it."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from worknet.chain.sealed_files import SUFFIX, seal_file
from worknet.cli.naming import AnyVoting, voting_named
from worknet.cli.options import AsJson, hex_bytes
from worknet.cli.replay import bundles_of
from worknet.cli.votings import Config
from worknet.cli.writing import write_whole
from worknet.node.disclosing import Discloser
from worknet.node.errors import RequestError, UnknownVoting
from worknet.node.prove import Prover
from worknet.node.setup import opened
from worknet.protocol.canonical import to_hex


def disclose(
    config: Config,
    voting: AnyVoting,
    reader: Annotated[
        str,
        typer.Option("--to", metavar="KEY", help="The auditor's public key, as `worknet key` printed it."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder for the sealed files.")],
    size: Annotated[
        int | None,
        typer.Option(min=1, help="Against the tree head of so many records; default: the newest."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hand a recorded voting's inputs and results to an auditor: WHOLE, and readable with that key alone.

    The auditor computes it again with `worknet replay --disclosed DIR`. Nothing of other votings can be read
    from the files, nor the data key.
    """
    key = hex_bytes("--to", reader, 32)
    with opened(config) as access, tempfile.TemporaryDirectory() as folder:
        voting_id, _ = voting_named(access.network, access.client, access.index, voting)
        record = access.index.record_of(voting_id)
        if record is None:
            hint = "`worknet votings` lists all; only what is recorded is disclosed"
            raise UnknownVoting(f"voting {to_hex(voting_id)} has no record", hint)
        prover = Prover(access.index, access.journal, access.config.data_key)
        files = dict(Discloser(prover, bundles_of(access, Path(folder))).files(record, size))
    sealed = {name: seal_file(name, voting_id, content, key) for name, content in files.items()}
    try:
        out.mkdir(mode=0o700)
    except FileExistsError:
        raise RequestError(f"{out} exists already", hint="name a folder that is not there yet") from None
    except OSError as error:
        raise RequestError(f"{out} cannot be made: {error.strerror}") from None
    for name, content in sealed.items():
        write_whole(out / f"{name}{SUFFIX}", content)
    if as_json:
        told = {
            "folder": str(out),
            "voting": to_hex(voting_id),
            "reader": to_hex(key),
            "files": sorted(files),
        }
        typer.echo(json.dumps(told))
        return
    typer.echo(f"{out}: {', '.join(sorted(files))} of voting {to_hex(voting_id)}")
    typer.echo(f"readable with the key of {to_hex(key)} alone: make sure that it is the auditor's")
