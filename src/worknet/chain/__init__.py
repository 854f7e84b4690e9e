"""The network as Python sees it: the contract's client, its event index, keys and signers, development chains.

Import the modules themselves (`worknet.chain.client`, `worknet.chain.index`, ...): this package imports
nothing, because web3 alone takes more than a second.
"""
