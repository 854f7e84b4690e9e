"""Evidence files of the right form that do not hold: another value, or a whole voting that breaks a rule.

All have a right checksum. `edits` change one value of a sound document; `votings` compute everything anew,
ids, hashes, trees and the log, so that only the rule that the voting breaks can refuse it.
"""

from collections.abc import Iterator
from typing import Any

from tools.vectors.evidence_faults import SHOWN, SMALL, Corrupted, Path, abridged, changed, place_of
from tools.vectors.evidence_forms import FAR
from tools.vectors.form import Json, sample
from tools.vectors.ids import HOUR, NOON
from tools.vectors.voted import (
    OWNERS,
    SCORE_ROWS,
    SCORES,
    SLOT,
    Voted,
    text_of,
    with_policy,
)

from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot, Window
from worknet.protocol.manifest import TableEntry
from worknet.protocol.words import Ballots, Fallback, How

OTHER = to_hex(sample("other"))
ZEROS = "0x" + "00" * 32


def word(bitmap: int) -> str:
    """A bitmap as the document writes it."""
    return to_hex(bitmap.to_bytes(32, "big"))


def refused(name: str, document: dict[str, Json], field: str, head: str = "") -> Corrupted:
    """A document that a rule must refuse at that field; the trusted head is the document's own, or `head`."""
    own = document["head"]
    return Corrupted(name, text_of(document), "RefusedError", field, head or f"{own['size']}:{own['root']}")


def edits() -> Iterator[Corrupted]:
    """Sound documents with one value changed."""
    voting = SMALL.document(manifest=False)
    everything: dict[str, tuple[dict[str, Json], list[Change]]] = {
        "record": (voting, _RECORD),
        "policy": (voting, [(("policy", key), value, "policy") for key, value in _POLICY.items()]),
        "manifest": (SMALL.document(), _MANIFEST),
        "row": (SMALL.document(SMALL.row("table", "scores", 2)), _ROW),
    }
    for document, changes in everything.values():
        for path, value, field in changes:
            assert changed(document, path, value) != document
            name = f"{place_of(path)} changed to {abridged(value)}"
            yield refused(name, changed(document, path, value), field, SMALL.head)
    for name, (path, value, field) in _ballots(voting["ballots"]).items():
        yield refused(f"ballots: {name}", changed(voting, path, value), field)


Change = tuple[Path, Json, str]

_RECORD: list[Change] = [
    (("network", "chain_id"), 1, "record.chain_id"),
    (("network", "contract"), to_hex(sample("contract 2", 20)), "record.contract"),
    (("record", "chain_id"), 1, "record.chain_id"),
    (("record", "chain_id"), 0, "record.chain_id"),
    (("record", "contract"), to_hex(sample("contract 2", 20)), "record.contract"),
    (("record", "workflow_id"), OTHER, "record.voting_id"),
    (("record", "voting_id"), OTHER, "record.voting_id"),
    (("record", "voting_id"), ZEROS, "record.voting_id"),
    (("record", "trigger_id"), OTHER, "record.voting_id"),
    (("record", "trigger_id"), to_hex(Slot.at(HOUR, NOON + HOUR).trigger_id), "record.voting_id"),
    (("record", "attempt"), 0, "record.attempt"),
    (("record", "attempt"), 2, "path"),
    (("record", "attempt"), 3, "record.attempt"),
    (("record", "attempt"), 4, "path"),
    (("record", "attempt"), 256, "record.attempt"),
    (("record", "policy_hash"), OTHER, "policy"),
    (("record", "input_root"), OTHER, "ballots[0]"),
    (("record", "result_root"), OTHER, "ballots[0]"),
    (("record", "input_root"), ZEROS, "ballots[0]"),
    (("record", "result_root"), ZEROS, "ballots[0]"),
    (("record", "members"), word(0b1011), "record.voters"),
    (("record", "members"), word(0b011), "record.n"),
    (("record", "members"), word(0b1111), "record.n"),
    (("record", "members"), word(0), "record.n"),
    (("record", "members"), word(0b111 | 1 << 120), "record.members"),
    (("record", "members"), word(2**256 - 1), "record.members"),
    (("record", "n"), 4, "record.n"),
    (("record", "n"), 2, "record.n"),
    (("record", "n"), 1, "record.n"),
    (("record", "n"), 0, "record.n"),
    (("record", "n"), 121, "record.n"),
    (("record", "n"), 2**53 - 1, "record.n"),
    (("record", "needed"), 1, "record.needed"),
    (("record", "needed"), 3, "record.needed"),
    (("record", "needed"), 0, "record.needed"),
    (("record", "voters"), word(0b001), "record.voters"),
    (("record", "voters"), word(0b111), "ballots"),
    (("record", "voters"), word(0b011), "ballots"),
    (("record", "voters"), word(0b1101), "record.voters"),
    (("record", "voters"), word(0), "record.voters"),
    (("record", "voters"), word(1 << 255), "record.voters"),
    (("record", "how"), "plurality", "record.how"),
    (("record", "how"), "report", "path"),
    (("record", "time"), NOON, "record.time"),
    (("record", "time"), 0, "record.time"),
    (("record", "time"), NOON + HOUR + 961, "path"),
    (("record", "time"), 2**53 - 1, "record.time"),
    (("position",), 3, "path"),
    (("position",), 5, "path"),
    (("position",), 7, "path"),
    (("position",), 2**53 - 1, "path"),
    (("head", "size"), 6, "path"),
    (("head", "size"), 5, "path"),
    (("head", "size"), 4, "path"),
    (("head", "size"), 0, "path"),
    (("head", "size"), 8, "head.size"),
    (("head", "size"), 9, "path"),
    (("head", "size"), 2**53 - 1, "path"),
    (("head", "root"), OTHER, "path"),
    (("head", "root"), ZEROS, "path"),
]

