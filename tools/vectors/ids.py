"""Vectors of identifiers: workflows, votings, slots and events."""

from typing import Any

from tools.vectors.form import VectorFile, sample

from worknet.protocol.ids import Slot, event_trigger_id, voting_id, workflow_id

CONTRACT = sample("contract", 20)
HOUR = 3600
NOON = 1_767_268_800  # 2026-01-01T12:00:00Z
VOTING: dict[str, Any] = {
    "chain_id": 246,
    "contract": CONTRACT,
    "workflow_id": workflow_id("matching_24_7"),
    "trigger_id": Slot.at(HOUR, NOON).trigger_id,
}


def ids() -> VectorFile:
    """Ids of everything that has one, and triggers that name nothing."""
    file = VectorFile("Identifiers and triggers (section 2).")
    for name in ("a", "matching_24_7", "z" * 63):
        file.good(f"workflow {name[:20]}", "workflow_id", workflow_id(name), name=name)
    for wrong in ("", "Matching", "9a", "a-b", "z" * 64):
        file.bad(f"workflow {wrong[:20]!r}", "workflow_id", "CanonicalError", name=wrong)
    _voting_ids(file)
    _slots(file)
    _events(file)
    return file


def _voting_ids(file: VectorFile) -> None:
    changes: dict[str, dict[str, Any]] = {
        "the hour from 12 of New Year 2026": {},
        "on another chain": {"chain_id": 73799},
        "at another contract": {"contract": sample("contract 2", 20)},
        "of another workflow": {"workflow_id": workflow_id("other")},
        "about another slot": {"trigger_id": Slot.at(HOUR, NOON + HOUR).trigger_id},
    }
    for name, change in changes.items():
        given = VOTING | change
        file.good(f"voting {name}", "voting_id", voting_id(**given), **given)
    wrong: dict[str, dict[str, Any]] = {
        "a negative chain id": {"chain_id": -1},
        "a contract of 19 bytes": {"contract": CONTRACT[1:]},
        "a workflow id of 31 bytes": {"workflow_id": bytes(31)},
        "a trigger id of 33 bytes": {"trigger_id": bytes(33)},
    }
    for name, change in wrong.items():
        file.bad(f"voting with {name}", "voting_id", "EncodingError", **(VOTING | change))


def _slots(file: VectorFile) -> None:
    for name, every, time, delay in (
        ("at its first second", HOUR, NOON, 0),
        ("at its last second", HOUR, NOON + HOUR - 1, 900),
        ("the next one", HOUR, NOON + HOUR, 900),
        ("the first of all", 900, 0, 60),
        ("of a second", 1, NOON, 0),
        ("the last of all", 1, 2**64 - 1, 0),
        ("of many seconds", 2**127, 2**127, 0),
    ):
        slot = Slot.at(every, time)
        gives = {
            "number": slot.number,
            "start": slot.window.start,
            "end": slot.window.end,
            "due": slot.due(delay),
            "trigger_id": slot.trigger_id,
        }
        file.good(f"slot {name}", "slot", gives, every=every, time=time, delay=delay)
    file.bad("slot of no length", "slot", "TriggerError", every=0, time=NOON, delay=0)
    file.bad("slot of a negative length", "slot", "TriggerError", every=-1, time=NOON, delay=0)
    file.bad("slot before 1970", "slot", "TriggerError", every=HOUR, time=-1, delay=0)
    file.bad("slot number 2 to the 64", "slot", "TriggerError", every=1, time=2**64, delay=0)
    file.bad("slot longer than 128 bits", "slot", "TriggerError", every=2**128, time=NOON, delay=0)
    file.bad("trigger id of no length", "slot_of_trigger", "TriggerError", trigger_id=bytes(31) + b"\x01")
    overfull = (HOUR << 128 | 1 << 64).to_bytes(32, "big")
    file.bad("trigger id with a slot of 65 bits", "slot_of_trigger", "TriggerError", trigger_id=overfull)
    file.bad("trigger id of 31 bytes", "slot_of_trigger", "TriggerError", trigger_id=bytes(15) + b"\x01" * 16)
    file.bad("trigger id of 33 bytes", "slot_of_trigger", "TriggerError", trigger_id=bytes(17) + b"\x01" * 16)
    trigger_id = Slot(HOUR, 490_908).trigger_id
    gives = {"every": HOUR, "number": 490_908}
    file.good("slot of a trigger id", "slot_of_trigger", gives, trigger_id=trigger_id)


def _events(file: VectorFile) -> None:
    key = sample("trigger key")
    transaction = "0x" + sample("transaction").hex()
    good: list[tuple[Any, ...]] = [
        ("message", "order-4711"),
        ("message", ""),
        ("webhook", "4711"),
        ("poll", "\u20ac"),
        ("log", 246, transaction, 0),
    ]
    for number, (kind, *identity) in enumerate(good):
        given = {"key": key, "workflow": "settle", "trigger": "order", "kind": kind, "identity": identity}
        trigger_id = event_trigger_id(key, "settle", "order", kind, *identity)
        file.good(f"event {number}, {kind}", "event_trigger_id", trigger_id, **given)
    bad: list[tuple[Any, ...]] = [
        ("TriggerError", "message"),
        ("TriggerError", "message", 4711),
        ("TriggerError", "message", "a", "b"),
        ("TriggerError", "log", "246", transaction, 0),
        ("TriggerError", "log", 246, transaction),
        ("TriggerError", "log", "0x"),
        ("CanonicalError", "log", 246, transaction.upper(), 0),
        ("CanonicalError", "log", 246, transaction[2:], 0),
        ("CanonicalError", "log", 246, transaction[:-2], 0),
        ("TriggerError", "mail", "a"),
    ]
    for number, (error, kind, *identity) in enumerate(bad):
        given = {"key": key, "workflow": "settle", "trigger": "order", "kind": kind, "identity": identity}
        file.bad(f"no event {number}, {kind}", "event_trigger_id", error, **given)
