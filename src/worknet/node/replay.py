"""Computes a recorded voting again, from the journal's inputs with the bundle that its policy pinned.

Each attempt has its own: the rows that were read for it, its policy, its salts. What comes out is held
against the journal's pair and this worker's ballot on chain. Nothing is written and nothing is sent.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from worknet.chain.index import NetworkIndex
from worknet.node.bundles import Bundles
from worknet.node.errors import UnknownVoting
from worknet.node.journal import Ballot, Journal
from worknet.node.preparing import unpack
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import Value, to_hex
from worknet.protocol.ids import trigger_of, workflow_id
from worknet.protocol.tables import Kind, Salter
from worknet.tables.differences import Difference
from worknet.workflow.again import Then, compute_again
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Runner


@dataclass(frozen=True)
class Replayed:
    """What came of one attempt. `computed` is the pair now (None: the run gave none), `journalled` that of
    then, `on_chain` this worker's counted ballot (None: none was counted).

    `difference` is the first row that differs; `text` says what differs, and is empty if nothing does. Both
    may hold rows of this worker: they are for its operator, never for a log.
    """

    attempt: int
    policy_version: int
    bundle: bytes
    journalled: Pair
    computed: Pair | None
    on_chain: Pair | None
    text: str = field(default="", repr=False)
    difference: Difference | None = field(default=None, repr=False)

    @property
    def is_same(self) -> bool:
        """Whether all three say the same, the chain as far as it says anything."""
        return not self.text

    def document(self) -> dict[str, Value]:
        """The outcome as a JSON document."""
        return {
            "attempt": self.attempt,
            "policy_version": self.policy_version,
            "bundle": to_hex(self.bundle),
            "same": self.is_same,
            "journalled": _pair_document(self.journalled),
            "computed": _pair_document(self.computed),
            "on_chain": _pair_document(self.on_chain),
            "text": self.text,
            "row": self.difference.document() if self.difference else None,
        }


@dataclass(frozen=True)
class Replayer:
    """What a replay needs: chain and journal, bundles and how they are run, the data keys by their epochs.

    `me` is this worker's index, None if it never had one.
    """

    index: NetworkIndex
    journal: Journal
    bundles: Bundles
    run: Callable[[Bundle], AbstractContextManager[Runner]]
    data_key: Callable[[int], bytes]
    me: int | None

    def replay(self, voting_id: bytes, attempt: int | None = None) -> list[Replayed]:
        """All attempts that this worker has a ballot of, or that one, in order.

        Raises `UnknownVoting` if there is none or its rows were forgotten, `BundleMissing`, `ConfigError` for
        a data key that is missing, and `WorkflowError` where the bundle cannot be run here.
        """
        workflow, trigger_id = self.journal.triggers.get(voting_id)
        places = sorted(self.journal.ballots.prepared(voting_id))
        wanted = [place for place in places if attempt is None or place[0] == attempt]
        if not wanted:
            which = f"attempt {attempt}" if attempt is not None else "any attempt"
            raise UnknownVoting(
                f"the journal holds no ballot of {which} of voting {to_hex(voting_id)}",
                hint="`worknet voting show VOTING --explain` says why this worker had none",
            )
        # All that may be missing is looked for before anything is run.
        ballots = [self._ballot(voting_id, *place) for place in wanted]
        return [self._replayed(ballot, workflow, trigger_id) for ballot in ballots]

    def _ballot(self, voting_id: bytes, attempt: int, policy_version: int) -> Ballot:
        ballot = self.journal.ballots.get(voting_id, attempt, policy_version)
        if not ballot.frames:
            raise UnknownVoting(
                f"the journal no longer holds the rows of attempt {attempt} of voting {to_hex(voting_id)}",
                hint="[journal] keep in node.toml says for how long; ask a worker that keeps them longer",
            )
        return ballot

    def _replayed(self, ballot: Ballot, workflow: str, trigger_id: bytes) -> Replayed:
        policy = self.index.policy(workflow_id(workflow), ballot.policy_version).policy
        salter = Salter(self.data_key(ballot.data_key_epoch), ballot.voting_id, ballot.attempt)
        bundle = self.bundles.get(workflow, policy.bundle_digest)
        with self.run(bundle) as runner:
            again = compute_again(_then(ballot), runner, trigger_of(trigger_id, policy.every), salter)
        text, on_chain = again.text, self._on_chain(ballot)
        if not text and on_chain not in {None, ballot.pair}:
            text = "the ballot on chain is not the one in the journal"
        return Replayed(
            attempt=ballot.attempt,
            policy_version=ballot.policy_version,
            bundle=policy.bundle_digest,
            journalled=ballot.pair,
            computed=again.pair,
            on_chain=on_chain,
            text=text,
            difference=again.difference,
        )

    def _on_chain(self, ballot: Ballot) -> Pair | None:
        """This worker's counted ballot of the attempt, if it voted under that policy there."""
        voting = self.index.voting(ballot.voting_id)
        attempt = voting.attempt(ballot.attempt) if voting is not None else None
        if attempt is None or self.me is None or attempt.policy_version != ballot.policy_version:
            return None
        return attempt.ballots.get(self.me)


def _then(ballot: Ballot) -> Then:
    kinds: dict[str, Kind] = {"dataset": "dataset", "table": "table"}
    frames = {(kinds[kind], name): unpack(content) for (kind, name), content in ballot.frames.items()}
    return Then(ballot.pair, ballot.manifest, frames, ballot.declaration)


def _pair_document(pair: Pair | None) -> dict[str, Value] | None:
    if pair is None:
        return None
    return {"input_root": to_hex(pair.input_root), "result_root": to_hex(pair.result_root)}
