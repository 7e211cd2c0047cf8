"""Composite operations of neural networks, expanded into elementwise work, reductions and gathers before lowering."""

from __future__ import annotations

from typing import Any

from theano.backend.native.lower import expands
from theano.graph.basic import Apply
from theano.tensor import creation, indexing, reductions
from theano.tensor import functions as _functions
from theano.tensor.assertion import Assert
from theano.tensor.nnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1HotWithBiasDx,
    CrossentropySoftmaxArgmax1HotWithBias,
)
from theano.tensor.nnet.softmax import LogSoftmax, Softmax, SoftmaxGrad
from theano.tensor.shape import shape_i

functions: Any = _functions  # its attributes are made from a table


def _exponentials(x: Any, axis: int) -> tuple[Any, Any, Any]:
    """``x`` less its maximum, the exponentials of that, and their sum."""
    shifted = x - reductions.max(x, axis=axis, keepdims=True)
    exponentials = functions.exp(shifted)
    return shifted, exponentials, reductions.sum(exponentials, axis=axis, keepdims=True)


@expands(Softmax)
def softmax(node: Apply) -> list[Any]:
    _, exponentials, total = _exponentials(node.inputs[0], node.op.axis)
    return [exponentials / total]


@expands(LogSoftmax)
def log_softmax(node: Apply) -> list[Any]:
    shifted, _, total = _exponentials(node.inputs[0], node.op.axis)
    return [shifted - functions.log(total)]


@expands(SoftmaxGrad)
def softmax_grad(node: Apply) -> list[Any]:
    dy, sm = node.inputs
    return [sm * (dy - reductions.sum(dy * sm, axis=node.op.axis, keepdims=True))]


def _classes(node: Apply, x: Any, classes: Any) -> tuple[Any, Any]:
    """The index of each row's class in `x`, checked: a negative class is an error, not counted from the end."""
    count = shape_i(x, 1)
    valid = functions.and_(functions.ge(classes, 0), functions.lt(classes, count))
    wrong = Assert(
        f"{node.op}: a class is out of bounds: classes are 0 to one less than the number of columns", ValueError
    )
    return creation.arange(shape_i(x, 0)), wrong(classes, reductions.all(valid))


@expands(CrossentropySoftmaxArgmax1HotWithBias)
def crossentropy_softmax(node: Apply) -> list[Any]:
    x, b, classes = node.inputs
    biased = x + b.dimshuffle("x", 0)
    shifted, exponentials, total = _exponentials(biased, 1)
    picked = indexing.index(shifted, _classes(node, x, classes))
    nll = functions.log(total.dimshuffle(0)) - picked
    largest = functions.cast(reductions.argmax(biased, axis=1), classes.dtype)
    return [nll, exponentials / total, largest]


@expands(CrossentropySoftmax1HotWithBiasDx)
def crossentropy_softmax_dx(node: Apply) -> list[Any]:
    dnll, sm, classes = node.inputs
    slopes = sm * dnll.dimshuffle(0, "x")
    return [indexing.inc_subtensor(indexing.index(slopes, _classes(node, sm, classes)), -dnll)]


@expands(CrossentropyCategorical1Hot)
def crossentropy_1hot(node: Apply) -> list[Any]:
    dist, classes = node.inputs
    return [-functions.log(indexing.index(dist, _classes(node, dist, classes)))]


@expands(CrossentropyCategorical1HotGrad)
def crossentropy_1hot_grad(node: Apply) -> list[Any]:
    g, dist, classes = node.inputs
    chosen = _classes(node, dist, classes)
    picked, place = indexing.index(dist, chosen), indexing.index(creation.zeros_like(dist), chosen)
    return [indexing.set_subtensor(place, -g / picked)]
