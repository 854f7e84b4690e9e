"""Fixtures for all tests: the servers of the integration tests. And a second try of what runs real processes.

Tests over networks of real processes wait for clocks, ports and schedulers that they share with whatever else
the machine does. One that fails is run once more, and reported with an R: one that needs it again and again
has a race, and is mended. Tests of pure code have no second try; nor are their examples held to a deadline,
which on a shared machine measures the others.
"""

from pathlib import Path

import hypothesis
import pytest
from tests.services import mariadb_url, mqtt_url, nats_url, postgres_url, rabbitmq_url, redis_url, unique

__all__ = ["mariadb_url", "mqtt_url", "nats_url", "postgres_url", "rabbitmq_url", "redis_url", "unique"]

hypothesis.settings.register_profile("worknet", deadline=None)
hypothesis.settings.load_profile("worknet")

_OF_PROCESSES = tuple(Path(__file__).parent / folder for folder in ("chaos", "integration"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives the tests of processes their second try."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in _OF_PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))
