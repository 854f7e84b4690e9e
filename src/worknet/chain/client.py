"""The contract of a network, typed: its views as values, its transactions as methods, its refusals as errors.

Every transaction has a stated gas limit, so nothing is estimated. Nothing is stored here and no event is
read: for what happened see `index`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3.types import Nonce
from web3.utils.address import get_create_address

from worknet.chain.errors import ChainError, NoContractError, RevertedError, RpcRefusedError
from worknet.chain.events import Role, policy_of, policy_words
from worknet.chain.interface import call_data, creation_data, output, revert_reason, selected
from worknet.chain.rpc import BlockTag, Receipt, Rpc
from worknet.chain.signers import Signer
from worknet.chain.transactions import Sender
from worknet.protocol import ids
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.policy import Policy
from worknet.protocol.voting import State

GAS_LIMITS = {
    "deploy": 6_000_000,
    "enrol": 400_000,
    "remove": 150_000,
    "announce": 400_000,
    "cast": 500_000,
    "seal": 300_000,
    "reveal": 400_000,
    "advance": 200_000,
}
"""Gas limit of each action; `reveal` takes REVEAL_GAS_PER_SALT more for each salt."""

REVEAL_GAS_PER_SALT = 12_000

_ZERO = bytes(32)
_UNKNOWN_WORKER = "members: unknown worker"
_ABOUT_A_VOTING = ("cast", "seal", "reveal", "advance")


@dataclass(frozen=True)
class Member:
    """Who has a worker index, and in what role; NONE for a removed one."""

    index: int
    operator: bytes
    worker: bytes
    role: Role


@dataclass(frozen=True)
class VotingView:
    """A voting as the contract shows it, with the time applied that has passed.

    `deadline` is the end of the phase (of a pending voting, of its stall). `members` and `ballots` are
    bitmaps; `cast` is how many have cast, openly or sealed, `highest` the most ballots for one pair, `shared`
    whether several pairs have as many.
    """

    state: State
    attempt: int
    policy_version: int
    sealed: bool
    closed: bool
    booked: bool
    deadline: int
    members: int
    n: int
    needed: int
    ballots: int
    cast: int
    highest: int
    shared: bool


@dataclass(frozen=True)
class Deployment:
    """A new network: the contract's address and the block that holds it."""

    contract: bytes
    block: int
    transaction: bytes


