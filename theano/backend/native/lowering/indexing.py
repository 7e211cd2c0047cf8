"""Basic indexing is a view; changing a part writes into a copy, or in place where nobody else needs the whole."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from theano.backend.native.emit import Check, Emitter
from theano.backend.native.ir import Builder, Value
from theano.backend.native.lower import Lowering, lowers
from theano.backend.native.lowering.creation import cast
from theano.backend.native.parallel import BYTES_OF_AN_ADDITION, Region, product
from theano.backend.native.program import ONE, ZERO, Array, Const, Ref, Step
from theano.backend.native.steps import Describe, Scatter, Work
from theano.graph.basic import Apply
from theano.scalar.arithmetic import add
from theano.scalar.operation import ScalarOp
from theano.tensor.advanced_subtensor import (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
)
from theano.tensor.subtensor import ARRAY, IncSubtensor, Slice, Subtensor, fill_in

DISCRETE = frozenset(["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])


@lowers(Subtensor)
def subtensor(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    x, *dynamic = inputs
    return [part_of(ctx, node, ctx.materialized(x), node.op.idx_list, dynamic, node.outputs[0].type.broadcastable)]


def part_of(
    ctx: Lowering, node: Apply, x: Array, idx_list: Sequence[Any], dynamic: Sequence[Array], pattern: Sequence[bool]
) -> Array:
    """The view ``x[idx_list]``; `pattern` is that of the result."""
    entries = fill_in(idx_list, dynamic)
    after: list[Step] = []

    def integer(part: Any) -> Ref | None:
        if part is None:
            return None
        if isinstance(part, int):
            return Const(part)
        ref, steps = ctx.integer(part)
        after.extend(steps)
        return ref

    plans: list[tuple[Any, ...]] = []
    shape: list[Ref] = []
    strides: list[Ref] = []
    for axis, entry in enumerate(entries):
        if not isinstance(entry, Slice):
            plans.append(("at", axis, integer(entry)))
            continue
        start, stop, step = (integer(part) for part in entry)
        if start is None and stop is None and step is None:
            shape.append(x.shape[axis])
            strides.append(x.strides[axis])
            continue
        length, stride = ctx.new_words(), ctx.new_words()
        plans.append(("slice", axis, start, stop, step or ONE, length, stride))
        shape.append(length)
        strides.append(stride if step not in (None, ONE) else x.strides[axis])
    shape += x.shape[len(entries) :]
    strides += x.strides[len(entries) :]
    data = ctx.new_words()

    def compute(em: Emitter) -> None:
        b = em.b
        pointer = em.pointer(x)
        for kind, axis, *parts in plans:
            n = em.ref(x.shape[axis])
            if kind == "at":
                index = em.ref(parts[0])
                negative = b.icmp("slt", index, b.const("i64", 0))
                found = b.select(negative, b.add(index, n), index)
                details = [parts[0], *x.shape]
                em.check(b.icmp("ult", found, n), Check(IndexError, _out_of_bounds(node, axis), node, details))
                pointer = em.offset(pointer, b.mul(found, em.ref(x.strides[axis])))
            else:
                first, length, by = _slice(em, node, n, *parts[:3])
                em.set_word(parts[3], length)
                em.set_word(parts[4], b.mul(em.ref(x.strides[axis]), by))
                pointer = em.offset(pointer, b.mul(first, em.ref(x.strides[axis])))
        em.set_word(data, pointer)

    flags = tuple(pattern)
    result = x.view(
        pattern=flags,
        shape=tuple(ONE if f else s for f, s in zip(flags, shape, strict=True)),
        strides=tuple(ZERO if f else s for f, s in zip(flags, strides, strict=True)),
        data=data,
        contiguous=x.contiguous and _keeps_contiguous(entries),
    )
    view = Describe(f"view {node.op}", compute, reads=[x], after=after, node=node)
    ctx.steps.append(view)
    result.producers = (view,)
    return result


def _keeps_contiguous(entries: Sequence[Any]) -> bool:
    """Whether only leading dimensions are indexed: integers, then at most one slice of step 1."""
    sliced = False
    for entry in entries:
        if isinstance(entry, Slice):
            full = entry == Slice()
            if (sliced and not full) or entry.step not in (None, 1):
                return False
            sliced = True
        elif sliced:
            return False
    return True


def _out_of_bounds(node: Apply, axis: int) -> Any:
    def message(index: int, *shape: int) -> str:
        return f"{node.op}: index {index} is out of bounds for dimension {axis} of length {shape[axis]} (shape {shape})"

    return message


def _slice(
    em: Emitter, node: Apply, n: Value, start: Ref | None, stop: Ref | None, step: Ref
) -> tuple[Value, Value, Value]:
    """First index, length and step of a slice of `n` elements, by Python's rules."""
    b = em.b
    zero, one = b.const("i64", 0), b.const("i64", 1)
    last = b.sub(n, one)
    by = em.ref(step)

    def bounded(value: Value, low: Value, high: Value) -> Value:
        value = b.select(b.icmp("slt", value, zero), b.add(value, n), value)
        return b.intrinsic("smin", b.intrinsic("smax", value, low), high)

    def forwards() -> tuple[Value, Value]:
        first = zero if start is None else bounded(em.ref(start), zero, n)
        end = n if stop is None else bounded(em.ref(stop), zero, n)
        distance = b.intrinsic("smax", b.sub(end, first), zero)
        if step == ONE:
            return first, distance
        size = b.intrinsic("smax", by, one)
        return first, b.assign("i64", f"sdiv i64 {b.add(distance, b.sub(size, one)).ref}, {size.ref}")

    def backwards() -> tuple[Value, Value]:
        below = b.const("i64", -1)
        first = last if start is None else bounded(em.ref(start), below, last)
        end = below if stop is None else bounded(em.ref(stop), below, last)
        distance = b.intrinsic("smax", b.sub(first, end), zero)
        size = b.intrinsic("smax", b.sub(zero, by), one)
        return first, b.assign("i64", f"sdiv i64 {b.add(distance, b.sub(size, one)).ref}, {size.ref}")

    if isinstance(step, Const):
        first, length = forwards() if step.value > 0 else backwards()
        return first, length, by
    em.check(b.icmp("ne", by, zero), Check(ValueError, f"{node.op}: the step of a slice is 0", node, []))
    up = b.icmp("sgt", by, zero)
    (f1, l1), (f2, l2) = forwards(), backwards()
    return b.select(up, f1, f2), b.select(up, l1, l2), by


