"""What to do about each reason: one or two sentences for the operator who reads them.

Some of it depends on how the voting stands: nothing is advised that can no longer be done.
"""

from collections.abc import Mapping

from worknet.node.causes import Cause
from worknet.node.explaining.finding import Finding, Reason
from worknet.node.explaining.known import Known

ADVICE: Mapping[Finding | Cause, str] = {
    Finding.NEVER_OPENED: (
        "see on each worker why it has no ballot: `worknet node status`; a first ballot opens the voting "
        "at once, until its slot is too old"
    ),
    Finding.PAUSED: (
        "ask the owner; `worknet network resume` lets votings open again, those still young enough too"
    ),
    Finding.TOO_OLD: (
        "the owner may reopen the slot: `worknet network reopen`; a longer `max_age` in the next policy "
        "leaves workers more time"
    ),
    Finding.TOO_FEW: (
        "get the missing workers to vote: each operator sees its own reason with `worknet voting show "
        "NODE_TOML VOTING --explain`"
    ),
    Finding.NEVER_CAST: "ask that operator: only its own worker knows why it had no ballot",
    Finding.NOT_OPENED: (
        "ask that operator whether its worker ran, and could pay, until the reveal window ended; one that "
        "does so often may hold back ballots on purpose"
    ),
    Finding.COPIED_SEAL: (
        "ask both operators; whoever copies seals computes nothing itself, and is a case for the owner"
    ),
    Finding.INPUTS_DIFFER: (
        "compare what was read: `[sharing]` in node.toml, or files by `worknet voting share`, let "
        "`--explain` name datasets, rows and columns; data that came late is often the same in attempt 2"
    ),
    Finding.RESULTS_DIFFER: (
        "the code, or what it runs on, is not deterministic: run `worknet workflow check` on the "
        "workflow, and `worknet replay` on this voting at a worker of each group"
    ),
    Finding.SEVERAL_GROUPS: (
        "where nearly every worker has a pair of its own, look for what differs at each: clocks, random "
        "numbers, the order of rows; `worknet workflow check` finds it"
    ),
    Finding.MEMBERS_GONE: (
        "the owner may reopen the voting, which then has the members of that moment: `worknet network reopen`"
    ),
    Finding.STALLED: (
        "no worker had a ballot for that attempt in time: see each worker's own reasons; a longer `stall` "
        "in the next policy leaves more time; the owner may reopen the voting"
    ),
    Finding.NO_PLURALITY: (
        "settle outside the network which inputs are right, then have the owner reopen the voting"
    ),
    Finding.PLURALITY: (
        "find out why the others disagreed before the next voting: a plurality says so in its record for ever"
    ),
    Finding.OUTVOTED: (
        "compare this worker's inputs and bundle with those of a worker that agreed; `worknet replay` "
        "shows whether it computes the same again"
    ),
    Finding.LOST: (
        "look for `transaction.failed` in the log: mostly the key ran out of funds, or the RPC took the "
        "transaction and lost it; name a second RPC"
    ),
    Finding.SEAL_NOT_OPENED: (
        "keep the worker running until the reveal window has ended: `stop_within` in node.toml, and funds "
        "for two transactions"
    ),
    Finding.FALLBACK_FAILED: (
        "do by hand what was to be done; then mend `[alerts]` or the workflow's `webhooks` in node.toml, or "
        "have the author mend the handler"
    ),
    Finding.DATA_COMPARED: (
        "have the sources of these rows corrected, or read later (`delay` in the policy); the owner may "
        "then reopen the voting"
    ),
    Cause.SOURCE_TIMEOUT: (
        "see that the source answers within the cast window; a longer `cast_window` or a smaller question "
        "helps where it is only slow"
    ),
    Cause.SOURCE_UNAVAILABLE: (
        "bring the source up, or correct its address in node.toml; failed preparations are tried again "
        "while the window lasts"
    ),
    Cause.SOURCE_INCOMPLETE: (
        "have the source deliver the whole window earlier, or the owner announce a longer `delay`"
    ),
    Cause.SOURCE_REFUSED: (
        "check the credentials that node.toml names, and that the source knows what is asked for"
    ),
    Cause.BAD_DATA: (
        "the message names row and column: have the source corrected; the workflow's dataset declares "
        "what it takes"
    ),
    Cause.PARENT_MISSING: (
        "a result that is open yet is waited for, and a longer `delay` in the next policy leaves it time; "
        "where this worker holds no rows of a recorded one, it votes again on the first window of which it "
        "holds all: keep rows for longer than windows are (`[journal]` in node.toml)"
    ),
    Cause.WORKFLOW_FAILED: (
        "what the workflow said is shown here alone, for it may name rows; run it on them with `worknet "
        "workflow run`, and have the source, or the workflow's author, mend it"
    ),
    Cause.WORKFLOW_TIMEOUT: (
        "raise `time_limit` in node.toml if the cast window has room for it, or give the worker a faster "
        "machine"
    ),
    Cause.WORKFLOW_MEMORY: "raise `memory_limit` in node.toml, or give the worker more memory",
    Cause.WORKFLOW_RESULT: (
        "the result does not fit the declared tables, at every worker alike: its author mends the "
        "workflow, and the owner announces the new bundle"
    ),
    Cause.BUNDLE_MISSING: (
        "get the folder with the digest that the policy pins from the owner; `worknet workflow digest` "
        "shows a folder's digest"
    ),
    Cause.DATA_KEY_MISSING: (
        "get the members' data key of the policy's epoch from the owner; `[data_keys]` in node.toml names it"
    ),
    Cause.CHAIN_UNAVAILABLE: "name a second RPC in `[chain]`; `worknet node status` shows which one fails",
    Cause.NOT_IN_TIME: (
        "the ballot was ready and never left: look for `transaction.refused` and `signer.fault` in the "
        "log, and whether the key had funds"
    ),
    Cause.NOT_RUNNING: (
        "run the worker as a service; `worknet node status` says whether it runs, and whether it drains"
    ),
    Cause.NO_FAILOVER: (
        "the workflow's handler decided so: ask its author, or the owner, who may reopen the voting"
    ),
    Cause.FAULT: "please report it, with the lines shown here",
}
"""For every finding and cause; `docs/guides/why-did-my-voting-fail.md` shows each in its case."""

