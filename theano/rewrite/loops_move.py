"""Work that need not be done step by step moves out of loops: before them, or behind them, for all steps at once.

One product of large matrices costs a fraction of many products of small ones. So products of rows of sequences are made
before a loop, products that only outputs need behind it, and sums of products over the steps become one product. Around
them goes what depends on them. Cheap arithmetic on rows alone stays in the loop, where it costs no memory.

What is moved in front of a loop is computed also when the loop has no step. Only operations that can fail for no other
reason than lengths that do not fit are moved so: no assertions, and no indexing with numbers that are computed.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from typing import Any

from theano.graph.basic import Apply, Constant
from theano.graph.traversal import ancestors, toposort
from theano.loops.op import Scan
from theano.loops.placing import certain_nodes
from theano.rewrite.loops import LOOPS, Loop, SequenceInput, fitted, is_reversed, reversed_rows
from theano.rewrite.loops_rows import Rows, has_rows, may_precede
from theano.rewrite.pattern import RuleTable, elementwise, key_of, maker
from theano.scalar.conversion import Cast
from theano.tensor.assertion import Assert
from theano.tensor.elementwise import DimShuffle, Elemwise
from theano.tensor.filling import Alloc
from theano.tensor.joining import Join
from theano.tensor.nnet.softmax import LogSoftmax, Softmax, SoftmaxGrad
from theano.tensor.products import BatchedDot, Dot
from theano.tensor.reduction_ops import Argmax, CAReduce
from theano.tensor.shape import Rebroadcast, Shape, Shape_i, known_length, shape_i
from theano.tensor.subtensor import DYNAMIC, Slice, Subtensor

table = RuleTable()
node_rule = table.node_rule

VIEWS = (DimShuffle, Subtensor, Rebroadcast)
CHEAP = frozenset(
    (
        *("add", "sub", "mul", "true_div", "neg", "abs_", "sqr", "sqrt", "inv", "sgn", "switch", "identity", "second"),
        *("maximum", "minimum", "clip", "eq", "neq", "lt", "le", "gt", "ge", "and_", "or_", "xor", "invert"),
    )
)
"""Elementwise operations that cost no more than to read their operands."""


def rank(variable: Any) -> int:
    """Along how many axes a variable may be longer than 1."""
    return variable.type.broadcastable.count(False)


def is_cheap(node: Apply) -> bool:
    """Whether a node is a view, or arithmetic that costs no more than reading its operands."""
    op: Any = node.op
    if type(op) is Elemwise:
        return isinstance(op.scalar_op, Cast) or key_of(op) in CHEAP
    return isinstance(op, (*VIEWS, Alloc))


def grows(node: Apply) -> bool:
    """Whether a result is as long along more axes as any operand: to keep it takes more memory than to make it."""
    if not isinstance(node.op, Elemwise | Alloc):
        return False
    return rank(node.outputs[0]) > max((rank(v) for v in node.inputs), default=0)


class Body:
    """What the rules of this file ask about the body of a loop.

    Attributes
    ----------
    fixed
        the others, and what is computed from them alone by nodes that may precede the loop.
    lengths
        the nodes that ask for lengths, which are fixed as well, of rows of sequences and states.
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.nodes = loop.nodes()
        self.taps: set[Any] = {x for s in loop.states for x in s.before}
        self.rows: set[Any] = {s.row for s in loop.sequences}
        self.fixed: set[Any] = {o.inner for o in loop.others}
        self.others = {o.inner: o.outer for o in loop.others}
        self.arrays = {x: s.initial for s in loop.states for x in s.before}
        self.arrays.update((s.row, s.outer) for s in loop.sequences)
        self.fixed_nodes: list[Apply] = []
        self.certain = certain_nodes(loop.inner_outputs, self.nodes)
        self.users: dict[Any, list[Apply]] = {}
        for node in self.nodes:
            for v in node.inputs:
                self.users.setdefault(v, []).append(node)
            if self._is_fixed(node):
                self.fixed.update(node.outputs)
                self.fixed_nodes.append(node)

    def _is_fixed(self, node: Apply) -> bool:
        if type(node.op) is Shape_i and (node.inputs[0] in self.rows or node.inputs[0] in self.taps):
            return True
        return may_precede(node) and all(v in self.fixed or isinstance(v, Constant) for v in node.inputs)

    def __contains__(self, variable: Any) -> bool:
        """Whether a variable varies from step to step."""
        return variable not in self.fixed and not isinstance(variable, Constant)

    def varying(self, node: Apply) -> list[Any]:
        """The operands that vary."""
        return [v for v in node.inputs if v in self]

    def of_rows(self) -> set[Any]:
        """Variables all rows of which can be computed before the loop from those of sequences."""
        rows = set(self.rows)
        for node in self.nodes:
            if node.outputs[0] in self.fixed or grows(node) or any(v not in rows for v in self.varying(node)):
                continue
            if has_rows(node, self):
                rows.update(node.outputs)
        return rows

    def outside(self, steps: Any, rows: dict[Any, Any]) -> Rows:
        """Expressions outside the loop, given arrays of rows; lengths of states' rows are those of the initial ones."""
        return Rows(steps, self.others, {**self.arrays, **rows})

    def is_heavy(self, node: Apply) -> bool:
        """Whether a node is worth to be computed for all steps at once."""
        op: Any = node.op
        if type(op) in (Dot, BatchedDot):
            return len(self.varying(node)) == 1
        if isinstance(op, CAReduce | Argmax | Softmax | LogSoftmax | SoftmaxGrad):
            return True
        return type(op) is Elemwise and not node.outputs[0].type.ndim and not is_cheap(node)

    def needed(self, moved: set[Apply]) -> list[Any]:
        """What the rest of the body needs of nodes that move before the loop.

        Views and what only stretches stay, and so does what a choice may not need; they need what they are made from.
        """
        wanted = [v for node in self.nodes if node not in moved for v in node.inputs]
        wanted += self.loop.inner_outputs
        found: dict[Any, None] = {}
        seen: set[Any] = set()
        while wanted:
            v = wanted.pop()
            if v in seen or v.owner is None or v.owner not in moved:
                continue
            seen.add(v)
            stays = isinstance(v.owner.op, (*VIEWS, Alloc)) or (is_cheap(v.owner) and grows(v.owner))
            if stays or v.owner not in self.certain:
                wanted += v.owner.inputs
            else:
                found[v] = None
        return list(found)


