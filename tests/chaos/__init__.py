"""Chaos: real worker processes that are killed where it hurts most, and an audit of what came of it."""
