"""Which rule of an audit a fact breaks that the protocol's fold refuses."""

from worknet.protocol.errors import ProtocolError
from worknet.protocol.voting import Fact, FactError, Opened, Reopened, Reported

_BY_REASON = {
    "votings: already recorded": "record.once",
    "votings: not open": "voting.open",
    "votings: other policy": "attempt.policy",
    "votings: too few workers": "attempt.members",
    "votings: ballots are sealed": "ballot.kind",
    "votings: ballots are open": "ballot.kind",
    "votings: not casting": "ballot.time",
    "votings: not revealing": "ballot.time",
    "votings: not a member": "ballot.member",
    "votings: already cast": "ballot.once",
    "votings: nothing to reveal": "ballot.opens",
    "votings: participant not member": "report.workers",
    "votings: voter not participant": "report.workers",
    "votings: signer not voter": "report.workers",
    "votings: too few signatures": "report.signatures",
    "votings: cast window not over": "report.time",
    "votings: voter of other pair": "report.ballots",
    "votings: not settling": "record.consensus",
    "votings: not the leading pair": "record.pair",
    "votings: not unresolved": "attempt.reopening",
    "votings: too many attempts": "attempt.reopening",
}


def rule_of(fact: Fact, error: ProtocolError) -> str:
    """The rule that is broken where the fold refuses a fact with this error."""
    reason = str(error)
    if isinstance(fact, Reopened):
        return "attempt.reopening"
    if reason == "votings: other attempt":
        return "attempt.order" if isinstance(fact, Opened) else "ballot.place"
    if isinstance(fact, Reported) and reason == "votings: not casting":
        return "report.time"
    if isinstance(error, FactError):
        return "attempt.members"
    return _BY_REASON[reason]