_POLICY: dict[str, Json] = {
    "bundle_digest": OTHER,
    "data_key_epoch": 2,
    "data_key_commitment": OTHER,
    "every": 900,
    "delay": 0,
    "start": NOON - HOUR,
    "max_age": 1,
    "threshold_num": 1,
    "threshold_den": 4,
    "ballots": "open",
    "cast_window": 301,
    "reveal_window": 299,
    "stall": 0,
    "fallback": "plurality",
    "accuracy": "1",
    "speed": str(2**256 - 1),
}

_MANIFEST: list[Change] = [
    (("manifest", "document", "workflow"), "other", "manifest.document.workflow"),
    (("manifest", "document", "bundle"), OTHER, "manifest.document.bundle"),
    (("manifest", "document", "trigger"), OTHER, "manifest.document.trigger"),
    (("manifest", "document", "window"), None, "manifest.document.window"),
    (("manifest", "document", "window", "end"), "2026-01-01T13:00:01Z", "manifest.document.window"),
    (("manifest", "document", "window", "start"), "2026-01-01T11:00:00Z", "manifest.document.window"),
    (("manifest", "document", "window", "end"), "2026-01-01T14:00:00+01:00", "manifest.document.window"),
    (("manifest", "document", "window", "end"), "2026-01-01T13:00:00.0Z", "manifest.document.window"),
    (("manifest", "document", "window", "end"), "", "manifest.document.window"),
    (("manifest", "document", "parameters"), {"region": "EU"}, "manifest.path"),
    (("manifest", "document", "summary"), {}, "manifest.path"),
    (("manifest", "document", "summary", "matched_wh"), 3001, "manifest.path"),
    (("manifest", "document", "summary", "matched_wh"), "3000", "manifest.path"),
    (("manifest", "document", "summary", "matched_wh"), True, "manifest.path"),
    (("manifest", "document", "tables"), {}, "manifest.path"),
    (("manifest", "document", "tables", "scores", "rows"), 4, "manifest.path"),
    (("manifest", "document", "tables", "scores", "schema"), OTHER, "manifest.path"),
    (("manifest", "document", "tables", "more"), {"rows": 0, "schema": OTHER}, "manifest.path"),
    (("manifest", "document", "parents"), [OTHER], "manifest.path"),
    (("manifest", "document", "parents"), ["0x" + "22" * 32, "0x" + "11" * 32], "manifest.document.parents"),
    (("manifest", "document", "parents"), [ZEROS, ZEROS], "manifest.document.parents"),
    (("manifest", "document", "parents"), [to_hex(SMALL.voting_id)], "manifest.document.parents"),
    (("manifest", "salt"), to_hex(sample("salt", 16)), "manifest.path"),
    (("manifest", "path"), [], "manifest.path"),
    (("manifest", "path"), [OTHER], "manifest.path"),
]

