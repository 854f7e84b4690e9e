"""`worknet verify`: a result checked without trusting the party that hands it over."""

from pathlib import Path
from typing import Annotated

import typer

from worknet.protocol.addresses import AddressError, read_address
from worknet.verify import EvidenceError
from worknet.verify.command import run


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The evidence file.")],
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="SIZE:ROOT", help="A tree head of the result log that you trust."),
    ] = None,
    rpc: Annotated[
        str | None,
        typer.Option("--rpc", metavar="URL", help="A JSON-RPC of the network's chain that you trust."),
    ] = None,
    contract: Annotated[
        str | None,
        typer.Option("--contract", metavar="ADDRESS", help="The contract of the network that you mean."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check an evidence file against itself, a tree head that you trust, and the chain.

    Exit codes: 0 verified, and at which level; 1 refused, and why; 2 the command line, the file's name or
    the RPC cannot be used; 3 sound in itself, but nothing was given to hold it against.
    """
    if contract is not None:
        try:
            read_address(contract)
        except AddressError as error:
            raise EvidenceError(f"--contract {contract}", str(error), error.hint) from None
    raise typer.Exit(run(file, head, rpc, contract, as_json))
