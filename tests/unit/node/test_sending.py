"""What a worker has under way: journalled before it leaves, and looked after until its fate is known."""

import pytest
from structlog.testing import capture_logs
from tests.unit.node.conftest import LAST, Company, FaultyRpc, MakeWorld

from worknet.chain import transactions
from worknet.chain.errors import RpcRefusedError, RpcUnavailableError
from worknet.node.journal.transactions import LOST

SEND = "eth_sendRawTransaction"


@pytest.fixture(autouse=True)
def _tend_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "HAND_OVER_AGAIN_SECONDS", 0.0)


def seals_of(company: Company) -> int:
    return sum(sender == company.signer.address for sender, _ in company.chain.sent("seal", failed=None))


def test_a_transaction_that_the_node_never_passed_on_is_handed_over_again_at_once(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    company = world.companies[0]
    company.rpc.swallowing = True
    company.seal()
    company.rpc.swallowing = False
    (sent,) = company.journal.transactions.waiting()
    company.step()
    assert world.chain.rpc.receipt(sent.hash) is not None


def test_after_no_answer_the_transaction_is_under_way_and_no_second_is_signed(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    company = world.companies[0]
    company.step()
    ask = FaultyRpc.request

    def cut(self: FaultyRpc, method: str, *params: object) -> object:
        if method == SEND:
            raise RpcUnavailableError("the RPC gave no answer")
        return ask(self, method, *params)

    with monkeypatch.context() as patched:
        patched.setattr(FaultyRpc, "request", cut)
        with pytest.raises(RpcUnavailableError):
            company.step()
    assert company.worker.status().in_flight == 1
    company.step(3)
    assert seals_of(company) == 1


@pytest.mark.parametrize("text", ["insufficient funds for gas * price + value", "exceeds block gas limit"])
def test_a_transaction_that_is_refused_for_good_leaves_its_duty_to_be_done_soon(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    world = make_world()
    company = world.companies[0]
    ask = FaultyRpc.request

    def refuse(self: FaultyRpc, method: str, *params: object) -> object:
        if method == SEND:
            raise RpcRefusedError(method, -32000, text)
        return ask(self, method, *params)

    with monkeypatch.context() as patched, capture_logs() as told:
        patched.setattr(FaultyRpc, "request", refuse)
        company.seal()
    assert "voting.fault" in [each["event"] for each in told]
    assert company.journal.transactions.waiting() == []
    world.chain.pass_time(6)
    company.step(2)
    assert seals_of(company) == 1


def test_what_was_given_up_before_a_restart_is_not_handed_over_again_after_it(make_world: MakeWorld) -> None:
    world = make_world()
    company = world.companies[0]
    company.rpc.swallowing = True
    company.seal()
    (sent,) = company.journal.transactions.waiting()
    company.journal.transactions.end(sent.hash, LOST)
    world.chain.pass_time(400)
    company.restart()
    asked = company.rpc.asked
    company.worker._sending.settle(world.chain.rpc.block_number(), world.chain.now)
    assert SEND not in asked


def test_a_transaction_in_a_block_stays_under_way_until_the_block_is_confirmed(make_world: MakeWorld) -> None:
    world = make_world(confirmations=2)
    company = world.companies[0]
    company.seal()
    company.step()
    assert len(company.journal.transactions.waiting()) == 1
    assert company.worker.status().in_flight == 0
    world.chain.mine(2)
    company.step()
    assert company.journal.transactions.waiting() == []
    assert world.chain.is_open(LAST)
