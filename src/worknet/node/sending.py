"""Ballots on their way: sends what a duty says, and follows each transaction until its fate is known.

A transaction is journalled with its duty before it leaves. Its fate is known for good when its block is as
deep as the network's confirmations: until then it stays in flight, and one that a reorganisation took out of
its block is handed over again as it was signed.
"""

from collections import Counter
from dataclasses import replace

import structlog

from worknet.chain.answers import Receipt
from worknet.chain.client import NetworkClient
from worknet.chain.errors import InsufficientFundsError, RevertedError
from worknet.chain.index import NetworkIndex
from worknet.chain.transactions import Outgoing
from worknet.node.duties import Send
from worknet.node.errors import NodeError
from worknet.node.facts import Action, VotingFacts
from worknet.node.journal import Journal, Transaction
from worknet.node.journal.transactions import LOST, REFUSED
from worknet.protocol.ballots import Pair, Place, seal
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.policy import Policy

LOST_AFTER_SECONDS = 120
"""Chain time after which a transaction that no block holds is given up, and its duty done anew: at most
this, and less where half of the window for it is less (section 6)."""

REFUSED_PAUSE_SECONDS = 5
"""Chain time before an action is tried again that the contract has refused."""

REREADS = 3
REREAD_SECONDS = 86_400
"""Where the RPC left out events of this worker's transactions, so much chain time is read again, so often."""

log = structlog.get_logger()


