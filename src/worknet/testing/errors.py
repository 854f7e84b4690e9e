"""The error base of the simulator: what it is asked for and cannot do, with a hint on how to mend it."""


class SimulationError(Exception):
    """The simulation that is asked for makes no sense, or cannot be run here. `hint` says what would do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class FaultsError(SimulationError):
    """A text of faults that cannot be read, or faults that do not fit the number of workers."""
