"""Running sums and products, and places in sorted vectors: loops whose turns need each other."""

from __future__ import annotations

import numpy as np

from theano.backend.native import recipes
from theano.backend.native.emit import Emitter
from theano.backend.native.ir import Builder, Value
from theano.backend.native.lower import Lowering, lowers
from theano.backend.native.lowering.creation import cast
from theano.backend.native.program import ONE, Array
from theano.backend.native.steps import Work
from theano.graph.basic import Apply
from theano.scalar.table import TABLE
from theano.tensor.extra_ops import CumOp, SearchsortedOp


def _along(em: Emitter, pointer: Value, array: Array, axis: int, index: Value) -> Value:
    """The address of element `index` along a dimension, counted from `pointer`."""
    return em.offset(pointer, em.b.mul(index, em.ref(array.strides[axis])))


@lowers(CumOp)
def running(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    axis, op, dtype = node.op.axis, TABLE[node.op.mode], node.outputs[0].type.dtype
    x = ctx.materialized(inputs[0])
    if x.shape[axis] == ONE:
        return [x]
    result = ctx.new_array(dtype, x.pattern, [ctx.canonical(n) for n in x.shape])
    last = x.rank - 1
    # Rows are added to each other row by row, so that memory is read in order.
    order = [i for i in range(last) if i != axis] + ([axis] if axis == last else [axis, last])
    walked = [i for i in order if i == axis or x.shape[i] != ONE]

    def joined(em: Emitter, before: Value, element: Value, index: Value) -> Value:
        both = em.combine(em.b, op, dtype, before, element)
        if dtype == "float16":
            both = em.b.convert("fpext", em.b.convert("fptrunc", both, "half"), "float")
        return em.b.select(em.b.icmp("eq", index, em.b.const("i64", 0)), element, both)

    def walk(em: Emitter, depth: int, source: Value, target: Value, before: Value, row: Value) -> None:
        b, fn, here = em.b, em.fn, walked[depth]
        start, stop = b.const("i64", 0), em.ref(x.shape[here])
        if depth == len(walked) - 1 and here == axis:
            with fn.carrying(start, stop, 1, [em.identity(b, op, dtype)]) as turn:
                element = em.load_element(b, _along(em, source, x, here, turn.index), dtype)
                turn.values = [joined(em, turn.values[0], element, turn.index)]
                em.store_element(b, turn.values[0], _along(em, target, result, here, turn.index), dtype)
            return
        with fn.loop(start, stop) as index:
            source, target = _along(em, source, x, here, index), _along(em, target, result, here, index)
            if here == axis:  # the row before, if there is one
                back = b.sub(start, em.ref(result.strides[axis]))
                before, row = b.select(b.icmp("eq", index, start), start, back), index
            if depth < len(walked) - 1:
                walk(em, depth + 1, source, target, before, row)
                return
            element = em.load_element(b, source, dtype)
            earlier = em.load_element(b, em.offset(target, before), dtype)
            em.store_element(b, joined(em, earlier, element, row), target, dtype)

    def compute(em: Emitter) -> None:
        zero = em.b.const("i64", 0)
        walk(em, 0, em.pointer(x), em.pointer(result), zero, zero)

    step = Work(f"running {node.op}", compute, reads=[x], writes=[result], node=node)
    ctx.steps.append(step)
    result.producers = (step,)
    return [result]


def _can_search(node: Apply) -> bool:
    return len(node.inputs) == 2


@lowers(SearchsortedOp, when=_can_search)
def search(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    common = np.result_type(*(x.dtype for x in inputs)).name
    ordered, wanted = (ctx.compact(cast(ctx, x, common)) for x in inputs)
    result = ctx.new_array("int64", wanted.pattern, [ctx.canonical(n) for n in wanted.shape])
    left = node.op.side == "left"

    def less(b: Builder, x: Value, y: Value) -> Value:
        """Whether x comes before y; nan comes last."""
        smaller = recipes.compare(b, "lt", x, y, common)
        if not common.startswith("float"):
            return smaller
        return b.or_(smaller, b.and_(b.is_nan(y), b.not_(b.is_nan(x))))

    def compute(em: Emitter) -> None:
        b, fn = em.b, em.fn
        one, size = b.const("i64", 1), b.const("i64", wanted.itemsize)
        table, keys, places = em.pointer(ordered), em.pointer(wanted), em.pointer(result)
        length = em.ref(ordered.shape[0])
        bits = b.sub(b.const("i64", 64), b.intrinsic("ctlz", length, extra="i1 false"))
        with fn.loop(b.const("i64", 0), em.count(wanted)) as index:
            key = em.load_element(b, em.offset(keys, b.mul(index, size)), common)
            # as many halvings as the length has bits: what lies before `low` comes before the key, `high` on does not
            with fn.carrying(b.const("i64", 0), bits, one, [b.const("i64", 0), length]) as turn:
                low, high = turn.values
                middle = b.lshr(b.add(low, high), one)
                searching = b.icmp("slt", low, high)
                at = b.select(searching, middle, b.const("i64", 0))
                element = em.load_element(b, em.offset(table, b.mul(at, size)), common)
                before = less(b, element, key) if left else b.not_(less(b, key, element))
                turn.values = [
                    b.select(b.and_(searching, before), b.add(middle, one), low),
                    b.select(b.and_(searching, b.not_(before)), middle, high),
                ]
            em.store_element(b, turn.values[0], em.offset(places, b.mul(index, b.const("i64", 8))), "int64")

    step = Work(f"search {node.op}", compute, reads=[ordered, wanted], writes=[result], node=node)
    ctx.steps.append(step)
    result.producers = (step,)
    return [result]
