"""The native backend: graph → steps → planned steps → LLVM IR → one native function."""

from __future__ import annotations

from typing import Any


def link(fgraph: Any, name: str | None = None) -> Any:
    """Compile a graph to a program; see :mod:`theano.backend.native.linker`."""
    from theano.backend.native.linker import link as implementation

    return implementation(fgraph, name)
