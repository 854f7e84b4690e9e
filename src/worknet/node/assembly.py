"""From what is opened to a worker that runs: its workflows' preparers, what arrives, and its operations.

It refuses to start where something does not fit; every refusal names file and key, and what would be right.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import polars as pl
from starlette.routing import BaseRoute

from worknet.config import ConfigError
from worknet.config.fed_datasets import BrokerDataset
from worknet.config.results import ResultsDataset
from worknet.node.bundles import Bundles
from worknet.node.consuming import check_names, check_tables, parents_for, results_source
from worknet.node.data_keys import DataKeys
from worknet.node.errors import DataKeyMismatch, NodeError
from worknet.node.ingest.events import event_frame
from worknet.node.ingest.setup import Outside
from worknet.node.operations.logs import Log
from worknet.node.operations.operating import operated
from worknet.node.operations.outlets import open_outlets
from worknet.node.operations.published import published_routes
from worknet.node.operations.records import JournalRecords
from worknet.node.operations.statements import statement_routes
from worknet.node.preparers import Preparers
from worknet.node.preparing import Preparer
from worknet.node.prove import Prover
from worknet.node.published import PublishedFolder
from worknet.node.publishing import Publishing
from worknet.node.retention import Retention
from worknet.node.rivals import Rivals
from worknet.node.setup import Access, opened, sole_use
from worknet.node.sharing import Sharing
from worknet.node.statements import StatementReader
from worknet.node.worker import Worker
from worknet.protocol.ids import Window, workflow_id
from worknet.protocol.policy import Policy
from worknet.sources import Occasion, Source, SourceError, source_from
from worknet.workflow import Declaration
from worknet.workflow.folder import Bundle
from worknet.workflow.process import Limits
from worknet.workflow.runner import Runner
from worknet.workflow.triggers import EVENT_DATASET


@contextmanager
def opened_worker(file: Path, log: Log | None = None, *, take_over: bool = False) -> Iterator[Worker]:
    """Opens the worker of this node.toml, and all that arrives for it. One at a time may run on a `data_dir`.

    With the process's log it is also operated: watched, counted, asked over HTTP, as node.toml says.
    `take_over`: this worker answers for what voted with its key before; without, that is a `RivalError`.
    """
    with ExitStack() as stack:
        access = stack.enter_context(opened(file, signing=True))
        stack.enter_context(sole_use(access.config.node.data_dir))
        access.journal.hold()
        if not access.config.workflows:
            right = "[workflows.NAME.datasets.NAME] for each workflow to vote on"
            raise access.config.error(("workflows",), "is missing: there is nothing to do", right)
        check_names(access.config)
        chain_time = _ChainTime(access.now)
        outside = Outside(access.config, access.journal, access.worker, chain_clock=chain_time)
        bundles, data_key = _bundles(access), DataKeys(access.config)
        preparers = {}
        for name in access.config.workflows:
            preparers[name] = _open_preparers(access, name, bundles, data_key, outside)
            stack.callback(preparers[name].close)
        check_tables(access, preparers)
        ingest = outside.ingest()
        worker = Worker(
            access.client,
            access.index,
            access.journal,
            preparers,
            votings_at_once=access.config.node.votings_at_once,
            runs_at_once=access.config.node.runs_at_once,
            stop_within=access.config.node.stop_within,
            arrivals=ingest,
            retention=Retention(access.journal, access.index, access.config.journal.keep),
            outlets=open_outlets(access.config),
            sharing=_sharing(access, data_key),
            publishing=_publishing(access, data_key),
        )
        chain_time.follow(worker)
        if log is not None:
            records = JournalRecords(
                access.index, access.journal, access.worker, lambda: worker.status().head_time or access.now
            )
            routes = [*outside.routes(), *_statement_routes(access)]
            public = _published_routes(access)
            stack.enter_context(operated(access.config, log, worker, records, routes, public))
        # Only now, so that a rival is also told by an alert.
        rivals = Rivals(access.client, access.index, access.journal)
        if take_over:
            rivals.take_over()
        else:
            rivals.check(access.now)
        ingest.start()
        # What was journalled is acknowledged before the journal is closed.
        stack.callback(ingest.stop)
        yield worker


class _ChainTime:
    """The chain's time as the worker last saw it; goes on with the machine's clock in between."""

    def __init__(self, now: int) -> None:
        self._now, self._at = now, time.monotonic()
        self._worker: Worker | None = None

    def follow(self, worker: Worker) -> None:
        """From now on asks the worker."""
        self._worker = worker

    def __call__(self) -> float:
        seen = self._worker.status().head_time if self._worker is not None else 0
        if seen > self._now:
            self._now, self._at = seen, time.monotonic()
        return self._now + time.monotonic() - self._at


def _sharing(access: Access, data_key: DataKeys) -> Sharing | None:
    """What shares and gathers statements; None where [sharing] has nothing to do."""
    reader = StatementReader.of(access, data_key)
    level = access.config.sharing.level
    if level == "nothing" and not reader.channels:
        return None
    # Told now, and not when a voting has failed.
    access.config.encryption_key()
    return Sharing(reader, None if level == "nothing" else level)


def _statement_routes(access: Access) -> list[BaseRoute]:
    """Where others ask for this worker's statements, if it makes any and listens anywhere."""
    if access.config.http is None or access.config.sharing.level == "nothing":
        return []
    return statement_routes(access.journal, lambda: access.index.index_of(access.worker))


