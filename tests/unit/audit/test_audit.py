"""An audit of a chain: contracts that answer otherwise, other code, a rewritten chain, what it refuses."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.audit.life import OPEN, PERIOD, audit_of, slot
from tests.unit.audit.lived import lived
from tests.unit.audit.planting import alter, audited, both, drop, of, through, untouched

from worknet.audit.audit import audit
from worknet.audit.code import check_code
from worknet.audit.errors import AuditError
from worknet.audit.facts import Question
from worknet.audit.lines import Why
from worknet.audit.notes import Notes
from worknet.audit.outcome import Audit
from worknet.audit.resume import AuditState
from worknet.chain import events
from worknet.chain.client import NetworkClient
from worknet.chain.errors import ChainError, RpcRefusedError, WrongNetworkError
from worknet.chain.interface import call_data
from worknet.contracts import artifact
from worknet.protocol.canonical import Value
from worknet.protocol.trees import Frontier, Tree
from worknet.protocol.voting import State
from worknet.testing.chain import LocalRpc


def rules(made: Audit) -> set[str]:
    return {finding.rule for finding in made.findings}


def answering(view: str, change: Callable[[Any], Any]) -> Audit:
    """The audit of a contract that answers one view otherwise."""

    def answer(question: Question, value: Any) -> Any:
        return change(value) if question.view == view else value

    return audited(untouched, answer)


@pytest.mark.parametrize(
    ("view", "rule"),
    [
        ("root", "log.root"),
        ("record", "log.leaf"),
        ("owner", "owner.answers"),
        ("pending_owner", "owner.answers"),
        ("policy_hash", "policy.answers"),
        ("seal_of", "voting.answers"),
    ],
)
def test_another_answer_of_the_contract_is_found(view: str, rule: str) -> None:
    assert rule in rules(answering(view, lambda value: bytes([value[0] ^ 1]) + value[1:]))


@pytest.mark.parametrize(
    ("view", "rule"),
    [
        ("size", "log.size"),
        ("member_count", "member.answers"),
        ("active", "member.answers"),
        ("standby", "member.answers"),
        ("opening_paused", "owner.answers"),
        ("policy_count", "policy.answers"),
        ("voters", "voting.answers"),
        ("owed", "rewards.answers"),
    ],
)
def test_another_number_of_the_contract_is_found(view: str, rule: str) -> None:
    assert rule in rules(answering(view, lambda value: value + 1))


# Not 3 and 4: whether ballots are sealed, and are final, follows from the rest.
@pytest.mark.parametrize("place", [0, 1, 2, 5, 6, 7, 8, 9, 10, 11])
def test_a_voting_that_stands_otherwise_is_found(place: int) -> None:
    made = answering("voting", lambda told: (*told[:place], int(told[place]) + 1, *told[place + 1 :]))
    assert rules(made) == {"voting.answers"}


@pytest.mark.parametrize(("view", "rule"), [("period", "rewards.period"), ("amounts_in", "rewards.answers")])
def test_other_words_of_the_rewards_are_found(view: str, rule: str) -> None:
    assert rules(answering(view, lambda told: (told[0] ^ 1, *told[1:]))) == {rule}


def test_a_view_that_refuses_is_found() -> None:
    assert "owner.answers" in rules(answering("owner", lambda _: None))


def test_a_claim_through_another_contract_is_held_against_the_pools_marks() -> None:
    made = audited(both(*(through(of(events.Claimed, number=each), b"\x99" * 20) for each in range(4))))
    assert not made.findings
    assert made.unseen["claims through other contracts, held against the pool's marks"] == 4


def test_a_pool_that_lacks_money_is_found() -> None:
    made = audited(drop(of(events.Claimed, number=3)))
    assert "rewards.answers" in rules(made)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (events.Enrolled, "index"),
        (events.Removed, "index"),
        (events.Rotated, "index"),
        (events.CheckedIn, "index"),
        (events.CheckedIn, "period"),
        (events.PolicyAnnounced, "version"),
        (events.Opened, "members"),
        (events.Opened, "attempt"),
        (events.Reopened, "until"),
        (events.Revealed, "workers"),
        (events.Reported, "voters"),
        (events.Skipped, "worker"),
        (events.Recorded, "position"),
        (events.Recorded, "voters"),
        (events.Failed, "at"),
        (events.RewardsSet, "since_period"),
        (events.Claimed, "index"),
        (events.Claimed, "earned"),
    ],
)
def test_the_largest_number_breaks_no_audit(kind: type[Any], word: str) -> None:
    made = audited(alter(of(kind), **{word: 2**256 - 1}))
    assert made.findings
    assert AuditState.read(made.state.document()).head == made.after


def test_the_shipped_code_is_known_again_and_other_code_is_found() -> None:
    code = lived().chain.rpc.code(lived().contract)
    notes = Notes()
    check_code("WorkerNetwork", code, notes)
    assert not notes.findings
    for other in (code[1:], b"", code[:100] + b"\x00" + code[101:], artifact().bytecode):
        notes = Notes()
        check_code("WorkerNetwork", other, notes)
        assert [finding.rule for finding in notes.findings] == ["code.network"]


def test_the_network_in_the_place_of_its_pool_is_found() -> None:
    notes = Notes()
    check_code("Rewards", lived().chain.rpc.code(lived().contract), notes)
    assert [finding.rule for finding in notes.findings] == ["code.pool"]


def state_at(cut: int) -> AuditState:
    network = lived()
    return audit_of(network, until=network.start + cut).state


def test_a_block_that_is_gone_is_found_and_the_log_held_to_the_head_of_before() -> None:
    state = state_at(60)
    gone = replace(state, head=replace(state.head, block_hash=b"\x01" * 32))
    assert rules(audit_of(lived(), since=gone)) == {"chain.block"}
    subtrees = tuple(bytes(32) for _ in state.subtrees)
    head = replace(gone.head, root=Frontier(state.head.size, subtrees).root())
    assert rules(audit_of(lived(), since=replace(gone, head=head, subtrees=subtrees))) == {
        "chain.block",
        "log.prefix",
    }


def test_a_log_that_is_no_longer_what_was_audited_is_found() -> None:
    state = state_at(60)
    subtrees = tuple(bytes(32) for _ in state.subtrees)
    head = replace(state.head, root=Frontier(state.head.size, subtrees).root())
    made = audit_of(lived(), since=replace(state, head=head, subtrees=subtrees))
    assert rules(made) == {"log.root", "log.prefix"}


def test_the_path_proves_the_old_log_to_be_the_beginning_of_the_new_one() -> None:
    whole = audit_of(lived())
    tree = Tree(whole.appended)
    seen = set()
    for cut in range(20, 170, 25):
        made = audit_of(lived(), since=state_at(cut))
        size = made.before.size
        seen.add(size)
        is_needed = 0 < size < whole.after.size
        assert list(made.path) == (tree.consistency(size) if is_needed else [])
        assert made.before.root == tree.root_at(size)
    assert len(seen) > 3


def test_an_audit_without_new_blocks_finds_and_changes_nothing() -> None:
    whole = audit_of(lived())
    again = audit_of(lived(), since=whole.state)
    assert (again.records, again.findings, again.after) == ((), (), whole.after)
    assert again.state.document() == whole.state.document()


def test_slots_without_a_record_are_told_with_their_reasons() -> None:
    why = {line.why for line in audit_of(lived()).without_record}
    assert why == {Why.MISSED, Why.WAITING, Why.OPEN, Why.UNRESOLVED}


def test_votings_that_are_not_over_are_told() -> None:
    states = {each.state for each in audit_of(lived()).open_votings}
    assert states == {State.CASTING, State.REVEALING, State.CONSENSUS, State.UNRESOLVED}


def test_what_workers_earned_is_what_the_pool_pays_and_owes() -> None:
    network = lived()
    for line in audit_of(network).workers:
        assert line.owed == network.pool.owed(line.index)
        assert line.earned == line.paid + line.owed + line.unclaimed


def test_a_state_of_another_network_is_refused() -> None:
    state = replace(state_at(30), contract=b"\x05" * 20)
    with pytest.raises(AuditError, match="another network"):
        audit_of(lived(), since=state)


@pytest.mark.parametrize("until", [0, 10_000])
def test_blocks_that_are_none_of_the_network_are_refused(until: int) -> None:
    with pytest.raises(AuditError, match="there is no block"):
        audit_of(lived(), until=until)


def test_an_rpc_that_ends_before_the_remembered_block_is_told_as_such() -> None:
    network = lived()
    state = audit_of(network).state
    ahead = replace(state, head=replace(state.head, block=network.chain.height + 1))
    with pytest.raises(AuditError, match=f"the last audit ended at block {ahead.head.block}") as caught:
        audit_of(network, since=ahead)
    assert "RPC" in str(caught.value.hint)
    assert "network.toml" not in str(caught.value.hint)


def test_without_a_last_block_an_audit_ends_where_blocks_count() -> None:
    network = lived()
    made = audit(network.owner, network.start, network.pool.contract)
    assert made.after.block == network.chain.height - network.owner.confirmations()


def test_without_its_pool_a_network_is_audited_but_for_the_money() -> None:
    network = lived()
    made = audit(network.owner, network.start, None)
    assert not made.findings
    assert {line.earned for line in made.workers} == {0}


@pytest.mark.parametrize("pool", [b"\x01" * 20, b""])
def test_what_is_no_pool_of_the_network_is_refused(pool: bytes) -> None:
    network = lived()
    with pytest.raises(ChainError):
        audit(network.owner, network.start, pool or network.contract)


def test_a_remembered_state_that_contradicts_itself_is_refused() -> None:
    document = state_at(60).document()
    head = {**dict(document["head"]), "root": "0x" + "11" * 32}  # type: ignore[arg-type]  # an object
    with pytest.raises(AuditError, match="contradicts itself"):
        AuditState.read({**document, "head": head})


@pytest.mark.parametrize("name", ["head", "members", "votings", "ledger"])
def test_a_remembered_state_in_another_form_is_refused(name: str) -> None:
    document = state_at(60).document()
    wrongs: list[Value] = [{}, [[1]], "0xzz", None, 7]
    for wrong in wrongs:
        with pytest.raises(AuditError):
            AuditState.read({**document, name: wrong})


def test_a_remembered_state_of_another_format_is_refused() -> None:
    with pytest.raises(AuditError, match="format 9"):
        AuditState.read({**state_at(30).document(), "format": 9})


def test_periods_that_nobody_can_claim_from_are_forgotten() -> None:
    kept = audit_of(lived()).state.ledger
    assert min(kept.periods) >= lived().chain.now // PERIOD - 1
    assert all(not earning.is_over for earning in kept.earnings.values())


def test_an_event_voting_of_another_workflow_is_no_slot() -> None:
    made = audit_of(lived())
    assert {line.workflow_id for line in made.without_record} == {slot(0).workflow, OPEN}


class Forgetful(LocalRpc):
    """An RPC that no longer knows transactions by their hashes, and answers no batch."""

    def request(self, method: str, *params: Any) -> Any:
        return None if method == "eth_getTransactionByHash" else super().request(method, *params)

    def _batch(self, method: str, params: Sequence[list[Any]]) -> list[Any] | None:
        return None


class Pruned(LocalRpc):
    """An RPC that has forgotten the state of the block that is asked for."""

    def request(self, method: str, *params: Any) -> Any:
        if method == "eth_call" and params[1] != "latest":
            raise RpcRefusedError(method, -32000, "missing trie node")
        return super().request(method, *params)


def test_transactions_whose_hashes_are_forgotten_are_found_in_their_blocks() -> None:
    network = lived()
    client = NetworkClient(Forgetful(network.chain.methods), network.contract)
    made = audit(client, network.start, network.pool.contract, until=network.chain.height)
    assert made.state.document() == audit_of(network).state.document()
    assert not made.findings


def test_a_state_that_the_rpc_has_forgotten_is_no_finding() -> None:
    network = lived()
    client = NetworkClient(Pruned(network.chain.methods), network.contract)
    with pytest.raises(RpcRefusedError, match="missing trie node"):
        audit(client, network.start, network.pool.contract)


class Elsewhere(LocalRpc):
    """An RPC of a chain on which the pool is another network's."""

    def request(self, method: str, *params: Any) -> Any:
        asked = "0x" + call_data("network", contract="Rewards").hex()
        if method == "eth_call" and params[0]["data"] == asked:
            return "0x" + "00" * 12 + "99" * 20
        return super().request(method, *params)


def test_the_pool_of_another_network_is_refused() -> None:
    network = lived()
    client = NetworkClient(Elsewhere(network.chain.methods), network.contract)
    with pytest.raises(WrongNetworkError, match="pays the workers of the network 0x9999"):
        audit(client, network.start, network.pool.contract)
