"""The chains that worknet knows: public facts about them, no connections.

A network may run on any chain with London rules; a preset only spares its owner the looking up.
URLs and ids are those of the registry https://github.com/ethereum-lists/chains.
"""

from dataclasses import dataclass

DEVELOPMENT_CHAIN_ID = 31337
"""Chain id of local development chains (the default of anvil and hardhat)."""


@dataclass(frozen=True)
class Preset:
    """Public facts about a chain. `confirmations`: how deep a block should lie before a node acts on it."""

    title: str
    rpc_url: str
    confirmations: int


PUBLIC_CHAINS = {
    246: Preset(title="Energy Web Chain", rpc_url="https://rpc.energyweb.org", confirmations=6),
    73799: Preset(
        title="Volta, test chain of the Energy Web Chain",
        rpc_url="https://volta-rpc.energyweb.org",
        confirmations=6,
    ),
}
"""What is known of public chains, by chain id."""
