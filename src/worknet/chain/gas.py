"""The gas limit of each action: stated, so that nothing is estimated, and measured, so that it suffices.

Every limit is at least half as much again as the most that was measured on the built-in chain, for a whole
batch too; a test measures anew. Of a batch each item counts for itself. Batches are cut by what the contract
takes, those whose items cost much also to half of a block.
"""

GAS_LIMITS = {
    "deploy": 9_000_000,
    "deploy_pool": 1_600_000,
    "deploy_row_proofs": 900_000,
    "transfer_ownership": 80_000,
    "accept_ownership": 80_000,
    "enrol": 400_000,
    "remove": 150_000,
    "rotate": 120_000,
    "check_in": 100_000,
    "pause_opening": 60_000,
    "announce": 400_000,
    "reopen": 150_000,
    "cast": 500_000,
    "seal": 300_000,
    "bring_seals": 250_000,
    "reveal": 400_000,
    "report": 550_000,
    "advance": 200_000,
    "settle": 400_000,
    "fund": 40_000,
    "set_rewards": 200_000,
    "claim": 250_000,
}
"""Gas limit of each action; of a batch without its items.

Where a record is appended there is room for a log of a million; in a claim for an operator's account that is
a contract and spends 50,000 when it is paid.
"""

SEALS_OF_A_BATCH = 40
"""Seals that the contract takes at once."""

REVEAL_GAS_PER_SALT = 9_000
BRING_SEALS_GAS_PER_SEAL = 48_000
REPORT_GAS_PER_SIGNATURE = 10_000
CLAIM_GAS_PER_RECORD = 100_000
CLAIM_GAS_PER_SEAL = 5_000
CLAIM_GAS_PER_PERIOD = 95_000
"""What each item of a batch adds. A record of a quorum adds for each member too, since seals are compared; a
period so much that its amounts are found among all changes that a pool can hold."""


def most_gas(block_gas_limit: int) -> int:
    """The most gas that one transaction may ask for: blocks should have room for it soon."""
    return block_gas_limit // 2
