"""The configuration of a network (`network.toml`) and of a worker (`node.toml`).

Reading a file gives a checked, unchangeable model, or one error with everything that is wrong: file,
line, key, and what would be right. Secrets are references here, read only when asked for.
"""

from worknet.config.amounts import AmountError, amount_text, wei_of
from worknet.config.datasets import FileDataset, HttpDataset, ObjectDataset, SqlDataset
from worknet.config.document import ConfigFile
from worknet.config.errors import ConfigError, ConfigFileError, Problem, SecretError
from worknet.config.network import (
    NetworkConfig,
    NetworkSection,
    PolicySection,
    RewardsSection,
    WorkflowSection,
)
from worknet.config.node import NodeConfig, NodeWorkflow
from worknet.config.schemas import schema
from worknet.config.secrets import SecretRef
from worknet.config.values import Url

__all__ = [
    "AmountError",
    "ConfigError",
    "ConfigFile",
    "ConfigFileError",
    "FileDataset",
    "HttpDataset",
    "NetworkConfig",
    "NetworkSection",
    "NodeConfig",
    "NodeWorkflow",
    "ObjectDataset",
    "PolicySection",
    "Problem",
    "RewardsSection",
    "SecretError",
    "SecretRef",
    "SqlDataset",
    "Url",
    "WorkflowSection",
    "amount_text",
    "schema",
    "wei_of",
]
