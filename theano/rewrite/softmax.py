"""Softmax, its logarithm and cross-entropy: products of exponentials become Ops that neither overflow nor lose digits.

A classifier's loss ``-log(softmax(x))[arange(n), y]`` and its gradient become one Op each. Their classes y must be
numbers of columns, from 0; negative ones, which indexing counts from the end, are refused there.
"""

from __future__ import annotations

from typing import Any

from theano.graph.basic import Apply
from theano.graph.traversal import depends_on
from theano.rewrite.algebra import STABILIZE
from theano.rewrite.pattern import RuleTable, elementwise, maker, scalar_constant
from theano.rewrite.trees import PRODUCT, build_product, collect_product
from theano.tensor.advanced_subtensor import AdvancedIncSubtensor, AdvancedSubtensor
from theano.tensor.creation import Alloc, ARange
from theano.tensor.elementwise import DimShuffle
from theano.tensor.nnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1HotWithBiasDx,
    CrossentropySoftmaxArgmax1HotWithBias,
)
from theano.tensor.nnet.softmax import LogSoftmax, Softmax, SoftmaxGrad
from theano.tensor.reductions import Sum, axes_of, restore_axes
from theano.tensor.shape import Shape_i, shape_i
from theano.tensor.static import static_integer
from theano.tensor.subtensor import ARRAY

table = RuleTable()
node_rule = table.node_rule
QUICK = ("fast_compile",)


# ---- recognizing softmax


@node_rule(
    "local_softmax", STABILIZE, "true_div", depth=4, tags=QUICK,
    before="exp(x) / sum(exp(x), axis, keepdims=True)", after="Softmax{axis}(x)", when="x floating, one axis",
)  # fmt: skip
def local_softmax(fgraph: Any, node: Apply) -> Any:
    operands: list[Any] = node.inputs
    exponentials, total = operands
    if maker(exponentials) != "exp" or total.owner is None or type(total.owner.op) is not DimShuffle:
        return None
    (reduced,) = total.owner.inputs
    if reduced.owner is None or type(reduced.owner.op) is not Sum or reduced.owner.inputs[0] is not exponentials:
        return None
    x = exponentials.owner.inputs[0]
    if x.type != exponentials.type or not x.type.dtype.startswith("float"):
        return None
    axes = axes_of(reduced.owner.op.axis, x.type.ndim)
    if len(axes) != 1 or restore_axes(reduced, axes, x.type.ndim).owner.op != total.owner.op:
        return None
    result = Softmax(axes[0] - x.type.ndim)(x)
    if x.type.ndim == 1:
        result = result.dimshuffle(1)
    return [result] if result.type == node.outputs[0].type else None


