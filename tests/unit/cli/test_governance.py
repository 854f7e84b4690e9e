"""Owner's commands on a network: who may, what is sent, what a multisig contract is shown instead."""

import json
import re

import pytest
from tests.unit.chain.votings import STANDBY
from tests.unit.cli.conftest import BASE, CONSISTENCY, Governed

from worknet.chain.errors import RevertedError
from worknet.chain.events import Role
from worknet.chain.keyfiles import create_encryption_key
from worknet.chain.signers import signer_from_key
from worknet.config.network import NetworkConfig
from worknet.protocol.earnings import Amounts
from worknet.protocol.voting import State

OTHER = f"0x{'ab' * 20}"
ENROL = ["--operator", OTHER, "--worker", f"0x{'cd' * 20}", "--encryption-key", f"0x{'ef' * 32}"]
OWNERS_COMMANDS = [
    ["enrol", *ENROL],
    ["remove", "0"],
    ["pause"],
    ["resume"],
    ["transfer", OTHER],
    ["transfer", "--withdraw"],
    ["reopen", "SLOT"],
    ["rewards", "--base", "0.1"],
]


def arguments(governed: Governed, command: list[str]) -> list[str]:
    """The command on a voting that is unresolved, an offer that stands, a network that is paused."""
    if "--withdraw" in command:
        governed.network.owner.transfer_ownership(b"\xab" * 20)
    if command == ["resume"]:
        governed.network.owner.pause_opening(True)
    if "SLOT" in command:
        governed.network.fail(7, 1)
        governed.network.fail(7, 2)
        governed.network.pass_time(1300)
    return [governed.slot(7) if word == "SLOT" else word for word in command]


def test_a_pause_stops_new_votings_and_resume_ends_it(governed: Governed) -> None:
    assert governed.json("network", "pause", key="owner")["paused"] is True
    assert governed.show()["paused"] is True
    assert "no new votings open" in governed.run("network", "show")[1]
    with pytest.raises(RevertedError, match="opening is paused"):
        governed.network.seal(0, 0)
    assert governed.run("network", "resume", key="owner")[1] == "new votings may open again\n"
    governed.network.seal(0, 0)
    assert governed.show()["paused"] is False


def test_the_ownership_passes_when_the_other_account_accepts(governed: Governed) -> None:
    other = f"0x{governed.network.signers[0].address.hex()}"
    owner = f"0x{governed.network.signers[3].address.hex()}"
    assert governed.json("network", "transfer", other, key="owner")["pending_owner"] == other
    shown = governed.show()
    assert (shown["owner"], shown["pending_owner"]) == (owner, other)
    code, _, err = governed.run("network", "accept", key="1")
    assert (code, "ownership: not offered to you" in err) == (2, True)
    assert "hint: the owner first offers" in err
    call = governed.json("network", "accept", "--calldata")
    accepted = governed.json("network", "accept", key="0")
    assert accepted["owner"] == other
    assert governed.rpc.request("eth_getTransactionByHash", accepted["transaction"])["input"] == call["data"]
    assert governed.show()["pending_owner"] is None
    assert governed.run("network", "pause", key="owner")[0] == 2
    assert governed.run("network", "pause", key="0")[0] == 0


def test_an_offer_can_be_withdrawn_and_then_nobody_accepts(governed: Governed) -> None:
    governed.json("network", "transfer", f"0x{governed.network.signers[0].address.hex()}", key="owner")
    governed.json("network", "transfer", "--withdraw", key="owner")
    code, _, err = governed.run("network", "accept", key="0")
    assert (code, "offered to nobody" in err, "worknet network transfer" in err) == (2, True, True)


