"""What a backend makes of a graph, and what it needs to know to be called without Python in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from theano.graph.type import Type


class Program(Protocol):
    """An executable graph."""

    def run(self, inputs: list[Any]) -> list[Any]:
        """Values of the graph's outputs for values of its inputs, in fresh memory; inputs are never changed."""
        ...

    def stages(self) -> dict[str, str]:
        """The program as text, one entry a stage."""
        ...


@dataclass
class CallSpec:
    """How a compiled function is called.

    Attributes
    ----------
    input_types
        of the positional arguments, which are the graph's first inputs.
    implicit_cells
        one-element lists that hold the values of the graph's other inputs (shared variables), in order.
    n_outputs
        how many of the graph's outputs go back to the caller; the others are new values of `updates`.
    updates
        pairs of output number and cell: written only after everything else has succeeded.
    single
        give back the only output itself, not a list.
    slow_call
        what takes every call that is not plain: keywords, defaults, conversions, wrong arguments.
    """

    input_types: list[Type]
    implicit_cells: list[list[Any]]
    n_outputs: int
    updates: list[tuple[int, list[Any]]] = field(default_factory=list)
    single: bool = False
    slow_call: Callable[..., Any] | None = None