# ---- before the loop


@node_rule(
    "local_scan_hoist", LOOPS, Scan, depth=1,
    before="Scan(a), each step exp(a) * h", after="Scan(exp(a)), each step b * h",
    when="what depends on neither rows nor states and can fail only because lengths do not fit; views stay",
)  # fmt: skip
def local_scan_hoist(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    body = Body(loop)
    found = body.needed(set(body.fixed_nodes))
    if not found:
        return None
    outside = body.outside(loop.steps, {})
    loop.replace([(v, loop.add_other(outside.of(v)[0], like=v)) for v in found])
    loop.drop_unused_inputs()
    return loop.rebuilt()


@node_rule(
    "local_scan_split_products", LOOPS, Scan, depth=1, tags=("rounding",),
    before="Scan(X, W), each step dot(Join{0}(x, h), W)",
    after="Scan(X, W), each step dot(x, W[:x.shape[0]]) + dot(h, W[x.shape[0]:])",
    when="x made of rows of sequences alone, so that its product can be made before the loop; no condition ends the "
    "loop",
)  # fmt: skip
def local_scan_split_products(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    if loop.condition is not None or not loop.sequences:
        return None
    body = Body(loop)
    pairs: list[tuple[Any, Any]] = []
    early = body.of_rows() | body.fixed
    for inner in body.nodes:
        if type(inner.op) is not Dot or inner.inputs[1] in body:
            continue
        joined, matrix = inner.inputs
        if joined.owner is None or type(joined.owner.op) is not Join or joined.owner.op.axis != joined.type.ndim - 1:
            continue
        terms = _products_of_parts(joined.owner.op, joined.owner.inputs, matrix, early)
        if len(terms) > 1:
            pairs.append((inner.outputs[0], fitted(functools.reduce(elementwise("add"), terms), inner.outputs[0])))
    if not pairs:
        return None
    loop.replace(pairs)
    return loop.rebuilt()


def _products_of_parts(op: Join, parts: Iterable[Any], matrix: Any, early: set[Any]) -> list[Any]:
    """Products of neighbouring parts, which are known early or are not, with the rows of the matrix that they meet."""
    groups = [list(group) for _, group in itertools.groupby(parts, lambda part: part in early)]
    terms = []
    start: Any = 0
    for group in groups:
        stop = functools.reduce(elementwise("add"), [shape_i(part, op.axis) for part in group], start)
        # The last part meets all rows that are left, so that lengths that do not fit are reported.
        rows = matrix[start:] if group is groups[-1] else matrix[start:stop]
        terms.append(Dot()(op(*group) if len(group) > 1 else group[0], rows))
        start = stop
    return terms


@node_rule(
    "local_scan_rows", LOOPS, Scan, depth=1, tags=("rounding",),
    before="Scan(X, W), each step dot(x, W) + h", after="Scan(dot(X, W)), each step x + h",
    when="a product with a matrix, a reduction, or a function of numbers that is not cheap, of rows of sequences, and "
    "what is made of it; no condition ends the loop",
)  # fmt: skip
def local_scan_rows(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    if loop.condition is not None or not loop.sequences:
        return None
    body = Body(loop)
    rows = body.of_rows()
    moved: set[Apply] = set()
    for inner in body.nodes:
        if inner.outputs[0] not in rows:
            continue
        if body.is_heavy(inner) or any(v.owner in moved for v in inner.inputs):
            moved.add(inner)
    found = body.needed(moved)
    if not found:
        return None
    # Rows of sequences that run backwards are computed forwards, where they lie in memory one after the other.
    backwards = all(is_reversed(s.outer) for s in loop.sequences if s.row in used_rows(found, body))
    arrays = {s.row: reversed_rows(s.outer) for s in loop.sequences} if backwards else {}
    outside = body.outside(loop.steps, arrays)
    pairs = []
    for v in found:
        array = outside.stacked(v)
        pairs.append((v, loop.add_sequence(reversed_rows(array) if backwards else array, like=v)))
    loop.replace(pairs)
    loop.drop_unused_inputs()
    return loop.rebuilt()


def used_rows(variables: Iterable[Any], body: Body) -> set[Any]:
    """The rows of sequences that variables of a body depend on."""
    return body.rows.intersection(ancestors(variables, body.rows | body.taps))


# ---- behind the loop


@node_rule(
    "local_scan_outputs", LOOPS, Scan, depth=1, tags=("rounding",),
    before="Scan(x), each step h, dot(h, W)", after="dot(Scan(x), W), each step h",
    when="a product or a reduction that only outputs need, and what is made of it; outputs that are known without the "
    "loop; whole loops without states; no condition ends the loop",
)  # fmt: skip
def local_scan_outputs(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    if loop.condition is not None or not loop.outputs:
        return None
    body = Body(loop)
    moved = _behind(loop, body)
    known = {s.row for s in loop.sequences} | body.fixed
    for state in loop.states:
        known.add(state.row)
        if not state.last_only:
            known.update(state.before)

    def goes(o: Any) -> bool:
        return not o.last_only and (o.row in known or isinstance(o.row, Constant) or o.row.owner in moved)

    gone = [o for o in loop.outputs if goes(o)]
    if not gone:
        return None
    loop.outputs = [o for o in loop.outputs if not goes(o)]
    leaves = leaves_of(body, moved, [o.row for o in gone])
    added = sum(loop.keep_rows(v) for v in leaves)
    if added > len(gone) + sum(body.is_heavy(inner) for inner in moved):
        return None
    before = loop.sequences
    loop.drop_unused_inputs()
    loop.build()
    if not loop.shapes_are_known():
        return None
    rows = {s.row: with_rows(loop, s) for s in before if s not in loop.sequences}
    outside = body.outside(loop.steps, {**rows, **loop.known_rows()})
    replaced = loop.replacements()
    replaced.update((o.result, fitted(outside.stacked(o.row), o.result)) for o in gone)
    return replaced


def with_rows(loop: Loop, sequence: SequenceInput) -> Any:
    """The array of a sequence that the loop checks no more; that it has a row for each step is checked here."""
    x, steps = sequence.outer, loop.steps
    if _has_rows_for(x, steps):
        return x
    message = f"{loop.op}: the sequence {sequence.row.name or x} has not as many rows as the loop has steps"
    return Assert(message, ValueError)(x, elementwise("eq")(shape_i(x, 0), steps))


def _has_rows_for(x: Any, steps: Any) -> bool:
    """Whether it can be told that `x` has `steps` rows: that is its length, or it is cut to the shortest of some."""
    lengths = [steps]
    x = reversed_rows(x) if is_reversed(x) else x
    if x.owner is not None and type(x.owner.op) is Subtensor and x.owner.op.idx_list == (Slice(None, DYNAMIC, None),):
        x, end = x.owner.inputs
        if end is not steps:
            return False
        x = reversed_rows(x) if is_reversed(x) else x
        while any(maker(n) == "minimum" for n in lengths):
            lengths = [m for n in lengths for m in (n.owner.inputs if maker(n) == "minimum" else [n])]
    known = known_length(x, 0)
    return any(_is_length_of(n, x) or (isinstance(n, Constant) and known == n.data) for n in lengths)


def _is_length_of(n: Any, x: Any) -> bool:
    node = n.owner
    if node is None or not node.inputs:
        return False
    if type(node.op) is Shape_i:
        return node.op.i == 0 and node.inputs[0] is x
    shape = node.inputs[0].owner
    is_first = type(node.op) is Subtensor and node.op.idx_list == (0,)
    return is_first and shape is not None and type(shape.op) is Shape and shape.inputs[0] is x


def _behind(loop: Loop, body: Body) -> set[Apply]:
    """The nodes that move behind the loop: heavy ones that only outputs need, and what is made of them."""
    steps = set(toposort([s.row for s in loop.states], loop.inner_inputs))
    last = {o.row for o in loop.outputs if o.last_only}
    movable: set[Apply] = set()
    for inner in reversed(body.nodes):
        if inner in steps or any(v in last for v in inner.outputs):
            continue
        if any(user not in movable for v in inner.outputs for user in body.users.get(v, ())):
            continue
        if inner.outputs[0] in body.fixed or has_rows(inner, body):
            movable.add(inner)
    if not loop.states and len(movable) == len(body.nodes):
        return movable
    moved: set[Apply] = set()
    for inner in body.nodes:
        if inner not in movable or inner.outputs[0] not in body:
            continue
        if body.is_heavy(inner) or any(v.owner in moved for v in inner.inputs):
            moved.add(inner)
    return moved


def leaves_of(body: Body, moved: set[Apply], results: Iterable[Any]) -> list[Any]:
    """Variables whose rows are needed to compute `results` behind the loop by the nodes `moved`, and by views."""
    todo = list(results)
    found: dict[Any, None] = {}
    seen: set[Any] = set()
    while todo:
        v = todo.pop()
        if v in seen or v not in body:
            continue
        seen.add(v)
        inner = v.owner
        if inner is not None and (inner in moved or (isinstance(inner.op, VIEWS) and has_rows(inner, body))):
            todo += inner.inputs
        else:
            found[v] = None
    return list(found)
