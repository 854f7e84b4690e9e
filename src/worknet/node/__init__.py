"""The worker: a driver around the pure protocol. Facts in (chain, journal, time), duties out.

`duties` says what a worker must do about one voting; everything else here gathers facts or does duties.
After a crash the worker reads the facts again and goes on.
"""
