"""The JSON schemas of `network.toml` and `node.toml`, for editors and other tools."""

from typing import Any, Literal

from worknet.config.network import NetworkConfig
from worknet.config.node import NodeConfig

FileName = Literal["network", "node"]

_FILES: dict[FileName, type[NetworkConfig] | type[NodeConfig]] = {
    "network": NetworkConfig,
    "node": NodeConfig,
}


def schema(name: FileName) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of `network.toml` or `node.toml`, a TOML time being a text."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{name}.toml",
        **_as_toml(_FILES[name].model_json_schema()),
    }


def _as_toml(part: Any) -> Any:
    """A schema without null, which TOML does not have, and without titles that only repeat the keys."""
    if isinstance(part, list):
        return [_as_toml(element) for element in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _as_toml(value)
        for key, value in part.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }
    if "patternProperties" in kept:
        kept["additionalProperties"] = False
    some = [choice for choice in kept.get("anyOf", []) if choice != {"type": "null"}]
    if len(some) == 1:
        del kept["anyOf"]
        kept = some[0] | kept
    return kept
