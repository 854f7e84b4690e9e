"""`worknet rewards`: what the workers of a network earned, having it paid, and checking in for it."""

from typing import Annotated, Any

import typer

from worknet.chain.errors import RevertedError
from worknet.cli.failures import REFUSED, warn
from worknet.cli.options import (
    AsJson,
    File,
    Key,
    Keystore,
    PasswordEnv,
    PasswordFile,
    RpcUrl,
    perform,
    tell,
)
from worknet.config.amounts import amount_text
from worknet.config.network import NetworkConfig
from worknet.network import access, acts
from worknet.network.errors import NetworkError
from worknet.network.rewards import Payout, Statement, Statements, claim, statements
from worknet.protocol.canonical import to_hex

app = typer.Typer(no_args_is_help=True, add_completion=False)

Worker = Annotated[
    int | None, typer.Option("--worker", metavar="INDEX", min=0, help="Only this worker; default: all.")
]


@app.command("show")
def show(file: File, worker: Worker = None, rpc: RpcUrl = None, as_json: AsJson = False) -> None:
    """Show what workers earned, by kind, what was claimed, paid and is owed, and the pool; no key is needed.

    Computed from the chain's events alone and compared with what the contracts say, at the newest block that
    is as deep as the network's confirmations ask for; the pool at the newest block. A difference is an error.
    """
    network = NetworkConfig.load(file)
    client = access.reading_client(network, access.connect(network, rpc))
    pool = access.pool_client(network, client)
    found = statements(network, client, pool, worker, access.deep_block(network, client))
    tell(as_json, _document(found), _lines(found))


@app.command("claim")
def claim_rewards(
    file: File,
    worker: Worker = None,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Have operators paid what their workers earned, and what they are owed; any key will do.

    In as many transactions as it takes. What the pool cannot pay stays owed, to be claimed again.
    Exit codes: 0 claimed, though a short pool may leave something owed; 1 there is nothing to claim, or the
    pool is too empty to pay what is owed, or the claim for some worker was refused.
    """
    network = NetworkConfig.load(file)
    connection, signer = Key(rpc, keystore, password_file, password_env).opened(network)
    client = access.signing_client(network, connection, signer)
    pool = access.pool_client(network, client)
    payouts = []
    unpaid: list[Statement] = []
    refused: dict[int, str] = {}
    for statement in statements(network, client, pool, worker).workers:
        # What is only owed is worth a transaction as soon as the pool has something.
        if statement.claimable or (statement.owed and pool.balance()):
            try:
                payouts.append(claim(pool, statement))
            except RevertedError as error:
                # An operator that cannot be paid holds up no other one.
                refused[statement.member.index] = error.reason
                warn(f"worker {statement.member.index}: {error}", error.hint)
        elif statement.owed:
            unpaid.append(statement)
    if unpaid or any(payout.owed for payout in payouts):
        hint = "`worknet network fund` pays into it; then claim again"
        warn("the pool is empty: what is owed waits until it is funded", hint)
    told: dict[str, Any] = {"pool": to_hex(pool.contract), "claims": [_payout(payout) for payout in payouts]}
    told["unpaid"] = {statement.member.index: str(statement.owed) for statement in unpaid}
    told["refused"] = refused
    said = [
        f"worker {payout.worker}: claimed {amount_text(payout.earned)}, paid {amount_text(payout.paid)} "
        f"to {to_hex(payout.operator)}, still owed {amount_text(payout.owed)}"
        for payout in payouts
    ]
    said += [
        f"worker {statement.member.index}: owed {amount_text(statement.owed)}, which the pool cannot pay"
        for statement in unpaid
    ]
    tell(as_json, told, said if said or refused else ["there is nothing to claim"])
    if refused or not payouts:
        raise typer.Exit(REFUSED)


@app.command("check-in")
def check_in(
    file: File,
    keystore: Keystore = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Show with a worker's key that it is there in the present period, as base asks; once a period is enough.

    A ballot shows it too if it is sealed, of the recorded pair, and the closing is booked in the period.
    """
    network = NetworkConfig.load(file)
    key = Key(rpc, keystore, password_file, password_env)
    connection, signer = key.opened(network)
    client = access.signing_client(network, connection, signer)
    index = client.index_of(signer.address)
    if index is None:
        hint = "sign with the key that stands behind an index now"
        raise NetworkError(f"{to_hex(signer.address)} is no worker of this network", hint=hint)
    act = acts.check_in(client, index)
    perform(key, act, signer.address, [f"worker {index} is seen in this period"], {"index": index}, as_json)


def _payout(payout: Payout) -> dict[str, Any]:
    return {
        "worker": payout.worker,
        "operator": to_hex(payout.operator),
        "claimed": str(payout.earned),
        "paid": str(payout.paid),
        "owed": str(payout.owed),
    }


def _document(found: Statements) -> dict[str, Any]:
    """All of it; amounts as texts of their wei."""
    return {
        "block": found.block,
        "pool": to_hex(found.pool),
        "balance": str(found.balance),
        "workers": [_worker(statement, found.balance) for statement in found.workers],
    }


def _worker(statement: Statement, balance: int) -> dict[str, Any]:
    earned = statement.earned
    return {
        "index": statement.member.index,
        "operator": to_hex(statement.member.operator),
        "earned": {
            "accuracy": str(earned.accuracy),
            "speed": str(earned.speed),
            "base": str(earned.base),
            "consistency": str(earned.consistency),
            "total": str(earned.total),
        },
        "claimed": str(statement.claimed),
        "paid": str(statement.paid),
        "owed": str(statement.owed),
        "claimable": str(statement.claimable),
        "payable_now": str(_payable(statement, balance)),
        "votings": [to_hex(record.voting_id) for record in statement.votings],
        "periods": list(statement.periods),
    }


def _payable(statement: Statement, balance: int) -> int:
    """What a claim for this worker alone would have paid now."""
    return min(statement.claimable + statement.owed, balance)


def _lines(found: Statements) -> list[str]:
    """The same for people, shorter."""
    lines = [
        f"pool       {to_hex(found.pool)} holds {amount_text(found.balance)}",
        f"block      {found.block}",
    ]
    for statement in found.workers:
        earned = statement.earned
        kinds = ("accuracy", "speed", "base", "consistency")
        parts = ", ".join(f"{kind} {amount_text(getattr(earned, kind))}" for kind in kinds)
        lines.append(f"worker {statement.member.index:<3} earned {amount_text(earned.total)}: {parts}")
        lines.append(
            f"  claimed {amount_text(statement.claimed)}, paid {amount_text(statement.paid)}, "
            f"owed {amount_text(statement.owed)}, claimable {amount_text(statement.claimable)}, "
            f"payable now {amount_text(_payable(statement, found.balance))}"
        )
    return lines
