# pragma version 0.4.3
"""
@title Tally
@license Apache-2.0
@notice The arithmetic of a tally, pure: how many workers a bitmap holds, and how many equal ballots decide.
"""

ONES: constant(uint256) = max_value(uint256)
EVERY_2ND: constant(uint256) = ONES // 3
EVERY_2: constant(uint256) = ONES // 5
EVERY_4: constant(uint256) = ONES // 17
EVERY_BYTE: constant(uint256) = ONES // 255


@internal
@pure
def _popcount(bitmap: uint256) -> uint256:
    """
    @notice Number of set bits of a bitmap of at most 120 workers.
    @dev Sums within pairs, nibbles and bytes, then all bytes into the highest one by a product modulo 2^256.
         That byte holds 255 at most, so the function would be wrong for a bitmap with all 256 bits set.
    """
    x: uint256 = unsafe_sub(bitmap, (bitmap >> 1) & EVERY_2ND)
    x = unsafe_add(x & EVERY_2, (x >> 2) & EVERY_2)
    x = unsafe_add(x, x >> 4) & EVERY_4
    return unsafe_mul(x, EVERY_BYTE) >> 248


@internal
@pure
def _needed(n: uint256, numerator: uint256, denominator: uint256) -> uint256:
    """
    @notice Equal ballots that make a consensus: max(floor(n/2) + 1, ceil(n * numerator / denominator)).
    @param n At most 120; the numbers of the threshold are below 2^32, so that nothing overflows.
    @param denominator Not zero; policies with such a threshold are refused.
    """
    scaled: uint256 = unsafe_add(unsafe_mul(n, numerator), unsafe_sub(denominator, 1))
    return max(unsafe_add(n >> 1, 1), unsafe_div(scaled, denominator))
