"""The translating EVM, held against py-evm: the same blocks, made of the same transactions."""

from dataclasses import replace

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain.development.blocks import Block, Call, Executor, Genesis
from worknet.chain.errors import RevertedError
from worknet.testing.evm import TranslatingEvm
from worknet.testing.evm.errors import UnsupportedError
from worknet.testing.evm.frames import extended, signed, signed_division, signed_remainder

py_evm = pytest.importorskip("worknet.chain.development.evm", reason="needs worknet[local]")

MINUS_7 = (1 << 256) - 7


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Executor:
    """What executed the life of a network: members, votings with and without consensus, refusals, a pool."""
    network = Network(tmp_path_factory.mktemp("lived") / "chain")
    pool = network.new_pool()
    pool.set_rewards(5, 7)
    pool.fund(10**18)
    network.vote(1)
    network.seal(2, 0)
    network.seal(2, 1, network.OTHER)
    with pytest.raises(RevertedError, match="already cast"):
        network.seal(2, 1)
    network.pass_time(301)
    network.reveal(2, 0)
    network.reveal(2, 1, pair=network.OTHER)
    network.pass_time(301)
    network.seal(2, 0, attempt=2)
    network.pass_time(5000)
    network.owner.advance(network.WORKFLOW, network.trigger(2))
    network.owner.remove(2)
    record = network.owner.rpc
    record.send(*_too_little_gas(network))
    network.store.close()
    return network.rpc.methods.executor


def _too_little_gas(network: Network) -> tuple[bytes, bytes]:
    """A transaction that is in a block and fails there, having used all of its gas."""
    signer, rpc = network.signers[0], network.rpc
    fields = {
        "chainId": rpc.chain_id,
        "nonce": rpc.nonce(signer.address),
        "gas": 30_000,
        "value": 0,
        "to": network.deployment.contract,
        "data": bytes.fromhex("a6f2ae3a"),
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 1,
    }
    signed_one = signer.sign(fields)
    return signed_one.raw, signed_one.hash


def replayed(executor: Executor, on: type[Executor]) -> Executor:
    """The same transactions, in blocks of the same times, on another EVM."""
    other = on(executor.genesis)
    for block in executor.blocks[1:]:
        raws = [execution.transaction.raw for execution in block.executions]
        other.execute(block.header.timestamp, block.header.mix_hash, [other.decode(raw) for raw in raws])
    return other


def told(block: Block) -> list[object]:
    """All that a block tells of its transactions."""
    return [replace(execution, bloom=0, transaction=None) for execution in block.executions]


def test_both_evms_tell_the_same_of_every_transaction(lived: Executor):
    other = replayed(lived, py_evm.Evm)
    assert len(other.blocks) == len(lived.blocks)
    for ours, theirs in zip(lived.blocks, other.blocks, strict=True):
        assert told(ours) == told(theirs)
        assert ours.header.gas_used == theirs.header.gas_used
        assert ours.header.base_fee_per_gas == theirs.header.base_fee_per_gas
    assert {execution.succeeded for block in lived.blocks for execution in block.executions} == {True, False}


def test_both_evms_answer_calls_on_every_block_alike(lived: Executor):
    other = replayed(lived, py_evm.Evm)
    contract = next(e.created for block in lived.blocks for e in block.executions if e.created)
    root = Call(contract, bytes.fromhex("ebf0c717"))
    for number in range(len(lived.blocks)):
        assert lived.call(root, number) == other.call(root, number)
        assert lived.storage(contract, 0, number) == other.storage(contract, 0, number)
        assert lived.balance(lived.head.header.coinbase, number) == other.balance(
            lived.head.header.coinbase, number
        )


def test_a_look_at_an_older_block_leaves_the_state_as_it_is(lived: Executor):
    contract = next(e.created for block in lived.blocks for e in block.executions if e.created)
    root = Call(contract, bytes.fromhex("ebf0c717"))
    before = lived.call(root)
    for number in range(len(lived.blocks)):
        lived.call(root, number)
    assert lived.call(root) == before


def test_what_is_left_out_is_refused_by_name():
    evm = TranslatingEvm(Genesis(1, 1, {b"\x01" * 20: 10**18}))
    with pytest.raises(UnsupportedError, match="244"):
        evm.call(Call(None, b"\xf4"))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (signed(MINUS_7), -7),
        (signed_division(MINUS_7, 2), (1 << 256) - 3),
        (signed_division(MINUS_7, 0), 0),
        (signed_remainder(MINUS_7, 3), (1 << 256) - 1),
        (signed_remainder(7, 0), 0),
        (extended(0, 0xFF), (1 << 256) - 1),
        (extended(0, 0x17F), 0x7F),
        (extended(31, 5), 5),
    ],
)
def test_signed_arithmetic_is_that_of_the_yellow_paper(found: int, expected: int):
    assert found == expected
