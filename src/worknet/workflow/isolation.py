"""What a runner's process does to itself before it runs others' code: no network, limits, no life of its own.

Called in the child only. Nothing here imports Polars: a user namespace needs a process with a single thread.
"""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress

_CLONE_NEWPID = 0x20000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38

LARGEST_FILE = 64 << 20


def isolate() -> str:
    """Leaves all networks for an empty one, without even a loopback, and all other processes.

    Returns "", or why it could not. The calling process itself stays where it was among the processes: call
    `go_below` then. Linux only: namespaces in a user namespace, so that no privilege is needed.
    """
    if not sys.platform.startswith("linux"):
        return f"{sys.platform} has no network namespaces"
    libc = ctypes.CDLL(None, use_errno=True)
    own = _CLONE_NEWNET | _CLONE_NEWPID
    # Where user namespaces are forbidden, a privileged process may still have the other ones.
    if libc.unshare(_CLONE_NEWUSER | own) and libc.unshare(own):
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    return ""


def go_below() -> None:
    """Goes on in a new process, from which no other can be signalled, and all that it starts ends with it.

    The calling process waits for the new one and ends as it does. Beside it stays the first process of the
    namespace: when that ends, the kernel kills all others there, and it ends with the calling process.
    """
    # Neither can be traced, nor its files be opened, by what runs below; that would keep them from ending.
    _prctl(_PR_SET_DUMPABLE, 0)
    caller_ends, held = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(held)
        _let_go_of_pipes()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody else reaps orphans there
        os.read(caller_ends, 1)
        os._exit(0)
    job = os.fork()
    if job == 0:
        os.close(caller_ends)
        os.close(held)
        _prctl(_PR_SET_DUMPABLE, 1)
        return
    _let_go_of_pipes()
    _, status = os.waitpid(job, 0)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)  # returns when all that was left there has ended
    _end_like(os.waitstatus_to_exitcode(status))


def die_with(parent: int) -> None:
    """Has the kernel kill this process when the thread that started it ends (Linux; else its input ends)."""
    if sys.platform.startswith("linux"):
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
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


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _let_go_of_pipes() -> None:
    """The other ends are told of the end when the job has them closed, not this process."""
    null = os.open(os.devnull, os.O_RDWR)
    for pipe in range(3):
        os.dup2(null, pipe)
    os.close(null)


def _end_like(code: int) -> None:
    if code < 0:
        with suppress(OSError, ValueError):  # SIGKILL cannot be set, nor need it be
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)
