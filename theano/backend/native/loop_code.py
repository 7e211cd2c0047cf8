"""The code of a loop nest.

The space has one extent a dimension. Trailing dimensions in which every operand is contiguous are collapsed at run
time into one. The innermost dimension runs in vectors; a last, incomplete vector runs under a mask, so there is no
scalar copy of the body. An operand whose innermost stride is not that of its elements is staged through a small buffer
on the stack, block by block, so the body itself only ever sees contiguous operands: one body serves all layouts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from theano.backend.native.ir import BITS, Builder, Value
from theano.backend.native.loops import Compute, Iota, Length, Literal, Load, Loop, Reduction
from theano.backend.native.program import ONE, Array, Const, Ref
from theano.backend.native.recipes import element_type
from theano.backend.native.vectormath import FUNCTIONS

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter

BLOCK = 256  # elements staged at a time
UNROLL_BELOW = 6  # reductions of bodies with fewer operations keep several accumulators


class Stream:
    """An array as a loop walks along it: per dimension a stride or nothing (not stepping), and the current address."""

    def __init__(self, array: Array, strides: Sequence[Ref | None], written: bool) -> None:
        self.array = array
        self.strides = list(strides)
        self.written = written
        self.pointer: Value = Value("null", "ptr")
        self.values: list[Value | None] = []
        self.block_pointer: Value = Value("null", "ptr")
        self.unit: Value | None = None
        self.staging: Value | None = None

    @property
    def inner_static_unit(self) -> bool:
        """Whether the innermost stride is known to be the element size."""
        last = self.strides[-1]
        return self.array.contiguous or (isinstance(last, Const) and last.value == self.array.itemsize)


class LoopCode:
    """Writes the code of one loop."""

    def __init__(self, em: Emitter, loop: Loop) -> None:
        self.em = em
        self.fn = em.fn
        self.loop = loop
        self.rank = len(loop.extents)
        self.b1 = Builder(em.fn, 1)
        self.scalars: dict[int, Value] = {}  # loads that no dimension moves: loaded once
        self.streams: dict[int, Stream] = {}  # load value number -> stream
        self.store_streams: list[tuple[int, Stream]] = []
        self.reduction_streams: list[tuple[Reduction, Stream]] = []
        self.indices: list[Value] = []

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
        if self.rank == 0:
            self._emit_scalar()
            return
        for number, array in loop.stores:
            self.store_streams.append((number, Stream(array, walk(array, whole), True)))
        for reduction in loop.reductions:
            self.reduction_streams.append((reduction, Stream(reduction.array, walk(reduction.array, unreduced), True)))
        everything = [
            *self.streams.values(),
            *(s for _, s in self.store_streams),
            *(s for _, s in self.reduction_streams),
        ]
        for stream in everything:
            stream.pointer = em.pointer(stream.array)
            stream.values = [None if s is None else em.ref(s) for s in stream.strides]
        self.all_streams = everything
        self.extents = [em.ref(loop.extents[a]) for a in self.walked]
        self.lanes = self._choose_lanes()
        self.b = Builder(self.fn, self.lanes)
        self.kinds = ["R" if a in reduced else "K" for a in self.walked]
        self.inner_reduced = self.kinds[-1] == "R"
        self.trailing = 0
        if self.inner_reduced:
            while self.trailing < self.rank and self.kinds[-1 - self.trailing] == "R":
                self.trailing += 1
        self.outer_reduced = "R" in self.kinds[: self.rank - self.trailing]
        if self.outer_reduced or (loop.reductions and not self.inner_reduced):
            for reduction, stream in self.reduction_streams:
                self._fill_identity(reduction, stream)
        self._collapse()
        self._nest(0)

    def _choose_lanes(self) -> int:
        """As many lanes as the widest element in registers allows."""
        widest = 8
        for e in self.loop.values:
            if not isinstance(e, Literal | Length):
                kind = element_type(e.dtype)
                widest = max(widest, 8 if kind == "i1" else BITS[kind])
        for reduction in self.loop.reductions:
            widest = max(widest, BITS[element_type(reduction.array.dtype)] if reduction.array.dtype != "bool" else 8)
        return max(1, min(self.em.vector_bits // widest, 32))

    def _fill_identity(self, reduction: Reduction, stream: Stream) -> None:
        """Set all of a reduction's result to the neutral element before anything is combined into it."""
        em = self.em
        count = em.count(reduction.array)
        identity = em.identity(self.b1, reduction.op, reduction.array.dtype)
        em.fill(stream.pointer, reduction.array.dtype, count, identity)

    def _collapse(self) -> None:
        """Join trailing dimensions into the innermost one where all operands allow it."""
        if any(isinstance(e, Iota) for e in self.loop.values):
            return
        b, known = self.b1, True
        ok: Value | None = None
        original = list(self.extents)
        for axis in range(self.rank - 2, -1, -1):
            if self.kinds[axis] != self.kinds[-1]:
                return
            conditions: list[Value] = []
            for stream in self.all_streams:
                here, after = stream.strides[axis], stream.strides[axis + 1]
                if (here is None) != (after is None):
                    return
                if here is None or stream.array.contiguous:
                    continue
                step = b.mul(stream.values[axis + 1], original[axis + 1])  # type: ignore[arg-type]
                conditions.append(b.icmp("eq", stream.values[axis], step))  # type: ignore[arg-type]
            for condition in conditions:
                ok = condition if ok is None else b.and_(ok, condition)
                known = False
            product = b.mul(self.extents[-1], original[axis])
            if known or ok is None:
                self.extents[-1], self.extents[axis] = product, b.const("i64", 1)
            else:
                self.extents[-1] = b.select(ok, product, self.extents[-1])
                self.extents[axis] = b.select(ok, b.const("i64", 1), original[axis])

    # ---- the nest

    def _nest(self, axis: int) -> None:
        """Loop over dimension `axis` and all inside it."""
        registers = self.inner_reduced and axis == self.rank - self.trailing
        if registers:
            self._begin_accumulators()
        if axis == self.rank - 1:
            self._inner()
        elif self.extents[axis].ref == "1":
            self.indices.append(self.b1.const("i64", 0))
            self._nest(axis + 1)
            self.indices.pop()
        else:
            saved = [s.pointer for s in self.all_streams]
            with self.fn.loop(self.b1.const("i64", 0), self.extents[axis]) as i:
                for stream in self.all_streams:
                    step = stream.values[axis]
                    if step is not None:
                        stream.pointer = self.em.offset(stream.pointer, self.b1.mul(i, step))
                self.indices.append(i)
                self._nest(axis + 1)
                self.indices.pop()
            for stream, pointer in zip(self.all_streams, saved, strict=True):
                stream.pointer = pointer
        if registers:
            self._finish_accumulators()

    # ---- reductions into registers

    def _begin_accumulators(self) -> None:
        self.accumulators: list[Value] = []
        for reduction, _ in self.reduction_streams:
            kind = self._register_type(reduction.array.dtype)
            memory = self.fn.alloca(self.b.type_text(kind))
            identity = self.em.identity(self.b, reduction.op, reduction.array.dtype)
            self.fn.emit(f"store {identity.full_type} {identity.ref}, ptr {memory.ref}, align 64")
            self.accumulators.append(memory)

    def _finish_accumulators(self) -> None:
        em, b1 = self.em, self.b1
        for (reduction, stream), memory in zip(self.reduction_streams, self.accumulators, strict=True):
            dtype = reduction.array.dtype
            kind = self._register_type(dtype)
            full = self.b.type_text(kind)
            vector = self.fn.assign(kind, f"load {full}, ptr {memory.ref}, align 64", self.lanes)
            total = self.b.lane(vector, 0)
            for i in range(1, self.lanes):
                total = em.combine(b1, reduction.op, dtype, total, self.b.lane(vector, i))
            if self.outer_reduced:
                total = em.combine(b1, reduction.op, dtype, em.load_element(b1, stream.pointer, dtype), total)
            em.store_element(b1, total, stream.pointer, dtype)

    @staticmethod
    def _register_type(dtype: str) -> str:
        return element_type(dtype)

    # ---- the innermost dimension

    def _inner(self) -> None:
        """Blocks of the innermost dimension: staged where needed, then vectors."""
        b1, fn, em = self.b1, self.fn, self.em
        n = self.extents[-1]
        moving = [s for s in self.all_streams if s.values[-1] is not None]
        self.fixed: dict[int, Value] = {}
        for number, stream in self.streams.items():
            if stream.values[-1] is None:
                scalar = em.load_element(b1, stream.pointer, stream.array.dtype)
                self.fixed[number] = self.b.splat(scalar)
        for number, scalar in self.scalars.items():
            self.fixed[number] = self.b.splat(scalar)
        loose = [s for s in moving if not s.inner_static_unit]
        if not loose:
            for stream in moving:
                stream.block_pointer = stream.pointer
            self._vectors(b1.const("i64", 0), n)
            return
        all_unit: Value | None = None
        for number, stream in enumerate(loose):
            stream.unit = b1.icmp("eq", stream.values[-1], b1.const("i64", stream.array.itemsize))  # type: ignore[arg-type]
            all_unit = stream.unit if all_unit is None else b1.and_(all_unit, stream.unit)
            stream.staging = fn.scratch(number, 8 * BLOCK)  # no dtype has larger elements
        block = b1.select(all_unit, n, b1.const("i64", BLOCK))  # type: ignore[arg-type]
        with fn.loop(b1.const("i64", 0), n, block) as start:
            rest = b1.sub(n, start)
            length = b1.intrinsic("smin", rest, block)
            for stream in moving:
                size = b1.const("i64", stream.array.itemsize)
                if stream not in loose:
                    stream.block_pointer = em.offset(stream.pointer, b1.mul(start, size))
                    continue
                direct = em.offset(stream.pointer, b1.mul(start, stream.values[-1]))  # type: ignore[arg-type]
                if self._is_read(stream):
                    with fn.if_(b1.not_(stream.unit), unlikely=True):  # type: ignore[arg-type]
                        em.stage(stream.staging, direct, stream.values[-1], length, stream.array.itemsize)
                stream.block_pointer = fn.assign(
                    "ptr",
                    f"select i1 {stream.unit.ref}, ptr {direct.ref}, ptr {stream.staging.ref}",  # type: ignore[union-attr]
                )
            self._vectors(start, length)
            for stream in loose:
                if stream.written:
                    direct = em.offset(stream.pointer, b1.mul(start, stream.values[-1]))  # type: ignore[arg-type]
                    with fn.if_(b1.not_(stream.unit), unlikely=True):  # type: ignore[arg-type]
                        em.unstage(direct, stream.staging, stream.values[-1], length, stream.array.itemsize)

    def _is_read(self, stream: Stream) -> bool:
        return not stream.written or any(s is stream for _, s in self.reduction_streams)

    def _vectors(self, start: Value, length: Value) -> None:
        """The body over `length` elements that begin at index `start` of the innermost dimension."""
        fn, b1, lanes = self.fn, self.b1, self.lanes
        registers = self.inner_reduced
        work = [e for n, e in enumerate(self.loop.values) if isinstance(e, Compute) and n not in self.scalars]
        cheap = len(work) < UNROLL_BELOW and not any(e.op.name in FUNCTIONS for e in work)
        unroll = 4 if registers and cheap else 1
        width = lanes * unroll
        carried = self.accumulators if registers else []
        types = [self.b.type_text(self._register_type(r.array.dtype)) for r, _ in self.reduction_streams]
        before: list[list[str]] = []
        for (reduction, _), memory, full in zip(self.reduction_streams, carried, types, strict=False):
            first = fn.assign("", f"load {full}, ptr {memory.ref}, align 64").ref
            identity = self.em.identity(self.b, reduction.op, reduction.array.dtype).ref
            before.append([first] + [identity] * (unroll - 1))
        # main loop: whole vectors
        head, body, after = fn.new_label("vector"), fn.new_label("body"), fn.new_label("rest")
        entry = fn.current_label
        index, following = fn.fresh(), fn.fresh()
        stop = b1.sub(length, b1.const("i64", width - 1))
        latch = fn.new_label("latch")
        current = [[fn.fresh() for _ in range(unroll)] for _ in carried]
        fn.branch(head)
        fn.label(head)
        fn.emit(f"{index} = phi i64 [0, %{entry}], [{following}, %{latch}]")
        phis = len(fn.lines)  # the accumulators' phis name results of the body: written once these are known
        fn.branch_if(b1.icmp("slt", Value(index, "i64"), stop), body, after)
        fn.label(body)
        results: list[list[str]] = [[""] * unroll for _ in carried]
        for u in range(unroll):
            at = Value(index, "i64") if u == 0 else b1.add(Value(index, "i64"), b1.const("i64", u * lanes))
            accumulators = (
                [
                    Value(current[k][u], self._register_type(r.array.dtype), lanes)
                    for k, (r, _) in enumerate(self.reduction_streams)
                ]
                if carried
                else []
            )
            for k, value in enumerate(self._body(at, start, accumulators, None)):
                results[k][u] = value.ref
        fn.branch(latch)
        fn.label(latch)
        fn.lines[phis:phis] = [
            f"  {current[k][u]} = phi {full} [{before[k][u]}, %{entry}], [{results[k][u]}, %{latch}]"
            for k, full in enumerate(types if carried else [])
            for u in range(unroll)
        ]
        fn.emit(f"{following} = add nuw nsw i64 {index}, {width}")
        fn.branch(head)
        fn.label(after)
        totals: list[Value] = []
        for k, (reduction, _) in enumerate(self.reduction_streams if carried else []):
            kind = self._register_type(reduction.array.dtype)
            total = Value(current[k][0], kind, lanes)
            for u in range(1, unroll):
                total = self.em.combine(
                    self.b, reduction.op, reduction.array.dtype, total, Value(current[k][u], kind, lanes)
                )
            totals.append(total)
        for total, memory in zip(totals, carried, strict=True):
            fn.emit(f"store {total.full_type} {total.ref}, ptr {memory.ref}, align 64")
        if lanes == 1 and unroll == 1:
            return
        # what is left: under a mask
        with fn.loop(Value(index, "i64"), length, lanes) as at:
            mask = self.em.lane_mask(self.b, at, length)
            accumulators = [
                fn.assign(self._register_type(r.array.dtype), f"load {full}, ptr {memory.ref}, align 64", lanes)
                for (r, _), memory, full in zip(self.reduction_streams, carried, types, strict=False)
            ]
            for value, memory in zip(self._body(at, start, accumulators, mask), carried, strict=True):
                fn.emit(f"store {value.full_type} {value.ref}, ptr {memory.ref}, align 64")

    def _body(self, at: Value, start: Value, accumulators: list[Value], mask: Value | None) -> list[Value]:
        """One vector: load, compute, store; returns the accumulators with this vector combined in."""
        em, b, b1 = self.em, self.b, self.b1
        computed: list[Value] = []
        for number, e in enumerate(self.loop.values):
            if number in self.fixed:
                computed.append(self.fixed[number])
                continue
            match e:
                case Load():
                    computed.append(em.load_vector(b, self._address(self.streams[number], at), e.dtype, mask))
                case Literal():
                    computed.append(em.literal(b, e.value, e.dtype))
                case Iota():
                    computed.append(self._index(e.axis, at, start))
                case Compute():
                    computed.append(em.compute(b, e, [computed[a] for a in e.arguments], self.loop))
                case Length():
                    raise AssertionError("lengths are fixed")
        for number, stream in self.store_streams:
            if stream.values[-1] is None:  # length 1 in the innermost dimension
                em.store_element(b1, b.lane(computed[number], 0), stream.pointer, stream.array.dtype)
                continue
            em.store_vector(b, computed[number], self._address(stream, at), stream.array.dtype, mask)
        results: list[Value] = []
        for k, (reduction, stream) in enumerate(self.reduction_streams):
            dtype = reduction.array.dtype
            value = em.convert(b, computed[reduction.value], self.loop.values[reduction.value].dtype, dtype)
            if self.inner_reduced:
                combined = em.combine(b, reduction.op, dtype, accumulators[k], value)
                if mask is not None:
                    combined = b.select(mask, combined, accumulators[k])
                results.append(combined)
            elif stream.values[-1] is None:
                old = em.load_element(b1, stream.pointer, dtype)
                em.store_element(b1, em.combine(b1, reduction.op, dtype, old, b.lane(value, 0)), stream.pointer, dtype)
            else:
                address = self._address(stream, at)
                old = em.load_vector(b, address, dtype, mask)
                em.store_vector(b, em.combine(b, reduction.op, dtype, old, value), address, dtype, mask)
        return results

    def _address(self, stream: Stream, at: Value) -> Value:
        return self.em.offset(stream.block_pointer, self.b1.mul(at, self.b1.const("i64", stream.array.itemsize)))

    def _index(self, axis: int, at: Value, start: Value) -> Value:
        if axis not in self.walked:
            return self.b.const("i64", 0)
        if axis != self.walked[-1]:
            return self.b.splat(self.indices[self.walked.index(axis)])
        first = self.b.splat(self.b1.add(start, at))
        if self.lanes == 1:
            return first
        steps = ", ".join(f"i64 {i}" for i in range(self.lanes))
        return self.b.add(first, Value(f"<{steps}>", "i64", self.lanes))

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
                case Iota():
                    computed.append(b.const("i64", 0))
                case Load() | Length():
                    raise AssertionError("loads and lengths of rank 0 are scalars")
        for number, array in self.loop.stores:
            em.store_element(b, computed[number], em.pointer(array), array.dtype)
        for reduction in self.loop.reductions:
            value = computed[reduction.value]
            value = em.convert(b, value, self.loop.values[reduction.value].dtype, reduction.array.dtype)
            em.store_element(b, value, em.pointer(reduction.array), reduction.array.dtype)
