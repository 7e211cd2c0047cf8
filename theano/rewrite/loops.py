"""Loops as rules see them: a node taken apart, edited and built again; and the rules that tidy what goes in and out.

The rules about loops are in four files. Here is what every loop gets, also in quick compilation: its body is
rewritten by the passes like any graph, constants move into it, what nobody needs goes, and only last rows are kept
where only these are used. ``loops_move`` and ``loops_sums`` move work out of loops, ``loops_merge`` makes one loop of
several.

A body is shared by all copies of its node, so no rule changes one in place: expressions are built anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from theano.gradient.rows import MapGradients
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.replace import replace_graph
from theano.graph.traversal import ancestors, toposort
from theano.loops.op import Layout, Scan
from theano.loops.rows import rows_as_loop
from theano.rewrite.algebra import ALWAYS
from theano.rewrite.pattern import RuleTable, scalar_constant
from theano.tensor.elementwise import DimShuffle
from theano.tensor.filling import Alloc
from theano.tensor.shape import Rebroadcast, patternbroadcast, shape_tuple
from theano.tensor.subtensor import FULL, Slice, Subtensor
from theano.tensor.type import TensorType
from theano.tensor.variable import constant

table = RuleTable()
node_rule = table.node_rule
QUICK = ("fast_compile",)
LOOPS = ("loops",)

BACKWARDS = Slice(None, None, -1)
CONSTANT_LIMIT = 1024
"""Constants of more elements stay outside of bodies."""


# ---- a node taken apart


@dataclass(eq=False)
class SequenceInput:
    """A sequence: the array outside, and the row of it that a step sees."""

    outer: Any
    row: Any


@dataclass(eq=False)
class OtherInput:
    """What is the same in each step: the variable outside, and that of the body."""

    outer: Any
    inner: Any


@dataclass(eq=False)
class State:
    """A state.

    Attributes
    ----------
    initial
        the rows before the first step.
    taps, before
        steps back, and the rows from there that a step sees.
    row
        the next row.
    last_only
        whether only the last rows are kept.
    result
        the output of the old node that this is to replace; ``None`` for nothing.
    twins
        outputs of other nodes that this is to replace as well.
    made
        the output of the new node.
    """

    initial: Any
    taps: tuple[int, ...]
    before: list[Any]
    row: Any
    last_only: bool
    result: Any = None
    made: Any = None
    twins: list[Any] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """How many last rows are kept: as many as are given before the first step."""
        return -min(self.taps)


@dataclass(eq=False)
class Output:
    """An output that is no state; attributes as for :class:`State`."""

    row: Any
    last_only: bool
    result: Any = None
    made: Any = None
    twins: list[Any] = field(default_factory=list)
    depth = 1


class Loop:
    """A node of :class:`Scan` taken apart: groups as lists that may be edited, and :meth:`build` for a new node."""

    def __init__(self, node: Apply) -> None:
        op: Any = node.op
        layout: Layout = op.layout
        outer, body = layout.split_inputs(node.inputs), op.body_inputs
        results, rows = layout.split_outputs(node.outputs), op.body_outputs
        self.node = node
        self.op: Scan = op
        self.steps: Any = outer.steps
        self.sequences = [SequenceInput(x, row) for x, row in zip(outer.sequences, body.sequences, strict=True)]
        self.others = [OtherInput(x, inner) for x, inner in zip(outer.others, body.others, strict=True)]
        kept = layout.last_only
        self.states = [
            State(*parts)
            for parts in zip(outer.states, layout.taps, body.states, rows.states, kept, results.states, strict=False)
        ]
        kept = kept[layout.n_states :]
        self.outputs = [Output(*parts) for parts in zip(rows.outputs, kept, results.outputs, strict=True)]
        self.condition: Any = rows.condition
        self.done: Any = results.steps
        self.made_done: Any = None

    @property
    def inner_inputs(self) -> list[Variable]:
        """The body's inputs, in order."""
        taps = [x for s in self.states for x in s.before]
        return [*(s.row for s in self.sequences), *taps, *(o.inner for o in self.others)]

    @property
    def inner_outputs(self) -> list[Variable]:
        """The body's outputs, in order."""
        end = [] if self.condition is None else [self.condition]
        return [*(s.row for s in self.states), *(o.row for o in self.outputs), *end]

    @property
    def kept(self) -> list[State | Output]:
        """States and outputs, in order."""
        return [*self.states, *self.outputs]

    def nodes(self) -> list[Apply]:
        """The body's nodes in dependency order."""
        return toposort(self.inner_outputs, self.inner_inputs)

    def replace(self, pairs: Iterable[tuple[Variable, Variable]]) -> None:
        """Let the body compute with the second variable of each pair in the place of the first."""
        pairs = list(pairs)
        if not pairs:
            return
        rows = iter(replace_graph(self.inner_outputs, pairs))
        for kept in self.kept:
            kept.row = next(rows)
        self.condition = next(rows, None)

    def add_other(self, outer: Any, like: Any = None) -> Any:
        """The body's variable for `outer`, of the type of `like` where that is given."""
        wanted = (outer if like is None else like).type
        for known in self.others:
            if known.outer is outer and known.inner.type == wanted:
                return known.inner
        inner = wanted.make_variable()
        self.others.append(OtherInput(outer, inner))
        return inner

    def add_sequence(self, outer: Any, like: Any) -> Any:
        """The body's variable for a row of `outer`, of the type of `like`."""
        row = like.type.make_variable()
        self.sequences.append(SequenceInput(outer, row))
        return row

    def drop_unused_inputs(self) -> bool:
        """Take out sequences and others that no output needs; whether there were any."""
        needed = set(ancestors(self.inner_outputs, self.inner_inputs))
        before = len(self.sequences) + len(self.others)
        self.sequences = [s for s in self.sequences if s.row in needed]
        self.others = [o for o in self.others if o.inner in needed]
        return len(self.sequences) + len(self.others) < before

    def build(self) -> Apply | None:
        """The new node, with ``made`` of each state and output set; ``None`` when there is nothing to compute."""
        if not self.states and not self.outputs and self.condition is None:
            return None
        made = self.op.variant(
            self.inner_inputs,
            self.inner_outputs,
            n_sequences=len(self.sequences),
            taps=tuple(s.taps for s in self.states),
            n_outputs=len(self.outputs),
            until=self.condition is not None,
            last_only=tuple(kept.last_only for kept in self.kept),
        )
        outer = [*(s.outer for s in self.sequences), *(s.initial for s in self.states), *(o.outer for o in self.others)]
        node = made.make_node(self.steps, *outer)
        results = iter(node.outputs)
        for kept in self.kept:
            kept.made = next(results)
        self.made_done = next(results, None)
        return node

    def shapes_are_known(self) -> bool:
        """Whether new outputs of the node that was built have their shape also when the loop has no step."""
        (node,) = {kept.made.owner for kept in self.kept} or {None}
        lengths = [] if node is None else node.op.row_lengths()
        return all(None not in shape for o, shape in zip(self.outputs, lengths, strict=False) if o.result is None)

    def replacements(self) -> dict[Variable, Variable]:
        """Old node's outputs → new node's, after :meth:`build`."""
        found: dict[Variable, Variable] = {}
        for kept in self.kept:
            for old in (kept.result, *kept.twins):
                if old is not None:
                    was_last = old.owner.op.layout.last_only[old.index]
                    found[old] = rows_from(kept.made, -kept.depth) if was_last > kept.last_only else kept.made
        if self.done is not None and self.made_done is not None:
            found[self.done] = self.made_done
        return found

    def keep_rows(self, row: Any) -> bool:
        """Let the rows of a variable of the body be known after :meth:`build`; whether that takes a new output."""
        if any(row is s.row for s in self.sequences):
            return False
        for state in self.states:
            if row is state.row or any(row is x for x in state.before):
                state.last_only = False
                return False
        if any(row is o.row and not o.last_only for o in self.outputs):
            return False
        self.outputs.append(Output(row, False))
        return True

    def known_rows(self) -> dict[Any, Any]:
        """Variables of the body → arrays of their rows, one a step, after :meth:`build`."""
        known = {o.row: o.made for o in self.outputs if not o.last_only}
        for state in self.states:
            if not state.last_only:
                known[state.row] = rows_from(state.made, state.depth)
                for tap, x in zip(state.taps, state.before, strict=True):
                    known[x] = rows_from(state.made, state.depth + tap, tap)
        known.update((s.row, s.outer) for s in self.sequences)
        return known

    def rebuilt(self) -> dict[Variable, Variable]:
        """:meth:`build` and :meth:`replacements` in one."""
        self.build()
        return self.replacements()


