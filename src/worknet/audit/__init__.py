"""The audit: follows a network's log and everything that led to it, and trusts no one's word for it.

`audit.audit` reads a chain from where the last audit ended and tells what it saw and found; the rules that it
holds the chain to stand in `findings.RULES`.
"""
