"""What arrives from outside: brokers' messages for datasets and events, webhooks, polls, logs of contracts.

Everything is in the journal before its sender is told that it has arrived.
"""
