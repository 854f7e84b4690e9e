"""The networks that the tests of the contracts begin with, each on a chain that is put back afterwards.

They are made once, before any test, and every test gets a copy: to deploy and enrol takes longer than most
tests do.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import boa
import pytest
from tests.contracts.network import PERIOD, Network

from worknet.protocol.words import Ballots


@pytest.fixture(scope="session", autouse=True)
def made() -> dict[str, Network]:
    """A network for each of the fixtures below, on the chain that all tests begin with."""
    networks = {name: Network() for name in ("network", "sealed", "earning", "bare")}
    for name in ("network", "sealed", "earning"):
        networks[name].enrol(3)
    networks["network"].announce()
    networks["sealed"].announce(ballots=Ballots.SEALED)
    networks["earning"].announce(ballots=Ballots.SEALED, accuracy=100, speed=10)
    networks["earning"].set_rewards(1_000, 500)
    networks["earning"].fund(10**9)
    return networks


@contextmanager
def put_back(network: Network) -> Iterator[Network]:
    """A copy of the network, at the time it was made for; the chain is put back."""
    with boa.env.anchor():
        yield network.copy()


@pytest.fixture
def new_network() -> type[Network]:
    """For tests that deploy networks of their own; they put back the chain themselves."""
    return Network


@pytest.fixture
def network(made: dict[str, Network]) -> Iterator[Network]:
    """A network of three active workers, indices 0 to 2, with POLICY as version 1."""
    with put_back(made["network"]) as copy:
        yield copy


@pytest.fixture
def sealed(made: dict[str, Network]) -> Iterator[Network]:
    """The same with sealed ballots."""
    with put_back(made["sealed"]) as copy:
        yield copy


@pytest.fixture
def earning(made: dict[str, Network]) -> Iterator[Network]:
    """The same with sealed ballots that earn: 100 for accuracy, 10 for speed; the pool is full.

    A new period has begun, for which base is 1,000 and consistency 500.
    """
    with put_back(made["earning"]) as copy:
        copy.wait(PERIOD)
        yield copy


@pytest.fixture
def bare(made: dict[str, Network]) -> Iterator[Network]:
    """A network as it is deployed: nobody enrolled, nothing announced."""
    with put_back(made["bare"]) as copy:
        yield copy
