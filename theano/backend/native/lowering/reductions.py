"""Reductions join the loop that computes what they reduce."""

from __future__ import annotations

from theano.backend.native import recipes
from theano.backend.native.emit import Check, Emitter
from theano.backend.native.ir import Value
from theano.backend.native.lower import REAL_DTYPES, Lowering, lowers
from theano.backend.native.lowering.creation import cast
from theano.backend.native.program import Array, Const
from theano.backend.native.steps import Describe, Work
from theano.graph.basic import Apply
from theano.scalar.arithmetic import switch
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


def _literal(ctx: Lowering, value: int, like: Array) -> Array:
    import numpy as np

    return ctx.constant(np.full((1,) * like.rank, value, dtype=like.dtype))


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
    x = ctx.materialized(x)
    kept = [a for a in range(x.rank) if a not in axes]
    result = ctx.new_array("int64", [x.pattern[a] for a in kept], [ctx.canonical(x.shape[a]) for a in kept])
    floating = x.dtype.startswith("float")
    unsigned = x.dtype.startswith("uint") or x.dtype == "bool"

    def compute(em: Emitter) -> None:
        b, fn = em.b, em.fn
        kind = recipes.element_type(x.dtype)
        best, where, count = fn.alloca(kind), fn.alloca("i64"), fn.alloca("i64")

        def search(depth: int, address: Value) -> None:
            if depth < len(axes):
                axis = axes[depth]
                with fn.loop(b.const("i64", 0), em.ref(x.shape[axis])) as i:
                    search(depth + 1, _step(em, x, address, axis, i))
                return
            value = em.load_element(b, address, x.dtype)
            old = fn.assign(kind, f"load {kind}, ptr {best.ref}")
            at = fn.assign("i64", f"load i64, ptr {count.ref}")
            if floating:  # larger, or the first nan; an ordered old value is needed for either
                better = b.and_(b.fcmp("ugt", value, old), b.not_(b.is_nan(old)))
            else:
                better = b.icmp("ugt" if unsigned else "sgt", value, old)
            better = b.or_(better, b.icmp("eq", at, b.const("i64", 0)))
            position = fn.assign("i64", f"load i64, ptr {where.ref}")
            chosen, place = b.select(better, value, old), b.select(better, at, position)
            fn.emit(f"store {kind} {chosen.ref}, ptr {best.ref}")
            fn.emit(f"store i64 {place.ref}, ptr {where.ref}")
            fn.emit(f"store i64 {b.add(at, b.const('i64', 1)).ref}, ptr {count.ref}")

        def rows(depth: int, address: Value, target: Value) -> None:
            if depth < len(kept):
                with fn.loop(b.const("i64", 0), em.ref(x.shape[kept[depth]])) as i:
                    rows(depth + 1, _step(em, x, address, kept[depth], i), _step(em, result, target, depth, i))
                return
            fn.emit(f"store {kind} {b.const(kind, 0).ref}, ptr {best.ref}")
            fn.emit(f"store i64 0, ptr {where.ref}")
            fn.emit(f"store i64 0, ptr {count.ref}")
            search(0, address)
            fn.emit(f"store i64 {fn.assign('i64', f'load i64, ptr {where.ref}').ref}, ptr {target.ref}")

        rows(0, em.pointer(x), em.pointer(result))

    step = Work(f"argmax over {axes}", compute, reads=[x], writes=[result], node=node)
    step.after.update(s for r in x.shape for s in ctx.reasons(r))
    ctx.steps.append(step)
    result.producers = (step,)
    return [result]


def _step(em: Emitter, array: Array, address: Value, axis: int, i: Value) -> Value:
    return address if array.pattern[axis] else em.offset(address, em.b.mul(i, em.ref(array.strides[axis])))
