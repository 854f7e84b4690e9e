"""The cases of the test vectors, a module per part of the protocol; `tools.make_vectors` writes them."""
