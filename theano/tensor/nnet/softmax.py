"""Softmax, its logarithm, and their derivatives as Ops: normalized exponentials along one axis."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from theano.graph.basic import Apply
from theano.graph.op import Op
from theano.tensor.products import gradients_like
from theano.tensor.type import NUMPY_DTYPES, TensorType
from theano.tensor.variable import as_index, as_tensor_variable


def stable_exponentials(x: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``x - max(x)`` along an axis, its exponential and the sum of that; a float16 is computed as float32."""
    wide = x.astype("float32") if x.dtype == np.float16 else x
    shifted = wide - wide.max(axis=axis, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted)
    return shifted, exponentials, exponentials.sum(axis=axis, keepdims=True)


class _AlongAxis(Op):
    """What the Ops of this file share: they keep the shape, and work along one axis, stored counted from the end.

    Parameters
    ----------
    axis
        a static number.
    """

    __props__ = ("axis",)

    def __init__(self, axis: int = -1) -> None:
        known = as_index(axis)
        if known is None:
            raise TypeError(
                f"{type(self).__name__}: the axis must be an integer that is known while the graph is built, "
                f"got {axis!r}; for all elements together flatten the tensor first"
            )
        self.axis = known

    def _checked(self, x: Any) -> tuple[_AlongAxis, Any]:
        """This Op with its axis counted from the end, and the input; a vector becomes a row."""
        x = as_tensor_variable(x)
        if NUMPY_DTYPES[x.dtype].kind != "f":
            raise ValueError(
                f"{type(self).__name__} takes a tensor of floats, got {x} of type {x.type}; T.cast converts it"
            )
        if x.ndim == 0:
            raise ValueError(f"{type(self).__name__} takes a tensor with at least one axis, got the scalar {x}")
        if not -x.ndim <= self.axis < x.ndim:
            raise ValueError(f"{type(self).__name__}: there is no axis {self.axis} in {x} of rank {x.ndim}")
        axis = self.axis % x.ndim - x.ndim
        if x.ndim == 1:
            x = x.dimshuffle("x", 0)
        return (self if axis == self.axis else type(self)(axis)), x

    def make_node(self, *inputs: Any) -> Apply:
        op, x = self._checked(*inputs)
        return Apply(op, [x], [x.type()])

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[0]]


class Softmax(_AlongAxis):
    """``exp(x) / sum(exp(x))`` along an axis, computed without overflow. A vector is taken as a row."""

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        with np.errstate(all="ignore"):
            _, exponentials, total = stable_exponentials(inputs[0], self.axis)
            output_storage[0][0] = (exponentials / total).astype(inputs[0].dtype, copy=False)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return gradients_like(inputs, [SoftmaxGrad(self.axis)(output_gradients[0], outputs[0])])

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        if eval_points[0] is None:
            return [None]
        return [SoftmaxGrad(self.axis)(eval_points[0], self(*inputs))]  # the Jacobian is symmetric