_ROW: list[Change] = [
    (("manifest",), None, "disclosure.schema"),
    (("disclosure", "kind"), "dataset", "disclosure.schema"),
    (("disclosure", "name"), "owners", "disclosure.name"),
    (("disclosure", "schema"), None, "disclosure.schema"),
    (("disclosure", "schema"), OWNERS.document(), "disclosure.schema"),
    (("disclosure", "schema", "disclosure"), "field", "disclosure.schema"),
    (("disclosure", "schema", "key"), ["wh"], "disclosure.schema"),
    (("disclosure", "schema", "key"), [], "disclosure.schema"),
    (("disclosure", "schema", "columns"), [], "disclosure.schema"),
    (("disclosure", "schema", "decoys"), 0, "disclosure.schema"),
    (("disclosure", "schema", "decoys"), 1, "disclosure.schema"),
    (("disclosure", "schema", "columns", 1, "digits"), 1, "disclosure.schema"),
    (("disclosure", "schema", "columns", 1, "type"), "str", "disclosure.schema"),
    (("disclosure", "schema", "columns", 1, "nullable"), True, "disclosure.schema"),
    (("disclosure", "schema", "columns", 1, "name"), "watt_hours", "disclosure.schema"),
    (("disclosure", "header", "salt"), to_hex(sample("salt", 16)), "disclosure.header.path"),
    (("disclosure", "header", "rows"), 4, "disclosure.header.rows"),
    (("disclosure", "header", "rows"), 0, "disclosure.header.rows"),
    (("disclosure", "header", "root"), OTHER, "disclosure.header.path"),
    (("disclosure", "header", "index"), 0, "disclosure.header.index"),
    (("disclosure", "header", "index"), 2, "disclosure.header.index"),
    (("disclosure", "header", "count"), 3, "disclosure.header.count"),
    (("disclosure", "header", "count"), 1, "disclosure.header.count"),
    (("disclosure", "header", "path"), [], "disclosure.header.path"),
    (("disclosure", "header", "path"), [OTHER], "disclosure.header.path"),
    ((*SHOWN, "index"), 1, "disclosure.shown.path"),
    ((*SHOWN, "index"), 3, "disclosure.shown.path"),
    ((*SHOWN, "index"), 2**53 - 1, "disclosure.shown.path"),
    ((*SHOWN, "path"), [], "disclosure.shown.path"),
    ((*SHOWN, "path"), [OTHER], "disclosure.shown.path"),
    ((*SHOWN, "salt"), to_hex(sample("salt", 16)), "disclosure.shown.path"),
    ((*SHOWN, "values", "wh"), 2001, "disclosure.shown.path"),
    ((*SHOWN, "values", "wh"), -2000, "disclosure.shown.path"),
    ((*SHOWN, "values", "consumer"), "c1", "disclosure.shown.path"),
    ((*SHOWN, "values", "consumer"), "", "disclosure.shown.path"),
    ((*SHOWN, "values", "more"), 1, "disclosure.shown.path"),
    ((*SHOWN, "values"), {}, "disclosure.shown.path"),
]


def _ballots(ballots: list[dict[str, Json]]) -> dict[str, Change]:
    first, second = ballots
    other = {"input_root": OTHER, "result_root": to_hex(sample("other result"))}
    stranger = second | {"worker": 3, "key": "0x" + "77" * 20, "operator": "0x" + "88" * 20}
    return {
        "none": (("ballots",), [], "ballots"),
        "one missing": (("ballots",), [first], "ballots"),
        "another missing": (("ballots",), [second], "ballots"),
        "one twice": (("ballots",), [first, first, second], "ballots[1].worker"),
        "in descending order": (("ballots",), [second, first], "ballots[1].worker"),
        "one of no member": (("ballots",), [first, second, stranger], "ballots[2].worker"),
        "one under two indices": (("ballots",), [first, first | {"worker": 1}, second], "ballots[1].key"),
        "another pair of a voter": (("ballots", 1), second | other, "ballots[1]"),
        "another index": (("ballots", 0, "worker"), 1, "ballots"),
        "the index of no member": (("ballots", 1, "worker"), 3, "ballots[1].worker"),
        "the index 120": (("ballots", 1, "worker"), 120, "ballots[1].worker"),
        "the largest index": (("ballots", 1, "worker"), 2**53 - 1, "ballots[1].worker"),
        "another input root": (("ballots", 0, "input_root"), OTHER, "ballots[0]"),
        "another result root": (("ballots", 1, "result_root"), OTHER, "ballots[1]"),
        "a key of zeros": (("ballots", 0, "key"), "0x" + "00" * 20, "ballots[0].key"),
        "a key of two": (("ballots", 1, "key"), first["key"], "ballots[1].key"),
        "an operator of zeros": (("ballots", 0, "operator"), "0x" + "00" * 20, "ballots[0].operator"),
        "an operator of two": (("ballots", 1, "operator"), first["operator"], "ballots[1].operator"),
    }


