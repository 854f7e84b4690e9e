"""A small contract and funded signers for the tests of chains."""

from dataclasses import dataclass

import pytest
import vyper
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import Signer, signer_from_key

SOURCE = """
# pragma version 0.4.3
# pragma evm-version london

event Put:
    key: indexed(bytes32)
    amount: uint256

amounts: public(HashMap[bytes32, uint256])
at: public(uint256)

@external
def put(key: bytes32, amount: uint256):
    assert amount != 13, "tests: unlucky"
    self.amounts[key] = amount
    self.at = block.timestamp
    log Put(key=key, amount=amount)

@external
def put_many(key: bytes32, amount: uint256):
    for i: uint256 in range(amount, bound=512):
        log Put(key=key, amount=i)
"""
ETHER = 10**18


@dataclass(frozen=True)
class Contract:
    """Code and calls of the tests' contract."""

    code: bytes

    def call(self, function: str, *values: object) -> bytes:
        """Call data; `function` is a full signature."""
        types = function[function.index("(") + 1 : -1].split(",")
        return bytes(keccak(text=function)[:4]) + encode(types if values else [], values)

    def put(self, key: int, amount: int) -> bytes:
        """Call data of `put`."""
        return self.call("put(bytes32,uint256)", key.to_bytes(32, "big"), amount)


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The contract, compiled once."""
    output = vyper.compile_code(SOURCE, output_formats=["bytecode"])
    return Contract(bytes.fromhex(output["bytecode"][2:]))


@pytest.fixture(scope="session")
def signers() -> list[Signer]:
    """Three signers of the development chain."""
    return [signer_from_key(bytes([number]) * 32, DEVELOPMENT_CHAIN_ID) for number in (1, 2, 3)]
