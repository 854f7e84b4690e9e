"""The demo: companies with private data, a network of their workers, and a stranger's view of it."""
