"""worknet: networks of worker nodes that agree on results computed from private data.

Importing this package alone imports nothing else; each room is imported by name
(`worknet.protocol`, `worknet.workflow`, `worknet.verify`, ...).
"""

__version__ = "0.1.0"
