"""Where the errands of fallback handlers go: the channels of `[alerts]`, and the webhooks of node.toml.

Calls are signed as "Standard Webhooks" has it (standardwebhooks.com), so that its libraries check them.
"""

import time
from collections.abc import Callable

from worknet.config import ConfigError, NodeConfig
from worknet.config.hooks import HookSection
from worknet.node.errands import Call, Outlets, Send
from worknet.node.ingest.webhooks import SecretFormError, secret_of, signature
from worknet.node.operations.alerts import open_send
from worknet.sources import SourceError
from worknet.sources.fetching import server_of
from worknet.sources.posting import post

CALL_SECONDS = 10.0
"""How long a webhook may take to answer."""


def open_outlets(config: NodeConfig, clock: Callable[[], float] = time.time) -> Outlets:
    """The outlets that the configuration names; `ConfigError` where an address or secret cannot be had.

    Both are read again for each errand, so that a renewed one is found. `clock` gives Unix seconds.
    """
    hooks: dict[str, dict[str, Call]] = {}
    for workflow, section in config.workflows.items():
        for name, hook in section.webhooks.items():
            try:
                _told(name, hook)
            except _UnusableError as error:
                place = ("workflows", workflow, "webhooks", name, error.key)
                raise config.error(place, str(error), error.right) from None
            hooks.setdefault(workflow, {})[name] = _call(name, hook, clock)
    send: Send | None = None
    if config.alerts is not None:
        send = _to_people(open_send(config.alerts), config.node.name)
    return Outlets(send, 0.0 if config.alerts is None else config.alerts.every, hooks)


class _UnusableError(Exception):
    """What a reference leads to is no address, or no secret. The text says why and nothing of it."""

    def __init__(self, key: str, message: str, right: str) -> None:
        super().__init__(message)
        self.key, self.right = key, right


def _told(name: str, hook: HookSection) -> tuple[str, bytes]:
    """The address and the secret; `_UnusableError`, or `ConfigError` where they cannot be read."""
    url = hook.url.resolve()
    try:
        server_of(f"the webhook {name}", url)
    except SourceError as error:
        raise _UnusableError("url", error.message, error.hint) from None
    try:
        return url, secret_of(hook.secret.resolve())
    except SecretFormError as error:
        right = "at least 24 bytes, or whsec_ and base64, as the receiver has it"
        raise _UnusableError("secret", str(error), right) from None


def _call(name: str, hook: HookSection, clock: Callable[[], float]) -> Call:
    def call(identity: str, body: bytes) -> str:
        try:
            url, secret = _told(name, hook)
            timestamp = int(clock())
            headers = {
                "Content-Type": "application/json",
                "Webhook-Id": identity,
                "Webhook-Timestamp": str(timestamp),
                "Webhook-Signature": signature(secret, identity, timestamp, body),
            }
            post(f"the webhook {name}", url, body, headers, CALL_SECONDS)
        except (ConfigError, _UnusableError) as error:
            return str(error)
        except SourceError as error:
            return fault_of(error)
        return ""

    return call


def fault_of(error: SourceError) -> str:
    """What is told of a webhook that was not called: the server, and why; not the rest of the address."""
    return f"{error.origin.where}: {error.message}"


def _to_people(send: Send, worker: str) -> Send:
    return lambda title, body, level: send(f"worknet {worker}: {title}", body, level)
