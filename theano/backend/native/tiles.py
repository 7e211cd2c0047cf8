"""Loops with operands that lie in memory the other way round: the innermost dimension is not where elements adjoin.

Walking along a row of such an operand takes one element out of each cache line that is fetched. So the loop goes tile
by tile, of several rows a piece at once, and copies to the stack the whole runs of elements that adjoin across rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from theano.backend.native.dimensions import Stream
from theano.backend.native.ir import Value
from theano.backend.native.loop_code import BLOCK, LoopCode
from theano.backend.native.loops import Load, Loop
from theano.backend.native.staging import SQUARE, TILE_BYTES, TILE_PITCH

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter

RUN_BYTES = 512  # that adjoin are read at once
STACK_BYTES = 140 * 1024  # for the tiles of all operands


def tiled_dimension(loop: Loop, walked: Sequence[int]) -> int | None:
    """The dimension along which a transposed operand's elements adjoin, where that is not the innermost one."""
    if loop.reductions or len(walked) < 2:
        return None
    for e in loop.values:
        if isinstance(e, Load) and e.array.adjoining in walked[:-1] and isinstance(e.array.strides[walked[-1]], int):
            return e.array.adjoining
    return None


class TiledLoopCode(LoopCode):
    """Writes the code of a loop without reductions over tiles of dimension `across` and the innermost one."""

    def __init__(
        self, across: int, em: Emitter, loop: Loop, walked: Sequence[int], part: tuple[int, Value, Value] | None
    ) -> None:
        super().__init__(em, loop, walked, part)
        self.across = across

    def _order(self) -> None:
        super()._order()
        self.tile_axis = self.walked.index(self.across)
        self.outside.remove(self.tile_axis)

    def _rows_at_once(self) -> int:
        """As many as a tile has at most."""
        self.crossed = [s for s in self.loose if s.array.adjoining == self.across and not s.written]
        size = max(s.array.itemsize for s in self.crossed)
        most = min(RUN_BYTES // size, STACK_BYTES // TILE_PITCH // len(self.crossed))
        return max(1 << most.bit_length() - 1, SQUARE)

    def _blocks(self, state: object) -> list[Value]:
        """Tiles; where the operands turn out to be contiguous along rows, one tile is everything and not copied."""
        b1, n, count = self.b1, self.extents[-1], self.extents[self.tile_axis]
        most_rows, crossed = self._rows_at_once(), self.crossed
        size = max(s.array.itemsize for s in crossed)
        self.tiles = {id(s): self.fn.scratch(f"tile {i}", most_rows * TILE_PITCH) for i, s in enumerate(crossed)}
        crosses = b1.const("i1", False)
        for stream in crossed:
            crosses = b1.or_(crosses, b1.icmp("ult", self._size(stream, self.tile_axis), self._size(stream, -1)))
        assert self.all_unit is not None
        rows = b1.select(crosses, b1.const("i64", most_rows), b1.const("i64", 1))
        columns = b1.select(crosses, b1.const("i64", TILE_BYTES // size), b1.const("i64", BLOCK))
        rows, columns = b1.select(self.all_unit, count, rows), b1.select(self.all_unit, n, columns)
        zero, pointers = b1.const("i64", 0), [s.pointer for s in self.all_streams]
        with self.fn.loop(zero, count, rows) as first, self.fn.loop(zero, n, columns) as start:
            height = b1.intrinsic("smin", b1.sub(count, first), rows)
            width = b1.intrinsic("smin", b1.sub(n, start), columns)
            for stream in crossed:
                self._copy_tile(stream, first, start, height, width)
            with self.fn.loop(zero, height) as self.row_in_tile:
                index = self.indices[self.tile_axis] = b1.add(first, self.row_in_tile)
                for stream, pointer in zip(self.all_streams, pointers, strict=True):
                    step = stream.values[self.tile_axis]
                    stream.pointer = pointer if step is None else self.em.offset(pointer, b1.mul(index, step))
                self._block(start, width, [])
            for stream, pointer in zip(self.all_streams, pointers, strict=True):
                stream.pointer = pointer
        return []

    def _size(self, stream: Stream, axis: int) -> Value:
        return self.b1.intrinsic("abs", self._step_of(stream, axis), extra="i1 false")

    @staticmethod
    def _step_of(stream: Stream, axis: int) -> Value:
        step = stream.values[axis]
        assert step is not None
        return step

    def _copy_tile(self, stream: Stream, first: Value, start: Value, height: Value, width: Value) -> None:
        b1, across, along = self.b1, self._step_of(stream, self.tile_axis), self._step_of(stream, -1)
        source = self.em.offset(stream.pointer, b1.add(b1.mul(first, across), b1.mul(start, along)))
        assert stream.unit is not None
        with self.fn.if_(b1.not_(stream.unit)):
            self.em.stage_tile(self.tiles[id(stream)], source, across, along, height, width, stream.array.itemsize)

    def _staged(self, number: int, stream: Stream, count: Value) -> Value:
        """A transposed operand has been copied with its tile."""
        if id(stream) not in self.tiles:
            return super()._staged(number, stream, count)
        return self.em.offset(self.tiles[id(stream)], self.b1.mul(self.row_in_tile, self.b1.const("i64", TILE_PITCH)))
