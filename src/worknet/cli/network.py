"""`worknet network`: what the owner of a network does with it, and how anybody looks at it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from worknet.chain.events import Role
from worknet.chain.signers import create_keystore
from worknet.cli import governance, options
from worknet.cli.options import (
    AsJson,
    CallData,
    File,
    Key,
    Keystore,
    PasswordEnv,
    PasswordFile,
    RpcUrl,
    address,
    hex_bytes,
    perform,
    tell,
)
from worknet.cli.show_network import document, lines
from worknet.config.network import NetworkConfig
from worknet.network import access, acts, establish, members, policies
from worknet.network.data_keys import commitment_of
from worknet.network.establish import NewMember
from worknet.network.moving import check_predecessor, open_predecessor, predecessor_of
from worknet.network.show import view
from worknet.protocol.canonical import to_hex

app = typer.Typer(no_args_is_help=True, add_completion=False)

AllowUnisolated = Annotated[
    bool,
    typer.Option(
        "--allow-unisolated", help="Ask a workflow what it declares even where it cannot be isolated."
    ),
]


class RoleChoice(StrEnum):
    """What a new worker may do: vote, or stand by for attempts that fail."""

    ACTIVE = "active"
    STANDBY = "standby"


@app.command("deploy")
def deploy(
    file: File,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    continues: Annotated[
        Path | None,
        typer.Option(
            "--continues",
            metavar="OLD_NETWORK_TOML",
            help="The file of a paused network whose log the new one continues.",
        ),
    ] = None,
    old_rpc: Annotated[
        str | None,
        typer.Option(
            "--old-rpc",
            metavar="URL",
            help="A JSON-RPC of the old network's chain; default: --rpc if the chain is the same.",
        ),
    ] = None,
    allow_unisolated: AllowUnisolated = False,
    as_json: AsJson = False,
) -> None:
    """Bring the chain to what the file says: network, pool, amounts, and the first policy of each workflow.

    The addresses of the two contracts are written into the file. What is done already is left alone, so that
    a deployment that was interrupted is finished by another run. The key that deploys owns the network;
    `worknet network transfer` hands it on, to a multisig contract say.
    """
    network = NetworkConfig.load(file)
    establish.check_confirmations(network)
    connection, signer = Key(rpc, keystore, password_file, password_env).opened(network)
    previous = None
    if continues is not None:
        previous = predecessor_of(*open_predecessor(network, rpc, continues, old_rpc))
    has_network, has_pool = network.network.contract is not None, network.rewards.contract is not None
    network = establish.deploy_contract(file, connection, signer, previous)
    client = access.owner_client(network, connection, signer)
    establish.check_period(network, client)
    if previous is not None:
        check_predecessor(network, client, previous)
    network = establish.deploy_pool_contract(file, connection, signer)
    pool = access.pool_client(network, client)
    said = [
        f"{'found' if has_network else 'deployed'} the contract {to_hex(client.contract)}",
        f"{'found' if has_pool else 'deployed'} the pool {to_hex(pool.contract)}",
    ]
    if previous is not None:
        said.append(f"its log continues {previous.size}:{to_hex(previous.root)}")
    if establish.set_amounts(network, pool):
        said.append("set the amounts per period, from the next period on")
    announced = establish.announce_policies(network, client, allow_unisolated=allow_unisolated)
    for name in network.workflows:
        said.append(f"{'announced' if name in announced else 'found'} the policy of {name}")
    told = {
        "contract": to_hex(client.contract),
        "pool": to_hex(pool.contract),
        "deployed": not has_network,
        "announced": announced,
    }
    tell(as_json, told, said)


@app.command("policy")
def change_policy(
    file: File,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's name in the file.")],
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    allow_unisolated: AllowUnisolated = False,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Announce the next version of a workflow's policy, as the file has it now; say what changes.

    It governs the slots from its `start` on, which lies in the future.
    """
    network = NetworkConfig.load(file)
    network.workflow(workflow)
    key = Key(rpc, keystore, password_file, password_env, calldata)
    client = key.owner_client(network)
    following = policies.next_version(network, workflow, client, allow_unisolated=allow_unisolated)
    said = [f"announced version {following.version} of the policy of {workflow}"]
    said += [f"  {change.field}: {change.before} -> {change.after}" for change in following.changes]
    changes = {change.field: [change.before, change.after] for change in following.changes}
    told = {"workflow": workflow, "version": following.version, "changes": changes}
    act = acts.announce(client, workflow, following.policy)
    perform(key, act, client.owner(), said, told, as_json)


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
    keystore: Keystore = None,
    role: Annotated[
        RoleChoice, typer.Option("--role", help="To vote, or to stand by for attempts that fail.")
    ] = RoleChoice.ACTIVE,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Enrol a company's operator and its worker, for attempts that open from now on.

    A company that was removed gets its index back, and keeps the key behind it: `rotate` changes that.
    """
    network = NetworkConfig.load(file)
    new = NewMember(
        operator=address("--operator", operator),
        worker=address("--worker", worker),
        encryption_key=hex_bytes("--encryption-key", encryption_key, 32),
        role=Role[role.name],
    )
    key = Key(rpc, keystore, password_file, password_env, calldata)
    client = key.owner_client(network)
    members.check_new(client, new)
    # The contract gives an operator that comes back its old index, any other the next one.
    index = members.index_to_be(client, new.operator)
    said = [f"enrolled {to_hex(new.worker)} with index {index}, {role.value}"]
    told = {"index": index, "worker": to_hex(new.worker), "role": role.value}
    perform(key, acts.enrol(client, new), client.owner(), said, told, as_json)


@app.command("remove")
def remove(
    file: File,
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="The worker's index.")],
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Take a worker out of attempts that open from now on; in open ones it still votes.

    It still knows the data key: a new one, under a policy of a new epoch, must follow.
    """
    network = NetworkConfig.load(file)
    key = Key(rpc, keystore, password_file, password_env, calldata)
    client = key.owner_client(network)
    removed = to_hex(members.enrolled(client, index).worker)
    said = [f"removed {removed}, index {index}; now announce a policy with a new data key"]
    told = {"index": index, "worker": removed}
    perform(key, acts.remove(client, index), client.owner(), said, told, as_json)


