"""The search for broken promises: few networks in each run of the tests, many in the long ones."""

from dataclasses import replace

import pytest
from tests.search import Mix, mix, networks

from worknet.protocol.words import needed

FEW, MANY = 2, 5


def test_the_search_draws_malicious_minorities():
    for settings in (mix(number).settings for number in range(500)):
        assert settings["faults"].malicious < needed(settings["workers"], *settings["threshold"])
        settings["faults"].check(settings["workers"])


def test_a_network_is_drawn_from_its_number_alone():
    assert str(mix(77)) == str(mix(77))


def keeps_its_promises(each: Mix) -> None:
    found = each.report()
    assert not found.violations, f"{each}\n{found.text()}"
    assert found.votings == each.settings["votings"]


@pytest.mark.parametrize("number", range(1, FEW + 1))
def test_a_network_with_a_malicious_minority_keeps_its_promises(number):
    small = mix(number)
    keeps_its_promises(replace(small, settings={**small.settings, "votings": 1}))


@pytest.mark.long
def test_many_networks_with_malicious_minorities_keep_their_promises():
    for each in networks(1000, 10 * MANY):
        keeps_its_promises(each)
