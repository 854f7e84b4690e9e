"""What accounts of authority do with a network: calls, to be sent with a key or given to a multisig contract.

An act says its target, value and data before anything is sent, and sends exactly that when told to.
"""

from collections.abc import Callable
from dataclasses import dataclass

from worknet.chain.answers import Receipt
from worknet.chain.client import NetworkClient
from worknet.chain.contract import ContractClient
from worknet.chain.errors import RevertedError, RpcRefusedError
from worknet.chain.events import policy_words
from worknet.chain.interface import call_data, revert_reason
from worknet.chain.pool import PoolClient
from worknet.network.establish import NewMember
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import workflow_id
from worknet.protocol.policy import Policy

_NOBODY = bytes(20)


@dataclass(frozen=True)
class Act:
    """A call of one of a network's contracts: to whom, with how many wei, and what it says.

    `action` is the name of the function. Sending signs with the key of the client that it was made with.
    """

    action: str
    target: bytes
    value: int
    data: bytes
    client: ContractClient
    _send: Callable[[], bytes]

    def check(self, sender: bytes) -> None:
        """Raises the RevertedError with which the contract would refuse this from that account now."""
        if self.value:
            return  # no contract refuses what is paid into a pool
        try:
            self.client.rpc.call(self.target, self.data, sender=sender)
        except RpcRefusedError as refused:
            raise RevertedError(self.action, revert_reason(refused.data, refused.text)) from None

    def carry_out(self) -> Receipt:
        """Sends it and waits for its block; raises ChainError."""
        return self.client.wait(self._send())


def offer_ownership(client: NetworkClient, pending: bytes | None) -> Act:
    """The owner offers the network to an account, or withdraws the offer (None)."""
    return _act(client, lambda: client.transfer_ownership(pending), "transfer_ownership", pending or _NOBODY)


def accept_ownership(client: NetworkClient) -> Act:
    """The account to which it is offered takes the ownership over."""
    return _act(client, client.accept_ownership, "accept_ownership")


def pause(client: NetworkClient, paused: bool) -> Act:
    """The owner pauses the opening of new votings, or ends the pause."""
    return _act(client, lambda: client.pause_opening(paused), "pause_opening", paused)


def enrol(client: NetworkClient, new: NewMember) -> Act:
    """The owner enrols an operator with its worker."""
    return _act(
        client,
        lambda: client.enrol(new.operator, new.worker, new.role, new.encryption_key),
        "enrol",
        new.operator,
        new.worker,
        int(new.role),
        new.encryption_key,
    )


def remove(client: NetworkClient, index: int) -> Act:
    """The owner takes a worker out of attempts that open from now on."""
    return _act(client, lambda: client.remove(index), "remove", index)


def rotate(client: NetworkClient, index: int, worker: bytes, encryption_key: bytes) -> Act:
    """The operator of an index puts another key behind it."""
    values = (index, worker, encryption_key)
    return _act(client, lambda: client.rotate(*values), "rotate", *values)


def check_in(client: NetworkClient, index: int) -> Act:
    """A worker shows that it is there in the present reward period."""
    return _act(client, lambda: client.check_in(index), "check_in", index)


def announce(client: NetworkClient, workflow: str, policy: Policy) -> Act:
    """The owner announces the next version of a workflow's policy."""
    key = workflow_id(workflow)
    return _act(client, lambda: client.announce(key, policy), "announce", key, policy_words(policy))


def reopen(client: NetworkClient, workflow: bytes, trigger_id: bytes) -> Act:
    """The owner gives a voting without a record one more attempt."""
    return _act(client, lambda: client.reopen(workflow, trigger_id), "reopen", workflow, trigger_id)


def settle(client: NetworkClient, workflow: bytes, trigger_id: bytes, pair: Pair) -> Act:
    """Anyone has the leading pair recorded of a voting that is left to a plurality."""
    values = (workflow, trigger_id, pair.input_root, pair.result_root)
    return _act(client, lambda: client.settle(workflow, trigger_id, pair), "settle", *values)


def fund(pool: PoolClient, amount: int) -> Act:
    """Anyone pays into the pool, in wei."""
    return _act(pool, lambda: pool.fund(amount), "fund", value=amount)


def set_rewards(pool: PoolClient, base: int, consistency: int) -> Act:
    """The owner sets the amounts of the periods that begin from now on, in wei."""
    return _act(pool, lambda: pool.set_rewards(base, consistency), "set_rewards", base, consistency)


def _act(
    client: ContractClient, send: Callable[[], bytes], name: str, *values: object, value: int = 0
) -> Act:
    data = call_data(name, *values, contract=client.interface)
    return Act(name, client.contract, value, data, client, send)
