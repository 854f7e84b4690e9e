"""`local.toml`: what `worknet up` starts beside the workers - a development chain, an owner, services."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from worknet.config.document import ConfigFile, Section
from worknet.config.secrets import SecretRef
from worknet.config.values import FilePath, Instant, Label


class LocalChainSection(Section):
    """`[chain]`: the development chain, which lives in the folder `chain` beside the file."""

    kind: Literal["anvil", "builtin"] = Field(description="which development chain", examples=["builtin"])
    port: int = Field(ge=1, le=65535, description="the port of its JSON-RPC server", examples=[8545])
    genesis_time: Instant = Field(
        description="the time of its first block, in seconds since 1970 or with its zone",
        examples=["2026-01-01T00:00:00Z"],
    )


class OwnerSection(Section):
    """`[owner]`: the account that governs the network."""

    keystore: FilePath = Field(description="the keystore file (Web3 Secret Storage)", examples=["owner.json"])
    password: SecretRef = Field(
        description="where its password is found", examples=[{"file": "owner.password"}]
    )


class ServiceSection(Section):
    """`[services.NAME]`: a Python module that runs beside the workers, such as an API with their data."""

    module: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_.]*$")] = Field(
        description="the module, run as `python -m MODULE`", examples=["worknet.demo.data_api"]
    )
    arguments: list[str] = Field(
        default_factory=list, description="its arguments", examples=[["--port", "9000"]]
    )
    port: int = Field(ge=1, le=65535, description="the port it listens on, on loopback", examples=[9000])


class LocalConfig(ConfigFile):
    """The whole file; `network.toml` and `nodes/*/node.toml` stand beside it."""

    chain: LocalChainSection = Field(description="the development chain: a table")
    owner: OwnerSection = Field(description="the network's owner: a table")
    services: Mapping[Label, ServiceSection] = Field(
        default_factory=dict, description="what runs beside the workers, each a table under its name"
    )