class NetworkClient:
    """One network's contract; safe to use from several threads.

    Views take the block to look at. Transactions return their hash at once; `wait` gives the receipt. Every
    method may raise a ChainError; a rule of the contract that is broken is a RevertedError with that rule.
    """

    def __init__(self, rpc: Rpc, contract: bytes, *, signer: Signer | None = None) -> None:
        """Without `signer` only the views work."""
        if len(contract) != 20:
            raise ChainError(f"a contract's address has 20 bytes, this one {len(contract)}")
        self.rpc = rpc
        self.contract = contract
        self.signer = signer
        self._sender = None if signer is None else Sender(rpc, signer)

    # Views

    def check(self) -> None:
        """Raise WrongChainError, or NoContractError where no code stands at the contract's address."""
        self.rpc.check_chain()
        if not self.rpc.code(self.contract):
            raise NoContractError(self.contract, self.rpc.chain_id)

    def owner(self, block: BlockTag = "latest") -> bytes:
        """The account that governs the network."""
        return bytes(self._view("owner", block=block))

    def confirmations(self) -> int:
        """How deep a block should lie before a node acts on it; fixed for the network's life."""
        return int(self._view("confirmations"))

    def member_count(self, block: BlockTag = "latest") -> int:
        """How many indices were ever given."""
        return int(self._view("member_count", block=block))

    def member(self, index: int, block: BlockTag = "latest") -> Member:
        """Who has this index."""
        operator, worker, role = self._view("member", index, block=block)
        return Member(index, operator, worker, Role(role))

    def index_of(self, worker: bytes, block: BlockTag = "latest") -> int | None:
        """The index behind which this key stands now, None if there is none."""
        try:
            return int(self._view("index_of", worker, block=block))
        except RevertedError as reverted:
            if reverted.reason == _UNKNOWN_WORKER:
                return None
            raise

    def active(self, block: BlockTag = "latest") -> int:
        """Bitmap of the active workers."""
        return int(self._view("active", block=block))

    def standby(self, block: BlockTag = "latest") -> int:
        """Bitmap of the standby workers."""
        return int(self._view("standby", block=block))

    def policy_count(self, workflow_id: bytes, block: BlockTag = "latest") -> int:
        """How many versions a workflow's policy has; 0 for an unknown workflow."""
        return int(self._view("policy_count", workflow_id, block=block))

    def policy(self, workflow_id: bytes, version: int, block: BlockTag = "latest") -> Policy:
        """A version of a workflow's policy."""
        return policy_of(self._view("policy", workflow_id, version, block=block))

    def policy_hash(self, workflow_id: bytes, version: int, block: BlockTag = "latest") -> bytes:
        """The hash of a version of a workflow's policy."""
        return bytes(self._view("policy_hash", workflow_id, version, block=block))

    def policy_version_at(self, workflow_id: bytes, slot_start: int, block: BlockTag = "latest") -> int:
        """The version that governs the slot beginning at that time, 0 for none."""
        return int(self._view("policy_version_at", workflow_id, slot_start, block=block))

    def voting(self, workflow_id: bytes, trigger_id: bytes, block: BlockTag = "latest") -> VotingView:
        """The voting about a trigger as it stands at the block's time; state NONE while it is not open."""
        state, *rest = self._view("voting", workflow_id, trigger_id, block=block)
        return VotingView(State(state), *rest)

    def voting_id(self, workflow_id: bytes, trigger_id: bytes) -> bytes:
        """The id of the voting about a trigger; computed here."""
        return ids.voting_id(self.rpc.chain_id, self.contract, workflow_id, trigger_id, _keccak)

    def voting_count(self, block: BlockTag = "latest") -> int:
        """How many votings were ever opened."""
        return int(self._view("voting_count", block=block))

    def voters(self, voting_id: bytes, attempt: int, pair: Pair, block: BlockTag = "latest") -> int:
        """Bitmap of those whose counted ballot in that attempt is this pair."""
        return int(self._view("voters", voting_id, attempt, pair.input_root, pair.result_root, block=block))

    def members_of(self, voting_id: bytes, attempt: int, block: BlockTag = "latest") -> int:
        """Bitmap of the members of attempt 1 or of the last attempt that opened."""
        return int(self._view("members_of", voting_id, attempt, block=block))

    def seal_of(
        self, voting_id: bytes, attempt: int, worker: int, block: BlockTag = "latest"
    ) -> bytes | None:
        """A worker's seal as it is stored (seconds left in its last two bytes), None if there is none."""
        seal = bytes(self._view("seal_of", voting_id, attempt, worker, block=block))
        return None if seal == _ZERO else seal

    def record(self, voting_id: bytes, block: BlockTag = "latest") -> bytes | None:
        """The leaf hash of a voting's record, None if there is none."""
        leaf = bytes(self._view("record", voting_id, block=block))
        return None if leaf == _ZERO else leaf

    def root(self, block: BlockTag = "latest") -> bytes:
        """The tree head of the result log."""
        return bytes(self._view("root", block=block))

    def size(self, block: BlockTag = "latest") -> int:
        """The number of records."""
        return int(self._view("size", block=block))

    # Transactions of the owner

    def enrol(self, operator: bytes, worker: bytes, role: Role, encryption_key: bytes) -> bytes:
        """Enrol an operator with its worker and the worker's X25519 key."""
        return self._send("enrol", operator, worker, int(role), encryption_key)

    def remove(self, index: int) -> bytes:
        """Take a worker out of attempts that open from now on."""
        return self._send("remove", index)

    def announce(self, workflow_id: bytes, policy: Policy) -> bytes:
        """Announce the next version of a workflow's policy."""
        return self._send("announce", workflow_id, policy_words(policy))

    # Transactions of workers; each is tried as a call first, so that a refusal costs no gas

    def cast(self, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair) -> bytes:
        """Cast an open ballot for the worker that `place` names."""
        return self._send_checked("cast", workflow_id, trigger_id, place, pair.input_root, pair.result_root)

    def seal(self, workflow_id: bytes, trigger_id: bytes, place: Place, seal: bytes) -> bytes:
        """Bring the seal of the worker that `place` names; its salt must be on disk by now."""
        return self._send_checked("seal", workflow_id, trigger_id, place, seal)

    def reveal(
        self, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair, salts: Mapping[int, bytes]
    ) -> bytes:
        """Open seals that hold this pair: the salt of each worker, by index."""
        workers = sorted(salts)
        opened = [salts[worker] for worker in workers]
        gas = GAS_LIMITS["reveal"] + REVEAL_GAS_PER_SALT * len(workers)
        return self._send_checked(
            "reveal",
            workflow_id,
            trigger_id,
            place,
            pair.input_root,
            pair.result_root,
            workers,
            opened,
            gas=gas,
        )

    def advance(self, workflow_id: bytes, trigger_id: bytes, pair: Pair | None = None) -> bytes:
        """Apply the time that has passed; book the closing of a recorded voting, whose pair it then needs."""
        roots = (_ZERO, _ZERO) if pair is None else (pair.input_root, pair.result_root)
        data = call_data("advance", workflow_id, trigger_id, *roots)
        self._try("advance", data, self.voting_id(workflow_id, trigger_id), None)
        return self._signing().send(self.contract, data, GAS_LIMITS["advance"])

    def receipt(self, transaction: bytes) -> Receipt | None:
        """What became of a transaction, also if it had to be signed anew since; None while in no block."""
        return self.rpc.receipt(transaction) if self._sender is None else self._sender.receipt(transaction)

    def wait(self, transaction: bytes, timeout: float = 120.0, poll: float = 0.25) -> Receipt:
        """The receipt of a transaction that succeeded.

        Raises TransactionPendingError after `timeout` seconds, and RevertedError for one that is in a block
        but failed, with the rule that it broke as far as a replay of it tells.
        """
        receipt = self._signing().wait(transaction, timeout, poll)
        if not receipt.succeeded:
            raise self._failure(receipt)
        return receipt

    def _view(self, name: str, *values: object, block: BlockTag = "latest") -> Any:
        try:
            answer = self.rpc.call(self.contract, call_data(name, *values), block=block)
        except RpcRefusedError as refused:
            reason = revert_reason(refused.data, refused.text)
            if reason or _is_revert(refused):
                raise RevertedError(name, reason) from None
            raise
        return output(name, answer)

    def _send(self, name: str, *values: object) -> bytes:
        return self._signing().send(self.contract, call_data(name, *values), GAS_LIMITS[name])

    def _send_checked(
        self,
        name: str,
        workflow_id: bytes,
        trigger_id: bytes,
        place: Place,
        *values: object,
        gas: int | None = None,
    ) -> bytes:
        data = call_data(name, workflow_id, trigger_id, place.word(), *values)
        self._try(name, data, self.voting_id(workflow_id, trigger_id), place.attempt)
        return self._signing().send(self.contract, data, gas or GAS_LIMITS[name])

    def _try(self, name: str, data: bytes, voting_id: bytes, attempt: int | None) -> None:
        sender = self._signing().signer.address
        try:
            self.rpc.call(self.contract, data, sender=sender)
        except RpcRefusedError as refused:
            if not _is_revert(refused):
                raise
            reason = revert_reason(refused.data, refused.text)
            raise RevertedError(name, reason, voting_id=voting_id, attempt=attempt) from None

    def _failure(self, receipt: Receipt) -> RevertedError:
        """Why a transaction failed: replayed on its own block, which has its time, then on the parent."""
        sent = self.rpc.transaction(receipt.transaction)
        found = None if sent is None else selected(sent.data)
        name = "a transaction" if found is None else found[0]
        voting_id, attempt = None, None
        if found is not None and name in _ABOUT_A_VOTING:
            voting_id = self.voting_id(found[1][0], found[1][1])
            attempt = None if name == "advance" else Place.of_word(found[1][2]).attempt
        reason, hint = "", "replayed, it does not fail: perhaps another transaction of its block came first"
        if sent is not None and receipt.gas_used == sent.gas:
            hint = "it used all of its gas limit"
        for block in (receipt.block, receipt.block - 1):
            if reason or sent is None or sent.to is None:
                break
            try:
                self.rpc.call(sent.to, sent.data, sender=sent.sender, block=block, gas=sent.gas)
            except RpcRefusedError as refused:
                reason = revert_reason(refused.data, refused.text)
        return RevertedError(
            name,
            reason,
            voting_id=voting_id,
            attempt=attempt,
            transaction=receipt.transaction,
            hint="" if reason else hint,
        )

    def _signing(self) -> Sender:
        if self._sender is None:
            raise ChainError("this client has no key to sign with", hint="give it a signer")
        return self._sender


def deploy(rpc: Rpc, signer: Signer, confirmations: int, *, timeout: float = 180.0) -> Deployment:
    """Create the contract of a new network, owned by the signer, and wait for its block.

    `confirmations`: how deep a block should lie before nodes act on it. Raises ChainError.
    """
    sender = Sender(rpc, signer)
    transaction = sender.send(None, creation_data(confirmations), GAS_LIMITS["deploy"])
    receipt = sender.wait(transaction, timeout)
    if not receipt.succeeded or receipt.contract is None:
        raise RevertedError("the deployment", "", transaction=transaction)
    return Deployment(receipt.contract, receipt.block, transaction)


def created_at(creator: bytes, nonce: int) -> bytes:
    """The address of the contract that an account's transaction with this nonce creates (Yellow Paper, 7)."""
    return bytes.fromhex(get_create_address(to_checksum_address(creator), Nonce(nonce))[2:])


def _is_revert(refused: RpcRefusedError) -> bool:
    text = refused.text.lower()
    return bool(refused.data) or refused.code == 3 or "revert" in text


def _keccak(data: bytes) -> bytes:
    return bytes(keccak(data))
