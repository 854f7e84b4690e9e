"""Amounts: decimal text and wei say the same, exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.config.amounts import AmountError, amount_text, wei_of

WEI = st.integers(0, (1 << 128) - 1)


@given(WEI)
def test_text_and_wei_lead_to_each_other(wei: int) -> None:
    assert wei_of(amount_text(wei)) == wei


@pytest.mark.parametrize(
    ("text", "wei"),
    [("0", 0), ("1", 10**18), ("0.25", 25 * 10**16), ("0.000000000000000001", 1), ("12.50", 125 * 10**17)],
)
def test_an_amount_is_that_many_wei(text: str, wei: int) -> None:
    assert wei_of(text) == wei


@pytest.mark.parametrize(
    "text",
    ["", ".5", "1.", "-1", "+1", "1e3", "01", "1,5", " 1", "1 ", "0x1", "1\n", "\u0661", "0." + "1" * 19],
)
def test_other_texts_are_no_amounts(text: str) -> None:
    with pytest.raises(AmountError, match="no amount") as caught:
        wei_of(text)
    assert "0.25" in caught.value.hint


def test_an_amount_is_below_2_to_the_128_wei() -> None:
    assert wei_of(amount_text((1 << 128) - 1)) == (1 << 128) - 1
    with pytest.raises(AmountError, match="too large"):
        wei_of(amount_text(1 << 128))
