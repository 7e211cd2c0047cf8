"""Shapes are words of the frame, so most of these Ops cost nothing; a reshape copies only what is not contiguous."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from theano.backend.native.emit import Check, Emitter
from theano.backend.native.loops import Length, Literal
from theano.backend.native.lower import Lowering, lowers
from theano.backend.native.program import ITEMSIZES, ONE, ZERO, Array, Const, Ref, Step
from theano.backend.native.steps import Allocate, Describe, Work
from theano.gradient import GradientIdentity
from theano.graph.basic import Apply
from theano.scalar.conversion import CASTS
from theano.tensor.assertion import Assert
from theano.tensor.shape import MakeVector, Rebroadcast, Reshape, Shape, Shape_i, SpecifyShape


@lowers(Shape)
def shape(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    (x,) = inputs
    return [vector_of(ctx, [_length(ctx, s) for s in x.shape], "int64")]


@lowers(Shape_i)
def shape_i(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    (x,) = inputs
    return [_length(ctx, x.shape[node.op.i])]


def _length(ctx: Lowering, ref: Ref) -> Array:
    return ctx.length_array(ctx.canonical(ref), [*ctx.length_steps(ref), *ctx.reasons(ref)])


def vector_of(ctx: Lowering, parts: Sequence[Array], dtype: str) -> Array:
    """A vector whose elements are arrays of rank 0; it gets memory when something needs it as a whole."""
    target = ctx.new_array(dtype, [len(parts) == 1], [Const(len(parts))])
    if len(parts) == 1:
        target.pattern = (True,)
    for i, part in enumerate(parts):
        element = target.view(pattern=(), shape=(), strides=(), data=ctx.new_words(), contiguous=True, producers=())
        point = Work(f"element {i}", _pointing(element, target, i * ITEMSIZES[dtype]), writes=[target], node=ctx.node)
        ctx.steps.append(point)
        element.producers = (point,)
        loop = ctx.copy_into(part, element)
        target.producers = (*target.producers, loop)
    if not parts:
        allocate = Allocate(target, ctx.node)
        ctx.steps.append(allocate)
        target.producers = (allocate,)
    target.parts = list(parts)
    return target


def _pointing(element: Array, target: Array, offset: int) -> Callable[[Emitter], None]:
    def compute(em: Emitter) -> None:
        em.set_word(element.data, em.offset(em.pointer(target), em.b.const("i64", offset)))

    return compute


@lowers(MakeVector)
def make_vector(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    dtype = node.outputs[0].type.dtype
    parts = [x if x.dtype == dtype else ctx.elementwise(CASTS[dtype], [x], dtype) for x in inputs]
    return [vector_of(ctx, parts, dtype)]


def vector_parts(ctx: Lowering, vector: Array, count: int) -> list[Array]:
    """The elements of a vector that must have `count` as arrays of rank 0."""
    node = ctx.node
    assert node is not None
    if vector.parts is not None:
        return vector.parts
    if vector.leaf is not None:
        part = Array(vector.dtype, (), (), producers=vector.producers, contiguous=True)
        part.leaf = vector.leaf
        return [part]
    vector = ctx.materialized(vector)
    before = len(ctx.steps)
    ctx.require_equal(
        vector.shape[0],
        Const(count),
        lambda n: f"{node.op}: {count} lengths are needed, got {n}",
        [vector.shape[0]],
    )
    checks = [*ctx.steps[before:], *ctx.reasons(vector.shape[0])]
    parts = []
    for i in range(count):
        part = vector.view(pattern=(), shape=(), strides=(), data=ctx.new_words(), contiguous=True)
        stride = vector.strides[0] if vector.strides else ZERO

        def compute(em: Emitter, part: Array = part, i: int = i, stride: Ref = stride) -> None:
            offset = em.b.mul(em.ref(stride), em.b.const("i64", i))
            em.set_word(part.data, em.offset(em.pointer(vector), offset))

        step = Describe(f"element {i}", compute, reads=[vector], after=checks, node=ctx.node)
        ctx.steps.append(step)
        part.producers = (step,)
        parts.append(part)
    return parts


@lowers(Reshape)
def reshape(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    x, wanted = inputs
    kind = node.outputs[0].type
    if x.leaf is not None:
        literal = Array(x.dtype, kind.broadcastable, (ONE,) * kind.ndim, (ZERO,) * kind.ndim, contiguous=True)
        literal.leaf, literal.producers = x.leaf, x.producers
        if all(kind.broadcastable):
            return [literal]
    x = ctx.compact(x)
    lengths: list[Ref] = []
    after: list[Step] = []
    given: dict[int, Ref | None] = {}  # lengths to be found out: what was asked for, None for a literal -1
    for part in vector_parts(ctx, wanted, kind.ndim):
        if isinstance(part.leaf, Literal) and part.leaf.value == -1:
            lengths.append(ctx.new_words())
            given[lengths[-1]] = None  # type: ignore[index]
            continue
        ref, steps = ctx.integer(part)
        after += steps
        if isinstance(ref, int) and not isinstance(part.leaf, Length):  # may turn out to be -1
            lengths.append(ctx.new_words())
            given[lengths[-1]] = ref  # type: ignore[index]
        else:
            lengths.append(ref)

    def compute(em: Emitter) -> None:
        b = em.b
        total, known = em.count(x), b.const("i64", 1)
        minus = b.const("i64", -1)
        unknown = b.const("i64", 0)
        values = []
        for length in lengths:
            asked = given.get(length, length) if isinstance(length, int) else length
            value = minus if asked is None else em.ref(asked)
            values.append(value)
            open_ = b.icmp("eq", value, minus)
            known = b.mul(known, b.select(open_, b.const("i64", 1), value))
            unknown = b.add(unknown, b.convert("zext", open_, "i64"))
        empty = b.icmp("eq", known, b.const("i64", 0))
        safe = b.select(empty, b.const("i64", 1), known)
        rest = b.assign("i64", f"sdiv i64 {total.ref}, {safe.ref}")
        product = b.const("i64", 1)
        # at most one length is left open, and none where any would do
        ok = b.icmp("sle", b.add(unknown, b.convert("zext", empty, "i64")), b.const("i64", 1))
        ok = b.or_(ok, b.icmp("eq", unknown, b.const("i64", 0)))
        for i, (length, value) in enumerate(zip(lengths, values, strict=True)):
            final = b.select(b.icmp("eq", value, minus), rest, value)
            product = b.mul(product, final)
            ok = b.and_(ok, b.icmp("sge", final, b.const("i64", 0)))
            if kind.broadcastable[i]:
                ok = b.and_(ok, b.icmp("eq", final, b.const("i64", 1)))
            if length in given:
                em.set_word(length, final)
        ok = b.and_(ok, b.icmp("eq", product, total))
        details = [*x.shape, *lengths]

        def message(*numbers: int) -> str:
            return (
                f"reshape: cannot make an array of shape {numbers[: x.rank]} one of shape {numbers[x.rank :]}"
                f" (broadcastable {kind.broadcastable})"
            )

        em.check(ok, Check(ValueError, message, node, details))
        size = b.const("i64", x.itemsize)
        for axis in range(kind.ndim - 1, -1, -1):
            stride = result.strides[axis]
            if isinstance(stride, int):
                em.set_word(stride, size)
            if result.shape[axis] != ONE:
                size = b.mul(size, em.ref(result.shape[axis]))

    shape = tuple(ONE if flag else ctx.canonical(s) for flag, s in zip(kind.broadcastable, lengths, strict=True))
    result = x.view(
        pattern=kind.broadcastable, shape=shape, strides=ctx.contiguous_strides(x.dtype, shape), contiguous=True
    )
    step = Describe(
        "reshape", compute, reads=[x], after=[*after, *(s for r in lengths for s in ctx.reasons(r))], node=node
    )
    ctx.steps.append(step)
    result.producers = (step,)
    return [result]


@lowers(Rebroadcast)
def rebroadcast(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    (x,) = inputs
    pattern = node.outputs[0].type.broadcastable
    if x.pattern == pattern:
        return [x]
    x = ctx.materialized(x)
    shape, strides = list(x.shape), list(x.strides)
    before = len(ctx.steps)
    for axis, (old, new) in enumerate(zip(x.pattern, pattern, strict=True)):
        if new and not old:
            ctx.require_equal(
                x.shape[axis],
                ONE,
                lambda *n, a=axis: (
                    f"dimension {a} was declared broadcastable, so its length must be 1; the shape is {n}"
                ),
                list(x.shape),
            )
            shape[axis], strides[axis] = ONE, ZERO
    return [behind(ctx, x.view(pattern=pattern, shape=tuple(shape), strides=tuple(strides)), ctx.steps[before:])]


@lowers(SpecifyShape)
def specify_shape(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    x, wanted = inputs
    checks: list[Step] = []
    for axis, part in enumerate(vector_parts(ctx, wanted, x.rank)):
        ref, _ = ctx.integer(part)
        before = len(ctx.steps)
        ctx.require_equal(
            x.shape[axis],
            ref,
            lambda *n, a=axis: (
                f"specify_shape: dimension {a} has length {n[a]}, {n[-1]} was specified (shape {n[:-1]})"
            ),
            [*x.shape, ref],
            AssertionError,
        )
        checks += ctx.steps[before:]
    return [behind(ctx, ctx.materialized(x), checks)]


def behind(ctx: Lowering, x: Array, checks: Sequence[Step]) -> Array:
    """`x`, to be read only when `checks` have passed."""
    if not checks:
        return x
    step = Describe("checked", lambda em: None, reads=[x], after=checks, node=ctx.node)
    ctx.steps.append(step)
    return x.view(producers=(step,))


@lowers(GradientIdentity)
def identity(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    return [inputs[0]]


@lowers(Assert)
def assertion(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    x, *conditions = inputs
    checks: list[Step] = []
    for condition in conditions:
        condition = ctx.materialized(condition)

        def compute(em: Emitter, condition: Array = condition) -> None:
            value = em.load_element(em.b, em.pointer(condition), condition.dtype)
            value = em.convert(em.b, value, condition.dtype, "bool")
            em.check(value, Check(node.op.exception, lambda: node.op.msg, node, []))

        step = Describe("assert", compute, reads=[condition], node=node)
        ctx.steps.append(step)
        checks.append(step)
    return [behind(ctx, ctx.materialized(x), checks)]
