"""Where a workflow's events come from: `[workflows.NAME.trigger]`, a section for each kind of source.

What counts as an event is the workflow's to declare, alike at all members; how it reaches this worker, its
operator's to say here.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from worknet.config.chain import ChainSection
from worknet.config.datasets import DatasetSection, HttpDataset, SqlDataset, WrittenSection
from worknet.config.feeds import KafkaFeed, MqttFeed, NatsFeed, RabbitmqFeed, RedisFeed
from worknet.config.secrets import SecretRef
from worknet.config.values import Address, Size, Span


class NatsTrigger(DatasetSection, WrittenSection, NatsFeed):
    """Events in a stream of NATS JetStream."""


class MqttTrigger(DatasetSection, WrittenSection, MqttFeed):
    """Events in topics of an MQTT broker."""


class RabbitmqTrigger(DatasetSection, WrittenSection, RabbitmqFeed):
    """Events in a queue of RabbitMQ."""


class KafkaTrigger(DatasetSection, WrittenSection, KafkaFeed):
    """Events in a topic of Kafka."""


class RedisTrigger(DatasetSection, WrittenSection, RedisFeed):
    """Events in a stream of Redis."""


class WebhookTrigger(DatasetSection, WrittenSection):
    """Events that somebody tells the worker over HTTP, at `/hooks/NAME` of its `[http]` address."""

    source: Literal["webhook"]
    secrets: list[SecretRef] = Field(
        min_length=1,
        max_length=5,
        description="where the secrets are found that requests are signed with; several while one is renewed",
        examples=[[{"file": "webhook.secret"}]],
    )
    tolerance: Span = Field(
        default=300, description="by how much a request's timestamp may be off", examples=["5m"]
    )
    most_bytes: Size = Field(
        default=64 * 1024, le=1 << 20, description="how large a request may be", examples=["64KiB"]
    )


class LogTrigger(DatasetSection, ChainSection):
    """Events that a contract logs, on any chain: its own address, or several, as `[chain]` has them."""

    source: Literal["log"]
    chain_id: int = Field(ge=1, lt=1 << 53, description="that chain's id", examples=[246])
    contract: Address = Field(
        description="the contract's address", examples=["0x5e82a2b5f1a8f2a3d6c0c5b0e1f0a9b8c7d6e5f4"]
    )
    confirmations: int = Field(
        ge=0,
        lt=1 << 32,
        description="how many blocks must stand on a log's block before it counts",
        examples=[12],
    )
    first_block: int = Field(
        ge=0,
        lt=1 << 53,
        description="the first block that is looked at: the same at all members",
        examples=[28_000_000],
    )
    every: Span = Field(default=5, description="how often new blocks are looked for", examples=["5s"])


FeedTrigger = NatsTrigger | MqttTrigger | RabbitmqTrigger | KafkaTrigger | RedisTrigger
PollTrigger = HttpDataset | SqlDataset
TriggerSource = Annotated[
    FeedTrigger | PollTrigger | WebhookTrigger | LogTrigger, Field(discriminator="source")
]
"""Where events come from, told apart by `source`."""

SOURCES: Mapping[str, tuple[str, ...]] = {
    "message": ("nats", "mqtt", "rabbitmq", "kafka", "redis"),
    "poll": ("http", "sql"),
    "webhook": ("webhook",),
    "log": ("log",),
}
"""What `source` may be, by the kind of trigger that the workflow declares."""
