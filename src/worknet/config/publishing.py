"""Publications: where a worker puts them (`[publishing]` of node.toml), and where they are found
(`published` of network.toml).

Nothing is published by default, and nothing of a workflow whose bundle does not declare its summary public.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from worknet.config.document import Section
from worknet.config.errors import ConfigError
from worknet.config.operations import Listen
from worknet.config.values import FilePath, Url, path_of, text_path, url_of


class PublishingSection(Section):
    """`[publishing]`: the manifests of recorded votings, for everybody.

    Of workflows whose bundle declares its summary public, and of votings whose recorded pair is this
    worker's.
    """

    folder: FilePath = Field(
        description="the folder in which each voting's publication is a file of its own, for a web server or "
        "a copy; several workers may share it",
        examples=["/srv/worknet/published"],
    )
    listen: Listen | None = Field(
        default=None,
        description="address and port at which the worker itself answers /published/, and nothing else; "
        "anything but loopback lets others ask",
        examples=["127.0.0.1:9480"],
    )


def _place(value: object, info: ValidationInfo) -> Path | Url:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        return path_of(value, info)
    return url_of(value)


PublishedPlace = Annotated[
    Path | Url, BeforeValidator(_place), WithJsonSchema({"type": "string", "minLength": 1})
]
"""A folder with publications, or the address under which a server has them."""


def place_of(option: str, text: str) -> Path | Url:
    """A place of publications as an option of a command gives it; `ConfigError` for what is none."""
    try:
        return url_of(text) if text.startswith(("http://", "https://")) else Path(text_path(text))
    except PydanticCustomError as error:
        context = error.context or {}
        raise ConfigError(f"{option}: {context['wrong']}", context["right"]) from None
