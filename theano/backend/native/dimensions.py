"""The dimensions of a loop nest, arranged at run time as the layout of its operands wants them.

The code of a nest is the same for all layouts. What differs are the values that it works with, so which dimension is
the innermost one, and how long it is, can be chosen when lengths and strides are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from theano.backend.native.ir import Builder, Value
from theano.backend.native.program import Array, Const, Ref


class Stream:
    """An array as a loop walks along it: per dimension a stride or nothing (not stepping), and the current address."""

    def __init__(self, array: Array, strides: Sequence[Ref | None], written: bool, in_order: bool = True) -> None:
        self.array = array
        self.strides = list(strides)
        self.written = written
        self.in_order = in_order  # dimensions are walked in the order of the array's
        self.exchanged = False  # which one is the innermost is known when the loop runs
        self.pointer: Value = Value("null", "ptr")
        self.values: list[Value | None] = []
        self.block: Value = self.pointer  # where the contiguous elements are that are walked now
        self.unit: Value | None = None

    @property
    def inner_static_unit(self) -> bool:
        """Whether the innermost stride is known to be the element size."""
        last = self.strides[-1]
        known = isinstance(last, Const) and last.value == self.array.itemsize
        return self.contiguous or (known and not self.exchanged)

    @property
    def contiguous(self) -> bool:
        """Whether elements are known to adjoin as they are walked."""
        return self.array.contiguous and self.in_order and not self.exchanged


def exchange(
    b: Builder,
    extents: list[Value],
    kinds: Sequence[str],
    movable: str,
    streams: Sequence[Stream],
    results: Sequence[Stream],
) -> None:
    """Let dimensions of one kind, kept (``K``) or reduced (``R``), stand in the order of the steps that streams take.

    The last one is that of the smallest steps. Where streams disagree, dimensions stay as they are, as do those whose
    kind is not among `movable`. The dimensions of `results` change places accordingly.
    """
    if any(s.inner_static_unit for s in streams):
        return
    for kind in movable:
        axes = [axis for axis, other in enumerate(kinds) if other == kind]
        for end in range(len(axes) - 1, 0, -1):
            for here, there in pairwise(axes[: end + 1]):
                _order(b, extents, here, there, streams, results)


def _order(
    b: Builder, extents: list[Value], here: int, there: int, streams: Sequence[Stream], results: Sequence[Stream]
) -> None:
    """Let the dimension of smaller steps be the latter one of two."""
    steps = [(s.values[here], s.values[there]) for s in streams if s.values[here] or s.values[there]]
    if not steps or any(first is None or second is None for first, second in steps):
        return
    smaller = b.const("i1", True)
    for first, second in steps:
        sizes = _size(b, extents[here], first), _size(b, extents[there], second)  # type: ignore[arg-type]
        smaller = b.and_(smaller, b.icmp("ult", *sizes))
    _swap_if(b, smaller, extents, here, there)
    for stream in (*streams, *results):
        if stream.values[here] is not None:
            _swap_if(b, smaller, stream.values, here, there)
            stream.exchanged = True


def crossed(b: Builder, extents: Sequence[Value], kinds: Sequence[str], streams: Sequence[Stream]) -> Value:
    """Whether `streams` take their smallest steps in dimensions of the other kind than that of the innermost one."""
    result = b.const("i1", True)
    farthest = b.const("i64", -1)
    for stream in streams:
        least = {"K": farthest, "R": farthest}
        for extent, kind, step in zip(extents, kinds, stream.values, strict=True):
            if step is not None:
                least[kind] = b.intrinsic("umin", least[kind], _size(b, extent, step))
        other = least["K" if kinds[-1] == "R" else "R"]
        result = b.and_(result, b.icmp("ult", other, least[kinds[-1]]))
    return result


def _size(b: Builder, extent: Value, step: Value) -> Value:
    """Of a step, as an unsigned number: one that leads nowhere is the largest."""
    size = b.sub(b.intrinsic("abs", step, extra="i1 false"), b.const("i64", 1))
    return b.select(b.icmp("sgt", extent, b.const("i64", 1)), size, b.const("i64", -1))


def _swap_if(b: Builder, condition: Value, values: list[Any], here: int, there: int) -> None:
    first, second = values[here], values[there]
    values[here], values[there] = b.select(condition, second, first), b.select(condition, first, second)


def collapse(b: Builder, extents: list[Value], kinds: Sequence[str], streams: Sequence[Stream]) -> None:
    """Join trailing dimensions of one kind into the innermost one where all operands allow it."""
    known, ok = True, None
    original = list(extents)
    for axis in range(len(extents) - 2, -1, -1):
        if kinds[axis] != kinds[-1]:
            return
        for stream in streams:
            here, after = stream.strides[axis], stream.strides[axis + 1]
            if (here is None) != (after is None):
                return
        for stream in streams:
            if stream.strides[axis] is None or stream.contiguous:
                continue
            step = b.mul(stream.values[axis + 1], original[axis + 1])  # type: ignore[arg-type]
            condition = b.icmp("eq", stream.values[axis], step)  # type: ignore[arg-type]
            known, ok = False, condition if ok is None else b.and_(ok, condition)
        joined, one = b.mul(extents[-1], original[axis]), b.const("i64", 1)
        if known or ok is None:
            extents[-1], extents[axis] = joined, one
        else:
            extents[-1], extents[axis] = b.select(ok, joined, extents[-1]), b.select(ok, one, original[axis])