def rows_from(x: Any, first: int, behind: int | None = None) -> Any:
    """``x[first:behind]``."""
    if first == 0 and behind is None:
        return x
    return Subtensor((Slice(first or None, behind),))(x)


def fitted(new: Any, old: Any) -> Any:
    """`new` with the broadcast pattern of `old`."""
    return patternbroadcast(new, old.type.broadcastable)


def first_row(x: Any) -> Any:
    """``x[0]`` of an array with one row."""
    node = x.owner
    if node is not None and type(node.op) is DimShuffle and node.op.new_order[:1] == ("x",):
        return node.inputs[0].dimshuffle(*node.op.new_order[1:])
    if node is not None and type(node.op) is Alloc:
        value, _, *lengths = node.inputs
        if value.type.ndim <= len(lengths):
            return Alloc()(value, *lengths)
    return Subtensor((0,))(x)


def reversed_rows(x: Any) -> Any:
    """The rows of an array in reverse order; twice reversed rows are those of the array itself."""
    return x.owner.inputs[0] if is_reversed(x) else Subtensor((BACKWARDS,))(x)


def is_reversed(x: Any) -> bool:
    """Whether an array is the rows of another one in reverse order."""
    return x.owner is not None and type(x.owner.op) is Subtensor and x.owner.op.idx_list == (BACKWARDS,)


