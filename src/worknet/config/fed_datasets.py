"""Datasets that a broker brings: what they have beside the broker's own options, a section for each kind.

And the union of all kinds, in which `source` tells them apart.
"""

from typing import Annotated, Literal

from pydantic import Field

from worknet.config.datasets import DatasetSection, PulledDataset, SourceName, WrittenSection
from worknet.config.feeds import KafkaFeed, MqttFeed, NatsFeed, RabbitmqFeed, RedisFeed
from worknet.config.results import ResultsDataset
from worknet.config.values import Span


class FedDataset(DatasetSection, WrittenSection):
    """What every dataset has whose rows arrive one by one, each with its own time."""

    time_column: SourceName = Field(
        description="the field with each row's own time, in Unix seconds or ISO 8601 with its zone: the row "
        "belongs to the window of that time. The schema need not have it",
        examples=["measured_at"],
    )
    complete: Literal["delay", "marker"] = Field(
        default="delay",
        description="when a window is complete: at its end and the trigger's delay, or when a message "
        '{"end_of": "2026-01-31T10:00:00Z"} has said so',
        examples=["delay"],
    )
    keep: Span = Field(
        default=35 * 86_400,
        description="how long a window's rows are kept, and taken, after it has ended",
        examples=["35d"],
    )


class NatsDataset(FedDataset, NatsFeed):
    """A dataset in a stream of NATS JetStream."""


class MqttDataset(FedDataset, MqttFeed):
    """A dataset in topics of an MQTT broker."""


class RabbitmqDataset(FedDataset, RabbitmqFeed):
    """A dataset in a queue of RabbitMQ."""


class KafkaDataset(FedDataset, KafkaFeed):
    """A dataset in a topic of Kafka."""


class RedisDataset(FedDataset, RedisFeed):
    """A dataset in a stream of Redis."""


BrokerDataset = NatsDataset | MqttDataset | RabbitmqDataset | KafkaDataset | RedisDataset
DatasetSource = Annotated[PulledDataset | BrokerDataset | ResultsDataset, Field(discriminator="source")]
"""Where a dataset comes from, told apart by `source`."""
