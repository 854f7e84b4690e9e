"""The tree of what a voting was made from: drawn within bounds, whatever manifests say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.node.conftest import a_policy

from worknet.chain.index_facts import IndexedRecord, IndexedVoting
from worknet.node import ancestry
from worknet.node.ancestry import DEPTH, MOST, WIDTH, Ancestor, Ancestry, Rest, document, lines
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import Value, to_hex
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.manifest import Manifest
from worknet.protocol.records import How
from worknet.protocol.voting import Recorded, State, Voting

NAMES = {workflow_id("report"): "report"}
RECORDED = Recorded(1, Pair(b"\1" * 32, b"\2" * 32), 0b11, How.QUORUM, 0)


def voting_id(number: int) -> bytes:
    return number.to_bytes(32, "big")


class Votings:
    """Votings about the hours 1, 2, ..., each recorded at the position before its number; `told` are the
    parents that the manifests name, by number, None where there is no manifest."""

    def __init__(self, told: Mapping[int, Sequence[int] | None], summary: Mapping[str, Value] | None = None):
        self.told = told
        self.summary: Mapping[str, Value] = summary or {}
        self.asked: list[bytes] = []
        self.unrecorded: set[int] = set()

    def entry(self, found: bytes, *, now: int) -> IndexedVoting | None:
        number = int.from_bytes(found, "big")
        if number not in self.told:
            return None
        voting = Voting({1: a_policy()}, state=State.UNRESOLVED, next_attempt=None)
        if number not in self.unrecorded:
            voting = replace(voting, state=State.CONSENSUS, recorded=RECORDED)
        slot = Slot(3600, number)
        return IndexedVoting(found, workflow_id("report"), slot.trigger_id, 1, voting, number - 1)

    def record_of(self, found: bytes) -> Any:
        number = int.from_bytes(found, "big")
        if number not in self.told or number in self.unrecorded:
            return None
        return SimpleNamespace(record=SimpleNamespace(voting_id=found))

    def manifests(self, records: Sequence[IndexedRecord]) -> dict[bytes, Manifest]:
        ids = [each.record.voting_id for each in records]
        self.asked += ids
        numbers = {each: self.told[int.from_bytes(each, "big")] for each in ids}
        return {
            each: Manifest(
                "report", b"\1" * 32, each, None, {}, {}, self.summary, tuple(map(voting_id, sorted(parents)))
            )
            for each, parents in numbers.items()
            if parents is not None
        }

    def tree(self, number: int = 1) -> Ancestor:
        return Ancestry(self, NAMES, self.manifests, 0).of(voting_id(number))  # type: ignore[arg-type]  # enough of one


def drawn(root: Ancestor) -> int:
    return 1 + sum(drawn(parent) for parent in root.parents)


def test_a_voting_stands_above_those_it_consumed_and_these_above_theirs() -> None:
    found = list(lines(Votings({9: [3, 4], 3: [1], 4: [], 1: []}).tree(9)))
    assert found == [
        "report@1970-01-01T09:00:00Z  recorded by quorum, attempt 1, position 8",
        "|-- report@1970-01-01T03:00:00Z  recorded by quorum, attempt 1, position 2",
        "|   `-- report@1970-01-01T01:00:00Z  recorded by quorum, attempt 1, position 0",
        "`-- report@1970-01-01T04:00:00Z  recorded by quorum, attempt 1, position 3",
    ]


def test_of_many_parents_the_first_in_time_are_drawn_and_the_rest_counted() -> None:
    parents = range(2, 722)
    root = Votings({1: parents, **{number: [] for number in parents}}).tree()
    assert [each.window.start // 3600 for each in root.parents if each.window] == list(range(2, 2 + WIDTH))
    assert list(lines(root))[-1] == f"`-- and {720 - WIDTH} more"


def test_a_deep_tree_ends_with_what_is_known_of_its_parents() -> None:
    chain = {number: [number + 1] for number in range(1, 40)}
    (*_, last) = lines(Votings({**chain, 40: []}).tree())
    assert drawn(Votings({**chain, 40: []}).tree()) == DEPTH + 1
    assert last.endswith("; has parents that are not drawn (1)")


def test_no_more_are_drawn_than_the_bound() -> None:
    # Each names the next twelve times twelve: without a bound, a quarter of a million.
    told = {number: range(number * WIDTH - WIDTH + 2, number * WIDTH + 2) for number in range(1, 3000)}
    votings = Votings({**told, **{number: [] for number in range(3000, 40_000)}})
    assert drawn(votings.tree()) <= MOST + WIDTH * DEPTH


def test_a_voting_that_names_itself_is_drawn_once() -> None:
    assert list(lines(Votings({1: [1]}).tree()))[1:] == [
        "`-- report@1970-01-01T01:00:00Z  recorded by quorum, attempt 1, position 0; drawn elsewhere"
    ]


def test_votings_that_name_each_other_are_drawn_once() -> None:
    assert drawn(Votings({1: [2], 2: [1]}).tree()) == 3


def test_a_parent_of_several_is_opened_once() -> None:
    votings = Votings({1: [2, 3], 2: [4], 3: [4], 4: [5], 5: []})
    votings.tree()
    assert len(votings.asked) == len(set(votings.asked)) == 5


def test_a_record_whose_manifest_nobody_shows_says_so() -> None:
    root = Votings({1: None}).tree()
    assert root.rest is Rest.UNKNOWN
    assert next(lines(root)).endswith("; parents not known")


def test_a_voting_without_a_record_has_no_parents_to_know() -> None:
    votings = Votings({1: [2]})
    votings.unrecorded = {1}
    assert (votings.tree().rest, votings.tree().parents) == (None, ())
    assert list(lines(votings.tree())) == ["report@1970-01-01T01:00:00Z  unresolved"]


def test_a_parent_that_the_network_does_not_have_is_named_by_its_id() -> None:
    assert list(lines(Votings({1: [7]}).tree()))[1:] == [
        f"`-- {to_hex(voting_id(7))}  the network has no such voting"
    ]


@pytest.mark.parametrize(
    ("summary", "headline"),
    [
        ({"hours": 720, "missing": 2, "score_ppm": 5, "more": 1}, "hours 720, missing 2, score_ppm 5"),
        ({"parts": {"a": 1}, "list": [1], "none": None, "wh": "12"}, "wh 12"),
        ({"x": "a\nb\x1b[31m"}, r"x a\nb\x1b[31m"),
        ({"x": "y" * 1000}, "x " + "y" * 37 + "..."),
    ],
)
def test_a_summary_has_its_first_plain_values_shown_on_one_line(
    summary: Mapping[str, Value], headline: str
) -> None:
    assert list(lines(Votings({1: []}, summary).tree())) == [
        f"report@1970-01-01T01:00:00Z  recorded by quorum, attempt 1, position 0; {headline}"
    ]


def test_the_document_says_all_that_is_drawn() -> None:
    (parent,) = document(Votings({2: [1], 1: None}).tree(2))["parents"]  # type: ignore[misc]  # a list of one
    assert parent == {
        "voting": to_hex(voting_id(1)),
        "workflow": "report",
        "start": "1970-01-01T01:00:00Z",
        "end": "1970-01-01T02:00:00Z",
        "state": "consensus",
        "how": "quorum",
        "attempt": 1,
        "position": 0,
        "summary": None,
        "count": 0,
        "parents": [],
        "rest": ancestry.Rest.UNKNOWN.value,
    }
