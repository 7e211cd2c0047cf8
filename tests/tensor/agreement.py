"""Checks that an expression agrees with NumPy: value, dtype, and the shapes inferred for every node of its graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.tensor.evaluation import evaluate
from theano.graph.basic import Constant
from theano.graph.op import MethodNotDefined
from theano.graph.traversal import toposort
from theano.tensor.indexing import Nonzero
from theano.tensor.type import TensorType
from theano.tensor.variable import constant

VALUES_TELL_SHAPES = (Nonzero,)


def variables_like(values: Sequence[Any], flags: bool) -> list[Any]:
    """Free variables for arrays; with `flags` their types say which lengths are 1."""
    arrays = [np.asarray(v) for v in values]
    return [TensorType(a.dtype.name, tuple(flags and n == 1 for n in a.shape))(f"x{i}") for i, a in enumerate(arrays)]


def check_inferred_shapes(outputs: Sequence[Any], given: dict[Any, Any]) -> None:
    """For every node the inferred shapes are the actual ones, with lengths as unknowns and as constants."""
    nodes = toposort(outputs)
    everything = list(dict.fromkeys(v for node in nodes for v in (*node.inputs, *node.outputs)))
    actual = dict(zip(everything, evaluate(everything, given), strict=True))
    for symbolic in (True, False):
        claims, expected, lengths = [], [], {}
        for node in nodes:
            shapes = []
            for v in node.inputs:
                shape = []
                for n, flag in zip(actual[v].shape, v.type.broadcastable, strict=True):
                    if symbolic and not flag:
                        unknown = TensorType("int64", ())()
                        lengths[unknown] = np.array(n)
                        shape.append(unknown)
                    else:
                        shape.append(constant(n, dtype="int64"))
                shapes.append(tuple(shape))
            try:
                inferred = node.op.infer_shape(node, shapes)
            except MethodNotDefined:  # its shapes are known only with its values
                assert type(node.op) in VALUES_TELL_SHAPES, node
                continue
            for v, claim in zip(node.outputs, inferred, strict=True):
                assert len(claim) == v.type.ndim, node
                for axis, (n, flag) in enumerate(zip(claim, v.type.broadcastable, strict=True)):
                    assert n.type == TensorType("int64", ()), (node, n.type)
                    assert not flag or actual[v].shape[axis] == 1
                    claims.append(n)
                    expected.append((node, axis, actual[v].shape[axis]))
        known = {v: a for v, a in actual.items() if not isinstance(v, Constant) and v.owner is None}
        found = evaluate(claims, {**known, **lengths}) if claims else []
        for (node, axis, want), have in zip(expected, found, strict=True):
            assert int(have) == want, (node, axis, want, int(have))


def agrees(build: Callable[..., Any], reference: Callable[..., Any], *values: Any, dtype: bool = True) -> None:
    """``build`` on variables gives what ``reference`` gives on arrays, whatever the types know about lengths of 1."""
    expected = reference(*(np.asarray(v) for v in values))
    several = isinstance(expected, list | tuple)
    for flags in (False, True):
        inputs = variables_like(values, flags)
        built = build(*inputs)
        assert isinstance(built, list | tuple) == several
        outputs = list(built) if several else [built]
        given = {x: np.asarray(v) for x, v in zip(inputs, values, strict=True)}
        found = evaluate(outputs, given)
        for have, want in zip(found, expected if several else [expected], strict=True):
            want = np.asarray(want)
            assert have.shape == want.shape, (have.shape, want.shape)
            assert not dtype or have.dtype == want.dtype, (have.dtype, want.dtype)
            np.testing.assert_array_equal(have, want)
        check_inferred_shapes(outputs, given)
