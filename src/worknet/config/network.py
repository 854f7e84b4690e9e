"""`network.toml`: what all members of a network share - chain, contracts, workflows, policies, amounts."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, JsonValue

from worknet.config.document import ConfigFile, Section, nearest
from worknet.config.publishing import PublishedPlace
from worknet.config.values import (
    Address,
    Currency,
    Duration,
    Epoch,
    FilePath,
    Hash32,
    Instant,
    Label,
    Name,
    Span,
    Threshold,
)
from worknet.protocol.errors import ProtocolError
from worknet.protocol.policy import Policy
from worknet.protocol.words import Ballots, Fallback

REWARD_PERIOD_SECONDS = 30 * 86_400

_LARGEST_INTEGER = (1 << 63) - 1  # TOML has 64-bit integers
_NOTHING: dict[str, JsonValue] = {"default": "0"}  # an amount of 0, as the file would have it


class NetworkSection(Section):
    """`[network]`: which chain, and which contract on it."""

    name: Label = Field(description="what people call the network", examples=["demo"])
    chain_id: int = Field(
        ge=1, le=_LARGEST_INTEGER, description="the chain's number (EIP-155)", examples=[31337]
    )
    contract: Address | None = Field(
        default=None, description="the address of the contract; `worknet network deploy` fills it in"
    )
    deployed_block: int | None = Field(
        default=None,
        ge=0,
        le=_LARGEST_INTEGER,
        description="the block of the deployment, where reading of events begins",
    )
    confirmations: int = Field(
        default=0, ge=0, le=100_000, description="how deep a block must lie before it counts", examples=[6]
    )
    published: tuple[PublishedPlace, ...] = Field(
        default=(),
        strict=False,
        max_length=64,
        description="where members publish results: folders, and addresses under which servers have them; "
        "nobody needs to trust these",
        examples=[["https://alpha.example/published", "published"]],
    )


class RewardsSection(Section):
    """`[rewards]`: the pool, and what it pays per period; amounts are in wei here."""

    period: Span = Field(
        default=REWARD_PERIOD_SECONDS,
        description="the length of a reward period, for the network's life",
        examples=["30d"],
    )
    base: Currency = Field(
        default=0,
        json_schema_extra=_NOTHING,
        description="what a worker earns that was enrolled throughout a period and there in it",
        examples=["10"],
    )
    consistency: Currency = Field(
        default=0,
        json_schema_extra=_NOTHING,
        description="what a worker earns that had the agreed result in all votings of a period",
        examples=["2.5"],
    )
    contract: Address | None = Field(
        default=None, description="the address of the pool; `worknet network deploy` fills it in"
    )


class PolicySection(Section):
    """`[workflows.NAME.policy]`: the rules of its votings, without the trigger, which the bundle declares."""

    start: Instant = Field(
        default=0,
        description="the first slot's time, in seconds since 1970 or with its zone",
        examples=["2026-01-01T00:00:00Z"],
    )
    max_age: Duration = Field(
        default=0, description="how long after it is due a slot may open; 0: for ever", examples=["2h"]
    )
    threshold: Threshold = Field(
        default=(0, 1),
        description="what part of the members must agree, more than half at least",
        examples=["majority"],
    )
    ballots: Literal["open", "sealed"] = Field(
        default="sealed",
        description="whether a ballot can be read before all have voted",
        examples=["sealed"],
    )
    cast_window: Span = Field(description="how long members may cast ballots", examples=["5m"])
    reveal_window: Span = Field(description="how long members may reveal sealed ballots", examples=["5m"])
    stall: Span = Field(description="how long the next attempt may stay unopened", examples=["1h"])
    fallback: Literal["alert", "plurality", "failover", "failover_then_plurality"] = Field(
        default="alert", description="what happens when attempt 2 fails", examples=["alert"]
    )
    accuracy: Currency = Field(
        default=0,
        json_schema_extra=_NOTHING,
        description="what a ballot for the agreed result earns, if sealed",
        examples=["0.05"],
    )
    speed: Currency = Field(
        default=0,
        json_schema_extra=_NOTHING,
        description="what the first of the seals for it earns besides",
        examples=["0.01"],
    )
    data_key_epoch: Epoch = Field(
        description="the number of the data key that salts the votings", examples=[1]
    )
    data_key_commitment: Hash32 = Field(description="the commitment to that data key: 0x and 64 hex digits")


class WorkflowSection(Section):
    """`[workflows.NAME]`: a workflow of the network."""

    folder: FilePath = Field(
        description="the folder of the workflow's bundle", examples=["workflows/matching_24_7"]
    )
    policy: PolicySection = Field(description="the rules of its votings: a table")


class NetworkConfig(ConfigFile):
    """The whole file. Durations are in seconds, `start` is a Unix time, amounts in wei; paths stand beside
    the file."""

    network: NetworkSection = Field(description="chain and contract: a table")
    rewards: RewardsSection = Field(
        default_factory=RewardsSection, description="the pool and its amounts: a table"
    )
    workflows: Mapping[Name, WorkflowSection] = Field(
        default_factory=dict, description="the workflows, each a table under its name"
    )

    def workflow(self, name: str) -> WorkflowSection:
        """The workflow of that name; `ConfigError` with the nearest name if there is none."""
        if name not in self.workflows:
            known = list(self.workflows)
            raise self.error(("workflows", name), "there is no such workflow", nearest(name, known))
        return self.workflows[name]

    def policy(self, workflow: str, *, bundle_digest: bytes, every: int, delay: int) -> Policy:
        """The workflow's policy, joined with its bundle's digest and trigger (`every`, `delay` in seconds).

        `ConfigError` names this file if the policy breaks a rule of the protocol.
        """
        section = self.workflow(workflow).policy
        numerator, denominator = section.threshold
        try:
            return Policy(
                bundle_digest=bundle_digest,
                data_key_epoch=section.data_key_epoch,
                data_key_commitment=section.data_key_commitment,
                every=every,
                delay=delay,
                start=section.start,
                max_age=section.max_age,
                threshold_num=numerator,
                threshold_den=denominator,
                ballots=Ballots[section.ballots.upper()],
                cast_window=section.cast_window,
                reveal_window=section.reveal_window,
                stall=section.stall,
                fallback=Fallback[section.fallback.upper()],
                accuracy=section.accuracy,
                speed=section.speed,
            )
        except ProtocolError as error:
            raise self.error(("workflows", workflow, "policy"), str(error), error.hint) from error

    def deployed(self) -> tuple[bytes, int]:
        """The contract's address and the block of its deployment; `ConfigError` if it is not deployed yet."""
        section = self.network
        if section.contract is None or section.deployed_block is None:
            missing = "contract" if section.contract is None else "deployed_block"
            raise self.error(
                ("network", missing), "is missing", "deploy the contract: `worknet network deploy`"
            )
        return section.contract, section.deployed_block

    def pool(self) -> bytes:
        """The address of the network's pool; `ConfigError` if there is none yet."""
        if self.rewards.contract is None:
            raise self.error(
                ("rewards", "contract"), "is missing", "deploy the pool: `worknet network deploy`"
            )
        return self.rewards.contract
