"""What a worker notes of itself step by step, so that its status can be told at once from any thread."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from worknet.chain.client import NetworkClient
from worknet.chain.gas import GAS_LIMITS
from worknet.node.causes import Cause
from worknet.node.operations.status import Endpoint, Status, WorkflowState
from worknet.node.view import View
from worknet.protocol.canonical import to_hex

FUNDS_SECONDS = 60.0
"""How often the key's balance is asked for."""


@dataclass(frozen=True)
class _Note:
    """One moment; replaced whole, so that every thread sees one that is whole."""

    view: View | None = None
    stepped: float = 0.0
    head_since: float = 0.0
    chain_fault: str = ""
    signer_fault: str = ""
    journal_fault: str = ""
    last_error: str = ""
    balance: int | None = None
    needed: int = 0
    workflows: dict[str, WorkflowState] = field(default_factory=dict)


class Vitals:
    """The vital signs of one worker."""

    def __init__(self, client: NetworkClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._key = client.signer.address if client.signer else b""
        self._clock = clock
        self._began = clock()
        self._note = _Note(stepped=self._began)
        self._funds_asked = -FUNDS_SECONDS

    def stepped(self, view: View) -> None:
        """A step has been done to its end, on this view of the chain."""
        now, old = self._clock(), self._note
        moved = old.view is None or (old.view.head, old.view.now) != (view.head, view.now)
        since = now if moved else old.head_since
        if now - self._funds_asked >= FUNDS_SECONDS:
            self._ask_funds(now)
        self._note = replace(
            self._note,
            view=view,
            stepped=now,
            head_since=since,
            chain_fault="",
            signer_fault="",
            journal_fault="",
        )

    def rested(self) -> None:
        """There was no reason for a step: the chain answered, and stands where it stood."""
        self._note = replace(self._note, stepped=self._clock())

    def failed(self, *, chain: str = "", signer: str = "", journal: str = "") -> None:
        """A step has ended with a fault, which the next may not have."""
        self._note = replace(
            self._note,
            stepped=self._clock(),
            chain_fault=chain,
            signer_fault=signer,
            journal_fault=journal,
            last_error=chain or signer or journal,
        )

    def governed(self, workflow: str, version: int) -> None:
        """This version of the workflow's policy is in force."""
        state = self._note.workflows.get(workflow, WorkflowState(workflow))
        self._set(replace(state, policy_version=version))

    def prepared(self, workflow: str, cause: Cause | None, message: str) -> None:
        """A preparation has given a ballot (`cause` None), or has failed."""
        state = self._note.workflows.get(workflow, WorkflowState(workflow))
        lacks_bundle, lacks_key = cause is Cause.BUNDLE_MISSING, cause is Cause.DATA_KEY_MISSING
        if cause is None or lacks_bundle or lacks_key:
            bundle, key = (message if lacks else "" for lacks in (lacks_bundle, lacks_key))
            self._set(replace(state, bundle_missing=bundle, data_key_missing=key))
        if cause is not None:
            self._note = replace(self._note, last_error=f"{cause}: {message}")

    def status(self) -> Status:
        """What is known, as far as it is noted here."""
        note, now = self._note, self._clock()
        known = Status(
            uptime=now - self._began,
            step_age=now - note.stepped,
            has_looked=note.view is not None,
            chain_fault=note.chain_fault,
            endpoints=tuple(Endpoint(each.shown_url, each.fault) for each in self._client.rpc.endpoints()),
            worker=to_hex(self._key),
            signer_fault=note.signer_fault,
            journal_fault=note.journal_fault,
            last_error=note.last_error,
            balance=note.balance,
            needed=note.needed,
            workflows=tuple(note.workflows[name] for name in sorted(note.workflows)),
        )
        if note.view is None:
            return known
        return replace(
            known,
            head=note.view.head,
            head_time=note.view.now,
            head_age=now - note.head_since,
            index=note.view.me,
            role=note.view.role.name.lower(),
            holds_key=note.view.holds_key or note.view.me is None,
            is_paused=note.view.is_paused,
        )

    def _set(self, state: WorkflowState) -> None:
        self._note = replace(self._note, workflows={**self._note.workflows, state.name: state})

    def _ask_funds(self, now: float) -> None:
        """What the key has, and what the transactions of one sealed ballot cost at most today."""
        self._funds_asked = now
        balance = self._client.rpc.balance(self._key)
        price = self._client.rpc.gas_price()
        needed = price * (GAS_LIMITS["seal"] + GAS_LIMITS["reveal"])
        self._note = replace(self._note, balance=balance, needed=needed)
