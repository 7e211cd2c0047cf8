"""Rules about sums, products and extrema over axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply
from theano.rewrite.algebra import ALWAYS, CANONICALIZE
from theano.rewrite.pattern import RuleTable, elementwise, maker, scalar_constant
from theano.tensor.creation import Alloc
from theano.tensor.elementwise import DimShuffle
from theano.tensor.functions import cast
from theano.tensor.reductions import All, Argmax, Max, Min, Prod, Sum, axes_of
from theano.tensor.reductions import Any as AnyTrue
from theano.tensor.shape import shape_i

table = RuleTable()
node_rule = table.node_rule
QUICK = ("fast_compile",)
ACCUMULATING = (Sum, Prod)
EXTREMA = (Max, Min, All, AnyTrue)


def reduce_like(node: Apply, x: Any, axes: Sequence[int]) -> Any:
    """The reduction of `node` applied to `x` over other axes, with the same dtypes; over no axes, `x` converted."""
    op: Any = node.op
    if not axes:
        return _in_dtype(x, node.outputs[0].type.dtype)
    axis = None if len(axes) == x.type.ndim else tuple(axes)
    if isinstance(op, Prod):
        return Prod(axis, op.dtype, op.acc_dtype, op.no_zeros_in_input)(x)
    if isinstance(op, Sum):
        return Sum(axis, op.dtype, op.acc_dtype)(x)
    return type(op)(axis)(x)


def _in_dtype(x: Any, dtype: str) -> Any:
    return x if x.type.dtype == dtype else cast(x, dtype)


def _same_type(result: Any, node: Apply) -> Any:
    return [result] if result.type == node.outputs[0].type else None


def _reduced(node: Apply) -> tuple[int, ...]:
    return axes_of(node.op.axis, node.inputs[0].type.ndim)


# ---- what reduces nothing


@node_rule(
    "local_useless_reduce", ALWAYS, *ACCUMULATING, *EXTREMA, tags=QUICK,
    before="sum(scalar); sum(x, axis=())", after="scalar; x", when="there is no axis to reduce",
)  # fmt: skip
def local_useless_reduce(fgraph: Any, node: Apply) -> Any:
    if _reduced(node):
        return None
    return _same_type(_in_dtype(node.inputs[0], node.outputs[0].type.dtype), node)


@node_rule(
    "local_reduce_broadcastable", ALWAYS, *ACCUMULATING, *EXTREMA, tags=QUICK,
    before="sum(col, axis=(0, 1))", after="sum(col.dimshuffle(0), axis=0)", when="axes of length 1 need no reducing",
)  # fmt: skip
def local_reduce_broadcastable(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    axes = _reduced(node)
    single = [axis for axis in axes if x.type.broadcastable[axis]]
    if not single:
        return None
    kept = [axis for axis in range(x.type.ndim) if axis not in single]
    squeezed = DimShuffle(x.type.broadcastable, kept)(x)
    return _same_type(reduce_like(node, squeezed, [kept.index(axis) for axis in axes if axis not in single]), node)


# ---- reductions of reductions and of other layouts


@node_rule(
    "local_sum_sum", ALWAYS, *ACCUMULATING, *EXTREMA,
    before="sum(sum(x, axis=0), axis=0); max(max(x, axis=1))", after="sum(x, axis=(0, 1)); max(x)",
    when="the inner one is used nowhere else and has the same dtypes; sums may round differently", tags=("rounding",),
)  # fmt: skip
def local_sum_sum(fgraph: Any, node: Apply) -> Any:
    middle: Any = node.inputs[0]
    its = middle.owner
    if its is None or type(its.op) is not type(node.op) or len(fgraph.clients[middle]) > 1:
        return None
    x = its.inputs[0]
    if isinstance(node.op, ACCUMULATING) and not (
        its.op.dtype == node.op.dtype == middle.type.dtype and its.op.acc_dtype == node.op.acc_dtype
    ):
        return None
    inner = _reduced(its)
    kept = [axis for axis in range(x.type.ndim) if axis not in inner]
    axes = sorted({*inner, *(kept[axis] for axis in _reduced(node))})
    return _same_type(reduce_like(its, x, axes), node)


@node_rule(
    "local_reduce_dimshuffle", ALWAYS, *ACCUMULATING, *EXTREMA,
    before="sum(x.T); sum(x.T, axis=0); max(x.dimshuffle(0, x), axis=1)", after="sum(x); sum(x, axis=1); x",
)  # fmt: skip
def local_reduce_dimshuffle(fgraph: Any, node: Apply) -> Any:
    moved: Any = node.inputs[0]
    if moved.owner is None or type(moved.owner.op) is not DimShuffle or moved.owner.op.drop:
        return None
    x = moved.owner.inputs[0]
    order: tuple[Any, ...] = moved.owner.op.new_order
    axes = _reduced(node)
    own = sorted(order[axis] for axis in axes if order[axis] != "x")
    result = reduce_like(node, x, own)
    left = [axis for axis in range(x.type.ndim) if axis not in own]
    new_order = ["x" if e == "x" else left.index(e) for i, e in enumerate(order) if i not in axes]
    if new_order != list(range(result.type.ndim)):
        result = DimShuffle(result.type.broadcastable, new_order)(result)
    return _same_type(result, node)


# ---- reductions of filled arrays


@node_rule(
    "local_sum_of_alloc", ALWAYS, *ACCUMULATING, *EXTREMA,
    before="sum(Alloc(x, n)); prod(Alloc(x, n)); max(Alloc(x, n))", after="x * n; x**n; x",
    when="x is stretched along the reduced axes; an extremum of no elements is not refused any more",
)  # fmt: skip
def local_sum_of_alloc(fgraph: Any, node: Apply) -> Any:
    filled: Any = node.inputs[0]
    if filled.owner is None or type(filled.owner.op) is not Alloc:
        return None
    value, *lengths = filled.owner.inputs
    rank = len(lengths)
    missing = rank - value.type.ndim
    axes = _reduced(node)
    stretched = [a for a in axes if a < missing or value.type.broadcastable[a - missing]]
    if not stretched:
        return None
    own = [a - missing for a in axes if a >= missing and a not in stretched]
    squeezed = [a - missing for a in stretched if a >= missing]
    out = node.outputs[0].type.dtype
    part = value
    if squeezed:
        kept = [a for a in range(value.type.ndim) if a not in squeezed]
        part = DimShuffle(value.type.broadcastable, kept)(value)
        own = [kept.index(a) for a in own]
    if out != part.type.dtype and not own:
        part = cast(part, out)
    part = reduce_like(node, part, own)
    if isinstance(node.op, ACCUMULATING):
        count: Any = None
        for a in stretched:
            count = lengths[a] if count is None else elementwise("mul")(count, lengths[a])
        if isinstance(node.op, Sum):
            part = elementwise("mul")(part, _in_dtype(count, out))
        else:
            part = elementwise("pow")(part, _in_dtype(count, out) if np.dtype(out).kind != "u" else count)
    left = [length for a, length in enumerate(lengths) if a not in axes]
    result = Alloc()(part, *left) if left else part
    return _same_type(result, node)


# ---- factors and signs move out


@node_rule(
    "local_sum_neg",
    ALWAYS,
    Sum,
    before="sum(-x)",
    after="-sum(x)",
    when="no precision is lost: the negation keeps the dtype",
)
def local_sum_neg(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    if maker(x) != "neg" or x.type.dtype.startswith("uint"):
        return None
    return _same_type(elementwise("neg")(node.op(x.owner.inputs[0])), node)


@node_rule(
    "local_sum_mul_by_scalar", CANONICALIZE, Sum, depth=3,
    before="sum(a * x); sum(x * row, axis=0); sum(x / a)",
    after="a * sum(x); sum(x, axis=0) * row.dimshuffle(1); sum(x) / a",
    when="floating; the factor has length 1 along all reduced axes and is not the only operand that does not; "
    "rounding may differ",
    tags=("rounding",),
)  # fmt: skip
def local_sum_mul_by_scalar(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    name = maker(x)
    if name not in ("mul", "true_div") or np.dtype(x.type.dtype).kind not in "fc":
        return None
    if x.type.dtype != node.outputs[0].type.dtype:
        return None
    axes = _reduced(node)
    if not axes:
        return None
    operands = x.owner.inputs
    if name == "true_div":
        above, below = operands
        if not _single_along(below, axes) or _single_along(above, axes):
            return None
        if not _covers(above, x, axes):
            return None
        quotient = elementwise("true_div")(node.op(_in_dtype(above, x.type.dtype)), _without(below, axes))
        return _same_type(quotient, node)
    outside = [v for v in operands if _single_along(v, axes)]
    inside = [v for v in operands if not _single_along(v, axes)]
    if not outside or not inside:
        return None
    product = inside[0]
    for v in inside[1:]:
        product = elementwise("mul")(product, v)
    if not _covers(product, x, axes):
        return None
    result = node.op(_in_dtype(product, x.type.dtype))
    for v in outside:
        result = elementwise("mul")(_without(v, axes), result)
    return _same_type(result, node)


def _single_along(variable: Any, axes: Sequence[int]) -> bool:
    return all(variable.type.broadcastable[axis] for axis in axes)


def _covers(variable: Any, whole: Any, axes: Sequence[int]) -> bool:
    """Whether `variable` has the full length along all reduced axes."""
    return all(not variable.type.broadcastable[axis] or whole.type.broadcastable[axis] for axis in axes)


def _without(variable: Any, axes: Sequence[int]) -> Any:
    kept = [axis for axis in range(variable.type.ndim) if axis not in axes]
    return DimShuffle(variable.type.broadcastable, kept)(variable)


@node_rule(
    "local_prod_neg",
    CANONICALIZE,
    Prod,
    before="prod(-x)",
    after="switch(n % 2 == 0, prod(x), -prod(x))",
    when="n the number of factors",
)
def local_prod_neg(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    if maker(x) != "neg" or np.dtype(x.type.dtype).kind == "u":
        return None
    count: Any = None
    for axis in _reduced(node):
        length = shape_i(x.owner.inputs[0], axis)
        count = length if count is None else elementwise("mul")(count, length)
    if count is None:
        return None
    product = node.op(x.owner.inputs[0])
    even = elementwise("eq")(elementwise("mod")(count, np.int64(2)), np.int64(0))
    result = elementwise("switch")(even, product, elementwise("neg")(product))
    return _same_type(result, node)


@node_rule(
    "local_max_of_neg", CANONICALIZE, Max, Min, before="max(-x); -max(-x)", after="-min(x); min(x)",
    when="x floating; -x used only here, since a gradient compares it with the maximum, digit for digit",
)  # fmt: skip
def local_max_of_neg(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    if maker(x) != "neg" or np.dtype(x.type.dtype).kind != "f" or len(fgraph.clients[x]) > 1:
        return None
    other = Min if isinstance(node.op, Max) else Max
    return _same_type(elementwise("neg")(other(node.op.axis)(x.owner.inputs[0])), node)


@node_rule(
    "local_max_of_monotone", CANONICALIZE, Max, Min,
    before="max(exp(x)); min(tanh(x))", after="exp(max(x)); tanh(min(x))",
    when="exp, expm1, tanh, sigmoid, softplus of floats, used only here",
)  # fmt: skip
def local_max_of_monotone(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    if maker(x) not in MONOTONE or len(fgraph.clients[x]) > 1:
        return None
    inner = x.owner.inputs[0]
    if inner.type.dtype != x.type.dtype:
        return None
    return _same_type(x.owner.op(node.op(inner)), node)


MONOTONE = frozenset({"exp", "tanh", "sigmoid", "expm1", "softplus"})


@node_rule(
    "local_argmax_of_monotone", CANONICALIZE, Argmax, before="argmax(2 * x); argmax(x + 1)",
    after="argmax(x); argmax(x)",
    when="the constant is positive (a factor) or finite (a term) and of one number; ties by rounding may be "
    "decided otherwise",
    tags=("opt_in", "rounding"),
)  # fmt: skip
def local_argmax_of_monotone(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    if maker(x) not in ("mul", "add") or len(x.owner.inputs) != 2:
        return None
    for value, other in (x.owner.inputs, x.owner.inputs[::-1]):
        number = scalar_constant(value)
        if number is not None and other.type == x.type and np.isfinite(number) and (maker(x) == "add" or number > 0):
            return _same_type(node.op(other), node)
    return None
