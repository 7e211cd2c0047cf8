"""The code of a loop nest.

The space has one extent a dimension. Trailing dimensions in which every operand is contiguous are collapsed at run
time into one. The innermost dimension runs in vectors; a last, incomplete vector runs under a mask, so there is no
scalar copy of the body. An operand whose innermost stride is not that of its elements is staged through a small buffer
on the stack, block by block, so the body itself only ever sees contiguous operands: one body serves all layouts.

A loop that reduces walks the reduced dimensions inside of the kept ones, with what it has combined so far in vector
registers (:mod:`theano.backend.native.reduction_code`). Loops that reduce columns are written by
:mod:`theano.backend.native.columns`.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from theano.backend.native.dimensions import Stream, collapse, exchange
from theano.backend.native.ir import Builder, Turn, Value
from theano.backend.native.loops import Compute, Iota, Length, Literal, Load, Loop, Position
from theano.backend.native.parallel import DIVISIBLE, PieceResults, Region, is_foreign, loop_cost, product
from theano.backend.native.program import ITEMSIZES, Array, Ref
from theano.backend.native.reduction_code import Accumulator, Parts, accumulator
from theano.backend.native.widths import choose_lanes, interleaved, is_cheap

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter

BLOCK = 256  # elements staged at a time
Computed = dict[int, Value]  # values of expressions by their numbers


class LoopCode:
    """Writes the code of one loop, or of the part that is `length` elements from `begin` on along dimension `axis`.

    That is a kept one, and ``(axis, begin, length)`` is `part`. Dimensions are walked in the order `walked`; those of
    length 1 need no loop.
    """

    def __init__(
        self, em: Emitter, loop: Loop, walked: Sequence[int], part: tuple[int, Value, Value] | None = None
    ) -> None:
        self.em = em
        self.fn = em.fn
        self.loop = loop
        self.part = part
        self.walked = walked
        self.rank = len(walked)
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
        in_order = list(self.walked) == sorted(self.walked)

        def walk(array: Array, axes: Sequence[int]) -> list[Ref | None]:
            steps = {a: s for a, flag, s in zip(axes, array.pattern, array.strides, strict=True) if not flag}
            return [steps.get(a) for a in self.walked]

        region = Region(em) if self.rank and self.part is None else None
        whole = range(len(loop.extents))
        literals: dict[int, Value] = {}
        for number, e in enumerate(loop.values):
            if isinstance(e, Load):
                strides = walk(e.array, whole)
                if all(s is None for s in strides):
                    self.scalars[number] = em.load_element(self.b1, em.pointer(e.array), e.array.dtype)
                else:
                    self.streams[number] = Stream(e.array, strides, False, in_order)
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
            self.store_streams.append((number, Stream(array, walk(array, whole), True, in_order)))
        for reduction in loop.reductions:
            for array in reduction.arrays:
                self.result_streams[id(array)] = Stream(array, walk(array, unreduced), True, in_order)
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
        if not (indexed or self.store_streams):
            movable = "K" if any(r.places for r in loop.reductions) else "KR"
            exchange(self.b1, self.extents, self.kinds, movable, self.moved, list(self.result_streams.values()))
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
        begins, lengths = region.divide(
            [self.extents[a] for a in axes],
            total,
            loop_cost(self.loop),
            results,
            foreign=is_foreign(self.loop),
            rows=self._rows_at_once(),
        )
        if results is not None:
            places, self.unwanted = results.of_piece()
            for key, stream in self.result_streams.items():
                stream.pointer = places[key]
        for axis, begin, length in zip(axes, begins, lengths, strict=True):
            self._restrict(axis, begin, length)

    def _rows_at_once(self) -> int:
        """Of how many rows a piece should be a multiple."""
        return 1

    def _restrict(self, walked: int, begin: Value, length: Value) -> None:
        self.extents[walked], self.begins[walked] = length, begin
        for stream in self.all_streams:
            all_rows = stream.array.buffer is None or not stream.array.buffer.strip
            if all_rows and stream.values[walked] is not None:
                stream.pointer = self.em.offset(stream.pointer, self.b1.mul(begin, stream.values[walked]))  # type: ignore[arg-type]

    def _order(self) -> None:
        """Which dimensions are walked outside and inside of a reduction's state, and how many vectors at a time."""
        outer = range(self.rank - 1)
        self.outside = [a for a in outer if self.kinds[a] == "K"]
        self.inside = [a for a in outer if self.kinds[a] == "R"]
        if self.lanes > 1 and self.accumulators and is_cheap(self.loop, self.scalars):
            self.pieces = 4
        else:
            self.pieces = interleaved(self.loop, self.scalars, self.lanes, self.em.vector_bits)

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
        else:
            self._reduce()

    def _reduce(self) -> None:
        """Loop over the dimensions inside of a reduction's state, and store what comes of it."""
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

    # ---- a block of the innermost dimension

    def _block(self, start: Value, length: Value, state: Sequence[Value]) -> Sequence[Value]:
        """`length` elements of the innermost dimension from `start` on."""
        em, b1, fn = self.em, self.b1, self.fn
        self._load_fixed()
        for stream in self.moved:
            if stream.values[-1] is not None:
                stream.block = em.offset(stream.pointer, b1.mul(start, stream.values[-1]))
        direct = {id(stream): stream.block for stream in self.loose}
        self._stage(length)
        state = self._pieces(start, length, state)
        written = [stream for stream in self.loose if stream.written]
        if written:
            with fn.if_(b1.not_(self.all_unit), unlikely=True):  # type: ignore[arg-type]
                for stream in written:
                    self._unstage(stream, direct[id(stream)], self._if_loose(stream, length))
        return state

    def _stage(self, length: Value) -> None:
        """Let blocks of operands that are not contiguous lie on the stack: one branch for all of them."""
        fn, b1 = self.fn, self.b1
        if not self.loose:
            return
        before, staged = fn.current_label, []
        with fn.if_(b1.not_(self.all_unit), unlikely=True):  # type: ignore[arg-type]
            for number, stream in enumerate(self.moved):
                if stream in self.loose:
                    block = self._staged(number, stream, self._if_loose(stream, length))
                    staged.append(b1.select(stream.unit, stream.block, block))  # type: ignore[arg-type]
            inside = fn.current_label
        for stream, block in zip((s for s in self.moved if s in self.loose), staged, strict=True):
            stream.block = fn.assign("ptr", f"phi ptr [{stream.block.ref}, %{before}], [{block.ref}, %{inside}]")

    def _staged(self, number: int, stream: Stream, count: Value) -> Value:
        """Where the block of an operand lies if it is not contiguous: `count` elements of it, if it is read."""
        staging = self.fn.scratch(f"staging {number}", 8 * BLOCK)  # no dtype has larger elements
        if not stream.written:
            self.em.stage(staging, stream.block, stream.values[-1], count, stream.array.itemsize)
        return staging

    def _unstage(self, stream: Stream, target: Value, count: Value) -> None:
        """Copy a block that was written to where it belongs."""
        self.em.unstage(target, stream.block, stream.values[-1], count, stream.array.itemsize)

    def _if_loose(self, stream: Stream, length: Value) -> Value:
        """How many elements are to be copied for an operand: none if it is contiguous."""
        return self.b1.select(stream.unit, self.b1.const("i64", 0), length)  # type: ignore[arg-type]

    def _load_fixed(self) -> None:
        """Values that are the same along the innermost dimension."""
        self.constant = dict(self.scalars)
        for number, stream in self.streams.items():
            if stream.values[-1] is None:
                self.constant[number] = self.em.load_element(self.b1, stream.pointer, stream.array.dtype)
        self.fixed = self._spread()

    def _spread(self) -> dict[int, Value]:
        """The constant values as vectors."""
        return {number: self.b.splat(scalar) for number, scalar in self.constant.items()}

    @contextmanager
    def _wide(self) -> Iterator[None]:
        """Vectors of several pieces: LLVM makes several instructions of each, side by side."""
        saved = self.b, self.lanes, self.fixed
        self.lanes *= self.pieces
        self.b = Builder(self.fn, self.lanes)
        self.fixed = self._spread()
        yield
        self.b, self.lanes, self.fixed = saved

    def _pieces(self, start: Value, length: Value, state: Sequence[Value]) -> Sequence[Value]:
        """The body over `length` elements that begin at index `start` of the innermost dimension."""
        fn, b1 = self.fn, self.b1
        width = self.lanes * self.pieces
        stop = b1.sub(length, b1.const("i64", width - 1))
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
        b, several = self.b, self.pieces > 1 and mask is None
        if several:
            with self._wide():
                computed = self._body(at, start, None)
        else:
            computed = self._body(at, start, mask)
        elements: list[Parts] = []
        for a in self.accumulators:
            value = computed[a.reduction.value]
            pieces: list[Parts] = []
            for piece in range(self.pieces if several else 1):
                here = self.b1.add(at, self.b1.const("i64", piece * self.lanes)) if piece else at
                parts = a.element(b, b.part(value, piece) if several else value, self._place(start, here))
                if mask is not None:
                    parts = [b.select(mask, x, none) for x, none in zip(parts, a.nothing(b), strict=True)]
                pieces.append(parts)
            elements.append(a.gather(b, pieces))
        results = zip(self.accumulators, self._divided(state), elements, strict=True)
        return [part for a, parts, new in results for part in a.add(b, parts, new)]

    def _place(self, start: Value, at: Value) -> Value:
        """The number of an element among those that are reduced together, for the first lane of a piece."""
        b1 = self.b1
        place = b1.const("i64", 0)
        if all(a.reduction.places is None for a in self.accumulators):
            return place
        for axis in self.inside:
            index = b1.add(self.indices[axis], self.begins[axis])
            place = index if place.ref == "0" else b1.add(b1.mul(place, self.lengths[axis]), index)
        if self.kinds[-1] == "K":
            return place
        inner = b1.add(b1.add(start, at), self.begins[-1])
        return inner if place.ref == "0" else b1.add(b1.mul(place, self.lengths[-1]), inner)

    def _body(self, at: Value, start: Value, mask: Value | None, known: Mapping[int, Value] | None = None) -> Computed:
        """One piece: load, compute, store, except what is `known`."""
        computed = self._values(at, start, mask, known or {}, ())
        for number, stream in self.store_streams:
            dtype = stream.array.dtype
            if stream.values[-1] is None:  # length 1 in the innermost dimension
                self.em.store_element(self.b1, self.b.lane(computed[number], 0), stream.pointer, dtype)
                continue
            self.em.store_vector(self.b, computed[number], self._element(stream.block, at, dtype), dtype, mask)
        return computed

    def _values(
        self, at: Value, start: Value, mask: Value | None, known: Mapping[int, Value], without: Container[int]
    ) -> Computed:
        """The values of one piece by their numbers: those that are known, and others but for some."""
        em, b = self.em, self.b
        computed = dict(known)
        for number, e in enumerate(self.loop.values):
            if number in computed or number in without:
                continue
            if number in self.fixed:
                computed[number] = self.fixed[number]
                continue
            match e:
                case Load():
                    computed[number] = self._load(self.streams[number], at, mask)
                case Literal():
                    computed[number] = em.literal(b, e.value, e.dtype)
                case Iota():
                    computed[number] = self._index(e.axis, at, start)
                case Position():
                    computed[number] = self._position(at, start)
                case Compute():
                    computed[number] = em.compute(b, e, [computed[a] for a in e.arguments], self.loop)
                case Length():
                    raise AssertionError("lengths are fixed")
        return computed

    def _load(self, stream: Stream, at: Value, mask: Value | None) -> Value:
        """Elements of the block that is walked now."""
        dtype = stream.array.dtype
        return self.em.load_vector(self.b, self._element(stream.block, at, dtype), dtype, mask)

    def _element(self, block: Value, at: Value, dtype: str) -> Value:
        return self.em.offset(block, self.b1.mul(at, self.b1.const("i64", ITEMSIZES[dtype])))

    def _index(self, axis: int, at: Value, start: Value) -> Value:
        if axis not in self.walked:
            return self.b.const("i64", 0)
        walked = self.walked.index(axis)
        if walked != self.rank - 1:
            index = self.indices[walked]
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

    def _position(self, at: Value, start: Value) -> Value:
        """The number of each element in the space; dimensions that were joined into the innermost one stand at 0."""
        b1, line = self.b1, self.b1.const("i64", 0)
        *outer, inner = range(self.rank)
        for axis in outer:
            index = b1.add(self.indices[axis], self.begins[axis])
            line = index if line.ref == "0" else b1.add(b1.mul(line, self._extent(axis)), index)
        within = self._index(self.walked[inner], at, start)
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
            for array, result in a.results(a.element(b, computed[a.reduction.value], b.const("i64", 0))):
                em.store_element(b, result, em.pointer(array), array.dtype)
