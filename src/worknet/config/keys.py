"""`[key]` of node.toml, where the key that votes is: in a keystore, in a secret, or in an external signer.

What stands here only names places; nothing is opened, asked for or decrypted.
"""

import ipaddress
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from worknet.config.document import Section, tag_of
from worknet.config.secrets import SecretRef
from worknet.config.values import Address, FilePath, PrivateUrl, kind, refuse

PROMPT = "prompt"
_RIGHT = "exactly one of keystore, private_key and signer"


def _reference_or_prompt(value: object) -> object:
    return None if value == PROMPT else value


class _OrPrompt:
    """In the JSON schema: the word that stands for no reference."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        reference = handler(core)["anyOf"][0]
        return {"anyOf": [reference, {"const": PROMPT}]}


class KeystoreKey(Section):
    """The key in a keystore file, decrypted into memory once at the start."""

    keystore: FilePath = Field(
        description="the keystore file (Web3 Secret Storage)", examples=["worker.json"]
    )
    password: Annotated[SecretRef | None, BeforeValidator(_reference_or_prompt), _OrPrompt()] = Field(
        description='where its password is found, or "prompt": it is asked for on the terminal at the start',
        examples=[{"file": "worker.password"}],
    )
    """None: it is asked for on the terminal."""


class PlainKey(Section):
    """The key itself, in a file or a variable of the environment."""

    private_key: SecretRef = Field(
        description="where the private key is found: 64 lower-case hex digits",
        examples=[{"env": "WORKNET_PRIVATE_KEY"}],
    )


class ExternalKey(Section):
    """The key in an external signer that speaks web3signer's JSON-RPC (eth1); it never comes here."""

    signer: PrivateUrl = Field(description="the signer's address", examples=["http://127.0.0.1:9000"])
    address: Address = Field(
        description="the account it signs with", examples=["0x00000000000000000000000000000000000000Aa"]
    )
    token: SecretRef | None = Field(
        default=None,
        description="where the bearer token is found that a proxy before the signer asks for",
        examples=[{"file": "signer-token"}],
    )
    ca: FilePath | None = Field(
        default=None,
        description="the authority's certificate that the signer's is held against, if it is no public one",
        examples=["signer-ca.pem"],
    )
    certificate: FilePath | None = Field(
        default=None,
        description="this worker's own certificate with its key, if the signer asks for one",
        examples=["worker.pem"],
    )

    @model_validator(mode="after")
    def must_not_send_secrets_in_the_open(self) -> "ExternalKey":
        """Refuse a token on a way that others can read, and TLS's settings where there is none."""
        parts = urlsplit(self.signer.value)
        if parts.username is not None or parts.password is not None:
            refuse("has a user in the signer's address", 'a token = { file = "..." } of its own')
        if parts.scheme == "https":
            return self
        if self.token is not None and not _is_loopback(parts.hostname or ""):
            refuse("would send the token unencrypted to another machine", "signer = https://...")
        if self.ca is not None or self.certificate is not None:
            refuse("names certificates, but the signer's address is no https:// one", "signer = https://...")
        return self


_FORMS: dict[str, type[Section]] = {"keystore": KeystoreKey, "private_key": PlainKey, "signer": ExternalKey}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _one_form(value: object) -> object:
    if isinstance(value, Section):
        return value
    if not isinstance(value, dict):
        refuse(f"is {kind(value)}, not a table", _RIGHT)
    named = [name for name in _FORMS if name in value]
    if len(named) != 1:
        refuse(f"names both {named[0]} and {named[1]}" if named else "names no key", _RIGHT)
    return value


def _form(value: Any) -> str | None:
    named = type(value).model_fields if isinstance(value, Section) else value
    return next((tag_of(name) for name in _FORMS if name in named), None)


Key = Annotated[
    Annotated[KeystoreKey, Tag(tag_of("keystore"))]
    | Annotated[PlainKey, Tag(tag_of("private_key"))]
    | Annotated[ExternalKey, Tag(tag_of("signer"))],
    Discriminator(_form),
    BeforeValidator(_one_form),
]
"""The section, by the one of its keys that says where the key is."""
