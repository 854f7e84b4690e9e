"""How the execution of a contract ends, other than well."""


class Halt(Exception):
    """The contract failed: out of gas, an invalid instruction or jump. All of the frame's gas is gone."""


class Reverted(Exception):
    """The contract undid what it did, and says why."""

    def __init__(self, output: bytes) -> None:
        super().__init__()
        self.output = output


class UnsupportedError(Exception):
    """An instruction or precompile that this EVM leaves out: it is for this project's contracts."""