@lowers(IncSubtensor)
def inc_subtensor(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    x, y, *dynamic = inputs
    whole = ctx.writable(node.inputs[0], x)
    pattern = _part_pattern(node)
    part = part_of(ctx, node, ctx.place_of(whole), node.op.idx_list, dynamic, pattern)
    y = stretched(ctx, node, cast(ctx, y, whole.dtype), part)
    part.producers += whole.producers
    if node.op.set_instead_of_inc:
        loop = ctx.copy_into(y, part)
    else:
        loop = ctx.copy_into(part.view(), part, add, [y])
    return [ctx.changed(whole, loop)]


def _part_pattern(node: Apply) -> tuple[bool, ...]:
    part = Subtensor(node.op.idx_list).make_node(node.inputs[0], *node.inputs[2:])
    return part.outputs[0].type.broadcastable


def stretched(ctx: Lowering, node: Apply, y: Array, target: Array) -> Array:
    """`y` with the shape of `target`: a length of 1 is stretched, also where that only shows at run time."""
    if y.leaf is not None:
        return y
    if all(
        flag or ctx.canonical(mine) == ctx.canonical(its)
        for flag, mine, its in zip(y.pattern, y.shape, target.shape, strict=True)
    ):
        return y
    y = ctx.materialized(y)
    strides = [s if flag else ctx.new_words() for flag, s in zip(y.pattern, y.strides, strict=True)]

    def compute(em: Emitter) -> None:
        b = em.b
        for axis, flag in enumerate(y.pattern):
            if flag:
                continue
            have, want = em.ref(y.shape[axis]), em.ref(target.shape[axis])
            one = b.icmp("eq", have, b.const("i64", 1))
            em.check(
                b.or_(one, b.icmp("eq", have, want)),
                Check(ValueError, _does_not_fit(node, y.rank), node, [*y.shape, *target.shape]),
            )
            stride = b.select(b.and_(one, b.icmp("ne", want, have)), b.const("i64", 0), em.ref(y.strides[axis]))
            em.set_word(strides[axis], stride)  # type: ignore[arg-type]

    after = [*target.producers, *(s for r in (*y.shape, *target.shape) for s in ctx.reasons(r))]
    step = Describe("stretch", compute, reads=[y], after=after, node=node)
    ctx.steps.append(step)
    return y.view(
        shape=tuple(ONE if f else s for f, s in zip(y.pattern, target.shape, strict=True)),
        strides=tuple(strides),
        contiguous=False,
        producers=(step,),
    )


def _does_not_fit(node: Apply, rank: int) -> Any:
    def message(*lengths: int) -> str:
        return f"{node.op}: a value of shape {lengths[:rank]} does not fit a part of shape {lengths[rank:]}"

    return message


# ---- index arrays


def _by_leading_arrays(node: Apply) -> bool:
    """Whether all index entries are integer arrays of one rank, on the leading dimensions."""
    pattern = node.op.pattern
    start = len(node.inputs) - len(pattern)
    arrays = [v.type for v in node.inputs[start:]]
    return (
        all(entry is ARRAY for entry in pattern)
        and all(a.dtype in DISCRETE for a in arrays)
        and len({a.ndim for a in arrays}) == 1
    )


class Gathering:
    """The positions that index arrays select on the leading dimensions of an array."""

    def __init__(self, ctx: Lowering, node: Apply, whole: Array, arrays: Sequence[Array]) -> None:
        self.node, self.whole = node, whole
        self.indices = [ctx.compact(cast(ctx, a, "int64")) for a in arrays]
        self.rank = self.indices[0].rank
        self.pattern = tuple(all(a.pattern[k] for a in self.indices) for k in range(self.rank))
        self.after: list[Step] = [s for a in self.indices for r in a.shape for s in ctx.reasons(r)]
        self.lengths: list[Ref] = []
        for k in range(self.rank):
            refs = {ctx.canonical(a.shape[k]) for a in self.indices if not a.pattern[k]}
            self.lengths.append(refs.pop() if len(refs) == 1 else ONE if not refs else self._common(ctx, k))

    def _common(self, ctx: Lowering, axis: int) -> Ref:
        """The length that index arrays have together where it differs: 1 is stretched."""
        word = ctx.new_words()

        def compute(em: Emitter) -> None:
            b = em.b
            one = b.const("i64", 1)
            common = one
            for a in self.indices:
                length = em.ref(a.shape[axis])
                common = b.select(b.icmp("eq", common, one), length, common)
            for a in self.indices:
                length = em.ref(a.shape[axis])
                fits = b.or_(b.icmp("eq", length, one), b.icmp("eq", length, common))
                details = [r for i in self.indices for r in i.shape]
                message = lambda *n: f"{self.node.op}: index arrays of lengths {n} cannot be combined"  # noqa: E731
                em.check(fits, Check(IndexError, message, self.node, details))
            em.set_word(word, common)

        step = Describe("index lengths", compute, after=[s for a in self.indices for s in a.producers], node=self.node)
        ctx.steps.append(step)
        self.after.append(step)
        return word

    def walk_in_pieces(self, em: Emitter, body: Any, cost: float) -> None:
        """As :meth:`walk`, on several threads where that pays; `cost` is that of an element of the result."""
        if not self.rank:
            self.walk(em, body)
            return
        region = Region(em)
        first = em.ref(self.lengths[0])
        total = product(
            em.b, [first, *(em.ref(n) for n in (*self.lengths[1:], *self.whole.shape[len(self.indices) :]))]
        )
        (begin,), (length,) = region.divide([first], total, cost, fails=True)
        with em.fn.loop(em.b.const("i64", 0), length) as i:
            self.walk(em, body, 1, (em.b.add(begin, i),))
        region.finish()

    def walk(self, em: Emitter, body: Any, axis: int = 0, counters: tuple[Value, ...] = ()) -> None:
        """Call ``body(counters, address)`` for each position; the address is that of the selected part."""
        b = em.b
        if axis < self.rank:
            with em.fn.loop(b.const("i64", 0), em.ref(self.lengths[axis])) as i:
                self.walk(em, body, axis + 1, (*counters, i))
            return
        address = em.pointer(self.whole)
        details, inside = [self.bad, *self.whole.shape], None
        for dimension, a in enumerate(self.indices):
            place = em.pointer(a)
            for k, counter in enumerate(counters):
                if a.pattern[k]:
                    continue
                stride = em.ref(a.strides[k])
                if a.shape[k] != self.lengths[k]:
                    alone = b.icmp("eq", em.ref(a.shape[k]), b.const("i64", 1))
                    stride = b.select(alone, b.const("i64", 0), stride)
                place = em.offset(place, b.mul(counter, stride))
            index = em.fn.assign("i64", f"load i64, ptr {place.ref}")
            n = em.ref(self.whole.shape[dimension])
            found = b.select(b.icmp("slt", index, b.const("i64", 0)), b.add(index, n), index)
            if self.checked:
                good = b.icmp("ult", found, n)
                inside = good if inside is None else b.and_(inside, good)
            else:
                with em.fn.if_(b.icmp("uge", found, n), unlikely=True):
                    em.set_word(self.bad, index)
                    check = Check(IndexError, _out_of_bounds(self.node, dimension), self.node, details)
                    em.check(b.const("i1", False), check)
            address = em.offset(address, b.mul(found, em.ref(self.whole.strides[dimension])))
        with nullcontext() if inside is None else em.fn.if_(inside):
            body(counters, address)

    bad = 0
    checked = False  # before; what is out of bounds now, since somebody has changed the index arrays, is left out


@lowers(AdvancedSubtensor1)
def advanced_subtensor1(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    return _take(ctx, node, inputs[0], inputs[1:])


@lowers(AdvancedSubtensor, when=_by_leading_arrays)
def advanced_subtensor(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    return _take(ctx, node, inputs[0], inputs[1:])


def _take(ctx: Lowering, node: Apply, x: Array, arrays: Sequence[Array]) -> list[Array]:
    rest = x.rank - len(arrays)
    x = ctx.compact(x) if rest else ctx.materialized(x)
    gathering = Gathering(ctx, node, x, arrays)
    gathering.bad = ctx.new_words()
    kind = node.outputs[0].type
    result = ctx.new_array(kind.dtype, kind.broadcastable, [*gathering.lengths, *x.shape[len(arrays) :]])

    def compute(em: Emitter) -> None:
        b = em.b

        def body(counters: tuple[Value, ...], source: Value) -> None:
            target = _at(em, result, counters)
            if rest:
                size = b.const("i64", x.itemsize)
                for length in x.shape[len(arrays) :]:
                    size = b.mul(size, em.ref(length))
                em.copy_bytes(target, source, size)
            else:
                em.store_element(b, em.load_element(b, source, x.dtype), target, x.dtype)

        indices = 0 if rest else 8 * len(arrays)
        gathering.walk_in_pieces(em, body, (2 * x.itemsize + indices) / BYTES_OF_AN_ADDITION)

    step = Work(f"gather {node.op}", compute, reads=[x, *gathering.indices], writes=[result], node=node)
    step.after.update(gathering.after)
    ctx.steps.append(step)
    result.producers = (step,)
    return [result]


def _at(em: Emitter, array: Array, counters: Sequence[Value]) -> Value:
    address = em.pointer(array)
    for k, counter in enumerate(counters):
        if not array.pattern[k]:
            address = em.offset(address, em.b.mul(counter, em.ref(array.strides[k])))
    return address


@lowers(AdvancedIncSubtensor1)
def advanced_inc_subtensor1(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    return _change(ctx, node, inputs[0], inputs[1], inputs[2:])


def _inc_by_leading_arrays(node: Apply) -> bool:
    return _by_leading_arrays(node)


@lowers(AdvancedIncSubtensor, when=_inc_by_leading_arrays)
def advanced_inc_subtensor(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    return _change(ctx, node, inputs[0], inputs[1], inputs[2:])


def _change(ctx: Lowering, node: Apply, x: Array, y: Array, arrays: Sequence[Array]) -> list[Array]:
    rest = x.rank - len(arrays)
    whole = ctx.writable(node.inputs[0], x)
    gathering = Gathering(ctx, node, whole, arrays)
    gathering.bad = ctx.new_words()
    lengths = [*gathering.lengths, *whole.shape[len(arrays) :]]
    pattern = [*gathering.pattern, *whole.pattern[len(arrays) :]]
    place = whole.view(
        pattern=tuple(pattern), shape=tuple(lengths), strides=(ZERO,) * len(lengths), producers=gathering.after
    )
    y = ctx.materialized(cast(ctx, y, whole.dtype))
    y = stretched(ctx, node, y, place)
    increase: ScalarOp | None = None if node.op.set_instead_of_inc else add
    first = len(gathering.lengths)
    dtype = whole.dtype

    def compute(em: Emitter) -> None:
        b = em.b

        def element(source: Value, target: Value) -> None:
            value = em.load_element(b, source, dtype)
            if increase is not None:
                value = em.combine(b, increase, dtype, em.load_element(b, target, dtype), value)
            em.store_element(b, value, target, dtype)

        def inner(axis: int, source: Value, target: Value) -> None:
            if axis == whole.rank:
                element(source, target)
                return
            if axis == whole.rank - 1 and y.contiguous and not y.pattern[first + axis - len(arrays)]:
                _row(em, source, target, em.ref(whole.shape[axis]), dtype, increase)
                return
            with em.fn.loop(b.const("i64", 0), em.ref(whole.shape[axis])) as i:
                k = first + axis - len(arrays)
                moved = source if y.pattern[k] else em.offset(source, b.mul(i, em.ref(y.strides[k])))
                inner(axis + 1, moved, em.offset(target, b.mul(i, em.ref(whole.strides[axis]))))

        def body(counters: tuple[Value, ...], target: Value) -> None:
            inner(len(arrays), _at(em, y, counters), target)

        gathering.checked = step.checked
        gathering.walk(em, body)

    step = Scatter(f"scatter {node.op}", compute, reads=[y, *gathering.indices], writes=[whole], node=node)
    if node in ctx.update_changes:  # so that it may be made where the old value lies
        step.checked = True
        step.after.add(_indices_in_bounds(ctx, gathering))
    step.after.update(gathering.after)
    step.after.update(whole.producers)
    ctx.steps.append(step)
    assert rest >= 0
    return [ctx.changed(whole, step)]


def _indices_in_bounds(ctx: Lowering, gathering: Gathering) -> Step:
    def compute(em: Emitter) -> None:
        gathering.checked = False
        gathering.walk(em, lambda counters, address: None)

    step = Describe("indices in bounds", compute, gathering.indices, gathering.after, gathering.node)
    ctx.steps.append(step)
    return step


def _row(em: Emitter, source: Value, target: Value, length: Value, dtype: str, op: ScalarOp | None) -> None:
    """A contiguous row put into another, or combined with it, in vectors."""
    from theano.backend.native.program import ITEMSIZES

    size = ITEMSIZES[dtype]
    b = Builder(em.fn, max(1, em.vector_bits // (8 * max(size, 4 if dtype == "float16" else 1)) // 2))
    with em.fn.loop(em.b.const("i64", 0), length, b.lanes) as i:
        mask = em.lane_mask(b, i, length) if b.lanes > 1 else None
        offset = em.b.mul(i, em.b.const("i64", size))
        from_, to = em.offset(source, offset), em.offset(target, offset)
        value = em.load_vector(b, from_, dtype, mask)
        if op is not None:
            value = em.combine(b, op, dtype, em.load_vector(b, to, dtype, mask), value)
        em.store_vector(b, value, to, dtype, mask)
