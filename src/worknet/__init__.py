"""worknet: networks of worker nodes that agree on results from private data; rooms are imported by name."""

__version__ = "0.1.0"
