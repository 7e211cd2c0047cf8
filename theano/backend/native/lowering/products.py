"""Products: BLAS for matrices of floats, loops for everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theano.backend.native import blas
from theano.backend.native.emit import Emitter
from theano.backend.native.ir import Value
from theano.backend.native.lower import Lowering, lowers
from theano.backend.native.lowering.creation import cast
from theano.backend.native.lowering.elementwise import shuffled
from theano.backend.native.program import Array, Step
from theano.backend.native.steps import Product, strides_in_elements
from theano.graph.basic import Apply
from theano.scalar.arithmetic import add, mul
from theano.tensor.products import BatchedDot, Dot, Dot22Scalar, Gemm, Gemv, Ger

FLOATS = {"float64": "double", "float32": "float"}


def same_length(ctx: Lowering, node: Apply, x: Array, i: int, y: Array, j: int) -> list[Step]:
    """Check that dimension `i` of `x` is as long as dimension `j` of `y`; gives the steps behind which it is known."""

    def message(*lengths: int) -> str:
        names = [str(v) for v in node.inputs]
        return (
            f"{node.op}: shapes {lengths[: x.rank]} and {lengths[x.rank :]} do not fit: dimension {i} of the one and "
            f"dimension {j} of the other must be equal (operands {', '.join(names)})"
        )

    ctx.require_equal(x.shape[i], y.shape[j], message, [*x.shape, *y.shape])
    return [*ctx.reasons(x.shape[i]), *ctx.reasons(y.shape[j])]


@lowers(Dot)
def dot(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    dtype = node.outputs[0].type.dtype
    x, y = (cast(ctx, a, dtype) for a in inputs)
    after = same_length(ctx, node, x, x.rank - 1, y, 0)
    if x.rank == 1 and y.rank == 1:
        return [sum_of_products(ctx, x, y, (0,), dtype)]
    if dtype not in FLOATS:
        # (i, k, j) without being stored: the product joins the loop that sums it
        left = shuffled(ctx, x, [0, 1, "x"] if x.rank == 2 else ["x", 0, "x"])
        right = shuffled(ctx, y, ["x", 0, 1] if y.rank == 2 else ["x", 0, "x"])
        total = sum_of_products(ctx, left, right, (1,), dtype)
        if x.rank == 2 and y.rank == 2:
            return [total]
        total = ctx.materialized(total)
        return [shuffled(ctx, total, [0] if x.rank == 2 else [1])]
    one, zero = (ctx.constant(_number(v, dtype)) for v in (1, 0))
    if x.rank == 2 and y.rank == 2:
        return [product(ctx, node, None, one, x, y, zero, after)]
    if x.rank == 1:
        x, y = shuffled(ctx, y, [1, 0]), x
    return [product(ctx, node, None, one, x, y, zero, after)]


def _number(value: float, dtype: str) -> Any:
    import numpy as np

    return np.asarray(value, dtype=dtype)


def sum_of_products(ctx: Lowering, x: Array, y: Array, axes: tuple[int, ...], dtype: str) -> Array:
    """The products of elements summed over `axes`, in one loop."""
    accumulator = "float32" if dtype == "float16" else dtype
    if dtype == "bool":
        return ctx.reduce(add, ctx.elementwise(mul, [x, y], dtype), axes, dtype)
    x, y = cast(ctx, x, accumulator), cast(ctx, y, accumulator)
    return cast(ctx, ctx.reduce(add, ctx.elementwise(mul, [x, y], accumulator), axes, accumulator), dtype)


def _scalar(em: Emitter, array: Array, dtype: str) -> Value:
    from theano.backend.native.loops import Literal

    if isinstance(array.leaf, Literal):
        return em.literal(em.b, array.leaf.value, dtype)
    return em.load_element(em.b, em.pointer(array), dtype)


def _prepared(ctx: Lowering, arrays: Sequence[Array]) -> list[Array]:
    return [a if a.leaf is not None and a.rank == 0 else ctx.materialized(a) for a in arrays]


def _readable(arrays: Sequence[Array | None]) -> list[Array]:
    return [a for a in arrays if a is not None and a.data >= 0]


_SIGNATURES = {
    "gemm": "i64, i64, i64, i64, i64, i64, i64, i64, T, ptr, i64, i64, ptr, i64, i64, T, ptr, i64, i64, ptr, i64, i64",
    "gemv": "i64, i64, T, ptr, i64, i64, ptr, i64, T, ptr, i64, ptr, i64",
}


def _call(em: Emitter, routine: str, kind: str, operands: Sequence[Value]) -> None:
    """Call one of the functions in :mod:`theano.backend.native.blas`."""
    name = f"blas_{routine}_{kind}"
    em.module.declare(name, f"declare void @{name}(ptr, ptr, {_SIGNATURES[routine].replace('T', kind)})")
    given = ", ".join(["ptr %frame", "ptr %outputs", *(f"{o.type} {o.ref}" for o in operands)])
    em.fn.emit(f"call void @{name}({given})")


def product(
    ctx: Lowering,
    node: Apply,
    z: Array | None,
    alpha: Array,
    x: Array,
    y: Array,
    beta: Array,
    after: Sequence[Step],
) -> Array:
    """``beta * z + alpha * x.y`` for a matrix x and a matrix or vector y, by BLAS."""
    dtype = x.dtype
    kind, routine = FLOATS[dtype], "gemm" if y.rank == 2 else "gemv"
    blas.provide(routine, kind)
    alpha, beta = _prepared(ctx, [alpha, beta])
    x, y = ctx.laid_out(ctx.materialized(x)), ctx.laid_out(ctx.materialized(y))
    shape = [x.shape[0], *y.shape[1:]]
    added = target = None if z is None else ctx.given_up(node.inputs[0], z)
    if target is None:
        added = None if z is None else ctx.materialized(z)
        pattern = [x.pattern[0], *y.pattern[1:]] if z is None else z.pattern
        target = ctx.new_array(dtype, pattern, [ctx.canonical(s) for s in shape])
        after = [*after, *(r for s in shape for r in ctx.reasons(s))]
    reads = [x, y, *_readable([alpha, beta, None if added is target else added])]

    def compute(em: Emitter) -> None:
        lengths = [em.ref(r) for r in (*shape, x.shape[1])]
        operands = [*lengths, _scalar(em, alpha, dtype)]
        for array in (x, y):
            operands += [em.pointer(array), *strides_in_elements(em, array)]
        operands.append(_scalar(em, beta, dtype))
        for array in (added or target, target):
            operands += [em.pointer(array), *strides_in_elements(em, array)]
        if routine == "gemm":
            operands = [*(em.b.const("i64", number) for number in (1, 0, 0, 0, 0)), *operands]
        _call(em, routine, kind, operands)

    result = _step(ctx, node, routine, compute, reads, target, [*after, *target.producers])
    step = ctx.steps[-1]
    assert isinstance(step, Product)
    step.lengths, step.added = [*shape, x.shape[1]], None if added is target else added
    return result


def _step(
    ctx: Lowering, node: Apply, what: str, compute: Any, reads: list[Array], target: Array, after: Sequence[Step]
) -> Array:
    step = Product(what, compute, reads=reads, after=after, writes=[target], node=node)
    ctx.steps.append(step)
    return ctx.changed(target, step)


@lowers(Gemm, when=lambda node: node.outputs[0].type.dtype in FLOATS)
def gemm_rule(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    z, alpha, x, y, beta = inputs
    after = same_length(ctx, node, x, 1, y, 0)
    after += same_length(ctx, node, z, 0, x, 0) + same_length(ctx, node, z, 1, y, 1)
    return [product(ctx, node, z, alpha, x, y, beta, after)]


@lowers(Gemv, when=lambda node: node.outputs[0].type.dtype in FLOATS)
def gemv_rule(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    z, alpha, x, y, beta = inputs
    after = same_length(ctx, node, x, 1, y, 0) + same_length(ctx, node, z, 0, x, 0)
    return [product(ctx, node, z, alpha, x, y, beta, after)]


@lowers(Dot22Scalar, when=lambda node: node.outputs[0].type.dtype in FLOATS)
def dot22_scalar(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    x, y, alpha = inputs
    after = same_length(ctx, node, x, 1, y, 0)
    return [product(ctx, node, None, alpha, x, y, ctx.constant(_number(0, x.dtype)), after)]


@lowers(Ger)
def ger(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    z, alpha, x, y = inputs
    dtype = node.outputs[0].type.dtype
    column, row = shuffled(ctx, x, [0, "x"]), shuffled(ctx, y, ["x", 0])
    scaled = ctx.elementwise(mul, [shuffled(ctx, ctx.materialized(alpha), ["x", "x"]), column], dtype)
    return [ctx.elementwise(add, [z, ctx.elementwise(mul, [scaled, row], dtype)], dtype)]


@lowers(BatchedDot)
def batched_dot(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    kind_of = node.outputs[0].type
    dtype = kind_of.dtype
    x, y = (cast(ctx, a, dtype) for a in inputs)
    after = same_length(ctx, node, x, 0, y, 0) + same_length(ctx, node, x, 2, y, 1)
    if dtype not in FLOATS:
        left, right = shuffled(ctx, x, [0, 1, 2, "x"]), shuffled(ctx, y, [0, "x", 1, 2])
        return [sum_of_products(ctx, left, right, (2,), dtype)]
    kind = FLOATS[dtype]
    blas.provide("gemm", kind)
    x, y = ctx.materialized(x), ctx.materialized(y)
    batch = y.shape[0] if x.pattern[0] else x.shape[0]
    shape = [ctx.canonical(batch), ctx.canonical(x.shape[1]), ctx.canonical(y.shape[2])]
    target = ctx.new_array(dtype, kind_of.broadcastable, shape)

    def compute(em: Emitter) -> None:
        b = em.b
        first, second, result = ([em.pointer(a), *strides_in_elements(em, a)] for a in (x, y, target))
        strides = [matrix.pop(1) for matrix in (first, second, result)]
        lengths = [em.ref(r) for r in (x.shape[1], y.shape[2], x.shape[2])]
        scaled = [*lengths, b.const(kind, 1), *first, *second, b.const(kind, 0)]
        # what is added is the result itself, at the same stride, and is not looked at
        _call(em, "gemm", kind, [em.ref(batch), *strides, strides[-1], *scaled, *result, *result])

    return [
        _step(ctx, node, "batched gemm", compute, [x, y], target, [*after, *(s for r in shape for s in ctx.reasons(r))])
    ]
