"""`worknet key`: a reader's key, to which members seal what they hand over."""

import json
from pathlib import Path
from typing import Annotated

import typer

from worknet.chain.keyfiles import create_encryption_key, encryption_public_key
from worknet.cli.options import AsJson
from worknet.protocol.canonical import to_hex


def key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is, or is to be.")],
    show: Annotated[
        bool, typer.Option("--show", help="Make no key: print the public one of the key that is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key with which an auditor reads what members seal to it; prints the public key for them.

    The file holds the private key and is for its owner's eyes; one that is there is never overwritten.
    """
    public = encryption_public_key(file) if show else create_encryption_key(file)
    told = to_hex(public)
    typer.echo(json.dumps({"file": str(file), "public_key": told}) if as_json else told)
