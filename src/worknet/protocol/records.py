"""Records: the final, logged outcome of a voting, as the words of its leaf in the result log (section 7)."""

from dataclasses import dataclass, fields

from worknet.protocol.ballots import Pair
from worknet.protocol.errors import ProtocolError
from worknet.protocol.merkle import leaf_hash
from worknet.protocol.words import ADDRESS_BYTES, WORD_BYTES, How, record_leaf, tag


class RecordError(ProtocolError):
    """Words that are no record."""


@dataclass(frozen=True)
class Record:
    """A record's words in the order of the leaf; `members` and `voters` are bitmaps of worker indices.

    `voters` are those of the recorded pair at the moment of the record, `time` is its block's timestamp.
    """

    chain_id: int
    contract: bytes
    workflow_id: bytes
    voting_id: bytes
    trigger_id: bytes
    attempt: int
    policy_hash: bytes
    input_root: bytes
    result_root: bytes
    members: int
    n: int
    needed: int
    voters: int
    how: How
    time: int

    @property
    def pair(self) -> Pair:
        """The recorded pair."""
        return Pair(self.input_root, self.result_root)

    def leaf(self) -> bytes:
        """The leaf data: `abi.encode(TAG("record"), words...)`."""
        return record_leaf(vars(self))

    def leaf_hash(self) -> bytes:
        """The leaf's hash, which the contract keeps under the voting id."""
        return leaf_hash(self.leaf())

    @classmethod
    def parse(cls, leaf: bytes) -> "Record":
        """The record of this leaf data; `RecordError` for anything that no record encodes to."""
        if len(leaf) != WORD_BYTES * (len(fields(cls)) + 1) or leaf[:WORD_BYTES] != tag("record"):
            raise RecordError("the leaf is not that of a record")
        values: list[int | bytes] = []
        for number, field in enumerate(fields(cls), start=1):
            word = leaf[number * WORD_BYTES : (number + 1) * WORD_BYTES]
            if field.name == "contract":
                values.append(word[-ADDRESS_BYTES:])
            elif field.name == "how":
                values.append(_how(int.from_bytes(word, "big")))
            else:
                values.append(word if field.type is bytes else int.from_bytes(word, "big"))
        record = cls(*values)  # type: ignore[arg-type]  # the words come in the order of the fields
        if record.leaf() != leaf:
            raise RecordError("an address with more than 20 bytes")
        return record


def _how(number: int) -> How:
    try:
        return How(number)
    except ValueError as error:
        raise RecordError(f"{number} is no way in which a record comes about") from error
