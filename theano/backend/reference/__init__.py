"""The reference backend: a graph interpreted node by node with NumPy. Slow, obvious, and what defines right."""

from theano.backend.reference.interpreter import ReferenceProgram, link

__all__ = ["ReferenceProgram", "link"]
