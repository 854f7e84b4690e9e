"""Votings as who has network.toml and the chain sees them: those of its workflows, each folded once."""

from pathlib import Path

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.config.network import NetworkConfig
from worknet.network import watch as module
from worknet.network.watch import Watch
from worknet.protocol import voting_rules
from worknet.protocol.ballots import Place
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.voting import Fact, Voting

FILE = """
[network]
name = "tried"
chain_id = {chain_id}
contract = "{contract}"
deployed_block = {block}

[workflows.matching]
folder = "matching"

[workflows.matching.policy]
start = "2020-01-01T00:00:00Z"
cast_window = "5m"
reveal_window = "5m"
stall = "10m"
data_key_epoch = 1
data_key_commitment = "0x{commitment}"
"""


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Network, Watch]:
    network = Network(tmp_path / "chain")
    file = tmp_path / "network.toml"
    file.write_text(
        FILE.format(
            chain_id=DEVELOPMENT_CHAIN_ID,
            contract=to_hex(network.deployment.contract),
            block=network.deployment.block,
            commitment="02" * 32,
        )
    )
    monkeypatch.setattr(module, "Rpc", lambda *_: network.rpc)
    return network, Watch(NetworkConfig.load(file), "", tmp_path / "watch.sqlite")


def test_votings_are_those_of_the_networks_workflows_by_their_windows(
    watched: tuple[Network, Watch],
) -> None:
    network, watch = watched
    alarm = workflow_id("alarm")
    network.owner.announce(alarm, network.policy(every=0))
    network.vote(1)
    network.workers[0].seal(alarm, b"\x07" * 32, Place(1, 1), b"\x09" * 30 + bytes(2))
    network.vote(0)
    with watch:
        found = watch.votings()
        assert [each.voting_id for each in found] == [network.voting_id(0), network.voting_id(1)]
        assert [(each.position, each.ballots, each.has_ended) for each in found] == [
            (1, 3, True),
            (0, 3, True),
        ]
        assert watch.head()[0] == 2


def test_no_fact_about_a_voting_is_folded_twice(
    watched: tuple[Network, Watch], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, watch = watched
    for slot in range(3):
        network.vote(slot)
    folded: list[Fact] = []
    apply = voting_rules.apply

    def counted(voting: Voting, fact: Fact) -> Voting:
        folded.append(fact)
        return apply(voting, fact)

    monkeypatch.setattr(voting_rules, "apply", counted)
    with watch:
        assert len(watch.votings()) == 3
        once = len(folded)
        assert len(watch.votings()) == 3
    # Each has an opening, three seals and three reveals, whoever made them in one transaction.
    assert once == len(folded) >= 3 * 5
