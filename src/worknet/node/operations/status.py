"""A worker's state at one moment, and what follows from it: whether it lives, and why it is not ready. Pure.

A snapshot holds ages, not times, so that what follows from it needs no clock. Texts hold no secret: servers
are named by their address alone, faults in the words of worknet's own errors.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from worknet import __version__
from worknet.config.operations import HealthSection


@dataclass(frozen=True)
class Endpoint:
    """One of the chain's RPC servers: its address without path and credentials, and why it is not used now
    (empty: it is)."""

    address: str
    fault: str = ""


@dataclass(frozen=True)
class FeedState:
    """A broker, webhook, poll or log that brings messages in: for a dataset, or a workflow's trigger.

    `down_for` is for how many seconds it has had its fault, 0 without one.
    """

    workflow: str
    name: str
    kind: str
    fault: str = ""
    down_for: float = 0.0


@dataclass(frozen=True)
class WorkflowState:
    """One workflow: its policy's version in force (0: none yet), and what it names that this worker lacks."""

    name: str
    policy_version: int = 0
    bundle_missing: str = ""
    data_key_missing: str = ""


@dataclass(frozen=True)
class Status:
    """What a worker knows of itself. Every field has a value that says nothing is known, or nothing wrong.

    `step_age` is since when the loop has not ended a step, in seconds; `head_age` since when the chain's head
    has been the same, as this worker saw it (not by the block's own time, which a development chain sets).
    `chain_fault` says why the last step could not read the chain. `index` is this worker's, None if it has
    none; `role` is active, standby or none; of a key that was rotated out `holds_key` is false. `balance` is
    the key's, in wei, `needed` what the transactions of one ballot cost at most now. `in_flight` counts the
    transactions whose fate is not known, `preparing` the preparations under way, `handling` the fallback
    handlers that run, `errands` the alerts and webhooks of theirs that are not over, `open_votings` those
    votings that this worker still has something to do about. `disk_free` is of the disk that holds data_dir.
    """

    version: str = __version__
    uptime: float = 0.0
    step_age: float = 0.0
    has_looked: bool = False
    chain_fault: str = ""
    head: int = 0
    head_time: int = 0
    head_age: float = 0.0
    endpoints: tuple[Endpoint, ...] = ()
    worker: str = ""
    index: int | None = None
    role: str = "none"
    holds_key: bool = True
    signer_fault: str = ""
    balance: int | None = None
    needed: int = 0
    journal_fault: str = ""
    journal_bytes: int = 0
    disk_free: int | None = None
    log_fault: str = ""
    feeds: tuple[FeedState, ...] = ()
    workflows: tuple[WorkflowState, ...] = ()
    preparing: int = 0
    handling: int = 0
    errands: int = 0
    open_votings: int = 0
    in_flight: int = 0
    last_error: str = ""
    is_paused: bool = False
    draining: bool = False
    stopping: bool = False

    def document(self) -> dict[str, object]:
        """As JSON has it; amounts in wei are texts, since JSON's numbers are not exact everywhere."""
        amounts = {"balance": self.balance, "needed": self.needed}
        ages = {"uptime": self.uptime, "step_age": self.step_age, "head_age": self.head_age}
        return {
            **asdict(self),
            **{name: None if wei is None else str(wei) for name, wei in amounts.items()},
            **{name: round(seconds, 1) for name, seconds in ages.items()},
        }


