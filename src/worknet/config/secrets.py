"""References to secrets: a configuration file never holds a secret, only where to find it.

A secret is read when it is asked for, and again each time, so that a renewed one is found; it is not kept.
"""

import os
import re
import stat
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from worknet.config.document import Section
from worknet.config.errors import SecretError
from worknet.config.values import FilePath, kind, refuse
from worknet.protocol.canonical import CanonicalError, from_hex

_LARGEST = 64 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RIGHT = 'a reference, { env = "NAME" } or { file = "path" }; a secret itself never stands in this file'


def _variable(value: object) -> str:
    # What stands here may be the secret itself, put in the wrong place: it is never shown.
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        refuse("is no name of an environment variable", "letters, digits and _, not beginning with a digit")
    return value


class SecretRef(Section):
    """Where a secret is found: `{ env = "NAME" }` or `{ file = "path" }`. Its texts show the place alone."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    env: Annotated[str, BeforeValidator(_variable)] | None = Field(
        default=None,
        description="the environment variable that holds the secret",
        examples=["WORKNET_PASSWORD"],
    )
    file: FilePath | None = Field(
        default=None,
        description="the file that holds the secret; a line end after it is not part of it",
        examples=["password"],
    )

    @model_validator(mode="before")
    @classmethod
    def must_be_reference(cls, value: Any) -> Any:
        """Refuse the secret itself in place of a reference, without repeating it."""
        if not isinstance(value, dict | SecretRef):
            refuse(f"is {kind(value)}, not a reference to a secret", _RIGHT)
        if isinstance(value, dict) and len(value.keys() & {"env", "file"}) == 2:
            refuse("names both env and file", _RIGHT)
        if value == {}:
            refuse("names neither env nor file", _RIGHT)
        return value

    def __str__(self) -> str:
        return f"environment variable {self.env}" if self.env is not None else f"file {self.file}"

    def resolve(self) -> str:
        """The secret as text, without the line end after it; `SecretError` if it cannot be had.

        A file must be a regular one that users outside its group can neither read nor write (`chmod 640`).
        """
        secret = os.environ.get(self.env) if self.env is not None else self._read()
        if secret is None:
            raise SecretError(f"the {self} is not set", "set it in the environment of the process")
        secret = secret.removesuffix("\n").removesuffix("\r")
        if not secret:
            raise SecretError(f"the {self} is empty", "write the secret into it")
        return secret

    def resolve_bytes(self, size: int) -> bytes:
        """The secret as that many bytes, written as lower-case hex digits with or without `0x`."""
        text = self.resolve().strip()
        try:
            return from_hex(text if text.startswith("0x") else "0x" + text, size)
        except CanonicalError:
            hint = f"{2 * size} lower-case hex digits, such as `openssl rand -hex {size}` writes"
            # The cause would repeat nothing secret, but nothing is gained by it either.
            raise SecretError(f"the {self} does not hold {size} bytes", hint) from None

    def _read(self) -> str:
        assert self.file is not None
        try:
            # Not blocking: a pipe in place of the file must not hang the worker.
            with os.fdopen(os.open(self.file, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
                self._check(os.fstat(stream.fileno()))
                data = stream.read(_LARGEST + 1)
        except OSError as error:
            hint = f"write the secret into it and `chmod 600 {self.file}`"
            raise SecretError(f"the {self} cannot be read ({error.strerror})", hint) from None
        if len(data) > _LARGEST:
            raise SecretError(f"the {self} is larger than {_LARGEST} bytes", "it is probably not the secret")
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise SecretError(f"the {self} is not UTF-8", "it is probably not the secret") from None

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise SecretError(f"the {self} is no regular file", "name the file that holds the secret")
        if status.st_mode & (stat.S_IROTH | stat.S_IWOTH):
            raise SecretError(f"the {self} is open to every user of the machine", f"`chmod 600 {self.file}`")