RECORDED: Mapping[Finding | Cause, str] = {
    Finding.DATA_COMPARED: (
        "have the sources of these rows corrected, or read later (`delay` in the policy), before the "
        "next voting"
    ),
    Finding.MEMBERS_GONE: "a later attempt had members enough: nothing is left to do",
    Cause.NO_FAILOVER: "the workflow's handler decided so, and others decided the voting: ask its author",
}
"""Instead, of a voting that is recorded: none can reopen it."""
WITHOUT_ROWS: Mapping[Finding | Cause, str] = {
    Finding.INPUTS_DIFFER: (
        "this worker no longer holds what it read: members that do may compare theirs with `worknet voting "
        "share`; data that came late is often the same in attempt 2"
    ),
    Finding.RESULTS_DIFFER: (
        "the code, or what it runs on, is not deterministic: run `worknet workflow check` on the workflow; "
        "this worker no longer holds the rows to run the voting again"
    ),
    Finding.OUTVOTED: (
        "compare this worker's bundle and machine with those of a worker that agreed; it no longer holds the "
        "rows to run the voting again"
    ),
}
"""Instead, where this worker's ballots of these attempts are held without their rows."""
BALLOTS_MISSING: Mapping[Finding | Cause, str] = {
    Finding.NO_PLURALITY: (
        "get the missing workers to vote, then have the owner reopen the voting; with a lower `threshold` in "
        "the next policy fewer must vote"
    ),
}
"""Instead, where fewer ballots were counted than a plurality needs, whatever they say."""


def advice_on(reason: Reason, known: Known) -> str:
    """What to do about the reason, as the voting stands."""
    voting = known.voting
    ballots = () if known.own is None else known.own.ballots
    without_rows = {ballot.attempt for ballot in ballots if not ballot.has_rows}
    instead: Mapping[Finding | Cause, str] = {}
    if voting.recorded is not None:
        instead = {**instead, **RECORDED}
    if reason.attempts and without_rows.issuperset(reason.attempts):
        instead = {**instead, **WITHOUT_ROWS}
    if voting.attempts and len(voting.current.ballots) < voting.current.needed:
        instead = {**instead, **BALLOTS_MISSING}
    return instead.get(reason.about, ADVICE[reason.about])
