"""What an owner does: deploy a network, enrol members, announce policies; and whole local networks.

The workers of a local network are processes of their own, started as an operator would start them.
"""
