"""What an explanation is made from: the voting as the chain tells it, and what one worker knows beside it.

An outsider has the public part alone. Whoever gathers it stands in `node.knowing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from worknet.chain.index_members import IndexedMember
from worknet.node.causes import Cause
from worknet.protocol.ballots import Pair
from worknet.protocol.differences import Difference
from worknet.protocol.ids import Slot, Trigger
from worknet.protocol.tables import Kind
from worknet.protocol.voting import Voting


@dataclass(frozen=True)
class TableRoot:
    """A dataset or result table behind a ballot: how many rows, and their root; None without the data key,
    or for a dataset that is in no root (`committed` is false): it may differ between workers."""

    kind: Kind
    name: str
    rows: int
    root: bytes | None = None
    committed: bool = True


@dataclass(frozen=True)
class OwnBallot:
    """A ballot that the worker's journal holds; `tables` are what is behind it, none if that is no longer
    held (`has_rows` is false), or was not asked for."""

    attempt: int
    policy_version: int
    pair: Pair
    tables: tuple[TableRoot, ...] = ()
    has_rows: bool = True


@dataclass(frozen=True)
class OwnFailure:
    """A preparation of this worker that failed. `message` says nothing of rows; `detail` may, and is for the
    operator's eyes: what the workflow itself said."""

    attempt: int
    cause: Cause
    message: str
    detail: str = field(default="", repr=False)


@dataclass(frozen=True)
class Act:
    """An action of a fallback: its kind, what it is about if that is not plain (a webhook's name), its state,
    and why it failed or was refused."""

    kind: str
    about: str
    state: str
    error: str = ""


@dataclass(frozen=True)
class Handled:
    """What the node did where no attempt brought a consensus: by whose decision (the workflow's handler, or
    the default; "" before it is decided), and each action. `fault` says why the handler failed last."""

    when: str
    attempt: int
    by: str
    acts: tuple[Act, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class Compared:
    """What other members told of one attempt, against this worker's own inputs and result.

    `refused` are statements that could not be used: where they came from, and why. `absent` are members that
    voted and of which there is none.
    """

    attempt: int
    differences: tuple[Difference, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    absent: tuple[int, ...] = ()


@dataclass(frozen=True)
class Own:
    """What one worker knows of the voting beside the chain. `sent` are the attempts of which a transaction
    with its ballot was ever sent."""

    me: int
    failures: tuple[OwnFailure, ...] = ()
    ballots: tuple[OwnBallot, ...] = ()
    sent: frozenset[int] = frozenset()
    handled: tuple[Handled, ...] = ()


@dataclass(frozen=True)
class Known:
    """Everything that is known of one voting.

    `workflow` is its name, "" where only its id is known; `trigger` None for a voting of which nothing tells
    what started it. `voting` is at the time `now`, the newest block's. `members` are all worker indices of
    the network as they are now. `reopened` are the numbers of the attempts that the owner has allowed.
    `refused` are statements that were handed over and are about none of the attempts in `compared`: where
    they came from, and why.
    """

    voting_id: bytes
    workflow: str
    trigger: Trigger | None
    voting: Voting
    now: int
    policy_version: int = 1
    members: tuple[IndexedMember, ...] = ()
    is_paused: bool = False
    reopened: tuple[int, ...] = ()
    own: Own | None = None
    compared: tuple[Compared, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def due(self) -> int | None:
        """When its slot is due under the policy; None for a voting on an event, or without a policy."""
        policy = self.voting.policies.get(self.policy_version)
        return self.trigger.due(policy.delay) if policy and isinstance(self.trigger, Slot) else None

    @property
    def by_index(self) -> Mapping[int, IndexedMember]:
        """The members by their index."""
        return {member.index: member for member in self.members}
