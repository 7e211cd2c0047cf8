"""Loops with more operands than the processor has registers for addresses: dozens of parameters updated at a time.

What would be kept in registers is read again where it is used: addresses and strides from the frame, and where the
elements are that are walked now from a table on the stack. LLVM would come to the same after long calculations.
"""

from __future__ import annotations

from collections.abc import Sequence

from theano.backend.native.dimensions import Stream
from theano.backend.native.ir import Value
from theano.backend.native.loop_code import BLOCK, LoopCode
from theano.backend.native.loops import Load, Loop
from theano.backend.native.program import ONE

CROWD = 12


def is_crowded(loop: Loop) -> bool:
    """Whether a loop goes along more than :data:`CROWD` vectors."""
    walked = [axis for axis, length in enumerate(loop.extents) if length != ONE]
    arrays = [*(e.array for e in loop.values if isinstance(e, Load)), *(array for _, array in loop.stores)]
    return len(walked) == 1 and sum(not array.pattern[walked[0]] for array in arrays) > CROWD


class CrowdCode(LoopCode):
    """Writes the code of a crowded loop."""

    def _restrict(self, walked: int, begin: Value, length: Value) -> None:
        self.extents[walked], self.begins[walked] = length, begin
        for stream in self.result_streams.values():
            if stream.values[walked] is not None:
                stream.pointer = self.em.offset(stream.pointer, self.b1.mul(begin, stream.values[walked]))  # type: ignore[arg-type]

    def _block(self, start: Value, length: Value, state: Sequence[Value]) -> Sequence[Value]:
        b1, fn = self.b1, self.fn
        self._load_fixed()
        walking = [stream for stream in self.moved if stream.values[-1] is not None]
        table = fn.scratch("blocks", 8 * len(walking))
        for number, stream in enumerate(walking):
            stream.block = self.em.offset(table, b1.const("i64", 8 * number))
            fn.emit(f"store ptr {self._at(stream, start)[0].ref}, ptr {stream.block.ref}")
        self._stage_loose(start, length, before=True)
        state = self._pieces(start, length, state)
        self._stage_loose(start, length, before=False)
        return state

    def _at(self, stream: Stream, start: Value) -> tuple[Value, Value]:
        """The address of an operand's element `start`, and the stride."""
        em, (axis,) = self.em, self.walked
        stride = em.ref(stream.array.strides[axis])
        strip = stream.array.buffer is not None and stream.array.buffer.strip
        place = start if strip else self.b1.add(self.begins[-1], start)
        return em.offset(em.pointer(stream.array), self.b1.mul(place, stride)), stride

    def _stage_loose(self, start: Value, length: Value, *, before: bool) -> None:
        """Copy the block's elements of operands that are not contiguous: those read before, those written behind."""
        em, fn, b1 = self.em, self.fn, self.b1
        if self.all_unit is None or not (before or any(stream.written for stream in self.loose)):
            return
        with fn.if_(b1.not_(self.all_unit), unlikely=True):
            for number, stream in enumerate(self.loose):
                address, stride = self._at(stream, start)
                staging = fn.scratch(f"staging {number}", 8 * BLOCK)
                unit = b1.icmp("eq", stride, b1.const("i64", stream.array.itemsize))
                count = b1.select(unit, b1.const("i64", 0), length)
                if not before and stream.written:
                    em.unstage(address, staging, stride, count, stream.array.itemsize)
                if before and not stream.written:
                    em.stage(staging, address, stride, count, stream.array.itemsize)
                if before:
                    fn.emit(f"store ptr {b1.select(unit, address, staging).ref}, ptr {stream.block.ref}")

    def _element(self, block: Value, at: Value, dtype: str) -> Value:
        return super()._element(self.fn.assign("ptr", f"load ptr, ptr {block.ref}"), at, dtype)