def _publishing(access: Access, data_key: DataKeys) -> Publishing | None:
    """What publishes results that are declared public; None where the operator has not configured it."""
    folder = _published_folder(access)
    if folder is None:
        return None
    prover = Prover(access.index, access.journal, data_key)
    return Publishing(prover, _names(access), folder)


def _published_routes(access: Access) -> list[BaseRoute]:
    """Where anybody asks for this worker's publications, if it has any."""
    folder = _published_folder(access)
    return [] if folder is None else published_routes(folder, access.index, _names(access))


def _published_folder(access: Access) -> PublishedFolder | None:
    section = access.config.publishing
    return None if section is None else PublishedFolder(section.folder, access.config.node.name)


def _names(access: Access) -> dict[bytes, str]:
    """The workflows that this worker votes on, by their ids."""
    return {workflow_id(name): name for name in access.config.workflows}


def _bundles(access: Access) -> Bundles:
    workflows = access.config.workflows
    return Bundles(
        access.config.node.data_dir / "bundles",
        {name: access.network.workflow(name).folder for name in workflows},
        {name: section.bundles for name, section in workflows.items()},
    )


def _open_preparers(
    access: Access, name: str, bundles: Bundles, data_key: DataKeys, outside: Outside
) -> Preparers:
    """The preparers of one workflow; what one announced policy names is here, of the others it may come."""
    section = access.config.workflows[name]
    sources = _Sources(access, name, outside)

    def run(bundle: Bundle) -> Runner:
        limits = Limits(wall_seconds=section.time_limit, memory_bytes=section.memory_limit)
        return Runner(bundle, limits, allow_unisolated=access.config.node.allow_unisolated)

    def make(runner: Runner) -> Preparer:
        declaration = runner.declaration

        def payload(trigger_id: bytes) -> pl.DataFrame:
            schema = declaration.dataset(EVENT_DATASET).schema
            return event_frame(access.journal.events, name, trigger_id, schema)

        given, parents = sources.of(declaration), parents_for(access, name, declaration)
        consumed = None if parents is None else parents.results
        return Preparer(runner, given, data_key, payload, consumed=consumed)

    preparers = Preparers(name, bundles, run, make)
    try:
        _check_policies(access, name, preparers)
    except BaseException:
        preparers.close()
        raise
    return preparers


