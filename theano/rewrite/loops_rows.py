"""What a node of a body computes, computed for all steps at once.

A variable of a body is *fixed* when it is the same in each step, else it *varies*: then its values in all steps are the
rows of an array. For each Op here a function says how to make the rows of its results from those of its operands, and
when it can.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from theano.graph.basic import Apply
from theano.graph.traversal import toposort
from theano.loops.op import Scan
from theano.tensor.advanced_subtensor import AdvancedSubtensor1
from theano.tensor.elementwise import DimShuffle, Elemwise
from theano.tensor.filling import Alloc
from theano.tensor.joining import Join
from theano.tensor.lengths import product
from theano.tensor.nnet.softmax import LogSoftmax, Softmax, SoftmaxGrad
from theano.tensor.products import BatchedDot, Dot
from theano.tensor.reduction_ops import All, Argmax, Max, Min, Prod, Sum, axes_of
from theano.tensor.reduction_ops import Any as AnyTrue
from theano.tensor.shape import (
    MakeVector,
    Rebroadcast,
    Reshape,
    Shape,
    Shape_i,
    patternbroadcast,
    shape_i,
    shape_padleft,
)
from theano.tensor.subtensor import DYNAMIC, FULL, IncSubtensor, Subtensor

Varying = Container[Any]
Builder = Callable[[Apply, Sequence[Any], Sequence[bool], Any], Any]
"""(node of the body, its operands outside, which of them are rows, number of steps) → the rows of its first output."""
Test = Callable[[Apply, Varying], bool]

FIXED = (
    *(Elemwise, DimShuffle, Dot, BatchedDot, Alloc, Join, MakeVector, Reshape, Rebroadcast, Shape, Shape_i),
    *(Sum, Prod, Max, Min, All, AnyTrue, Argmax, Softmax, LogSoftmax, SoftmaxGrad),
)
"""Ops that may be computed before a loop though the loop may have no step: they can fail only because shapes clash."""

_builders: dict[type, tuple[Builder, Test]] = {}


def rows_of(*ops: type, when: Test = lambda node, varying: True) -> Callable[[Builder], Builder]:
    """Decorator that enters a function for these Ops; `when` says for which nodes it is good."""

    def enter(build: Builder) -> Builder:
        for op in ops:
            _builders[op] = (build, when)
        return build

    return enter


def may_precede(node: Apply) -> bool:
    """Whether a node that depends on nothing that varies may be computed before the loop."""
    op: Any = node.op
    if type(op) is Subtensor:
        return DYNAMIC not in op.idx_list
    if type(op) is Scan:
        return not op.layout.until and all(may_precede(inner) for inner in op.inner_nodes)
    return type(op) in FIXED


def has_rows(node: Apply, varying: Varying) -> bool:
    """Whether a node varies because an operand does, and can be computed for all steps at once."""
    found = _builders.get(type(node.op))
    return found is not None and any(v in varying for v in node.inputs) and found[1](node, varying)


class Rows:
    """Expressions outside of a loop for variables of its body.

    Parameters
    ----------
    steps
        how many rows there are.
    fixed, rows
        variables of the body → what they are outside, the same in each step, or an array with a row a step.
    """

    def __init__(self, steps: Any, fixed: Mapping[Any, Any], rows: Mapping[Any, Any]) -> None:
        self.steps = steps
        self.made: dict[Any, tuple[Any, bool]] = {v: (x, False) for v, x in fixed.items()}
        self.made.update((v, (x, True)) for v, x in rows.items())

    def of(self, variable: Any) -> tuple[Any, bool]:
        """The variable outside, and whether it has a row a step."""
        if variable not in self.made:
            for node in toposort([variable], set(self.made)):
                self._make(node)
        return self.made.get(variable) or (variable, False)  # else it is a constant

    def stacked(self, variable: Any) -> Any:
        """An array with a row a step, of exactly the type that a sequence of such rows must have."""
        outer, varies = self.of(variable)
        if not varies:
            lengths = [shape_i(outer, axis) for axis in range(outer.type.ndim)]
            outer = Alloc()(outer, self.steps, *lengths)
        return patternbroadcast(outer, (outer.type.broadcastable[0], *variable.type.broadcastable))

    def _make(self, node: Apply) -> None:
        parts = [self.made.get(v) or (v, False) for v in node.inputs]
        operands, varies = [x for x, _ in parts], [flag for _, flag in parts]
        op: Any = node.op
        if type(op) is Shape_i and varies[0]:
            self.made[node.outputs[0]] = (shape_i(operands[0], op.i + 1), False)
        elif any(varies):
            build, _ = _builders[type(op)]
            self.made[node.outputs[0]] = (build(node, operands, varies, self.steps), True)
        else:
            for inner, outer in zip(node.outputs, op.make_node(*operands).outputs, strict=True):
                self.made[inner] = (outer, False)


# ---- element by element


def _as_rows(x: Any, varies: bool) -> Any:
    return x if varies else shape_padleft(x)


@rows_of(Elemwise)
def _elemwise(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    return node.op(*map(_as_rows, operands, varies))


@rows_of(Softmax, LogSoftmax, SoftmaxGrad, when=lambda node, varying: all(v in varying for v in node.inputs))
def _along_last_axes(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    return node.op(*operands)


# ---- axes


@rows_of(DimShuffle)
def _dimshuffle(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    op: Any = node.op
    return operands[0].dimshuffle(0, *(e if e == "x" else e + 1 for e in op.new_order))


@rows_of(Sum, Prod, Max, Min, All, AnyTrue)
def _reduced(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    op: Any = node.op
    axes = tuple(axis + 1 for axis in axes_of(op.axis, node.inputs[0].type.ndim))
    return op._with(axes, op.dtype, op.acc_dtype)(*operands)


@rows_of(Argmax)
def _argmax(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    op: Any = node.op
    return Argmax(tuple(axis + 1 for axis in axes_of(op.axis, node.inputs[0].type.ndim)))(*operands)


@rows_of(Rebroadcast)
def _rebroadcast(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    op: Any = node.op
    return Rebroadcast(*((axis + 1, flag) for axis, flag in op.axes))(*operands)


@rows_of(Alloc, when=lambda node, varying: not any(n in varying for n in node.inputs[1:]))
def _alloc(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    value, *lengths = operands
    missing = len(lengths) - (value.type.ndim - 1)
    return Alloc()(value.dimshuffle(0, *["x"] * missing, *range(1, value.type.ndim)), steps, *lengths)


@rows_of(Reshape, when=lambda node, varying: node.inputs[1] not in varying)
def _reshape(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    """Reshape with all lengths given: -1 would not say the same where there is one axis more."""
    op: Any = node.op
    x, shape = operands
    of_a_row = op.make_node(node.inputs[0].type(), shape)
    (lengths,) = op.infer_shape(of_a_row, [[shape_i(x, axis) for axis in range(1, x.type.ndim)]])
    return Reshape(op.ndim + 1)(x, [shape_i(x, 0), *lengths])


@rows_of(Join)
def _join(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    op: Any = node.op
    parts = [
        x if flag else Alloc()(x, steps, *(shape_i(x, axis) for axis in range(x.type.ndim)))
        for x, flag in zip(operands, varies, strict=True)
    ]
    return Join(op.axis + 1)(*parts)


@rows_of(MakeVector)
def _make_vector(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    from theano.tensor.functions import cast

    dtype = node.outputs[0].type.dtype
    columns = [x if flag else Alloc()(x, steps) for x, flag in zip(operands, varies, strict=True)]
    return Join(1)(*(cast(x, dtype).dimshuffle(0, "x") for x in columns))


# ---- indexing


def _is_row_number(node: Apply, varying: Varying) -> bool:
    """Whether one row of a fixed array is taken, with a number that varies."""
    op: Any = node.op
    return op.idx_list == (DYNAMIC,) and node.inputs[0] not in varying


def _index_is_fixed(node: Apply, varying: Varying) -> bool:
    op: Any = node.op
    arrays = 2 if type(op) is IncSubtensor else 1
    return not any(v in varying for v in node.inputs[arrays:])


@rows_of(Subtensor, when=lambda node, varying: _is_row_number(node, varying) or _index_is_fixed(node, varying))
def _subtensor(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    op: Any = node.op
    if not varies[0]:
        return AdvancedSubtensor1()(*operands)
    return Subtensor((FULL, *op.idx_list))(*operands)


@rows_of(IncSubtensor, when=_index_is_fixed)
def _inc_subtensor(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    op: Any = node.op
    x, y, *index = operands
    if not varies[0]:
        x = Alloc()(x, steps, *(shape_i(x, axis) for axis in range(x.type.ndim)))
    made = IncSubtensor((FULL, *op.idx_list), set_instead_of_inc=op.set_instead_of_inc)
    return made(x, _as_rows(y, varies[1]), *index)


@rows_of(AdvancedSubtensor1, when=lambda node, varying: node.inputs[0] not in varying)
def _taken_rows(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    x, rows = operands
    lengths = [shape_i(x, axis) for axis in range(1, x.type.ndim)]
    return _apart(node.op(x, together(rows)), [shape_i(rows, 0), shape_i(rows, 1)], lengths)


# ---- products


def together(x: Any) -> Any:
    """`x` with its first two axes, steps and rows, made one."""
    lengths = [shape_i(x, axis) for axis in range(x.type.ndim)]
    return Reshape(x.type.ndim - 1)(x, [product(lengths[:2]), *lengths[2:]])


def _apart(x: Any, first: Sequence[Any], lengths: Sequence[Any]) -> Any:
    """`x` with its first axis made the axes `first`."""
    whole = [*first, *lengths]
    return Reshape(len(whole))(x, whole)


@rows_of(Dot)
def _dot(node: Apply, operands: Sequence[Any], varies: Sequence[bool], steps: Any) -> Any:
    """One product for all steps, where one operand is fixed."""
    x, y = operands
    if all(varies):
        return _dot_of_rows(x, y)
    if varies[1]:  # dot(x, y) is dot(y.T, x.T).T
        if x.type.ndim == 2:
            x = x.T
        if y.type.ndim == 2:
            return Dot()(y, x)
        rows = _matrix_times(y.dimshuffle(0, 2, 1), x)
        return rows if rows.type.ndim == 2 else rows.dimshuffle(0, 2, 1)
    return Dot()(x, y) if x.type.ndim == 2 else _matrix_times(x, y)


def _matrix_times(x: Any, y: Any) -> Any:
    """Rows of products: of a matrix a step with a fixed matrix or vector."""
    lengths = [shape_i(y, 1)] if y.type.ndim == 2 else []
    whole = _apart(Dot()(together(x), y), [shape_i(x, 0), shape_i(x, 1)], lengths)
    pattern = (*x.type.broadcastable[:2], *y.type.broadcastable[1:])
    return patternbroadcast(whole, pattern)


def _dot_of_rows(x: Any, y: Any) -> Any:
    """Rows of products both operands of which vary."""
    if x.type.ndim == y.type.ndim == 2:
        z = x * y
        return Sum(1, dtype=z.type.dtype)(z)
    if x.type.ndim == 2:
        return BatchedDot()(x.dimshuffle(0, "x", 1), y).dimshuffle(0, 2)
    if y.type.ndim == 2:
        return BatchedDot()(x, y.dimshuffle(0, 1, "x")).dimshuffle(0, 1)
    return BatchedDot()(x, y)


def summed_product(x: Any, y: Any) -> Any:
    """The sum over all steps of dot(x_t, y_t), from rows of both, as one product."""
    if x.type.ndim == y.type.ndim == 2:
        return Dot()(x.flatten(), y.flatten())
    if x.type.ndim == 2:
        return Dot()(x.flatten(), together(y))
    # A matrix a step, whose columns are summed: steps and columns become one axis.
    joined = together(x.dimshuffle(0, 2, 1)).T
    return Dot()(joined, y.flatten() if y.type.ndim == 2 else together(y))
