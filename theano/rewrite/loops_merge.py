"""Loops become one: a loop and its copies with further outputs, and independent loops over the same steps.

Also here: states that are always equal, and loops of one step, which are no loops.
"""

from __future__ import annotations

from typing import Any

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.replace import clone_get_equiv
from theano.graph.traversal import toposort
from theano.loops.op import Scan
from theano.rewrite.loops import LOOPS, QUICK, Loop, State, fitted, rows_from
from theano.rewrite.pattern import RuleTable, same
from theano.tensor.elementwise import DimShuffle, Elemwise
from theano.tensor.joining import Join
from theano.tensor.products import BatchedDot, Dot
from theano.tensor.shape import shape_padleft
from theano.tensor.subtensor import Subtensor
from theano.tensor.variable import constant

table = RuleTable()
node_rule = table.node_rule


# ---- numbers of values


class Numbering:
    """Numbers for variables of bodies: equal numbers are equal values, given that inputs of equal numbers are equal."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}

    def key(self, key: Any) -> int:
        """The number that belongs to a key."""
        return self.numbers.setdefault(key, len(self.numbers))

    def of(self, outputs: list[Any], given: dict[Any, int]) -> list[int]:
        """The numbers of `outputs`, computed from variables whose numbers are `given`."""
        found = dict(given)

        def number(v: Any) -> int:
            if v not in found:
                found[v] = self.key(_constant_key(v))
            return found[v]

        for node in toposort(outputs, set(given)):
            whole = (node.op, *map(number, node.inputs))
            for output in node.outputs:
                found.setdefault(output, self.key((output.index, output.type, whole)))
        return [number(v) for v in outputs]


def _constant_key(v: Any) -> Any:
    if isinstance(v, Constant):
        try:
            signature = v.signature()
            hash(signature)
            return signature
        except TypeError:
            return v
    return v


class States:
    """Which states of some loops over the same steps always have equal rows.

    All that begin alike are taken to be equal; classes are divided by what their next rows are, until none is any more.
    """

    def __init__(self, *loops: Loop) -> None:
        numbering = Numbering()
        self.classes = {
            s: numbering.key((s.taps, s.row.type, _constant_key(s.initial))) for loop in loops for s in loop.states
        }
        count = len(set(self.classes.values()))
        while count < len(self.classes):
            numbering = Numbering()
            for loop in loops:
                rows = numbering.of([s.row for s in loop.states], self.numbers_of_inputs(loop, numbering))
                for state, row in zip(loop.states, rows, strict=True):
                    self.classes[state] = numbering.key(("class", self.classes[state], row))
            before, count = count, len(set(self.classes.values()))
            if count == before:
                break

    def numbers_of_inputs(self, loop: Loop, numbering: Numbering) -> dict[Any, int]:
        """Numbers of a body's inputs: by what they are outside, and for states by their classes."""
        found = {s.row: numbering.key(("row", _constant_key(s.outer), s.row.type)) for s in loop.sequences}
        found.update((o.inner, numbering.key(("other", _constant_key(o.outer), o.inner.type))) for o in loop.others)
        for state in loop.states:
            found.update(
                (x, numbering.key(("state", self.classes[state], tap)))
                for tap, x in zip(state.taps, state.before, strict=True)
            )
        return found

    def twins(self, states: list[State], among: list[State]) -> dict[State, State]:
        """Those of `states` that equal an earlier one, or one of `among` → that one."""
        first = {self.classes[s]: s for s in reversed(among)}
        return {s: first[self.classes[s]] for s in states if first.get(self.classes[s], s) is not s}


