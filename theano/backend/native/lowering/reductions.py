"""Reductions join the loop that computes what they reduce."""

from __future__ import annotations

from theano.backend.native import recipes
from theano.backend.native.emit import Check, Emitter
from theano.backend.native.lower import REAL_DTYPES, Lowering, lowers
from theano.backend.native.lowering.creation import cast
from theano.backend.native.program import Array, Const
from theano.backend.native.steps import Describe
from theano.graph.basic import Apply
from theano.scalar.arithmetic import maximum, second, switch
from theano.scalar.logic import eq
from theano.tensor.reductions import Argmax, CAReduce, ProdWithoutZeros, axes_of

REDUCERS = frozenset(("add", "mul", "maximum", "minimum", "and_", "or_", "xor"))


def _accumulator(node: Apply) -> str:
    out = node.outputs[0].type.dtype
    return node.op.acc_dtype or out


def _reducible(node: Apply) -> bool:
    dtype = _accumulator(node)
    name = node.op.scalar_op.name
    return name in REDUCERS and dtype in REAL_DTYPES and recipes.has_recipe(node.op.scalar_op, [dtype, dtype], dtype)


@lowers(CAReduce, when=_reducible)
def reduction(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    (x,) = inputs
    op, kind = node.op, node.outputs[0].type
    dtype = _accumulator(node)
    axes = axes_of(op.axis, x.rank)
    if op.scalar_op.name in ("and_", "or_") and kind.dtype == "bool":
        x, dtype = cast(ctx, x, "bool"), "bool"
    if not axes:
        return [cast(ctx, cast(ctx, x, dtype), kind.dtype)]
    if op.scalar_op.name in ("maximum", "minimum"):
        _check_not_empty(ctx, node, x, axes)
    if isinstance(op, ProdWithoutZeros):
        zero, one = (_literal(ctx, value, x) for value in (0, 1))
        is_zero = ctx.elementwise(eq, [x, zero], "bool")
        x = ctx.elementwise(switch, [is_zero, one, x], x.dtype)
    return [cast(ctx, ctx.reduce(op.scalar_op, x, axes, dtype), kind.dtype)]


def _literal(ctx: Lowering, value: int, like: Array, dtype: str | None = None) -> Array:
    import numpy as np

    return ctx.constant(np.full((1,) * like.rank, value, dtype=dtype or like.dtype))


def _check_not_empty(ctx: Lowering, node: Apply, x: Array, axes: tuple[int, ...]) -> None:
    """A reduction without a neutral element needs at least one element."""
    for axis in axes:
        length = ctx.canonical(x.shape[axis])
        if isinstance(length, Const) and length.value > 0:
            continue

        def compute(em: Emitter, length: object = length) -> None:
            ok = em.b.icmp("sgt", em.ref(length), em.b.const("i64", 0))  # type: ignore[arg-type]

            def message(*shape: int) -> str:
                return (
                    f"{node.op} of an array of shape {shape}: a reduced axis has length 0, and there is no "
                    f"{getattr(node.op, 'scalar_op', 'largest element')} of nothing"
                )

            em.check(ok, Check(ValueError, message, node, list(x.shape)))

        ctx.steps.append(
            Describe(
                "check not empty", compute, after=[*ctx.length_steps(*x.shape), *ctx.reasons(x.shape[axis])], node=node
            )
        )


@lowers(Argmax)
def argmax(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    (x,) = inputs
    axes = axes_of(node.op.axis, x.rank)
    _check_not_empty(ctx, node, x, axes)
    if not axes:
        return [ctx.elementwise(second, [x, _literal(ctx, 0, x, "int64")], "int64")]
    return [ctx.reduce(maximum, x, axes, x.dtype, place=True)]
