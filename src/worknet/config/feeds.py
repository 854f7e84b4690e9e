"""Brokers, as sources of a dataset or of a trigger's events: a section of options for each kind.

Each section's `options()` are the arguments of `worknet.sources.feed.feed_from` after the name that the
broker remembers the worker by: `consumer`, or what the worker derives from its own names.
"""

from collections.abc import Callable
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from worknet.config.document import Section
from worknet.config.secrets import SecretRef
from worknet.config.values import FilePath, Label, kind, refuse


def _server(*schemes: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        right = f'an address such as "{schemes[0]}://host.example:1234"'
        if not isinstance(value, str):
            refuse(f"is {kind(value)}", right)
        # What stands here may hold a password: it is never shown.
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError:
            refuse("is no address", right)
        if parts.username is not None or parts.password is not None:
            refuse("holds a user or a password", "the address alone; `user` and `password` stand beside it")
        if (
            parts.scheme not in schemes
            or not parts.hostname
            or port == 0
            or not value.isascii()
            or " " in value
        ):
            refuse(f"is no {'://, '.join(schemes)}:// address", right)
        if parts.path not in {"", "/"} or parts.query or parts.fragment or not value.isprintable():
            refuse("holds more than a server", right)
        return value.rstrip("/")

    return check


def _server_schema(*schemes: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(schemes)})://[^/@]+/?$"})


# A broker's address: a scheme, a host and maybe a port, and no credentials.
NatsAddress = Annotated[str, BeforeValidator(_server("nats", "tls")), _server_schema("nats", "tls")]
MqttAddress = Annotated[str, BeforeValidator(_server("mqtt", "mqtts")), _server_schema("mqtt", "mqtts")]

RabbitmqAddress = Annotated[str, BeforeValidator(_server("amqp", "amqps")), _server_schema("amqp", "amqps")]
KafkaAddress = Annotated[str, BeforeValidator(_server("kafka")), _server_schema("kafka")]
RedisAddress = Annotated[str, BeforeValidator(_server("redis", "rediss")), _server_schema("redis", "rediss")]


class TlsSection(Section):
    """`tls`: how the broker proves who it is, and the worker to it. An empty table: as the system trusts."""

    ca: FilePath | None = Field(
        default=None,
        description="the certificates that the broker's must lead to, in PEM; the system's if left out",
        examples=["broker-ca.pem"],
    )
    certificate: FilePath | None = Field(
        default=None,
        description="the worker's own certificate, in PEM, for brokers that ask for one",
        examples=["worker.pem"],
    )
    key: FilePath | None = Field(
        default=None, description="the key of the worker's certificate, in PEM", examples=["worker-key.pem"]
    )


class FeedSection(Section):
    """What every broker has."""

    consumer: Label | None = Field(
        default=None,
        description="what the broker remembers this worker by; derived from the worker's name if left out. "
        "No other reader may have it",
        examples=["alpha-consumption"],
    )
    batch: int = Field(
        default=1000,
        ge=1,
        le=10_000,
        description="how many messages are journalled at once, at most",
        examples=[1000],
    )
    user: str | None = Field(default=None, description="the user at the broker", examples=["worknet"])
    password: SecretRef | None = Field(
        default=None, description="where the user's password is found", examples=[{"file": "broker.password"}]
    )
    tls: TlsSection | None = Field(default=None, description="TLS; without it as the address says: a table")

    def common_options(self) -> dict[str, object]:
        """The options that all feeds take; reads the password, so a `SecretError` may come."""
        return {
            "batch": self.batch,
            "user": self.user,
            "password": _resolved(self.password),
            "tls": dict(self.tls) if self.tls is not None else None,
        }


