"""Manifests: what is written is read back, and nothing else is read."""

from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.canonical import encode
from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import Window
from worknet.protocol.manifest import Manifest, TableEntry

HASHES = st.binary(min_size=32, max_size=32)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
WINDOWS = st.builds(
    lambda start, length: Window(start, start + length), st.integers(0, 2**40 // 8), st.integers(1, 10**6)
)
VALUES = st.dictionaries(
    NAMES, st.none() | st.booleans() | st.integers(-99, 99) | st.text("a\u20ac", max_size=3)
)
MANIFESTS = st.builds(
    Manifest,
    workflow=NAMES,
    bundle_digest=HASHES,
    trigger_id=HASHES,
    window=st.none() | WINDOWS,
    parameters=VALUES,
    tables=st.dictionaries(NAMES, st.builds(TableEntry, HASHES, st.integers(0, 2**53 - 1)), max_size=3),
    summary=VALUES,
    parents=st.sets(HASHES, max_size=3).map(lambda parents: tuple(sorted(parents))),
)


@given(MANIFESTS)
def test_a_manifest_is_read_back_as_it_was_written(manifest: Manifest) -> None:
    assert Manifest.parse(encode(manifest.document())) == manifest


@given(MANIFESTS, st.data())
def test_a_changed_byte_is_refused_or_makes_another_manifest(manifest: Manifest, data: st.DataObject) -> None:
    text = bytearray(encode(manifest.document()))
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[at]))
    try:
        changed = Manifest.parse(bytes(text))
    except ProtocolError:
        return
    assert changed != manifest
    assert encode(changed.document()) == bytes(text)
