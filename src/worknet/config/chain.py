"""`[chain]` of `node.toml`: by which RPC URLs the chain is read, and how far each of them is believed."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from worknet.config.document import Section
from worknet.config.values import Span, Url, kind, refuse, url_of

MOST_URLS = 16

_ONE = {"type": "string", "pattern": "^https?://"}


def _urls(value: object) -> tuple[Url, ...]:
    """One address, or several in the order of preference."""
    if isinstance(value, str | Url):
        return (url_of(value),)
    right = 'an address such as "https://host.example/path", or an array of different ones'
    if not isinstance(value, list | tuple):
        refuse(f"is {kind(value)}", right)
    if not 1 <= len(value) <= MOST_URLS:
        refuse(f"has {len(value)} addresses", f"1 to {MOST_URLS}")
    found = []
    for number, each in enumerate(value, start=1):
        try:
            found.append(url_of(each))
        except PydanticCustomError as error:
            context = error.context or {}
            refuse(f"address {number} {context.get('wrong', '')}", str(context.get("right", "")))
    if len({url.value for url in found}) != len(found):
        refuse("has an address twice", "each once: one that answers twice is no quorum")
    return tuple(found)


RpcUrls = Annotated[
    tuple[Url, ...],
    BeforeValidator(_urls),
    WithJsonSchema(
        {
            "oneOf": [
                _ONE,
                {"type": "array", "items": _ONE, "minItems": 1, "maxItems": MOST_URLS, "uniqueItems": True},
            ]
        }
    ),
]


class ChainSection(Section):
    """`[chain]`: access to the chain."""

    rpc: RpcUrls = Field(
        description="the chain's JSON-RPC address, or several in the order of preference",
        examples=["http://127.0.0.1:8545", ["https://a.example/rpc", "https://b.example/rpc"]],
    )
    quorum: int = Field(
        default=1,
        ge=1,
        le=MOST_URLS,
        description="how many of the addresses must agree on a block and its events before they count",
        examples=[2],
    )
    timeout: Span = Field(default=20, description="how long one request may take", examples=["20s"])
    stale_after: Span = Field(
        default=300,
        description="how old the newest block may be before the chain counts as stale",
        examples=["5m"],
    )

    @model_validator(mode="after")
    def _check_quorum(self) -> "ChainSection":
        if self.quorum > len(self.rpc):
            refuse(f"quorum is {self.quorum} of {len(self.rpc)} addresses", "at most as many as there are")
        return self

    def options(self) -> dict[str, Any]:
        """The arguments of `worknet.chain.rpc.Rpc` beside the chain id."""
        return {
            "url": [url.value for url in self.rpc],
            "quorum": self.quorum,
            "timeout": float(self.timeout),
            "stale_after": float(self.stale_after),
        }
