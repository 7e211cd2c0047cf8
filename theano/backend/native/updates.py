"""Updates in place: new values of shared variables that are written over the old ones.

A call that fails changes no shared variable, so what writes over an old value comes last, behind all that can fail,
together with what needs it. These steps must not fail themselves, which loops do not once memory is there. Nobody may
see values half-written, so from there on the call keeps the interpreter's lock; that is why loops that take longer to
compute than to read and write, which gain little, write beside.

Whether an old value is really written over is decided when its turn comes (``rt_new_output``): only if nobody but its
shared variable holds the array. The code is the same for both; it computes at an address.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from theano.backend.native.emit import Emitter
from theano.backend.native.loops import Compute, Loop
from theano.backend.native.parallel import calls_scipy, loop_cost, memory_cost
from theano.backend.native.program import Array, Buffer, Step
from theano.backend.native.strips import in_strips, is_plane

MOST_COMPUTING = 3  # times the cost of what it moves in memory: what a loop that writes in place may cost
Overwritten = dict[Array, Array]  # new value -> the old one that it is written over


class BeginUpdates(Step):
    """Nothing after it fails; it allocates what the loops behind it write, `over` old values where that is possible."""

    def __init__(self, loops: Sequence[Step], over: Overwritten) -> None:
        super().__init__(writes=[array for loop in loops for array in loop.writes])
        self.over = over

    def emit(self, em: Emitter) -> None:
        em.module.declare("rt_begin_updates", "declare void @rt_begin_updates(ptr)")
        em.fn.emit("call void @rt_begin_updates(ptr %frame)")
        for array in self.writes:
            em.allocate(array)

    def title(self) -> str:
        return "begin updates in place"

    def text(self) -> str:
        return "\n".join(["updates in place:", *(f"  {new!r} over {old!r}" for new, old in self.over.items())])


def in_place_last(steps: Sequence[Step], old_values: Mapping[int, Array]) -> tuple[list[Step], list[Step]]:
    """The program `steps` in two parts, the second of which makes updates in place, as far as that is possible.

    `old_values` are the arrays of inputs, by the numbers of the outputs that are their new values.
    """
    quiet: set[Loop] = _quiet_loops(steps) if old_values else set()
    followers: dict[Step, set[Step]] = {step: set() for step in steps}
    if quiet:
        for step in steps:
            for before in step.dependencies():
                followers[before].add(step)
        for step in reversed(steps):
            if isinstance(step, Loop) and not followers[step] <= quiet:
                quiet.discard(step)
    over: dict[Step, Overwritten] = {loop: found for loop in quiet if (found := _overwritten(loop, old_values))}
    if not over:
        return list(steps), []
    late = _with_followers(over, followers)
    order, pairs = _readers_first([step for step in steps if step in late], followers, over)
    return [step for step in steps if step not in late], [BeginUpdates(order, pairs), *order]


def _quiet_loops(steps: Sequence[Step]) -> set[Loop]:
    """The loops that do not fail, once their memory is there, and that are bound by memory."""
    found: set[Loop] = set()
    for step in in_strips(steps):
        loops = [loop for loop in step.parts() if type(loop) is Loop]
        # what comes of the same rows is near when these loops take turns
        near = {a.buffer for loop in loops for a in loop.writes if is_plane(a)} if len(loops) > 1 else set()
        found.update(loop for loop in loops if _is_quiet(loop) and near.isdisjoint(a.buffer for a in loop.reads))
    return found


def _is_quiet(loop: Loop) -> bool:
    if loop_cost(loop) > MOST_COMPUTING * max(memory_cost(loop), 0.1):
        return False
    if any(isinstance(e, Compute) and calls_scipy(e.op.name, e.dtype) for e in loop.values):
        return False
    # what is borrowed may be any part of an old value
    if any(a.buffer is not None and a.buffer.kind == "temp" and a.buffer.borrowed for a in loop.reads):
        return False
    return all(a.buffer is not None and (a.owns or a.buffer.kind == "word") for a in loop.writes)


def _with_followers(steps: Iterable[Step], followers: Mapping[Step, set[Step]]) -> set[Step]:
    """`steps` and all that need them."""
    found, todo = set(steps), list(steps)
    while todo:
        for step in followers[todo.pop()] - found:
            found.add(step)
            todo.append(step)
    return found


def _overwritten(loop: Loop, old_values: Mapping[int, Array]) -> Overwritten:
    """What a loop may write over old values, element by element: it reads those only where it writes."""
    found: Overwritten = {}
    for _, array in loop.stores:
        assert array.buffer is not None
        old = old_values.get(array.buffer.number) if array.buffer.kind == "output" else None
        if old is None or (array.dtype, array.pattern) != (old.dtype, old.pattern) or not array.contiguous:
            continue
        if all(read is old for read in loop.reads if read.buffer is old.buffer):
            found[array] = old
    return found


def _readers_first(
    loops: Sequence[Step], followers: Mapping[Step, set[Step]], over: Mapping[Step, Overwritten]
) -> tuple[list[Step], Overwritten]:
    """`loops` in order, each before those that write over what it reads, and what they write over.

    Where each of some waits for another one, one of them writes beside.
    """
    readers: dict[Buffer | None, set[Step]] = {}
    for loop in loops:
        for array in loop.reads:
            readers.setdefault(array.buffer, set()).add(loop)
    needs: dict[Step, set[Step]] = {loop: set() for loop in loops}
    for loop in loops:
        for other in followers[loop]:
            needs[other].add(loop)
    waits = {loop: set(needs[loop]) for loop in loops}
    for loop, found in over.items():
        waits[loop].update(*(readers.get(old.buffer, ()) for old in found.values()))
        waits[loop].discard(loop)
    behind: dict[Step, list[Step]] = {loop: [] for loop in loops}
    for loop in loops:
        for other in waits[loop]:
            behind[other].append(loop)
    order: list[Step] = []
    beside: set[Step] = set()
    ready = deque(loop for loop in loops if not waits[loop])
    undecided = iter([loop for loop in loops if loop in over])
    while len(order) < len(loops):
        if not ready:
            loop = next(loop for loop in undecided if waits[loop])
            beside.add(loop)
            waits[loop] &= needs[loop]
            ready += [] if waits[loop] else [loop]
            continue
        order.append(ready.popleft())
        for other in behind[order[-1]]:
            if order[-1] in waits[other]:
                waits[other].remove(order[-1])
                ready += [] if waits[other] else [other]
    return order, {new: old for loop in order if loop not in beside for new, old in over.get(loop, {}).items()}


__all__ = ["BeginUpdates", "in_place_last"]
