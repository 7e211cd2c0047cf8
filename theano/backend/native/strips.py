"""Loops that take turns on a few rows at a time.

A softmax along rows is three loops over one space: maxima, exponentials with their sums, quotients. One after the other
they would read and write the whole array each time. Since none needs more of what the others write than the rows that
it works on itself, they run for a strip of rows that fits into the cache, one after the other, then for the next strip.
A row is what belongs to one index along the first dimension that is longer than 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from theano.backend.native.ir import Value
from theano.backend.native.loops import Load, Loop
from theano.backend.native.nests import lies_across, write_loop
from theano.backend.native.parallel import Region, is_foreign, loop_cost, product
from theano.backend.native.program import ONE, Array, Buffer, Ref, Step

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter

MOST_LOOPS = 40  # in one step: they are compiled together
STRIP = 2**17  # bytes of all arrays that the rows of a strip may take, unless they are one row
Access = tuple[int, Ref | None]  # address of an array, and its stride along the rows: None where it has none


class Strips(Step):
    """Loops that go through their first dimensions, which are equally long, together."""

    def __init__(self, loops: Sequence[Loop]) -> None:
        super().__init__(node=loops[0].node)
        self.loops = list(loops)
        for loop in loops:
            self.reads += loop.reads
            self.writes += loop.writes

    def inner_steps(self) -> list[Step]:
        return list(self.loops)

    def parts(self) -> list[Step]:
        return list(self.loops)

    def emit(self, em: Emitter) -> None:
        fits, first = self._fits(em), self.loops[0]
        rows, none = em.ref(first.extents[_axis(first)]), em.b.const("i64", 0)
        short = self._short()
        for array in sorted(self.writes, key=lambda array: array.buffer in short):
            em.allocate(array, em.b.select(fits, none, rows) if array.buffer in short else None)
        region = Region(em)
        b, size = em.b, self._row_size(em)
        rows = em.ref(first.extents[_axis(first)])
        (start,), (count,) = region.divide(
            [rows], b.mul(rows, size), self._cost(), foreign=any(map(is_foreign, self.loops))
        )
        fits = self._fits(em)
        strip = b.select(fits, b.assign("i64", f"udiv i64 {STRIP}, {size.ref}"), self._rows_that_do_not_fit(em, count))
        with em.fn.loop(b.const("i64", 0), count, strip) as at:
            begin = b.add(start, at)
            length = b.intrinsic("smin", b.sub(count, at), strip)
            em.places = self._places(em, fits, strip, begin)
            for loop in self.loops:
                write_loop(em, loop, (_axis(loop), begin, length))
            em.places = {}
        region.finish()

    def _fits(self, em: Emitter) -> Value:
        """Whether rows fit into a strip, and lie one after the other in memory."""
        b = em.b
        fits = b.icmp("sle", self._row_size(em), b.const("i64", STRIP))
        across = self._across(em)
        return fits if across is None else b.and_(fits, b.not_(across))

    def _rows_that_do_not_fit(self, em: Emitter, count: Value) -> Value:
        """How many are taken at a time: all `count` of them if they lie side by side."""
        one, across = em.b.const("i64", 1), self._across(em)
        return one if across is None else em.b.select(across, em.b.intrinsic("smax", count, one), one)

    def _across(self, em: Emitter) -> Value | None:
        """Whether an operand's rows lie side by side; None if that cannot be."""
        found = [across for loop in self.loops if (across := lies_across(em, loop)) is not None]
        return reduce(em.b.or_, found) if found else None

    def _places(self, em: Emitter, fits: Value, strip: Value, begin: Value) -> dict[Buffer | None, Value]:
        """Where the rows of a strip are that nobody needs later: on the stack, unless a single row is too large."""
        b = em.b
        short = self._short()
        sizes: dict[int, Value] = {}  # by slot: a result may take the place of an operand
        for buffer, array in short.items():
            size = b.and_(b.add(b.mul(strip, self._bytes_of_row(em, array)), b.const("i64", 63)), b.const("i64", -64))
            known = sizes.get(buffer.number)
            sizes[buffer.number] = size if known is None else b.intrinsic("smax", size, known)
        stack = em.fn.scratch("strip", STRIP + 64 * len(sizes)) if sizes else b.const("i64", 0)
        places: dict[Buffer | None, Value] = {}
        offset = b.const("i64", 0)
        for slot, size in sizes.items():
            for buffer, array in short.items():
                if buffer.number == slot:
                    whole = em.offset(em.pointer(array), b.mul(begin, self._bytes_of_row(em, array)))
                    places[buffer] = b.select(fits, em.offset(stack, offset), whole)
            offset = b.add(offset, size)
        return places

    @staticmethod
    def _bytes_of_row(em: Emitter, array: Array) -> Value:
        """The size of what a contiguous array has in one row."""
        lengths = [length for length in array.shape if length != ONE][1:]
        return product(em.b, [em.b.const("i64", array.itemsize), *map(em.ref, lengths)])

    def _cost(self) -> float:
        """Of one byte of a row."""
        planes = {a.buffer: a.itemsize for a in (*self.reads, *self.writes) if is_plane(a)}
        whole = [loop for loop in self.loops if sum(length != ONE for length in loop.extents) > 1]
        return sum(map(loop_cost, whole)) / sum(planes.values())

    def _short(self) -> dict[Buffer, Array]:
        """What only these loops use."""
        return {a.buffer: a for a in self.writes if a.buffer is not None and a.buffer.strip}

    def _row_size(self, em: Emitter) -> Value:
        """Bytes that one row of all arrays takes, at least 1."""
        b = em.b
        arrays = {a.buffer: a for a in (*self.reads, *self.writes) if a.buffer is not None and is_plane(a)}
        arrays.update(self._short())
        total = b.const("i64", 1)
        for array in arrays.values():
            total = b.add(total, self._bytes_of_row(em, array))
        return total

    def signature(self) -> str:
        parts = [loop.signature() for loop in self.loops]
        return "\n".join(parts) if all(parts) else ""

    def title(self) -> str:
        return f"strips of {len(self.loops)} loops"

    def text(self) -> str:
        lines = "\n".join(loop.text() for loop in self.loops).split("\n")
        return "\n".join(["strips of", *("  " + line for line in lines)])


