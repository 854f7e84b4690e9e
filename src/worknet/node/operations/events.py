"""Everything that a worker tells: each event's levels, its meaning, and the fields that it may have.

The log writes no field that is not named here, so that a secret, a row or a whole address that a call hands
over by mistake does not get into it. A test holds this list against the calls in the code, and
`docs/guides/operations.md` against this list.
"""

from collections.abc import Mapping
from dataclasses import dataclass

VOTING = ("workflow", "slot", "trigger", "voting", "attempt")
"""The fields by which an event names a voting: of interval workflows the slot's start, of others the trigger.
"""

LONGEST = 2000
"""How many characters of a text are written."""


@dataclass(frozen=True)
class Told:
    """One event: at which levels it is told, what it means, and which fields it may have."""

    levels: tuple[str, ...]
    meaning: str
    fields: tuple[str, ...] = ()


_ERRAND = ("workflow", "voting", "attempt", "when", "action", "tries")
"""The fields by which an event names what a handler decided on."""


def _info(meaning: str, *fields: str) -> Told:
    return Told(("info",), meaning, fields)


def _warning(meaning: str, *fields: str) -> Told:
    return Told(("warning",), meaning, fields)


def _error(meaning: str, *fields: str) -> Told:
    return Told(("error",), meaning, fields)


