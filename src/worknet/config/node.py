"""`node.toml`: what one operator tells his worker - keys, chain access, and where each dataset comes from."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from worknet.config.document import ConfigFile, Section, nearest
from worknet.config.network import NetworkConfig
from worknet.config.secrets import SecretRef
from worknet.config.values import (
    EpochKey,
    FilePath,
    Label,
    Name,
    PrivateUrl,
    Size,
    Span,
    WindowedPath,
    WindowedUrl,
    refuse,
)


class NodeSection(Section):
    """`[node]`: the worker itself."""

    name: Label = Field(description="what the operator calls the worker", examples=["alpha"])
    data_dir: FilePath = Field(description="the folder of journal and index", examples=["data"])
    network: FilePath = Field(description="the network's file", examples=["../network.toml"])
    votings_at_once: int = Field(
        default=8, ge=1, le=1000, description="how many votings are worked on at once", examples=[8]
    )
    runs_at_once: int = Field(
        1, ge=1, le=64, description="how many runs of workflows go on at once", examples=[1]
    )
    allow_unisolated: bool = Field(
        default=False,
        description="run workflows even where the system cannot cut off their network",
        examples=[False],
    )


class ChainSection(Section):
    """`[chain]`: access to the chain."""

    rpc: PrivateUrl = Field(description="the chain's JSON-RPC address", examples=["http://127.0.0.1:8545"])


class KeySection(Section):
    """`[key]`: the key that votes."""

    keystore: FilePath = Field(
        description="the keystore file (Web3 Secret Storage)", examples=["worker.json"]
    )
    password: SecretRef = Field(
        description="where its password is found", examples=[{"file": "worker.password"}]
    )


def _source_name(value: object) -> object:
    if not isinstance(value, str) or not value:
        refuse("is no name of the source's column", "a text that is not empty")
    return value


class DatasetSection(Section):
    """What every dataset has, wherever it comes from."""

    columns: Mapping[Name, Annotated[str, BeforeValidator(_source_name)]] = Field(
        default_factory=dict,
        description="the schema's columns that the source calls otherwise",
        examples=[{"consumer": "meter_id"}],
    )


class FileDataset(DatasetSection):
    """A dataset in files: one per window, or one for all with a column that tells the time."""

    source: Literal["file"]
    path: WindowedPath = Field(
        description="the file; may hold {start} and {end}, also as {start:%Y-%m-%d}",
        examples=["generation/{start}.csv"],
    )
    format: Literal["csv", "parquet"] | None = Field(
        default=None,
        description="the file's format, if its name does not end in .csv or .parquet",
        examples=["csv"],
    )
    time_column: Annotated[str, BeforeValidator(_source_name)] | None = Field(
        default=None,
        description="the file's column with each row's time, which the window is cut out by",
        examples=["start"],
    )

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.source_from`."""
        return {
            "path": self.path,
            "format": self.format,
            "time_column": self.time_column,
            "columns": dict(self.columns),
        }


class HttpDataset(DatasetSection):
    """A dataset behind an HTTP API that answers in JSON."""

    source: Literal["http"]
    url: WindowedUrl = Field(
        description="the address; may hold {start} and {end}, also as {start:%Y-%m-%dT%H:%M:%SZ}",
        examples=["https://host.example/consumption?start={start}&end={end}"],
    )
    token: SecretRef | None = Field(
        default=None, description="where the bearer token is found", examples=[{"file": "api-token"}]
    )
    timeout: Span = Field(default=10, description="how long one request may take", examples=["10s"])
    retries: int = Field(
        default=4, ge=0, le=100, description="how often a failed request is repeated", examples=[4]
    )
    rows: str = Field(
        default="", description="where in the answer the rows stand: a key or JSON pointer", examples=["rows"]
    )

    def options(self) -> dict[str, object]:
        """The arguments of `worknet.sources.source_from`; reads the token, so a `SecretError` may come."""
        return {
            "url": self.url.value,
            "token": self.token.resolve() if self.token is not None else None,
            "timeout": self.timeout,
            "retries": self.retries,
            "rows": self.rows,
            "columns": dict(self.columns),
        }


class NodeWorkflow(Section):
    """`[workflows.NAME]`: a workflow that this worker votes on."""

    time_limit: Span = Field(default=60, description="how long one run may take", examples=["60s"])
    memory_limit: Size = Field(
        default=1 << 30, description="how much memory one run may take", examples=["1GiB"]
    )
    datasets: Mapping[Name, Annotated[FileDataset | HttpDataset, Field(discriminator="source")]] = Field(
        default_factory=dict, description="where each dataset comes from"
    )


class NodeConfig(ConfigFile):
    """The whole file. Durations are in seconds, sizes in bytes, paths are resolved beside the file."""

    node: NodeSection = Field(description="the worker itself: a table")
    chain: ChainSection = Field(description="access to the chain: a table")
    key: KeySection = Field(description="the key that votes: a table")
    data_keys: Mapping[EpochKey, SecretRef] = Field(
        default_factory=dict, description="where the data key of each epoch is found: 32 bytes in hex digits"
    )
    workflows: Mapping[Name, NodeWorkflow] = Field(
        default_factory=dict,
        description="the workflows that this worker votes on, each a table under its name",
    )

    def load_network(self) -> NetworkConfig:
        """Read the network's file and check that the two fit.

        `ConfigError` for a workflow that the network does not have, and for a data key that is missing here.
        """
        network = NetworkConfig.load(self.node.network)
        for name in self.workflows:
            if name not in network.workflows:
                wrong = f"{network.file} has no such workflow"
                raise self.error(("workflows", name), wrong, nearest(name, list(network.workflows)))
            epoch = network.workflows[name].policy.data_key_epoch
            if epoch not in self.data_keys:
                right = f'{epoch} = {{ file = "..." }}, which the policy of {name} in {network.file} asks for'
                raise self.error(("data_keys", str(epoch)), "is missing", right)
        return network

    def data_key(self, epoch: int) -> bytes:
        """The members' data key of that epoch, 32 bytes; `ConfigError` if it is missing or cannot be read."""
        if epoch not in self.data_keys:
            raise self.error(("data_keys", str(epoch)), "is missing", f'{epoch} = {{ file = "..." }}')
        return self.data_keys[epoch].resolve_bytes(32)
