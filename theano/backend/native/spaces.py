"""Iteration spaces: which lengths are equal, and which loops can be one.

A loop has an iteration space (its lengths) and a level, and work of equal space and level is independent, so it can
share one loop. Lengths are compared at run time where operands meet; from there on they are one length, also for loops
that were made before, as far as the comparison can be made before these run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from theano.backend.native.loops import Loop
from theano.backend.native.program import ONE, Array, Const, Ref, Step
from theano.backend.native.steps import CheckEqual
from theano.graph.basic import Apply

Space = tuple[tuple[Ref, ...], int]  # lengths and level of a loop
MAX_LOOP_VALUES = 150
NEAR_LOOPS = 30  # of the loops over a space, the latest that are looked at for work to join: time stays linear
# Levels below that of the first loops: of what depends on nothing but inputs, and of single elements computed of these.
GIVEN, PRELUDE = -3, -2


class Spaces:
    """What is known of lengths, and the loops made so far, while a program is under construction."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.node: Apply | None = None
        self._set_by: dict[int, tuple[Step, ...]] = {}  # word of a length -> the steps behind which it is known
        self._equal: dict[int, Ref] = {}
        self._equal_because: dict[int, Step] = {}
        self._members: Counter[Ref] = Counter()  # length -> how many others it stands for
        self._loops: dict[Space, list[Loop]] = {}
        self._spaces: dict[Ref, dict[Space, None]] = {}  # length -> keys of `_loops` that it occurs in
        self._levels: dict[Step, int] = {}

    # ---- lengths

    def canonical(self, ref: Ref) -> Ref:
        """The reference that stands for all lengths known to equal this one."""
        while isinstance(ref, int) and ref in self._equal:
            ref = self._equal[ref]
        return ref

    def reasons(self, ref: Ref) -> list[Step]:
        """The checks that have to pass before `ref` may be taken for its canonical reference."""
        found: list[Step] = []
        while isinstance(ref, int) and ref in self._equal:
            found.append(self._equal_because[ref])
            ref = self._equal[ref]
        return found

    def lengths_set_by(self, lengths: Sequence[Ref], steps: Sequence[Step]) -> None:
        """Note that those of `lengths` that are new are known once `steps` have run."""
        for ref in lengths:
            if isinstance(ref, int) and ref not in self._set_by:
                self._set_by[ref] = tuple(steps)

    def length_steps(self, *lengths: Ref) -> list[Step]:
        """The steps behind which lengths may be read: none for those of inputs."""
        return [step for ref in lengths if isinstance(ref, int) for step in self._set_by[ref]]

    def require_equal(
        self,
        a: Ref,
        b: Ref,
        message: Callable[..., str],
        details: Sequence[Ref],
        error: type[Exception] = ValueError,
    ) -> None:
        """Check at run time that two lengths are equal, and take them for one from now on.

        `details` are the lengths that `message` makes its text of. The check needs nothing but lengths, so that it can
        be made early: loops that were made before it and run behind it get the common length, too.
        """
        first, second = self.canonical(a), self.canonical(b)
        if first == second:
            return
        check = CheckEqual(a, b, message, details, self.node, error)
        check.after.update((*self.length_steps(a, b, *details), *self.reasons(a), *self.reasons(b)))
        self.steps.append(check)
        if self._stands_for_others(second) > self._stands_for_others(first):
            first, second = second, first
        if isinstance(second, int):
            self._equal[second] = first
            self._members[first] += 1 + self._members[second]
            self._equal_because[second] = check
            self._move_loops(second, first, check)

    def _stands_for_others(self, ref: Ref) -> tuple[bool, int, int, int]:
        """How well a length stands for equal ones: a constant, then what is known early, then what already does so.

        The last keeps chains of equal lengths short, so that time stays linear in their number.
        """
        known = max((self.step_level(s) for s in self.length_steps(ref)), default=GIVEN)
        return isinstance(ref, Const), -known, self._members[ref], len(self._spaces.get(ref, ()))

    # ---- levels

    def level(self, array: Array) -> int:
        """The first level at which a loop can read `array` from memory."""
        return max(0, self.ready(array) + 1)

    def ready(self, array: Array) -> int:
        """The level of the latest step that computes or describes `array`."""
        steps = [s.resolve() for s in array.producers]
        if array.source is not None:
            steps.append(array.source.resolve())
        return max((self.step_level(s) for s in steps), default=GIVEN)

    def step_level(self, step: Step) -> int:
        """The level of a step: of a loop its own, else the highest of what it depends on."""
        stack = [step]
        while stack:
            top = stack[-1]
            if isinstance(top, Loop) or top in self._levels:
                stack.pop()
                continue
            needed = top.dependencies()
            waiting = [s for s in needed if not isinstance(s, Loop) and s not in self._levels]
            if waiting:
                stack += waiting
                continue
            self._levels[top] = max((s.level if isinstance(s, Loop) else self._levels[s] for s in needed), default=-1)
        return step.level if isinstance(step, Loop) else self._levels[step]

    # ---- loops

    def find_loop(
        self,
        extents: tuple[Ref, ...],
        inputs: Sequence[Array],
        axes: tuple[int, ...] | None = None,
        after: Sequence[Step] = (),
    ) -> Loop:
        """The loop over `extents` in which work on `inputs` is done: an existing one if it may be, else a new one.

        `axes` are the dimensions that the work reduces, if it does; a loop reduces over one set of them. `after` are
        steps that must have run.
        """
        # Single elements that depend on nothing but what is given come before all: their users need not be later than
        # other loops over inputs.
        prelude = all(e == ONE for e in extents)
        steps_ready = max((self.step_level(s.resolve()) for s in after), default=GIVEN)
        barred: set[Step] = set()
        while True:
            joinable: list[Loop] = []
            joined, ready = GIVEN, steps_ready
            for array in inputs:
                source = None if array.source is None else array.source.resolve()
                if source is not None and source.extents == extents and source not in barred:
                    if axes is not None and source.axes not in (None, axes):
                        barred.add(source)
                    else:
                        joinable.append(source)
                        joined = max(joined, source.level)
                        continue
                ready = max(ready, self.ready(array))
            level = PRELUDE if prelude and ready == GIVEN else max(0, ready + 1)
            level = max(level, joined)
            near = [s for s in dict.fromkeys(joinable) if s.level == level]
            rejected = self._join(near, axes)
            if rejected is None:
                break
            barred.add(rejected)
        found: Any = near[0].resolve() if near else None
        ids = {id(a) for a in inputs if a.data >= 0}
        for loop in self._loops.get((extents, level), ())[-NEAR_LOOPS:]:
            beside = loop.merged_into is None and loop is not found and loop.loads_any(ids)
            if beside and self._join([loop] if found is None else [found, loop], axes) is None:
                found = loop.resolve()
        if found is not None:
            return found
        loop = Loop(extents, level)
        loop.node = self.node
        self._loops_of((extents, level)).append(loop)
        self.steps.append(loop)
        return loop

    def _loops_of(self, space: Space) -> list[Loop]:
        """The loops over a space that may be joined, to be added to."""
        for ref in space[0]:
            self._spaces.setdefault(ref, {})[space] = None
        loops = self._loops.setdefault(space, [])
        if len(loops) & (len(loops) - 1) == 0:  # at powers of two, so that the work is linear in the number of loops
            loops[:] = [loop for loop in loops if loop.merged_into is None]
        return loops

    def _move_loops(self, old: int, new: Ref, check: Step) -> None:
        """Give loops over `old` the length `new`, which `check` tells to be equal; they may join others thereby.

        Loops that the check may depend on stay as they are: those of its level or a lower one.
        """
        ready = self.step_level(check)
        for extents, level in self._spaces.pop(old, ()):
            if level <= ready:
                continue
            moved = [loop for loop in self._loops.pop((extents, level), ()) if loop.merged_into is None]
            extents = tuple(new if ref == old else ref for ref in extents)
            there = self._loops_of((extents, level))
            for loop in moved:
                loop.extents = extents
                loop.after.add(check)
                read = set(map(id, loop.reads))
                beside = [known for known in there[-NEAR_LOOPS:] if known.loads_any(read)]
                if all(self._join([known, loop], None) is not None for known in beside) or loop.merged_into is None:
                    there.append(loop)

    @staticmethod
    def _join(loops: Sequence[Loop], axes: tuple[int, ...] | None) -> Loop | None:
        """Merge loops of one space and level into the largest; else returns one that cannot join."""
        size = 0
        for loop in loops:
            if axes is not None and loop.axes not in (None, axes):
                return loop
            axes = axes if loop.axes is None else loop.axes
            size += len(loop.values)
            if size > MAX_LOOP_VALUES:
                return loop
        largest = max(loops, key=lambda loop: len(loop.values)) if loops else None
        for loop in loops:
            if largest is not None and loop is not largest:
                largest.absorb(loop)
        return None
