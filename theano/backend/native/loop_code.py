"""The code of a loop nest.

The space has one extent a dimension. Trailing dimensions in which every operand is contiguous are collapsed at run
time into one. The innermost dimension runs in vectors; a last, incomplete vector runs under a mask, so there is no
scalar copy of the body. An operand whose innermost stride is not that of its elements is staged through a small buffer
on the stack, block by block, so the body itself only ever sees contiguous operands: one body serves all layouts.

A loop that reduces walks the reduced dimensions inside of the kept ones, with what it has combined so far in vector
registers. Where the innermost dimension is a kept one, its elements are columns: a block of them is walked down at a
time, several rows in each pass, and what was combined is on the stack (:mod:`theano.backend.native.reduction_code`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from theano.backend.native.dimensions import Stream, collapse, exchange
from theano.backend.native.ir import Builder, Turn, Value
from theano.backend.native.loops import Compute, Iota, Length, Literal, Load, Loop, Position
from theano.backend.native.parallel import DIVISIBLE, PieceResults, Region, loop_cost, product
from theano.backend.native.program import ITEMSIZES, ONE, Array, Ref
from theano.backend.native.reduction_code import Accumulator, Parts, accumulator
from theano.backend.native.widths import choose_lanes, interleaved, is_cheap

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter

BLOCK = 256  # elements staged at a time
COLUMNS = 4096  # columns reduced at a time, less where more than STATE bytes are kept of them
STATE = 2**17
AHEAD = 4096  # bytes: so far ahead memory arrives in time


class LoopCode:
    """Writes the code of one loop, or of the part that is `length` elements from `begin` on along dimension `axis`.

    That is a kept one, and ``(axis, begin, length)`` is `part`.
    """

    def __init__(self, em: Emitter, loop: Loop, part: tuple[int, Value, Value] | None = None) -> None:
        self.em = em
        self.fn = em.fn
        self.loop = loop
        self.part = part
        self.rank = len(loop.extents)
        self.b1 = Builder(em.fn, 1)
        self.scalars: dict[int, Value] = {}  # loads that no dimension moves: loaded once
        self.streams: dict[int, Stream] = {}  # load value number -> stream
        self.store_streams: list[tuple[int, Stream]] = []
        self.accumulators: list[Accumulator] = []
        self.result_streams: dict[int, Stream] = {}  # id of a reduction's array -> stream
        self.indices: dict[int, Value] = {}  # of walked dimensions

    # ---- set-up

    def write(self) -> None:
        em, loop = self.em, self.loop
        for array in loop.writes:
            em.allocate(array)
        reduced = loop.axes or ()
        unreduced = [a for a in range(len(loop.extents)) if a not in reduced]
        # dimensions of length 1 need no loop
        self.walked = [a for a, e in enumerate(loop.extents) if e != ONE]
        self.rank = len(self.walked)

        def walk(array: Array, axes: Sequence[int]) -> list[Ref | None]:
            steps = {a: s for a, flag, s in zip(axes, array.pattern, array.strides, strict=True) if not flag}
            return [steps.get(a) for a in self.walked]

        region = Region(em, self.rank > 1) if self.rank and self.part is None else None
        whole = range(len(loop.extents))
        literals: dict[int, Value] = {}
        for number, e in enumerate(loop.values):
            if isinstance(e, Load):
                strides = walk(e.array, whole)
                if all(s is None for s in strides):
                    self.scalars[number] = em.load_element(self.b1, em.pointer(e.array), e.array.dtype)
                else:
                    self.streams[number] = Stream(e.array, strides, False)
            elif isinstance(e, Length):
                self.scalars[number] = em.ref(e.ref)
            elif isinstance(e, Literal):
                literals[number] = em.literal(self.b1, e.value, e.dtype)
            elif isinstance(e, Compute) and all(a in self.scalars or a in literals for a in e.arguments):
                # depends on no dimension: once, before the loops
                arguments = [self.scalars[a] if a in self.scalars else literals[a] for a in e.arguments]
                self.scalars[number] = em.compute(self.b1, e, arguments, loop)
        lengths = [loop.extents[a] for a in reduced]
        self.accumulators = [accumulator(em, r, loop.values[r.value].dtype, lengths) for r in loop.reductions]
        if self.rank == 0:
            self._emit_scalar()
            return
        for number, array in loop.stores:
            self.store_streams.append((number, Stream(array, walk(array, whole), True)))
        for reduction in loop.reductions:
            for array in reduction.arrays:
                self.result_streams[id(array)] = Stream(array, walk(array, unreduced), True)
        self.moved = [*self.streams.values(), *(s for _, s in self.store_streams)]
        self.all_streams = [*self.moved, *self.result_streams.values()]
        for stream in self.all_streams:
            stream.pointer = em.pointer(stream.array)
            stream.values = [None if s is None else em.ref(s) for s in stream.strides]
        self.extents = [em.ref(loop.extents[a]) for a in self.walked]
        self.begins = [self.b1.const("i64", 0) for _ in self.walked]
        if self.part is not None:
            axis, begin, length = self.part
            self._restrict(self.walked.index(axis), begin, length)
        kept = [dtype for a in self.accumulators for dtype in a.dtypes]
        self.lanes = choose_lanes(loop, self.scalars, kept, em.vector_bits)
        self.b = Builder(self.fn, self.lanes)
        self.kinds = ["R" if a in reduced else "K" for a in self.walked]
        indexed = {type(e) for e in loop.values} & {Iota, Position}
        if not (indexed or self.store_streams or any(r.places for r in loop.reductions)):
            exchange(self.b1, self.extents, self.kinds, self.moved)
        if Iota not in indexed:
            collapse(self.b1, self.extents, self.kinds, self.all_streams)
        self._order()
        self._find_units()
        self.lengths = list(self.extents)
        self.unwanted: list[Value] = []
        if region is not None:
            self._divide(region)
        self._nest(0)
        if region is not None:
            region.finish()

    def _divide(self, region: Region) -> None:
        """Do the whole in pieces where it is large, or restrict the nest to the piece that is to be done."""
        axes = [a for a in range(self.rank) if self.extents[a].ref != "1"]
        axes = [*axes[: DIVISIBLE - 1], *axes[DIVISIBLE - 1 :][-1:]]
        results: PieceResults | None = None
        if self.accumulators:
            places = {key: stream.pointer for key, stream in self.result_streams.items()}
            results = PieceResults(self.em, self.accumulators, places, [self.kinds[a] == "R" for a in axes])
        total = product(self.b1, self.extents)
        begins, lengths = region.divide([self.extents[a] for a in axes], total, loop_cost(self.loop), results)
        if results is not None:
            places, self.unwanted = results.of_piece()
            for key, stream in self.result_streams.items():
                stream.pointer = places[key]
        for axis, begin, length in zip(axes, begins, lengths, strict=True):
            self._restrict(axis, begin, length)

    def _restrict(self, walked: int, begin: Value, length: Value) -> None:
        self.extents[walked], self.begins[walked] = length, begin
        for stream in self.all_streams:
            all_rows = stream.array.buffer is None or not stream.array.buffer.strip
            if all_rows and stream.values[walked] is not None:
                stream.pointer = self.em.offset(stream.pointer, self.b1.mul(begin, stream.values[walked]))  # type: ignore[arg-type]

    def _order(self) -> None:
        """Which dimensions are walked outside and which inside of a reduction's state, and how much at a time.

        A *piece* is a vector. Cheap reductions take several pieces at a time: along the innermost dimension, or where
        that is a kept one, the same columns of several rows, which are `row_axis`.
        """
        *outer, inner = range(self.rank)
        several = self.lanes > 1 and is_cheap(self.loop, self.scalars)
        self.columns = bool(self.accumulators) and self.kinds[inner] == "K"
        self.outside = [a for a in outer if self.kinds[a] == "K"]
        self.inside = [a for a in outer if self.kinds[a] == "R"]
        self.row_axis = self.inside[-1] if self.columns and self.inside else None
        if self.columns:
            self.pieces = self.rows = 4 if several and self.row_axis is not None else 1
        else:
            self.rows = 1
            one_by_one = not (several and self.accumulators)
            self.pieces = interleaved(self.loop, self.scalars, self.lanes, self.em.vector_bits) if one_by_one else 4
        self.row_count = self.b1.const("i64", 1)  # how many of them there are in this pass
        self.row_numbers = [self.b1.const("i64", 0)]  # which they are; that of a missing one is another's
        self.row_exists: list[Value] = []
        self.changing = self._changing() if self.rows > 1 else set()

    def _changing(self) -> set[int]:
        """The values that differ from row to row."""
        found: set[int] = set()
        for number, e in enumerate(self.loop.values):
            match e:
                case Load() if number in self.streams and self.streams[number].strides[self.row_axis] is not None:  # type: ignore[index]
                    found.add(number)
                case Iota() if self.walked[self.row_axis] == e.axis:  # type: ignore[index]
                    found.add(number)
                case Position():
                    found.add(number)
                case Compute() if not found.isdisjoint(e.arguments):
                    found.add(number)
        return found

    def _find_units(self) -> None:
        """Which operands may need staging, and whether any does."""
        b = self.b1
        self.loose = [s for s in self.moved if s.values[-1] is not None and not s.inner_static_unit]
        self.all_unit: Value | None = None
        for stream in self.loose:
            stream.unit = b.icmp("eq", stream.values[-1], b.const("i64", stream.array.itemsize))  # type: ignore[arg-type]
            self.all_unit = stream.unit if self.all_unit is None else b.and_(self.all_unit, stream.unit)

    # ---- the nest

    @contextmanager
    def _walk(self, axis: int, values: Sequence[Value], step: int = 1) -> Iterator[Turn]:
        """Loop over a dimension, with values that go from turn to turn."""
        if self.extents[axis].ref == "1":
            self.indices[axis] = self.b1.const("i64", 0)
            yield Turn(self.indices[axis], list(values))
            return
        saved = [s.pointer for s in self.all_streams]
        with self.fn.carrying(self.b1.const("i64", 0), self.extents[axis], step, values) as turn:
            self.indices[axis] = turn.index
            for stream in self.all_streams:
                if stream.values[axis] is not None:
                    distance = self.b1.mul(turn.index, stream.values[axis])  # type: ignore[arg-type]
                    stream.pointer = self.em.offset(stream.pointer, distance)
            yield turn
        for stream, pointer in zip(self.all_streams, saved, strict=True):
            stream.pointer = pointer

    def _nest(self, depth: int) -> None:
        """Loop over the dimensions outside of reductions, from number `depth` on, and all inside them."""
        if depth < len(self.outside):
            with self._walk(self.outside[depth], ()):
                self._nest(depth + 1)
        elif not self.accumulators:
            self._blocks([])
        elif self.columns:
            self._reduce_columns()
        else:
            state = self._inside(0, [part for a in self.accumulators for part in a.start(self.b)])
            single = self.b1.icmp("sle", self.extents[-1], self.b1.const("i64", self.lanes))
            for axis in self.inside:
                single = self.b1.and_(single, self.b1.icmp("eq", self.extents[axis], self.b1.const("i64", 1)))
            unwanted = iter(self.unwanted)  # where parts go that pieces need to be combined, though no array gets them
            for a, state_parts in zip(self.accumulators, self._divided(state), strict=True):
                parts = a.across(self.b, a.total(self.b, state_parts), single)
                for array, value in a.results(parts):
                    self.em.store_element(self.b1, value, self.result_streams[id(array)].pointer, array.dtype)
                for number in a.unwanted() if self.unwanted else ():
                    self.em.store_element(self.b1, parts[number], next(unwanted), a.dtypes[number])

    def _divided(self, state: Sequence[Value]) -> list[Parts]:
        """The state of each accumulator, from all parts in a row."""
        parts = iter(state)
        return [[next(parts) for _ in a.dtypes] for a in self.accumulators]

    def _inside(self, depth: int, state: Sequence[Value]) -> Sequence[Value]:
        """Loop over the reduced dimensions outside of an innermost one that is reduced, too."""
        if depth == len(self.inside):
            return self._blocks(state)
        with self._walk(self.inside[depth], state) as turn:
            turn.values = list(self._inside(depth + 1, turn.values))
        return turn.values

    def _blocks(self, state: Sequence[Value]) -> Sequence[Value]:
        """The innermost dimension, in blocks where it is staged."""
        b1, n = self.b1, self.extents[-1]
        if self.all_unit is None:
            return self._block(b1.const("i64", 0), n, state)
        block = b1.select(self.all_unit, n, b1.const("i64", BLOCK))
        with self.fn.carrying(b1.const("i64", 0), n, block, state) as turn:
            length = b1.intrinsic("smin", b1.sub(n, turn.index), block)
            turn.values = list(self._block(turn.index, length, turn.values))
        return turn.values

    # ---- reductions of columns

    def _reduce_columns(self) -> None:
        """The innermost dimension is kept: a block of columns at a time, their state on the stack."""
        b, b1, n = self.b, self.b1, self.extents[-1]
        columns = COLUMNS
        while columns > BLOCK and 8 * columns * sum(len(a.dtypes) for a in self.accumulators) > STATE:
            columns //= 2
        self.memory = [
            [self.fn.scratch(f"state {k} {p}", 8 * columns) for p in range(len(a.dtypes))]
            for k, a in enumerate(self.accumulators)
        ]
        block = b1.const("i64", columns)
        if self.all_unit is not None:
            block = b1.select(self.all_unit, block, b1.const("i64", BLOCK))
        with self.fn.loop(b1.const("i64", 0), n, block) as start:
            length = b1.intrinsic("smin", b1.sub(n, start), block)
            with self.fn.loop(b1.const("i64", 0), length, self.lanes) as at:
                for number, a in enumerate(self.accumulators):
                    self._keep(number, at, a.start(b))
            self._walk_rows(0, start, length)
            for at, mask in self._vectors(b1.const("i64", 0), length):
                for number, a in enumerate(self.accumulators):
                    for array, value in a.results(a.total(b, self._kept(number, at))):
                        place = b1.mul(b1.add(start, at), b1.const("i64", array.itemsize))
                        address = self.em.offset(self.result_streams[id(array)].pointer, place)
                        self.em.store_vector(b, value, address, array.dtype, mask)

    def _walk_rows(self, depth: int, start: Value, length: Value) -> None:
        """Loop over all reduced dimensions for one block of columns."""
        b1 = self.b1
        if depth == len(self.inside):
            self._block(start, length, [])
            return
        axis = self.inside[depth]
        if axis != self.row_axis or self.rows == 1:
            with self._walk(axis, ()):
                self._walk_rows(depth + 1, start, length)
            return
        with self._walk(axis, (), self.rows) as turn:
            rest = b1.sub(self.extents[axis], turn.index)
            numbers = [b1.const("i64", r) for r in range(self.rows)]
            self.row_count = b1.intrinsic("smin", rest, b1.const("i64", self.rows))
            last = b1.sub(self.row_count, b1.const("i64", 1))
            self.row_numbers = [numbers[0], *(b1.intrinsic("smin", r, last) for r in numbers[1:])]
            self.row_exists = [b1.icmp("slt", r, rest) for r in numbers]
            self._block(start, length, [])

    def _keep(self, number: int, at: Value, state: Parts) -> None:
        """Put the state of accumulator `number` on the stack, for a vector of columns."""
        for memory, dtype, part in zip(self.memory[number], self.accumulators[number].dtypes, state, strict=True):
            self.em.store_vector(self.b, part, self._element(memory, at, dtype), dtype, None)

    def _kept(self, number: int, at: Value) -> Parts:
        return [
            self.em.load_vector(self.b, self._element(memory, at, dtype), dtype, None)
            for memory, dtype in zip(self.memory[number], self.accumulators[number].dtypes, strict=True)
        ]

    # ---- a block of the innermost dimension

    def _block(self, start: Value, length: Value, state: Sequence[Value]) -> Sequence[Value]:
        """`length` elements of the innermost dimension from `start` on, of all rows that are walked now."""
        em, b1, fn = self.em, self.b1, self.fn
        self._load_fixed()
        for stream in self.moved:
            stream.blocks = []
            if stream.values[-1] is None:
                continue
            for row in range(self.rows):
                if row and not self._changes(stream):
                    stream.blocks.append(stream.blocks[0])
                    continue
                stream.blocks.append(em.offset(self._row_pointer(stream, row), b1.mul(start, stream.values[-1])))
        direct = {id(stream): stream.blocks for stream in self.loose}
        self._stage(length)
        state = self._pieces(start, length, state)
        written = [stream for stream in self.loose if stream.written]
        if written:
            with fn.if_(b1.not_(self.all_unit), unlikely=True):  # type: ignore[arg-type]
                for stream in written:
                    for row, block in enumerate(stream.blocks):
                        count = self._if_loose(stream, length)
                        if row:
                            count = b1.select(self.row_exists[row], count, b1.const("i64", 0))
                        target = direct[id(stream)][row]
                        em.unstage(target, block, stream.values[-1], count, stream.array.itemsize)
        return state

    def _stage(self, length: Value) -> None:
        """Let blocks of operands that are not contiguous lie on the stack: one branch for all of them."""
        fn, b1 = self.fn, self.b1
        if not self.loose:
            return
        before, staged = fn.current_label, []
        with fn.if_(b1.not_(self.all_unit), unlikely=True):  # type: ignore[arg-type]
            for number, stream in enumerate(self.moved):
                for row, direct in enumerate(stream.blocks if stream in self.loose else ()):
                    if row == 0 or self._changes(stream):
                        block = self._staged(number, row, stream, direct, length)
                        staged.append((stream, direct, b1.select(stream.unit, direct, block)))  # type: ignore[arg-type]
            inside = fn.current_label
        for stream in self.loose:
            stream.blocks = []
        for stream, direct, block in staged:
            stream.blocks.append(fn.assign("ptr", f"phi ptr [{direct.ref}, %{before}], [{block.ref}, %{inside}]"))
        for stream in self.loose:
            stream.blocks *= self.rows // len(stream.blocks)

    def _staged(self, number: int, row: int, stream: Stream, direct: Value, length: Value) -> Value:
        """Where the block of an operand lies if it is not contiguous."""
        staging = self.fn.scratch(f"staging {number} {row}", 8 * BLOCK)  # no dtype has larger elements
        if not stream.written:
            self.em.stage(staging, direct, stream.values[-1], self._if_loose(stream, length), stream.array.itemsize)
        return staging

    def _if_loose(self, stream: Stream, length: Value) -> Value:
        """How many elements are to be copied for an operand: none if it is contiguous."""
        return self.b1.select(stream.unit, self.b1.const("i64", 0), length)  # type: ignore[arg-type]

    def _changes(self, stream: Stream) -> bool:
        """Whether it moves from row to row."""
        return self.row_axis is not None and stream.values[self.row_axis] is not None

    def _row_pointer(self, stream: Stream, row: int) -> Value:
        if row == 0 or not self._changes(stream):
            return stream.pointer
        assert self.row_axis is not None
        return self.em.offset(stream.pointer, self.b1.mul(self.row_numbers[row], stream.values[self.row_axis]))  # type: ignore[arg-type]

    def _load_fixed(self) -> None:
        """Values that are the same along the innermost dimension, for each row."""
        self.constant: list[dict[int, Value]] = []
        for row in range(self.rows):
            same = dict(self.scalars)
            for number, stream in self.streams.items():
                if stream.values[-1] is None:
                    same[number] = self.em.load_element(self.b1, self._row_pointer(stream, row), stream.array.dtype)
            self.constant.append(same)
        self.fixed = self._spread()

    def _spread(self) -> list[dict[int, Value]]:
        """The constant values as vectors."""
        return [{number: self.b.splat(scalar) for number, scalar in same.items()} for same in self.constant]

    @contextmanager
    def _wide(self) -> Iterator[None]:
        """Vectors of several pieces: LLVM makes several instructions of each, side by side."""
        saved = self.b, self.lanes, self.fixed
        self.lanes *= self.pieces
        self.b = Builder(self.fn, self.lanes)
        self.fixed = self._spread()
        yield
        self.b, self.lanes, self.fixed = saved

    def _vectors(self, first: Value, length: Value) -> Iterator[tuple[Value, Value | None]]:
        """Where vectors begin, and the mask of the last one, which is incomplete; to be used in a ``for``."""
        b1 = self.b1
        with self.fn.carrying(first, b1.sub(length, b1.const("i64", self.lanes - 1)), self.lanes, ()) as turn:
            yield turn.index, None
        if self.lanes > 1:
            with self.fn.loop(turn.index, length, self.lanes) as at:
                yield at, self.em.lane_mask(self.b, at, length)

    def _pieces(self, start: Value, length: Value, state: Sequence[Value]) -> Sequence[Value]:
        """The body over `length` elements that begin at index `start` of the innermost dimension."""
        fn, b1 = self.fn, self.b1
        width = self.lanes * (self.pieces if self.rows == 1 else 1)
        stop = b1.sub(length, b1.const("i64", width - 1))
        if self.rows > 1:  # missing rows are masked as missing columns are
            complete = b1.icmp("eq", self.row_count, b1.const("i64", self.rows))
            stop = b1.select(complete, stop, b1.const("i64", 0))
        with fn.carrying(b1.const("i64", 0), stop, width, state) as turn:
            turn.values = self._step(turn.index, start, turn.values, None)
        if width == 1:
            return turn.values
        # what is left: under a mask
        with fn.carrying(turn.index, length, self.lanes, turn.values) as rest:
            mask = self.em.lane_mask(self.b, rest.index, length)
            rest.values = self._step(rest.index, start, rest.values, mask)
        return rest.values

    def _step(self, at: Value, start: Value, state: Sequence[Value], mask: Value | None) -> list[Value]:
        """Compute and store some pieces; returns the state with them added."""
        b, b1 = self.b, self.b1
        elements: list[Parts] = []
        first: list[Value] | None = None
        together: list[Value] | None = None
        if self.rows == 1 and self.pieces > 1 and mask is None:
            with self._wide():
                together = self._body(at, start, 0, None, None)
        for piece in range(1 if mask is not None and self.rows == 1 else self.pieces):
            row, here, visible = 0, at, mask
            if self.rows > 1:
                row = piece
                if mask is not None and row:
                    visible = b.and_(mask, b.splat(self.row_exists[row]))
            elif piece:
                here = b1.add(at, b1.const("i64", piece * self.lanes))
            if together is None:
                computed = self._body(here, start, row, visible, first)
                first = computed if self.rows > 1 and first is None else first
            for number, a in enumerate(self.accumulators):
                source, dtype = a.reduction.value, self.loop.values[a.reduction.value].dtype
                value = computed[source] if together is None else b.part(together[source], piece)
                value = self.em.convert(b, value, dtype, a.dtype)
                parts = a.element(b, value, self._place(start, here, row))
                if visible is not None and not (self.columns and row == 0):  # columns that are not there are not read
                    parts = [b.select(visible, x, none) for x, none in zip(parts, a.nothing(b), strict=True)]
                if piece == 0:
                    elements.append(parts)
                else:
                    elements[number] = a.join(b, elements[number], parts)
        if self.columns:
            for number, a in enumerate(self.accumulators):
                self._keep(number, at, a.add(b, self._kept(number, at), elements[number]))
            return []
        results = zip(self.accumulators, self._divided(state), elements, strict=True)
        return [part for a, parts, new in results for part in a.add(b, parts, new)]

    def _place(self, start: Value, at: Value, row: int) -> Value:
        """The number of an element among those that are reduced together, for the first lane of a piece."""
        b1 = self.b1
        place = b1.const("i64", 0)
        if all(a.reduction.places is None for a in self.accumulators):
            return place
        for axis in self.inside:
            index = b1.add(self.indices[axis], self.begins[axis])
            if axis == self.row_axis and row:
                index = b1.add(index, self.row_numbers[row])
            place = index if place.ref == "0" else b1.add(b1.mul(place, self.lengths[axis]), index)
        if self.columns:
            return place
        inner = b1.add(b1.add(start, at), self.begins[-1])
        return inner if place.ref == "0" else b1.add(b1.mul(place, self.lengths[-1]), inner)

    def _body(
        self, at: Value, start: Value, row: int, mask: Value | None, first: Sequence[Value] | None
    ) -> list[Value]:
        """One piece: load, compute, store; `first` are the values of the first row, most of which may be the same."""
        em, b, b1 = self.em, self.b, self.b1
        computed: list[Value] = []
        for number, e in enumerate(self.loop.values):
            if first is not None and number not in self.changing:
                computed.append(first[number])
                continue
            if number in self.fixed[row]:
                computed.append(self.fixed[row][number])
                continue
            match e:
                case Load():
                    stream = self.streams[number]
                    address = self._element(stream.blocks[row], at, e.dtype)
                    computed.append(em.load_vector(b, address, e.dtype, mask))
                    if self.columns and mask is None and self._changes(stream):
                        em.prefetch(em.offset(address, self._distance(stream)))
                case Literal():
                    computed.append(em.literal(b, e.value, e.dtype))
                case Iota():
                    computed.append(self._index(e.axis, at, start, row))
                case Position():
                    computed.append(self._position(at, start, row))
                case Compute():
                    computed.append(em.compute(b, e, [computed[a] for a in e.arguments], self.loop))
                case Length():
                    raise AssertionError("lengths are fixed")
        for number, stream in self.store_streams:
            dtype = stream.array.dtype
            if stream.values[-1] is None:  # length 1 in the innermost dimension
                em.store_element(b1, b.lane(computed[number], 0), self._row_pointer(stream, row), dtype)
                continue
            em.store_vector(b, computed[number], self._element(stream.blocks[row], at, dtype), dtype, mask)
        return computed

    def _distance(self, stream: Stream) -> Value:
        """From a row to where it is worth to fetch ahead: the row in its place in the next pass, if not too near.

        Pieces of rows, several read by turns, are not what the processor itself recognizes.
        """
        assert self.row_axis is not None
        step = self.b1.mul(self.b1.const("i64", self.rows), stream.values[self.row_axis])  # type: ignore[arg-type]
        return self.b1.intrinsic("smax", step, self.b1.const("i64", AHEAD))

    def _element(self, block: Value, at: Value, dtype: str) -> Value:
        return self.em.offset(block, self.b1.mul(at, self.b1.const("i64", ITEMSIZES[dtype])))

    def _index(self, axis: int, at: Value, start: Value, row: int) -> Value:
        if axis not in self.walked:
            return self.b.const("i64", 0)
        walked = self.walked.index(axis)
        if walked != self.rank - 1:
            index = self.indices[walked]
            if walked == self.row_axis and row:
                index = self.b1.add(index, self.row_numbers[row])
        else:
            index = self.b1.add(start, at)
        if self.begins[walked].ref != "0":
            index = self.b1.add(index, self.begins[walked])
        first = self.b.splat(index)
        if walked != self.rank - 1:
            return first
        if self.lanes == 1:
            return first
        steps = ", ".join(f"i64 {i}" for i in range(self.lanes))
        return self.b.add(first, Value(f"<{steps}>", "i64", self.lanes))

    def _position(self, at: Value, start: Value, row: int) -> Value:
        """The number of each element in the space; dimensions that were joined into the innermost one stand at 0."""
        b1, line = self.b1, self.b1.const("i64", 0)
        *outer, inner = range(self.rank)
        for axis in outer:
            index = b1.add(self.indices[axis], self.begins[axis])
            if axis == self.row_axis and row:
                index = b1.add(index, self.row_numbers[row])
            line = index if line.ref == "0" else b1.add(b1.mul(line, self._extent(axis)), index)
        within = self._index(self.walked[inner], at, start, row)
        return self.b.add(self.b.splat(b1.mul(line, self._extent(inner))), within) if outer else within

    def _extent(self, axis: int) -> Value:
        """The length of a walked dimension, whatever was joined to it."""
        return self.em.ref(self.loop.extents[self.walked[axis]])

    # ---- rank 0

    def _emit_scalar(self) -> None:
        em, b = self.em, self.b1
        computed: list[Value] = []
        for number, e in enumerate(self.loop.values):
            if number in self.scalars:
                computed.append(self.scalars[number])
                continue
            match e:
                case Literal():
                    computed.append(em.literal(b, e.value, e.dtype))
                case Compute():
                    computed.append(em.compute(b, e, [computed[a] for a in e.arguments], self.loop))
                case Iota() | Position():
                    computed.append(b.const("i64", 0))
                case Load() | Length():
                    raise AssertionError("loads and lengths of rank 0 are scalars")
        for number, array in self.loop.stores:
            em.store_element(b, computed[number], em.pointer(array), array.dtype)
        for a in self.accumulators:
            value = em.convert(b, computed[a.reduction.value], self.loop.values[a.reduction.value].dtype, a.dtype)
            for array, result in a.results(a.element(b, value, b.const("i64", 0))):
                em.store_element(b, result, em.pointer(array), array.dtype)
