"""What an operations team sees of a worker and does to it: logs, metrics, health, admin API, alerts.

Everything hangs on two things: the stream of events that the worker tells (`events`), and the snapshot of
its state that it gives when asked (`status`). Nothing here decides about a voting.
"""
