"""Loops that take turns on a few rows at a time.

A softmax along rows is three loops over one space: maxima, exponentials with their sums, quotients. One after the other
they would read and write the whole array each time. Since none needs more of what the others write than the rows that
it works on itself, they run for a strip of rows that fits into the cache, one after the other, then for the next strip.
A row is what belongs to one index along the first dimension that is longer than 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from theano.backend.native.ir import Value
from theano.backend.native.loops import Load, Loop
from theano.backend.native.program import ONE, Array, Buffer, Ref, Step
from theano.backend.native.tiles import write_loop

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter

STRIP = 2**18  # bytes of all arrays that the rows of a strip may take, unless they are one row
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
        b, first = em.b, self.loops[0]
        one, rows = b.const("i64", 1), em.ref(first.extents[_axis(first)])
        strip = b.assign("i64", f"udiv i64 {STRIP}, {self._row_size(em).ref}")
        strip = b.intrinsic("smin", b.intrinsic("smax", strip, one), rows)
        for array in self.writes:
            em.allocate(array, strip if array.buffer is not None and array.buffer.strip else None)
        with em.fn.loop(b.const("i64", 0), rows, b.intrinsic("smax", strip, one)) as begin:
            length = b.intrinsic("smin", b.sub(rows, begin), strip)
            for loop in self.loops:
                with em.times.around(em, loop) if em.times is not None else nullcontext():
                    write_loop(em, loop, (_axis(loop), begin, length))

    def _row_size(self, em: Emitter) -> Value:
        """Bytes that one row of all arrays takes, at least 1."""
        b = em.b
        arrays = {a.buffer: a for a in (*self.reads, *self.writes) if a.buffer is not None and _is_plane(a)}
        sizes: Counter[tuple[Ref, ...]] = Counter()
        for array in arrays.values():
            sizes[tuple(length for length in array.shape if length != ONE)[1:]] += array.itemsize
        total = b.const("i64", 1)
        for lengths, itemsize in sizes.items():
            size = b.const("i64", itemsize)
            for length in lengths:
                size = b.mul(size, em.ref(length))
            total = b.add(total, size)
        return total

    def signature(self) -> str:
        parts = [loop.signature() for loop in self.loops]
        return "\n".join(parts) if all(parts) else ""

    def title(self) -> str:
        return "strips"

    def text(self) -> str:
        lines = "\n".join(loop.text() for loop in self.loops).split("\n")
        return "\n".join(["strips of", *("  " + line for line in lines)])


def in_strips(steps: Sequence[Step], *, whole: bool = False) -> list[Step]:
    """`steps`, in order, with loops that can go through rows together put into one step.

    Where `steps` are the `whole` program, what only such loops use holds no more rows than they need at a time.
    """
    found: list[Step] = []
    group: list[Loop] = []

    def close() -> None:
        planes = Counter(b for loop in group for b in {a.buffer for a in (*loop.reads, *loop.writes) if _is_plane(a)})
        found.extend([Strips(group)] if any(loops > 1 for loops in planes.values()) else group)
        group.clear()

    for step in steps:
        if type(step) is Loop and _has_rows(step) and (not group or _goes_with(step, group)):
            group.append(step)
        elif group and _writes_elements_only(step) and step.dependencies().isdisjoint(group):
            found.append(step)  # it might as well have run before
        else:
            close()
            if type(step) is Loop and _has_rows(step):
                group.append(step)
            else:
                found.append(step)
    close()
    if whole:
        _shorten(found)
    return found


def _shorten(steps: Sequence[Step]) -> None:
    """Let temporaries that are used by one step of strips alone hold the rows of one strip."""
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


def _is_plane(array: Array) -> bool:
    """Whether it is worth to meet an array in the cache again."""
    return sum(length != ONE for length in array.shape) > 1


def _axis(loop: Loop) -> int:
    """The first dimension that need not be of length 1; the rank where there is none."""
    return next((a for a, length in enumerate(loop.extents) if length != ONE), len(loop.extents))


def _has_rows(loop: Loop) -> bool:
    """Whether a loop can do its work for some of its rows."""
    axis = _axis(loop)
    return axis < len(loop.extents) and axis not in (loop.axes or ())


def _writes_elements_only(step: Step) -> bool:
    return not step.inner_steps() and all(a.buffer is not None and a.buffer.kind == "word" for a in step.writes)


def _goes_with(loop: Loop, group: Sequence[Loop]) -> bool:
    """Whether a loop shares arrays with those of the group, in such a way that it can go through rows with them."""
    if loop.extents[_axis(loop)] != group[0].extents[_axis(group[0])]:
        return False
    touched = {array.buffer for other in group for array in (*other.reads, *other.writes)}
    if touched.isdisjoint(array.buffer for array in loop.reads):
        return False
    loops = [*group, loop]
    accesses: dict[Buffer, set[Access]] = {}
    for other in loops:
        for array, stride in _accesses(other):
            if array.buffer is not None:
                accesses.setdefault(array.buffer, set()).add((array.data, stride))
    # What a loop writes, others may only touch in the same rows; that includes temporaries, which may be overwritten.
    written = {array.buffer for other in loops for array in other.writes}
    return all(
        len(known) == 1 and (buffer not in written or all(stride is not None for _, stride in known))
        for buffer, known in accesses.items()
        if buffer.kind == "temp" or buffer in written
    )


def _accesses(loop: Loop) -> Iterator[tuple[Array, Ref | None]]:
    """What a loop reads and writes, with the strides along its rows."""
    axis = _axis(loop)
    whole = [e.array for e in loop.values if isinstance(e, Load)] + [array for _, array in loop.stores]
    kept = [a for a in range(len(loop.extents)) if a not in (loop.axes or ())]
    results = [(array, kept.index(axis)) for r in loop.reductions for array in r.arrays]
    for array, place in (*((array, axis) for array in whole), *results):
        yield array, None if array.pattern[place] else array.strides[place]
