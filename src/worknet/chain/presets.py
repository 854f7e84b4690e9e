"""The chains that worknet knows by name: public facts about them, no connections.

A network may run on any chain with London rules; a preset only spares its owner the looking up.
URLs and ids are those of the registry https://github.com/ethereum-lists/chains.
"""

from dataclasses import dataclass

from worknet.chain.errors import ChainError

DEVELOPMENT_CHAIN_ID = 31337
"""Chain id of local development chains (the default of anvil and hardhat)."""


@dataclass(frozen=True)
class Preset:
    """Public facts about a chain.

    `confirmations` is how deep a block should lie before a node acts on it.
    """

    name: str
    title: str
    chain_id: int
    rpc_url: str
    confirmations: int


ENERGY_WEB_CHAIN = Preset(
    name="energy-web-chain",
    title="Energy Web Chain",
    chain_id=246,
    rpc_url="https://rpc.energyweb.org",
    confirmations=6,
)

VOLTA = Preset(
    name="volta",
    title="Volta, test chain of the Energy Web Chain",
    chain_id=73799,
    rpc_url="https://volta-rpc.energyweb.org",
    confirmations=6,
)

DEVELOPMENT = Preset(
    name="development",
    title="Development chain on this machine",
    chain_id=DEVELOPMENT_CHAIN_ID,
    rpc_url="http://127.0.0.1:8545",
    confirmations=1,
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (ENERGY_WEB_CHAIN, VOLTA, DEVELOPMENT)}


def preset(name: str) -> Preset:
    """The preset of that name; raises ChainError that lists the known ones."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ChainError(f"no chain is known as {name!r}", hint=f"known are {', '.join(PRESETS)}") from None