class Unready(StrEnum):
    """Why a worker is not ready to vote, in few words; details stand beside it."""

    STARTING = "starting"
    """The worker has not seen the chain yet."""
    STOPPING = "stopping"
    """The worker was told to stop, and finishes what is cast."""
    DRAINING = "draining"
    """The worker was told to begin no new votings."""
    STUCK = "loop stuck"
    """The worker's loop has not ended a step for too long."""
    CHAIN_UNREACHABLE = "chain unreachable"
    """The chain cannot be read, at none of its endpoints."""
    CHAIN_STALE = "chain stale"
    """The chain's head has not moved for too long."""
    NOT_ENROLLED = "key not enrolled"
    """The network does not have this worker's key, or has another in its place."""
    SIGNER = "signer failing"
    """The key cannot sign: an external signer that does not answer."""
    NO_FUNDS = "key without funds"
    """The key cannot pay for the transactions of one ballot."""
    JOURNAL = "journal failing"
    """The journal cannot be read or written."""
    DISK = "disk nearly full"
    """The disk of data_dir has less room than `[health] disk_low`."""
    LOG = "log failing"
    """The log's file cannot be written."""
    BUNDLE = "bundle missing"
    """No bundle here has the digest that the policy in force pins."""
    DATA_KEY = "data key missing"
    """No data key here is the one that the policy in force commits to."""
    FEED = "feed down"
    """A broker, webhook, poll or log has not been read for longer than `[health] feed_down`."""


@dataclass(frozen=True)
class Reason:
    """One reason why a worker is not ready, with its detail, which may be empty."""

    kind: Unready
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else str(self.kind)


def lives(status: Status, limits: HealthSection) -> bool:
    """Whether the worker's loop turns. A worker that does not live is to be restarted."""
    return status.step_age <= limits.stuck


def readiness(status: Status, limits: HealthSection) -> list[Reason]:
    """Why the worker could not vote now; empty if it is ready."""
    return [*_of_process(status, limits), *_of_chain(status, limits), *_of_workflows(status, limits)]


def _of_process(status: Status, limits: HealthSection) -> Iterator[Reason]:
    if status.stopping:
        yield Reason(Unready.STOPPING)
    elif status.draining:
        yield Reason(Unready.DRAINING, "begins no new votings until it is resumed")
    if not lives(status, limits):
        yield Reason(Unready.STUCK, f"no step for {status.step_age:.0f} s")
    if status.journal_fault:
        yield Reason(Unready.JOURNAL, status.journal_fault)
    if status.disk_free is not None and status.disk_free < limits.disk_low:
        yield Reason(Unready.DISK, f"{status.disk_free >> 20} MiB left")
    if status.log_fault:
        yield Reason(Unready.LOG, status.log_fault)


def _of_chain(status: Status, limits: HealthSection) -> Iterator[Reason]:
    if status.chain_fault:
        yield Reason(Unready.CHAIN_UNREACHABLE, status.chain_fault)
    elif not status.has_looked:
        yield Reason(Unready.STARTING)
    elif status.head_age > limits.head_stale:
        yield Reason(Unready.CHAIN_STALE, f"block {status.head} for {status.head_age:.0f} s")
    if status.has_looked and not status.holds_key:
        yield Reason(Unready.NOT_ENROLLED, "the operator has put another key in its place")
    elif status.has_looked and status.role == "none":
        yield Reason(Unready.NOT_ENROLLED, status.worker)
    if status.signer_fault:
        yield Reason(Unready.SIGNER, status.signer_fault)
    if status.balance is not None and (status.balance < status.needed or status.balance == 0):
        yield Reason(Unready.NO_FUNDS, f"{status.balance} wei, and a ballot may cost {status.needed}")


def _of_workflows(status: Status, limits: HealthSection) -> Iterator[Reason]:
    for workflow in status.workflows:
        if workflow.bundle_missing:
            yield Reason(Unready.BUNDLE, f"{workflow.name}: {workflow.bundle_missing}")
        if workflow.data_key_missing:
            yield Reason(Unready.DATA_KEY, f"{workflow.name}: {workflow.data_key_missing}")
    for feed in status.feeds:
        if feed.fault and feed.down_for > limits.feed_down:
            where = f"{feed.workflow}/{feed.name} ({feed.kind}) for {feed.down_for:.0f} s"
            yield Reason(Unready.FEED, f"{where}: {feed.fault}")
