"""Updates in place: new values of shared variables that are written over the old ones.

A call that fails changes no shared variable, so what writes over an old value comes last, behind all that can fail,
together with what needs it. These steps must not fail themselves, which loops do not once memory is there. Nobody may
see values half-written, so from there on the call keeps the interpreter's lock; that is why what takes long and gains
little writes beside: loops that compute for longer than they read and write, and long products.

Whether an old value is really written over is decided when its turn comes (``rt_new_output``): only if nobody but its
shared variable holds the array. The code is the same for both; it computes at an address. A change of a part, such as
``inc_subtensor(w[i], x)``, is made in a copy of the whole, and in place there is nothing to copy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

from theano.backend.native.emit import Emitter
from theano.backend.native.loops import Loop
from theano.backend.native.overwriting import Memory, is_copy, memory_of_copies, reads_of
from theano.backend.native.parallel import is_foreign, loop_cost, memory_cost, product
from theano.backend.native.program import Array, Buffer, Step
from theano.backend.native.steps import CheckEqual, CheckLengths, Describe, Product, Scatter, SetWord
from theano.backend.native.strips import in_strips, is_plane

MOST_MULTIPLICATIONS = 200_000_000  # of products in place: some 5 ms, for which Python lets a thread keep the lock
MOST_COMPUTING = 3  # times the cost of what it moves in memory: what a loop that writes in place may cost
PREPARING = (Describe, CheckEqual, CheckLengths, SetWord)  # may fail, but change nothing that lasts

Overwritten = dict[Array, Array]  # new value -> the old one that it is written over


class BeginUpdates(Step):
    """Allocates what the steps behind it write, `over` old values where that is possible."""

    def __init__(self, steps: Sequence[Step], over: Overwritten) -> None:
        super().__init__(writes=[array for step in steps for array in step.writes])
        self.steps, self.over = list(steps), over

    def emit(self, em: Emitter) -> None:
        work = em.b.const("i64", 0)
        for step in self.steps:
            if isinstance(step, Product):
                work = em.b.add(work, product(em.b, [em.ref(length) for length in step.lengths]))
        few = em.b.icmp("sle", work, em.b.const("i64", MOST_MULTIPLICATIONS))
        with nullcontext() if work.ref == "0" else em.fn.if_(few):
            em.module.declare("rt_begin_updates", "declare void @rt_begin_updates(ptr)")
            em.fn.emit("call void @rt_begin_updates(ptr %frame)")
        for array in self.writes:
            em.allocate(array)

    def title(self) -> str:
        return "begin updates in place"

    def text(self) -> str:
        return "\n".join(["updates in place:", *(f"  {new!r} over {old!r}" for new, old in self.over.items())])


class CopyBeside(Step):
    """A copy of an old value, to be changed, unless it turns out to be the old value itself."""

    def __init__(self, loop: Step) -> None:
        super().__init__(reads=loop.reads, writes=loop.writes, node=loop.node)
        self.loop = loop

    def emit(self, em: Emitter) -> None:
        (source,), (target,) = self.reads, self.writes
        with em.fn.if_(em.b.icmp("ne", em.pointer(source), em.pointer(target))):
            self.loop.emit(em)

    def title(self) -> str:
        return self.loop.title()

    def text(self) -> str:
        return "unless in place: " + self.loop.text()


def in_place_last(
    steps: Sequence[Step], old_values: Mapping[int, Array], length_steps: Callable[..., Sequence[Step]]
) -> tuple[list[Step], list[Step]]:
    """The program `steps` in two parts, the second of which makes updates in place, as far as that is possible.

    Parameters
    ----------
    steps
        in order.
    old_values
        the arrays of inputs, by the numbers of the outputs that are their new values.
    length_steps
        tells the steps behind which lengths are known.
    """
    quiet = _quiet_steps(steps) if old_values else set()
    followers: dict[Step, set[Step]] = {step: set() for step in steps}
    if quiet:
        for step in steps:
            for before in step.dependencies():
                followers[before].add(step)
    memory = memory_of_copies(steps) if quiet else {}
    late: set[Step] = set()
    unknown = quiet  # lengths of what is allocated before
    while unknown:
        for step in reversed(steps):
            if not followers[step] <= quiet:
                quiet.discard(step)
        over = {step: found for step in quiet if (found := _overwritten(step, old_values, memory))}
        late = _with_followers(over, followers)
        unknown = {
            s for s in late if not late.isdisjoint(length_steps(*(n for a in s.writes if a.owns for n in a.shape)))
        }
        quiet -= unknown
    if not late:
        return list(steps), []
    order, pairs = _readers_first([step for step in steps if step in late], followers, over, memory)
    copies = {
        step for step in order if any(_keeps(step, old) and new in pairs for new, old in over.get(step, {}).items())
    }
    order = [CopyBeside(step) if step in copies else step for step in order]
    return [step for step in steps if step not in late], [BeginUpdates(order, pairs), *order]


def _quiet_steps(steps: Sequence[Step]) -> set[Step]:
    """The steps that change nothing that lasts, and those that neither fail nor take longer than memory."""
    found: set[Step] = set()
    for step in in_strips(steps):
        if (type(step) in PREPARING and not step.writes) or (isinstance(step, Scatter) and step.checked):
            found.add(step)
        if isinstance(step, Product) and step.lengths and _writes_are_known(step):
            found.add(step)
        loops = [loop for loop in step.parts() if type(loop) is Loop]
        # what comes of the same rows is near when these loops take turns
        planes = [a for loop in loops for a in loop.writes if is_plane(a)] if len(loops) > 1 else []
        near = {a.buffer for a in planes if a.buffer is not None and a.buffer.kind == "temp"}
        found.update(loop for loop in loops if _is_quiet(loop) and near.isdisjoint(a.buffer for a in loop.reads))
    return found


def _is_quiet(loop: Loop) -> bool:
    if is_foreign(loop) or loop_cost(loop) > MOST_COMPUTING * max(memory_cost(loop), 0.1):
        return False
    return _writes_are_known(loop)


def _writes_are_known(step: Step) -> bool:
    """Whether memory for all that a step writes can be there before."""
    return all(a.buffer is not None and (a.owns or a.buffer.kind in ("word", "output")) for a in step.writes)


def _overwritten(step: Step, old_values: Mapping[int, Array], memory: Memory) -> Overwritten:
    """What a step may write over old values, element by element: it reads those only where it writes."""
    found: Overwritten = {}
    adds = step.reads if isinstance(step, Loop) else [step.added] if isinstance(step, Product) else []
    stores = [array for _, array in step.stores] if isinstance(step, Loop) else step.writes
    for array in stores if isinstance(step, Loop | Product) else ():
        assert array.buffer is not None
        old = old_values.get(array.buffer.number) if array.owns and array.buffer.kind == "output" else None
        if old is None or (array.dtype, array.pattern) != (old.dtype, old.pattern) or not array.contiguous:
            continue
        reads = reads_of(step, old, memory)
        if not reads or (reads == [old] and old in adds):
            found[array] = old
    return found


def _keeps(step: Step, old: Array) -> bool:
    """Whether all that a step does is to copy an old value."""
    return is_copy(step) and step.reads == [old]


def _with_followers(steps: Mapping[Step, object], followers: Mapping[Step, set[Step]]) -> set[Step]:
    """`steps` and all that need them."""
    found, todo = set(steps), list(steps)
    while todo:
        for step in followers[todo.pop()] - found:
            found.add(step)
            todo.append(step)
    return found


def _readers_first(
    steps: Sequence[Step], followers: Mapping[Step, set[Step]], over: Mapping[Step, Overwritten], memory: Memory
) -> tuple[list[Step], Overwritten]:
    """`steps` in order, and what they write over: what reads an old value or may fail comes before what overwrites.

    Where steps wait for each other so, one of them writes beside.
    """
    needs: dict[Step, set[Step]] = {step: set() for step in steps}
    for step in steps:
        for other in followers[step]:
            needs[other].add(step)
    readers: dict[Buffer, set[Step]] = {}
    writers: dict[Buffer | None, set[Step]] = {}
    for step in steps:
        for array in step.writes:
            writers.setdefault(array.buffer, set()).add(step)
        for array in step.reads:
            for buffer in () if array.buffer is None else memory.get(array.buffer, {array.buffer}):
                readers.setdefault(buffer, set()).add(step)
    failing = {step for step in steps if type(step) in PREPARING}
    pairs: Overwritten = {}
    asked: dict[Step, dict[Array, set[Step]]] = {step: {} for step in steps}  # writer -> new value -> before it
    for owner in (step for step in steps if step in over):
        for new, old in over[owner].items():
            assert old.buffer is not None
            before = readers.get(old.buffer, set()) | failing
            changing = writers[new.buffer] - {owner}
            if changing.isdisjoint(before):
                pairs[new] = old
                for step in changing if _keeps(owner, old) else changing | {owner}:
                    asked[step][new] = before - {step}
    waits = {step: needs[step].union(*asked[step].values()) for step in steps}
    behind: dict[Step, list[Step]] = {step: [] for step in steps}
    for step in steps:
        for other in waits[step]:
            behind[other].append(step)
    order: list[Step] = []
    ready = deque(step for step in steps if not waits[step])
    undecided = iter(list(pairs))
    while len(order) < len(steps):
        if not ready:
            new = next(new for new in undecided if any(waits[step] for step in writers[new.buffer]))
            del pairs[new]
            for step in (step for step in steps if asked[step].pop(new, None) is not None):
                if waits[step]:
                    waits[step] &= needs[step].union(*asked[step].values())
                    ready += [] if waits[step] else [step]
            continue
        order.append(ready.popleft())
        for step in behind[order[-1]]:
            if order[-1] in waits[step]:
                waits[step].remove(order[-1])
                ready += [] if waits[step] else [step]
    return order, pairs


__all__ = ["BeginUpdates", "in_place_last"]