# ---- bodies are graphs


@node_rule(
    "local_scan_body", ("canonicalize", "stabilize", "loops", "specialize", "blas"), Scan, tags=QUICK, depth=1,
    before="Scan(x), each step x + 0", after="Scan(x), each step x",
    when="the rules of each pass also rewrite the bodies of loops",
)  # fmt: skip
def local_scan_body(fgraph: Any, node: Apply) -> Any:
    op: Any = node.op
    driver = fgraph.driver
    if op.settled is driver.index:
        return None
    body = FunctionGraph(op.inner_inputs, op.inner_outputs)
    if not driver.rewrite_within(body):
        op.settled = driver.index
        return None
    made = op.variant(body.inputs, body.outputs)
    made.settled = driver.index
    return made.make_node(*node.inputs).outputs


@node_rule(
    "local_subtensor_of_one_row", ALWAYS, Subtensor, tags=QUICK, before="x.dimshuffle(x, 0)[0]", after="x",
)  # fmt: skip
def local_subtensor_of_one_row(fgraph: Any, node: Apply) -> Any:
    rows: Any = node.inputs[0]
    if rows.owner is not None and type(rows.owner.op) is Rebroadcast:
        rows = rows.owner.inputs[0]
    if node.op.idx_list not in ((0,), (-1,)) or rows.owner is None or type(rows.owner.op) is not DimShuffle:
        return None
    first, *rest = rows.owner.op.new_order
    return [fitted(rows.owner.inputs[0].dimshuffle(*rest), node.outputs[0])] if first == "x" else None


@node_rule(
    "local_rows_of_jacobian", ("canonicalize",), MapGradients, tags=QUICK,
    before="MapGradients{stack}(n, shape, x)", after="Scan(arange(n), x).reshape(n, shape)",
    when="Jacobians whose number of rows only shows at run time are loops",
)  # fmt: skip
def local_rows_of_jacobian(fgraph: Any, node: Apply) -> Any:
    return rows_as_loop(node)


# ---- what goes in


