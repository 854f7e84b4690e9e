"""`worknet rewards`: what is shown is what the pool pays, once, and what it cannot pay stays owed."""

import json

import pytest
from tests.unit.cli.conftest import ACCURACY, BASE, CONSISTENCY, SPEED, Governed

from worknet.chain.client import NetworkClient
from worknet.chain.events import Role
from worknet.chain.pool import PoolClient
from worknet.chain.signers import signer_from_key
from worknet.chain.transactions import Sender
from worknet.network import rewards
from worknet.protocol.earnings import Amounts

ETHER = 10**18


def earn(governed: Governed, votings: int = 2) -> None:
    """Votings in a period that pays, up to the next one: all agree, and worker 0 is the first."""
    governed.pool.set_rewards(BASE, CONSISTENCY)
    governed.next_period()
    for slot in range(votings):
        governed.network.vote(slot)
    governed.next_period()
    for _ in range(2):
        governed.network.pass_time(1)


def test_earnings_are_shown_by_kind(governed: Governed) -> None:
    earn(governed)
    shown = governed.json("rewards", "show")
    first, second, _, standby = shown["workers"]
    assert second["earned"] == {
        "accuracy": str(2 * ACCURACY),
        "speed": "0",
        "base": str(BASE),
        "consistency": str(CONSISTENCY),
        "total": str(2 * ACCURACY + BASE + CONSISTENCY),
    }
    assert first["earned"]["speed"] == str(2 * SPEED)
    assert standby["earned"]["total"] == "0"
    assert (first["claimed"], first["owed"], first["payable_now"]) == ("0", "0", "0")
    assert first["claimable"] == first["earned"]["total"]
    assert len(first["votings"]) == 2


def test_a_claim_pays_what_was_shown_and_only_once(governed: Governed) -> None:
    earn(governed)
    governed.pool.fund(ETHER)
    total = int(governed.json("rewards", "show", "--worker", "1")["workers"][0]["earned"]["total"])
    [claimed] = governed.json("rewards", "claim", "--worker", "1", key="0")["claims"]
    assert (claimed["claimed"], claimed["paid"], claimed["owed"]) == (str(total), str(total), "0")
    operator = bytes.fromhex(claimed["operator"][2:])
    assert governed.rpc.balance(operator) == total
    code, out, err = governed.run("rewards", "claim", "--worker", "1", key="0")
    assert (code, out, err) == (1, "there is nothing to claim\n", "")
    for _ in range(2):
        governed.network.pass_time(1)
    [shown] = governed.json("rewards", "show", "--worker", "1")["workers"]
    assert (shown["claimed"], shown["paid"], shown["claimable"]) == (str(total), str(total), "0")
    assert (shown["votings"], shown["periods"]) == ([], [])


def test_what_a_short_pool_cannot_pay_stays_owed_until_it_is_funded(governed: Governed) -> None:
    earn(governed)
    governed.pool.fund(BASE)
    code, out, _ = governed.run("rewards", "claim", "--worker", "2", key="0")
    owed = 2 * ACCURACY + CONSISTENCY
    assert code == 0
    assert out.startswith("worker 2: claimed 0.112, paid 0.1 to 0xa2a2")
    assert out.endswith("still owed 0.012\n")
    assert governed.run("rewards", "claim", "--worker", "2", key="0")[0] == 1
    governed.pool.fund(ETHER)
    [claimed] = governed.json("rewards", "claim", "--worker", "2", key="0")["claims"]
    assert (claimed["claimed"], claimed["paid"], claimed["owed"]) == ("0", str(owed), "0")


def test_what_an_empty_pool_owes_is_told_and_not_called_nothing(governed: Governed) -> None:
    earn(governed)
    code, out, err = governed.run("rewards", "claim", "--worker", "2", key="0")
    assert (code, out.endswith("paid 0 to 0x" + "a2" * 20 + ", still owed 0.112\n")) == (0, True)
    assert "`worknet network fund`" in err
    before = governed.sent(0)
    code, out, err = governed.run("rewards", "claim", "--worker", "2", key="0")
    assert (code, out) == (1, "worker 2: owed 0.112, which the pool cannot pay\n")
    assert "the pool is empty" in err
    assert "hint: `worknet network fund` pays into it; then claim again" in err
    code, out, _ = governed.run("rewards", "claim", "--worker", "2", "--json", key="0")
    found = json.loads(out)
    assert (code, found["claims"], found["unpaid"]) == (1, [], {"2": str(112 * 10**15)})
    assert governed.sent(0) == before


def test_what_is_payable_now_stands_beside_what_is_claimable(governed: Governed) -> None:
    earn(governed)
    governed.pool.fund(BASE)
    out = governed.run("rewards", "show", "--worker", "2")[1]
    assert out.endswith("claimed 0, paid 0, owed 0, claimable 0.112, payable now 0.1\n")


def test_all_workers_are_claimed_for_at_once(governed: Governed) -> None:
    earn(governed)
    governed.pool.fund(ETHER)
    claims = governed.json("rewards", "claim", key="owner")["claims"]
    assert [claimed["worker"] for claimed in claims] == [0, 1, 2]
    assert governed.pool.balance() == ETHER - sum(int(claimed["paid"]) for claimed in claims)


