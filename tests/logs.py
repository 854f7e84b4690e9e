"""What modules log, whatever an earlier test of the same process configured."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs


@contextmanager
def logged(*modules: ModuleType) -> Iterator[list[MutableMapping[str, Any]]]:
    """The lines that these modules log meanwhile.

    A logger that was used under a configuration with a cache keeps that one for ever: each gets a new one.
    """
    before = structlog.get_config()
    structlog.reset_defaults()
    try:
        with pytest.MonkeyPatch.context() as patch, capture_logs() as lines:
            for module in modules:
                patch.setattr(module, "log", structlog.get_logger())
            yield lines
    finally:
        structlog.configure(**before)
