"""Ballots on their way: sends what a duty says, and follows each transaction until its fate is known."""

import structlog

from worknet.chain.client import NetworkClient
from worknet.chain.errors import RevertedError
from worknet.node.duties import Send
from worknet.node.errors import NodeError
from worknet.node.facts import Action, VotingFacts
from worknet.node.journal import Journal, Transaction
from worknet.protocol.ballots import Pair, Place, seal
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.policy import Policy

LOST_AFTER_SECONDS = 120
"""Chain time after which a transaction that no block holds is given up, and its duty done anew: at most
this, and less where half of the window for it is less (section 6)."""

REFUSED_PAUSE_SECONDS = 5
"""Chain time before an action is tried again that the contract has refused."""

log = structlog.get_logger()


class Sending:
    """Sends the worker's transactions; remembers which are under way, also across a restart."""

    def __init__(self, client: NetworkClient, journal: Journal) -> None:
        self._client = client
        self._journal = journal
        self._under_way = {sent.hash: sent for sent in journal.waiting_transactions()}
        self._refused: dict[tuple[bytes, Action, int], int] = {}

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
        """Sends the transaction of a duty; `RevertedError` if the contract would refuse it."""
        try:
            transaction = self._call(facts, duty)
        except RevertedError:
            self._refused[facts.voting_id, duty.action, duty.attempt] = facts.now + REFUSED_PAUSE_SECONDS
            raise
        policy = facts.voting.policies[duty.policy_version]
        lost_at = facts.now + _patience(policy, duty.action)
        sent = Transaction(transaction, facts.voting_id, duty.attempt, duty.action, lost_at)
        self._journal.add_transaction(sent)
        self._under_way[transaction] = sent

    def settle(self, head: int, now: int) -> None:
        """Looks what became of the transactions under way; the index must have read up to block `head`."""
        self._refused = {key: until for key, until in self._refused.items() if now < until}
        for sent in list(self._under_way.values()):
            receipt = self._client.receipt(sent.hash)
            if receipt is not None and receipt.block > head:
                continue
            if receipt is None:
                outcome = "lost" if now > sent.lost_at else ""
            else:
                outcome = "done" if receipt.succeeded else self._reason(sent)
            if outcome:
                self._journal.end_transaction(sent.hash, outcome)
                del self._under_way[sent.hash]
            if outcome not in {"", "done"}:
                log.warning(
                    "transaction.failed",
                    action=sent.action.value,
                    outcome=outcome,
                    voting=to_hex(sent.voting_id),
                    attempt=sent.attempt,
                )

    def _call(self, facts: VotingFacts, duty: Send) -> bytes:
        about = (workflow_id(facts.workflow), facts.slot.trigger_id)
        if duty.action is Action.ADVANCE:
            return self._client.advance(*about, duty.pair)
        if facts.me is None or duty.pair is None:
            raise NodeError("a ballot, and a settling, needs an enrolled worker and a pair")
        if duty.action is Action.SETTLE:
            return self._client.settle(*about, duty.pair)
        place = Place(duty.attempt, duty.policy_version, facts.me)
        if duty.action is Action.CAST:
            return self._client.cast(*about, place, duty.pair)
        salt = self._journal.ballot(facts.voting_id, duty.attempt, duty.policy_version).salt
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
