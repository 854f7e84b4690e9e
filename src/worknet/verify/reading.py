"""From the bytes of an evidence file to `Evidence`: every other form is refused, with its place in the file.

Form only: whether the numbers fit together is the business of `verdict`. What is accepted here is written
again by `Evidence.to_bytes` and must give the same bytes, so one evidence has exactly one file.
"""

from dataclasses import dataclass
from enum import IntEnum
from re import compile as regex
from typing import Any, TypeVar, get_args

from worknet.protocol import canonical
from worknet.protocol.ballots import Pair
from worknet.protocol.columns import Column, ColumnType
from worknet.protocol.errors import ProtocolError
from worknet.protocol.leaves import SALT_BYTES
from worknet.protocol.manifest import Manifest
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.tables import Kind, Schema
from worknet.protocol.tags import VERSION
from worknet.protocol.words import Ballots, Fallback, How
from worknet.verify.errors import EvidenceError
from worknet.verify.evidence import (
    FORMAT,
    Ballot,
    Disclosure,
    Evidence,
    Field,
    Head,
    Header,
    ManifestProof,
    Network,
    RowFields,
    WholeRow,
    checksum,
)

MAX_BYTES = 16 << 20
"""No evidence file is longer: a manifest and one row are small, and a verifier must not be flooded."""

_HASH = 32
_ADDRESS = 20
_MAX_PATH = 64
_AMOUNT = regex(r"0|[1-9][0-9]{0,77}")

_Choice = TypeVar("_Choice", bound=IntEnum)


def parse(data: bytes) -> Evidence:
    """The evidence that these bytes are the file of; `EvidenceError` for any other bytes."""
    if len(data) > MAX_BYTES:
        raise EvidenceError("$", f"longer than {MAX_BYTES} bytes")
    if not data.endswith(b"\n"):
        raise EvidenceError("$", "the newline at the end is missing", "the file was cut off")
    try:
        document = canonical.decode(data[:-1])
    except canonical.CanonicalError as error:
        raise EvidenceError("$", str(error), error.hint or _DAMAGED) from error
    evidence = _evidence(_Place(document, "$"))
    if evidence.to_bytes() != data:
        raise EvidenceError("$", "the file is not the one text that its contents have", _DAMAGED)
    return evidence


def parse_head(text: str) -> Head:
    """The tree head of a text `SIZE:ROOT`: a decimal number and 64 hex digits, with or without `0x`."""
    match = _HEAD.fullmatch(text)
    if not match:
        raise EvidenceError("head", "not of the form SIZE:ROOT", "such as 24:0x followed by 64 hex digits")
    return Head(int(match.group(1)), bytes.fromhex(match.group(2)))


_HEAD = regex(r"([1-9][0-9]{0,15}):(?:0x)?([0-9a-fA-F]{64})")
_DAMAGED = "the file was changed after it was made: ask for it again"


@dataclass(frozen=True)
class _Place:
    """A value of the file and its place in it."""

    value: Any
    where: str

    def refuse(self, message: str, hint: str = "") -> EvidenceError:
        return EvidenceError(self.where, message, hint)

    def members(self, *keys: str) -> dict[str, "_Place"]:
        """The members of an object that has exactly these keys."""
        if not isinstance(self.value, dict):
            raise self.refuse("not an object")
        for key in keys:
            if key not in self.value:
                raise self.refuse(f"the member {key!r} is missing")
        if len(self.value) != len(keys):
            raise self.refuse("a member that no evidence has")
        return {key: _Place(self.value[key], f"{self.where}.{key}") for key in keys}

    def elements(self) -> list["_Place"]:
        if not isinstance(self.value, list):
            raise self.refuse("not a list")
        return [_Place(value, f"{self.where}[{number}]") for number, value in enumerate(self.value)]

    def natural(self) -> int:
        if type(self.value) is not int or self.value < 0:
            raise self.refuse("not an integer from 0 on")
        return self.value

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.refuse("not a text")
        return self.value

    def amount(self) -> int:
        if not _AMOUNT.fullmatch(self.text()) or int(self.value) >= 1 << 256:
            raise self.refuse("not the decimal text of an amount below 2^256")
        return int(self.value)

    def name(self, what: str) -> str:
        if not canonical.NAME.fullmatch(self.text()):
            raise self.refuse(f"no name of a {what}")
        return self.text()

    def data(self, size: int) -> bytes:
        try:
            return canonical.from_hex(self.value, size)
        except canonical.CanonicalError as error:
            raise self.refuse(str(error).removeprefix("$: ")) from error

    def hashes(self) -> tuple[bytes, ...]:
        elements = self.elements()
        if len(elements) > _MAX_PATH:
            raise self.refuse(f"a path of more than {_MAX_PATH} hashes")
        return tuple(element.data(_HASH) for element in elements)

    def bitmap(self) -> int:
        return int.from_bytes(self.data(_HASH), "big")

    def choice(self, choices: type[_Choice]) -> _Choice:
        for choice in choices:
            if self.value == choice.name.lower():
                return choice
        raise self.refuse(f"none of {', '.join(choice.name.lower() for choice in choices)}")

    def exactly(self, value: str | int) -> None:
        if self.value != value or type(self.value) is not type(value):
            raise self.refuse(f"not {value!r}")


