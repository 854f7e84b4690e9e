"""The network as Python sees it: client of the contract, event index, keys, development chains.

Import the modules themselves (`worknet.chain.client`, `worknet.chain.index`, ...): this package imports
nothing, because web3 alone takes more than a second.
"""
