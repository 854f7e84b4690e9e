"""`worknet network`: what the owner of a network does with it, and how anybody looks at it."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from worknet.chain.client import NetworkClient
from worknet.chain.events import Role
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer, create_keystore, open_keystore
from worknet.cli.show_network import document, lines
from worknet.config.network import NetworkConfig
from worknet.config.secrets import SecretRef
from worknet.network import access, members, policies
from worknet.network.data_keys import commitment_of
from worknet.network.errors import NetworkError
from worknet.network.establish import NewMember, announce_policies, check_confirmations, deploy_contract
from worknet.network.show import view
from worknet.protocol.canonical import CanonicalError, from_hex, to_hex

app = typer.Typer(no_args_is_help=True, add_completion=False)

File = Annotated[Path, typer.Argument(metavar="NETWORK_TOML", help="The network's file.")]
RpcUrl = Annotated[
    str | None,
    typer.Option(
        "--rpc", metavar="URL", help="A JSON-RPC of the chain; default: the public one of a chain we know."
    ),
]
Keystore = Annotated[
    Path, typer.Option("--keystore", metavar="FILE", help="The owner's keystore (Web3 Secret Storage).")
]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="The file that holds its password.")
]
PasswordEnv = Annotated[
    str | None,
    typer.Option("--password-env", metavar="NAME", help="Or the environment variable that holds it."),
]
AllowUnisolated = Annotated[
    bool,
    typer.Option(
        "--allow-unisolated", help="Ask a workflow what it declares even where it cannot be isolated."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class RoleChoice(StrEnum):
    """What a new worker may do: vote, or stand by for attempts that fail."""

    ACTIVE = "active"
    STANDBY = "standby"


@app.command("deploy")
def deploy(
    file: File,
    keystore: Keystore,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    allow_unisolated: AllowUnisolated = False,
) -> None:
    """Bring the chain to what the file says: the contract, and the first policy of each workflow.

    The contract's address is written into the file. What is done already is left alone, so that a deployment
    that was interrupted is finished by another run.
    """
    network = NetworkConfig.load(file)
    check_confirmations(network)
    connection, signer = _opened(network, rpc, keystore, password_file, password_env)
    is_new = network.network.contract is None
    network = deploy_contract(file, connection, signer)
    client = access.owner_client(network, connection, signer)
    typer.echo(f"{'deployed' if is_new else 'found'} the contract {to_hex(client.contract)}")
    announced = announce_policies(network, client, allow_unisolated=allow_unisolated)
    for name in network.workflows:
        typer.echo(f"{'announced' if name in announced else 'found'} the policy of {name}")


@app.command("policy")
def change_policy(
    file: File,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's name in the file.")],
    keystore: Keystore,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    allow_unisolated: AllowUnisolated = False,
) -> None:
    """Announce the next version of a workflow's policy, as the file has it now; say what changes.

    It governs the slots from its `start` on, which lies in the future.
    """
    network = NetworkConfig.load(file)
    network.workflow(workflow)
    client = _as_owner(network, rpc, keystore, password_file, password_env)
    following = policies.next_version(network, workflow, client, allow_unisolated=allow_unisolated)
    policies.announce(client, following)
    typer.echo(f"announced version {following.version} of the policy of {workflow}")
    for change in following.changes:
        typer.echo(f"  {change.field}: {change.before} -> {change.after}")


@app.command("enrol")
def enrol(
    file: File,
    operator: Annotated[
        str, typer.Option("--operator", metavar="ADDRESS", help="The company's account: 0x and 40 digits.")
    ],
    worker: Annotated[str, typer.Option("--worker", metavar="ADDRESS", help="The key that votes for it.")],
    encryption_key: Annotated[
        str, typer.Option("--encryption-key", metavar="HEX", help="The worker's X25519 public key.")
    ],
    keystore: Keystore,
    role: Annotated[
        RoleChoice, typer.Option("--role", help="To vote, or to stand by for attempts that fail.")
    ] = RoleChoice.ACTIVE,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
) -> None:
    """Enrol a company's operator and its worker, for attempts that open from now on."""
    network = NetworkConfig.load(file)
    new = NewMember(
        operator=_bytes("--operator", operator, 20),
        worker=_bytes("--worker", worker, 20),
        encryption_key=_bytes("--encryption-key", encryption_key, 32),
        role=Role[role.name],
    )
    client = _as_owner(network, rpc, keystore, password_file, password_env)
    index = members.enrol(client, new)
    typer.echo(f"enrolled {to_hex(new.worker)} with index {index}, {role.value}")


@app.command("remove")
def remove(
    file: File,
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="The worker's index.")],
    keystore: Keystore,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
) -> None:
    """Take a worker out of attempts that open from now on; in open ones it still votes.

    It still knows the data key: a new one, under a policy of a new epoch, must follow.
    """
    network = NetworkConfig.load(file)
    client = _as_owner(network, rpc, keystore, password_file, password_env)
    removed = members.remove(client, index)
    typer.echo(f"removed {to_hex(removed.worker)}, index {index}; now announce a policy with a new data key")


@app.command("show")
def show(file: File, rpc: RpcUrl = None, as_json: AsJson = False) -> None:
    """Show owner, members, policies and the tree head of the log; no key is needed.

    Read from the contract's events and compared with the contract itself, at the newest block that is as deep
    as the network's confirmations ask for.
    """
    network = NetworkConfig.load(file)
    found = view(network, access.reading_client(network, access.connect(network, rpc)))
    if as_json:
        typer.echo(json.dumps(document(found)))
        return
    for line in lines(found):
        typer.echo(line)


@app.command("data-key")
def data_key(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The data key's file; made if it does not exist.")
    ],
) -> None:
    """Show the commitment to a data key, which a policy names; make the key if FILE does not exist.

    The key goes to all members, each of whom names its file in node.toml, and to nobody else.
    """
    typer.echo(to_hex(commitment_of(file)))


@app.command("keystore")
def keystore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new keystore.")],
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
) -> None:
    """Make an owner's key: a keystore with a fresh key, never over another file; show its address."""
    typer.echo(to_hex(create_keystore(file, _password(password_file, password_env).resolve())))


def _as_owner(
    network: NetworkConfig,
    rpc: str | None,
    keystore: Path,
    password_file: Path | None,
    password_env: str | None,
) -> NetworkClient:
    network.deployed()
    return access.owner_client(network, *_opened(network, rpc, keystore, password_file, password_env))


def _opened(
    network: NetworkConfig,
    rpc: str | None,
    keystore: Path,
    password_file: Path | None,
    password_env: str | None,
) -> tuple[Rpc, Signer]:
    """The chain, found to be the right one, and the key."""
    password = _password(password_file, password_env)
    connection = access.connect(network, rpc)
    return connection, open_keystore(keystore, password.resolve(), network.network.chain_id)


def _password(file: Path | None, env: str | None) -> SecretRef:
    if (file is None) == (env is None):
        raise NetworkError(
            "the keystore's password is due from one place",
            hint="--password-file FILE or --password-env NAME",
        )
    try:
        return SecretRef(file=file) if file is not None else SecretRef(env=env)
    except ValidationError:
        # What stands there may be the password itself: it is not repeated.
        raise NetworkError(
            "--password-env is no name of an environment variable", hint="name the variable, not the password"
        ) from None


def _bytes(option: str, text: str, size: int) -> bytes:
    try:
        return from_hex(text[:2] + text[2:].lower(), size)
    except CanonicalError as error:
        raise NetworkError(f"{option} {text}: {error}", hint=f"0x and {2 * size} hex digits") from None
