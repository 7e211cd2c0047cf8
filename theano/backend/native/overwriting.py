"""States that are changed where they lie.

A loop that keeps only the last row of a state has two rows that take turns. One is enough where a step writes the new
row only after all has read the old one, or over it, element by element. Then a state that is changed in one place,
``set_subtensor(s[i], x)``, is not copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from theano.backend.native.loops import Loop
from theano.backend.native.program import ONE, Array, Buffer, Step, live
from theano.backend.native.steps import Allocate

if TYPE_CHECKING:
    from theano.backend.native.repeat import Row

Memory = Mapping[Buffer, set[Buffer]]  # what a buffer may turn out to be, where that is something else


@dataclass
class Succession:
    """A state's row as a body reads it, and the one that it writes; where they lie is known to `row`."""

    old: Array
    new: Buffer
    row: Row


def read_first(steps: Sequence[Step], successions: Iterable[Succession]) -> None:
    """Let new rows be written after old ones have been read, where the steps' order can be such."""
    steps = live(steps)
    memory = memory_of_copies(steps)
    for state in successions:
        writers = {s for s in steps if writes(s, state.new)}
        readers = [s for s in steps if reads_of(s, state.old, memory) and s not in writers]
        if not depend(readers, writers):
            for writer in writers:
                writer.after.update(readers)


def depend(steps: Iterable[Step], on: set[Step]) -> bool:
    """Whether one of `steps` must wait for one of `on`."""
    known: set[Step] = set()
    todo = list(steps)
    while todo:
        step = todo.pop()
        if step in on:
            return True
        if step not in known:
            known.add(step)
            todo += step.dependencies()
    return False


def overwrite(steps: list[Step], successions: Iterable[Succession]) -> None:
    """Keep one row where `steps`, in order, allow that; copies of an old row to its own place go away."""
    memory = memory_of_copies(steps)
    for state in successions:
        first = next(i for i, s in enumerate(steps) if writes(s, state.new))
        last = max((i for i, s in enumerate(steps) if reads_of(s, state.old, memory)), default=-1)
        writer = steps[first]
        if last > first or (last == first and not in_step(writer, state, memory)):
            continue
        state.row.ring = 1
        state.row.whole.shape = (ONE, *state.row.whole.shape[1:])
        if last == first and is_copy(writer):
            steps[first] = Allocate(writer.writes[0], writer.node)


def memory_of_copies(steps: Iterable[Step]) -> Memory:
    """Of copies that are left out where the source will do: whose memory they may be. `steps` are in order."""
    found: dict[Buffer, set[Buffer]] = {}
    for step in steps:
        for array in step.writes:
            if array.buffer is not None and array.buffer.borrowed:
                of = {b for a in step.reads if a.buffer is not None for b in found.get(a.buffer, {a.buffer})}
                found[array.buffer] = of
    return found


def reads_of(step: Step, old: Array, memory: Memory) -> list[Array]:
    """What a step reads of the memory of `old`."""
    assert old.buffer is not None
    return [a for a in step.reads if a.buffer is not None and old.buffer in memory.get(a.buffer, {a.buffer})]


def in_step(step: Step, state: Succession, memory: Memory) -> bool:
    """Whether a step reads each element of the old row just before it writes that of the new one, and no other."""
    if not isinstance(step, Loop):
        return False
    loads = reads_of(step, state.old, memory)
    stores = [array for _, array in step.stores if array.buffer is state.new]
    if len(loads) != 1 or len(stores) != 1 or loads[0].buffer is not state.old.buffer:
        return False
    alike = loads[0].shape == state.old.shape and all(a.contiguous and a.rank == state.old.rank for a in loads + stores)
    return alike and not any(a.buffer is state.new for r in step.reductions for a in r.arrays)


def is_copy(step: Step) -> bool:
    """Whether all that a loop does is to copy."""
    return isinstance(step, Loop) and len(step.values) == len(step.stores) == 1 and not step.reductions


def writes(step: Step, buffer: Buffer) -> bool:
    return any(array.buffer is buffer for array in step.writes)


__all__ = ["Memory", "Succession", "is_copy", "memory_of_copies", "overwrite", "read_first", "reads_of"]
