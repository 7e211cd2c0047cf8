"""The dimensions of a loop nest, arranged at run time as the layout of its operands wants them.

The code of a nest is the same for all layouts. What differs are the values that it works with, so which dimension is
the innermost one, and how long it is, can be chosen when lengths and strides are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theano.backend.native.ir import Builder, Value
from theano.backend.native.program import Array, Const, Ref


class Stream:
    """An array as a loop walks along it: per dimension a stride or nothing (not stepping), and the current address."""

    def __init__(self, array: Array, strides: Sequence[Ref | None], written: bool) -> None:
        self.array = array
        self.strides = list(strides)
        self.written = written
        self.pointer: Value = Value("null", "ptr")
        self.values: list[Value | None] = []
        self.block: Value = self.pointer  # where the contiguous elements are that are walked now
        self.unit: Value | None = None

    @property
    def inner_static_unit(self) -> bool:
        """Whether the innermost stride is known to be the element size."""
        last = self.strides[-1]
        return self.array.contiguous or (isinstance(last, Const) and last.value == self.array.itemsize)


def exchange(b: Builder, extents: list[Value], kinds: Sequence[str], streams: Sequence[Stream]) -> None:
    """Let a reduced dimension (``R``) of small steps be the innermost one, in place of a reduced one of large steps.

    Only for what does not depend on the order of elements.
    """
    if kinds[-1] != "R" or not streams or any(s.inner_static_unit for s in streams):
        return
    for axis in range(len(extents) - 1):
        steps = [(s.values[axis], s.values[-1]) for s in streams]
        if kinds[axis] != "R" or any(here is None or there is None for here, there in steps):
            continue
        better = b.icmp("sgt", extents[axis], b.const("i64", 1))
        for pair in steps:
            below = [  # a step of 0 is the worst
                b.sub(b.intrinsic("abs", step, extra="i1 false"), b.const("i64", 1))  # type: ignore[arg-type]
                for step in pair
            ]
            better = b.and_(better, b.icmp("ult", *below))
        _swap_if(b, better, extents, axis)
        for stream in streams:
            _swap_if(b, better, stream.values, axis)


def _swap_if(b: Builder, condition: Value, values: list[Any], axis: int) -> None:
    here, inner = values[axis], values[-1]
    values[axis], values[-1] = b.select(condition, inner, here), b.select(condition, here, inner)


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
            if stream.strides[axis] is None or stream.array.contiguous:
                continue
            step = b.mul(stream.values[axis + 1], original[axis + 1])  # type: ignore[arg-type]
            condition = b.icmp("eq", stream.values[axis], step)  # type: ignore[arg-type]
            known, ok = False, condition if ok is None else b.and_(ok, condition)
        joined, one = b.mul(extents[-1], original[axis]), b.const("i64", 1)
        if known or ok is None:
            extents[-1], extents[axis] = joined, one
        else:
            extents[-1], extents[axis] = b.select(ok, joined, extents[-1]), b.select(ok, one, original[axis])
