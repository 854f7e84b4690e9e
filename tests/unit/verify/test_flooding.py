"""Files made to take a verifier's time or memory: each is refused within seconds and a bounded memory.

Each is read in a process of its own whose processor time and address space the system limits, so that neither
a busy machine nor a small one decides.
"""

import json
import resource
import subprocess
import sys

import pytest
from tests.fuzz_evidence import good_files

from worknet.protocol.evidence import sealed

pytestmark = pytest.mark.long

MIB = 1 << 20
CPU_SECONDS = 20
ADDRESS_BYTES = 2048 * MIB
VERIFY = "import sys; from worknet.verify.__main__ import main; sys.exit(main([sys.argv[1], '--json']))"

BASES = {good.name: good for good in good_files()}
HASH = "0x" + "ab" * 32


def with_value(name, value, *way):
    """A good document with another value at one place, sealed."""
    document = BASES[name].document
    inside = document
    for key in way[:-1]:
        inside = inside[key]
    inside[way[-1]] = value
    return sealed(document)


def in_place_of(name, old, new):
    """A good file in whose text something else stands: for what no writer would write."""
    assert old in BASES[name].data
    return BASES[name].data.replace(old, new, 1)


def keys(size):
    return b"{" + b",".join(b'"%07x":0' % number for number in range(size // 12)) + b"}"


SHOWN = ("disclosure", "shown")
FLOODS = {
    "deep lists": lambda: b"[" * (64 * MIB - 1) + b"\n",
    "deep objects": lambda: b'{"a":' * (2 * MIB) + b"\n",
    "a deep value in a good file": lambda: in_place_of(
        "a voting", b'"summary":{', b'"summary":{"a":' + b"[" * MIB
    ),
    "closing brackets": lambda: b"]" * (4 * MIB) + b"\n",
    "a long text": lambda: b'"' + b"a" * (60 * MIB) + b'"\n',
    "escaped quotes without end": lambda: b'"' + b'\\"' * (16 * MIB) + b"\n",
    "quotes": lambda: b'"' * (4 * MIB) + b"\n",
    "a number of many digits": lambda: in_place_of("a voting", b'"n":3', b'"n":' + b"9" * (60 * MIB)),
    "a huge key": lambda: in_place_of(
        "a voting", b'"summary":{', b'"summary":{"' + b"a" * (60 * MIB) + b'":1,'
    ),
    "a huge name": lambda: in_place_of("a voting", b'"matching_24_7"', b'"' + b"a" * (60 * MIB) + b'"'),
    "many keys": lambda: in_place_of("a voting", b'"parameters":{}', b'"parameters":' + keys(2 * MIB)),
    "many integers": lambda: b"[" + b"1," * MIB + b"1]\n",
    "a path of many hashes": lambda: with_value("a voting", [HASH] * 100_000, "path"),
    "many ballots": lambda: with_value("a voting", BASES["a voting"].document["ballots"] * 5_000, "ballots"),
    "many rows": lambda: with_value("a whole dataset", [{"k": 1}] * 100_000, *SHOWN, "rows"),
    "a value as large as a file": lambda: with_value(
        "a row of a dataset", "a" * (20 * MIB), *SHOWN, "values", "wh"
    ),
    "many fields": lambda: with_value(
        "one field of a dataset",
        [
            BASES["one field of a dataset"].document["disclosure"]["shown"]["fields"][0] | {"index": index}
            for index in range(20_000)
        ],
        *SHOWN,
        "fields",
    ),
    "more decoys than memory": lambda: with_value(
        "a whole dataset with field disclosure", 2**53 - 1, *SHOWN, "decoys"
    ),
    "too long a file": lambda: b"[" * (64 * MIB) + b"\n",
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_refused_in_time_and_memory(name, tmp_path):
    file = tmp_path / "evidence.json"
    file.write_bytes(FLOODS[name]())

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))

    done = subprocess.run(
        [sys.executable, "-c", VERIFY, str(file)], capture_output=True, preexec_fn=limit, check=False
    )
    assert (done.returncode, done.stderr) == (1, b"")
    refusal = json.loads(done.stdout)
    assert refusal["result"] == "refused"
    assert len(done.stdout) < 2000
