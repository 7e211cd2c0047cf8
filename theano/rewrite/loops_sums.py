"""Sums over the steps of a loop are made behind it, all terms at once.

A state that is nothing but a sum, as the gradient of a weight is, becomes its initial value and one product: the sum of
``dot(x_t.T, y_t)`` is ``dot(X.T, Y)``, with steps and rows as one axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theano.graph.basic import Apply
from theano.loops.op import Scan
from theano.rewrite.loops import LOOPS, Loop, State, first_row, is_reversed, reversed_rows
from theano.rewrite.loops_move import VIEWS, Body, grows, leaves_of, rank, with_rows
from theano.rewrite.loops_rows import Rows, has_rows, summed_product, together
from theano.rewrite.pattern import RuleTable, elementwise, maker
from theano.tensor.advanced_subtensor import AdvancedIncSubtensor1
from theano.tensor.elementwise import DimShuffle
from theano.tensor.functions import cast
from theano.tensor.products import Dot
from theano.tensor.reduction_ops import Sum
from theano.tensor.shape import shape_padleft
from theano.tensor.subtensor import DYNAMIC, IncSubtensor

table = RuleTable()
node_rule = table.node_rule


@node_rule(
    "local_scan_sums", LOOPS, Scan, depth=1, tags=("rounding",),
    before="Scan(X, Y, s), each step s + dot(x.T, y); Scan(X, s), each step s + x",
    after="s + dot(X.T, Y); s + sum(X, axis=0)",
    when="only the last sum is used; the terms are products, or made of rows that are kept anyway; no condition ends "
    "the loop",
)  # fmt: skip
def local_scan_sums(fgraph: Any, node: Apply) -> Any:
    loop = Loop(node)
    if loop.condition is not None:
        return None
    candidates = [s for s in loop.states if s.taps == (-1,) and s.last_only and s.row.type.dtype != "bool"]
    if not candidates:
        return None
    body = Body(loop)
    sums = _Sums(loop, body)
    for state in candidates:
        sums.consider(state)
    return sums.moved()


class _Term:
    """What a step adds to a sum: `core`, then what `wrap` makes of it; or what the node `change` adds to a part.

    `factors` are those of the core where it is summed as a product.
    """

    def __init__(self, value: Any, negative: bool = False, change: Apply | None = None) -> None:
        self.value = value
        self.negative = negative
        self.change = change
        self.core = value
        self.factors: tuple[Any, Any] | None = None
        self.wrap: list[Callable[[Any, Rows], Any]] = []

    def total(self, rows: Rows) -> Any:
        """The sum over all steps, outside."""
        value = self._total_of_core(rows)
        for outer in reversed(self.wrap):
            value = outer(value, rows)
        return value

    def _total_of_core(self, rows: Rows) -> Any:
        core = self.core
        if self.factors is not None:
            x, y = (rows.of(v)[0] for v in self.factors)
            return cast(summed_product(x, y) if maker(core) is Dot else Dot()(x.T, y), core.type.dtype)
        array, varies = rows.of(core)
        if not varies:
            return array * cast(rows.steps, core.type.dtype)
        return Sum(0, dtype=core.type.dtype)(array)


def product_of(variable: Any) -> tuple[Any, Any] | None:
    """The factors of a product of matrices or vectors, or of an outer product of vectors written element by element."""
    node = variable.owner
    if node is None or variable.type.dtype == "bool":
        return None
    if type(node.op) is Dot:
        x, y = node.inputs
        return x, y
    if maker(variable) != "mul" or variable.type.ndim != 2 or len(node.inputs) != 2:
        return None
    factors = {
        v.owner.op.new_order: v.owner.inputs[0]
        for v in node.inputs
        if v.owner is not None and type(v.owner.op) is DimShuffle and v.type.dtype == variable.type.dtype
    }
    column, line = factors.get((0, "x")), factors.get(("x", 0))
    if column is None or line is None or column.type.ndim != 1 or line.type.ndim != 1:
        return None
    return column, line


class _Sums:
    """The states of a loop that are sums over the steps, and which of their terms are summed behind the loop."""

    def __init__(self, loop: Loop, body: Body) -> None:
        self.loop, self.body = loop, body
        self.terms: dict[State, list[_Term]] = {}
        self.kept = {s.row for s in loop.sequences}
        self.outputs = loop.inner_outputs
        for state in loop.states:
            if not state.last_only:
                self.kept.update((state.row, *state.before))
        self.kept.update(o.row for o in loop.outputs if not o.last_only)

    def consider(self, state: State) -> None:
        """Note the terms of a state that is a sum, and nothing but a sum."""
        users = self.body.users
        terms: list[_Term] = []
        current = state.before[0]
        while current is not state.row:
            using = users.get(current, ())
            if len(using) != 1 or any(current is v for v in self.outputs):
                return
            (node,) = using
            result = node.outputs[0]
            if result.type.dtype != state.row.type.dtype:
                return
            name = maker(result)
            if name == "add":
                terms += [_Term(v) for v in node.inputs if v is not current]
            elif name == "sub" and node.inputs[0] is current:
                terms.append(_Term(node.inputs[1], negative=True))
            elif _adds_to_part(node, self.body) and node.inputs[0] is current:
                terms.append(_Term(node.inputs[1], change=node))
            else:
                return
            current = result
        if current in users or sum(current is v for v in self.outputs) != 1 or not terms:
            return
        for term in terms:
            if term.change is None:
                self._peel(term)
        self.terms[state] = terms

    def _peel(self, term: _Term) -> None:
        """Take off the core of a term what is linear and fixed, and can be done once to the sum."""
        while True:
            core = term.core
            node = core.owner
            if node is None or len(self.body.users.get(core, ())) > 1:
                return
            varying = self.body.varying(node)
            if len(varying) != 1 or varying[0].type.dtype != core.type.dtype or core.type.dtype == "bool":
                return
            name = maker(core)
            if name not in ("neg", "mul") and type(node.op) not in (DimShuffle, Dot):
                return
            if name == "mul" and grows_from(varying[0], core):
                return
            term.wrap.append(_Rewrap(node, node.inputs.index(varying[0])))
            term.core = varying[0]

    def moved(self) -> Any:
        """The loop without the terms that are summed behind it; ``None`` when there are none."""
        chosen = self._chosen()
        if not chosen:
            return None
        loop = self.loop
        done: list[tuple[State, list[_Term]]] = []
        for state, terms in self.terms.items():
            summed = [t for t in terms if t in chosen]
            if not summed:
                continue
            done.append((state, summed))
            left = [t for t in terms if t not in chosen]
            if left:
                row: Any = state.before[0]
                for term in left:
                    row = term.change.op(row, *term.change.inputs[1:]) if term.change else _added(row, term, term.value)
                state.row = row
            else:
                loop.states.remove(state)
        for leaf in self.leaves:
            loop.keep_rows(leaf)
        removed = [s for s, _ in done if s not in loop.states]
        sequences = loop.sequences
        loop.drop_unused_inputs()
        loop.build()
        if not loop.shapes_are_known():
            return None
        arrays = {s.row: with_rows(loop, s) for s in sequences if s.row in self.leaves and s not in loop.sequences}
        arrays.update(loop.known_rows())
        if any(is_reversed(arrays[v]) for v in self.leaves):
            # The order of steps is all one to sums; rows that run backwards are taken as they lie in memory.
            arrays = {v: reversed_rows(arrays[v]) for v in self.leaves}
        rows = self.body.outside(loop.steps, arrays)
        replaced = loop.replacements()
        for state, summed in done:
            total = first_row(state.initial) if state in removed else state.made.dimshuffle(*range(1, state.made.ndim))
            for term in summed:
                total = _changed(total, term, rows) if term.change else _added(total, term, term.total(rows))
            replaced[state.result] = shape_padleft(total)
        return replaced

    def _chosen(self) -> set[_Term]:
        """The terms to sum behind the loop; what rows they need is noted in ``leaves``."""
        terms = [t for terms in self.terms.values() for t in terms]
        body = self.body
        self.leaves: dict[Any, None] = {}
        chosen: set[_Term] = set()
        for term in terms:
            if term.change is not None:
                wanted = [v for v in term.change.inputs[1:] if v in body]
            else:
                factors = product_of(term.core)
                if factors is None or any(v not in body for v in factors):
                    continue
                term.factors = factors
                wanted = list(factors)
            chosen.add(term)
            self.leaves.update(dict.fromkeys(leaves_of(body, set(), wanted)))
        self.kept.update(self.leaves)
        for term in terms:
            if term not in chosen and self._is_at_hand(term):
                chosen.add(term)
        return chosen

    def _is_at_hand(self, term: _Term) -> bool:
        """Whether all rows of a term can be computed from rows that are kept, without computing anything twice."""
        body = self.body
        todo = [term.core]
        seen: set[Any] = set()
        leaves: list[Any] = []
        while todo:
            v = todo.pop()
            if v in seen or v not in body:
                continue
            seen.add(v)
            if v in self.kept:
                leaves.append(v)
                continue
            node = v.owner
            if node is None or not has_rows(node, body) or grows(node):
                return False
            shared = len(body.users.get(v, ())) > 1 or any(v is o for o in self.outputs)
            if shared and not isinstance(node.op, VIEWS):
                return False
            todo += node.inputs
        self.leaves.update(dict.fromkeys(leaves))
        return True


class _Rewrap:
    """Does to a sum what a linear node does to each term."""

    def __init__(self, node: Apply, place: int) -> None:
        self.node, self.place = node, place

    def __call__(self, value: Any, rows: Rows) -> Any:
        operands = [value if i == self.place else rows.of(v)[0] for i, v in enumerate(self.node.inputs)]
        return self.node.op(*operands)


def grows_from(operand: Any, result: Any) -> bool:
    """Whether an operand is stretched in the result."""
    return rank(result) > rank(operand)


def _adds_to_part(node: Apply, body: Body) -> bool:
    """Whether a node adds to rows that a varying index names, or to a fixed part."""
    op: Any = node.op
    if type(op) not in (IncSubtensor, AdvancedIncSubtensor1) or op.set_instead_of_inc:
        return False
    index = node.inputs[2:]
    if not any(v in body for v in index):
        return True
    if type(op) is AdvancedIncSubtensor1:
        return not node.inputs[1].type.broadcastable[0]
    return op.idx_list == (DYNAMIC,)


def _changed(total: Any, term: _Term, rows: Rows) -> Any:
    """`total` with all steps' additions to parts of it."""
    node = term.change
    assert node is not None
    op: Any = node.op
    y, *index = node.inputs[1:]
    if not any(rows.of(v)[1] for v in index):
        return op(total, Sum(0, dtype=y.type.dtype)(rows.stacked(y)), *(rows.of(v)[0] for v in index))
    (numbers,) = index
    values, places = rows.stacked(y), rows.stacked(numbers)
    if type(op) is AdvancedIncSubtensor1:
        values, places = together(values), places.flatten()
    return AdvancedIncSubtensor1()(total, values, places)


def _added(total: Any, term: _Term, value: Any) -> Any:
    return elementwise("sub" if term.negative else "add")(total, value)
