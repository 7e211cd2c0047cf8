"""Backends: what runs a graph. `reference` interprets it with NumPy, `native` compiles it."""