class _Sources:
    """Where the datasets of one workflow come from, for every version of it.

    What brokers bring is opened once, as the first version declares it.
    """

    def __init__(self, access: Access, name: str, outside: Outside) -> None:
        self._access, self._name, self._outside = access, name, outside
        self._config = access.config
        self._first: Declaration | None = None
        self._fed: dict[str, Source] = {}

    def of(self, declaration: Declaration) -> dict[str, Source]:
        """The sources of the datasets that this version reads, but not of what an event says."""
        if self._first is None:
            self._fed = self._outside.add(self._name, declaration)
            self._first = declaration
        given = self._config.workflows[self._name].datasets
        place = ("workflows", self._name, "datasets")
        self._check_unchanged(self._first, declaration)
        sources: dict[str, Source] = {}
        for dataset in declaration.datasets:
            if dataset.name == EVENT_DATASET and not declaration.every:
                continue
            if dataset.name in self._fed:
                sources[dataset.name] = self._fed[dataset.name]
                continue
            if dataset.name not in given:
                right = "say where it comes from: source, and path or url"
                raise self._config.error(
                    (*place, dataset.name), "is missing, but the workflow reads it", right
                )
            section = given[dataset.name]
            if isinstance(section, BrokerDataset):
                raise self._restart((*place, dataset.name))
            if isinstance(section, ResultsDataset):
                sources[dataset.name] = results_source(self._access, self._name, dataset.name, declaration)
                continue
            try:
                source = source_from(section.source, dataset.name, dataset.schema, **section.options())
                source.check(_example(declaration))
                sources[dataset.name] = source
            except SourceError as error:
                raise self._config.error((*place, dataset.name), str(error), error.hint) from None
        return sources

    def _check_unchanged(self, first: Declaration, declaration: Declaration) -> None:
        """What arrives is sorted as one version declares it: another declaration of it needs a new start."""
        if declaration.trigger != first.trigger:
            raise self._restart(("workflows", self._name, "trigger"))
        arriving = {*self._fed, *([] if first.every else [EVENT_DATASET])}
        for dataset in declaration.datasets:
            if dataset.name in arriving and dataset != first.dataset(dataset.name):
                raise self._restart(("workflows", self._name, "datasets", dataset.name))

    def _restart(self, place: tuple[str, ...]) -> ConfigError:
        wrong = "is declared otherwise by another version of the workflow than when the worker was started"
        return self._config.error(place, wrong, "restart the worker once votings under the old one are over")


def _example(declaration: Declaration) -> Occasion:
    """Something that the workflow could be run for: a window of its length, or an event with its columns."""
    if declaration.every:
        return Occasion(Window(0, declaration.every))
    columns = declaration.dataset(EVENT_DATASET).schema.columns
    return Occasion(event={column.name: "example" for column in columns})


def _check_policies(access: Access, name: str, preparers: Preparers) -> None:
    """Refuses a worker that can vote neither under the policy in force nor under a later one, and datasets
    that no version of the workflow reads."""
    announced = access.index.policies(workflow_id(name))
    if not announced:
        raise access.network.error(
            ("workflows", name),
            "the network has announced no policy for it",
            "the owner announces one with `worknet network policy`",
        )
    in_force = [entry.policy for entry in announced if entry.policy.start <= access.now][-1:]
    later = [entry.policy for entry in announced if entry.policy.start > access.now]
    problems: list[ConfigError] = []
    fitting: list[Declaration] = []
    for policy in [*in_force, *later]:
        try:
            fitting.append(_checked(access, name, preparers, policy).declaration)
        except ConfigError as error:
            problems.append(error)
    if not fitting:
        raise problems[0]
    read = {dataset.name for declaration in fitting for dataset in declaration.datasets}
    needless = access.config.workflows[name].datasets.keys() - read
    # What a version reads that is not here yet, or that was in force before, nobody knows now.
    if needless and len(fitting) == len(announced):
        place = ("workflows", name, "datasets", min(needless))
        right = f"its datasets are {', '.join(sorted(read))}"
        raise access.config.error(place, "the workflow reads no such dataset", right)


def _checked(access: Access, name: str, preparers: Preparers, policy: Policy) -> Preparer:
    """The preparer under this policy; ConfigError at the key that is to be mended if there is none."""
    try:
        preparer = preparers.of(policy)
        preparer.check(policy)
    except DataKeyMismatch as error:
        place = ("data_keys", str(policy.data_key_epoch))
        raise access.config.error(place, str(error), error.hint) from None
    except NodeError as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        raise access.network.error(("workflows", name, "folder"), str(error), error.hint) from None
    return preparer
