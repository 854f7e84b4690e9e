"""Fixtures for all tests: the servers of the integration tests."""

from tests.services import mariadb_url, mqtt_url, nats_url, postgres_url, rabbitmq_url, redis_url, unique

__all__ = ["mariadb_url", "mqtt_url", "nats_url", "postgres_url", "rabbitmq_url", "redis_url", "unique"]
