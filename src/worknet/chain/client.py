"""The contract of a network, typed: its views as values, its transactions as methods, its refusals as errors.

Every transaction has a stated gas limit, so nothing is estimated. Nothing is stored here and no event is
read: for what happened see `index`.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from worknet.chain.contract import ContractClient
from worknet.chain.errors import RevertedError
from worknet.chain.events import Role, policy_words
from worknet.chain.gas import (
    BRING_SEALS_GAS_PER_SEAL,
    GAS_LIMITS,
    REPORT_GAS_PER_SIGNATURE,
    REVEAL_GAS_PER_SALT,
    SEALS_OF_A_BATCH,
)
from worknet.chain.rpc import BlockTag, Rpc
from worknet.chain.signatures import Signature, SignedSeal
from worknet.chain.signers import Signer
from worknet.chain.transactions import Sender
from worknet.protocol import ids
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.earnings import Period
from worknet.protocol.policy import Policy
from worknet.protocol.voting import State

_ZERO = bytes(32)
_NOBODY = bytes(20)
_UNKNOWN_WORKER = "members: unknown worker"
_NO_SEAL_TAKEN = "votings: no seal taken"
_SPEED_SHIFT = 128
_WITH_A_PLACE = ("cast", "seal", "bring_seals", "reveal", "report")
_ABOUT_A_VOTING = (*_WITH_A_PLACE, "advance", "settle", "reopen")


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

    `deadline` is the end of the phase (of a pending voting, of its stall; of one that is settling or
    unresolved, since when it is). `members` and `ballots` are bitmaps; `cast` is how many have cast, openly
    or sealed, `highest` the most ballots for one pair, `shared` whether several pairs have as many.
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


class NetworkClient(ContractClient):
    """One network's contract."""

    def __init__(
        self,
        rpc: Rpc,
        contract: bytes,
        *,
        signer: Signer | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Without `signer` only the views work. By `clock` it is known how long a transaction waits."""
        sender = None if signer is None else Sender(rpc, signer, clock=clock, sleep=sleep)
        super().__init__(rpc, contract, sender)
        self.signer = signer

    # Views

    def owner(self, block: BlockTag = "latest") -> bytes:
        """The account that governs the network."""
        return bytes(self._view("owner", block=block))

    def pending_owner(self, block: BlockTag = "latest") -> bytes | None:
        """The account that may accept the ownership, None if it is offered to nobody."""
        account = bytes(self._view("pending_owner", block=block))
        return None if account == _NOBODY else account

    def confirmations(self) -> int:
        """How deep a block should lie before a node acts on it; fixed for the network's life."""
        return int(self._view("confirmations"))

    def reward_period(self) -> int:
        """The length of a reward period in seconds; fixed for the network's life."""
        return int(self._view("reward_period"))

    def opening_paused(self, block: BlockTag = "latest") -> bool:
        """Whether the opening of new votings is paused; nothing else ever is."""
        return bool(self._view("opening_paused", block=block))

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

    def policy_hash(self, workflow_id: bytes, version: int, block: BlockTag = "latest") -> bytes:
        """The hash of a version of a workflow's policy; the policy itself stands in the event."""
        return bytes(self._view("policy_hash", workflow_id, version, block=block))

    def policy_version_at(self, workflow_id: bytes, slot_start: int, block: BlockTag = "latest") -> int:
        """The version that governs the slot beginning at that time, of events the newest; 0 for none."""
        return int(self._view("policy_version_at", workflow_id, slot_start, block=block))

    def amounts(self, policy_hash: bytes, block: BlockTag = "latest") -> tuple[int, int]:
        """What a voting under the policy with this hash earns for accuracy, and for speed."""
        word = int(self._view("amounts", policy_hash, block=block))
        return word & (1 << _SPEED_SHIFT) - 1, word >> _SPEED_SHIFT

    def voting(self, workflow_id: bytes, trigger_id: bytes, block: BlockTag = "latest") -> VotingView:
        """The voting about a trigger as it stands at the block's time.

        State NONE while it is not open, and of one that a report opened and closed: that has a record only.
        """
        state, *rest = self._view("voting", workflow_id, trigger_id, block=block)
        return VotingView(State(state), *rest)

    def voting_id(self, workflow_id: bytes, trigger_id: bytes) -> bytes:
        """The id of the voting about a trigger; computed here."""
        return ids.voting_id(self.rpc.chain_id, self.contract, workflow_id, trigger_id, _keccak)

    def voters(self, voting_id: bytes, attempt: int, pair: Pair, block: BlockTag = "latest") -> int:
        """Bitmap of those whose ballot in that attempt was counted on chain for this pair.

        Of the recorded pair only together with the voters of the record: where one transaction records and
        closes a voting, those that it counts stand only there.
        """
        return int(self._view("voters", voting_id, attempt, pair.input_root, pair.result_root, block=block))

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
        """The number of records; of a network that moved, one more."""
        return int(self._view("size", block=block))

    def period(self, number: int, block: BlockTag = "latest") -> Period:
        """A reward period, the present one so far; all zero where nothing happened in it."""
        return Period(*self._view("period", number, block=block))

    # Transactions of the owner: sent in their order, whatever the chain has of them so far

    def transfer_ownership(self, pending: bytes | None) -> bytes:
        """Offer the ownership to an account, which must accept it; None withdraws the offer."""
        return self._govern("transfer_ownership", pending or _NOBODY)

    def enrol(self, operator: bytes, worker: bytes, role: Role, encryption_key: bytes) -> bytes:
        """Enrol an operator with its worker and the worker's X25519 key."""
        return self._govern("enrol", operator, worker, int(role), encryption_key)

    def remove(self, index: int) -> bytes:
        """Take a worker out of attempts that open from now on."""
        return self._govern("remove", index)

    def announce(self, workflow_id: bytes, policy: Policy) -> bytes:
        """Announce the next version of a workflow's policy."""
        return self._govern("announce", workflow_id, policy_words(policy))

    def pause_opening(self, paused: bool) -> bytes:
        """Pause the opening of new votings, or end the pause; open ones go on."""
        return self._govern("pause_opening", paused)

    # All others are tried as a call first, so that a refusal costs no gas

    def reopen(self, workflow_id: bytes, trigger_id: bytes) -> bytes:
        """Give an unresolved voting, or a slot that never opened, a further attempt. The owner's."""
        return self._checked("reopen", workflow_id, trigger_id)

    def accept_ownership(self) -> bytes:
        """Take over the ownership that is offered to this client's account."""
        return self._checked("accept_ownership")

    def rotate(self, index: int, worker: bytes, encryption_key: bytes) -> bytes:
        """Put another key behind an index, with its X25519 key, at once; the operator's."""
        return self._checked("rotate", index, worker, encryption_key)

    def check_in(self, index: int) -> bytes:
        """Show that the worker of this index is there in this period; the worker's."""
        return self._checked("check_in", index)

    def cast(self, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair) -> bytes:
        """Cast an open ballot for the worker that `place` names."""
        values = (workflow_id, trigger_id, place.word(), pair.input_root, pair.result_root)
        return self._checked("cast", *values)

    def seal(self, workflow_id: bytes, trigger_id: bytes, place: Place, seal: bytes) -> bytes:
        """Bring the seal of the worker that `place` names; its salt must be on disk by now."""
        return self._checked("seal", workflow_id, trigger_id, place.word(), seal)

    def bring_seals(
        self, workflow_id: bytes, trigger_id: bytes, place: Place, seals: Mapping[int, SignedSeal]
    ) -> list[bytes]:
        """Bring seals that their workers signed, by index; anyone may. `SEALS_OF_A_BATCH` in a transaction.

        Those that do not fit are skipped with an event. A transaction of which none fits is not sent; if none
        fits at all, that is a RevertedError.
        """
        indices = sorted(seals)
        batches = []
        for start in range(0, len(indices), SEALS_OF_A_BATCH):
            batch = indices[start : start + SEALS_OF_A_BATCH]
            signatures = {index: seals[index].signature for index in batch}
            items = [(seals[index].seal, signatures[index].r, signatures[index].s) for index in batch]
            values = (workflow_id, trigger_id, place.word(), _bitmap(batch), _odd(signatures), items)
            batches.append((values, GAS_LIMITS["bring_seals"] + BRING_SEALS_GAS_PER_SEAL * len(batch)))
        return self._send_batches("bring_seals", batches, nothing_done=_NO_SEAL_TAKEN)

    def reveal(
        self, workflow_id: bytes, trigger_id: bytes, place: Place, pair: Pair, salts: Mapping[int, bytes]
    ) -> bytes:
        """Open seals that hold this pair: the salt of each worker, by index; anyone may."""
        opened = [salts[index] for index in sorted(salts)]
        roots = (pair.input_root, pair.result_root)
        values = (workflow_id, trigger_id, place.word(), *roots, _bitmap(salts), opened)
        return self._checked("reveal", *values, gas=REVEAL_GAS_PER_SALT * len(opened))

    def report(
        self,
        workflow_id: bytes,
        trigger_id: bytes,
        place: Place,
        pair: Pair,
        participants: int,
        voters: int,
        signatures: Mapping[int, Signature],
    ) -> bytes:
        """Record a pair by the signatures of workers under its report, by index; anyone may.

        `participants` and `voters` are bitmaps.
        """
        signed = [(signatures[index].r, signatures[index].s) for index in sorted(signatures)]
        claimed = (pair.input_root, pair.result_root, participants, voters)
        values = (*claimed, _bitmap(signatures), _odd(signatures), signed)
        gas = REPORT_GAS_PER_SIGNATURE * len(signed)
        return self._checked("report", workflow_id, trigger_id, place.word(), *values, gas=gas)

    def advance(self, workflow_id: bytes, trigger_id: bytes, pair: Pair | None = None) -> bytes:
        """Apply the time that has passed; book the closing of a recorded voting, whose pair it then needs."""
        roots = (_ZERO, _ZERO) if pair is None else (pair.input_root, pair.result_root)
        return self._checked("advance", workflow_id, trigger_id, *roots)

    def settle(self, workflow_id: bytes, trigger_id: bytes, pair: Pair) -> bytes:
        """Record the leading pair of a voting that is left to a plurality; anyone may."""
        return self._checked("settle", workflow_id, trigger_id, pair.input_root, pair.result_root)

    def _govern(self, name: str, *values: object) -> bytes:
        return self._send(name, *values, gas=GAS_LIMITS[name])

    def _checked(self, name: str, *values: object, gas: int = 0) -> bytes:
        """`gas`: what the items of a batch add."""
        return self._send_checked(name, *values, gas=GAS_LIMITS[name] + gas)

    def _about(self, name: str, values: tuple[Any, ...]) -> tuple[bytes | None, int | None]:
        if name not in _ABOUT_A_VOTING:
            return None, None
        attempt = Place.of_word(values[2]).attempt if name in _WITH_A_PLACE else None
        return self.voting_id(values[0], values[1]), attempt


def _bitmap(workers: Iterable[int]) -> int:
    return sum(1 << worker for worker in workers)


def _odd(signatures: Mapping[int, Signature]) -> int:
    """Bitmap of those whose signature has the higher v."""
    return _bitmap(index for index, signature in signatures.items() if signature.is_odd)


def _keccak(data: bytes) -> bytes:
    return bytes(keccak(data))
