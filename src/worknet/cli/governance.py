"""The commands of `worknet network` about who owns it, what is paused, votings that hang, and the money."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from worknet.cli.options import (
    AsJson,
    CallData,
    File,
    Key,
    Keystore,
    PasswordEnv,
    PasswordFile,
    RpcUrl,
    Voting,
    address,
    amount,
    perform,
    tell,
)
from worknet.config.amounts import amount_text
from worknet.config.network import NetworkConfig
from worknet.network import access, acts
from worknet.network.errors import NetworkError
from worknet.network.folder import fill_in
from worknet.network.naming import leading_pair, voting_named
from worknet.protocol.canonical import to_hex


def pause(
    file: File,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Pause the opening of new votings. Open ones go on, and so do further attempts, reveals and claims.

    Where the network is paused already, it says so and sends nothing.
    """
    _pause(file, Key(rpc, keystore, password_file, password_env, calldata), True, as_json)


def resume(
    file: File,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """End the pause: new votings open again, those too that became due in the meantime.

    Where there is no pause, it says so and sends nothing.
    """
    _pause(file, Key(rpc, keystore, password_file, password_env, calldata), False, as_json)


def transfer(
    file: File,
    account: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS]", help="Who is to own the network.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take back the offer that stands.")] = False,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Offer the network to another account, a multisig contract say; it owns it once it has accepted.

    Where no offer stands, --withdraw says so and sends nothing.
    """
    if (account is None) != withdraw:
        raise NetworkError("name the account, or --withdraw the offer", hint="one of the two")
    pending = None if account is None else address("ADDRESS", account)
    network = NetworkConfig.load(file)
    key = Key(rpc, keystore, password_file, password_env, calldata)
    client = key.owner_client(network)
    if pending is not None:
        access.check_heir(network, client, pending)
    elif client.pending_owner() is None and not key.calldata:
        _nothing_to_do("the network is offered to nobody", {"pending_owner": None}, as_json)
        return
    said = "withdrew the offer" if account is None else f"offered to {account}, which is now to accept it"
    told = {"pending_owner": account and account.lower()}
    perform(key, acts.offer_ownership(client, pending), client.owner(), [said], told, as_json)


def accept(
    file: File,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Take over the ownership of the network that is offered to this account."""
    network = NetworkConfig.load(file)
    key = Key(rpc, keystore, password_file, password_env, calldata)
    client = key.client(network)
    pending = client.pending_owner()
    if pending is None:
        raise NetworkError("the network is offered to nobody", hint="`worknet network transfer` offers it")
    account = pending if client.signer is None else client.signer.address
    told = {"owner": to_hex(account)}
    said = [f"the network belongs to {to_hex(account)}"]
    perform(key, acts.accept_ownership(client), account, said, told, as_json)


def reopen(
    file: File,
    voting: Voting,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Give a voting that is unresolved, or a slot that nobody opened in time, one more attempt."""
    network = NetworkConfig.load(file)
    key = Key(rpc, keystore, password_file, password_env, calldata)
    client = key.owner_client(network)
    with access.synced_index(network, client) as index:
        named = voting_named(network, index, voting)
        identity = client.voting_id(named.workflow_id, named.trigger_id)
        is_recorded = index.record_of(identity) is not None
    voting_id = to_hex(identity)
    if is_recorded:
        raise NetworkError(
            f"voting {voting_id} is recorded already",
            hint="its outcome stands in the log, and is never changed",
        )
    act = acts.reopen(client, named.workflow_id, named.trigger_id)
    perform(key, act, client.owner(), [f"reopened {voting_id}"], {"voting": voting_id}, as_json)


def settle(
    file: File,
    voting: Voting,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Have the leading pair recorded of a voting that is left to a plurality; any key will do."""
    network = NetworkConfig.load(file)
    key = Key(rpc, keystore, password_file, password_env)
    connection, signer = key.opened(network)
    client = access.signing_client(network, connection, signer)
    with access.synced_index(network, client) as index:
        named = voting_named(network, index, voting)
        pair = leading_pair(client, index, named)
    voting_id = to_hex(client.voting_id(named.workflow_id, named.trigger_id))
    told = {
        "voting": voting_id,
        "input_root": to_hex(pair.input_root),
        "result_root": to_hex(pair.result_root),
    }
    act = acts.settle(client, named.workflow_id, named.trigger_id, pair)
    perform(key, act, signer.address, [f"settled {voting_id}"], told, as_json)


def fund(
    file: File,
    currency: Annotated[
        str, typer.Argument(metavar="AMOUNT", help='An amount of the chain\'s currency, such as "12.5".')
    ],
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Pay into the network's pool, for good: nobody can withdraw it; any key will do."""
    wei = amount("AMOUNT", currency)
    if wei == 0:
        raise NetworkError("AMOUNT: 0 pays nothing into the pool", hint="an amount above 0")
    network = NetworkConfig.load(file)
    key = Key(rpc, keystore, password_file, password_env, calldata)
    client = key.client(network)
    pool = access.pool_client(network, client)
    act = acts.fund(pool, wei)
    said = [f"paid {amount_text(wei)} into the pool {to_hex(pool.contract)}"]
    told = {"pool": to_hex(pool.contract), "amount": str(wei)}
    perform(key, act, client.owner(), said, told, as_json)


def rewards(
    file: File,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="AMOUNT", help="Per period, for being there; default: the file's."),
    ] = None,
    consistency: Annotated[
        str | None,
        typer.Option(
            "--consistency", metavar="AMOUNT", help="Per period, for being always right; default: the file's."
        ),
    ] = None,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    calldata: CallData = False,
    as_json: AsJson = False,
) -> None:
    """Set what a reward period pays, from the next period on; what is given here is written into the file."""
    network = NetworkConfig.load(file)
    given = {"base": base, "consistency": consistency}
    wanted = {name: amount(f"--{name}", text) for name, text in given.items() if text is not None}
    amounts = {"base": network.rewards.base, "consistency": network.rewards.consistency} | wanted
    key = Key(rpc, keystore, password_file, password_env, calldata)
    client = key.owner_client(network)
    pool = access.pool_client(network, client)
    said = [f"{name:<12}{amount_text(wei)}, from the next period on" for name, wei in amounts.items()]
    told = {name: str(wei) for name, wei in amounts.items()}
    act = acts.set_rewards(pool, amounts["base"], amounts["consistency"])
    perform(key, act, client.owner(), said, told, as_json)
    if wanted and not calldata:
        fill_in(file, "rewards", {name: amount_text(wei) for name, wei in wanted.items()})


COMMANDS: dict[str, Callable[..., None]] = {
    "pause": pause,
    "resume": resume,
    "transfer": transfer,
    "accept": accept,
    "reopen": reopen,
    "settle": settle,
    "fund": fund,
    "rewards": rewards,
}
"""By their names under `worknet network`."""


def _nothing_to_do(said: str, document: dict[str, Any], as_json: bool) -> None:
    """Tells that all is as it should be without a transaction."""
    tell(as_json, {**document, "transaction": None}, [f"{said}: nothing was sent"])


def _pause(file: Path, key: Key, paused: bool, as_json: bool) -> None:
    network = NetworkConfig.load(file)
    client = key.owner_client(network)
    if client.opening_paused() is paused and not key.calldata:
        said = "the opening of new votings is paused already" if paused else "there is no pause to end"
        _nothing_to_do(said, {"paused": paused}, as_json)
        return
    said = "the opening of new votings is paused" if paused else "new votings may open again"
    perform(key, acts.pause(client, paused), client.owner(), [said], {"paused": paused}, as_json)
