"""Loops whose bodies compute single elements: states stay in registers from step to step.

A recurrence on numbers waits in each step for the one before. Passing a state through memory would add the time of a
store and a load to that, which is as much as a multiplication and an addition take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from theano.backend.native.conversions import element_type
from theano.backend.native.ir import Value
from theano.backend.native.loops import Compute, Length, Literal, Load, Loop
from theano.backend.native.program import ONE, Array, Buffer

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter
    from theano.backend.native.repeat import Reading, Repeat, Row

MOST_VALUES = 200
LONG = 200_000  # operations, of about a nanosecond each, between looks at the time


def computes_numbers(repeat: Repeat) -> bool:
    """Whether a loop can be written by :class:`ScalarLoop`: single elements, states that look one step back."""
    steps = repeat.body.repeated
    if repeat.stop is not None or repeat.late or not all(type(step) is Loop for step in steps):
        return False
    loops = [step for step in steps if isinstance(step, Loop)]
    if sum(len(loop.values) for loop in loops) > MOST_VALUES:
        return False
    for loop in loops:
        single = all(e == ONE for e in loop.extents) and not loop.reductions
        kinds = {array.buffer.kind for array in loop.writes if array.buffer is not None}
        plain = all(isinstance(e, Load | Literal | Length | Compute) for e in loop.values)
        if not single or not plain or not kinds <= {"row", "word"}:
            return False
    states = [reading for reading in repeat.readings if reading.row is not None]
    one_back = all(reading.offset == 0 and reading.row.first == 1 for reading in states)  # type: ignore[union-attr]
    return one_back and all(all(n == ONE for n in reading.whole.shape[1:]) for reading in repeat.readings)


class ScalarLoop:
    """The code of such a loop.

    Attributes
    ----------
    known
        what is in a register: by the data word of what a body reads, by the buffer of what it has computed.
    """

    def __init__(self, em: Emitter, repeat: Repeat) -> None:
        self.em, self.repeat = em, repeat
        self.known: dict[int | Buffer, Value] = {}
        self.states: dict[Row, list[Reading]] = {}
        for reading in repeat.readings:
            if reading.row is not None:
                self.states.setdefault(reading.row, []).append(reading)

    def write(self, count: Value) -> None:
        """The loop of `count` steps, at least one."""
        em, b, fn = self.em, self.em.b, self.em.fn
        self._load_what_stays()
        size = {row: b.const("i64", row.whole.itemsize) for row in self.states}
        initial = [
            em.load_element(b, row.address(em, b.const("i64", 0), size[row]), row.whole.dtype) for row in self.states
        ]
        values = sum(len(loop.values) for loop in self.repeat.body.repeated if isinstance(loop, Loop))
        steps_a_look = max(LONG // max(values, 1), 1)
        with fn.carrying(b.const("i64", 0), count, steps_a_look, initial) as part:
            with fn.if_(b.icmp("sgt", part.index, b.const("i64", 0)), unlikely=True):
                em.tick()
            end = b.intrinsic("smin", b.add(part.index, b.const("i64", steps_a_look)), count)
            with fn.carrying(part.index, end, 1, part.values) as turn:
                for value, readings in zip(turn.values, self.states.values(), strict=True):
                    self.known.update((reading.data, value) for reading in readings)
                for reading in self.repeat.readings:
                    if reading.row is None:
                        stride = em.ref(reading.whole.strides[0])
                        place = em.offset(em.pointer(reading.whole), b.mul(turn.index, stride))
                        self.known[reading.data] = em.load_element(b, place, reading.whole.dtype)
                rows: dict[Row, Value] = {}
                for loop in self.repeat.body.repeated:
                    assert isinstance(loop, Loop)
                    self._compute(loop, rows)
                for row, value in rows.items():
                    if not row.ring or row not in self.states:
                        self._store(row, value, turn.index)
                turn.values = [rows[row] for row in self.states]
            part.values = turn.values
        for row, value in zip(self.states, part.values, strict=True):
            if row.ring:
                self._store(row, value, b.sub(count, b.const("i64", 1)))

    def _store(self, row: Row, value: Value, step: Value) -> None:
        em, b = self.em, self.em.b
        number = b.add(step, b.const("i64", row.first))
        place = row.address(em, number, b.const("i64", row.whole.itemsize))
        em.store_element(b, value, place, row.whole.dtype)

    def _load_what_stays(self) -> None:
        """Elements that the body reads and does not write are read before the loop."""
        varying = {reading.data for reading in self.repeat.readings}
        written = {a.buffer for step in self.repeat.body.repeated for a in step.writes}
        for step in self.repeat.body.repeated:
            for array in step.reads:
                if array.data not in varying and array.buffer not in written:
                    self.known.setdefault(array.data, self._element(array))

    def _element(self, array: Array) -> Value:
        return self.em.load_element(self.em.b, self.em.pointer(array), array.dtype)

    def _compute(self, loop: Loop, rows: dict[Row, Value]) -> None:
        em, b = self.em, self.em.b
        computed: list[Value] = []
        for e in loop.values:
            match e:
                case Load(array):
                    found = self.known.get(array.buffer) if array.buffer is not None else None
                    computed.append(self.known[array.data] if found is None else found)
                case Literal():
                    computed.append(em.literal(b, e.value, e.dtype))
                case Length():
                    computed.append(em.ref(e.ref))
                case Compute():
                    computed.append(em.compute(b, e, [computed[a] for a in e.arguments], loop))
        for number, array in loop.stores:
            assert array.buffer is not None and computed[number].type == element_type(array.dtype)
            self.known[array.buffer] = computed[number]
            if array.buffer.kind == "row":
                rows[array.buffer.row] = computed[number]
