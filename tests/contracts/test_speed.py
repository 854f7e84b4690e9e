"""Who of the accurate is the fastest: the earliest seal, and of several in one block whose turn it is."""

from collections.abc import Iterator

import boa
import pytest
from tests.contracts.network import STANDBY, Network
from tests.contracts.rewarding import earned, hold, open_ballots, vote

from worknet.protocol.words import Ballots

ACCURACY, SPEED = 100, 10


@pytest.fixture(scope="module")
def wide() -> Iterator[Network]:
    """Active are 0, 1, 118 and 119; the voting ids may be chosen, since events start the votings."""
    with boa.env.anchor():
        made = Network()
        made.enrol(2)
        made.enrol(116, STANDBY)
        made.enrol(2)
        made.announce(
            ballots=Ballots.SEALED, accuracy=ACCURACY, speed=SPEED, every=0, start=0, cast_window=100_000
        )
        assert made.contract.active() == made.bitmap([0, 1, 118, 119])
        made.fund(10**6)
        yield made


def fastest(network, remainder, votes, *, apart=0):
    """Who earns speed of a voting whose id has this remainder by 120."""
    triggers = (number.to_bytes(32, "big") for number in range(1, 10**6))
    trigger = next(
        one for one in triggers if int.from_bytes(network.voting_id(one), "big") % 120 == remainder
    )
    with boa.env.anchor():
        record = hold(network, votes, trigger=trigger, apart=apart)
        gains = {worker: earned(network, worker, [record]) for worker in votes}
    accurate = [worker for worker, gain in gains.items() if gain]
    [first] = [worker for worker, gain in gains.items() if gain == ACCURACY + SPEED]
    assert all(gains[worker] == ACCURACY for worker in accurate if worker != first)
    return first


@pytest.mark.parametrize(
    ("remainder", "workers", "first"),
    [
        (0, [0, 1, 118, 119], 0),
        (1, [0, 1, 118, 119], 1),
        (2, [0, 1, 118, 119], 118),
        (118, [0, 1, 118, 119], 118),
        (119, [0, 1, 118, 119], 119),
        (119, [0, 1, 118], 0),
        (119, [1, 118, 0], 0),
        (119, [1, 118, 119], 119),
        (1, [0, 118, 119], 118),
    ],
)
def test_of_several_seals_in_one_block_the_first_index_from_the_voting_ids_on_is_the_fastest(
    wide, remainder, workers, first
):
    assert fastest(wide, remainder, dict.fromkeys(workers, "a")) == first


@pytest.mark.parametrize("remainder", [0, 1, 118, 119])
def test_the_earliest_seal_of_the_recorded_pair_is_the_fastest_whatever_its_index(wide, remainder):
    votes = {1: "b", 118: "a", 0: "a", 119: "a"}
    assert fastest(wide, remainder, votes, apart=20_000) == 118


def test_who_sealed_first_and_was_revealed_after_the_record_is_the_fastest(earning):
    vote(earning, {2: "a", 0: "a", 1: "a"}, apart=1)
    earning.reveal(earning.pair("a"), [0, 1])
    earning.reveal(earning.pair("a"), [2])
    gains = [earned(earning, worker, [earning.record()]) for worker in range(3)]
    assert gains == [ACCURACY, ACCURACY, ACCURACY + SPEED]


def test_seals_with_more_than_65_535_seconds_left_count_as_of_one_block(wide):
    # The window is 100,000 seconds: the last of these seals alone has less than 65,535 left.
    votes = dict.fromkeys([119, 1, 0], "a")
    assert fastest(wide, 2, votes, apart=17_233) == 119
    assert fastest(wide, 1, votes, apart=17_233) == 1
    assert fastest(wide, 0, votes, apart=17_233) == 1
    assert fastest(wide, 0, votes, apart=17_232) == 0


def test_a_seal_in_the_last_second_of_the_window_may_be_the_fastest(earning):
    earning.seal(0, earning.pair("b"))
    earning.wait(599)
    votes = {1: "a", 2: "a"}
    vote(earning, votes)
    open_ballots(earning, votes)
    earning.wait(300)
    assert sum(earned(earning, worker, [earning.record()]) for worker in votes) == 2 * ACCURACY + SPEED
