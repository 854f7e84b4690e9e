"""The manifest: the document that says what a result is a result of (section 4, "Manifest")."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from worknet.protocol.canonical import CanonicalError, Value, check_name, decode, encode, from_hex, to_hex
from worknet.protocol.ids import Window
from worknet.protocol.times import parse_time, time_text
from worknet.protocol.words import VERSION


@dataclass(frozen=True)
class TableEntry:
    """What the manifest says of one result table."""

    schema_digest: bytes
    rows: int


@dataclass(frozen=True)
class Manifest:
    """What every honest worker of a voting writes alike; nothing that may differ between them stands in it.

    `window` is None where an event and not an interval was the trigger.
    """

    workflow: str
    bundle_digest: bytes
    trigger_id: bytes
    window: Window | None
    parameters: Mapping[str, Value]
    tables: Mapping[str, TableEntry]
    summary: Mapping[str, Value]
    parents: tuple[bytes, ...] = field(default=())

    def __post_init__(self) -> None:
        check_name(self.workflow, "workflow")
        if list(self.parents) != sorted(set(self.parents)):
            raise CanonicalError("the parents do not ascend", "$.parents")

    def document(self) -> dict[str, Value]:
        """The manifest as the JSON document that is committed."""
        window: Value = None
        if self.window is not None:
            window = {"start": time_text(self.window.start), "end": time_text(self.window.end)}
        return {
            "protocol": VERSION,
            "workflow": self.workflow,
            "bundle": to_hex(self.bundle_digest),
            "trigger": to_hex(self.trigger_id),
            "window": window,
            "parameters": self.parameters,
            "tables": {
                name: {"rows": entry.rows, "schema": to_hex(entry.schema_digest)}
                for name, entry in self.tables.items()
            },
            "summary": self.summary,
            "parents": [to_hex(parent) for parent in self.parents],
        }

    def leaf(self, salt: bytes) -> bytes:
        """Leaf data of the manifest: `salt ‖ JCS(manifest)`."""
        return salt + encode(self.document())

    @classmethod
    def parse(cls, text: bytes) -> "Manifest":
        """The manifest that these canonical bytes stand for; a `ProtocolError` for anything else."""
        document = _object(decode(text), "$", _KEYS)
        if document["protocol"] != VERSION:
            raise CanonicalError("another version of the protocol", "$.protocol")
        window = document["window"]
        if window is not None:
            span = _object(window, "$.window", {"start", "end"})
            window = Window(parse_time(span["start"]), parse_time(span["end"]))
        tables = {}
        for name, value in _object(document["tables"], "$.tables").items():
            entry = _object(value, f"$.tables.{name}", {"rows", "schema"})
            if not isinstance(entry["rows"], int) or isinstance(entry["rows"], bool) or entry["rows"] < 0:
                raise CanonicalError("no number of rows", f"$.tables.{name}.rows")
            tables[check_name(name, "table")] = TableEntry(from_hex(entry["schema"], 32), entry["rows"])
        if not isinstance(document["workflow"], str) or not isinstance(document["parents"], list):
            raise CanonicalError("the workflow is text and the parents are a list")
        manifest = cls(
            workflow=document["workflow"],
            bundle_digest=from_hex(document["bundle"], 32),
            trigger_id=from_hex(document["trigger"], 32),
            window=window,
            parameters=_object(document["parameters"], "$.parameters"),
            tables=tables,
            summary=_object(document["summary"], "$.summary"),
            parents=tuple(from_hex(parent, 32) for parent in document["parents"]),
        )
        if encode(manifest.document()) != text:
            # Such as `true`, which Python takes for the number 1.
            raise CanonicalError("no document that a manifest encodes to")
        return manifest


_KEYS = {
    "protocol",
    "workflow",
    "bundle",
    "trigger",
    "window",
    "parameters",
    "tables",
    "summary",
    "parents",
}


def _object(value: Any, where: str, keys: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CanonicalError("not an object", where)
    if keys is not None and value.keys() != keys:
        raise CanonicalError(f"an object must have exactly the keys {', '.join(sorted(keys))}", where)
    return value
