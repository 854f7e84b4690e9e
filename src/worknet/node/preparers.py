"""The preparers of one workflow, one for each version of its bundle, chosen by the digest that a policy pins.

Open votings go on under the policy under which they opened, so that several versions may be at work at once.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from worknet.config import ConfigError
from worknet.node.bundles import Bundles
from worknet.node.errors import BundleMissing, BundleUnusable, DataKeyMismatch, NodeError
from worknet.node.preparing import Preparer
from worknet.protocol.canonical import to_hex
from worknet.protocol.policy import Policy
from worknet.workflow.errors import RunnerError, WorkflowError
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Runner

LOOK_AGAIN_SECONDS = 60.0
"""How often is looked for what an announced policy pins and is not here yet."""

log = structlog.get_logger()


@dataclass(frozen=True)
class _Version:
    """A version at work."""

    runner: Runner
    preparer: Preparer


class Preparers:
    """A workflow's preparers; safe to use from several threads.

    `run` makes a bundle's runner, `make` a runner's preparer, for the datasets that its workflow reads.
    """

    def __init__(
        self,
        workflow: str,
        bundles: Bundles,
        run: Callable[[Bundle], Runner],
        make: Callable[[Runner], Preparer],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workflow, self._bundles, self._run, self._make = workflow, bundles, run, make
        self._clock = clock
        self._versions: dict[bytes, _Version] = {}
        self._making: defaultdict[bytes, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()
        self._closed = False
        self._ready: set[Policy] = set()
        self._told: dict[Policy, str] = {}
        self._looking: threading.Thread | None = None
        self._look_at = 0.0

    def of(self, policy: Policy) -> Preparer:
        """The preparer of the bundle that this policy pins, which is fetched and started if need be.

        That may take a while: not for the main loop. Raises `BundleMissing`, and `BundleUnusable`, whose
        `__cause__` is what is wrong with the bundle here.
        """
        digest = policy.bundle_digest
        with self._making[digest]:
            version = self._versions.get(digest)
            if version is None:
                version = self._made(self._bundles.get(self._workflow, digest))
                with self._lock:
                    if self._closed:
                        version.preparer.close()
                    else:
                        self._versions[digest] = version
            return version.preparer

    def get_ready(self, policies: Sequence[Policy]) -> None:
        """Begins to fetch what these policies pin, if it is not here, and looks again every minute.

        To be called for policies in force and announced, as often as one likes: what one lacks is told in the
        log before its time has come, once, and again when it is there.
        """
        missing = [policy for policy in policies if policy not in self._ready]
        is_looking = self._looking is not None and self._looking.is_alive()
        if not missing or is_looking or self._clock() < self._look_at:
            return
        self._look_at = self._clock() + LOOK_AGAIN_SECONDS
        self._looking = threading.Thread(target=self._look, args=(missing,), name="bundles", daemon=True)
        self._looking.start()

    def keep(self, in_force: bytes, others: Collection[bytes]) -> None:
        """Closes all versions but these, by their digests: of the policy in force; of announced policies and
        of those of open votings. Only the version in force keeps processes waiting, for they take memory."""
        with self._lock:
            needless = self._versions.keys() - {in_force, *others}
            closed = [self._versions.pop(digest) for digest in needless]
            rest = dict(self._versions)
        for version in closed:
            version.preparer.close()
        for digest, version in rest.items():
            version.runner.keep_waiting(1 if digest == in_force or in_force not in rest else 0)

    def close(self) -> None:
        """Ends the runs that are under way."""
        with self._lock:
            self._closed = True
            versions, self._versions = self._versions, {}
        for version in versions.values():
            version.preparer.close()

    def _made(self, bundle: Bundle) -> _Version:
        name = f"the bundle {to_hex(bundle.digest)}"
        runner: Runner | None = None
        try:
            runner = self._run(bundle)
            self._check_name(runner, name)
            return _Version(runner, self._make(runner))
        except BaseException as error:
            if runner is not None:
                runner.close()
            if isinstance(error, ConfigError):
                raise BundleUnusable(str(error), error.hint) from error
            if isinstance(error, WorkflowError):
                # What an author's code says may name rows elsewhere, and is not told here either.
                wrong = error.cause if isinstance(error, RunnerError) else str(error)
                raise BundleUnusable(f"{name}: {wrong}", error.hint) from error
            raise

    def _check_name(self, runner: Runner, name: str) -> None:
        if runner.declaration.name != self._workflow:
            wrong = f"{name} holds the workflow {runner.declaration.name}"
            raise BundleUnusable(wrong, f"the owner pins a bundle of {self._workflow}")

    def _look(self, policies: Sequence[Policy]) -> None:
        for policy in policies:
            try:
                self.of(policy).check(policy)
            except NodeError as error:
                if not _is_told(error) and self._told.get(policy) != str(error):
                    about = self._about(policy)
                    log.warning("policy.not_ready", error=str(error), hint=error.hint, **about)
                    self._told[policy] = str(error)
            else:
                self._ready.add(policy)
                if self._told.pop(policy, None) is not None:
                    log.info("policy.ready", **self._about(policy))

    def _about(self, policy: Policy) -> dict[str, object]:
        """The fields by which a log line names a policy."""
        return {"workflow": self._workflow, "start": policy.start, "digest": to_hex(policy.bundle_digest)}


def _is_told(error: NodeError) -> bool:
    """Whether who looked for the bundle, or the data key, has said in the log that it is missing."""
    is_missing = isinstance(error, DataKeyMismatch) and isinstance(error.__context__, ConfigError)
    return is_missing or isinstance(error, BundleMissing)
