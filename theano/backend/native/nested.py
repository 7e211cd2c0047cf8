"""Programs inside a program: what steps that hold further steps, as loops do, have in common.

A body is lowered by a :class:`~theano.backend.native.lower.Lowering` of its own, which shares the frame and the
constants with the one around it. What lies outside is given to the body as arrays without producers: all that computes
them has run before the step that holds the body.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from theano.backend.native.lower import Lowering
from theano.backend.native.overwriting import Succession, overwrite, read_first
from theano.backend.native.plan import Plan
from theano.backend.native.program import Array, Buffer, Ref, Step, schedule
from theano.backend.native.strips import in_strips
from theano.graph.basic import Variable
from theano.graph.fg import FunctionGraph


class Body(Lowering):
    """The lowering of a graph inside another one, whose lowering is `around`."""

    def __init__(self, around: Lowering, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        super().__init__(FunctionGraph(inputs, outputs))
        self.around = around
        self.counter = around.counter
        self.constants = around.constants
        self._constant_arrays = around._constant_arrays
        self.captured: list[Array] = []
        self.varying: set[Buffer] = set()  # memory whose place or content differs from one run of the body to the next
        self.after: set[Step] = set()
        self.successions: list[Succession] = []
        self.steps_before: list[Step] = []
        self.plan: Plan

    # ---- what is given from outside

    def outside(self, ref: Ref) -> Ref:
        """A length of the program around, as the body knows it; what it needs has run before the body."""
        around = self.around
        self.after.update((*around.length_steps(ref), *around.reasons(ref)))
        ref = around.canonical(ref)
        self.lengths_set_by([ref], ())
        return ref

    def capture(self, variable: Variable, array: Array) -> None:
        """Let `variable` of the body be `array` of the program around."""
        if array.leaf is None:
            array = self.around.materialized(array)
            self.captured.append(array)
        self.after.update(array.producers)
        shape = tuple(self.outside(s) for s in array.shape)
        inner = array.view(shape=shape, producers=(), buffer=given(array, shape))
        inner.leaf = array.leaf
        self.arrays[variable] = inner

    # ---- the whole

    def is_invariant(self, steps: Iterable[Step]) -> bool:
        """Whether steps do the same in each run of the body."""
        steps = [step.resolve() for step in steps]
        known = invariant_steps(_with_dependencies(steps), self.varying)
        return all(step in known for step in steps)

    def laid_out(self, array: Array) -> Array:
        """`array` in contiguous memory, if that can be made before the first run."""
        if array.contiguous or array.buffer in self.varying or not self.is_invariant(array.producers):
            return array
        return self.compact(array)

    def close(self) -> None:
        """Fix the order of steps, those that do the same each time before the others, and the memory."""
        read_first(self.steps, self.successions)
        steps = schedule(self.steps)
        invariant = invariant_steps(steps, self.varying)
        self.steps_before = in_strips([s for s in steps if s in invariant])
        repeated = in_strips([s for s in steps if s not in invariant])
        overwrite(repeated, self.successions)
        self.plan = Plan(self, [*self.steps_before, *repeated], lasting=len(self.steps_before))

    @property
    def repeated(self) -> list[Step]:
        """The steps that run each time."""
        return self.plan.steps[len(self.steps_before) :]


def given(array: Array, shape: tuple[Ref, ...]) -> Buffer | None:
    """The memory of an array of the program around, as something that the body only reads."""
    if array.buffer is None:
        return None
    kind = "input"
    if array.buffer.kind == "word":
        kind = "word"
        array.buffer.borrowed = True  # it stays in the frame, where the body reads it
    buffer = Buffer(kind, array.buffer.dtype, shape, array.buffer.number)
    buffer.borrowed = True
    return buffer


def _with_dependencies(steps: Iterable[Step]) -> list[Step]:
    """`steps` and all that they depend on, dependencies first."""
    order: dict[Step, None] = {}
    todo = [(step, False) for step in steps]
    while todo:
        step, ready = todo.pop()
        if step in order:
            continue
        if ready:
            order[step] = None
            continue
        todo.append((step, True))
        todo += [(before, False) for before in step.dependencies() if before not in order]
    return list(order)


def invariant_steps(steps: Sequence[Step], varying: set[Buffer]) -> set[Step]:
    """The steps that do the same in each run of a body: they read nothing that varies, by themselves or through others.

    `steps` are in order. A step that fills memory which another one changes has to do so each time.
    """
    changing = set(varying)
    while True:
        found: set[Step] = set()
        for step in steps:
            touched = (*step.reads, *step.writes)
            if any(a.buffer in changing for a in touched if a.buffer is not None):
                continue
            if all(before in found for before in step.dependencies()):
                found.add(step)
        more = {a.buffer for s in steps if s not in found for a in s.writes if a.buffer is not None} - changing
        if not more:
            return found
        changing |= more
