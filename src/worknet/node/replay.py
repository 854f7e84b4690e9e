"""Computes a recorded voting again, from the journal's inputs with the bundle that its policy pinned.

Each attempt has its own: the rows that were read for it, its policy, its salts. What comes out is held
against the journal's pair and this worker's ballot on chain. Nothing is written and nothing is sent.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import polars as pl

from worknet.chain.index import NetworkIndex
from worknet.node.bundles import Bundles
from worknet.node.errors import UnknownVoting
from worknet.node.journal import Ballot, Journal
from worknet.node.preparing import unpack
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import Value, decode, encode, to_hex
from worknet.protocol.ids import Trigger, trigger_of, workflow_id
from worknet.protocol.tables import Kind, Salter
from worknet.tables.differences import Difference, first_difference
from worknet.workflow import Declaration
from worknet.workflow.errors import NotIsolatedError, RunnerError
from worknet.workflow.folder import Bundle
from worknet.workflow.roots import commit_inputs, commit_result
from worknet.workflow.runner import Outcome, Runner


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
            again = _Again(ballot, runner, trigger_of(trigger_id, policy.every), salter)
            computed, text, difference = again.compute()
        on_chain = self._on_chain(ballot)
        if not text and on_chain not in {None, ballot.pair}:
            text = "the ballot on chain is not the one in the journal"
        return Replayed(
            attempt=ballot.attempt,
            policy_version=ballot.policy_version,
            bundle=policy.bundle_digest,
            journalled=ballot.pair,
            computed=computed,
            on_chain=on_chain,
            text=text,
            difference=difference,
        )

    def _on_chain(self, ballot: Ballot) -> Pair | None:
        """This worker's counted ballot of the attempt, if it voted under that policy there."""
        voting = self.index.voting(ballot.voting_id)
        attempt = voting.attempt(ballot.attempt) if voting is not None else None
        if attempt is None or self.me is None or attempt.policy_version != ballot.policy_version:
            return None
        return attempt.ballots.get(self.me)


@dataclass(frozen=True)
class _Again:
    """One ballot, computed again."""

    ballot: Ballot
    runner: Runner
    trigger: Trigger
    salter: Salter

    def compute(self) -> tuple[Pair | None, str, Difference | None]:
        """The pair now; what differs from then, in words, and the first row that does."""
        declaration = self.runner.declaration
        if encode(declaration.document()) != self.ballot.declaration:
            return None, "the bundle declares something else than then", None
        datasets = self._frames("dataset")
        inputs = commit_inputs(declaration, datasets, self.salter)
        if inputs.root != self.ballot.pair.input_root:
            why = "the journal's rows do not give its input root: the journal or the data key was changed"
            return Pair(inputs.root, self.ballot.pair.result_root), why, None
        try:
            outcome = self.runner.run(datasets, self.trigger.window)
        except NotIsolatedError:
            raise
        except RunnerError as error:
            return None, f"then there was a result, now there is none: {error}", None
        result = commit_result(declaration, self.runner.bundle, self.trigger, outcome, self.salter)
        pair = Pair(inputs.root, result.root)
        if pair == self.ballot.pair:
            return pair, "", None
        difference = self._first_row(declaration, outcome)
        if difference is not None:
            return pair, difference.text(), difference
        return pair, _manifests(self.ballot.manifest, encode(result.manifest.document())), None

    def _frames(self, kind: Kind) -> dict[str, pl.DataFrame]:
        return {name: unpack(content) for (of, name), content in self.ballot.frames.items() if of == kind}

    def _first_row(self, declaration: Declaration, outcome: Outcome) -> Difference | None:
        then = self._frames("table")
        found = (
            first_difference("table", table.name, table.schema, then[table.name], outcome.tables[table.name])
            for table in declaration.tables
        )
        return next((difference for difference in found if difference is not None), None)


def _manifests(then: bytes, now: bytes) -> str:
    """What differs between two manifests: of the summary its first name, else the manifest's."""
    one, two = decode(then), decode(now)
    for part in sorted(one):
        if one[part] == two[part]:
            continue
        if part != "summary":
            return f"the manifest differs in {part}"
        name = min(
            key for key in one[part].keys() | two[part].keys() if one[part].get(key) != two[part].get(key)
        )
        return f"summary, {name}: {one[part].get(name)!r}, then {two[part].get(name)!r}"
    return "the journal's result does not give its result root: the journal or the data key was changed"


def _pair_document(pair: Pair | None) -> dict[str, Value] | None:
    if pair is None:
        return None
    return {"input_root": to_hex(pair.input_root), "result_root": to_hex(pair.result_root)}