@node_rule(
    "local_scan_constants", ("canonicalize", "loops"), Scan, tags=QUICK,
    before="Scan(2), each step a * h; Scan(Alloc(a, n)), each step x * h",
    after="Scan(), each step 2 * h; Scan(a), each step a * h",
    when="small constants, and arrays filled with one value, are known to the body; rows are not counted any more",
)  # fmt: skip
def local_scan_constants(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    pairs: list[tuple[Any, Any]] = []
    for other in list(loop.others):
        known = _known_inside(loop, other.outer, other.inner)
        if known is not None:
            pairs.append((other.inner, known))
    for sequence in loop.sequences:
        known = _known_row(loop, sequence)
        if known is not None:
            pairs.append((sequence.row, known))
    if not pairs:
        return None
    loop.replace(pairs)
    loop.drop_unused_inputs()
    return loop.rebuilt()


def _known_inside(loop: Loop, outer: Any, inner: Any) -> Any:
    """What the body may compute with in the place of an other: a constant, or a filled array."""
    if isinstance(outer, Constant):
        small = isinstance(outer.type, TensorType) and outer.data.size <= CONSTANT_LIMIT
        return outer if small and outer.type == inner.type else None
    if outer.owner is not None and type(outer.owner.op) is Alloc:
        return fitted(Alloc()(*(_inside(loop, v) for v in outer.owner.inputs)), inner)
    return None


def _known_row(loop: Loop, sequence: SequenceInput) -> Any:
    """The row of a sequence whose rows are all equal."""
    outer, row = sequence.outer, sequence.row
    outer = reversed_rows(outer) if is_reversed(outer) else outer
    if row.type.ndim == 0:
        value = scalar_constant(outer)
        if value is not None:
            return constant(value, dtype=row.type.dtype)
    if isinstance(outer, Constant):
        if 0 < outer.data.size <= CONSTANT_LIMIT and (outer.data == outer.data[:1]).all():
            return row.type.Constant(row.type, outer.data[0])
        return None
    if outer.owner is None or type(outer.owner.op) is not Alloc:
        return None
    value, _, *lengths = outer.owner.inputs
    if value.type.ndim > len(lengths):
        if not value.type.broadcastable[0]:
            return None
        value = value.dimshuffle(*range(1, value.type.ndim))
    if not lengths:
        return fitted(_inside(loop, value), row)
    return fitted(Alloc()(_inside(loop, value), *(_inside(loop, n) for n in lengths)), row)


def _inside(loop: Loop, outer: Any) -> Any:
    return outer if isinstance(outer, Constant) and outer.data.size <= CONSTANT_LIMIT else loop.add_other(outer)


@node_rule(
    "local_scan_duplicates", ("canonicalize", "loops"), Scan, tags=QUICK, depth=1,
    before="Scan(x, x), each step x1 + x2", after="Scan(x), each step x1 + x1", when="likewise outputs that are equal",
)  # fmt: skip
def local_scan_duplicates(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    pairs: list[tuple[Any, Any]] = []
    rows: dict[Any, Any] = {}
    for sequence in loop.sequences:
        row = rows.setdefault(sequence.outer, sequence.row)
        if row is not sequence.row and row.type == sequence.row.type:
            pairs.append((sequence.row, row))
    same: dict[Any, Any] = {}
    for other in loop.others:
        inner = same.setdefault(other.outer, other.inner)
        if inner is not other.inner and inner.type == other.inner.type:
            pairs.append((other.inner, inner))
    first: dict[Any, Output] = {}
    for output in loop.outputs:
        kept = first.setdefault((output.row, output.last_only), output)
        if kept is not output:
            kept.twins.append(output.result)
    if not pairs and len(first) == len(loop.outputs):
        return None
    loop.outputs = list(first.values())
    loop.replace(pairs)
    loop.drop_unused_inputs()
    return loop.rebuilt()


# ---- what comes out


@node_rule(
    "local_scan_unused", ("canonicalize", "loops", "specialize"), Scan, tags=QUICK, depth=1,
    before="Scan(x, y), each step tanh(x + h), y + g", after="Scan(x), each step tanh(x + h)",
    when="g is not used: neither after the loop, nor by anything in it that is; rows of y are not counted any more",
)  # fmt: skip
def local_scan_unused(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    clients = fgraph.clients
    outputs = [o for o in loop.outputs if clients.get(o.result)]
    live = {s for s in loop.states if clients.get(s.result)}
    owners = {x: s for s in loop.states for x in s.before}
    inputs = loop.inner_inputs
    todo = [o.row for o in outputs] + [s.row for s in live] + ([] if loop.condition is None else [loop.condition])
    needed: set[Any] = set()
    while todo:
        needed.update(ancestors(todo, inputs))
        found = {owners[v] for v in needed if v in owners} - live
        live |= found
        todo = [s.row for s in found]
    states = [s for s in loop.states if s in live]
    if len(states) == len(loop.states) and len(outputs) == len(loop.outputs) and needed.issuperset(_plain(loop)):
        return None
    loop.states, loop.outputs = states, outputs
    loop.drop_unused_inputs()
    return loop.rebuilt()


def _plain(loop: Loop) -> list[Any]:
    return [*(s.row for s in loop.sequences), *(o.inner for o in loop.others)]


@node_rule(
    "local_scan_constant_states", ("canonicalize", "loops"), Scan, tags=QUICK, depth=1,
    before="Scan(x, a), each step x + g, g", after="Scan(x, a[0]), each step x + g",
    when="g, a state that never changes, as second derivatives of sums have them",
)  # fmt: skip
def local_scan_constant_states(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)

    def is_constant(s: State) -> bool:
        return s.taps == (-1,) and s.row is s.before[0] and (s.last_only or loop.condition is None)

    constant_states = [s for s in loop.states if is_constant(s)]
    if not constant_states:
        return None
    loop.states = [s for s in loop.states if s not in constant_states]
    values = {s: first_row(s.initial) for s in constant_states}
    loop.replace([(s.row, loop.add_other(values[s], like=s.row)) for s in constant_states])
    loop.drop_unused_inputs()
    replaced = loop.rebuilt()
    for s, value in values.items():
        whole = s.initial if s.last_only else Alloc()(value, loop.steps + 1, *shape_tuple(value))
        replaced[s.result] = fitted(whole, s.result)
    return replaced


@node_rule(
    "local_scan_last_only", LOOPS, Scan, tags=QUICK, depth=3,
    before="Scan(x)[1:][-1]", after="Scan(x, last_only)[-1]",
    when="nothing but last rows is used, as many as the loop needs itself; after no step they are those given",
)  # fmt: skip
def local_scan_last_only(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    readers: dict[Any, list[tuple[Any, Any, list[Any]]]] = {}
    for kept in loop.kept:
        if not kept.last_only:
            found = _readers_of_last_rows(fgraph, kept.result, kept.depth, isinstance(kept, State))
            if found is not None:
                readers[kept] = found
    if not readers:
        return None
    for kept in readers:
        kept.last_only = True
    loop.build()
    replaced = loop.replacements()
    for kept, found in readers.items():
        del replaced[kept.result]
        for variable, op, dynamic in found:
            replaced[variable] = fitted(op(kept.made, *dynamic), variable)
    return replaced or None


def _readers_of_last_rows(fgraph: Any, result: Any, depth: int, state: bool) -> list[tuple[Any, Any, list[Any]]] | None:
    """What is taken of the last `depth` rows of `result`: (variable, the Op that takes it, its dynamic parts).

    ``None`` when anything else is used.
    """
    found: list[tuple[Any, Any, list[Any]]] = []
    todo = [(result, False)]
    while todo:
        array, skipped = todo.pop()
        for user, _ in fgraph.clients.get(array, ()):
            if user == "output" or type(user.op) is not Subtensor or user.inputs[0] is not array:
                return None
            entry, *_rest = user.op.idx_list or (FULL,)
            if state and not skipped and user.op.idx_list == (Slice(depth),):
                todo.append((user.outputs[0], True))
            elif _among_last(entry, depth):
                found.append((user.outputs[0], user.op, user.inputs[1:]))
            else:
                return None
    return found


def _among_last(entry: Any, depth: int) -> bool:
    if isinstance(entry, Slice):
        start, stop, step = entry
        if not isinstance(start, int) or not -depth <= start < 0 or step is not None:
            return False
        return stop is None or (isinstance(stop, int) and stop < 0)
    return isinstance(entry, int) and -depth <= entry < 0
