"""The networks that the tests of the contracts begin with, each on a chain that is put back afterwards."""

from collections.abc import Iterator

import boa
import pytest
from tests.contracts.network import PERIOD, Network

from worknet.protocol.policy import Ballots


@pytest.fixture
def new_network() -> type[Network]:
    """For tests that deploy networks of their own; they put back the chain themselves."""
    return Network


@pytest.fixture
def network() -> Iterator[Network]:
    """A network of three active workers, indices 0 to 2, with POLICY as version 1."""
    with boa.env.anchor():
        made = Network()
        made.enrol(3)
        made.announce()
        yield made


@pytest.fixture
def sealed() -> Iterator[Network]:
    """The same with sealed ballots."""
    with boa.env.anchor():
        made = Network()
        made.enrol(3)
        made.announce(ballots=Ballots.SEALED)
        yield made


@pytest.fixture
def earning() -> Iterator[Network]:
    """The same with sealed ballots that earn: 100 for accuracy, 10 for speed; the pool is full.

    A new period has begun, for which base is 1,000 and consistency 500.
    """
    with boa.env.anchor():
        made = Network()
        made.enrol(3)
        made.announce(ballots=Ballots.SEALED, accuracy=100, speed=10)
        made.set_rewards(1_000, 500)
        made.fund(10**9)
        made.wait(PERIOD)
        yield made


@pytest.fixture
def bare() -> Iterator[Network]:
    """A network as it is deployed: nobody enrolled, nothing announced."""
    with boa.env.anchor():
        yield Network()