class _Group:
    """Loops that share arrays, in such a way that they can go through rows together."""

    def __init__(self) -> None:
        self.loops: list[Loop] = []
        self.open = True
        self.touched: set[Buffer | None] = set()
        self.written: set[Buffer | None] = set()
        self.accesses: dict[Buffer, set[Access]] = {}

    def takes(self, loop: Loop) -> bool:
        """Whether `loop` is one of the group from now on; looks at what it touches only, so that time stays linear."""
        if self.loops:
            first = self.loops[0]
            if not self.open or loop.extents[_axis(loop)] != first.extents[_axis(first)]:
                return False
            if self.touched.isdisjoint(array.buffer for array in loop.reads):
                return False
        accesses: dict[Buffer, set[Access]] = {}
        for array, stride in _accesses(loop):
            if array.buffer is not None:
                known = accesses.setdefault(array.buffer, set(self.accesses.get(array.buffer, ())))
                known.add((array.data, stride))
        written = self.written | {array.buffer for array in loop.writes}
        # what a loop writes, others may only touch in the same rows; so with temporaries, which may be overwritten
        in_rows = all(
            len(known) == 1 and (buffer not in written or all(stride is not None for _, stride in known))
            for buffer, known in accesses.items()
            if buffer.kind == "temp" or buffer in written
        )
        if self.loops and not in_rows:
            return False
        self.loops.append(loop)
        self.open = in_rows and len(self.loops) < MOST_LOOPS
        self.accesses.update(accesses)
        self.written = written
        self.touched.update(array.buffer for array in (*loop.reads, *loop.writes))
        return True


def in_strips(steps: Sequence[Step]) -> list[Step]:
    """`steps`, in order, with loops that can go through rows together put into one step."""
    found: list[Step] = []
    group = _Group()

    def close() -> None:
        nonlocal group
        loops, group = group.loops, _Group()
        arrays = [{a.buffer: _rank(a) for a in (*loop.reads, *loop.writes)} for loop in loops]
        most = max((rank for ranks in arrays for rank in ranks.values()), default=0)
        shared = Counter(buffer for ranks in arrays for buffer, rank in ranks.items() if rank == most)
        worthwhile = most > 1 and any(count > 1 for count in shared.values())  # of what is reduced little is left
        found.extend([Strips(loops)] if worthwhile else loops)

    for step in steps:
        loop = step if type(step) is Loop and _has_rows(step) else None
        if loop is not None and group.takes(loop):
            continue
        if group.loops and _writes_elements_only(step) and step.dependencies().isdisjoint(group.loops):
            found.append(step)  # it might as well have run before
            continue
        close()
        if loop is None or not group.takes(loop):
            found.append(step)
    close()
    return found


def shorten_temporaries(steps: Sequence[Step]) -> None:
    """Let temporaries that of the program `steps` one step of strips alone uses hold the rows of one strip."""
    users: dict[Buffer, set[Step]] = {}
    for step in steps:
        for array in (*step.reads, *step.writes):
            if array.buffer is not None:
                users.setdefault(array.buffer, set()).add(step)
    for step in steps:
        if isinstance(step, Strips):
            for array in step.writes:
                buffer = array.buffer
                if buffer is not None and buffer.kind == "temp" and array.owns and len(users[buffer]) == 1:
                    buffer.strip = True


def _rank(array: Array) -> int:
    """How many dimensions need not be of length 1."""
    return sum(length != ONE for length in array.shape)


def is_plane(array: Array) -> bool:
    """Whether it is worth to meet an array in the cache again."""
    return _rank(array) > 1


def _axis(loop: Loop) -> int:
    """The first dimension that need not be of length 1; the rank where there is none."""
    return next((a for a, length in enumerate(loop.extents) if length != ONE), len(loop.extents))


def _has_rows(loop: Loop) -> bool:
    """Whether a loop can do its work for some of its rows."""
    axis = _axis(loop)
    return axis < len(loop.extents) and axis not in (loop.axes or ())


def _writes_elements_only(step: Step) -> bool:
    return not step.inner_steps() and all(a.buffer is not None and a.buffer.kind == "word" for a in step.writes)


def _accesses(loop: Loop) -> Iterator[tuple[Array, Ref | None]]:
    """What a loop reads and writes, with the strides along its rows."""
    axis = _axis(loop)
    whole = [e.array for e in loop.values if isinstance(e, Load)] + [array for _, array in loop.stores]
    kept = [a for a in range(len(loop.extents)) if a not in (loop.axes or ())]
    results = [(array, kept.index(axis)) for r in loop.reductions for array in r.arrays]
    for array, place in (*((array, axis) for array in whole), *results):
        yield array, None if array.pattern[place] else array.strides[place]
