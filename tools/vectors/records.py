"""Vectors of records and of the result log over them."""

from dataclasses import asdict, replace
from typing import Any

from tools.vectors.form import VectorFile, sample
from tools.vectors.ids import CONTRACT, HOUR, NOON

from worknet.protocol.ids import Slot, voting_id, workflow_id
from worknet.protocol.records import Record
from worknet.protocol.trees import Frontier
from worknet.protocol.words import How, moved_leaf, tag

WORKFLOW = workflow_id("matching_24_7")


def record_of_hour(number: int) -> Record:
    """The record of an hour after noon."""
    trigger_id = Slot.at(HOUR, NOON + number * HOUR).trigger_id
    return Record(
        chain_id=246,
        contract=CONTRACT,
        workflow_id=WORKFLOW,
        voting_id=voting_id(246, CONTRACT, WORKFLOW, trigger_id),
        trigger_id=trigger_id,
        attempt=1,
        policy_hash=sample("policy hash"),
        input_root=sample(f"input root {number}"),
        result_root=sample(f"result root {number}"),
        members=0b111,
        n=3,
        needed=2,
        voters=0b101,
        how=How.QUORUM,
        time=NOON + (number + 1) * HOUR + 960,
    )


def records() -> VectorFile:
    """Leaves of records, heads of logs, and leaf data that is no record's."""
    file = VectorFile("Records and the result log (section 7). The words stand in the order of the leaf.")
    one = record_of_hour(0)
    good = {
        "by quorum": one,
        "by plurality": replace(one, how=How.PLURALITY),
        "by report": replace(one, how=How.REPORT, attempt=4),
        "of 120 workers": replace(one, members=2**120 - 1, n=120, needed=80, voters=2**120 - 1),
    }
    for name, record in good.items():
        gives = {"leaf": record.leaf(), "leaf_hash": record.leaf_hash()}
        file.good(f"a record {name}", "record", gives, **asdict(record))
        file.good(f"the leaf of a record {name}", "parse_record", asdict(record), leaf=record.leaf())
    moved: dict[str, Any] = {
        "chain_id": 246,
        "contract": CONTRACT,
        "old_chain_id": 73_799,
        "old_contract": sample("contract 2", 20),
        "old_size": 17,
        "old_root": sample("old root"),
    }
    file.good("the leaf of a network that moved", "moved_leaf", moved_leaf(**moved), **moved)
    log = Frontier()
    heads, leaves = [log.root()], []
    for number in range(6):
        leaves.append(record_of_hour(number).leaf())
        log.append(record_of_hour(number).leaf_hash())
        heads.append(log.root())
    file.good("the heads of a log of six records", "log_heads", heads, leaves=leaves)
    for name, leaf in _bad_leaves(one.leaf(), moved_leaf(**moved)).items():
        file.bad(name, "parse_record", "RecordError", leaf=leaf)
    return file


def _bad_leaves(leaf: bytes, moved: bytes) -> dict[str, bytes]:
    contract_word, how_word = 2 * 32, 14 * 32
    return {
        "nothing": b"",
        "a word short": leaf[:-32],
        "a byte short": leaf[:-1],
        "a byte long": leaf + b"\0",
        "a word long": leaf + bytes(32),
        "no tag": leaf[32:],
        "a tag of zeros": bytes(32) + leaf[32:],
        "the tag of a move": tag("moved") + leaf[32:],
        "the leaf of a move": moved,
        "an address of 21 bytes": leaf[: contract_word + 11] + b"\x01" + leaf[contract_word + 12 :],
        "an address with bits in front": leaf[:contract_word] + b"\x80" + leaf[contract_word + 1 :],
        "made in no way": leaf[:how_word] + bytes(32) + leaf[how_word + 32 :],
        "made in a fourth way": leaf[:how_word] + (4).to_bytes(32, "big") + leaf[how_word + 32 :],
        "made in a way of many bits": leaf[:how_word] + b"\x01" + leaf[how_word + 1 :],
    }
