"""MonitorMode: calls functions of the user's before and after each node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theano.backend.program import Program
from theano.backend.reference import link as link_reference
from theano.compile.mode import Mode
from theano.graph.basic import Apply
from theano.graph.fg import FunctionGraph


@dataclass
class Step:
    """What is known about a node as it runs: one-element lists with the values of its inputs and outputs."""

    inputs: list[list[Any]]
    outputs: list[list[Any]]


Monitor = Callable[[int, Apply, Step], None]


class MonitorMode(Mode):
    """Runs node by node on the reference backend, with a function before and one after each node.

    Parameters
    ----------
    pre_func, post_func
        called as ``pre_func(i, node, fn)``: the node's place in the order of execution, the node, and an object whose
        ``inputs`` and ``outputs`` are one-element lists with the values.
    optimizer
        which rewrites are applied, as for Mode.
    linker
        accepted as in Theano 1.0; nodes can be watched on the reference backend only.

    >>> import theano, theano.tensor as T
    >>> def show(i, node, fn):
    ...     print(i, node.op, [cell[0].tolist() for cell in fn.outputs])
    >>> x = T.dvector("x")
    >>> mode = theano.compile.MonitorMode(post_func=show, optimizer=None)
    >>> _ = theano.function([x], T.exp(x).sum(), mode=mode)([0.0, 0.0])
    0 Elemwise{exp,no_inplace} [[1.0, 1.0]]
    1 Sum{acc_dtype=float64} [2.0]
    """

    def __init__(
        self,
        pre_func: Monitor | None = None,
        post_func: Monitor | None = None,
        optimizer: Any = "default",
        linker: Any = None,
    ) -> None:
        super().__init__("reference", optimizer)
        self.pre_func = pre_func
        self.post_func = post_func

    @classmethod
    def from_config(cls) -> MonitorMode:
        """The mode as settings describe it."""
        return cls()

    def clone(self, link_kwargs: Any = None, optimizer: Any = None, **changes: Any) -> MonitorMode:
        return type(self)(self.pre_func, self.post_func, self.optimizer if optimizer is None else optimizer)

    def link(self, fgraph: FunctionGraph, name: str | None = None) -> Program:
        return link_reference(fgraph, name).watched(_watcher(self.pre_func), _watcher(self.post_func))


def _watcher(function: Monitor | None) -> Any:
    if function is None:
        return None
    return lambda position, node, inputs, outputs: function(position, node, Step(inputs, outputs))


def detect_nan(i: int, node: Apply, fn: Step) -> None:
    """A ``post_func`` that prints the first node with NaN in an output, with its inputs' values, and raises."""
    from theano.inspect.debugprint import debugprint

    for output in fn.outputs:
        value = output[0]
        if isinstance(value, np.ndarray) and value.dtype.kind in "fc" and np.isnan(value).any():
            print("*** NaN detected ***")
            debugprint(node)
            print("Inputs:", [cell[0] for cell in fn.inputs])
            print("Outputs:", [cell[0] for cell in fn.outputs])
            raise AssertionError(f"NaN in an output of {node}")
