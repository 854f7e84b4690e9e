"""What a runner's process does to itself before it runs others' code: no network, limits, no life of its own.

Called in the child only. Nothing here imports Polars: a user namespace needs a process with a single thread.
"""

import ctypes
import os
import resource
import signal
import sys

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

LARGEST_FILE = 64 << 20


def cut_network() -> str:
    """Leaves all networks for an empty one, without even a loopback; returns "", or why it could not.

    Linux only: a network namespace in a user namespace, so that no privilege is needed and none is kept.
    """
    if not sys.platform.startswith("linux"):
        return f"{sys.platform} has no network namespaces"
    libc = ctypes.CDLL(None, use_errno=True)
    # Where user namespaces are forbidden, a privileged process may still have the other one.
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) and libc.unshare(_CLONE_NEWNET):
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    return ""


def die_with(parent: int) -> None:
    """Has the kernel kill this process when the thread that started it ends (Linux; else its input ends)."""
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def limit_memory(size: int) -> None:
    """Bounds the address space in bytes; leaves no core dump, which would hold rows; bounds written files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    if sys.platform.startswith("linux"):
        # macOS accepts the limit and does not keep it; there it is not even set.
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def limit_cpu(seconds: int) -> None:
    """Lets this process use so many more seconds of processor time; SIGXCPU ends it then."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    end = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (end, end + 1))
