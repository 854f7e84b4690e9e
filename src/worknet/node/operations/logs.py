"""The stream of what a worker tells: listeners (metrics, alerts) hear every event, then it is written.

One JSON object to a line, to standard output or to a file that is rotated by size. Only fields that
`events` names are written, and nothing of what libraries log: their lines may quote addresses and messages.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, MutableMapping
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from worknet.config import NodeConfig
from worknet.config.operations import LogSection
from worknet.node.operations.events import EVENTS, LONGEST

Listener = Callable[[MutableMapping[str, Any]], None]
"""Hears of an event: its name under `event`, `level`, and its fields. It must neither raise nor wait."""

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_NAME = re.compile(r"[a-z_]{1,32}(\.[a-z_]{1,32}){1,3}")


class Log:
    """Where the log goes. `fault` says why the last line could not be written, empty if it was.

    A log that cannot be written stops nothing: the worker is not ready, and says why.
    """

    def __init__(self, section: LogSection) -> None:
        self.fault = ""
        self._listeners: tuple[Listener, ...] = ()
        self._least = _LEVELS[section.level]
        # Not one of the process's named loggers: nobody else writes into it.
        self._lines = logging.Logger("worknet.log")
        handler: logging.Handler
        if section.file is None:
            handler = logging.StreamHandler(sys.stdout)
        else:
            handler = _PrivateFile(section.file, section.max_size, section.keep)
        handler.handleError = self._failed  # type: ignore  # an assigned method: how logging tells of it
        self._lines.addHandler(handler)

    def use(self) -> None:
        """Makes this the log of the process."""
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                named_fields,
                self._hear,
                self._choose,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            logger_factory=lambda *_: self,
        )
        # With a handler of its own the root logger has no last resort, which would write to stderr.
        logging.getLogger().handlers = [logging.NullHandler()]

    def tell(self, *listeners: Listener) -> None:
        """From now on these hear every event too, whatever its level."""
        self._listeners += listeners

    def msg(self, line: str) -> None:
        """Writes one line; structlog calls it by the level's name."""
        self.fault = ""
        self._lines.info(line)

    debug = info = warning = error = critical = exception = msg

    def _hear(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        for listen in self._listeners:
            listen(event)
        return event

    def _choose(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        if _LEVELS.get(event["level"], _LEVELS["error"]) < self._least:
            raise structlog.DropEvent
        return event

    def _failed(self, _: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        self.fault = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def open_log(config: NodeConfig) -> Log:
    """The log that the configuration asks for; `ConfigError` if its file cannot be written."""
    try:
        return Log(config.log)
    except OSError as error:
        right = "a file in a folder that this user may write into"
        raise config.error(("log", "file"), f"cannot be written: {error.strerror}", right) from None


class _PrivateFile(RotatingFileHandler):
    """A rotated file that only its owner and group read."""

    def __init__(self, file: Path, max_size: int, keep: int) -> None:
        super().__init__(file, maxBytes=max_size, backupCount=keep, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        return os.fdopen(os.open(self.baseFilename, flags, 0o640), "a", encoding="utf-8")


def named_fields(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The event with those of its fields alone that are known: none of an event that is not."""
    known = EVENTS.get(event["event"])
    if known is None:
        name = event["event"] if _NAME.fullmatch(str(event["event"])) else "log.unknown"
        return {"event": name, "level": event["level"]}
    fields = {name: _short(value) for name, value in event.items() if name in known.fields}
    return {"event": event["event"], "level": event["level"], **fields}


def _short(value: Any) -> Any:
    return value[:LONGEST] + "..." if isinstance(value, str) and len(value) > LONGEST else value
