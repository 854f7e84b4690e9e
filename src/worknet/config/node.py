"""`node.toml`: what one operator tells his worker - keys, chain access, and where each dataset comes from."""

from collections.abc import Mapping

from pydantic import Field

from worknet.config.chain import ChainSection
from worknet.config.document import ConfigFile, Section, nearest
from worknet.config.errors import SecretError
from worknet.config.fed_datasets import DatasetSource
from worknet.config.hooks import HookSection
from worknet.config.journal import JournalSection
from worknet.config.keys import Key
from worknet.config.network import NetworkConfig
from worknet.config.operations import AdminSection, AlertsSection, HealthSection, HttpSection, LogSection
from worknet.config.publishing import PublishingSection
from worknet.config.secrets import SecretRef
from worknet.config.sharing import SharingSection
from worknet.config.triggers import TriggerSource
from worknet.config.values import (
    BundlePlace,
    Duration,
    EpochKey,
    FilePath,
    Label,
    Name,
    Size,
    Span,
)

ENCRYPTION_KEY = "encryption-key"
"""The file beside node.toml that `node init` writes the encryption key into."""


class NodeSection(Section):
    """`[node]`: the worker itself."""

    name: Label = Field(description="what the operator calls the worker", examples=["alpha"])
    data_dir: FilePath = Field(description="the folder of journal and index", examples=["data"])
    network: FilePath = Field(description="the network's file", examples=["../network.toml"])
    votings_at_once: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="how many votings are worked on at once; the inputs of all of them may be in memory",
        examples=[8],
    )
    runs_at_once: int = Field(
        default=2,
        ge=1,
        le=64,
        description="how many runs of each workflow go on at once, for one may hang",
        examples=[2],
    )
    stop_within: Duration = Field(
        default=60,
        description="how long a worker that is stopped may take to finish what it cast",
        examples=["60s"],
    )
    trigger_key: SecretRef | None = Field(
        default=None,
        description="where the members' trigger key is found, 32 bytes in hex digits: for events",
        examples=[{"file": "trigger-key"}],
    )
    encryption_key: SecretRef | None = Field(
        default=None,
        description="where the private key to the enrolled encryption key is found, 32 bytes in hex digits; "
        "without it, the file encryption-key beside node.toml",
        examples=[{"file": "encryption-key"}],
    )
    allow_unisolated: bool = Field(
        default=False,
        description="run workflows even where the system cannot cut off their network",
        examples=[False],
    )


class NodeWorkflow(Section):
    """`[workflows.NAME]`: a workflow that this worker votes on."""

    time_limit: Span = Field(default=60, description="how long one run may take", examples=["60s"])
    memory_limit: Size = Field(
        default=1 << 30, description="how much memory one run may take", examples=["1GiB"]
    )
    datasets: Mapping[Name, DatasetSource] = Field(
        default_factory=dict, description="where each dataset comes from"
    )
    trigger: TriggerSource | None = Field(
        default=None, description="where its events come from, if it votes on events: a table"
    )
    webhooks: Mapping[Name, HookSection] = Field(
        default_factory=dict,
        description="the webhooks that its fallback handlers may have called, each a table under its name",
    )
    bundles: tuple[BundlePlace, ...] = Field(
        default=(),
        strict=False,
        description="where versions of the workflow are, beside the folder that network.toml names: "
        "folders with folders or archives in them, and addresses of archives",
        examples=[["bundles", "https://host.example/bundles/{digest}.tar.gz"]],
    )


class NodeConfig(ConfigFile):
    """The whole file. Durations are in seconds, sizes in bytes, paths are resolved beside the file."""

    node: NodeSection = Field(description="the worker itself: a table")
    chain: ChainSection = Field(description="access to the chain: a table")
    key: Key = Field(description="the key that votes: a table")
    data_keys: Mapping[EpochKey, SecretRef] = Field(
        default_factory=dict, description="where the data key of each epoch is found: 32 bytes in hex digits"
    )
    workflows: Mapping[Name, NodeWorkflow] = Field(
        default_factory=dict,
        description="the workflows that this worker votes on, each a table under its name",
    )
    journal: JournalSection = Field(
        default_factory=JournalSection, description="where the journal lies: a table"
    )
    http: HttpSection | None = Field(default=None, description="where it answers over HTTP: a table")
    admin: AdminSection | None = Field(default=None, description="who may steer it over HTTP: a table")
    log: LogSection = Field(default_factory=LogSection, description="where its log goes: a table")
    health: HealthSection = Field(
        default_factory=HealthSection, description="from when on something counts as wrong: a table"
    )
    alerts: AlertsSection | None = Field(default=None, description="whom to tell of what: a table")
    sharing: SharingSection = Field(
        default_factory=SharingSection,
        description="what the other members are told of votings whose ballots differ: a table",
    )
    publishing: PublishingSection | None = Field(
        default=None, description="where results that a workflow declares public are published: a table"
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

    def encryption_key(self) -> bytes:
        """The private key to the announced X25519 key, 32 bytes; `ConfigError` if it cannot be had."""
        named = self.node.encryption_key
        try:
            return (named or SecretRef(file=self.file.parent / ENCRYPTION_KEY)).resolve_bytes(32)
        except SecretError as error:
            raise self.error(("node", "encryption_key"), str(error), error.hint) from None