@app.command("rotate")
def rotate(
    file: File,
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="The worker's index.")],
    node: Annotated[
        Path,
        typer.Option(
            "--node",
            metavar="DIR",
            help="The folder that `worknet node init` made: its worker.json and encryption-key come next.",
        ),
    ],
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Put another key behind a worker's index, at once and in open votings too; the operator's key signs.

    The old key then votes no more, and stays the index's own: it may come back, and serve no other. A removed
    worker's key can be changed too: it still votes in open votings, and comes back with the key that it has.
    """
    network = NetworkConfig.load(file)
    worker, encryption_key = members.keys_in(node)
    key = Key(rpc, keystore, password_file, password_env, calldata)
    client = key.client(network)
    member = members.given(client, index)
    members.check_operator(client, member)
    members.check_rotation(network, client, member, worker, encryption_key)
    said = [f"worker {index} is {to_hex(worker)} from now on, no longer {to_hex(member.worker)}"]
    told = {"index": index, "worker": to_hex(worker), "before": to_hex(member.worker)}
    act = acts.rotate(client, index, worker, encryption_key)
    perform(key, act, member.operator, said, told, as_json)


@app.command("show")
def show(file: File, rpc: RpcUrl = None, as_json: AsJson = False) -> None:
    """Show owner, members, policies, rewards and the tree head of the log; no key is needed.

    Read from the contract's events and compared with the contract itself, at the newest block that is as deep
    as the network's confirmations ask for; the pool at the newest block.
    """
    network = NetworkConfig.load(file)
    found = view(network, access.reading_client(network, access.connect(network, rpc)))
    tell(as_json, document(found), list(lines(found)))


@app.command("data-key")
def data_key(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The data key's file; made if it does not exist.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show the commitment to a data key, which a policy names; make the key if FILE does not exist.

    The key goes to all members, each of whom names its file in node.toml, and to nobody else.
    """
    commitment = to_hex(commitment_of(file))
    tell(as_json, {"commitment": commitment}, [commitment])


@app.command("keystore")
def keystore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new keystore.")],
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Make an owner's key: a keystore with a fresh key, never over another file; show its address."""
    secret = options.password(password_file, password_env).resolve()
    address = to_hex(create_keystore(file, secret))
    tell(as_json, {"address": address}, [address])


for name, command in governance.COMMANDS.items():
    app.command(name)(command)
