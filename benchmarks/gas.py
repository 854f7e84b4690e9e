"""What a consensus costs: the whole gas of all its transactions, closing included.

    .venv/bin/python benchmarks/gas.py

Mean of votings 9 to 24 of a network, with real signed transactions on the built-in chain's EVM, simple
majority, every ballot for one pair and counted; sealed ballots are revealed in one batch. Figures do not
depend on the machine. No limits are held here.

Last figures (artifact of 20,227 bytes): open/7 374,382, open/31 1,327,572, sealed/7 549,118.
"""

from collections import Counter
from dataclasses import astuple
from hashlib import sha256
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from worknet.chain.development.evm import Evm, Execution, Genesis
from worknet.contracts import artifact
from worknet.protocol.ballots import Pair, seal
from worknet.protocol.ids import Slot, voting_id, workflow_id
from worknet.protocol.policy import Ballots, Fallback, Policy

CHAIN_ID = 73_799
BEGIN = 1_800_000_000
HOUR = 3600
WORKFLOW = workflow_id("matching")
VOTINGS = range(1, 25)
COUNTED = range(9, 25)
"""The votings of the mean: the first eight write parts of the log for the first time."""
CASES = ((Ballots.OPEN, 7), (Ballots.OPEN, 31), (Ballots.SEALED, 7))


def some(name: str) -> bytes:
    """32 bytes that depend on the name alone."""
    return sha256(name.encode()).digest()


class Network:
    """A network of active workers on a chain of its own, one transaction to a block."""

    def __init__(self, ballots: Ballots, workers: int) -> None:
        self.owner = Account.from_key(b"\x01" * 32)
        self.keys = [Account.from_key(some(f"w{index}")) for index in range(workers)]
        funds = {bytes.fromhex(one.address[2:]): 10**24 for one in (self.owner, *self.keys)}
        self.evm = Evm(Genesis(CHAIN_ID, BEGIN, funds))
        self.time = BEGIN
        self.nonces: Counter[str] = Counter()
        built = artifact()
        blank = Web3().eth.contract(abi=built.abi, bytecode=built.bytecode)
        deployed = self.execute(self.owner, None, blank.constructor(12).data_in_transaction)
        self.address = deployed.created or b""
        self.contract: Any = Web3().eth.contract(
            address=Web3.to_checksum_address(self.address), abi=built.abi
        )
        for index, key in enumerate(self.keys):
            operator = Account.from_key(some(f"o{index}")).address
            self.call(self.owner, "enrol", operator, key.address, 1, b"\x01" * 32)
        policy = Policy(
            bundle_digest=b"\x02" * 32,
            data_key_epoch=1,
            data_key_commitment=b"\x03" * 32,
            every=HOUR,
            delay=60,
            start=0,
            max_age=0,
            threshold_num=0,
            threshold_den=1,
            ballots=ballots,
            cast_window=600,
            reveal_window=600,
            stall=HOUR,
            fallback=Fallback.ALERT,
        )
        self.call(self.owner, "announce", WORKFLOW, astuple(policy))

    def execute(self, sender: LocalAccount, to: bytes | None, data: Any) -> Execution:
        """A signed transaction in a block of its own, five seconds after the last."""
        self.time += 5
        transaction: dict[str, Any] = {
            "chainId": CHAIN_ID,
            "nonce": self.nonces[sender.address],
            "gas": 12_000_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1,
            "value": 0,
            "data": data,
        }
        if to is not None:
            transaction["to"] = to
        self.nonces[sender.address] += 1
        signed = sender.sign_transaction(transaction)
        block = self.evm.execute(self.time, bytes(32), [self.evm.decode(bytes(signed.raw_transaction))])
        [execution] = block.executions
        if not execution.succeeded:
            raise RuntimeError(f"the transaction in block {block.header.block_number} failed")
        return execution

    def call(self, sender: LocalAccount, name: str, *arguments: Any) -> int:
        """The gas of a call of the contract."""
        data = self.contract.encode_abi(name, args=list(arguments))
        return self.execute(sender, self.address, data).gas_used

    def voting(self, number: int, ballots: Ballots) -> int:
        """The gas of a voting in which all agree."""
        trigger = Slot(HOUR, self.time // HOUR - 50 + number).trigger_id
        pair = Pair(some(f"a{number}"), some(f"r{number}"))
        about, roots = (WORKFLOW, trigger), (pair.input_root, pair.result_root)
        place = 1 << 32 | 1 << 16
        if ballots is Ballots.OPEN:
            casts = (self.call(key, "cast", *about, place | i, *roots) for i, key in enumerate(self.keys))
            return sum(casts)
        salts = [some(f"s{number}/{index}") for index in range(len(self.keys))]
        gas = 0
        for index, key in enumerate(self.keys):
            voting = voting_id(CHAIN_ID, self.address, *about)
            sealed = seal(CHAIN_ID, self.address, voting, 1, index, pair, salts[index])
            gas += self.call(key, "seal", *about, place | index, sealed)
        workers = list(range(len(self.keys)))
        return gas + self.call(self.keys[0], "reveal", *about, place, *roots, workers, salts)


def main() -> None:
    """Prints a line for each case."""
    print(f"{artifact().runtime_size:,} bytes of code")
    for ballots, workers in CASES:
        network = Network(ballots, workers)
        gas = {number: network.voting(number, ballots) for number in VOTINGS}
        mean = sum(gas[number] for number in COUNTED) / len(COUNTED)
        print(f"{ballots.name.lower()}/{workers:<4}{mean:>14,.1f}")


if __name__ == "__main__":
    main()
