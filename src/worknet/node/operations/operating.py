"""Everything around a running worker, put together from its configuration, and taken down at the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from starlette.routing import BaseRoute

from worknet.config import NodeConfig
from worknet.node.operations.admin import LEAST_KEY, admin_routes, health_routes
from worknet.node.operations.alerts import open_alerts
from worknet.node.operations.control import Control, Records
from worknet.node.operations.logs import Listener, Log
from worknet.node.operations.metrics import Metrics
from worknet.node.operations.server import HttpServer, ServerError, application
from worknet.node.operations.status import Status
from worknet.node.operations.watch import Watch, with_disk


@contextmanager
def operated(
    config: NodeConfig,
    log: Log,
    control: Control,
    records: Records,
    routes: Sequence[BaseRoute] = (),
    public: Sequence[BaseRoute] = (),
) -> Iterator[None]:
    """Log, metrics, alerts, watch and, with `[http]`, the server with these further routes, while it lasts.

    With an address to listen on in `[publishing]` also a server of its own with the `public` routes alone.

    Raises `ConfigError` for a port that is taken, for an admin key that is too short or cannot be read, and
    for the address of an alert's channel that cannot be read.
    """

    def status() -> Status:
        return with_disk(control.status(), config.node.data_dir, log.fault)

    metrics = Metrics(status, config.health)
    listeners: list[Listener] = [metrics.told]
    with ExitStack() as stack:
        server = _server(config, control, records, metrics, status, routes)
        publisher = _publisher(config, public)
        servers = [each for each in (server, publisher) if each is not None]
        for each in servers:
            stack.callback(each.close)
        if config.alerts is not None:
            alerts = open_alerts(config.node.name, config.alerts)
            stack.callback(alerts.close)
            listeners.append(alerts.told)
        log.tell(*listeners)
        watch = Watch(status, config.health)
        watch.start()
        stack.callback(watch.close)
        for each in servers:
            each.start()
        yield


def _server(
    config: NodeConfig,
    control: Control,
    records: Records,
    metrics: Metrics,
    status: Callable[[], Status],
    routes: Sequence[BaseRoute],
) -> HttpServer | None:
    if config.http is None:
        right = '[http] with listen = "127.0.0.1:9464"'
        if config.admin is not None:
            raise config.error(("admin",), "has a key, but the worker listens nowhere", right)
        if routes:
            raise config.error(("http",), "is missing, but a workflow's trigger is a webhook", right)
        return None
    answered = [*health_routes(status, config.health, metrics), *routes]
    if config.admin is not None:
        key = config.admin.key.resolve()
        if len(key) < LEAST_KEY:
            right = f"at least {LEAST_KEY} characters, such as `openssl rand -hex 32` writes"
            raise config.error(("admin", "key"), "is too short", right)
        answered += admin_routes(key, status, control, records, config.health)
    try:
        return HttpServer(application(answered), *config.http.listen)
    except ServerError as error:
        raise config.error(("http", "listen"), str(error), error.hint) from None


def _publisher(config: NodeConfig, routes: Sequence[BaseRoute]) -> HttpServer | None:
    if config.publishing is None or config.publishing.listen is None:
        return None
    try:
        return HttpServer(application(routes), *config.publishing.listen)
    except ServerError as error:
        raise config.error(("publishing", "listen"), str(error), error.hint) from None
