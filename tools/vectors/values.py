"""Vectors of canonical values, of keccak-256 and of the words that are hashed with it."""

from hashlib import sha3_256

from tools.vectors.form import VectorFile, sample

from worknet.protocol.canonical import Value, encode
from worknet.protocol.keccak import keccak256
from worknet.protocol.words import NAMES, tag, words

GOOD_VALUES: dict[str, Value] = {
    "null": None,
    "booleans": [True, False],
    "zero": 0,
    "minus one": -1,
    "the largest integer": 2**53 - 1,
    "the smallest integer": -(2**53) + 1,
    "an empty text": "",
    "a text with the short escapes": '"\\/\b\f\n\r\t',
    "control characters without a short escape": "\u0000\u0001\u001f\u007f",
    "text beyond ASCII stands as it is": "\u20ac \u00e9 \u4e16\u754c",
    "a text beyond the basic plane": "\U0001f600",
    "no normalisation: composed and decomposed": ["\u00e9", "e\u0301"],
    "line and paragraph separators stand as they are": "\u2028\u2029",
    "an empty array and object": [[], {}],
    "keys in order of UTF-16 code units, not of code points": {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    },
    "nested": {"b": [1, {"y": None, "x": "2"}], "a": {"c": {}}},
    "upper case before lower": {"a": 1, "B": 2, "A": 3, "aa": 4, "": 5},
    "a row": {"consumer_id": "c-17", "hour": "2026-01-31T09:00:00Z", "wh": 1200, "share": "0.250"},
}
BAD_TEXTS: dict[str, bytes] = {
    "nothing": b"",
    "white space before": b" 1",
    "white space behind": b"1\n",
    "white space within": b"[1, 2]",
    "two values": b"1 2",
    "a fraction": b"1.5",
    "an exponent": b"1e2",
    "a fraction that is whole": b"1.0",
    "minus zero": b"-0",
    "a zero in front": b"01",
    "a plus": b"+1",
    "2 to the 53": b"9007199254740992",
    "minus 2 to the 53": b"-9007199254740992",
    "an integer of a thousand digits": b"1" * 1000,
    "not a number": b"NaN",
    "infinity": b"Infinity",
    "keys out of order": b'{"b":1,"a":2}',
    "keys in order of code points": '{"\ufb33":1,"\U0001f600":2}'.encode(),
    "a key twice": b'{"a":1,"a":1}',
    "a key twice, once escaped": b'{"a":1,"\\u0061":2}',
    "a trailing comma": b"[1,]",
    "a comment": b"1/**/",
    "single quotes": b"'a'",
    "an escape that is not needed": b'"\\u0061"',
    "an escaped solidus": b'"\\/"',
    "a long escape where a short one exists": b'"\\u000a"',
    "an escape in upper case": b'"\\u001F"',
    "a raw control character": b'"\x01"',
    "an escaped lone surrogate": b'"\\ud800"',
    "an escaped pair of surrogates": b'"\\ud83d\\ude00"',
    "a lone surrogate in a key": b'{"\\udc00":1}',
    "bytes that are not UTF-8": b'"\xff"',
    "a surrogate as UTF-8": b'"\xed\xa0\x80"',
    "an overlong encoding": b'"\xc0\xaf"',
    "a byte order mark": b"\xef\xbb\xbf1",
    "nested deeper than 64 levels": b"[" * 66 + b"]" * 66,
    "nested deeper than any stack": b"[" * 5_000,
    "an object that does not end": b'{"a":1',
}
GOOD_NAMES = ["a", "matching_24_7", "a" * 63]
BAD_NAMES = ["", "A", "1a", "_a", "a-b", "a.b", "a b", "\u00e9", "a" * 64, "a\n", "a\u0661"]
BAD_HEX = [
    "",
    "0",
    "0x0",
    "0X00",
    "00",
    "0xAB",
    "0xg0",
    " 0x00",
    "0x00\n",
    "0x" + "00" * 31,
    "0x" + "00" * 33,
]


def canonical() -> VectorFile:
    """Values and their canonical bytes, texts that are not canonical, names, hex."""
    file = VectorFile("Canonical values (section 3), names (section 1) and hex.")
    for name, value in GOOD_VALUES.items():
        file.good_cases.append(
            # Not through `good`, which would write large integers as text.
            {
                "name": name,
                "does": "canonical",
                "given": {"value": value},
                "gives": "0x" + encode(value).hex(),
            }
        )
    for name, text in BAD_TEXTS.items():
        file.bad(name, "decode", "CanonicalError", bytes=text)
    for valid in GOOD_NAMES:
        file.good(f"the name {valid[:20]}", "name", valid, name=valid)
    for number, wrong in enumerate(BAD_NAMES):
        file.bad(f"no name, {number}", "name", "CanonicalError", name=wrong)
    file.good("hex of 32 bytes", "hash", sample("hex"), text="0x" + sample("hex").hex())
    for number, wrong in enumerate(BAD_HEX):
        file.bad(f"no hex of 32 bytes, {number}", "hash", "CanonicalError", text=wrong)
    return file


def keccak() -> VectorFile:
    """Hashes of all lengths around the block of 136 bytes, words, tags."""
    file = VectorFile("keccak-256, `abi.encode` of static words, and the tags (section 2).")
    for size in (0, 1, 31, 32, 33, 64, 135, 136, 137, 271, 272, 273, 500):
        data = sample(f"keccak {size}", size)
        file.good(f"{size} bytes", "keccak256", keccak256(data), bytes=data)
        padded_otherwise = sha3_256(data).digest()
        file.bad(f"SHA3-256 of {size} bytes", "keccak256", "Mismatch", bytes=data, claimed=padded_otherwise)
    file.good("no words", "words", words(), words=[])
    row: list[int | bytes] = [0, 1, 2**256 - 1, sample("address", 20), sample("word")]
    file.good("numbers, an address, a word", "words", words(*row), words=row)
    for name, wrong in {
        "a negative number": -1,
        "a number of 257 bits": 2**256,
        "no bytes": b"",
        "19 bytes": sample("19", 19),
        "21 bytes": sample("21", 21),
        "31 bytes": sample("31", 31),
        "33 bytes": sample("33", 33),
    }.items():
        file.bad(name, "words", "EncodingError", words=[wrong])
    for name in sorted(NAMES):
        file.good(f"the tag {name}", "tag", tag(name), tag=name)
    for name in ("", "Voting", "votings", "salt", "worknet/v1/voting", "reports"):
        file.bad(f"no tag {name!r}", "tag", "TagError", tag=name)
    return file
