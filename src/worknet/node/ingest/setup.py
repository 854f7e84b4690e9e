"""From node.toml and what the workflows declare to everything through which something arrives.

Every refusal names the file and key, and what would be right.
"""

import time
from collections.abc import Callable
from typing import Protocol

from starlette.routing import Route

from worknet.chain.rpc import Rpc
from worknet.chain.watch import EventForm, EventFormError, LogWatch
from worknet.config import NodeConfig
from worknet.config.datasets import DatasetSection, WrittenSection
from worknet.config.document import nearest
from worknet.config.fed_datasets import BrokerDataset
from worknet.config.triggers import SOURCES, LogTrigger, PollTrigger, WebhookTrigger
from worknet.node.ingest.datasets import DatasetInlet, FedDataset, InboxSource
from worknet.node.ingest.events import EventBook
from worknet.node.ingest.inlet import Inlet
from worknet.node.ingest.logs import ABOUT_LOGS, LogInlet
from worknet.node.ingest.messages import MessageInlet
from worknet.node.ingest.polls import PollInlet
from worknet.node.ingest.rows import DatasetForm, RowForm
from worknet.node.ingest.running import Ingest
from worknet.node.ingest.webhooks import SecretFormError, Webhook, secret_of, webhook_routes
from worknet.node.ingest.writing import Writing
from worknet.node.journal import Journal
from worknet.protocol.canonical import to_hex
from worknet.protocol.tables import Schema
from worknet.sources import Occasion, Source, SourceError, source_from
from worknet.sources.errors import Origin
from worknet.sources.feed import Feed, feed_from
from worknet.sources.forms import EXACT, Forms
from worknet.sources.source import source_names
from worknet.workflow import Declaration
from worknet.workflow.triggers import EVENT_DATASET, Every, OnEvent, OnLog, OnMessage, OnPoll

TRIGGER_KEY_BYTES = 32
POLL_GRACE_SECONDS = 30.0
"""By how much an answer to a poll may exceed its source's deadline before the source counts as hanging."""


class _Broker(Protocol):
    """A section of node.toml that names a broker."""

    @property
    def source(self) -> str: ...

    @property
    def consumer(self) -> str | None: ...

    def options(self) -> dict[str, object]: ...