@pytest.mark.parametrize(
    ("words", "document", "said"),
    [
        (["resume"], {"paused": False}, "there is no pause to end"),
        (["pause"], {"paused": True}, "is paused already"),
        (["transfer", "--withdraw"], {"pending_owner": None}, "offered to nobody"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_so_already_is_told_and_nothing_is_sent(
    governed: Governed, words: list[str], document: dict[str, object], said: str
) -> None:
    if words == ["pause"]:
        governed.network.owner.pause_opening(True)
    before = governed.sent()
    code, out, err = governed.run("network", *words, key="owner")
    assert (code, said in out, "nothing was sent" in out, err) == (0, True, True, "")
    assert governed.json("network", *words, key="owner") == {**document, "transaction": None}
    assert governed.sent() == before
    assert "data" in governed.json("network", *words, "--calldata")


@pytest.mark.parametrize(
    ("whose", "message"),
    [
        ("zero", "--withdraw"),
        ("owner", "already"),
        ("network", "is a contract of the network itself"),
        ("pool", "is a contract of the network itself"),
    ],
)
def test_an_offer_that_nobody_could_accept_is_refused(governed: Governed, whose: str, message: str) -> None:
    accounts = {
        "zero": bytes(20),
        "owner": governed.network.signers[3].address,
        "network": governed.network.deployment.contract,
        "pool": governed.pool.contract,
    }
    before = governed.sent()
    code, _, err = governed.run("network", "transfer", f"0x{accounts[whose].hex()}", key="owner")
    assert (code, message in err) == (2, True)
    assert governed.sent() == before


@pytest.mark.parametrize("words", [[], [OTHER, "--withdraw"], ["0x12"]])
def test_an_offer_names_one_account(governed: Governed, words: list[str]) -> None:
    assert governed.run("network", "transfer", *words, key="owner")[0] == 2


@pytest.mark.parametrize("command", OWNERS_COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_another_key_sends_nothing(governed: Governed, command: list[str]) -> None:
    words = arguments(governed, command)
    before = governed.sent(0)
    code, _, err = governed.run("network", *words, key="0")
    assert (code, "belongs to" in err, "--calldata" in err) == (2, True, True)
    assert governed.sent(0) == before


@pytest.mark.parametrize(
    "command", [*OWNERS_COMMANDS, ["fund", "0.5"]], ids=lambda words: " ".join(words[:2])
)
def test_what_is_shown_for_a_multisig_contract_is_what_a_key_would_send(
    governed: Governed, command: list[str]
) -> None:
    words = arguments(governed, command)
    before = governed.sent()
    shown = governed.json("network", *words, "--calldata")
    assert governed.sent() == before
    done = governed.json("network", *words, key="owner")
    sent = governed.rpc.request("eth_getTransactionByHash", done["transaction"])
    assert (shown["target"], shown["data"]) == (sent["to"].lower(), sent["input"])
    assert int(shown["value"]) == int(sent["value"], 16)
    lines = governed.run("network", *words, "--calldata")[1].splitlines() if command[0] == "pause" else []
    assert [line.split()[0] for line in lines] in ([], ["target", "value", "data"])


def test_a_call_that_the_contract_would_refuse_is_not_shown(governed: Governed) -> None:
    code, out, err = governed.run("network", "reopen", governed.slot(2000), "--calldata")
    assert (code, out) == (2, "")
    assert "reopen was refused by the contract: policies: slot not due" in err
    assert "hint: wait until the slot is due" in err


def test_a_call_is_shown_without_a_key_and_sent_only_with_one(governed: Governed) -> None:
    assert "leave --keystore out" in governed.run("network", "pause", "--calldata", key="owner")[2]
    code, _, err = governed.run("network", "pause")
    assert (code, "no key is named" in err) == (2, True)


def test_amounts_are_set_from_the_next_period_on_and_written_into_the_file(governed: Governed) -> None:
    words = ["--base", "0.1", "--consistency", "0.01"]
    code, out, err = governed.run("network", "rewards", *words, key="owner")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "base        0.1, from the next period on"
    rewards = NetworkConfig.load(governed.file).rewards
    assert (rewards.base, rewards.consistency) == (BASE, CONSISTENCY)
    period = governed.network.now // governed.network.PERIOD
    assert governed.pool.amounts_in(period) == Amounts()
    assert governed.pool.amounts_in(period + 1) == Amounts(BASE, CONSISTENCY)
    shown = governed.show()["pool"]
    assert shown["amounts"] == {"base": "0", "consistency": "0"}
    assert shown["amounts_to_come"] == {"base": str(BASE), "consistency": str(CONSISTENCY)}


def test_without_options_the_amounts_of_the_file_are_set(governed: Governed) -> None:
    text = governed.file.read_text().replace('period = "1d"', 'period = "1d"\nbase = "0.1"')
    governed.file.write_text(text)
    assert governed.json("network", "rewards", key="owner")["base"] == str(BASE)
    assert governed.file.read_text() == text


def test_amounts_that_are_none_are_refused_by_their_option(governed: Governed) -> None:
    for words in (["rewards", "--base", "1e3"], ["fund", "0,5"], ["fund", "0.0000000000000000001"]):
        code, _, err = governed.run("network", *words, key="owner")
        assert (code, "is no amount" in err, "decimal text" in err) == (2, True, True)


def test_anyone_pays_into_the_pool(governed: Governed) -> None:
    code, out, _ = governed.run("network", "fund", "1.5", key="0")
    assert (code, out.startswith("paid 1.5 into the pool 0x")) == (0, True)
    assert governed.pool.balance() == 15 * 10**17
    assert "holds 1.5" in governed.run("network", "show")[1]


def test_nothing_paid_into_the_pool_is_refused(governed: Governed) -> None:
    before = governed.sent(0)
    code, _, err = governed.run("network", "fund", "0.0", key="0")
    assert (code, "error: AMOUNT: 0 pays nothing" in err) == (2, True)
    assert governed.sent(0) == before


def test_an_unresolved_voting_is_reopened_and_one_that_goes_on_is_not(governed: Governed) -> None:
    slot = arguments(governed, ["reopen", "SLOT"])[1]
    voting_id = f"0x{governed.network.voting_id(7).hex()}"
    assert governed.json("network", "reopen", voting_id, key="owner")["voting"] == voting_id
    code, _, err = governed.run("network", "reopen", slot, key="owner")
    assert (code, "votings: not unresolved" in err) == (2, True)


def test_a_voting_that_ballots_have_recorded_is_not_said_to_go_on(governed: Governed) -> None:
    governed.network.vote(0)
    before = governed.sent()
    code, _, err = governed.run("network", "reopen", governed.slot(0), key="owner")
    assert (code, "is recorded already" in err, "goes on" in err) == (2, True, False)
    assert "hint: its outcome stands in the log, and is never changed" in err
    assert governed.sent() == before


@pytest.mark.parametrize(
    ("voting", "message"),
    [
        ("matching@2023", "write it in UTC"),
        ("matching@2023-11-14T22:13:20Z", "the nearest are 2023-11-14T22:00:00Z"),
        ("unknown@2023-11-14T22:00:00Z", "workflows.unknown: there is no such workflow"),
        ("nothing", "names no voting"),
        (f"0x{'12' * 32}", "never opened here"),
    ],
)
def test_a_voting_that_is_named_wrongly_is_told(governed: Governed, voting: str, message: str) -> None:
    code, _, err = governed.run("network", "reopen", voting, key="owner")
    assert (code, message in err) == (2, True)


@pytest.mark.parametrize("governed", [{"threshold_num": 1, "threshold_den": 1}], indirect=True)
def test_a_voting_that_is_left_to_a_plurality_is_settled_by_anyone(governed: Governed) -> None:
    network = governed.network
    for attempt in (1, 2):
        for worker, pair in enumerate((network.PAIR, network.PAIR, network.OTHER)):
            network.seal(4, worker, pair, attempt)
        network.reveal(4, 0, 1, attempt=attempt)
        if attempt == 1:
            code, _, err = governed.run("network", "settle", governed.slot(4), key="0")
            assert (code, "not left to a plurality, it is revealing" in err) == (2, True)
        network.reveal(4, 2, pair=network.OTHER, attempt=attempt)
        network.pass_time(300)
    settled = governed.json("network", "settle", governed.slot(4), key="0")
    assert settled["result_root"] == f"0x{network.PAIR.result_root.hex()}"
    assert network.owner.voting(network.WORKFLOW, network.trigger(4)).state is State.SETTLED


def test_an_operator_puts_another_key_behind_its_index(governed: Governed) -> None:
    node = governed.node("new", b"\x44" * 32)
    new = signer_from_key(b"\x44" * 32, 31337).address
    words = [str(STANDBY), "--node", str(node)]
    shown = governed.json("network", "rotate", *words, "--calldata")
    done = governed.json("network", "rotate", *words, key="owner")
    assert done["worker"] == f"0x{new.hex()}"
    assert governed.rpc.request("eth_getTransactionByHash", done["transaction"])["input"] == shown["data"]
    assert governed.network.owner.index_of(new) == STANDBY
    assert governed.show()["members"][STANDBY]["worker"] == f"0x{new.hex()}"


def test_a_key_is_not_rotated_to_itself(governed: Governed) -> None:
    node = governed.node("new", b"\x44" * 32)
    words = [str(STANDBY), "--node", str(node)]
    governed.json("network", "rotate", *words, key="owner")
    before = governed.sent()
    code, _, err = governed.run("network", "rotate", *words, key="owner")
    assert (code, f"is the key of worker {STANDBY} already" in err) == (2, True)
    assert governed.sent() == before
    (node / "encryption-key").unlink()
    create_encryption_key(node / "encryption-key")
    assert governed.run("network", "rotate", *words, key="owner")[0] == 0


def test_only_the_operator_rotates_and_only_to_a_key_that_is_there(governed: Governed) -> None:
    node = governed.node("new", b"\x44" * 32)
    code, _, err = governed.run("network", "rotate", "0", "--node", str(node), key="owner")
    assert (code, "belongs to the operator 0xa0a0" in err) == (2, True)
    code, _, err = governed.run("network", "rotate", "9", "--node", str(node), key="owner")
    assert (code, "given are 0, 1, 2, 3" in err) == (2, True)
    code, _, err = governed.run("network", "rotate", "3", "--node", str(governed.folder), key="owner")
    assert (code, "no keystore file" in err) == (2, True)


def test_a_removed_operator_comes_back_with_the_key_that_it_has_and_may_rotate_it_before(
    governed: Governed,
) -> None:
    def enrol(worker: bytes) -> tuple[int, str, str]:
        key = ["--worker", f"0x{worker.hex()}", "--encryption-key", f"0x{'ef' * 32}"]
        operator = f"0x{governed.network.signers[3].address.hex()}"
        return governed.run("network", "enrol", "--operator", operator, *key, key="owner")

    old = governed.network.voters[STANDBY].address
    new = signer_from_key(b"\x44" * 32, 31337).address
    governed.json("network", "remove", str(STANDBY), key="owner")
    before = governed.sent()
    code, _, err = enrol(new)
    assert (code, f"not with 0x{new.hex()}" in err, "`worknet network rotate`" in err) == (2, True, True)
    assert governed.sent() == before
    node = governed.node("new", b"\x44" * 32)
    governed.json("network", "rotate", str(STANDBY), "--node", str(node), key="owner")
    code, _, err = enrol(old)
    assert (code, f"the key behind it, 0x{new.hex()}" in err) == (2, True)
    assert enrol(new)[0] == 0
    assert governed.network.owner.member(STANDBY).role is Role.ACTIVE
    assert governed.network.owner.index_of(new) == STANDBY


def test_a_key_of_another_index_is_refused_before_it_costs_anything(governed: Governed) -> None:
    node = governed.node("taken", bytes([1]) * 32)
    before = governed.sent()
    code, _, err = governed.run("network", "rotate", str(STANDBY), "--node", str(node), key="owner")
    assert (code, "members: key of another index" in err, "make a new one" in err) == (2, True, True)
    assert governed.sent() == before


def test_a_network_is_shown_with_roles_fallbacks_amounts_and_its_pool(governed: Governed) -> None:
    shown = governed.show()
    assert [member["role"] for member in shown["members"]] == ["active"] * 3 + ["standby"]
    [version] = shown["workflows"][0]["versions"]
    assert (version["fallback"], version["accuracy"], version["speed"]) == (
        "plurality",
        "1" + "0" * 15,
        "1" + "0" * 14,
    )
    assert (shown["reward_period"], shown["moved"]) == (governed.network.PERIOD, None)
    out = governed.run("network", "show")[1]
    assert "fallback plurality, accuracy 0.001, speed 0.0001" in out
    assert re.search(r"pool       0x[0-9a-f]{40} holds 0\n", out)


def test_the_pool_of_another_network_is_named_with_line_and_key(governed: Governed) -> None:
    contract = governed.network.deployment.contract.hex()
    governed.file.write_text(governed.file.read_text().replace(governed.pool.contract.hex(), contract))
    code, _, err = governed.run("network", "fund", "1", key="owner")
    assert (code, "network.toml, line 9: rewards.contract:" in err) == (2, True)
    governed.file.write_text(re.sub(r'(?s)\[rewards\].*?"\n\n', "", governed.file.read_text()))
    code, _, err = governed.run("network", "fund", "1", key="owner")
    assert (code, "rewards.contract: is missing" in err, "network deploy" in err) == (2, True, True)
    assert json.loads(governed.run("network", "show", "--json")[1])["pool"] is None
