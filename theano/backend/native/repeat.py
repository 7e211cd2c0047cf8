"""A loop as one step: a body of steps that runs again and again inside the program.

Before the body runs the words that point to rows are set: those of sequences and of states, which the body reads, as
views; rows that it writes are placed when their first writer allocates them. So nothing is copied between steps. Of a
state of which only the last rows are wanted as many rows are kept as the body may look back, and one to write to, in a
ring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from theano.backend.native.emit import Check, Emitter
from theano.backend.native.ir import Value
from theano.backend.native.nested import Body
from theano.backend.native.program import ONE, ZERO, Array, Ref, Step
from theano.backend.native.scalar_loops import ScalarLoop, computes_numbers
from theano.graph.basic import Apply


class Row:
    """Where a body writes a row a step: a row of `whole`.

    Attributes
    ----------
    whole
        the array of all rows, or of as many as are kept.
    step
        the word that holds the number of the step.
    first
        the number of the row that the first step writes.
    ring
        how many rows are kept, in turn; 0: all.
    lengths
        for arrays whose lengths only the body tells: pairs of a word of the whole's shape and the body's length.
    empty
        word → the length that it gets where no step is run; others get 0.
    changed
        the error for such lengths that change from step to step.
    """

    def __init__(self, whole: Array, step: int, first: int, ring: int) -> None:
        self.whole, self.step, self.first, self.ring = whole, step, first, ring
        self.lengths: list[tuple[int, Ref]] = []
        self.empty: dict[int, Ref] = {}
        self.changed: tuple[Callable[..., str], Apply | None] = (str, None)

    def allocate(self, em: Emitter, array: Array, size: Value) -> None:
        """Let the data word of `array`, of `size` bytes, point to the row of this step."""
        step = em.ref(self.step)
        if self.lengths:
            self._allocate_whole(em, step)
        em.set_word(array.data, self.address(em, em.b.add(step, em.b.const("i64", self.first)), size))

    def _allocate_whole(self, em: Emitter, step: Value) -> None:
        first = em.b.icmp("eq", step, em.b.const("i64", 0))
        with em.fn.if_(first):
            for word, length in self.lengths:
                em.set_word(word, em.ref(length))
            self.whole.owns = True  # it may be written in either side of a choice
            em.allocate(self.whole)
        message, node = self.changed
        details = [ref for pair in self.lengths for ref in pair]
        for word, length in self.lengths:
            em.check(em.b.icmp("eq", em.ref(word), em.ref(length)), Check(ValueError, message, node, details))

    def address(self, em: Emitter, number: Value, size: Value) -> Value:
        """The address of row `number`, where rows have `size` bytes."""
        if self.ring == 1:
            return em.pointer(self.whole)
        if self.ring:
            number = em.fn.assign("i64", f"urem i64 {number.ref}, {self.ring}")
        return em.offset(em.pointer(self.whole), em.b.mul(number, size))


@dataclass
class Reading:
    """A row that a body reads: its data word is set before each step.

    Attributes
    ----------
    data
        the word.
    whole
        the array that has the row.
    row
        of states: where rows lie; ``None`` for sequences.
    offset
        the number of the row in the first step.
    """

    data: int
    whole: Array
    row: Row | None
    offset: int


@dataclass
class Last:
    """The last rows of a state in a ring, in order, as an array: the row itself where there is one, else a copy."""

    row: Row
    depth: int
    result: Array


class Repeat(Step):
    """A loop of `count` steps over a body."""

    checks = True

    def __init__(self, name: str, count: Ref, step: int, body: Body, node: Apply | None) -> None:
        super().__init__(node=node)
        self.name, self.count, self.step, self.body = name, count, step, body
        self.readings: list[Reading] = []
        self.late: list[Row] = []
        self.last: list[Last] = []
        self.stop: int | None = None  # the word that says that the loop ends
        self.done: int | None = None  # the word that counts the steps, where that is not known before

    def inner_steps(self) -> list[Step]:
        return self.body.plan.steps

    def inner_slots(self) -> list[int]:
        return self.body.plan.slots

    def title(self) -> str:
        return self.name

    def text(self) -> str:
        count = f"w{self.count}" if isinstance(self.count, int) else repr(self.count)
        lines = [f"{self.name}: {count} steps of"]
        parts = [("first", self.body.steps_before), ("each", self.body.repeated)]
        for name, steps in parts:
            for step in steps:
                lines += [f"  {name}: {line}" for line in step.text().split("\n")]
        lines.append(f"  reads {self.reads} -> {self.writes}")
        return "\n".join(lines)

    # ---- code

    def emit(self, em: Emitter) -> None:
        b, fn = em.b, em.fn
        zero = b.const("i64", 0)
        if self.late:
            with fn.if_(b.icmp("sle", em.ref(self.count), zero)):
                self._no_rows(em)
        if self.done is not None:
            em.set_word(self.done, zero)
        with fn.if_(b.icmp("sgt", em.ref(self.count), zero)):
            em.steps(self.body.steps_before)
            count = em.ref(self.count)  # only here: whoever helps with one of these steps has not come by before it
            if em.times is None and computes_numbers(self):
                ScalarLoop(em, self).write(count)
            else:
                self._emit_steps(em, count)
        for last in self.last:
            self._keep_last(em, last, em.ref(self.count if self.done is None else self.done))

    def _emit_steps(self, em: Emitter, count: Value) -> None:
        """The body's steps again and again."""
        b, fn = em.b, em.fn
        zero, one = b.const("i64", 0), b.const("i64", 1)
        names = em.functions(self.body.repeated, "body")
        left = fn.new_label("left")
        sizes = [(reading, self._row_size(em, reading)) for reading in self.readings]
        with fn.loop(zero, count) as step:
            em.set_word(self.step, step)
            for reading, size in sizes:
                self._point(em, reading, step, size)
            em.call_all(names)
            em.count_steps(max(len(self.body.repeated), 1))
            if self.done is not None:
                em.set_word(self.done, b.add(step, one))
            if self.stop is not None:
                go_on = fn.new_label("on")
                fn.branch_if(b.icmp("ne", em.ref(self.stop), zero), left, go_on)
                fn.label(go_on)
        fn.branch(left)
        fn.label(left)

    def _no_rows(self, em: Emitter) -> None:
        """Describe results whose lengths only the body tells, for the case that no step is run."""
        for row in self.late:
            for word, _ in row.lengths:
                em.set_word(word, em.ref(row.empty.get(word, ZERO)))
            em.allocate(row.whole)
            row.whole.owns = True  # the first step does it again

    def _row_size(self, em: Emitter, reading: Reading) -> Value:
        """Bytes from one row to the next."""
        if reading.row is None:
            return em.ref(reading.whole.strides[0])
        return row_bytes(em, reading.whole)

    def _point(self, em: Emitter, reading: Reading, step: Value, size: Value) -> None:
        number = em.b.add(step, em.b.const("i64", reading.offset))
        if reading.row is not None:
            place = reading.row.address(em, number, size)
        else:
            place = em.offset(em.pointer(reading.whole), em.b.mul(number, size))
        em.set_word(reading.data, place)

    def _keep_last(self, em: Emitter, last: Last, done: Value) -> None:
        size = row_bytes(em, last.row.whole)
        if last.depth == 1:
            em.set_word(last.result.data, last.row.address(em, done, size))
            return
        em.allocate(last.result)
        for i in range(last.depth):
            source = last.row.address(em, em.b.add(done, em.b.const("i64", i)), size)
            target = em.offset(em.pointer(last.result), em.b.mul(em.b.const("i64", i), size))
            em.copy_bytes(target, source, size)


def row_bytes(em: Emitter, whole: Array) -> Value:
    """The bytes of a row of a contiguous array."""
    size = em.b.const("i64", whole.itemsize)
    for length in whole.shape[1:]:
        if length != ONE:
            size = em.b.mul(size, em.ref(length))
    return size


__all__ = ["Last", "Reading", "Repeat", "Row"]
