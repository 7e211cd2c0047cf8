"""Elementwise operations become part of a loop; a dimshuffle is another way to look at the same words."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.backend.native import recipes
from theano.backend.native.loops import Literal
from theano.backend.native.lower import Lowering, lowers
from theano.backend.native.program import ONE, ZERO, Array
from theano.graph.basic import Apply
from theano.tensor.elementwise import DimShuffle, Elemwise, elementwise_mismatch


def _has_recipe(node: Apply) -> bool:
    dtypes = [v.type.dtype for v in node.inputs]
    return recipes.has_recipe(node.op.scalar_op, dtypes, node.outputs[0].type.dtype)


@lowers(Elemwise, when=_has_recipe)
def elemwise(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    def message(*lengths: int) -> str:
        rank = node.outputs[0].type.ndim
        shapes = [lengths[i : i + rank] for i in range(0, len(lengths), rank)]
        for axis in range(rank):
            moving = {s[axis] for s, x in zip(shapes, node.inputs, strict=True) if not x.type.broadcastable[axis]}
            if len(moving) > 1:
                return elementwise_mismatch(node.op.scalar_op, node, shapes, axis)
        return f"elementwise {node.op.scalar_op}: lengths differ: {shapes}"

    dtype = node.outputs[0].type.dtype
    if all(isinstance(x.leaf, Literal) for x in inputs):
        operands = [np.full((1,) * x.rank, x.leaf.value, dtype=x.dtype) for x in inputs]
        with np.errstate(all="ignore"):
            return [ctx.constant(np.asarray(node.op.scalar_op.evaluate(*operands)).astype(dtype))]
    return [ctx.elementwise(node.op.scalar_op, inputs, dtype, message=message)]


@lowers(DimShuffle)
def dimshuffle(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    return [shuffled(ctx, inputs[0], node.op.new_order)]


def shuffled(ctx: Lowering, x: Array, order: Any) -> Array:
    """`x` with dimensions in another order; ``'x'`` is a new one of length 1."""
    pattern = tuple(True if e == "x" else x.pattern[e] for e in order)
    if x.leaf is not None:
        rank = len(order)
        result = Array(x.dtype, pattern, (ONE,) * rank, (ZERO,) * rank, producers=x.producers, contiguous=True)
        result.leaf = x.leaf
        return result
    x = ctx.materialized(x)
    moving = [e for e in order if e != "x" and x.shape[e] != ONE]
    view = x.view(
        pattern=pattern,
        shape=tuple(ONE if e == "x" else x.shape[e] for e in order),
        strides=tuple(ZERO if e == "x" else x.strides[e] for e in order),
        contiguous=x.contiguous and moving == sorted(moving),
    )
    if moving:
        last = max(moving) if x.adjoining < 0 else x.adjoining
        view.adjoining = order.index(last) if last in moving and last != moving[-1] else -1
    return view
