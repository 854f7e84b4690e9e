# pragma version 0.4.3
"""
@title Periods
@license Apache-2.0
@notice What the network remembers of a reward period while it runs: who was enrolled throughout, who checked in,
        whose ballots were the recorded pair and whose were not. A period that has ended never changes. What it
        is worth stands in the contract `Rewards`, which reads it here.
"""

# A period: bitmaps of workers, bit i is index i. The closings that count are those of sealed votings recorded by
# quorum, and of reports, booked in it.
struct Period:
    eligible: uint256  # enrolled throughout it, in either role
    checked_in: uint256  # shown to be there by `check_in`
    taken: uint256  # their ballot was the recorded pair in a voting whose closing counts
    missed: uint256  # they were members of such a voting, and their ballot was not


# @notice Length of a reward period in seconds, for ever. Period p is [p * length, (p + 1) * length).
reward_period: public(immutable(uint256))

# Period -> `eligible` 120 bits, `checked in` 120, and above them one that says that the word is written.
presence: HashMap[uint256, uint256]
# Period -> `taken` 120 bits, `missed` 120.
outcome: HashMap[uint256, uint256]

BITMAP: constant(uint256) = 2**120 - 1
AT_CHECKED_IN: constant(uint256) = 120
AT_WRITTEN: constant(uint256) = 240
AT_MISSED: constant(uint256) = 120


@deploy
def __init__(length: uint256):
    """
    @notice Sets the length of the reward periods, for ever.
    @param length Seconds, not zero.
    """
    assert length != 0, "periods: no length"
    reward_period = length


@external
@view
def period(number: uint256) -> Period:
    """
    @notice A period, the present one so far.
    @param number Block time divided by the length of a period, rounded down.
    @return All zero: nobody was seen in it, and no membership changed.
    """
    presence: uint256 = self.presence[number]
    outcome: uint256 = self.outcome[number]
    return Period(
        eligible=presence & BITMAP,
        checked_in=presence >> AT_CHECKED_IN & BITMAP,
        taken=outcome & BITMAP,
        missed=outcome >> AT_MISSED,
    )


@internal
@view
def _now() -> uint256:
    """
    @notice The number of the present period.
    """
    return block.timestamp // reward_period


@internal
def _begun(enrolled: uint256) -> uint256:
    """
    @notice The presence word of the present period. Whatever first happens in a period stores it, before any
            change: so it holds who was enrolled when the period began.
    @param enrolled Bitmap of all workers enrolled now, of either role.
    """
    period: uint256 = self._now()
    word: uint256 = self.presence[period]
    if word == 0:
        word = enrolled | 1 << AT_WRITTEN
        self.presence[period] = word
    return word
