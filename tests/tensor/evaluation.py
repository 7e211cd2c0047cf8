"""Checks of tensor operations by their reference meaning: values, shapes and derivatives, with nothing compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import theano.tensor as T
from theano.gradient import Rop, grad
from theano.graph.basic import Constant
from theano.graph.traversal import graph_inputs, toposort
from theano.tensor.type import TensorType


def evaluate(outputs: Any, given: dict[Any, Any]) -> Any:
    """The values of expressions, by performing their nodes one after the other; types of all results are checked."""
    several = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    values = {variable: np.asarray(value) for variable, value in given.items()}
    values.update((v, v.data) for v in graph_inputs(several) if isinstance(v, Constant))
    for node in toposort(several):
        storage: list[list[Any]] = [[None] for _ in node.outputs]
        node.op.perform(node, [values[v] for v in node.inputs], storage)
        for variable, (value,) in zip(node.outputs, storage, strict=True):
            if isinstance(variable.type, TensorType):
                assert isinstance(value, np.ndarray), f"{node} gives a {type(value)}"
                assert value.dtype == variable.type.dtype, f"{node} gives {value.dtype}, not {variable.type}"
                variable.type.filter(value, strict=True)
            values[variable] = value
    results = [values[v] for v in several]
    return results if isinstance(outputs, list | tuple) else results[0]


def variables_for(values: Sequence[Any]) -> list[Any]:
    """Free variables for arrays, nothing of which is known to have length 1."""
    return [TensorType(np.asarray(v).dtype.name, (False,) * np.ndim(v))(f"x{i}") for i, v in enumerate(values)]


def value_of(build: Callable[..., Any], *values: Any) -> Any:
    """What an expression gives for arrays."""
    inputs = variables_for(values)
    return evaluate(build(*inputs), dict(zip(inputs, values, strict=True)))


def check_infer_shape(build: Callable[..., Any], *values: Any) -> None:
    """The shapes that the last node infers from those of its inputs are the actual ones."""
    inputs = variables_for(values)
    output = build(*inputs)
    node = (output[0] if isinstance(output, list | tuple) else output).owner
    given = dict(zip(inputs, values, strict=True))
    shapes = [tuple(T.constant(n, dtype="int64") for n in evaluate(v, given).shape) for v in node.inputs]
    for variable, lengths in zip(node.outputs, node.op.infer_shape(node, shapes), strict=True):
        actual = evaluate(variable, given).shape
        assert tuple(int(evaluate(T.as_tensor_variable(n), given)) for n in lengths) == actual


def check_derivatives(build: Callable[..., Any], *values: Any, also: Sequence[Any] = (), forward: bool = True) -> None:
    """Reverse and forward derivatives with respect to float64 `values` against finite differences; `also` is fixed."""
    values = tuple(np.asarray(v, dtype="float64") for v in values)
    inputs = variables_for(values)
    fixed = variables_for(also)
    given = dict(zip(fixed, also, strict=True))
    output = build(*inputs, *fixed)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=np.shape(value_of(build, *values, *also)))
    cost = (output * weights).sum()
    gradients = evaluate(grad(cost, inputs), {**given, **dict(zip(inputs, values, strict=True))})
    directions = [rng.normal(size=v.shape) for v in values]

    def along(step: float) -> Any:
        moved = [v + step * d for v, d in zip(values, directions, strict=True)]
        return evaluate(output, {**given, **dict(zip(inputs, moved, strict=True))})

    h = 1e-6
    slope = (along(h) - along(-h)) / (2 * h)
    expected = float((slope * weights).sum())
    found = float(sum((g * d).sum() for g, d in zip(gradients, directions, strict=True)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    if forward:
        points = variables_for(directions)
        tangent = Rop(output, inputs, points)
        everything = {**given, **dict(zip(inputs, values, strict=True)), **dict(zip(points, directions, strict=True))}
        np.testing.assert_allclose(evaluate(tangent, everything), slope, rtol=1e-4, atol=1e-6)