@node_rule(
    "local_scan_equal_states", LOOPS, Scan, depth=1,
    before="Scan(x, a, a), each step x + h, x + g", after="Scan(x, a), each step x + h",
    when="the states begin alike and have the same next row, h and g being equal",
)  # fmt: skip
def local_scan_equal_states(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    if len(loop.states) < 2:
        return None
    equal = States(loop).twins(loop.states, loop.states)
    if not equal:
        return None
    loop.replace([pair for state, twin in equal.items() for pair in zip(state.before, twin.before, strict=True)])
    _unite(equal)
    loop.states = [s for s in loop.states if s not in equal]
    loop.drop_unused_inputs()
    return loop.rebuilt()


def _unite(equal: dict[State, State]) -> None:
    for state, twin in equal.items():
        twin.last_only = twin.last_only and state.last_only
        twin.twins += [v for v in (state.result, *state.twins) if v is not None]


# ---- loops into one


def absorb(first: Loop, second: Loop) -> bool:
    """Let the first loop compute what the second one does, too; ``False`` when their conditions differ."""
    states = States(first, second)
    equal = states.twins(second.states, first.states)
    if first.condition is not None or second.condition is not None:
        if first.condition is None or second.condition is None:
            return False
        numbering = Numbering()
        ends = [numbering.of([loop.condition], states.numbers_of_inputs(loop, numbering)) for loop in (first, second)]
        if ends[0] != ends[1]:
            return False
    taken = set(first.inner_inputs)
    pairs: list[tuple[Any, Any]] = []

    def stand_in(old: Any, new: Any) -> Any:
        """What is used for an input of the second body: an equal one of the first, or itself, or a copy of it."""
        if new is None:
            new = old.clone() if old in taken else old
        if new is not old:
            pairs.append((old, new))
        return new

    rows = {(_constant_key(s.outer), s.row.type): s.row for s in first.sequences}
    inners = {(_constant_key(o.outer), o.inner.type): o.inner for o in first.others}
    for sequence in second.sequences:
        known = rows.get((_constant_key(sequence.outer), sequence.row.type))
        sequence.row = stand_in(sequence.row, known)
        if known is None:
            first.sequences.append(sequence)
    for other in second.others:
        known = inners.get((_constant_key(other.outer), other.inner.type))
        other.inner = stand_in(other.inner, known)
        if known is None:
            first.others.append(other)
    for state in second.states:
        twin = equal.get(state)
        state.before = [
            stand_in(x, None if twin is None else y)
            for x, y in zip(state.before, state.before if twin is None else twin.before, strict=True)
        ]
    second.replace(pairs)
    _unite(equal)
    first.states += [s for s in second.states if s not in equal]
    for output in second.outputs:
        for known in first.outputs:
            if known.row is output.row and known.last_only == output.last_only:
                known.twins.append(output.result)
                break
        else:
            first.outputs.append(output)
    return True


def _united(nodes: list[Apply]) -> dict[Variable, Variable] | None:
    """What replaces the outputs of several loops by those of one; ``None`` when they cannot become one."""
    first, *rest = map(Loop, nodes)
    for loop in rest:
        if not absorb(first, loop):
            return None
    replaced = first.rebuilt()
    if first.made_done is not None:
        replaced.update((loop.done, first.made_done) for loop in rest)
    return replaced


@node_rule(
    "local_scan_extension", ("merge",), Scan, tags=QUICK, depth=1,
    before="Scan(x), each step tanh(x + h); Scan(x), each step tanh(x + h), x + h",
    after="Scan(x), each step tanh(x + h), x + h",
    when="the bodies have the very same inputs, as a loop and what its gradient makes of it",
)  # fmt: skip
def local_scan_extension(fgraph: Any, node: Apply) -> Any:
    op: Any = node.op
    for user, _ in fgraph.clients[node.inputs[-1]] if len(node.inputs) > 1 else ():
        if user == "output" or user is node or type(user.op) is not Scan or len(user.inputs) != len(node.inputs):
            continue
        other = user.op
        alike = (
            other.layout.taps == op.layout.taps
            and all(a is b for a, b in zip(other.inner_inputs, op.inner_inputs, strict=True))
            and all(same(a, b) for a, b in zip(user.inputs, node.inputs, strict=True))
        )
        if alike:
            return _united([node, user])
    return None


@node_rule(
    "local_scan_merge", LOOPS, Scan, depth=1, late=True,
    before="Scan(x), each step x + h; Scan(x), each step x * g", after="Scan(x), each step x + h, x * g",
    when="as many steps, neither needs the other; they share a sequence or a state, or make no products of matrices",
)  # fmt: skip
def local_scan_merge(fgraph: Any, node: Apply) -> Any:
    order = fgraph._order
    if order is not None and getattr(fgraph, "no_loops_to_merge", None) is order:
        return None
    for alike in _side_by_side(fgraph.toposort()):
        for number, first in enumerate(alike):
            chosen = [first, *(second for second in alike[number + 1 :] if _belong_together(first, second))]
            replaced = _united(chosen) if len(chosen) > 1 else None
            if replaced is not None:
                return replaced
    fgraph.no_loops_to_merge = fgraph._order
    return None


def _side_by_side(order: list[Apply]) -> list[list[Apply]]:
    """Groups of loops of as many steps behind as many other loops, so that none of a group needs another."""
    level: dict[Any, int] = {}
    groups: dict[Any, list[Apply]] = {}
    for node in order:
        behind = max((level.get(v, 0) for v in node.inputs), default=0)
        op: Any = node.op
        if type(op) is Scan:
            if not op.layout.until:
                groups.setdefault((behind, _constant_key(node.inputs[0])), []).append(node)
            behind += 1
        if behind:
            level.update((v, behind) for v in node.outputs)
    return [group for group in groups.values() if len(group) > 1]


def _belong_together(a: Apply, b: Apply) -> bool:
    ops: list[Any] = [a.op, b.op]
    first, second = (op.layout.split_inputs(n.inputs) for op, n in zip(ops, (a, b), strict=True))
    if any(x is y for x in first.sequences + first.states for y in second.sequences + second.states):
        return True
    return not any(isinstance(n.op, Dot | BatchedDot) for op in ops for n in op.inner_nodes)


# ---- loops that are none

MOST_STEPS = 16
MOST_UNROLLED = 32  # operations that the steps of a loop may become


@node_rule(
    "local_scan_one_step", LOOPS, Scan, depth=1,
    before="Scan(x, a), one step tanh(x + h)", after="Join{0}(a, tanh(x[0] + a[-1]).dimshuffle(x))",
)  # fmt: skip
def local_scan_one_step(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    if not isinstance(loop.steps, Constant) or int(loop.steps.data) != 1:
        return None
    memo: dict[Any, Any] = {o.inner: o.outer for o in loop.others}
    memo.update((s.row, Subtensor((0,))(s.outer)) for s in loop.sequences)
    for state in loop.states:
        memo.update((x, Subtensor((tap,))(state.initial)) for tap, x in zip(state.taps, state.before, strict=True))
    memo = clone_get_equiv(loop.inner_inputs, loop.inner_outputs, False, False, memo)
    replaced: dict[Variable, Variable] = {}
    for output in loop.outputs:
        replaced[output.result] = fitted(shape_padleft(memo[output.row]), output.result)
    for state in loop.states:
        new = shape_padleft(memo[state.row])
        given = rows_from(state.initial, 1) if state.last_only else state.initial
        whole = new if state.last_only and state.depth == 1 else Join(0)(given, new)
        replaced[state.result] = fitted(whole, state.result)
    if loop.done is not None:
        replaced[loop.done] = constant(1, dtype="int64")
    return replaced


@node_rule(
    "local_scan_few_steps", LOOPS, Scan, depth=1,
    before="Scan(a), three steps h * x, only the last row used", after="(a[0] * x * x * x).dimshuffle(x)",
    when="a constant number of steps and little elementwise work: as one expression it is one loop over elements",
)  # fmt: skip
def local_scan_few_steps(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    steps = int(loop.steps.data) if isinstance(loop.steps, Constant) else 0
    work = loop.op.inner_nodes
    simple = all(isinstance(inner.op, Elemwise | DimShuffle) for inner in work)
    last = all(s.last_only and s.depth == 1 for s in loop.states) and loop.states
    if not 2 <= steps <= MOST_STEPS or steps * len(work) > MOST_UNROLLED or not simple or not last:
        return None
    if loop.outputs or loop.done is not None:
        return None
    rows: dict[Any, Any] = {s: Subtensor((-1,))(s.initial) for s in loop.states}
    for step in range(steps):
        memo: dict[Any, Any] = {o.inner: o.outer for o in loop.others}
        memo.update((s.row, Subtensor((step,))(s.outer)) for s in loop.sequences)
        memo.update((s.before[0], rows[s]) for s in loop.states)
        memo = clone_get_equiv(loop.inner_inputs, loop.inner_outputs, False, False, memo)
        rows = {s: memo[s.row] for s in loop.states}
    return {s.result: fitted(shape_padleft(rows[s]), s.result) for s in loop.states}
