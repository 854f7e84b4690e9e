"""Outages of the chain: remembered in its own time, and the cause where a ballot was due meanwhile."""

from tests.unit.node.conftest import LAST, FaultyRpc, MakeWorld

from worknet.chain.errors import RpcUnavailableError
from worknet.node.causes import Cause
from worknet.node.outages import REMEMBERED, Outages


def test_an_outage_lasts_from_the_last_look_before_it_to_the_first_after_it() -> None:
    outages = Outages()
    outages.seen(100)
    outages.failed()
    outages.seen(400)
    outages.seen(500)
    assert [outages.at(time) for time in (100, 101, 400, 401)] == [None, (100, 400), (100, 400), None]


def test_what_was_before_the_first_look_is_not_known() -> None:
    outages = Outages()
    outages.failed()
    outages.seen(100)
    assert outages.at(50) is None


def test_memory_is_bounded() -> None:
    outages = Outages()
    for time in range(REMEMBERED + 2):
        outages.seen(10 * time)
        outages.failed()
    assert (outages.at(5), outages.at(15)) == (None, (10, 20))


def test_a_worker_that_could_not_reach_the_chain_says_so_and_keeps_it(make_world: MakeWorld) -> None:
    world = make_world()
    company = world.companies[2]
    company.worker.try_step()
    rpc = company.rpc
    assert isinstance(rpc, FaultyRpc)
    ask = rpc.request

    def away(method: str, *params: object) -> object:
        raise RpcUnavailableError("rpc.example does not answer")

    rpc.request = away  # type: ignore[method-assign]  # as long as it is away
    world.step(2, 0, 1)
    company.worker.try_step()
    world.chain.pass_time(301)
    rpc.request = ask  # type: ignore[method-assign]  # back again
    company.worker.try_step()
    (failure,) = company.journal.failures.of(world.chain.voting_id(LAST))
    assert failure.cause == Cause.CHAIN_UNAVAILABLE
    assert failure.message.startswith("the chain could not be read from 2023-11-14T22:13:2")