@node_rule(
    "local_softmax_shift", STABILIZE, Softmax, LogSoftmax, before="Softmax(x - max(x, keepdims=True))",
    after="Softmax(x)",
    when="what is subtracted has length 1 along the axis: the Op subtracts the largest element itself",
)  # fmt: skip
def local_softmax_shift(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    if maker(x) != "sub":
        return None
    inner, shift = x.owner.inputs
    if inner.type != x.type or not shift.type.broadcastable[node.op.axis]:
        return None
    return [node.op(inner)]


@node_rule(
    "local_logsoftmax", ("canonicalize", "stabilize"), "log", tags=QUICK, before="log(Softmax(x))",
    after="LogSoftmax(x)"
)  # fmt: skip
def local_logsoftmax(fgraph: Any, node: Apply) -> Any:
    softmax: Any = node.inputs[0]
    if softmax.owner is None or type(softmax.owner.op) is not Softmax:
        return None
    result = LogSoftmax(softmax.owner.op.axis)(softmax.owner.inputs[0])
    return [result] if result.type == node.outputs[0].type else None


# ---- cross-entropy with classes


def picked_classes(rows: Any, classes: Any, matrix: Any) -> bool:
    """Whether `rows` is ``arange`` over the rows of `matrix`, or over `classes`, and these are integers."""
    if rows.owner is None or type(rows.owner.op) is not ARange:
        return False
    start, stop, step = rows.owner.inputs
    if static_integer(start) != 0 or static_integer(step) != 1:
        return False
    if classes.type.ndim != 1 or classes.type.numpy_dtype.kind not in "iu" or classes.type.broadcastable[0]:
        return False
    if _is_length(stop, classes) or _is_length(stop, matrix):
        return True
    its = matrix.owner
    if its is not None and type(its.op) is Alloc:
        return stop is its.inputs[1]
    return _is_row_count(stop, matrix)


def _is_length(length: Any, variable: Any) -> bool:
    its = length.owner
    return its is not None and type(its.op) is Shape_i and its.op.i == 0 and its.inputs[0] is variable


def _is_row_count(length: Any, matrix: Any) -> bool:
    """Whether `length` is the number of rows of `matrix`, which row-wise operations and products were made from."""
    place: Any = matrix
    for _ in range(64):
        if _is_length(length, place):
            return True
        its = place.owner
        if its is None:
            return False
        name = type(its.op).__name__
        if name in ("Softmax", "LogSoftmax", "Dot", "CrossentropySoftmaxArgmax1HotWithBias"):
            place = its.inputs[0]
        elif name == "Elemwise":
            tall = [v for v in its.inputs if not v.type.broadcastable[0]]
            if not tall:
                return False
            place = next((v for v in tall if v.owner is None), tall[0])
        else:
            return False
    return False


def _split_bias(x: Any) -> tuple[Any, Any]:
    """``x + b`` as (x, b) when b is a vector added to each row; else x and zeros."""
    if maker(x) == "add" and len(x.owner.inputs) == 2:
        for row, other in (x.owner.inputs, x.owner.inputs[::-1]):
            its = row.owner
            if its is None or type(its.op) is not DimShuffle or its.op.new_order != ("x", 0):
                continue
            if row.type.broadcastable[1] and not x.type.broadcastable[1]:
                continue
            if row.type.dtype == x.type.dtype and other.type == x.type:
                return other, its.inputs[0]
    return x, None


def _cross_entropy(fgraph: Any, x: Any, classes: Any) -> Any:
    """The outputs nll, softmax and argmax for the argument of a softmax."""
    scores, bias = _split_bias(x)
    if bias is None:
        from theano.tensor.variable import constant

        bias = Alloc()(constant(0, dtype=x.type.dtype), shape_i(x, 1))
        if bias.type.broadcastable[0]:
            return None
    return CrossentropySoftmaxArgmax1HotWithBias()(scores, bias, classes)


def _with_softmax(fgraph: Any, node: Apply, x: Any, classes: Any, result: Any, softmax: Any) -> Any:
    """The replacement of `node`; the softmax of the same argument, where the graph has it, comes from the new Op "
    "too."""
    replaced = {node.outputs[0]: result}
    for client, _ in fgraph.clients.get(x, ()):
        if client != "output" and type(client.op) is Softmax and client.op.axis == -1:
            own = client.outputs[0]
            if own.type == softmax.type and (classes.owner is None or not depends_on(classes, own)):
                replaced[own] = softmax
    return replaced


@node_rule(
    "local_advanced_indexing_crossentropy_onehot", STABILIZE, AdvancedSubtensor, "log", depth=4,
    tags=("crossentropy", "fast_compile"),
    before="log(Softmax(x + b))[arange(n), y]; log(Softmax(x)[arange(n), y])",
    after="-CrossentropySoftmaxArgmax1HotWithBias(x, b, y).0",
    when="x a matrix, y a vector of integers, n the number of rows",
)  # fmt: skip
def local_advanced_indexing_crossentropy_onehot(fgraph: Any, node: Apply) -> Any:
    picked: Any = node if type(node.op) is AdvancedSubtensor else node.inputs[0].owner
    if picked is None or type(picked.op) is not AdvancedSubtensor:
        return None
    wanted: Any = LogSoftmax if picked is node else Softmax
    if picked.op.pattern != (ARRAY, ARRAY):
        return None
    matrix, rows, classes = picked.inputs
    if (
        matrix.owner is None
        or type(matrix.owner.op) is not wanted
        or matrix.owner.op.axis != -1
        or matrix.type.ndim != 2
    ):
        return None
    if not picked_classes(rows, classes, matrix):
        return None
    x = matrix.owner.inputs[0]
    outputs = _cross_entropy(fgraph, x, classes)
    if outputs is None:
        return None
    nll, softmax, _ = outputs
    if nll.type != node.outputs[0].type:
        return None
    return _with_softmax(fgraph, node, x, classes, elementwise("neg")(nll), softmax)


@node_rule(
    "crossentropy_to_crossentropy_with_softmax", STABILIZE, CrossentropyCategorical1Hot,
    tags=("crossentropy", "fast_compile"),
    before="CrossentropyCategorical1Hot(Softmax(x + b), y)", after="CrossentropySoftmaxArgmax1HotWithBias(x, b, y).0",
)  # fmt: skip
def crossentropy_to_crossentropy_with_softmax(fgraph: Any, node: Apply) -> Any:
    matrix, classes = node.inputs
    if matrix.owner is None or type(matrix.owner.op) is not Softmax or matrix.owner.op.axis != -1:
        return None
    x = matrix.owner.inputs[0]
    outputs = _cross_entropy(fgraph, x, classes)
    if outputs is None or outputs[0].type != node.outputs[0].type:
        return None
    return _with_softmax(fgraph, node, x, classes, outputs[0], outputs[1])


# ---- gradients


def _one_hot_gradient(variable: Any) -> tuple[Any, Any] | None:
    """(g, y) when `variable` is zeros with ``g[i]`` added in row i, column ``y[i]``."""
    its = variable.owner
    if its is None or type(its.op) is not AdvancedIncSubtensor:
        return None
    if its.op.pattern != (ARRAY, ARRAY) or its.op.set_instead_of_inc:
        return None
    zeros, values, rows, classes = its.inputs
    if scalar_constant(zeros) != 0 or not picked_classes(rows, classes, zeros):
        return None
    if values.type.ndim == 0 or values.type.broadcastable[0]:
        value = values.dimshuffle() if values.type.ndim else values
        values = Alloc()(value, shape_i(classes, 0))
    return values, classes


def _stripped(fgraph: Any, slope: Any, softmax: Any) -> Any:
    """`slope` without a division by `softmax`; ``None`` when there is none."""
    if maker(slope) not in PRODUCT:
        return None
    tree = collect_product(fgraph, slope.owner)
    if tree.parts.get(softmax) != [-1]:
        return None
    del tree.parts[softmax]
    result = build_product(tree, slope.type.dtype)
    return result if result.type == slope.type else None


def _divided_values(fgraph: Any, values: Any, softmax: Any, classes: Any) -> Any:
    """``g`` when `values` is ``g / softmax[arange(n), classes]``."""
    if maker(values) not in PRODUCT:
        return None
    tree = collect_product(fgraph, values.owner)
    for factor, exponents in tree.parts.items():
        its = factor.owner
        if (
            exponents != [-1]
            or its is None
            or type(its.op) is not AdvancedSubtensor
            or its.op.pattern != (ARRAY, ARRAY)
        ):
            continue
        matrix, rows, same_classes = its.inputs
        if matrix is softmax and same_classes is classes and picked_classes(rows, classes, matrix):
            del tree.parts[factor]
            result = build_product(tree, values.type.dtype)
            if result.type.ndim == 0 or result.type.broadcastable[0]:
                result = Alloc()(result.dimshuffle() if result.type.ndim else result, shape_i(classes, 0))
            return result
    return None


@node_rule(
    "local_advanced_indexing_crossentropy_onehot_grad", STABILIZE, SoftmaxGrad, "sub", depth=4,
    tags=("crossentropy", "fast_compile"),
    before="SoftmaxGrad(zeros[arange(n), y].inc(g) / sm, sm); SoftmaxGrad(zeros[arange(n), y].inc(g / "
    "sm[arange(n), y]), sm)",
    after="CrossentropySoftmax1HotWithBiasDx(-g, sm, y)",
    when="as the gradient of a picked log-probability is; also in the form that the gradient of LogSoftmax has",
)  # fmt: skip
def local_advanced_indexing_crossentropy_onehot_grad(fgraph: Any, node: Apply) -> Any:
    if type(node.op) is SoftmaxGrad:
        if node.op.axis != -1 or node.outputs[0].type.ndim != 2:
            return None
        found = _softmax_grad_parts(fgraph, node)
    else:
        found = _logsoftmax_grad_parts(node)
    if found is None:
        return None
    values, softmax, classes = found
    result = CrossentropySoftmax1HotWithBiasDx()(elementwise("neg")(values), softmax, classes)
    return [result] if result.type == node.outputs[0].type else None


def _softmax_grad_parts(fgraph: Any, node: Apply) -> Any:
    slope, softmax = node.inputs
    stripped = _stripped(fgraph, slope, softmax)
    if stripped is not None:
        found = _one_hot_gradient(stripped)
        return None if found is None else (found[0], softmax, found[1])
    found = _one_hot_gradient(slope)
    if found is None:
        return None
    values = _divided_values(fgraph, found[0], softmax, found[1])
    return None if values is None else (values, softmax, found[1])


def _logsoftmax_grad_parts(node: Apply) -> Any:
    """For ``d - softmax(x) * sum(d, axis=1, keepdims=True)`` with d as above."""
    operands: list[Any] = node.inputs
    slope, product = operands
    found = _one_hot_gradient(slope)
    if found is None or maker(product) != "mul" or len(product.owner.inputs) != 2:
        return None
    for softmax, total in (product.owner.inputs, product.owner.inputs[::-1]):
        its = total.owner
        if its is None or type(its.op) is not DimShuffle or its.op.new_order != (0, "x") or softmax.owner is None:
            continue
        reduced = its.inputs[0].owner
        if reduced is None or type(reduced.op) is not Sum or reduced.op.axis != (1,) or reduced.inputs[0] is not slope:
            continue
        if softmax.type == node.outputs[0].type:
            return found[0], softmax, found[1]
    return None


@node_rule(
    "local_crossentropy_to_crossentropy_with_softmax_grad", STABILIZE, SoftmaxGrad,
    tags=("crossentropy", "fast_compile"),
    before="SoftmaxGrad(CrossentropyCategorical1HotGrad(g, sm, y), sm)",
    after="CrossentropySoftmax1HotWithBiasDx(g, sm, y)",
)  # fmt: skip
def local_crossentropy_to_crossentropy_with_softmax_grad(fgraph: Any, node: Apply) -> Any:
    slope, softmax = node.inputs
    its = slope.owner
    if its is None or type(its.op) is not CrossentropyCategorical1HotGrad or node.op.axis != -1:
        return None
    values, distribution, classes = its.inputs
    if distribution is not softmax:
        return None
    result = CrossentropySoftmax1HotWithBiasDx()(values, softmax, classes)
    return [result] if result.type == node.outputs[0].type else None


@node_rule(
    "local_softmax_grad_neg", STABILIZE, SoftmaxGrad, before="SoftmaxGrad(-d, sm)", after="-SoftmaxGrad(d, sm)"
)  # fmt: skip
def local_softmax_grad_neg(fgraph: Any, node: Apply) -> Any:
    operands: list[Any] = node.inputs
    slope, softmax = operands
    if maker(slope) != "neg":
        return None
    result = elementwise("neg")(node.op(slope.owner.inputs[0], softmax))
    return [result] if result.type == node.outputs[0].type else None


@node_rule(
    "local_logsoftmax_grad", STABILIZE, SoftmaxGrad, tags=QUICK, depth=3,
    before="SoftmaxGrad(g / sm, sm)", after="g - sm * sum(g, axis, keepdims=True)",
    when="as the gradient of log(softmax) is; nothing is divided by a probability that underflowed",
)  # fmt: skip
def local_logsoftmax_grad(fgraph: Any, node: Apply) -> Any:
    slope, softmax = node.inputs
    gradient = _stripped(fgraph, slope, softmax)
    if gradient is None:
        return None
    axis = node.op.axis % softmax.type.ndim
    total = restore_axes(Sum((axis,))(gradient), (axis,), softmax.type.ndim)
    result = elementwise("sub")(gradient, elementwise("mul")(softmax, total))
    return [result] if result.type == node.outputs[0].type else None