class NatsFeed(FeedSection):
    """A stream of NATS JetStream."""

    source: Literal["nats"]
    servers: list[NatsAddress] = Field(
        min_length=1,
        description="the servers' addresses, all of one cluster",
        examples=[["nats://127.0.0.1:4222"]],
    )
    stream: str = Field(
        pattern=r"^[^\s.*>/\\]{1,255}$", description="the stream's name", examples=["CONSUMPTION"]
    )
    subject: str | None = Field(
        default=None,
        pattern=r"^[^\s]{1,255}$",
        description="which of the stream's subjects to read, with the wildcards * and >; all if left out",
        examples=["meters.*.readings"],
    )
    deliver: Literal["all", "new"] = Field(
        default="all",
        description="where a new consumer begins: at the stream's oldest message, or with new ones",
        examples=["all"],
    )
    token: SecretRef | None = Field(
        default=None, description="where a token is found, if that is what the server asks for"
    )
    nkey: SecretRef | None = Field(
        default=None, description="where the seed of the user's nkey is found", examples=[{"file": "user.nk"}]
    )
    credentials: SecretRef | None = Field(
        default=None,
        description="where the user's credentials are found: a .creds file with JWT and seed",
        examples=[{"file": "worker.creds"}],
    )

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.feed.feed_from`; reads secrets, so a `SecretError` may come."""
        return self.common_options() | {
            "servers": tuple(self.servers),
            "stream": self.stream,
            "subject": self.subject,
            "deliver": self.deliver,
            "token": _resolved(self.token),
            "nkey": _resolved(self.nkey),
            "credentials": _resolved(self.credentials),
        }


class MqttFeed(FeedSection):
    """Topics of an MQTT broker, read with QoS 1 in a session that the broker keeps."""

    source: Literal["mqtt"]
    server: MqttAddress = Field(description="the broker's address", examples=["mqtt://127.0.0.1:1883"])
    topics: list[Annotated[str, Field(pattern=r"^[^\x00]{1,1024}$")]] = Field(
        min_length=1,
        description="the topics to read, with the wildcards + and #",
        examples=[["meters/+/readings"]],
    )
    version: Literal["3.1.1", "5"] = Field(
        default="5", description="the version of MQTT that the broker speaks", examples=["5"]
    )

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.feed.feed_from`; reads secrets, so a `SecretError` may come."""
        return self.common_options() | {
            "server": self.server,
            "topics": tuple(self.topics),
            "version": self.version,
        }


class RabbitmqFeed(FeedSection):
    """A queue of RabbitMQ."""

    source: Literal["rabbitmq"]
    server: RabbitmqAddress = Field(
        description="the broker's address, without a virtual host", examples=["amqp://127.0.0.1:5672"]
    )
    vhost: str = Field(
        default="/", min_length=1, max_length=255, description="the virtual host", examples=["/"]
    )
    queue: str = Field(
        min_length=1,
        max_length=255,
        description="the queue; nobody else reads from it",
        examples=["worknet-alpha-consumption"],
    )
    declare: bool = Field(
        default=False,
        description="make the queue, as a quorum queue, if it is not there",
        examples=[False],
    )
    exchange: str = Field(
        default="",
        max_length=255,
        description="the exchange that a queue made by the worker is bound to; it must be there",
        examples=["meters"],
    )
    binding: str = Field(
        default="",
        max_length=255,
        description="the routing key that such a queue is bound by",
        examples=["readings.*"],
    )

    @model_validator(mode="after")
    def must_declare_what_it_binds(self) -> Self:
        """Refuse a binding of a queue that the worker does not make."""
        if (self.exchange or self.binding) and not (self.declare and self.exchange):
            refuse("has a binding that would not be made", "declare, exchange and binding together, or none")
        return self

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.feed.feed_from`; reads a secret, so a `SecretError` may come."""
        return self.common_options() | {
            "server": self.server,
            "vhost": self.vhost,
            "queue": self.queue,
            "declare": self.declare,
            "exchange": self.exchange,
            "binding": self.binding,
        }


class KafkaFeed(FeedSection):
    """A topic of Kafka. `consumer` is the consumer group."""

    source: Literal["kafka"]
    servers: list[KafkaAddress] = Field(
        min_length=1,
        description="some brokers' addresses, all of one cluster",
        examples=[["kafka://127.0.0.1:9092"]],
    )
    topic: str = Field(
        pattern=r"^[A-Za-z0-9._-]{1,249}$", description="the topic's name", examples=["consumption"]
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512",
        description="how user and password are given (SASL)",
        examples=["SCRAM-SHA-512"],
    )

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.feed.feed_from`; reads a secret, so a `SecretError` may come."""
        return self.common_options() | {
            "servers": tuple(self.servers),
            "topic": self.topic,
            "mechanism": self.mechanism,
        }


class RedisFeed(FeedSection):
    """A stream of Redis. `consumer` is both the consumer group and the consumer."""

    source: Literal["redis"]
    server: RedisAddress = Field(description="the server's address", examples=["redis://127.0.0.1:6379"])
    database: int = Field(default=0, ge=0, description="the database's number", examples=[0])
    stream: str = Field(min_length=1, description="the stream's key", examples=["consumption"])
    field: str = Field(
        default="data",
        min_length=1,
        description="the field of an entry that holds the message; an entry without it is an object of its "
        "fields, all of them texts",
        examples=["data"],
    )
    declare: bool = Field(
        default=False, description="make the stream, empty, if it is not there", examples=[False]
    )

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.feed.feed_from`; reads a secret, so a `SecretError` may come."""
        return self.common_options() | {
            "server": self.server,
            "database": self.database,
            "stream": self.stream,
            "field": self.field,
            "declare": self.declare,
        }


def _resolved(secret: SecretRef | None) -> str | None:
    return secret.resolve() if secret is not None else None