def votings() -> Iterator[Corrupted]:
    """Votings that break a rule, in which everything else is as the rules have it."""
    for name, (voted, field) in _broken_votings().items():
        yield refused(f"a voting with {name}", voted.document(manifest=False), field)
    for name, value, field in _POLICIES:
        voted = Voted(policy_changes={name: value})
        yield refused(f"a policy of {name} {value!r}", voted.document(manifest=False), f"policy.{field}")
    for name in ("accuracy", "speed"):
        voted = Voted(policy_changes={name: 2**128})
        document = changed(voted.document(manifest=False), ("policy", name), str(2**128))
        yield refused(f"a policy of {name} 2^128", document, f"policy.{name}")
    paid = Voted(policy=with_policy(ballots=Ballots.OPEN), policy_changes={"accuracy": 1})
    document = changed(paid.document(manifest=False), ("policy", "accuracy"), "1")
    yield refused("a policy that pays for open ballots", document, "policy.accuracy")
    for name, (voted, field) in _broken_manifests().items():
        yield refused(f"a manifest with {name}", voted.document(), field)


_POLICIES: list[tuple[str, int | bytes, str]] = [
    ("bundle_digest", bytes(32), "bundle_digest"),
    ("data_key_epoch", 2**32, "data_key_epoch"),
    ("data_key_commitment", bytes(32), "data_key_commitment"),
    ("every", 2**32, "every"),
    ("delay", 2**32, "delay"),
    ("start", 2**40 - 1, "start"),
    ("max_age", 2**53 - 1, "max_age"),
    ("threshold_num", 4, "threshold_num"),
    ("threshold_den", 0, "threshold_num"),
    ("threshold_den", 2**32, "threshold_den"),
    ("cast_window", 0, "cast_window"),
    ("cast_window", 2**32, "cast_window"),
    ("reveal_window", 0, "reveal_window"),
    ("reveal_window", 2**32, "reveal_window"),
    ("stall", 2**32, "stall"),
]


