"""The functions that a workflow must not call, by the names under which Python knows them, and what each is.

One table for both looks: the text of a bundle resolves its names to these, and a run the functions it calls.
"""

import re
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

from worknet.workflow.determinism.findings import Kind

# The first that fits counts. Names are module.function and module.Class.method, as they are imported.
_TABLE: Final[tuple[tuple[Kind | None, tuple[str, ...]], ...]] = (
    # What these give is the same everywhere.
    (
        None,
        (
            "uuid.uuid3",
            "uuid.uuid5",
            "uuid.UUID*",
            "random.Random.seed",
            "random.Random.__init__",
            "random.Random.getstate",
            "random.Random.setstate",
            "math.isqrt",
            "math.gcd",
            "math.lcm",
            "math.comb",
            "math.perm",
            "math.factorial",
            "math.prod",
            "math.floor",
            "math.ceil",
            "math.trunc",
            "time.strptime",
            "os.path.*",
            "posixpath.*",
            "os.fspath",
            "os.fsencode",
            "os.fsdecode",
            "threading.Lock",
            "threading.RLock",
            "threading.local",
            "locale.Error",
        ),
    ),
    (
        Kind.CLOCK,
        (
            "time.time*",
            "time.monotonic*",
            "time.perf_counter*",
            "time.process_time*",
            "time.thread_time*",
            "time.clock*",
            "time.localtime",
            "time.gmtime",
            "time.ctime",
            "time.asctime",
            "time.strftime",
            "time.mktime",
            "time.sleep",
            "datetime.datetime.now",
            "datetime.datetime.utcnow",
            "datetime.datetime.today",
            "datetime.date.today",
            "os.times",
            "timeit.*",
        ),
    ),
    (
        Kind.RANDOM,
        (
            "random.SystemRandom*",
            "random.*",
            "_random.*",
            "secrets.*",
            "uuid.uuid1",
            "uuid.uuid4",
            "uuid.getnode",
            "os.urandom",
            "os.getrandom",
            "posix.urandom",
            "posix.getrandom",
            "numpy.random.*",
            "ssl.RAND_bytes",
            "tempfile.*",
            "_uuid.*",
        ),
    ),
    (
        Kind.ENVIRONMENT,
        (
            "os.environ*",
            "os._Environ.*",
            "os.getenv*",
            "os.putenv",
            "os.unsetenv",
            "os.cpu_count",
            "os.process_cpu_count",
            "posix.cpu_count",
            "os.sched_*",
            "posix.sched_*",
            "os.getpid",
            "os.getppid",
            "os.getuid",
            "os.geteuid",
            "os.getgid",
            "os.getegid",
            "os.getlogin",
            "os.uname",
            "os.getcwd*",
            "os.getloadavg",
            "os.sysconf",
            "os.confstr",
            "os.path.expanduser",
            "os.path.expandvars",
            "posix.getpid",
            "posix.getppid",
            "posix.get*id",
            "posix.getlogin",
            "posix.uname",
            "posix.getcwd*",
            "posix.getloadavg",
            "posix.sysconf",
            "platform.*",
            "getpass.*",
            "pwd.*",
            "grp.*",
            "sysconfig.*",
            "resource.*",
            "site.*",
            "threading.get_ident",
            "threading.get_native_id",
            "_thread.get_ident",
            "_thread.get_native_id",
            "multiprocessing.cpu_count",
            "polars.thread_pool_size",
            "polars.show_versions",
            "polars.build_info",
            "importlib.metadata.*",
        ),
    ),
    (
        Kind.LOCALE,
        (
            "locale.*",
            "_locale.*",
            "gettext.*",
            "calendar.Locale*",
            "time.tzset",
            "datetime.datetime.fromtimestamp-local",
        ),
    ),
    (
        Kind.NETWORK,
        (
            "socket.*",
            "_socket.*",
            "ssl.*",
            "http.client.*",
            "http.server.*",
            "urllib.request.*",
            "urllib.error.*",
            "ftplib.*",
            "smtplib.*",
            "poplib.*",
            "imaplib.*",
            "xmlrpc.*",
            "socketserver.*",
            "requests.*",
            "httpx.*",
            "aiohttp.*",
            "urllib3.*",
            "websockets.*",
            "webbrowser.*",
            "boto3.*",
            "psycopg*.*",
            "sqlalchemy.*",
            "web3.*",
        ),
    ),
    (
        Kind.PROCESS,
        (
            "subprocess.*",
            "_posixsubprocess.*",
            "multiprocessing.*",
            "os.system",
            "os.popen",
            "os.fork*",
            "os.exec*",
            "os.spawn*",
            "os.posix_spawn*",
            "os.kill*",
            "os.wait*",
            "posix.system",
            "posix.fork*",
            "posix.exec*",
            "posix.posix_spawn*",
            "posix.kill*",
            "pty.*",
            "ctypes.CDLL*",
            "ctypes.cdll*",
            "concurrent.futures.ProcessPoolExecutor*",
            "concurrent.futures.process.*",
            "signal.*",
            "_signal.*",
        ),
    ),
    (
        Kind.THREAD,
        (
            "threading.Thread*",
            "threading.Timer*",
            "threading.Barrier*",
            "_thread.start_new*",
            "_thread.start_joinable_thread",
            "concurrent.futures.ThreadPoolExecutor*",
            "concurrent.futures.thread.*",
            "concurrent.futures.as_completed",
            "concurrent.futures.wait",
            "concurrent.futures._base.as_completed",
            "concurrent.futures._base.wait",
            "asyncio.*",
            "queue.*",
            "gevent.*",
            "trio.*",
            "anyio.*",
        ),
    ),
    (
        Kind.ROUNDING,
        ("decimal.getcontext", "decimal.setcontext", "_decimal.getcontext", "_decimal.setcontext"),
    ),
    (
        Kind.FLOAT,
        (
            "statistics.*",
            "math.*",
            "cmath.*",
            "operator.truediv",
            "_operator.truediv",
            "numpy.mean",
            "numpy.float*",
            "decimal.Decimal.from_float",
        ),
    ),
    (
        Kind.IDENTITY,
        (
            "builtins.id",
            "builtins.hash",
            "object.__repr__",
            "weakref.*",
            "gc.*",
            "sys.getrefcount",
            "sys.getsizeof",
            "tracemalloc.*",
        ),
    ),
    (
        Kind.FILES,
        (
            "shutil.disk_usage",
            "pathlib.Path.home",
            "pathlib.Path.cwd",
            "pathlib.PosixPath.home",
            "pathlib.PosixPath.cwd",
        ),
    ),
)
# Only attributes, never called.
_VALUES: Final[dict[str, Kind]] = {
    "os.environ": Kind.ENVIRONMENT,
    "os.environb": Kind.ENVIRONMENT,
    "os.name": Kind.RELEASE,
    "sys.platform": Kind.RELEASE,
    "sys.version": Kind.RELEASE,
    "sys.version_info": Kind.RELEASE,
    "sys.hexversion": Kind.RELEASE,
    "sys.maxsize": Kind.RELEASE,
    "sys.argv": Kind.ENVIRONMENT,
    "sys.path": Kind.ENVIRONMENT,
    "sys.executable": Kind.ENVIRONMENT,
    "calendar.month_name": Kind.LOCALE,
    "calendar.month_abbr": Kind.LOCALE,
    "calendar.day_name": Kind.LOCALE,
    "calendar.day_abbr": Kind.LOCALE,
    "time.tzname": Kind.LOCALE,
    "time.timezone": Kind.LOCALE,
    "time.altzone": Kind.LOCALE,
    "time.daylight": Kind.LOCALE,
    "math.pi": Kind.FLOAT,
    "math.e": Kind.FLOAT,
    "math.tau": Kind.FLOAT,
    "math.inf": Kind.FLOAT,
    "math.nan": Kind.FLOAT,
    "polars.Float64": Kind.FLOAT,
    "polars.Float32": Kind.FLOAT,
    "polars.Float16": Kind.FLOAT,
    "sys.float_info": Kind.FLOAT,
}
ORDERED_BY_CHANCE: Final = frozenset(
    {
        "os.listdir",
        "os.scandir",
        "os.walk",
        "os.fwalk",
        "glob.glob",
        "glob.iglob",
        "posix.listdir",
        "posix.scandir",
    }
)
"""Functions that list a folder, in the order in which the file system has it."""

UNLESS_GIVEN: Final[dict[str, int]] = {
    "time.gmtime": 1,
    "time.ctime": 1,
    "time.asctime": 1,
    "time.strftime": 2,
    "random.Random": 1,
}
"""Functions that look at the clock, or draw, only where they are called with fewer arguments than these."""

_OF_A_LANGUAGE: Final = re.compile(r"%[-_0^#]*[EO]?[aAbBcxXph]")


@cache
def kind_of(name: str) -> Kind | None:
    """What the function or class of that full name depends on; None: on nothing but its arguments."""
    for kind, patterns in _TABLE:
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return kind
    return None


def kind_of_value(name: str) -> Kind | None:
    """The same of a value that is only read, such as `os.environ`."""
    return _VALUES.get(name)


def is_of_a_language(spec: str) -> bool:
    """Whether a format writes a time with names, or a number with groups, as the locale has them."""
    spec = spec.replace("%%", "")
    return bool(_OF_A_LANGUAGE.search(spec)) or ("%" not in spec and spec.endswith("n"))