EVENTS: Mapping[str, Told] = {
    # The worker itself.
    "worker.started": _info("the worker has opened all it needs and begins its loop", "config", "version"),
    "worker.stopping": _info(
        "it was told to stop: it begins nothing new, and finishes what is sealed", "within"
    ),
    "worker.stopped": _info("it has stopped in order"),
    "worker.enrolled": _info("the network has its key", "worker", "role"),
    "worker.not_enrolled": _info("the network does not have its key", "worker", "role"),
    "worker.key_rotated": _info("its operator has put another key in its place", "worker", "role"),
    "worker.ready": _info("it could vote now"),
    "worker.not_ready": _warning(
        "it could not vote now, for these reasons; told again with `lasting` (seconds) when that has lasted "
        "for `[health] not_ready_for`",
        "reasons",
        "lasting",
    ),
    "worker.balance_low": _warning(
        "its key has less than `[health] balance_low`, in wei", "balance", "below"
    ),
    "worker.journal_failed": _error(
        "the journal cannot be read or written: the worker stops", "error", "hint"
    ),
    "journal.fault": _warning(
        "the journal, or the index beside it, cannot be read or written now; it is tried again",
        "error",
        "hint",
    ),
    "journal.migrating": _info("the journal's tables are brought to a newer form", "format", "to"),
    "journal.rows_forgotten": _info(
        "rows behind ballots that are older than `[journal] keep` were deleted", "tables", "votings"
    ),
    "journal.not_durable": _warning(
        "the PostgreSQL server may lose what it says it has written: this setting of it",
        "setting",
        "value",
        "journal",
    ),
    "worker.rival": _error(
        "another worker votes with the same key: this one stops, with exit code 3",
        "voting",
        "attempt",
        "transaction",
        "block",
    ),
    "worker.foreign_transactions": _warning(
        "its key has sent transactions that this journal does not know: so many in blocks, so many waiting",
        "mined",
        "waiting",
    ),
    "worker.take_over": _warning(
        "it answers for what voted with its key before, and waits whether another worker goes on",
        "time",
        "waits",
    ),
    "worker.draining": _info("an admin has told it to begin no new votings"),
    "worker.resumed": _info("an admin has told it to begin new votings again"),
    # Ballots.
    "ballot.prepared": _info("a ballot is in the journal, ready to be sent", *VOTING, "seconds"),
    "ballot.none": _warning(
        "a preparation gave no ballot, for this cause; it is tried again in `retry_in` seconds",
        *VOTING,
        "cause",
        "error",
        "hint",
        "retry_in",
    ),
    "ballot.cast": _info("a transaction with an open ballot was sent", *VOTING),
    "ballot.sealed": _info("a transaction with a sealed ballot was sent", *VOTING),
    "ballot.revealed": _info("a transaction that opens its seal was sent", *VOTING),
    "ballot.outcome": Told(
        ("info", "warning"),
        "what became of its ballot in an attempt; a warning for not cast, lost and outvoted",
        ("workflow", "voting", "attempt", "outcome", "cause"),
    ),
    # Votings.
    "voting.settled": _info("a transaction was sent that has the leading pair recorded", *VOTING),
    "voting.advanced": _info("a transaction was sent that applies the time which ends the voting", *VOTING),
    "voting.recorded": Told(
        ("info", "warning"),
        "the voting is over with a record; a warning where a plurality decided",
        (*VOTING, "how", "part", "ballots"),
    ),
    "voting.repeated": _warning(
        "an attempt brought no consensus, and the attempt `next` may open; `explanation` says in lines why",
        *VOTING,
        "next",
        "explanation",
    ),
    "voting.unresolved": _error(
        "the voting ended without consensus: pairs by worker indices, whose ballots are missing, and in "
        "lines why, as `worknet voting show --explain` says in full",
        *VOTING,
        "tally",
        "missing",
        "explanation",
    ),
    "voting.fault": _warning("what the chain tells of one voting makes no sense", *VOTING, "error", "hint"),
    # Fallbacks.
    "fallback.handled": Told(
        ("info", "warning"),
        "it is decided what is done at this moment (`when`), by the workflow's handler or by default; a "
        "warning where the handler failed for good",
        (*VOTING, "when", "by", "actions", "error"),
    ),
    "fallback.handler_failed": _warning(
        "the workflow's handler failed, for this cause; it is run again in `retry_in` seconds",
        *VOTING,
        "when",
        "cause",
        "error",
        "hint",
        "retry_in",
    ),
    "fallback.refused": _warning(
        "the handler decided on what the policy does not allow, or on what node.toml does not configure",
        *VOTING,
        "when",
        "action",
        "error",
    ),
    "fallback.done": _info("an alert or webhook of a handler has gone out", *_ERRAND),
    "fallback.failed": _warning(
        "an alert or webhook of a handler failed; it is tried again in `retry_in` seconds",
        *_ERRAND,
        "error",
        "retry_in",
    ),
    "fallback.given_up": _error(
        "an alert or webhook of a handler was tried as often as is allowed, or can no longer be done",
        *_ERRAND,
        "error",
    ),
    # Statements.
    "statement.shared": _info(
        "its statement on an attempt whose ballots differ is on all channels", *VOTING, "told"
    ),
    "statement.taken": _info(
        "a statement of another worker was taken, and holds; `explanation` says in lines what differs from "
        "this worker's own inputs and result",
        *VOTING,
        "worker",
        "explanation",
    ),
    "statement.refused": _warning(
        "a statement does not hold, or a place of one cannot be read", *VOTING, "where", "reason"
    ),
    "statement.fault": _warning(
        "statements cannot be shared or gathered now; it is tried again", *VOTING, "where", "error"
    ),
    # Publications.
    "publication.made": _info("the evidence of a recorded voting was published, with its manifest", *VOTING),
    "publication.fault": _warning(
        "something cannot be published now; it is tried again, and told once for each text",
        "workflow",
        "where",
        "error",
    ),
    # Transactions.
    "transaction.done": _info(
        "a transaction is in a block, deep enough; `fee` is in wei",
        "action",
        "voting",
        "attempt",
        "gas",
        "fee",
    ),
    "transaction.refused": _warning(
        "the contract would refuse a transaction, by this rule: it was not sent", *VOTING, "action", "rule"
    ),
    "transaction.failed": _warning(
        "a transaction is lost, or the contract has refused it",
        "action",
        "outcome",
        "voting",
        "attempt",
        "gas",
        "fee",
    ),
    "transaction.replaced": _info(
        "a transaction that waits too long was sent again with a higher fee", "nonce", "wei_per_gas", "was"
    ),
    "transaction.nonce_taken": _warning(
        "another transaction of the key stands where this one was to", "nonce", "transaction"
    ),
    # The chain.
    "chain.fault": _warning("the chain cannot be read; told once for each text", "error", "hint"),
    "chain.endpoint_fault": _warning("one of the chain's servers is not used for now", "endpoint", "cause"),
    "chain.endpoint_well": _info("one of the chain's servers is used again", "endpoint"),
    "chain.events_missing": _warning(
        "the chain's server left out events of this worker's own transaction: they are read again",
        "block",
        "transaction",
    ),
    "chain.strange_time": _warning(
        "the head's time is not what the machine's clock lets expect", "endpoint", "cause"
    ),
    "chain.usual_time": _info("the head's time is as expected again", "endpoint"),
    "signer.fault": _warning("the key's signer does not sign", "error", "hint"),
    # What the policies name.
    "bundle.missing": _warning("no bundle here has this digest", "workflow", "digest", "error", "hint"),
    "bundle.found": _info("a bundle was found, and is kept", "workflow", "digest", "where"),
    "data_key.missing": _warning("the data key of this epoch is not here", "epoch", "error", "hint"),
    "data_key.found": _info("the data key of this epoch is here now", "epoch"),
    "policy.not_ready": _warning(
        "this worker cannot vote under an announced policy: its bundle does not run here, or the data key is "
        "another",
        "workflow",
        "start",
        "digest",
        "error",
        "hint",
    ),
    "policy.ready": _info("it can vote under that policy now", "workflow", "start", "digest"),
    # What arrives.
    "inbox.taken": Told(
        ("debug", "info", "warning"),
        "messages of a dataset were journalled and acknowledged, so many of each kind",
        (
            "workflow",
            "dataset",
            "accepted",
            "duplicate",
            "late",
            "conflict",
            "malformed",
            "too_old",
            "marker",
            "reason",
        ),
    ),
    "inbox.purged": _info("rows older than `keep` were removed", "workflow", "dataset", "rows"),
    "event.seen": _info("an event was journalled: a new voting", "workflow", "kind", "trigger"),
    "event.conflict": _warning(
        "an event that is known came again with another payload; the first one counts",
        "workflow",
        "kind",
        "trigger",
    ),
    "event.duplicates": Told(
        ("debug", "info"), "events came again, with the same payload", ("workflow", "kind", "count")
    ),
    "event.set_aside": _warning("what came is no event, for this reason", "workflow", "kind", "reason"),
    "webhook.refused": _warning(
        "webhooks' requests were refused, so many by now; told at most once a second",
        "workflow",
        "status",
        "reason",
        "refused",
    ),
    "log.reorganised": _error(
        "blocks were replaced below those that were read", "workflow", "block", "depth"
    ),
    "ingest.fault": _warning("a feed is down; it is tried again for ever", "inlet", "fault"),
    "ingest.recovered": _info("a feed is up again", "inlet"),
    # Operations.
    "admin.refused": _warning("a request to the admin API had no key, or a wrong one", "path", "refused"),
    "admin.retry": _info("an admin has asked for a failed preparation now", "voting"),
    "alert.sent": _info("an alert was handed to its channels", "about", "workflow", "times"),
    "alert.failed": _warning(
        "an alert could not be handed to all its channels", "about", "workflow", "error"
    ),
    "alert.dropped": _warning("alerts come faster than they can be sent: so many were left out", "count"),
}
"""Every event by its name."""
