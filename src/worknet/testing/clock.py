"""A clock for tests, that stands still until it is told to go on, or until somebody sleeps by it."""


class Clock:
    """Seconds that pass when a test says so, or when somebody sleeps.

    Stands for `time.monotonic` (call it) and `time.sleep` wherever a part of worknet is given its clock.
    `slept` is how long each one slept.
    """

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Lets the seconds pass at once."""
        self.slept.append(seconds)
        self.now += seconds
