"""An EVM for simulations: a contract's bytecode becomes Python functions, so that it runs many times faster
than an interpreter in Python. As much of the EVM as this project's contracts need, with London's rules."""

from worknet.testing.evm.executor import TranslatingEvm

__all__ = ["TranslatingEvm"]
