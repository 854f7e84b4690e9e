"""The demo: companies with private data of real profiles, a network of their workers, and a stranger's view."""
