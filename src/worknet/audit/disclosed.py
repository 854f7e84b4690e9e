"""What a member handed an auditor of one voting: opened, proven to be what was voted on, and put together.

A folder of sealed files (appendix G). Each dataset and table comes as an evidence file of the whole of it,
all about one record, and each must hold. Nothing that is read here is believed for any other reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from worknet.audit.errors import AuditError
from worknet.chain.errors import SealedFileError
from worknet.chain.sealed_files import MAX_BYTES, SUFFIX, SealedFile
from worknet.protocol import salts
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import decode, encode, to_hex
from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import Trigger, trigger_of
from worknet.protocol.leaves import SALT_BYTES
from worknet.protocol.tables import Kind, Schema
from worknet.sources.shared_files import content_of
from worknet.tables import DataError, frame_of_rows, validate
from worknet.verify import Evidence, VerifyError, parse, verify
from worknet.workflow import Declaration
from worknet.workflow.again import Again, Then, compute_again
from worknet.workflow.archive import unpack
from worknet.workflow.errors import FolderError
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Runner

MOST_FILES = 1000
MOST_BYTES = 1 << 30
"""Of all sealed files of a folder together."""

_BUNDLE = "bundle"
_UNCOMMITTED = "uncommitted-"
_AGAIN = "ask the member for all files of this voting again"
_OF_DISCLOSURE = {"disclosure", "checksum"}


@dataclass(frozen=True)
class DisclosedSalts:
    """The salts of what was disclosed, in place of the data key that they came from.

    `keys` are document keys, `firsts` salts 0 of manifest and headers, by `Info`. A row that was not there
    then has none, and gets zeros: the roots differ all the same.
    """

    keys: Mapping[salts.Info, bytes] = field(repr=False)
    firsts: Mapping[salts.Info, bytes] = field(repr=False)

    def document_key(self, info: salts.Info) -> bytes:
        """The key of a document."""
        return self.keys.get(info, bytes(salts.DATA_KEY_BYTES))

    def salt(self, info: salts.Info) -> bytes:
        """Salt 0 of a document."""
        return self.firsts.get(info, bytes(SALT_BYTES))


@dataclass(frozen=True)
class Disclosed:
    """All that was handed over of one recorded voting.

    `evidence` is one of its files: what it says of record, log, ballots, policy and manifest all of them say.
    `rows` are those of datasets and tables by kind and name; of the datasets in `unproven` nothing shows that
    they are those of then.
    """

    evidence: Evidence
    bundle: Bundle
    rows: Mapping[tuple[Kind, str], Sequence[Mapping[str, Any]]] = field(repr=False)
    salts: DisclosedSalts
    unproven: tuple[str, ...]

    @property
    def trigger(self) -> Trigger:
        """What the voting is about."""
        return trigger_of(self.evidence.record["trigger_id"], self.evidence.policy["every"])

    @property
    def manifest(self) -> bytes:
        """The canonical bytes of the manifest."""
        return encode(self.evidence.document["manifest"]["document"])

    def frames(self, declaration: Declaration) -> dict[tuple[Kind, str], pl.DataFrame]:
        """The rows as frames, in the schemas that the bundle declares.

        Raises `AuditError` for rows that do not fit, or of a name that the bundle does not declare.
        """
        schemas: dict[tuple[Kind, str], Schema] = {
            ("dataset", each.name): each.schema for each in declaration.datasets
        }
        schemas |= {("table", each.name): each.schema for each in declaration.tables}
        frames = {}
        for (kind, name), rows in self.rows.items():
            schema = schemas.get((kind, name))
            if schema is None:
                raise AuditError(f"the bundle declares no {kind} {name}", _AGAIN)
            try:
                frames[kind, name] = validate(name, schema, frame_of_rows(name, schema, rows))
            except DataError as error:
                raise AuditError(f"the {kind} {name} is not what the bundle declares: {error}") from None
        return frames

    def compute_again(self, runner: Runner) -> Again:
        """What comes out when the bundle runs on these rows, held against the record.

        Raises `AuditError` for rows that do not fit the bundle, and what running a bundle raises.
        """
        record = self.evidence.record
        pair = Pair(record["input_root"], record["result_root"])
        then = Then(pair, self.manifest, self.frames(runner.declaration))
        return compute_again(then, runner, self.trigger, self.salts)


def read_disclosed(folder: Path, private_key: bytes) -> Disclosed:
    """Opens the sealed files of a folder with the auditor's key, and puts them together.

    Raises `AuditError` for a folder without them, a file that is sealed to another key, altered or about
    another voting, evidence that does not hold, or a bundle that is not the one that the policy pins.
    """
    opened = {file.name: _opened(file, private_key) for file in _files(folder)}
    contents: dict[str, bytes] = {}
    for file, (sealed, content) in opened.items():
        if file != sealed.name + SUFFIX:
            raise AuditError(f"{file} is the file {sealed.name}{SUFFIX} by another name", _AGAIN)
        contents[sealed.name] = content
    wholes = {
        name: _whole(name, content)
        for name, content in contents.items()
        if name != _BUNDLE and not name.startswith(_UNCOMMITTED)
    }
    if not wholes or _BUNDLE not in contents:
        raise AuditError(f"{folder} does not hold a dataset or table, and the bundle", _AGAIN)
    first = next(iter(wholes.values())).evidence
    for name, whole in wholes.items():
        if _shared(whole.evidence) != _shared(first):
            raise AuditError(
                f"{name}: of another record, or against another head, than the other files", _AGAIN
            )
    voting_id = first.record["voting_id"]
    for file, (sealed, _) in opened.items():
        if sealed.voting_id != voting_id:
            raise AuditError(f"{file} is about another voting, {to_hex(sealed.voting_id)}", _AGAIN)
    if first.manifest is None:
        raise AuditError("the files have no manifest", _AGAIN)
    rows: dict[tuple[Kind, str], Sequence[Mapping[str, Any]]] = {
        (whole.kind, whole.name): whole.shown["rows"] for whole in wholes.values()
    }
    unproven = []
    for name, content in contents.items():
        if name.startswith(_UNCOMMITTED):
            unproven.append(name.removeprefix(_UNCOMMITTED))
            rows["dataset", unproven[-1]] = _uncommitted(name, content)
    return Disclosed(
        evidence=first,
        bundle=_bundle(contents[_BUNDLE], first.policy["bundle_digest"]),
        rows=rows,
        salts=_salts(first.manifest["salt"], wholes.values()),
        unproven=tuple(sorted(unproven)),
    )


def _files(folder: Path) -> list[Path]:
    try:
        files = sorted(file for file in folder.iterdir() if file.name.endswith(SUFFIX))
        size = sum(file.lstat().st_size for file in files[: MOST_FILES + 1])
    except OSError as error:
        raise AuditError(f"{folder} cannot be read: {error.strerror}") from None
    if not files:
        raise AuditError(
            f"{folder} has no sealed file", f"a member makes them with `worknet disclose`: *{SUFFIX}"
        )
    if len(files) > MOST_FILES or size > MOST_BYTES:
        raise AuditError(
            f"{folder} has more than {MOST_FILES} sealed files, or {MOST_BYTES:,} bytes of them",
            "one folder for each voting",
        )
    return files


def _opened(file: Path, private_key: bytes) -> tuple[SealedFile, bytes]:
    try:
        # What lies there is another's: neither a pipe nor a link is followed.
        content = content_of(file, MAX_BYTES)
    except OSError as error:
        raise AuditError(f"{file} cannot be read: {error.strerror}") from None
    if content is None:
        raise AuditError(f"{file} is no regular file of at most {MAX_BYTES:,} bytes", _AGAIN)
    try:
        sealed = SealedFile.parse(content)
        return sealed, sealed.open(private_key)
    except SealedFileError as error:
        raise AuditError(f"{file.name}: {error}", error.hint) from None


class _Whole(NamedTuple):
    """What one file shows: a whole dataset or table, with the salt of its header."""

    evidence: Evidence
    kind: Kind
    name: str
    header_salt: bytes
    shown: Mapping[str, Any]


def _whole(name: str, content: bytes) -> _Whole:
    """The whole dataset or table that the file is called after, of sound evidence."""
    try:
        evidence = parse(content)
        verify(evidence)
    except VerifyError as error:
        raise AuditError(f"{name}: {error}", error.hint or _AGAIN) from None
    disclosure = evidence.disclosure
    if disclosure is None or "rows" not in disclosure["shown"]:
        raise AuditError(f"{name} shows no whole dataset or table", _AGAIN)
    if name != f"{disclosure['kind']}-{disclosure['name']}":
        raise AuditError(f"{name} shows the {disclosure['kind']} {disclosure['name']}", _AGAIN)
    salt = disclosure["header"]["salt"]
    return _Whole(evidence, disclosure["kind"], disclosure["name"], salt, disclosure["shown"])


def _shared(evidence: Evidence) -> dict[str, Any]:
    """What all files about one record, against one head, have alike."""
    return {key: value for key, value in evidence.document.items() if key not in _OF_DISCLOSURE}


def _uncommitted(name: str, content: bytes) -> Sequence[Mapping[str, Any]]:
    try:
        document = decode(content.removesuffix(b"\n"))
    except ProtocolError as error:
        raise AuditError(f"{name}: {error}", _AGAIN) from None
    named = isinstance(document, dict) and document.keys() == {"name", "rows"}
    if not named or document["name"] != name.removeprefix(_UNCOMMITTED):
        raise AuditError(f"{name} is not the rows of this dataset", _AGAIN)
    rows = document["rows"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AuditError(f"{name} holds no rows", _AGAIN)
    return rows


def _bundle(content: bytes, digest: bytes) -> Bundle:
    try:
        bundle = unpack(content)
    except FolderError as error:
        raise AuditError(f"bundle: {error}", error.hint) from None
    if bundle.digest != digest:
        told = f"the bundle has the digest {to_hex(bundle.digest)}, and the policy pins {to_hex(digest)}"
        raise AuditError(told, _AGAIN)
    return bundle


def _salts(manifest_salt: bytes, wholes: Iterable[_Whole]) -> DisclosedSalts:
    """What the files say of document keys and salts, under the names that these are derived by."""
    keys: dict[salts.Info, bytes] = {}
    firsts = {salts.MANIFEST: manifest_salt}
    for whole in wholes:
        firsts[salts.header(whole.kind, whole.name)] = whole.header_salt
        keys[salts.rows(whole.kind, whole.name)] = whole.shown["key"]
        for row, key in enumerate(whole.shown["field_keys"] or ()):
            keys[salts.fields(whole.kind, whole.name, row)] = key
    return DisclosedSalts(keys, firsts)
