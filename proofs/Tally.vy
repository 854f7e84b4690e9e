# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Proofs of the tally
@license Apache-2.0
@notice `tally._needed` is the least number that the law allows, `tally._popcount` counts, and of two pairs with
        different voters at most one reaches what is needed. For halmos only, see README.md beside.
"""

import statements
import tally

WORKERS: constant(uint256) = 120
BITMAP: constant(uint256) = 2**120 - 1
BITS_7: constant(uint256) = 2**7 - 1
BITS_32: constant(uint256) = 2**32 - 1


@external
@pure
def check_needed_is_the_least(some_n: uint256, some_num: uint256, some_den: uint256, some_j: uint256):
    """
    @notice For every n and j below 128 and num <= den < 2^32, den not zero: needed <= j exactly if 2j > n and
            j * den >= n * num. So needed is the least such j: more than half, at least the threshold, minimal.
            With j = n: at most n.
    @dev No solver at hand divides symbolic words of 256 bits in useful time. The products and the quotient stay
         unknown functions; what is given of them is the definition of DIV as the floor and two facts of MUL,
         which the checks below prove.
    """
    n: uint256 = some_n & BITS_7
    j: uint256 = some_j & BITS_7
    num: uint256 = some_num & BITS_32
    den: uint256 = some_den & BITS_32
    statements._given(num <= den and den != 0)

    least: uint256 = unsafe_mul(n, num)
    product: uint256 = unsafe_mul(j, den)
    statements._given((least | product) >> 40 == 0)
    dividend: uint256 = unsafe_add(least, unsafe_sub(den, 1))
    quotient: uint256 = unsafe_div(dividend, den)
    statements._given((quotient <= j) == (dividend < unsafe_add(product, den)))
    self._chooses(n // 2 + 1, quotient)

    decides: uint256 = convert(2 * j > n, uint256) & convert(product >= least, uint256)
    statements._holds((tally._needed(n, num, den) <= j) == (decides == 1))


@external
@pure
def check_a_product_of_7_and_32_bits_has_40(x: uint256, y: uint256):
    """
    @notice First fact of MUL that is given above.
    """
    statements._holds(unsafe_mul(x & BITS_7, y & BITS_32) >> 40 == 0)


@external
@pure
def check_a_product_with_a_truth_value_chooses(x: uint256, y: uint256, z: uint256):
    """
    @notice Second fact of MUL that is given above.
    """
    statements._holds(unsafe_mul(convert(x > y, uint256), z) == (z if x > y else 0))
    statements._holds(unsafe_mul(z, convert(x > y, uint256)) == (z if x > y else 0))


@external
@pure
def check_no_bits_count_zero():
    """
    @notice Where the induction over the bits begins.
    """
    statements._holds(tally._popcount(0) == 0)


@external
@pure
def check_each_bit_counts_one(bitmap: uint256, bit: uint256):
    """
    @notice For every bitmap of 120 bits and every bit of it: with the bit set the count is one more than
            without. With the zero above, by induction, the count is the number of set bits.
    """
    for i: uint256 in range(WORKERS):
        if bit == i:
            without: uint256 = bitmap & BITMAP & ~(1 << i)
            statements._holds(
                tally._popcount(without | 1 << i) == unsafe_add(tally._popcount(without), 1)
            )
            return


@external
@pure
def check_two_pairs_never_both_decide(
    some_n: uint256, some_num: uint256, some_den: uint256, first: uint256, second: uint256
):
    """
    @notice Of two pairs whose voters are different members, `first` and `second` of n, one misses the needed.
    @dev Whatever the threshold is: n // 2 + 1 alone is enough. Given: the second fact of MUL.
    """
    n: uint256 = some_n & BITS_7
    num: uint256 = some_num & BITS_32
    den: uint256 = some_den & BITS_32
    statements._given(first <= n and second <= n and first + second <= n)
    half: uint256 = n // 2 + 1
    quotient: uint256 = unsafe_div(unsafe_add(unsafe_mul(n, num), unsafe_sub(den, 1)), den)
    self._chooses(half, quotient)
    needed: uint256 = tally._needed(n, num, den)
    statements._holds(first < needed or second < needed)


@internal
@pure
def _chooses(half: uint256, quotient: uint256):
    """
    @notice Gives what Vyper's max() multiplies: a truth value and a word.
    """
    either: uint256 = half ^ quotient
    is_half: uint256 = convert(half > quotient, uint256)
    statements._given(unsafe_mul(is_half, either) == (either if half > quotient else 0))
    statements._given(unsafe_mul(either, is_half) == (either if half > quotient else 0))
