"""Memory: which temporaries share a slot of the arena, and which results take the place of an operand.

The order of steps is fixed here, so it is known when each buffer is touched first and last. Slots grow to what they
need at run time, so any buffer may take any free slot, whatever its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from theano.backend.native.loops import Load, Loop
from theano.backend.native.lower import Lowering
from theano.backend.native.program import ITEMSIZES, Array, Buffer, Step


class Plan:
    """Steps in order, with temporaries in slots.

    The first `lasting` steps run once and the others again and again, so what the first leave to the others stays.

    Attributes
    ----------
    slots
        the first of three frame words (address, capacity, allocation) for each slot of the arena.
    in_place
        pairs (result, operand) of buffers where a loop writes over an operand that nobody needs afterwards.
    """

    def __init__(self, lowering: Lowering, steps: Sequence[Step], lasting: int = 0) -> None:
        self.steps = list(steps)
        self.slots: list[int] = [slot for step in self.steps for slot in step.inner_slots()]
        self.in_place: list[tuple[Buffer, Buffer]] = []
        self._assign(lowering, lasting)

    def _assign(self, lowering: Lowering, lasting: int) -> None:
        last: dict[Buffer, int] = {}
        first: dict[Buffer, int] = {}
        parts = [part for step in self.steps for part in step.parts()]
        ends = set(accumulate(len(step.parts()) for step in self.steps))  # numbers of parts that others' steps follow
        lasting = sum(len(step.parts()) for step in self.steps[:lasting])
        for i, step in enumerate(parts):
            for array in (*step.reads, *step.writes):
                if array.buffer is not None and array.buffer.kind == "temp":
                    last[array.buffer] = i
                    first.setdefault(array.buffer, i)
        for buffer, i in first.items():
            if i < lasting <= last[buffer]:
                last[buffer] = len(parts)
        free: list[int] = []
        ending: dict[int, list[Buffer]] = {}
        for buffer, i in last.items():
            ending.setdefault(i, []).append(buffer)
        slot_of: dict[Buffer, int] = {}
        ended: list[Buffer] = []
        for i, step in enumerate(parts):
            taken: set[Buffer] = set()
            for array in step.writes:
                if array.buffer is None or array.buffer.kind != "temp":
                    continue
                buffer = array.buffer
                if first[buffer] != i or buffer in slot_of:
                    continue
                operand = self._replaceable(step, array, i, last, taken) if isinstance(step, Loop) else None
                if operand is not None:
                    taken.add(operand)
                    self.in_place.append((buffer, operand))
                    slot_of[buffer] = slot_of[operand]
                elif free:
                    slot_of[buffer] = free.pop()
                else:
                    slot_of[buffer] = lowering.new_words(3)
                    self.slots.append(slot_of[buffer])
            handed_on = {operand for _, operand in self.in_place if operand in taken}
            ended += [b for b in ending.get(i, ()) if b not in handed_on]
            if i + 1 in ends:
                free += [slot_of[b] for b in ended]
                ended = []
        for buffer, slot in slot_of.items():
            buffer.number = slot

    @staticmethod
    def _replaceable(loop: Loop, result: Array, i: int, last: dict[Buffer, int], taken: set[Buffer]) -> Buffer | None:
        """A temporary that dies in this loop and that `result` may overwrite, element by element."""
        if not any(array is result for _, array in loop.stores):
            return None
        loads = [e.array for e in loop.values if isinstance(e, Load)]
        for operand in loads:
            buffer = operand.buffer
            if (
                buffer is not None
                and buffer.kind == "temp"
                and buffer not in taken
                and last.get(buffer) == i
                and operand.contiguous
                and result.contiguous
                and operand.pattern == result.pattern
                and buffer.shape == operand.shape
                and ITEMSIZES[operand.dtype] == ITEMSIZES[result.dtype]
                and sum(other.buffer is buffer for other in loads) == 1
                and not any(a.buffer is buffer for a in loop.writes)
                and not buffer.borrowed
                and result.buffer is not None
                and buffer.strip == result.buffer.strip
            ):
                return buffer
        return None