def _evidence(place: _Place) -> Evidence:
    members = place.members(
        "format",
        "protocol",
        "network",
        "record",
        "position",
        "path",
        "head",
        "ballots",
        "policy",
        "manifest",
        "disclosure",
        "checksum",
    )
    members["format"].exactly(FORMAT)
    members["protocol"].exactly(VERSION)
    given = members["checksum"].data(_HASH)
    if given != checksum({key: value for key, value in place.value.items() if key != "checksum"}):
        raise members["checksum"].refuse("not the checksum of the contents", _DAMAGED)
    network = members["network"].members("chain_id", "contract")
    head = members["head"].members("size", "root")
    manifest, disclosure = members["manifest"], members["disclosure"]
    return Evidence(
        network=Network(network["chain_id"].natural(), network["contract"].data(_ADDRESS)),
        record=_record(members["record"]),
        position=members["position"].natural(),
        path=members["path"].hashes(),
        head=Head(head["size"].natural(), head["root"].data(_HASH)),
        ballots=tuple(_ballot(ballot) for ballot in members["ballots"].elements()),
        policy=_policy(members["policy"]),
        manifest=None if manifest.value is None else _manifest(manifest),
        disclosure=None if disclosure.value is None else _disclosure(disclosure),
    )


def _record(place: _Place) -> Record:
    words = place.members(
        "chain_id",
        "contract",
        "workflow_id",
        "voting_id",
        "trigger_id",
        "attempt",
        "policy_hash",
        "input_root",
        "result_root",
        "members",
        "n",
        "needed",
        "voters",
        "how",
        "time",
    )
    return Record(
        chain_id=words["chain_id"].natural(),
        contract=words["contract"].data(_ADDRESS),
        workflow_id=words["workflow_id"].data(_HASH),
        voting_id=words["voting_id"].data(_HASH),
        trigger_id=words["trigger_id"].data(_HASH),
        attempt=words["attempt"].natural(),
        policy_hash=words["policy_hash"].data(_HASH),
        input_root=words["input_root"].data(_HASH),
        result_root=words["result_root"].data(_HASH),
        members=words["members"].bitmap(),
        n=words["n"].natural(),
        needed=words["needed"].natural(),
        voters=words["voters"].bitmap(),
        how=words["how"].choice(How),
        time=words["time"].natural(),
    )


def _ballot(place: _Place) -> Ballot:
    members = place.members("worker", "key", "operator", "input_root", "result_root")
    roots = members["input_root"].data(_HASH), members["result_root"].data(_HASH)
    try:
        pair = Pair(*roots)
    except ProtocolError as error:
        raise place.refuse(str(error), error.hint) from error
    return Ballot(
        worker=members["worker"].natural(),
        key=members["key"].data(_ADDRESS),
        operator=members["operator"].data(_ADDRESS),
        pair=pair,
    )


