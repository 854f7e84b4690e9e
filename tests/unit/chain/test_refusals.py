"""The hints to refusals, held against the rules in the contracts' sources."""

import re
from pathlib import Path

import pytest
from tests.unit.chain.conftest import Network

import worknet.contracts
from worknet.chain.errors import ChainError, RevertedError
from worknet.chain.refusals import HINTS, hint_of

SOURCES = sorted(Path(worknet.contracts.__file__).parent.rglob("*.vy"))
RULES = {rule for source in SOURCES for rule in re.findall(r'"([a-z]+: [^"]+)"', source.read_text())}


def test_the_sources_are_those_of_all_three_contracts() -> None:
    assert {"WorkerNetwork.vy", "Rewards.vy", "RowProofs.vy"} <= {source.name for source in SOURCES}
    assert {"votings: not a member", "rewards: nothing to claim", "proofs: not a table"} <= RULES


def test_every_rule_of_the_contracts_has_a_hint() -> None:
    assert not RULES - HINTS.keys()


def test_every_hint_is_about_a_rule_of_the_contracts() -> None:
    assert not HINTS.keys() - RULES


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_fits_where_the_contract_keeps_it(rule: str) -> None:
    assert len(rule) <= 32


def test_a_refusal_carries_rule_voting_attempt_and_hint(network: Network) -> None:
    with pytest.raises(RevertedError) as caught:
        network.seal(0, 0, attempt=2)
    error = caught.value
    assert (error.reason, error.hint) == ("votings: other attempt", HINTS["votings: other attempt"])
    assert (error.voting_id, error.attempt) == (network.voting_id(0), 2)
    assert isinstance(error, ChainError)


def test_what_is_no_rule_has_no_hint() -> None:
    assert hint_of("") == hint_of("tests: refused") == ""