class Sending:
    """Sends the worker's transactions; remembers which are under way, also across a restart.

    It is the outbox of the client's sender: what that signs is a version of a duty's transaction.
    """

    def __init__(self, client: NetworkClient, journal: Journal, index: NetworkIndex) -> None:
        self._client = client
        self._journal = journal
        self._index = index
        self._rereads: Counter[bytes] = Counter()
        self._under_way = {sent.hash: sent for sent in journal.transactions.waiting()}
        self._in_block: dict[bytes, int] = {}
        self._refused: dict[tuple[bytes, Action, int], int] = {}
        self._duty: Transaction | None = None
        client.sender.resume(self)
        for outgoing in self.in_flight():
            if journal.transactions.first_of(outgoing.hash) not in self._under_way:
                client.sender.give_up(outgoing.hash)

    @property
    def under_way(self) -> int:
        """How many transactions are in no block that was looked at."""
        return len(self._under_way) - len(self._in_block)

    def waiting(self, voting_id: bytes, now: int) -> frozenset[tuple[Action, int]]:
        """What is under way for the voting, or was refused a moment ago."""
        sent = {
            (each.action, each.attempt) for each in self._under_way.values() if each.voting_id == voting_id
        }
        refused = {
            (action, attempt)
            for (voting, action, attempt), until in self._refused.items()
            if voting == voting_id and now < until
        }
        return frozenset(sent | refused)

    def send(self, facts: VotingFacts, duty: Send) -> None:
        """Sends the transaction of a duty.

        Raises `RevertedError` if the contract would refuse it, and `RpcRefusedError` or
        `InsufficientFundsError` if the chain's node does: then nothing is under way. After any other
        `ChainError` it may be.
        """
        policy = facts.voting.policies[duty.policy_version]
        lost_at = facts.now + _patience(policy, duty.action)
        self._duty = Transaction(b"", facts.voting_id, duty.attempt, duty.action, lost_at)
        try:
            self._call(facts, duty)
        except (RevertedError, InsufficientFundsError):
            self._refused[facts.voting_id, duty.action, duty.attempt] = facts.now + REFUSED_PAUSE_SECONDS
            raise
        finally:
            self._duty = None

    def put(self, outgoing: Outgoing) -> None:
        """Journals a transaction that is about to leave."""
        if outgoing.replaces is not None:
            self._journal.transactions.replace(outgoing)
            return
        if self._duty is None:
            raise NodeError("a worker's key signs transactions of its duties only")
        sent = replace(self._duty, hash=outgoing.hash)
        self._journal.transactions.add(sent, outgoing)
        self._under_way[sent.hash] = sent

    def drop(self, transaction: bytes) -> None:
        """Journals that a transaction will never be in a block: its duty is free again."""
        first = self._journal.transactions.first_of(transaction)
        if first is not None:
            self._end(first, REFUSED)

    def in_flight(self) -> list[Outgoing]:
        """What was signed in this life or an earlier one and may be in no confirmed block."""
        return self._journal.transactions.in_flight()

    def settle(self, head: int, now: int, settled: int | None = None) -> None:
        """Looks what became of the transactions under way; the index must have read up to block `head`.

        `settled` is the newest block that is deep enough to stay (default: `head`).
        """
        settled = head if settled is None else settled
        self._refused = {key: until for key, until in self._refused.items() if now < until}
        self._client.sender.tend()
        for sent in list(self._under_way.values()):
            if self._in_block.get(sent.hash, 0) > settled:
                continue
            receipt = self._client.receipt(sent.hash)
            if receipt is not None and receipt.block > head:
                continue
            if receipt is not None and self._reads_again(receipt, now):
                continue
            self._in_block.pop(sent.hash, None)
            if receipt is None:
                outcome = LOST if now > sent.lost_at else ""
            elif not receipt.succeeded:
                outcome = self._reason(sent)
            elif receipt.block > settled:
                self._in_block[sent.hash], outcome = receipt.block, ""
            else:
                outcome = "done"
            if outcome:
                self._end(sent.hash, outcome, receipt)

    def _reads_again(self, receipt: Receipt, now: int) -> bool:
        """Whether the index lacks this worker's own events, so that the blocks of a while are read again.

        Without them a ballot that is cast would look as if it were not. A few times only: an RPC may count
        otherwise in receipts than in logs.
        """
        if self._rereads[receipt.transaction] >= REREADS or not self._index.lacks(receipt):
            del self._rereads[receipt.transaction]
            return False
        self._rereads[receipt.transaction] += 1
        log.warning("chain.events_missing", block=receipt.block, transaction=to_hex(receipt.transaction))
        self._index.reread(now - REREAD_SECONDS)
        return True

    def _end(self, transaction: bytes, outcome: str, receipt: Receipt | None = None) -> None:
        self._journal.transactions.end(transaction, outcome)
        sent = self._under_way.pop(transaction, None)
        self._in_block.pop(transaction, None)
        if outcome == LOST:
            self._client.sender.give_up(transaction)
        elif outcome != REFUSED:
            self._client.sender.forget(transaction)
        if sent is None:
            return
        about = {"action": sent.action.value, "voting": to_hex(sent.voting_id), "attempt": sent.attempt}
        cost = {"gas": receipt.gas_used, "fee": receipt.fee} if receipt is not None else {}
        if outcome == "done":
            log.info("transaction.done", **about, **cost)
        else:
            log.warning("transaction.failed", outcome=outcome, **about, **cost)

    def _call(self, facts: VotingFacts, duty: Send) -> bytes:
        about = (workflow_id(facts.workflow), facts.trigger.trigger_id)
        if duty.action is Action.ADVANCE:
            return self._client.advance(*about, duty.pair)
        if facts.me is None or duty.pair is None:
            raise NodeError("a ballot, and a settling, needs an enrolled worker and a pair")
        if duty.action is Action.SETTLE:
            return self._client.settle(*about, duty.pair)
        place = Place(duty.attempt, duty.policy_version, facts.me)
        if duty.action is Action.CAST:
            return self._client.cast(*about, place, duty.pair)
        ballot = (facts.voting_id, duty.attempt, duty.policy_version)
        salt = self._journal.ballots.get(*ballot, with_rows=False).salt
        if duty.action is Action.REVEAL:
            return self._client.reveal(*about, place, duty.pair, {facts.me: salt})
        return self._client.seal(*about, place, self._seal(facts, duty.attempt, facts.me, duty.pair, salt))

    def _seal(self, facts: VotingFacts, attempt: int, me: int, pair: Pair, salt: bytes) -> bytes:
        chain_id, contract = self._client.rpc.chain_id, self._client.contract
        return seal(chain_id, contract, facts.voting_id, attempt, me, pair, salt)

    def _reason(self, sent: Transaction) -> str:
        try:
            self._client.wait(sent.hash)
        except RevertedError as error:
            return error.reason or "failed"
        return "done"


def _patience(policy: Policy, action: Action) -> int:
    """Chain seconds that a transaction may take to get into a block before it counts as lost."""
    if action in {Action.ADVANCE, Action.SETTLE}:
        return LOST_AFTER_SECONDS
    window = policy.reveal_window if action is Action.REVEAL else policy.cast_window
    return min(LOST_AFTER_SECONDS, window // 2)
