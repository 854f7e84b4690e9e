"""What systemd is told of a worker, if systemd started it: sd_notify(3), a line to a datagram socket."""

import os
import socket


def notify(state: str) -> bool:
    """Tells systemd, for example `READY=1`; False if nobody wants to know, or the socket takes nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    # A name that begins with @ is in Linux' abstract namespace, which Python writes with a zero byte.
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as outlet:
            outlet.sendto(state.encode(), name)
    except OSError:
        return False
    return True


def watchdog_seconds() -> float | None:
    """How often systemd wants to hear `WATCHDOG=1`; None if it does not watch this process."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    is_ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(wanted) / 1e6 if wanted.isdigit() and is_ours else None
