"""What an audit remembers for the next one, as a file: of which network, the head up to which the log was
audited, and whatever the next audit goes on from.

One canonical JSON object (RFC 8785) and a newline. Nothing in it is secret; who can change it can make the
next audit blind to what came before, so it is to be kept like the reports. The checksum shows damage, not
malice.
"""

from hashlib import sha256
from pathlib import Path

from worknet.audit.errors import AuditError
from worknet.audit.resume import AuditState
from worknet.protocol.canonical import CanonicalError, Value, decode, encode, to_hex

FORMAT = "worknet/audit-state"
VERSION = 1
MAX_BYTES = 1 << 30

_HINT = (
    "restore the file from a copy; or move it away and audit from the beginning, with --from SIZE:ROOT, the "
    "head that the last report names"
)


def content(state: AuditState, chain_id: int, contract: bytes) -> bytes:
    """The file that remembers a state of this network."""
    document: dict[str, Value] = {
        "format": FORMAT,
        "version": VERSION,
        "chain_id": chain_id,
        "contract": to_hex(contract),
        "head": f"{state.head.size}:{to_hex(state.head.root)}",
        "block": state.head.block,
        "resume": state.document(),
    }
    return encode({**document, "checksum": _checksum(document)}) + b"\n"


def read(file: Path, chain_id: int, contract: bytes) -> AuditState | None:
    """What the file remembers of this network; None if there is no such file.

    Raises AuditError for a file that cannot be read, is damaged, or is another network's.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise AuditError(f"{file} is larger than any remembered head", _HINT)
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuditError(f"{file} cannot be read: {error.strerror}", "name another with --state") from None
    document = _document(file, data)
    place = (document["chain_id"], document["contract"])
    if place != (chain_id, to_hex(contract)):
        raise AuditError(
            f"{file} remembers another network: {place[1]} on chain {place[0]}",
            "name the state file of this network with --state",
        )
    try:
        state = AuditState.read(document["resume"])
    except AuditError as error:
        raise AuditError(f"{file}: {error}", error.hint or _HINT) from None
    head = f"{state.head.size}:{to_hex(state.head.root)}"
    if (document["head"], document["block"]) != (head, state.head.block):
        raise AuditError(f"{file} is damaged: it names one head and goes on from another", _HINT)
    return state


def _document(file: Path, data: bytes) -> dict[str, Value]:
    """The file's object, whole and of a version that is known."""
    try:
        document = decode(data.removesuffix(b"\n"))
    except CanonicalError as error:
        raise AuditError(f"{file} is damaged: {error}", _HINT) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise AuditError(f"{file} is no remembered head", "name the state file of an audit with --state")
    if document.get("version") != VERSION:
        raise AuditError(
            f"{file} is of version {document.get('version')}, this worknet reads version {VERSION}",
            "audit with the worknet that wrote it",
        )
    if document.pop("checksum", None) != _checksum(document):
        raise AuditError(f"{file} is damaged: its checksum is not that of its contents", _HINT)
    return document


def _checksum(document: dict[str, Value]) -> str:
    return to_hex(sha256(encode(document)).digest())
