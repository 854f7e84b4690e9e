"""The gas limit of each action: stated, so that nothing is estimated, and measured, so that it suffices.

Every limit is at least half as much again as the most that was measured on the built-in chain, for a whole
batch too; a test measures anew. Of a batch each item counts for itself. Batches are cut by what the contract
takes, those whose items cost much also to half of a block.
"""

GAS_LIMITS = {
    "deploy": 9_000_000,
    "deploy_pool": 2_000_000,
    "deploy_row_proofs": 1_000_000,
    "transfer_ownership": 100_000,
    "accept_ownership": 100_000,
    "enrol": 400_000,
    "remove": 200_000,
    "rotate": 150_000,
    "check_in": 150_000,
    "pause_opening": 100_000,
    "announce": 400_000,
    "reopen": 250_000,
    "cast": 500_000,
    "seal": 300_000,
    "bring_seals": 400_000,
    "reveal": 500_000,
    "report": 500_000,
    "advance": 300_000,
    "settle": 400_000,
    "fund": 60_000,
    "set_rewards": 250_000,
    "claim": 250_000,
}
"""Gas limit of each action; of a batch without its items."""

SEALS_OF_A_BATCH = 40
"""Seals that the contract takes at once."""

REVEAL_GAS_PER_SALT = 12_000
BRING_SEALS_GAS_PER_SEAL = 60_000
REPORT_GAS_PER_SIGNATURE = 15_000
CLAIM_GAS_PER_RECORD = 150_000
CLAIM_GAS_PER_SEAL = 8_000
CLAIM_GAS_PER_PERIOD = 110_000
"""What each item of a batch adds; a record of a quorum also for each member, whose seals are compared."""


def most_gas(block_gas_limit: int) -> int:
    """The most gas that one transaction may ask for: blocks should have room for it soon."""
    return block_gas_limit // 2
