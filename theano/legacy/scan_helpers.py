"""Small functions of Theano 1.0's `scan_module.scan_utils` that programs call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Constant, Variable
from theano.graph.replace import clone_replace, equal_computations
from theano.graph.traversal import toposort
from theano.loops.capture import capture
from theano.loops.op import Scan
from theano.loops.results import read_result, until
from theano.tensor.creation import zeros
from theano.tensor.joining import concatenate
from theano.tensor.shape import shape_tuple
from theano.updates import OrderedUpdates

clone = clone_replace


def expand_empty(tensor_var: Any, size: Any) -> Any:
    """`tensor_var` with `size` further rows, which are zeros."""
    if isinstance(size, int) and size == 0:
        return tensor_var
    return concatenate([tensor_var, zeros((size, *shape_tuple(tensor_var)[1:]), dtype=tensor_var.dtype)])


expand = expand_empty


def safe_new(x: Any, tag: str = "", dtype: str | None = None) -> Any:
    """A free variable like `x` (of another dtype, where given), named after it with `tag` behind; a constant's copy."""
    if isinstance(x, Constant):
        return x.clone()
    kind = x.type if dtype is None or x.type.dtype == dtype else x.type.clone(dtype=dtype)
    new = kind.make_variable(None if x.name is None else x.name + tag)
    if hasattr(x.tag, "test_value"):
        new.tag.test_value = x.tag.test_value
    return new


def isNaN_or_Inf_or_None(x: Any) -> bool:
    """Whether `x` says nothing about a number of steps."""
    if x is None or isinstance(x, str):
        return x is None
    if isinstance(x, Constant):
        x = x.data
    if isinstance(x, Variable):
        return False
    return not bool(np.all(np.isfinite(x)))


def get_updates_and_outputs(ls: Any) -> tuple[Any, list[Any], OrderedUpdates]:
    """Condition, outputs and updates from what a step function returned."""
    outputs, updates, condition = read_result(ls)
    return condition, outputs, OrderedUpdates(updates)


def map_variables(replacer: Callable[[Any], Any], graphs: Sequence[Any], additional_inputs: Sequence[Any] = ()) -> list:
    """`graphs` with each variable replaced by ``replacer(variable)``, inputs first; in the bodies of loops as well.

    `additional_inputs` is accepted as in Theano 1.0; what `replacer` uses is found without.
    """
    memo: dict[Any, Any] = {}

    def new_of(variable: Any) -> Any:
        if variable not in memo:
            memo[variable] = variable if isinstance(variable, Constant) else replacer(variable)
        return memo[variable]

    for node in toposort(graphs):
        op, inputs = node.op, [new_of(v) for v in node.inputs]
        if isinstance(op, Scan):
            body = capture(map_variables(replacer, op.inner_outputs), {v: v for v in op.inner_inputs})
            op = op.variant([*op.inner_inputs, *body.inner], body.outputs)
            copy = op.make_node(*inputs, *body.outer)
        else:
            copy = node.clone_with_new_inputs(inputs)
        memo.update((old, replacer(new)) for old, new in zip(node.outputs, copy.outputs))
    return [new_of(v) for v in graphs]


__all__ = [
    "clone",
    "equal_computations",
    "expand",
    "expand_empty",
    "get_updates_and_outputs",
    "isNaN_or_Inf_or_None",
    "map_variables",
    "safe_new",
    "until",
]