def _policy(place: _Place) -> Policy:
    members = place.members(
        "bundle_digest",
        "data_key_epoch",
        "data_key_commitment",
        "every",
        "delay",
        "start",
        "max_age",
        "threshold_num",
        "threshold_den",
        "ballots",
        "cast_window",
        "reveal_window",
        "stall",
        "fallback",
        "accuracy",
        "speed",
    )
    try:
        return Policy(
            bundle_digest=members["bundle_digest"].data(_HASH),
            data_key_epoch=members["data_key_epoch"].natural(),
            data_key_commitment=members["data_key_commitment"].data(_HASH),
            every=members["every"].natural(),
            delay=members["delay"].natural(),
            start=members["start"].natural(),
            max_age=members["max_age"].natural(),
            threshold_num=members["threshold_num"].natural(),
            threshold_den=members["threshold_den"].natural(),
            ballots=members["ballots"].choice(Ballots),
            cast_window=members["cast_window"].natural(),
            reveal_window=members["reveal_window"].natural(),
            stall=members["stall"].natural(),
            fallback=members["fallback"].choice(Fallback),
            accuracy=members["accuracy"].amount(),
            speed=members["speed"].amount(),
        )
    except ProtocolError as error:
        raise place.refuse(str(error), error.hint) from error


def _manifest(place: _Place) -> ManifestProof:
    members = place.members("document", "salt", "path")
    document = members["document"]
    try:
        manifest = Manifest.parse(canonical.encode(document.value))
    except ProtocolError as error:
        raise document.refuse(str(error), error.hint) from error
    return ManifestProof(manifest, members["salt"].data(SALT_BYTES), members["path"].hashes())


def _disclosure(place: _Place) -> Disclosure:
    members = place.members("kind", "name", "schema", "header", "index", "path", "row")
    schema = members["schema"]
    return Disclosure(
        kind=_kind(members["kind"]),
        name=members["name"].name("table"),
        schema=None if schema.value is None else _schema(schema),
        header=_header(members["header"]),
        index=members["index"].natural(),
        path=members["path"].hashes(),
        row=_row(members["row"]),
    )


def _kind(place: _Place) -> Kind:
    for kind in get_args(Kind):
        if place.value == kind:
            return kind  # type: ignore[no-any-return]  # get_args has no types
    raise place.refuse("neither dataset nor table")


def _header(place: _Place) -> Header:
    members = place.members("salt", "rows", "root", "index", "count", "path")
    return Header(
        salt=members["salt"].data(SALT_BYTES),
        rows=members["rows"].natural(),
        root=members["root"].data(_HASH),
        index=members["index"].natural(),
        count=members["count"].natural(),
        path=members["path"].hashes(),
    )


def _row(place: _Place) -> WholeRow | RowFields:
    if isinstance(place.value, dict) and "values" in place.value:
        members = place.members("salt", "values")
        values = members["values"]
        if not isinstance(values.value, dict):
            raise values.refuse("not an object")
        for name in values.value:
            _Place(name, values.where).name("column")
        return WholeRow(members["salt"].data(SALT_BYTES), values.value)
    members = place.members("salt", "root", "count", "fields")
    return RowFields(
        salt=members["salt"].data(SALT_BYTES),
        root=members["root"].data(_HASH),
        count=members["count"].natural(),
        fields=tuple(_field(field) for field in members["fields"].elements()),
    )


def _field(place: _Place) -> Field:
    members = place.members("name", "value", "salt", "index", "path")
    return Field(
        name=members["name"].name("column"),
        value=members["value"].value,
        salt=members["salt"].data(SALT_BYTES),
        index=members["index"].natural(),
        path=members["path"].hashes(),
    )


def _schema(place: _Place) -> Schema:
    members = place.members("columns", "disclosure", "key")
    if members["disclosure"].value not in ("row", "field"):
        raise members["disclosure"].refuse("neither row nor field")
    try:
        return Schema(
            columns=tuple(_column(column) for column in members["columns"].elements()),
            key=tuple(name.name("column") for name in members["key"].elements()),
            field_disclosure=members["disclosure"].value == "field",
        )
    except ProtocolError as error:
        raise place.refuse(str(error), error.hint) from error


def _column(place: _Place) -> Column:
    members = place.members("digits", "name", "nullable", "type")
    if members["type"].value not in get_args(ColumnType):
        raise members["type"].refuse("no type of a column")
    if not isinstance(members["nullable"].value, bool):
        raise members["nullable"].refuse("neither true nor false")
    return Column(
        name=members["name"].name("column"),
        type=members["type"].value,
        nullable=members["nullable"].value,
        digits=members["digits"].natural(),
    )