class SoftmaxGrad(_AlongAxis):
    """``op(dy, sm)`` is ``sm * (dy - sum(dy * sm))``: `dy` times the Jacobian of the softmax whose value is `sm`."""

    def make_node(self, *inputs: Any) -> Apply:
        from theano.tensor.functions import cast

        dy, sm = inputs
        op, sm = self._checked(sm)
        dy = as_tensor_variable(dy)
        if dy.ndim == 1:
            dy = dy.dimshuffle("x", 0)
        if dy.ndim != sm.ndim:
            raise TypeError(
                f"SoftmaxGrad takes two tensors of one rank, got {dy} of type {dy.type} and {sm} of type {sm.type}"
            )
        if dy.dtype != sm.dtype:
            dy = cast(dy, sm.dtype)
        pattern = [a or b for a, b in zip(dy.broadcastable, sm.broadcastable, strict=True)]
        return Apply(op, [dy, sm], [TensorType(sm.dtype, pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        dy, sm = inputs
        if dy.shape != sm.shape:
            raise ValueError(f"softmax gradient: shapes differ: dy has {dy.shape}, the softmax {sm.shape}")
        with np.errstate(all="ignore"):
            output_storage[0][0] = sm * (dy - (dy * sm).sum(axis=self.axis, keepdims=True))

    def _transposed(self, dy: Any, sm: Any, g: Any) -> Any:
        """The derivative with respect to `sm`, applied to `g`."""
        along = (dy * sm).sum(axis=self.axis, keepdims=True)
        return g * (dy - along) - dy * (g * sm).sum(axis=self.axis, keepdims=True)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (dy, sm), (g,) = inputs, output_gradients
        return gradients_like(inputs, [self(g, sm), self._transposed(dy, sm, g)])

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        (dy, sm), (along_dy, along_sm) = inputs, eval_points
        total: Any = None if along_dy is None else self(along_dy, sm)
        if along_sm is not None:
            term = along_sm * (dy - (dy * sm).sum(axis=self.axis, keepdims=True))
            term = term - sm * (dy * along_sm).sum(axis=self.axis, keepdims=True)
            total = term if total is None else total + term
        return [total]


class LogSoftmax(_AlongAxis):
    """``x - log(sum(exp(x)))`` along an axis, computed without overflow or loss. A vector is taken as a row."""

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        with np.errstate(all="ignore"):
            shifted, _, total = stable_exponentials(inputs[0], self.axis)
            output_storage[0][0] = (shifted - np.log(total)).astype(inputs[0].dtype, copy=False)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (x,), (gz,) = inputs, output_gradients
        return gradients_like(inputs, [gz - Softmax(self.axis)(x) * gz.sum(axis=self.axis, keepdims=True)])

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        (x,), (direction,) = inputs, eval_points
        if direction is None:
            return [None]
        return [direction - (Softmax(self.axis)(x) * direction).sum(axis=self.axis, keepdims=True)]


softmax_op = Softmax()
softmax_grad = SoftmaxGrad()
logsoftmax_op = LogSoftmax()


def softmax(c: Any, axis: int = -1) -> Any:
    """``exp(c) / sum(exp(c))`` along `axis`, without overflow.

    Parameters
    ----------
    c
        floats, of rank 1 or more. A vector is taken as a row: the result is a matrix with one row.

    Raises
    ------
    ValueError
        when `c` is no tensor of floats of rank 1 or more, or has no such axis.

    >>> import theano.tensor as T
    >>> softmax(T.dmatrix()).type, softmax(T.dvector()).type
    (TensorType(float64, matrix), TensorType(float64, row))
    """
    c = as_tensor_variable(c)
    axis = Softmax(axis).axis
    if c.ndim and -c.ndim <= axis < c.ndim and c.broadcastable[axis]:
        warnings.warn(
            f"softmax along axis {axis} of {c}, of type {c.type}, which has length 1 there: every element becomes 1",
            stacklevel=2,
        )
    return Softmax(axis)(c)


def logsoftmax(c: Any, axis: int = -1) -> Any:
    """The logarithm of :func:`softmax`, precise where that underflows; arguments as there."""
    return LogSoftmax(axis)(c)


def softmax_with_bias(x: Any, b: Any) -> Any:
    """The softmax of each row of ``x + b``, for a matrix `x` and a vector `b`."""
    x, b = as_tensor_variable(x), as_tensor_variable(b)
    if b.ndim != 1:
        raise TypeError(f"softmax_with_bias: b must be a vector, got {b} of type {b.type}")
    return softmax_op(x + b)


def softmax_graph(c: Any) -> Any:
    """Softmax along the last axis as ``exp(c) / exp(c).sum(axis=-1)``, for rewriting to recognize."""
    from theano.tensor.functions import exp

    exponentials = exp(c)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


__all__ = [
    "LogSoftmax",
    "Softmax",
    "SoftmaxGrad",
    "logsoftmax",
    "logsoftmax_op",
    "softmax",
    "softmax_grad",
    "softmax_graph",
    "softmax_op",
    "softmax_with_bias",
]
