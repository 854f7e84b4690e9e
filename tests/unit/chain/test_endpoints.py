"""Several endpoints of one chain: who is read, who is left aside, and what is never believed."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.chain.nodes import FIRST_TIME, Crowd, refusing

from worknet.chain.endpoint import DOUBT_SECONDS, EndpointFault
from worknet.chain.endpoints import LOOK_SECONDS
from worknet.chain.errors import ChainError, RpcRefusedError, RpcUnavailableError, WrongChainError
from worknet.chain.heads import LAG, LINKS
from worknet.chain.rpc import Rpc

DOWN = EndpointFault("ConnectionError")
SEND = "eth_sendRawTransaction"


# Failover


def test_reads_stick_to_the_first_endpoint() -> None:
    crowd = Crowd(100, 100, 100)
    crowd.head()
    assert [crowd.read() for _ in range(3)] == ["a", "a", "a"]


def test_the_next_endpoint_is_read_when_the_first_fails_and_stays_when_it_is_back() -> None:
    crowd = Crowd(100, 100)
    crowd.head()
    crowd.nodes[0].down = DOWN
    assert crowd.read() == "b"
    crowd.nodes[0].down = None
    crowd.clock.now += 100
    assert crowd.head() == 100
    assert crowd.read() == "b"
    assert crowd.clock.slept == []


def test_an_endpoint_that_lacks_the_block_of_the_step_does_not_stand_in() -> None:
    crowd = Crowd(100, 97)
    assert crowd.head() == 100
    crowd.nodes[0].down = DOWN
    with pytest.raises(RpcUnavailableError):
        crowd.read()
    assert crowd.head() == 97
    assert crowd.read() == "b"


def test_when_all_fail_they_are_asked_again_with_growing_pauses_and_named_without_tokens() -> None:
    crowd = Crowd(100, 100)
    for node in crowd.nodes:
        node.down = DOWN
    with pytest.raises(RpcUnavailableError, match=r"a\.example, http://b\.example") as caught:
        crowd.head()
    assert crowd.clock.slept == [0.5, 1.0]
    assert "secret" not in str(caught.value)


def test_an_endpoint_that_fails_is_asked_ever_more_rarely() -> None:
    crowd = Crowd(100, 100)
    crowd.nodes[1].down = DOWN
    for _ in range(60):
        crowd.head()
        crowd.clock.now += LOOK_SECONDS
    assert crowd.nodes[1].asked["eth_chainId"] < 12


def test_an_endpoint_that_asks_to_be_left_alone_is_left_alone() -> None:
    crowd = Crowd(100, 100)
    crowd.nodes[0].down = EndpointFault("HTTP status 429", rest=120)
    crowd.head()
    asked = sum(crowd.nodes[0].asked.values())
    for _ in range(20):
        crowd.head()
        crowd.clock.now += LOOK_SECONDS
    assert sum(crowd.nodes[0].asked.values()) == asked


def test_an_endpoint_that_refuses_its_token_is_passed_over() -> None:
    crowd = Crowd(100, 100)
    crowd.nodes[0].down = EndpointFault("HTTP status 401", may_pass=False)
    assert (crowd.head(), crowd.read()) == (100, "b")


def test_a_slow_endpoint_is_left_for_a_fast_one() -> None:
    crowd = Crowd(100, 100)
    crowd.head()
    crowd.nodes[0].takes = 4
    crowd.head()
    crowd.head()
    assert crowd.read() == "b"
    assert "slow" in crowd.faults()["a"]


def test_nonsense_of_one_endpoint_is_answered_by_the_next() -> None:
    crowd = Crowd(100, 100)
    crowd.head()
    crowd.nodes[0].answers["eth_gasPrice"] = lambda _: {"result": {}}
    assert crowd.read() == "b"


def test_a_refusal_is_the_answer_and_no_reason_to_ask_another() -> None:
    crowd = Crowd(100, 100)
    crowd.head()
    crowd.nodes[0].answers["eth_call"] = refusing("execution reverted")
    with pytest.raises(RpcRefusedError, match="reverted"):
        crowd.endpoints.request("eth_call", ({}, "latest"))


def test_what_one_endpoint_has_forgotten_is_read_from_another() -> None:
    crowd = Crowd(100, 100)
    crowd.head()
    crowd.nodes[0].answers["eth_call"] = refusing("missing trie node")
    assert crowd.endpoints.request("eth_call", ({}, "latest")) == "0x62"


def test_a_fault_that_lasts_is_logged_once_and_its_end_too() -> None:
    crowd = Crowd(100, 100)
    crowd.nodes[0].down = DOWN
    with capture_logs() as told:
        for _ in range(10):
            crowd.head()
            crowd.clock.now += LOOK_SECONDS
        crowd.nodes[0].down = None
        crowd.clock.now += 100
        crowd.head()
    assert [each["event"] for each in told] == ["chain.endpoint_fault", "chain.endpoint_well"]
    assert told[0]["endpoint"] == "http://a.example"


# Chains


def test_an_endpoint_of_another_chain_is_refused_at_the_start_by_name() -> None:
    crowd = Crowd(100, 100)
    crowd.nodes[1].chain_id = 1
    with pytest.raises(WrongChainError, match=r"b\.example"):
        crowd.endpoints.check_chain()


def test_an_endpoint_that_comes_back_as_another_chain_is_left_aside() -> None:
    crowd = Crowd(100, 100)
    crowd.endpoints.check_chain()
    crowd.nodes[0].chain_id, crowd.nodes[0].is_checked = 1, False
    crowd.endpoints.check_chain()
    assert (crowd.head(), crowd.read()) == (100, "b")
    assert "chain id 1" in crowd.faults()["a"]


def test_an_endpoint_that_is_down_at_the_start_is_no_obstacle() -> None:
    crowd = Crowd(100, 100)
    crowd.nodes[0].down = DOWN
    crowd.endpoints.check_chain()
    assert crowd.read() == "b"


# Heads


def test_an_endpoint_that_lags_behind_is_left_for_one_that_does_not() -> None:
    crowd = Crowd(100 - LAG - 1, 100)
    assert (crowd.head(), crowd.read()) == (100, "b")


def test_a_few_blocks_are_no_lag() -> None:
    crowd = Crowd(100 - LAG, 100)
    assert (crowd.head(), crowd.read()) == (100 - LAG, "a")


def test_a_head_far_ahead_of_its_peers_is_found_out() -> None:
    crowd = Crowd(100, 100, 5000)
    crowd.nodes[2].forks_at = 50
    assert crowd.head() == 100
    assert "far ahead" in crowd.faults()["c"]


def test_of_two_the_one_whose_head_is_made_up_is_found_out() -> None:
    crowd = Crowd(5000, 100)
    crowd.nodes[0].forks_at = 50
    assert (crowd.head(), crowd.read()) == (100, "b")


def test_a_head_far_ahead_that_follows_the_peers_blocks_is_the_chains() -> None:
    crowd = Crowd(100, 100 + LINKS)
    assert (crowd.head(), crowd.read()) == (100 + LINKS, "b")
    assert crowd.faults() == {}


def test_a_head_too_far_ahead_to_be_followed_is_not_believed_beside_one_of_today() -> None:
    crowd = Crowd(100, 100 + LINKS + 1)
    assert (crowd.head(), crowd.read()) == (100, "a")
    assert crowd.faults().keys() == {"b"}


def test_a_head_too_far_ahead_to_be_followed_is_believed_beside_a_stale_one() -> None:
    crowd = Crowd(100, 100 + LINKS + 1)
    crowd.clock.now += 301
    assert (crowd.head(), crowd.read()) == (100 + LINKS + 1, "b")


def test_an_endpoint_on_a_chain_of_its_own_is_found_out() -> None:
    crowd = Crowd(100, 100, 100)
    crowd.nodes[0].forks_at = 10
    assert (crowd.head(), crowd.read()) == (100, "b")
    assert "b.example" in crowd.faults()["a"]


def test_a_fork_at_the_tip_is_no_fault() -> None:
    crowd = Crowd(100, 100, 100)
    crowd.nodes[0].forks_at = 98
    assert (crowd.head(), crowd.read()) == (100, "a")
    assert crowd.faults() == {}


def test_an_endpoint_that_was_found_out_is_read_again_when_it_agrees() -> None:
    crowd = Crowd(100, 100, 100)
    crowd.nodes[0].forks_at = 10
    crowd.head()
    crowd.nodes[0].forks_at = None
    crowd.clock.now += DOUBT_SECONDS + 1
    crowd.head()
    assert crowd.faults() == {}


def test_a_head_that_goes_back_is_told_as_it_is() -> None:
    crowd = Crowd(100)
    assert crowd.head() == 100
    crowd.nodes[0].number = 90
    assert crowd.head() == 90


def test_a_chain_that_stands_still_and_one_that_is_ahead_of_the_clock_are_told_as_states() -> None:
    crowd = Crowd(100)
    crowd.endpoints.request("eth_getBlockByNumber", ("latest", False))
    assert crowd.endpoints.states()[0].note == ""
    crowd.clock.now += 600
    with capture_logs() as told:
        crowd.endpoints.check_chain()
        crowd.endpoints.check_chain()
    assert [each["event"] for each in told] == ["chain.strange_time"]
    assert crowd.endpoints.states()[0].note == "its newest block is 600 s old"
    crowd.clock.now -= 600 + 20 * 60
    assert "ahead of this machine's clock" in crowd.endpoints.states()[0].note


def test_the_states_say_who_is_read_with_which_head_and_hide_the_token() -> None:
    crowd = Crowd(100, 99)
    crowd.head()
    crowd.clock.now += 7
    first, second = crowd.endpoints.states()
    assert (first.is_read, first.head, first.head_time, first.age) == (True, 100, FIRST_TIME + 500, 7)
    assert (second.is_read, second.head) == (False, 99)
    assert "secret" not in repr([first, second])


# Quorums


def test_the_head_of_a_quorum_is_what_so_many_have() -> None:
    assert Crowd(100, 103, 107, quorum=2).head() == 103


def test_a_block_counts_with_the_hash_of_the_quorum() -> None:
    crowd = Crowd(100, 100, 100, quorum=2)
    crowd.nodes[0].forks_at = 50
    block = crowd.endpoints.request("eth_getBlockByNumber", ("0x60", False))
    assert block == crowd.nodes[1].block(0x60)
    assert "eth_getBlockByNumber" in crowd.faults()["a"]


def test_a_fork_at_the_tip_holds_the_quorum_at_the_blocks_before() -> None:
    crowd = Crowd(100, 100, 99, quorum=3)
    crowd.nodes[0].forks_at = 98
    assert crowd.head() == 98


def test_endpoints_that_disagree_are_named_and_none_is_believed() -> None:
    crowd = Crowd(100, 100, quorum=2)
    crowd.nodes[0].forks_at = 1
    with pytest.raises(RpcUnavailableError, match=r"a\.example, http://b\.example: no 2 agree"):
        crowd.head()
    assert crowd.faults().keys() == {"a", "b"}


def test_a_quorum_that_cannot_be_met_reads_nothing() -> None:
    crowd = Crowd(100, 100, 100, quorum=2)
    crowd.nodes[0].down = crowd.nodes[2].down = DOWN
    with pytest.raises(RpcUnavailableError, match="1 answered, and the quorum is 2"):
        crowd.head()


def log_of(number: int) -> dict[str, Any]:
    return {
        "address": "0x" + "22" * 20,
        "topics": [],
        "data": "0x",
        "blockNumber": hex(number),
        "blockHash": "0x" + "33" * 32,
        "transactionHash": "0x" + "44" * 32,
        "logIndex": "0x0",
    }


def twice(entry: dict[str, Any]) -> Callable[[Sequence[Any]], Any]:
    return lambda _: {"result": [entry, entry]}


def test_logs_that_one_endpoint_leaves_out_are_read_from_the_others() -> None:
    crowd = Crowd(100, 100, 100, quorum=2)
    for node in crowd.nodes[1:]:
        # Nodes may add fields of their own, and repeat themselves.
        node.answers["eth_getLogs"] = twice({**log_of(7), "blockTimestamp": hex(ord(node.name))})
    assert len(crowd.endpoints.request("eth_getLogs", ({},))) == 2
    assert "eth_getLogs" in crowd.faults()["a"]


def test_logs_about_which_no_quorum_agrees_are_not_read() -> None:
    crowd = Crowd(100, 100, quorum=2)
    crowd.nodes[0].answers["eth_getLogs"] = lambda _: {"result": [log_of(7)]}
    with pytest.raises(RpcUnavailableError, match="answer differently"):
        crowd.endpoints.request("eth_getLogs", ({},))


def test_a_range_of_logs_that_is_refused_stays_refused() -> None:
    crowd = Crowd(100, 100, quorum=2)
    for node in crowd.nodes:
        node.answers["eth_getLogs"] = refusing("too many results")
    with pytest.raises(RpcRefusedError, match="too many results"):
        crowd.endpoints.request("eth_getLogs", ({},))


@pytest.mark.parametrize(("urls", "quorum"), [(["http://a"], 2), (["http://a", "http://b"], 0)])
def test_a_quorum_of_more_endpoints_than_there_are_is_refused(urls: list[str], quorum: int) -> None:
    with pytest.raises(ChainError, match="cannot be met"):
        Rpc(urls, 246, quorum=quorum)


# Transactions


def test_a_transaction_goes_to_all_endpoints() -> None:
    crowd = Crowd(100, 100, 100)
    crowd.endpoints.request(SEND, ("0xaa",))
    assert [node.sent for node in crowd.nodes] == [["0xaa"]] * 3


def test_a_transaction_that_one_endpoint_takes_is_sent() -> None:
    crowd = Crowd(100, 100, 100)
    crowd.nodes[0].down = DOWN
    crowd.nodes[1].answers[SEND] = refusing("nonce too low")
    crowd.endpoints.request(SEND, ("0xaa",))
    assert crowd.nodes[2].sent == ["0xaa"]


def test_a_transaction_that_all_refuse_is_refused() -> None:
    crowd = Crowd(100, 100)
    for node in crowd.nodes:
        node.answers[SEND] = refusing("transaction underpriced")
    with pytest.raises(RpcRefusedError, match="underpriced"):
        crowd.endpoints.request(SEND, ("0xaa",))


def test_a_transaction_that_one_refuses_and_another_may_have_taken_is_not_refused() -> None:
    crowd = Crowd(100, 100)
    crowd.nodes[0].answers[SEND] = refusing("transaction underpriced")
    crowd.nodes[1].down = DOWN
    with pytest.raises(RpcUnavailableError):
        crowd.endpoints.request(SEND, ("0xaa",))


# One endpoint


def test_the_only_endpoint_is_asked_again_when_its_retry_after_is_over() -> None:
    crowd = Crowd(100)
    crowd.nodes[0].down = EndpointFault("HTTP status 429", rest=7)

    def sleep(seconds: float) -> None:
        crowd.clock.sleep(seconds)
        crowd.nodes[0].down = None

    crowd.endpoints._sleep = sleep
    assert crowd.head() == 100
    assert crowd.clock.slept == [7]


def test_the_only_endpoint_is_left_alone_while_its_retry_after_is_long() -> None:
    crowd = Crowd(100)
    crowd.nodes[0].down = EndpointFault("HTTP status 429", rest=120)
    for _ in range(5):
        with pytest.raises(RpcUnavailableError, match="429"):
            crowd.head()
    assert crowd.clock.slept == []
    assert sum(crowd.nodes[0].asked.values()) == 1
    crowd.nodes[0].down = None
    crowd.clock.now += 121
    assert crowd.head() == 100
