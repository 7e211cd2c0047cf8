"""New arrays: constants spread over a shape, ranges, unit matrices. All are loops over lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.backend.native.emit import Check, Emitter
from theano.backend.native.loops import Length, Literal
from theano.backend.native.lower import Lowering, expands, lowers
from theano.backend.native.lowering.elementwise import shuffled
from theano.backend.native.program import ONE, Array, Ref, Step
from theano.backend.native.steps import Allocate, Describe
from theano.graph.basic import Apply
from theano.scalar.arithmetic import add, mul, sub
from theano.scalar.conversion import CASTS
from theano.scalar.logic import eq
from theano.tensor.creation import Alloc, AllocDiag, AllocEmpty, ARange, ExtractDiag, Eye
from theano.tensor.creation import arange as arange_of
from theano.tensor.indexing import index, set_subtensor
from theano.tensor.shape import shape_i, shape_tuple


def lengths_of(ctx: Lowering, arrays: list[Array], name: str) -> tuple[list[Ref], list[Step]]:
    """The values of scalars as lengths, and the steps that they need."""
    refs: list[Ref] = []
    steps: list[Step] = []
    for array in arrays:
        ref, needed = ctx.length(array, f"{name}: a length must not be negative")
        refs.append(ctx.canonical(ref))
        steps += [*needed, *ctx.reasons(ref)]
    return refs, steps


@lowers(Alloc)
def alloc(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    value, *lengths = inputs
    kind = node.outputs[0].type
    refs, steps = lengths_of(ctx, lengths, "alloc")
    missing = kind.ndim - value.rank
    if missing:
        value = shuffled(ctx, value, ["x"] * missing + list(range(value.rank)))
    pattern = [ref == ONE for ref in refs]
    result = ctx.elementwise(
        None,
        [value],
        kind.dtype,
        refs,
        lambda *n: f"alloc: a value of shape {n} does not fill the shape asked for",
        steps,
    )
    result.pattern = tuple(p or q for p, q in zip(pattern, kind.broadcastable, strict=True))
    return [result]


@lowers(AllocEmpty)
def alloc_empty(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    refs, steps = lengths_of(ctx, inputs, "alloc_empty")
    array = ctx.new_array(node.outputs[0].type.dtype, node.outputs[0].type.broadcastable, refs)
    step = Allocate(array, node)
    step.after.update(steps)
    ctx.steps.append(step)
    array.producers = (step,)
    return [array]


@lowers(ARange)
def arange(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    start, stop, step = inputs
    dtype = node.outputs[0].type.dtype
    floating = any(x.dtype.startswith("float") for x in inputs)
    unit = all(isinstance(x.leaf, Literal) for x in (start, step)) and start.leaf.value == 0 and step.leaf.value == 1
    length: Ref
    after: tuple[Step, ...]
    if unit and isinstance(stop.leaf, Length | Literal) and not floating:
        if isinstance(stop.leaf, Literal) and stop.leaf.value < 0:
            stop = ctx.constant(np.asarray(0, dtype="int64"))
        length, after = ctx.length(stop)
    else:
        common = "float64" if floating else "int64"
        parts = [ctx.materialized(x) for x in (cast(ctx, x, common) for x in inputs)]
        length = ctx.new_words()

        def compute(em: Emitter) -> None:
            b = em.b
            first, last, by = (em.load_element(b, em.pointer(p), common) for p in parts)
            nonzero = b.fcmp("une", by, b.const("double", 0)) if floating else b.icmp("ne", by, b.const("i64", 0))
            em.check(nonzero, Check(ValueError, "arange: the step must not be 0", node, []))
            if floating:
                exact = b.ceil(b.fdiv(b.fsub(last, first), by))
                count = b.convert(
                    "fptosi", b.select(b.fcmp("ogt", exact, b.const("double", 0)), exact, b.const("double", 0)), "i64"
                )
            else:
                one, zero = b.const("i64", 1), b.const("i64", 0)
                up = b.icmp("sgt", by, zero)
                distance = b.select(up, b.sub(last, first), b.sub(first, last))
                size = b.select(up, by, b.sub(zero, by))
                size = b.select(b.icmp("eq", size, zero), one, size)
                rounded = b.assign("i64", f"sdiv i64 {b.add(distance, b.sub(size, one)).ref}, {size.ref}")
                count = b.select(b.icmp("sgt", distance, zero), rounded, zero)
            em.set_word(length, count)

        describe = Describe("range", compute, reads=parts, node=node)
        ctx.steps.append(describe)
        after = (describe,)
    index = ctx.index([length], 0, after)
    if unit:
        return [cast(ctx, index, dtype)]
    compute_dtype = "float64" if floating else "int64"
    wide = [shuffled(ctx, ctx.materialized(cast(ctx, x, compute_dtype)), ["x"]) for x in (start, step)]
    if floating:  # as NumPy: multiples of the difference of the first two elements
        second = ctx.elementwise(add, wide, compute_dtype)
        wide[1] = ctx.elementwise(sub, [second, wide[0]], compute_dtype)
        wide[1] = ctx.materialized(wide[1])
    scaled = ctx.elementwise(mul, [cast(ctx, index, compute_dtype), wide[1]], compute_dtype)
    return [cast(ctx, ctx.elementwise(add, [scaled, wide[0]], compute_dtype), dtype)]


def cast(ctx: Lowering, x: Array, dtype: str) -> Array:
    """`x` in another dtype."""
    if x.dtype == dtype:
        return x
    if isinstance(x.leaf, Literal):
        return ctx.constant(np.full((1,) * x.rank, x.leaf.value, dtype=x.dtype).astype(dtype))
    return ctx.elementwise(CASTS[dtype], [x], dtype)


@lowers(Eye)
def eye(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    n, m, k = inputs
    refs, steps = lengths_of(ctx, [n, m], "eye")
    row, column = ctx.index(refs, 0, steps), ctx.index(refs, 1, steps)
    offset = shuffled(ctx, cast(ctx, k, "int64"), ["x", "x"])
    same = ctx.elementwise(eq, [ctx.elementwise(add, [row, offset], "int64"), column], "bool")
    return [cast(ctx, same, node.outputs[0].type.dtype)]


def _diagonal_of(plane: Any, length: Any, offset: int) -> Any:
    """Diagonal `offset` of the first two dimensions of `plane`, as its first dimension."""
    steps = arange_of(length)
    return index(plane, (steps - min(offset, 0), steps + max(offset, 0)))


def _plane_first(node: Apply, rank: int) -> list[int]:
    """The dimensions of a tensor of `rank`, those of the plane that the diagonal lies in first."""
    axes = node.op.axis1 % rank, node.op.axis2 % rank
    return [*axes, *(i for i in range(rank) if i not in axes)]


@expands(ExtractDiag)
def extract_diag(node: Apply) -> list[Any]:
    (x,) = node.inputs
    ((*_, length),) = node.op.infer_shape(node, [shape_tuple(x)])
    plane = x.dimshuffle(_plane_first(node, x.type.ndim))
    part = _diagonal_of(plane, length, node.op.offset)
    return [part.dimshuffle([*range(1, part.type.ndim), 0])]


@expands(AllocDiag)
def alloc_diag(node: Apply) -> list[Any]:
    (x,) = node.inputs
    rank = x.type.ndim + 1
    order = _plane_first(node, rank)
    (lengths,) = node.op.infer_shape(node, [shape_tuple(x)])
    plane = Alloc()(np.asarray(0, dtype=x.type.dtype), *(lengths[i] for i in order))
    part = _diagonal_of(plane, shape_i(x, rank - 2), node.op.offset)
    spread = set_subtensor(part, x.dimshuffle([rank - 2, *range(rank - 2)]))
    return [spread.dimshuffle([order.index(i) for i in range(rank)])]
