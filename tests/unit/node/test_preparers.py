"""Versions of a workflow at work: made when a policy pins them, kept while one is needed, then closed."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.logs import logged
from tests.unit.node.conftest import a_policy
from tests.unit.workflow.conftest import METERS, WINDOW, bundle_of

from worknet.config import ConfigError
from worknet.node import bundles, preparers
from worknet.node.bundles import Bundles
from worknet.node.errors import BundleMissing, BundleUnusable
from worknet.node.preparers import LOOK_AGAIN_SECONDS, Preparers
from worknet.node.preparing import Preparer
from worknet.protocol.policy import Policy
from worknet.protocol.salts import data_key_commitment
from worknet.workflow.archive import pack
from worknet.workflow.errors import RunnerError
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Runner

DATA_KEY = bytes(range(32))
ONE, TWO = (bundle_of(f"return Result({{'out': meters}}, {{'version': {n}}})") for n in (1, 2))
OTHER = Bundle({path: data.replace(b'"tried"', b'"other"') for path, data in ONE.files.items()})
BROKEN = Bundle({**ONE.files, "workflow.py": b"raise ValueError('Meier-4711')"})
BARE = Bundle({"workflow.py": ONE.files["workflow.py"]})


def policy_of(bundle: Bundle) -> Policy:
    return replace(a_policy(), bundle_digest=bundle.digest, data_key_commitment=data_key_commitment(DATA_KEY))


class Desk:
    """The preparers of a workflow whose versions lie in a folder; `runners` are all that were made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "versions"
        self.folder.mkdir()
        self.runners: dict[bytes, Runner] = {}
        self.now = 0.0
        self.sources_fit = True
        self.data_key = DATA_KEY
        bundles = Bundles(folder / "bundles", {}, {"tried": [self.folder]})
        self.preparers = Preparers("tried", bundles, self._run, self._make, clock=lambda: self.now)

    def put(self, *bundles: Bundle) -> None:
        for bundle in bundles:
            (self.folder / f"{bundle.digest.hex()}.tar.gz").write_bytes(pack(bundle))

    def waiting(self, bundle: Bundle) -> int:
        pool = self.runners[bundle.digest]._pool
        return pool._untaken + pool._taken

    def is_closed(self, bundle: Bundle) -> bool:
        try:
            self.runners[bundle.digest].run({"meters": METERS}, WINDOW)
        except RunnerError:
            return True
        return False

    def look(self, *policies: Policy) -> None:
        self.preparers.get_ready(policies)
        if self.preparers._looking is not None:
            self.preparers._looking.join(60)

    def _run(self, bundle: Bundle) -> Runner:
        # Isolation has tests of its own.
        runner = Runner(bundle, allow_unisolated=True)
        self.runners[bundle.digest] = runner
        return runner

    def _make(self, runner: Runner) -> Preparer:
        if not self.sources_fit:
            raise ConfigError("node.toml, line 3: workflows.tried.datasets.meters: is missing", "say where")
        return Preparer(runner, {}, lambda _: self.data_key, lambda _: pl.DataFrame())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.preparers.close()


def test_each_policy_gets_the_version_that_it_pins_and_the_same_one_again(desk: Desk) -> None:
    desk.put(ONE, TWO)
    one, two = desk.preparers.of(policy_of(ONE)), desk.preparers.of(policy_of(TWO))
    assert (one.bundle_digest, two.bundle_digest) == (ONE.digest, TWO.digest)
    assert desk.preparers.of(policy_of(ONE)) is one


def test_versions_that_nobody_needs_are_closed_and_only_the_one_in_force_keeps_processes(
    desk: Desk,
) -> None:
    desk.put(ONE, TWO)
    desk.preparers.of(policy_of(ONE))
    desk.preparers.keep(TWO.digest, {ONE.digest})
    assert desk.waiting(ONE) == 1, "the new version is not here yet"
    desk.preparers.of(policy_of(TWO))
    desk.preparers.keep(TWO.digest, {ONE.digest})
    assert (desk.waiting(ONE), desk.waiting(TWO)) == (0, 1)
    assert not desk.is_closed(ONE)
    assert desk.waiting(ONE) == 0
    desk.preparers.keep(TWO.digest, set())
    assert desk.is_closed(ONE)
    assert not desk.is_closed(TWO)


def test_a_version_that_was_closed_is_made_again_when_a_voting_needs_it(desk: Desk) -> None:
    desk.put(ONE, TWO)
    first = desk.preparers.of(policy_of(ONE))
    desk.preparers.keep(TWO.digest, set())
    assert desk.preparers.of(policy_of(ONE)) is not first
    assert not desk.is_closed(ONE)


@pytest.mark.parametrize(
    ("bundle", "wrong"),
    [
        (OTHER, "holds the workflow other"),
        (BROKEN, "workflow failed"),
        (BARE, "no runtime.json"),
    ],
)
def test_a_version_that_cannot_run_here_is_told(desk: Desk, bundle: Bundle, wrong: str) -> None:
    desk.put(bundle)
    with pytest.raises(BundleUnusable, match=wrong) as caught:
        desk.preparers.of(policy_of(bundle))
    assert f"0x{bundle.digest.hex()}" in str(caught.value)
    assert "Meier" not in str(caught.value)


def test_a_version_whose_datasets_are_not_configured_is_told_and_leaves_no_processes(desk: Desk) -> None:
    desk.put(ONE)
    desk.sources_fit = False
    with pytest.raises(BundleUnusable, match=r"line 3: workflows\.tried\.datasets\.meters"):
        desk.preparers.of(policy_of(ONE))
    assert desk.is_closed(ONE)


def test_a_version_that_is_missing_is_looked_for_again(desk: Desk) -> None:
    with pytest.raises(BundleMissing):
        desk.preparers.of(policy_of(ONE))
    desk.put(ONE)
    assert desk.preparers.of(policy_of(ONE)).bundle_digest == ONE.digest


def test_what_an_announced_policy_pins_is_fetched_before_its_time(desk: Desk) -> None:
    desk.put(ONE)
    desk.look(policy_of(ONE))
    assert desk.runners.keys() == {ONE.digest}


def test_what_an_announced_policy_lacks_is_told_once_and_again_when_it_is_there(desk: Desk) -> None:
    with logged(bundles, preparers) as told:
        for _ in range(3):
            desk.look(policy_of(ONE))
            desk.now += LOOK_AGAIN_SECONDS
        desk.put(ONE)
        desk.data_key = bytes(32)
        for _ in range(2):
            desk.look(policy_of(ONE))
            desk.now += LOOK_AGAIN_SECONDS
        desk.data_key = DATA_KEY
        for _ in range(2):
            desk.look(policy_of(ONE))
            desk.now += LOOK_AGAIN_SECONDS
    assert [line["event"] for line in told] == [
        "bundle.missing",
        "bundle.found",
        "policy.not_ready",
        "policy.ready",
    ]


def test_looking_ahead_holds_nobody_up_and_is_done_once_a_minute(desk: Desk) -> None:
    begun = time.monotonic()
    for _ in range(1000):
        desk.preparers.get_ready([policy_of(ONE)])
    assert time.monotonic() - begun < 1
    assert desk.preparers._looking is not None
    first = desk.preparers._looking
    first.join(60)
    desk.look(policy_of(ONE))
    assert desk.preparers._looking is first
    desk.now += LOOK_AGAIN_SECONDS
    desk.look(policy_of(ONE))
    assert desk.preparers._looking is not first
