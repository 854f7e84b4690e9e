"""Object stores and remote file systems as configuration names them: an address, and the driver's options.

fsspec has the drivers; what they are told may hold secrets, which stand here as references.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from worknet.config.secrets import SecretRef
from worknet.config.values import kind, refuse

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://")
_SECRET_NAME = re.compile(r"secret|token|passw|passphrase|credential|account_key|connection_string|sas", re.I)


def object_address(value: object, example: str) -> str:
    """An address with a protocol, as fsspec has them; refuses anything else."""
    if not isinstance(value, str):
        refuse(f"is {kind(value)}", f'"{example}"')
    if not _ADDRESS.match(value):
        refuse("is no address of an object", f'"{example}"')
    return value


def resolved(options: Mapping[str, Any]) -> dict[str, object]:
    """The options with the secrets that they refer to; a `SecretError` may come."""
    found: dict[str, object] = {}
    for name, value in options.items():
        if isinstance(value, SecretRef):
            found[name] = value.resolve()
        else:
            found[name] = resolved(value) if isinstance(value, Mapping) else value
    return found


def _driver_options(value: object, info: ValidationInfo) -> object:
    """A table of the driver's options, in which references to secrets have become such."""
    if not isinstance(value, dict):
        refuse(f"is {kind(value)}, not a table", '{ key = { env = "ID" }, secret = { env = "SECRET" } }')
    return {name: _driver_option(name, inner, info) for name, inner in value.items()}


def _driver_option(name: str, value: object, info: ValidationInfo) -> object:
    if isinstance(value, dict):
        if len(value) == 1 and value.keys() <= {"env", "file"}:
            return SecretRef.model_validate(value, context=info.context)
        return _driver_options(value, info)
    if isinstance(value, str) and _SECRET_NAME.search(name):
        refuse(f"{name} is a secret, which never stands in this file", f'{name} = {{ env = "NAME" }}')
    if not isinstance(value, str | int):
        refuse(f"{name} is {kind(value)}", "a text, a whole number, true or false, or a table of these")
    return value


DriverOptions = Annotated[
    Mapping[str, Any], BeforeValidator(_driver_options), WithJsonSchema({"type": "object"})
]
