"""`[sharing]` of node.toml: what this worker tells the other members of votings that fail, and by which ways.

Nothing by default. What is told is encrypted to the members; the ways are used for reading too.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from worknet.config.document import Section
from worknet.config.drivers import DriverOptions, object_address, resolved
from worknet.config.values import FilePath, PrivateUrl, Span, refuse

MOST_PEERS = 120


def _folder_address(value: object) -> object:
    address = object_address(value, "s3://bucket/statements")
    if "{" in address or "}" in address:
        refuse("holds a placeholder", "the address of one folder for all statements")
    return address


class SharingSection(Section):
    """`[sharing]`: statements on votings whose ballots differ."""

    level: Literal["nothing", "roots", "rows"] = Field(
        default="nothing",
        description="what the other members are told: nothing, which datasets and tables differ (roots), or "
        "also which rows and columns, without their values (rows)",
        examples=["rows"],
    )
    folder: FilePath | None = Field(
        default=None,
        description="a folder that members share: statements are put there and looked for",
        examples=["/mnt/shared/statements"],
    )
    url: Annotated[str, BeforeValidator(_folder_address)] | None = Field(
        default=None,
        repr=False,
        description="a folder in an object store or on a remote file system, used alike",
        examples=["s3://bucket/statements"],
    )
    driver: DriverOptions = Field(
        default_factory=dict,
        description="what fsspec's driver for url is told: credentials, as references, and endpoint",
        examples=[{"key": {"env": "S3_KEY"}, "secret": {"env": "S3_SECRET"}}],
    )
    peers: list[PrivateUrl] = Field(
        default_factory=list,
        max_length=MOST_PEERS,
        description="the addresses of other workers' HTTP servers, which are asked for their statements",
        examples=[["https://beta.example:9464"]],
    )
    tls_ca: FilePath | None = Field(
        default=None,
        description="the certificates of the authorities that peers' are checked with, in PEM form, where "
        "they are not public ones",
        examples=["members-ca.pem"],
    )
    timeout: Span = Field(
        default=20, description="how long one look at one of the ways may take", examples=["20s"]
    )

    @model_validator(mode="after")
    def must_fit_together(self) -> "SharingSection":
        """Refuse what belongs to a way that is not named."""
        if self.driver and self.url is None:
            refuse("has a driver, but no url that it is for", 'url = "s3://bucket/statements"')
        if self.tls_ca is not None and not self.peers:
            refuse("has tls_ca, but no peers", 'peers = ["https://beta.example:9464"]')
        return self

    def options(self) -> dict[str, Any]:
        """The arguments of `worknet.sources.channels_from`; reads secrets, so a `SecretError` may come."""
        return {
            "folder": self.folder,
            "url": self.url,
            "driver": resolved(self.driver),
            "peers": [peer.value for peer in self.peers],
            "tls_ca": self.tls_ca,
            "timeout": float(self.timeout),
        }