class Outside:
    """All ways in of one worker, whose key has the address `worker`: brokers know it by that.

    `clock` and `chain_clock` give the times, in Unix seconds, that rows are judged by; requests go by the
    first. `add` the workflows first.
    """

    def __init__(
        self,
        config: NodeConfig,
        journal: Journal,
        worker: bytes,
        clock: Callable[[], float] = time.time,
        chain_clock: Callable[[], float] = time.time,
    ) -> None:
        self._config, self._journal, self._worker = config, journal, worker
        self._clock, self._chain_clock = clock, chain_clock
        self._writing = Writing()
        self._inlets: list[Inlet] = []
        self._hooks: dict[str, Webhook] = {}

    def add(self, workflow: str, declaration: Declaration) -> dict[str, Source]:
        """Opens the ways in of a workflow; gives the sources of those of its datasets that brokers bring.

        Raises `ConfigError` where node.toml and the declaration do not fit.
        """
        if isinstance(declaration.trigger, Every):
            if self._config.workflows[workflow].trigger is not None:
                place = ("workflows", workflow, "trigger")
                raise self._config.error(
                    place, "is there, but the workflow votes on slots of time", "remove it"
                )
        else:
            self._add_events(workflow, declaration.trigger, declaration.dataset(EVENT_DATASET).schema)
        return {
            name: self._add_dataset(workflow, name, section, declaration)
            for name, section in self._config.workflows[workflow].datasets.items()
            if isinstance(section, BrokerDataset)
        }

    def ingest(self) -> Ingest:
        """What runs all that was added."""
        return Ingest(self._inlets, self._writing)

    def routes(self) -> list[Route]:
        """The webhooks' routes, for the worker's HTTP server; empty without webhooks."""
        return webhook_routes(self._hooks) if self._hooks else []

    def _add_dataset(
        self, workflow: str, name: str, section: BrokerDataset, declaration: Declaration
    ) -> InboxSource:
        place = ("workflows", workflow, "datasets", name)
        if not isinstance(declaration.trigger, Every):
            right = "a source that is asked, such as sql: with {event.NAME} or :event_NAME"
            raise self._config.error(
                place, "is brought by a broker, window by window; events have none", right
            )
        form = DatasetForm(
            self._form(place, name, declaration.dataset(name).schema, section),
            section.time_column,
            declaration.trigger.seconds,
            section.complete == "marker",
        )
        dataset = FedDataset(
            self._journal.inbox,
            workflow,
            name,
            form,
            section.keep,
            declaration.trigger.delay,
            self._clock,
            self._chain_clock,
        )
        feed = self._feed(place, workflow, name, section)
        inlet = DatasetInlet(section.source, feed, dataset, section.batch, self._writing)
        self._inlets.append(inlet)
        return InboxSource(dataset, lambda: inlet.gap)

    def _add_events(self, workflow: str, trigger: OnEvent, schema: Schema) -> None:
        place = ("workflows", workflow, "trigger")
        section = self._config.workflows[workflow].trigger
        fitting = SOURCES[trigger.kind]
        right = f"[workflows.{workflow}.trigger] with source = {' or '.join(map(repr, fitting))}"
        if section is None:
            raise self._config.error(place, f"is missing, but the workflow votes on a {trigger.kind}", right)
        if section.source not in fitting:
            raise self._config.error((*place, "source"), f"brings no {trigger.kind}", right)
        key = self._config.node.trigger_key
        if key is None:
            right = 'trigger_key = { file = "trigger-key" }, 32 bytes that all members share'
            raise self._config.error(
                ("node", "trigger_key"), "is missing, but a workflow votes on events", right
            )
        book = EventBook(
            self._journal.events,
            self._journal.inbox,
            workflow,
            trigger,
            key.resolve_bytes(TRIGGER_KEY_BYTES),
        )
        form = self._form(place, EVENT_DATASET, schema, section)
        if isinstance(section, WebhookTrigger):
            self._hooks[workflow] = self._webhook(place, section, book, form)
        elif isinstance(section, LogTrigger):
            assert isinstance(trigger, OnLog)
            self._inlets.append(self._log(place, section, trigger, book, form))
        elif isinstance(section, PollTrigger):
            assert isinstance(trigger, OnPoll)
            try:
                source = source_from(section.source, EVENT_DATASET, schema, **section.options())
                source.check(Occasion())
            except SourceError as error:
                raise self._config.error(place, str(error), error.hint) from None
            longest = section.deadline + POLL_GRACE_SECONDS
            self._inlets.append(PollInlet(source, book, trigger.key, trigger.every, longest, self._writing))
        else:
            assert isinstance(trigger, OnMessage)
            feed = self._feed(place, workflow, EVENT_DATASET, section)
            self._inlets.append(MessageInlet(section.source, feed, book, form, trigger.key, self._writing))

    def _webhook(
        self, place: tuple[str, ...], section: WebhookTrigger, book: EventBook, form: RowForm
    ) -> Webhook:
        try:
            secrets = [secret_of(secret.resolve()) for secret in section.secrets]
        except SecretFormError as error:
            right = "such as `openssl rand -hex 32` writes, or whsec_ and base64"
            raise self._config.error((*place, "secrets"), f"holds {error}", right) from None
        return Webhook(book, form, secrets, section.tolerance, section.most_bytes, self._clock)

    def _log(
        self, place: tuple[str, ...], section: LogTrigger, trigger: OnLog, book: EventBook, form: RowForm
    ) -> LogInlet:
        try:
            event = EventForm.parse(trigger.event)
        except EventFormError as error:
            raise self._config.error(place, f"the workflow's event: {error}", error.hint) from None
        known = [*ABOUT_LOGS, *(parameter.name for parameter in event.parameters)]
        for column in form.schema.columns:
            if (name := form.columns.get(column.name, column.name)) not in known:
                wrong = f"the column {column.name} is {name}, which the event has not"
                raise self._config.error((*place, "columns"), wrong, nearest(name, known))
        rpc = Rpc(chain_id=section.chain_id, **section.options())
        watch = LogWatch(rpc, section.contract, event, section.confirmations, section.first_block)
        return LogInlet(watch, section.chain_id, book, form, section.every, self._writing)

    def _form(self, place: tuple[str, ...], dataset: str, schema: Schema, section: DatasetSection) -> RowForm:
        forms = (
            Forms.of(section.numbers, section.times, section.nulls)
            if isinstance(section, WrittenSection)
            else EXACT
        )
        try:
            return RowForm(schema, source_names(schema, section.columns, Origin(dataset, "")), forms)
        except SourceError as error:
            raise self._config.error((*place, "columns"), str(error), error.hint) from None

    def _feed(self, place: tuple[str, ...], workflow: str, name: str, section: _Broker) -> Feed:
        reader = section.consumer or f"worknet-{to_hex(self._worker)[2:10]}-{workflow}-{name}"
        try:
            return feed_from(section.source, reader, **section.options())
        except SourceError as error:
            raise self._config.error(place, str(error), error.hint) from None
