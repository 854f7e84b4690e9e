"""Amounts of the chain's currency: decimal text for people, wei for contracts. Exact, never a float."""

import re

from worknet.config.errors import ConfigError
from worknet.protocol.rewards import AMOUNT_BOUND

DECIMALS = 18
"""Decimal places of the currency: 1 of it is 10^18 wei, on all chains with Ethereum's rules."""

PATTERN = f"(0|[1-9][0-9]{{0,20}})(\\.[0-9]{{1,{DECIMALS}}})?"
RIGHT = 'an amount of the chain\'s currency as decimal text such as "0.25"'

_AMOUNT = re.compile(PATTERN)


class AmountError(ConfigError):
    """A text that is no amount."""


def wei_of(text: str) -> int:
    """The wei of an amount in decimal text (`0.25` is 25 * 10^16 wei); raises AmountError."""
    if not _AMOUNT.fullmatch(text):
        raise AmountError(f"{text[:80]!r} is no amount", f"{RIGHT}, with at most {DECIMALS} decimal places")
    whole, _, part = text.partition(".")
    wei = int(whole + part.ljust(DECIMALS, "0"))
    if wei >= AMOUNT_BOUND:
        raise AmountError(f"{text} is too large an amount", "less than 2^128 wei")
    return wei


def amount_text(wei: int) -> str:
    """The shortest decimal text of an amount in wei."""
    whole, part = divmod(wei, 10**DECIMALS)
    return f"{whole}.{part:0{DECIMALS}}".rstrip("0").rstrip(".")
