"""`worknet report`: what came of a voting, signed by workers into files and brought in one transaction."""

from pathlib import Path
from typing import Annotated

import typer

from worknet.cli.failures import REFUSED, warn
from worknet.cli.options import (
    AsJson,
    File,
    Key,
    Keystore,
    PasswordEnv,
    PasswordFile,
    RpcUrl,
    Voting,
    hex_bytes,
    tell,
)
from worknet.config.network import NetworkConfig
from worknet.network import access, report_files, reports
from worknet.network.errors import NetworkError
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import to_hex
from worknet.protocol.errors import ProtocolError

app = typer.Typer(no_args_is_help=True, add_completion=False)

_INDICES = "Worker indices, such as 0,2,5-7."


@app.command("sign")
def sign(
    file: File,
    voting: Voting,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the signature is written.")],
    input_root: Annotated[str, typer.Option("--input-root", metavar="HEX", help="The pair's input root.")],
    result_root: Annotated[str, typer.Option("--result-root", metavar="HEX", help="Its result root.")],
    participants: Annotated[
        str, typer.Option("--participants", metavar="INDICES", help=f"Who has taken part. {_INDICES}")
    ],
    voters: Annotated[
        str, typer.Option("--voters", metavar="INDICES", help=f"Whose result is this pair. {_INDICES}")
    ],
    keystore: Keystore = None,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, help="Sign only if it is about this attempt.")
    ] = None,
    policy_version: Annotated[
        int | None, typer.Option("--policy-version", min=1, help="Sign only if under this policy version.")
    ] = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Sign with a worker's key what came of a voting; write the signature into a file for whoever collects.

    The file holds nothing secret. Sign only what the worker has computed itself.
    """
    network = NetworkConfig.load(file)
    pair = _pair(input_root, result_root)
    took_part, agreed = _workers("--participants", participants), _workers("--voters", voters)
    connection, signer = Key(rpc, keystore, password_file, password_env).opened(network)
    client = access.signing_client(network, connection, signer)
    place = (attempt, policy_version)
    signed = reports.sign(network, client, signer, voting, pair, took_part, agreed, place)
    report_files.write(out, signed)
    told = {
        "file": str(out),
        "worker": signed.worker,
        "voting": to_hex(signed.words.voting_id),
        "attempt": signed.words.attempt,
        "policy_version": signed.words.policy_version,
    }
    about = f"voting {to_hex(signed.words.voting_id)}, attempt {signed.words.attempt}"
    tell(as_json, told, [f"{out}: worker {signed.worker} signed the report of {about}"])


@app.command("collect")
def collect(
    file: File,
    signatures: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="Files that `worknet report sign` wrote.")
    ],
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Check signatures under a report, say whose are missing, and bring it when enough are there.

    Without --keystore nothing is sent. A file that does not count is told with its reason, and the others
    are taken. Exit codes: 0 the report was brought, or could be; 1 more signatures are needed.
    """
    network = NetworkConfig.load(file)
    network.deployed()
    key = Key(rpc, keystore, password_file, password_env)
    if key.is_given:
        client = access.signing_client(network, *key.opened(network))
    else:
        client = access.reading_client(network, access.connect(network, rpc))
    found = reports.collect(network, client, signatures)
    for refusal in found.refused:
        warn(f"{refusal.file} does not count: {refusal.reason}")
    signed = sorted(found.signed)
    transaction = None
    if found.is_enough and key.is_given:
        transaction = to_hex(reports.bring(client, found).transaction)
    told = {
        "voting": None if found.words is None else to_hex(found.words.voting_id),
        "signed": signed,
        "missing": found.missing,
        "needed": found.needed,
        "refused": {str(refusal.file): refusal.reason for refusal in found.refused},
        "transaction": transaction,
    }
    said = [f"{len(signed)} of {found.needed} signatures are there: {_listed(signed)}"]
    if found.missing:
        said.append(f"voters that have not signed: {_listed(found.missing)}")
    if transaction is not None:
        said.append(f"brought the report in transaction {transaction}")
    elif found.is_enough:
        said.append("enough have signed: with --keystore it is brought")
    tell(as_json, told, said if found.words is not None else ["none of the files counts"])
    if not found.is_enough:
        raise typer.Exit(REFUSED)


def _pair(input_root: str, result_root: str) -> Pair:
    roots = hex_bytes("--input-root", input_root, 32), hex_bytes("--result-root", result_root, 32)
    try:
        return Pair(*roots)
    except ProtocolError as error:
        raise NetworkError(str(error), hint="give the roots that the worker computed") from None


def _workers(option: str, text: str) -> int:
    try:
        return report_files.parse_indices(text)
    except ValueError as error:
        raise NetworkError(f"{option}: {error}", hint="worker indices such as 0,2,5-7") from None


def _listed(workers: list[int]) -> str:
    return ", ".join(map(str, workers)) or "none"