def _broken_votings() -> dict[str, tuple[Voted, str]]:
    plurality = with_policy(fallback=Fallback.PLURALITY, threshold_num=1, threshold_den=1)
    failover = with_policy(fallback=Fallback.FAILOVER_THEN_PLURALITY)
    settled: dict[str, Any] = {
        "policy": plurality,
        "how": How.PLURALITY,
        "members": 0b111111,
        "n": 6,
        "attempt": 2,
        "voters": 0b111,
        "others": {3: "a", 4: "b", 5: "c"},
    }
    other_slot = Slot.at(900, NOON)
    no_slot = (HOUR << 128 | 1 << 64).to_bytes(32, "big")
    return {
        "too few voters": (Voted(voters=0b001), "record.voters"),
        "no voters": (Voted(voters=0), "record.voters"),
        "a voter that is no member": (Voted(voters=0b1001), "record.voters"),
        "a report of too few": (Voted(how=How.REPORT, voters=0b100), "record.voters"),
        "n above the members in attempt 1": (Voted(n=4), "record.n"),
        "n above the members in a reopening": (Voted(attempt=4, n=4), "record.n"),
        "n below the members": (Voted(attempt=2, members=0b1111, n=3), "record.n"),
        "one worker": (Voted(members=1, n=1, voters=1), "record.n"),
        "no worker": (Voted(members=0, n=0, voters=0), "record.n"),
        "121 workers": (Voted(members=2**121 - 1, n=121, voters=2**121 - 1), "record.members"),
        "a failover that the policy has not": (Voted(attempt=3), "record.attempt"),
        "attempt 2, for which the policy leaves no time": (
            Voted(attempt=2, policy=with_policy(stall=0)),
            "record.attempt",
        ),
        "a slot of another length": (Voted(trigger=other_slot), "record.trigger_id"),
        "a slot past all slots": (Voted(trigger=no_slot), "record.trigger_id"),
        "an event for a trigger": (Voted(trigger=sample("event"), contents={}), "record.trigger_id"),
        "a slot before the policy's start": (
            Voted(policy=with_policy(start=NOON + HOUR)),
            "policy.start",
        ),
        "a reopening before the policy's start": (
            Voted(attempt=4, policy=with_policy(start=NOON + 10 * HOUR)),
            "policy.start",
        ),
        "a record before its slot was due": (Voted(time=NOON + HOUR + 899), "record.time"),
        "a record of a slot too old": (
            Voted(policy=with_policy(max_age=60), time=NOON + HOUR + 900 + 60 + 600),
            "record.time",
        ),
        "a record past the year 9999": (Voted(time=2**40), "record.time"),
        "an event's record past the year 9999": (
            Voted(trigger=sample("event"), policy=FAR.policy, time=2**40),
            "record.time",
        ),
        "a plurality that the policy has not": (
            Voted(**settled | {"policy": with_policy(threshold_num=1, threshold_den=1)}),
            "record.how",
        ),
        "a plurality after attempt 3 without failover": (Voted(**settled | {"attempt": 3}), "record.attempt"),
        "a plurality after a reopening": (
            Voted(**settled | {"attempt": 4, "policy": failover, "voters": 0b11, "others": {2: "a", 3: "b"}}),
            "record.attempt",
        ),
        "a plurality though enough agreed": (
            Voted(**settled | {"voters": 0b111111, "others": {}}),
            "record.how",
        ),
        "a plurality of one": (
            Voted(**settled | {"members": 0b11, "n": 2, "voters": 1, "others": {1: "a"}}),
            "record.voters",
        ),
        "a plurality of a third": (
            Voted(**settled | {"voters": 0b11, "others": {2: "a", 3: "b", 4: "c", 5: "d"}}),
            "record.voters",
        ),
        "a plurality of too few ballots": (Voted(**settled | {"others": {3: "a", 4: "b"}}), "ballots"),
        "a plurality that is a tie": (
            Voted(**settled | {"others": {3: "a", 4: "a", 5: "a"}}),
            "ballots",
        ),
        "a plurality though another pair has more": (
            Voted(**settled | {"n": 7, "members": 0b1111111, "others": dict.fromkeys((3, 4, 5, 6), "a")}),
            "ballots",
        ),
    }


def _broken_manifests() -> dict[str, tuple[Voted, str]]:
    window = Slot.at(HOUR, NOON + HOUR).window
    entry = TableEntry(SCORES.digest(), 3)
    changes: dict[str, tuple[dict[str, Any], str]] = {
        "another workflow": ({"workflow": "other"}, "workflow"),
        "another bundle": ({"bundle_digest": sample("bundle 2")}, "bundle"),
        "another trigger": ({"trigger_id": Slot.at(HOUR, NOON + HOUR).trigger_id}, "trigger"),
        "another window": ({"window": window}, "window"),
        "a longer window": ({"window": Window(NOON, NOON + 2 * HOUR)}, "window"),
        "no window": ({"window": None}, "window"),
        "its own voting for a parent": ({"parents": (SMALL.voting_id,)}, "parents"),
    }
    broken = {
        name: (Voted(contents=SMALL.contents, manifest_changes=change), f"manifest.document.{field}")
        for name, (change, field) in changes.items()
    }
    far = Voted(trigger=FAR.trigger, policy=FAR.policy, manifest_changes={"window": SLOT.window})
    tables = {"scores": entry, "more": entry}
    return broken | {
        "a window for an event": (far, "manifest.document.window"),
        "a table more than the result has": (
            Voted(contents={("table", "scores"): (SCORES, SCORE_ROWS)}, manifest_changes={"tables": tables}),
            "manifest.path",
        ),
        "no tables, though the result has one": (
            Voted(contents=SMALL.contents, manifest_changes={"tables": {}}),
            "manifest.path",
        ),
    }
