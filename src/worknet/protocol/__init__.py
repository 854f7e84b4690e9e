"""The rules that every party must agree on, pure: no clock, no randomness, no floats, no I/O.

The standard library only, so that it can be read, ported and audited by itself. The text of the law is
`docs/protocol.md`; its test vectors are in `vectors/`.
"""
