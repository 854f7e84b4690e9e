"""The rules that every party must agree on (`docs/protocol.md`): pure, and of the standard library alone."""