def test_an_operator_that_cannot_be_paid_holds_up_no_other(governed: Governed) -> None:
    network = governed.network
    contract = network.deployment.contract  # takes no plain transfers
    last = signer_from_key(b"\x55" * 32, governed.rpc.chain_id)
    Sender(governed.rpc, network.signers[0]).send(last.address, b"", 21_000, value=ETHER)
    network.owner.enrol(contract, network.signers[3].address, Role.STANDBY, b"\xe4" * 32)
    network.owner.enrol(b"\xa5" * 20, last.address, Role.STANDBY, b"\xe5" * 32)
    governed.pool.set_rewards(BASE, CONSISTENCY)
    governed.next_period()
    network.owner.check_in(4)
    NetworkClient(governed.rpc, contract, signer=last).check_in(5)
    governed.next_period()
    governed.pool.fund(ETHER)
    code, out, err = governed.run("rewards", "claim", "--json", key="owner")
    found = json.loads(out)
    assert (code, [claimed["worker"] for claimed in found["claims"]]) == (1, [5])
    assert found["refused"] == {"4": "rewards: operator refuses"}
    assert "hint: let the operator's account accept plain transfers" in err


def test_a_second_pool_shows_and_pays_what_was_earned_since_its_creation(governed: Governed) -> None:
    earn(governed)
    governed.pool.fund(ETHER)
    governed.json("rewards", "claim", "--worker", "1", key="0")
    first = governed.pool.contract
    pool = governed.network.new_pool()
    governed.file.write_text(governed.file.read_text().replace(first.hex(), pool.contract.hex()))
    pool.fund(ETHER)
    governed.network.vote(5)
    for _ in range(2):
        governed.network.pass_time(1)
    shown = [worker["earned"]["total"] for worker in governed.json("rewards", "show")["workers"]]
    assert shown == [str(ACCURACY + SPEED), str(ACCURACY), str(ACCURACY), "0"]
    claims = governed.json("rewards", "claim", key="owner")["claims"]
    assert [int(claimed["paid"]) for claimed in claims] == [ACCURACY + SPEED, ACCURACY, ACCURACY]


def test_an_index_that_was_never_given_is_told(governed: Governed) -> None:
    for _ in range(2):
        governed.network.pass_time(1)
    code, _, err = governed.run("rewards", "show", "--worker", "7")
    assert (code, "no worker has index 7" in err, "given are 0, 1, 2, 3" in err) == (2, True, True)


@pytest.mark.parametrize(
    ("of", "view", "says", "what"),
    [
        (PoolClient, "owed", 1, "what worker 0 is owed 0, the contracts say 1"),
        (PoolClient, "claimed_of_voting", 1, "what worker 0 has claimed 0, the contracts say"),
        (PoolClient, "amounts_in", Amounts(1, 1), "the events make period"),
        (NetworkClient, "voters", 0b1111, "7, the contracts say 15"),
        (NetworkClient, "amounts", (1, 1), "the events make the amounts under the policy 0x"),
    ],
)
def test_a_difference_between_events_and_contracts_is_an_error(
    governed: Governed, monkeypatch: pytest.MonkeyPatch, of: type, view: str, says: object, what: str
) -> None:
    earn(governed)
    monkeypatch.setattr(of, view, lambda *_: says)
    code, out, err = governed.run("rewards", "show")
    assert (code, out) == (2, "")
    assert what in err
    assert "hint: the RPC leaves out or alters events" in err


def test_events_that_the_rpc_leaves_out_are_noticed(
    governed: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    earn(governed)
    governed.pool.fund(ETHER)
    governed.run("rewards", "claim", "--worker", "0", key="0")
    for _ in range(2):
        governed.network.pass_time(1)
    found = rewards.rewards

    def without_claims(*arguments: object) -> object:
        index = arguments[0]
        logs = index.logs  # type: ignore[attr-defined]
        monkeypatch.setattr(index, "logs", lambda *kinds: [] if "Claimed" in kinds else logs(*kinds))
        return found(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rewards, "rewards", without_claims)
    code, _, err = governed.run("rewards", "show")
    assert (code, "what worker 0 has claimed 0, the contracts say" in err) == (2, True)


def test_rewards_without_a_pool_say_how_to_have_one(governed: Governed) -> None:
    text = governed.file.read_text()
    governed.file.write_text(
        "\n".join(line for line in text.splitlines() if governed.pool.contract.hex() not in line)
    )
    code, _, err = governed.run("rewards", "show")
    assert (code, "rewards.contract: is missing" in err, "worknet network deploy" in err) == (2, True, True)


def test_a_worker_that_checks_in_is_seen_in_the_period(governed: Governed) -> None:
    governed.next_period()
    told = governed.json("rewards", "check-in", key="1")
    period = governed.network.now // governed.network.PERIOD
    assert told["index"] == 1
    assert governed.network.owner.period(period).checked_in == 0b10


def test_who_is_no_worker_cannot_check_in(governed: Governed) -> None:
    code, out, err = governed.run("rewards", "check-in", key="owner")
    assert (code, out) == (2, "")
    assert "is no worker of this network" in err
