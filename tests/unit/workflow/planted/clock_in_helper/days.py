"""Days, as numbers."""

from time import time_ns as stamp

DAY = 86_400_000_000_000


def day_number() -> int:
    """The number of today."""
    return stamp() // DAY  # planted: clock
