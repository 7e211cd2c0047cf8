"""Loops that reduce columns: the innermost dimension is a kept one, and rows are walked inside of it.

A block of columns is walked down at a time; what was combined of it is on the stack. In each pass several rows are
combined in registers first, so that little of the time goes into loads and stores of that state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from theano.backend.native.dimensions import Stream
from theano.backend.native.ir import BITS, Value
from theano.backend.native.loop_code import BLOCK, LoopCode
from theano.backend.native.loops import Compute, Iota, Load, Position
from theano.backend.native.reduction_code import Parts
from theano.backend.native.staging import TILE_BYTES, TILE_PITCH

ROWS = 16  # in each pass
COLUMNS = 4096  # in a block, less where more than STATE bytes are kept of them
STATE = 2**17
AHEAD = 1024  # bytes: so far ahead in a row memory arrives in time
LINE = 64  # bytes of memory that arrive together
REGISTERS = 8  # for what is combined of the rows of a pass


class ColumnCode(LoopCode):
    """Writes the code of a loop that reduces columns."""

    def _order(self) -> None:
        super()._order()
        self.row_axis = self.inside[-1] if self.inside else None
        parts = [part for a in self.accumulators for part in a.nothing(self.b)]
        bits = self.lanes * sum(BITS[part.type] for part in parts)
        while self.pieces > 1 and self.pieces * bits > REGISTERS * self.em.vector_bits:
            self.pieces //= 2
        self.row_count = self.b1.const("i64", 1)
        self.changing = self._changing()

    def _changing(self) -> set[int]:
        """The values that differ from row to row."""
        found: set[int] = set()
        for number, e in enumerate(self.loop.values):
            match e:
                case Load() if number in self.streams and self._changes(self.streams[number]):
                    found.add(number)
                case Iota() if self.row_axis is not None and self.walked[self.row_axis] == e.axis:
                    found.add(number)
                case Position():
                    found.add(number)
                case Compute() if not found.isdisjoint(e.arguments):
                    found.add(number)
        return found

    def _changes(self, stream: Stream) -> bool:
        """Whether it moves from row to row."""
        return self.row_axis is not None and stream.values[self.row_axis] is not None

    def _find_rows(self) -> None:
        """How far it is from row to row of a block, and to memory to be fetched: in the row, or in the next pass."""
        b1 = self.b1
        self.row_steps: dict[int, Value] = {}
        self.ahead: dict[int, Value] = {}
        for stream in self.moved:
            if stream.values[-1] is None or not self._changes(stream):
                continue
            step = stream.values[self.row_axis]  # type: ignore[index]
            assert step is not None
            pitch = b1.const("i64", TILE_PITCH)
            self.row_steps[id(stream)] = b1.select(stream.unit, step, pitch) if stream.unit is not None else step
            if not stream.written:
                following = b1.mul(step, b1.const("i64", ROWS))
                short = b1.icmp("slt", self.extents[-1], b1.const("i64", 4 * AHEAD // stream.array.itemsize))
                self.ahead[id(stream)] = b1.select(short, following, b1.const("i64", AHEAD))

    def _reduce(self) -> None:
        b, b1, n = self.b, self.b1, self.extents[-1]
        self._find_rows()
        columns = COLUMNS
        while columns > BLOCK and 8 * columns * sum(len(a.dtypes) for a in self.accumulators) > STATE:
            columns //= 2
        self.memory = [
            [self.fn.scratch(f"state {k} {p}", 8 * columns) for p in range(len(a.dtypes))]
            for k, a in enumerate(self.accumulators)
        ]
        block = b1.const("i64", columns)
        if self.all_unit is not None:
            tile = TILE_BYTES // max(stream.array.itemsize for stream in self.loose)
            block = b1.select(self.all_unit, block, b1.const("i64", min(BLOCK, tile)))
        with self.fn.loop(b1.const("i64", 0), n, block) as start:
            length = b1.intrinsic("smin", b1.sub(n, start), block)
            with self.fn.loop(b1.const("i64", 0), length, self.lanes) as at:
                for number, a in enumerate(self.accumulators):
                    self._keep(number, at, a.start(b))
            self._walk_rows(0, start, length)
            targets, strided = self._targets(start, columns)
            for at, mask in self._vectors(b1.const("i64", 0), length):
                for number, a in enumerate(self.accumulators):
                    for array, value in a.results(a.total(b, self._kept(number, at))):
                        target = self._element(targets[id(array)], at, array.dtype)
                        self.em.store_vector(b, value, target, array.dtype, mask)
            for stream, place in strided:
                size = stream.array.itemsize
                self.em.unstage(place, targets[id(stream.array)], stream.values[-1], length, size)

    def _targets(self, start: Value, columns: int) -> tuple[dict[int, Value], list[tuple[Stream, Value]]]:
        """Where results of a block are stored, by their arrays' ids, and which are copied from there, and whereto."""
        targets: dict[int, Value] = {}
        strided: list[tuple[Stream, Value]] = []
        for number, stream in enumerate(self.result_streams.values()):
            place = self.em.offset(stream.pointer, self.b1.mul(start, stream.values[-1]))  # type: ignore[arg-type]
            targets[id(stream.array)] = place
            if not stream.inner_static_unit:
                targets[id(stream.array)] = self.fn.scratch(f"results {number}", 8 * columns)
                strided.append((stream, place))
        return targets, strided

    def _walk_rows(self, depth: int, start: Value, length: Value) -> None:
        """Loop over all reduced dimensions for one block of columns."""
        if depth == len(self.inside):
            self._block(start, length, [])
            return
        axis = self.inside[depth]
        if axis != self.row_axis:
            with self._walk(axis, ()):
                self._walk_rows(depth + 1, start, length)
            return
        with self._walk(axis, (), ROWS) as turn:
            rest = self.b1.sub(self.extents[axis], turn.index)
            self.row_count = self.b1.intrinsic("smin", rest, self.b1.const("i64", ROWS))
            self._block(start, length, [])

    def _vectors(self, first: Value, length: Value) -> Iterator[tuple[Value, Value | None]]:
        """Where vectors begin, and the mask of the last one, which is incomplete; to be used in a ``for``."""
        b1 = self.b1
        with self.fn.carrying(first, b1.sub(length, b1.const("i64", self.lanes - 1)), self.lanes, ()) as turn:
            yield turn.index, None
        if self.lanes > 1:
            with self.fn.loop(turn.index, length, self.lanes) as at:
                yield at, self.em.lane_mask(self.b, at, length)

    # ---- state

    def _keep(self, number: int, at: Value, state: Parts) -> None:
        """Put the state of accumulator `number` on the stack, for a vector of columns."""
        for memory, dtype, part in zip(self.memory[number], self.accumulators[number].dtypes, state, strict=True):
            self.em.store_vector(self.b, part, self._element(memory, at, dtype), dtype, None)

    def _kept(self, number: int, at: Value) -> Parts:
        return [
            self.em.load_vector(self.b, self._element(memory, at, dtype), dtype, None)
            for memory, dtype in zip(self.memory[number], self.accumulators[number].dtypes, strict=True)
        ]

    # ---- a pass: some rows of a block of columns

    def _step(self, at: Value, start: Value, state: Sequence[Value], mask: Value | None) -> list[Value]:
        """Add the rows of this pass to the state of some columns."""
        if mask is None and self.pieces > 1:
            with self._wide():
                self._add_rows(at, start, None)
        else:
            self._add_rows(at, start, mask)
        return []

    def _add_rows(self, at: Value, start: Value, mask: Value | None) -> None:
        # Columns outside of the mask are read as zeros, and nobody looks at what comes of them.
        b, same = self.b, self._values(at, start, mask, {}, self.changing)
        nothing = [part for a in self.accumulators for part in a.nothing(b)]
        zero = self.b1.const("i64", 0)
        with self.fn.carrying(zero, self.row_count, 1, nothing) as turn, self._row(turn.index):
            computed = self._body(at, start, mask, same)
            place, parts = self._place(start, at), iter(turn.values)
            turn.values = []
            for a in self.accumulators:
                element = a.element(b, computed[a.reduction.value], place)
                turn.values += a.join(b, [next(parts) for _ in element], element)
        parts = iter(turn.values)
        for number, a in enumerate(self.accumulators):
            rows = [next(parts) for _ in a.nothing(b)]
            self._keep(number, at, a.add(b, self._kept(number, at), rows))

    @contextmanager
    def _row(self, number: Value) -> Iterator[None]:
        """Let operands stand at row `number` of those of this pass."""
        if self.row_axis is None:
            yield
            return
        em, b1, axis = self.em, self.b1, self.row_axis
        saved = self.indices[axis], self.fixed, [(stream.pointer, stream.block) for stream in self.moved]
        self.indices[axis] = b1.add(self.indices[axis], number)
        for stream in self.moved:
            step = stream.values[axis]
            if step is not None:
                stream.pointer = em.offset(stream.pointer, b1.mul(number, step))
                if stream.values[-1] is not None:
                    stream.block = em.offset(stream.block, b1.mul(number, self.row_steps[id(stream)]))
        self._load_fixed()
        yield
        self.indices[axis], self.fixed, places = saved
        for stream, place in zip(self.moved, places, strict=True):
            stream.pointer, stream.block = place

    def _load(self, stream: Stream, at: Value, mask: Value | None) -> Value:
        """Elements of a row, and memory brought near that is read soon: the processor does not foresee so many rows."""
        if id(stream) in self.ahead:
            place = self.em.offset(self._element(stream.block, at, stream.array.dtype), self.ahead[id(stream)])
            for line in range(0, self.lanes * stream.array.itemsize, LINE):
                self.em.prefetch(self.em.offset(place, self.b1.const("i64", line)))
        return super()._load(stream, at, mask)

    def _staged(self, number: int, stream: Stream, count: Value) -> Value:
        """Rows that are not contiguous are staged as a tile."""
        if not self._changes(stream):
            return super()._staged(number, stream, count)
        assert self.row_axis is not None
        tile = self.fn.scratch(f"tile {number}", ROWS * TILE_PITCH)
        if not stream.written:
            across, along = stream.values[self.row_axis], stream.values[-1]
            assert across is not None and along is not None
            self.em.stage_tile(tile, stream.block, across, along, self.row_count, count, stream.array.itemsize)
        return tile

    def _unstage(self, stream: Stream, target: Value, count: Value) -> None:
        if not self._changes(stream):
            super()._unstage(stream, target, count)
            return
        with self.fn.loop(self.b1.const("i64", 0), self.row_count) as number, self._row(number):
            step = self.b1.mul(number, stream.values[self.row_axis])  # type: ignore[index, arg-type]
            super()._unstage(stream, self.em.offset(target, step), count)
