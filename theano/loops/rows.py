"""Loops over the rows of Jacobians as loops like any other."""

from __future__ import annotations

from typing import Any

from theano.graph.basic import Apply, Variable
from theano.loops.op import Layout, Scan
from theano.tensor.creation import alloc, arange
from theano.tensor.shape import patternbroadcast, reshape, shape_padleft

__all__ = ["rows_as_loop"]


def rows_as_loop(node: Apply) -> list[Variable]:
    """The outputs of a node of :class:`theano.gradient.MapGradients`, by a :class:`Scan`.

    What it stacks are outputs of the loop's steps; what it sums are states that a step adds to.
    """
    op: Any = node.op
    n, *rest = node.inputs
    shapes, arguments = rest[: len(op.summed)], rest[len(op.summed) :]
    sequences, captured = arguments[: op.n_sequences], arguments[op.n_sequences :]
    number, *inner = op.inner_inputs
    kinds = list(zip(op.inner_outputs, op.summed, shapes, strict=True))
    initial, before, after, stacked = [], [], [], []
    for row, summed, shape in kinds:
        if not summed:
            stacked.append(row)
            continue
        total = row.type()
        before.append(total)
        after.append(total + row)
        zero = alloc(_zero(row.type.dtype), *(shape[axis] for axis in range(row.type.ndim)))
        initial.append(shape_padleft(patternbroadcast(zero, row.type.broadcastable)))
    loop = Scan(
        [number, *inner[: op.n_sequences], *before, *inner[op.n_sequences :]],
        [*after, *stacked],
        Layout(
            1 + op.n_sequences,
            ((-1,),) * len(before),
            len(stacked),
            last_only=(True,) * len(before) + (False,) * len(stacked),
        ),
        name="rows of a Jacobian",
    )
    made = loop.layout.split_outputs(
        loop.make_node(n, arange(n, dtype=number.type.dtype), *sequences, *initial, *captured).outputs
    )
    totals, rows = iter(made.states), iter(made.outputs)
    results: list[Any] = []
    for output, (_, summed, shape) in zip(node.outputs, kinds, strict=True):
        kind: Any = output.type
        if summed:
            found = next(totals)[0]
        else:  # without rows the loop does not tell their lengths
            found = reshape(next(rows), [n, *(shape[axis] for axis in range(kind.ndim - 1))], ndim=kind.ndim)
        results.append(patternbroadcast(found, kind.broadcastable))
    return results


def _zero(dtype: str) -> Any:
    from theano.tensor.variable import constant

    return constant(0, dtype=dtype)
