"""The network of a simulation before its first voting: chain, pool, members, policy, and each company."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from random import Random

import polars as pl

from worknet.chain.events import Role as Enrolment
from worknet.chain.index import NetworkIndex
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import Signer, signer_from_key
from worknet.protocol.canonical import encode
from worknet.protocol.ids import Event, Slot, Trigger, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.salts import data_key_commitment
from worknet.protocol.words import Ballots
from worknet.sources import Occasion, Source
from worknet.testing.adversaries import Deeds
from worknet.testing.chain import ETHER, NetworkChain
from worknet.testing.clock import Clock
from worknet.testing.company import Company, World
from worknet.testing.run import Data, Run, Setup
from worknet.workflow import Declaration
from worknet.workflow.runner import Runner
from worknet.workflow.triggers import EVENT_DATASET, Every

BEGIN = 1_767_225_600
"""2026-01-01T00:00:00Z: the first slot begins then, or at the first boundary of slots after it."""

EVENT_SECONDS = 3600
"""So far apart are the events of a workflow that is driven by them."""

_DATA_KEY_EPOCH = 1
_FUNDS = 100 * ETHER
_POOL_FUNDS = 1_000_000 * ETHER


def found(setup: Setup, runner: Runner, folder: Path, on_close: Callable[[], None]) -> Run:
    """A network whose votings may begin; its clock, `run.clock`, stands at the time of its newest block."""
    declaration = runner.declaration
    roles = setup.faults.roles(setup.workers, setup.standbys, setup.seed)
    signers = [_signer("worker", index) for index in range(len(roles))]
    chain = NetworkChain(
        folder / "chain",
        {signer.address: _FUNDS for signer in signers},
        BEGIN - setup.reward_period,
        _signer("owner", 0),
        workflow=declaration.name,
        confirmations=setup.confirmations,
        reward_period=setup.reward_period,
    )
    triggers = _triggers(setup, declaration)
    _govern(chain, setup, declaration, signers, triggers)
    chain.automatic = False
    clock = Clock(chain.now)
    deeds = Deeds()
    datasets = _Datasets(setup.data, declaration, triggers)
    world = World(
        chain=chain,
        runner=runner,
        sources=lambda index: datasets.sources(setup.variants.get(index, 0)),
        data_key=_data_key,
        now=clock,
        deeds=deeds,
    )
    random = Random(f"clocks {setup.seed}")
    skew = setup.faults.skew
    return Run(
        setup=setup,
        roles=roles,
        declaration=declaration,
        chain=chain,
        clock=clock,
        index=NetworkIndex(folder / "observer.sqlite", chain.owner, pool=chain.pool.contract),
        companies=[
            Company(
                world,
                index,
                role,
                signers[index],
                folder / f"worker{index}",
                seed=f"salts {setup.chance}",
                clock_off=random.randint(-skew, skew),
            )
            for index, role in enumerate(roles)
        ],
        triggers=tuple(triggers),
        given=triggers,
        data_key=_data_key,
        deeds=deeds,
        on_close=on_close,
    )


def _govern(
    chain: NetworkChain,
    setup: Setup,
    declaration: Declaration,
    signers: list[Signer],
    triggers: Mapping[Trigger, int],
) -> None:
    """Enrols the companies, announces the policy, and fills the pool; nothing of it waits for a vote."""
    for index, signer in enumerate(signers):
        enrolment = Enrolment.ACTIVE if index < setup.workers else Enrolment.STANDBY
        operator = _signer("operator", index).address
        chain.owner.enrol(operator, signer.address, enrolment, sha256(signer.address).digest())
    chain.owner.announce(workflow_id(declaration.name), _policy(setup, declaration, triggers))
    chain.pool.set_rewards(setup.base, setup.consistency)
    chain.pool.fund(_POOL_FUNDS)


def _policy(setup: Setup, declaration: Declaration, triggers: Mapping[Trigger, int]) -> Policy:
    is_sealed = setup.ballots is Ballots.SEALED
    slots = [trigger for trigger in triggers if isinstance(trigger, Slot)]
    num, den = setup.threshold
    return Policy(
        bundle_digest=setup.bundle.digest,
        data_key_epoch=_DATA_KEY_EPOCH,
        data_key_commitment=data_key_commitment(_data_key(_DATA_KEY_EPOCH)),
        every=declaration.every,
        delay=declaration.delay,
        start=slots[0].window.start if slots else 0,
        max_age=patience(setup) if slots else 0,
        threshold_num=num,
        threshold_den=den,
        ballots=setup.ballots,
        cast_window=setup.cast_window,
        reveal_window=setup.reveal_window,
        stall=setup.stall,
        fallback=setup.fallback,
        accuracy=setup.accuracy if is_sealed else 0,
        speed=setup.speed if is_sealed else 0,
    )


def patience(setup: Setup) -> int:
    """For how many seconds a slot that nobody votes on may still open."""
    return max(setup.stall, setup.cast_window + setup.reveal_window)


def _triggers(setup: Setup, declaration: Declaration) -> dict[Trigger, int]:
    """What the votings are about, each with the time at which a worker may know it."""
    if isinstance(declaration.trigger, Every):
        every = declaration.every
        first = -(-BEGIN // every) + setup.first
        slots = [Slot(every, first + number) for number in range(setup.votings)]
        return {slot: slot.due(declaration.delay) for slot in slots}
    numbers = range(setup.first, setup.first + setup.votings)
    ids = {number: sha256(f"event {setup.seed} {number}".encode()).digest() for number in numbers}
    return {Event(ids[number]): BEGIN + EVENT_SECONDS * (1 + number) for number in numbers}


class _Datasets:
    """The datasets of all triggers as sources: what a window, or an event, is read for."""

    def __init__(self, data: Data, declaration: Declaration, triggers: Mapping[Trigger, int]) -> None:
        self._data, self._declaration = data, declaration
        self._frames: dict[tuple[Trigger, int], Mapping[str, pl.DataFrame]] = {}
        self._triggers: dict[bytes, Trigger] = {}
        if not declaration.every:
            self._triggers = {encode(event_of(data, trigger)): trigger for trigger in triggers}

    def sources(self, variant: int) -> dict[str, Source]:
        """The sources of one company."""
        names = [dataset.name for dataset in self._declaration.datasets]
        if not self._declaration.every:
            names.remove(EVENT_DATASET)
        return {name: _Source(self, name, variant) for name in names}

    def read(self, name: str, occasion: Occasion, variant: int) -> pl.DataFrame:
        """The rows of a dataset."""
        if occasion.window is None:
            trigger = self._triggers[encode(dict(occasion.event))]
        else:
            every = self._declaration.every
            trigger = Slot(every, occasion.window.start // every)
        key = (trigger, variant)
        if key not in self._frames:
            self._frames[key] = self._data(trigger, variant)
        return self._frames[key][name]


class _Source:
    """One dataset as one company reads it."""

    def __init__(self, datasets: _Datasets, name: str, variant: int) -> None:
        self._datasets, self._name, self._variant = datasets, name, variant

    def read(self, occasion: Occasion) -> pl.DataFrame:
        """The occasion's rows, validated and sorted."""
        return self._datasets.read(self._name, occasion, self._variant)


def event_of(data: Data, trigger: Trigger) -> dict[str, str | int | bool | None]:
    """What an event says: its one row."""
    return data(trigger, 0)[EVENT_DATASET].row(0, named=True)


def _signer(what: str, number: int) -> Signer:
    return signer_from_key(sha256(f"{what} {number}".encode()).digest(), DEVELOPMENT_CHAIN_ID)


def _data_key(epoch: int) -> bytes:
    return sha256(f"data key {epoch}".encode()).digest()
