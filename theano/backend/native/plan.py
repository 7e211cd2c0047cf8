"""Memory: which temporaries share a slot of the arena, and which results take the place of an operand.

The order of steps is fixed here, so it is known when each buffer is touched first and last. Slots grow to what they
need at run time, so any buffer may take any free slot, whatever its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from theano.backend.native.loops import Load, Loop
from theano.backend.native.lower import Lowering
from theano.backend.native.program import ITEMSIZES, ONE, Array, Buffer, Ref, Step


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
                if array.buffer is not None and array.buffer.kind in ("temp", "output"):
                    last[array.buffer] = i
                    first.setdefault(array.buffer, i)
        for buffer, i in first.items():
            if i < lasting <= last[buffer]:
                last[buffer] = len(parts)
        over = self._find_in_place(parts, first, last)
        self._give_results(over)
        free: list[int] = []
        ending: dict[int, list[Buffer]] = {}
        for buffer, i in last.items():
            ending.setdefault(i, []).append(buffer)
        slot_of: dict[Buffer, int] = {}
        handed_on = {operand.buffer for operand in over.values()}
        ended: list[Buffer] = []
        for i, step in enumerate(parts):
            for new in (array.buffer for array in step.writes):
                if new is None or new.kind != "temp" or first[new] != i or new in slot_of:
                    continue
                if new in over:
                    slot_of[new] = slot_of[over[new].buffer]  # type: ignore[index]
                elif free:
                    slot_of[new] = free.pop()
                else:
                    slot_of[new] = lowering.new_words(3)
                    self.slots.append(slot_of[new])
            ended += [b for b in ending.get(i, ()) if b in slot_of and b not in handed_on]
            if i + 1 in ends:
                free += [slot_of[b] for b in ended]
                ended = []
        for buffer, slot in slot_of.items():
            buffer.number = slot

    def _find_in_place(
        self, parts: Sequence[Step], first: dict[Buffer, int], last: dict[Buffer, int]
    ) -> dict[Buffer, Array]:
        """What may be written over which operand, by the buffers of results."""
        found: dict[Buffer, Array] = {}
        for i, step in enumerate(parts):
            if not isinstance(step, Loop):
                continue
            taken: set[Buffer] = set()
            for array in step.writes:
                buffer = array.buffer
                if buffer is None or first.get(buffer) != i or buffer in found:
                    continue
                operand = self._replaceable(step, array, i, last, taken)
                if operand is None or operand.buffer is None:
                    continue
                taken.add(operand.buffer)
                if operand.buffer.strip and not buffer.strip:
                    self._meet(array, operand.buffer, found)
                    continue
                found[buffer] = operand
                self.in_place.append((buffer, operand.buffer))
        return found

    @staticmethod
    def _meet(result: Array, strip: Buffer, over: dict[Buffer, Array]) -> None:
        """Where `strip` is no strip, for a row alone is too large, it lies where `result` is written over it."""
        strip.over = result
        while strip in over:
            operand = over[strip].buffer
            assert operand is not None
            operand.over, strip = result, operand

    @staticmethod
    def _give_results(over: dict[Buffer, Array]) -> None:
        """Temporaries over which a result is written have the memory that the caller gets, from the first one on."""
        for result in [buffer for buffer in over if buffer.kind == "output"]:
            buffer = result
            while buffer in over:
                buffer.over = over[buffer]
                assert buffer.over.buffer is not None
                buffer = buffer.over.buffer
                buffer.kind, buffer.number = "output", result.number
                buffer.final_ones = tuple(length == ONE for length in result.shape)

    @staticmethod
    def _replaceable(loop: Loop, result: Array, i: int, last: dict[Buffer, int], taken: set[Buffer]) -> Array | None:
        """A temporary that dies in this loop and that `result` may overwrite, element by element."""
        if not result.owns or not any(array is result for _, array in loop.stores):
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
                and _lengths(buffer.shape) == _lengths(operand.shape)
                and [n == ONE for n in operand.shape] == [n == ONE for n in result.shape]
                and ITEMSIZES[operand.dtype] == ITEMSIZES[result.dtype]
                and sum(other.buffer is buffer for other in loads) == 1
                and not any(a.buffer is buffer for a in loop.writes)
                and not buffer.borrowed
                and result.buffer is not None
                and (buffer.strip == result.buffer.strip or result.buffer.kind == "output")
            ):
                return operand
        return None


def _lengths(shape: Sequence[Ref]) -> list[Ref]:
    """The lengths that are not 1: equal ones of contiguous arrays mean equal places of elements."""
    return [length for length in shape if length != ONE]
