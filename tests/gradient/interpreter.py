"""Evaluation of expressions by `perform`, node by node: gradients are tested without compiler or rewrites."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.graph.basic import Constant
from theano.graph.traversal import toposort


def evaluate(outputs: Any, given: dict[Any, Any] | None = None) -> Any:
    """The values of `outputs` (a variable or a list of them) for the values of free variables in `given`."""
    values = {variable: variable.type.filter(value, allow_downcast=True) for variable, value in (given or {}).items()}
    single = not isinstance(outputs, list | tuple)
    wanted = [outputs] if single else list(outputs)

    def value_of(variable: Any) -> Any:
        return variable.data if isinstance(variable, Constant) else values[variable]

    for node in toposort(wanted, list(values)):
        storage: list[list[Any]] = [[None] for _ in node.outputs]
        node.op.perform(node, [value_of(x) for x in node.inputs], storage)
        for variable, cell in zip(node.outputs, storage, strict=True):
            result = np.asarray(cell[0])
            assert result.dtype == variable.type.dtype, (node, result.dtype)
            assert result.ndim == variable.type.ndim, (node, result.shape)
            values[variable] = cell[0]
    results = [value_of(v) for v in wanted]
    return results[0] if single else results
