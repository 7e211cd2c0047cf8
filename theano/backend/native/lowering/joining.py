"""Joining copies each part to its place; splitting is views."""

from __future__ import annotations

from theano.backend.native.emit import Check, Emitter
from theano.backend.native.lower import Lowering, lowers
from theano.backend.native.lowering.shape import vector_parts
from theano.backend.native.program import ONE, ZERO, Array, Ref, Step
from theano.backend.native.steps import Allocate, Describe
from theano.graph.basic import Apply
from theano.scalar.conversion import CASTS
from theano.tensor.joining import Join, Split


@lowers(Join)
def join(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    axis, kind = node.op.axis, node.outputs[0].type
    parts = [x if x.dtype == kind.dtype else ctx.elementwise(CASTS[kind.dtype], [x], kind.dtype) for x in inputs]
    shape: list[Ref] = []
    for i in range(kind.ndim):
        if i == axis:
            shape.append(ctx.new_words())
            continue
        moving = [x for x in parts if not x.pattern[i]]
        if not moving or kind.broadcastable[i]:
            shape.append(ONE)
            continue
        for x in parts:
            ctx.require_equal(
                moving[0].shape[i],
                x.shape[i],
                lambda *n, i=i: _message(node, axis, i, n),
                [r for p in parts for r in p.shape],
            )
        shape.append(ctx.canonical(moving[0].shape[i]))
    total = shape[axis]
    assert isinstance(total, int)

    def sum_lengths(em: Emitter) -> None:
        value = em.b.const("i64", 0)
        for x in parts:
            value = em.b.add(value, em.ref(x.shape[axis]))
        em.set_word(total, value)

    after = [s for x in parts for r in x.shape for s in (*ctx.length_steps(r), *ctx.reasons(r))]
    lengths = Describe("joined length", sum_lengths, after=after, node=node)
    target = ctx.new_array(kind.dtype, kind.broadcastable, shape)
    if kind.broadcastable[axis]:
        target = ctx.new_array(kind.dtype, [False if i == axis else f for i, f in enumerate(kind.broadcastable)], shape)
    allocate = Allocate(target, node)
    allocate.after.add(lengths)
    ctx.steps += [lengths, allocate]
    place = target.data
    producers: list[Step] = []
    for x in parts:
        view = target.view(
            shape=tuple(x.shape[axis] if i == axis else s for i, s in enumerate(target.shape)),
            pattern=tuple(x.pattern[axis] if i == axis else f for i, f in enumerate(target.pattern)),
            strides=tuple(ZERO if i == axis and x.pattern[axis] else s for i, s in enumerate(target.strides)),
            data=place,
            contiguous=False,
            producers=(allocate, *producers[-1:]),
        )
        loop = ctx.copy_into(x, view)
        following = ctx.new_words()

        def advance(em: Emitter, x: Array = x, place: int = place, following: int = following) -> None:
            here = em.fn.assign("ptr", f"load ptr, ptr {em.word(place).ref}")
            em.set_word(following, em.offset(here, em.b.mul(em.ref(target.strides[axis]), em.ref(x.shape[axis]))))

        step = Describe("next place", advance, after=(loop, *producers[-1:]), writes=[view], node=node)
        ctx.steps.append(step)
        producers.append(step)
        place = following
    result = target.view(producers=producers[-1:])
    if kind.broadcastable[axis]:
        result = result.view(
            pattern=kind.broadcastable,
            shape=tuple(ONE if i == axis else s for i, s in enumerate(result.shape)),
            strides=tuple(ZERO if i == axis else s for i, s in enumerate(result.strides)),
        )
    return [result]


def _message(node: Apply, axis: int, at: int, lengths: tuple[int, ...]) -> str:
    rank = node.outputs[0].type.ndim
    shapes = [lengths[i : i + rank] for i in range(0, len(lengths), rank)]
    return f"join along axis {axis}: lengths of dimension {at} differ; the parts have shapes {shapes}"


@lowers(Split)
def split(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    x, sizes = inputs
    axis, count = node.op.axis, len(node.outputs)
    x = ctx.materialized(x)
    parts = vector_parts(ctx, sizes, count)
    refs: list[Ref] = []
    after: list[Step] = list(x.producers)
    for part in parts:
        ref, steps = ctx.length(part, "split: the size of a part must not be negative")
        refs.append(ref)
        after += steps
    places = [ctx.new_words() for _ in parts]

    def compute(em: Emitter) -> None:
        b = em.b
        pointer, total = em.pointer(x), b.const("i64", 0)
        for ref, place in zip(refs, places, strict=True):
            em.set_word(place, em.offset(pointer, b.mul(total, em.ref(x.strides[axis]))))
            total = b.add(total, em.ref(ref))
        given = em.ref(x.shape[axis])

        def message(*n: int) -> str:
            return f"split: the sizes {n[1:]} do not add up to length {n[0]} of dimension {axis}"

        em.check(b.icmp("eq", total, given), Check(ValueError, message, node, [x.shape[axis], *refs]))

    step = Describe("split", compute, reads=[x], after=after, node=node)
    ctx.steps.append(step)
    results = []
    for ref, place, output in zip(refs, places, node.outputs, strict=True):
        flag = output.type.broadcastable[axis]
        results.append(
            x.view(
                pattern=output.type.broadcastable,
                shape=tuple((ONE if flag else ctx.canonical(ref)) if i == axis else s for i, s in enumerate(x.shape)),
                strides=tuple(ZERO if flag and i == axis else s for i, s in enumerate(x.strides)),
                data=place,
                contiguous=False,
                producers=(step,),
            )
        )
    return results
