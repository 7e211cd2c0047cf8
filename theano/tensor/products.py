"""Products of vectors, matrices and higher tensors.

``Dot`` and ``BatchedDot`` carry all of them; ``Gemm``, ``Gemv``, ``Ger`` and ``Dot22Scalar`` are what rewriting makes
of a ``Dot`` together with the scaling and adding around it, so that one call into BLAS does it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Apply, Variable
from theano.graph.op import Op
from theano.scalar import upcast
from theano.tensor.elementwise import DimShuffle, is_discrete
from theano.tensor.lengths import product
from theano.tensor.reduction_ops import gradient_dtype
from theano.tensor.shape import patternbroadcast, shape_i
from theano.tensor.type import TensorType
from theano.tensor.variable import as_index, as_tensor_variable

# ---- helpers


def transposed(x: Any) -> Any:
    """`x` with its last two axes exchanged."""
    order = list(range(x.ndim))
    order[-2:] = order[:-3:-1]
    return DimShuffle(x.broadcastable, order)(x)


def gradients_like(inputs: Sequence[Any], gradients: Sequence[Any]) -> list[Any]:
    """Gradients in dtype and broadcast pattern of their inputs; real parts are taken by ``grad``."""
    from theano.tensor.functions import cast

    def like(x: Any, gradient: Any) -> Any:
        if gradient.type.numpy_dtype.kind != "c":
            gradient = cast(gradient, gradient_dtype(x))
        return patternbroadcast(gradient, x.broadcastable)

    return [like(x, gradient) for x, gradient in zip(inputs, gradients, strict=True)]


def sum_of_linear_parts(op: Op, inputs: Sequence[Any], eval_points: Sequence[Any], groups: Sequence[int]) -> Any:
    """The R-operator of an Op that is linear in each of the inputs numbered `groups`: one term for each direction."""
    total: Any = None
    for i in groups:
        if eval_points[i] is not None:
            replaced = list(inputs)
            replaced[i] = eval_points[i]
            term = op(*replaced)
            total = term if total is None else total + term
    return total


def mismatch(what: str, variables: Sequence[Any], values: Sequence[np.ndarray]) -> ValueError:
    """The error for operands of a product whose shapes do not fit."""
    described = " and ".join(f"{x} has shape {value.shape}" for x, value in zip(variables, values, strict=True))
    return ValueError(f"{what}: shapes do not match: {described}. The lengths of axes that are summed must be equal.")


# ---- Dot


class Dot(Op):
    """The product of two vectors, of matrix and vector, or of two matrices.

    Raises
    ------
    TypeError
        for other ranks.
    ValueError
        at run time, when the lengths of the summed axes differ.
    """

    __props__ = ()
    holomorphic = True

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y = as_tensor_variable(x), as_tensor_variable(y)
        if x.ndim not in (1, 2) or y.ndim not in (1, 2):
            raise TypeError(
                f"Dot takes vectors and matrices, got {x} of rank {x.ndim} and {y} of rank {y.ndim}. "
                f"T.dot and T.tensordot take any rank."
            )
        pattern = x.broadcastable[:-1] + y.broadcastable[1:]
        return Apply(self, [x, y], [TensorType(upcast(x.dtype, y.dtype), pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        x, y = inputs
        if x.shape[-1] != y.shape[0]:
            raise mismatch("dot", node.inputs, inputs)
        dtype = node.outputs[0].type.numpy_dtype
        output_storage[0][0] = np.asarray(np.dot(x.astype(dtype, copy=False), y.astype(dtype, copy=False)))

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        first, second = input_shapes
        return [tuple(first[:-1]) + tuple(second[1:])]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (x, y), (gz,) = inputs, output_gradients
        if is_discrete(outputs[0].dtype):
            return [v.zeros_like(dtype=config.floatX) for v in inputs]
        if x.ndim == 1 and y.ndim == 1:
            gradients = [gz * y, gz * x]
        elif y.ndim == 1:
            gradients = [outer(gz, y), dot(x.T, gz)]
        elif x.ndim == 1:
            gradients = [dot(y, gz), outer(x, gz)]
        else:
            gradients = [dot(gz, y.T), dot(x.T, gz)]
        return gradients_like(inputs, gradients)

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [sum_of_linear_parts(self, inputs, eval_points, (0, 1))]

    def __str__(self) -> str:
        return "dot"

    __repr__ = __str__


_dot = Dot()


def dot(a: Any, b: Any) -> Any:
    """The product of two tensors: the last axis of `a` is summed with the last but one of `b` (a vector's only one).

    A scalar factor multiplies; ranks above 2 go as in ``numpy.dot``: the result has all other axes of `a`, then of `b`.

    Raises
    ------
    ValueError
        at run time, when the summed lengths differ; the message gives both shapes.

    >>> import theano.tensor as T
    >>> T.dot(T.dmatrix(), T.dvector()).type, T.dot(T.dtensor3(), T.dtensor4()).ndim
    (TensorType(float64, vector), 5)
    """
    for own, method, other in ((a, "__dot__", b), (b, "__rdot__", a)):
        if isinstance(own, Variable) and not isinstance(own.type, TensorType) and hasattr(own, method):
            return getattr(own, method)(other)  # a sparse matrix knows its own product
    x, y = as_tensor_variable(a), as_tensor_variable(b)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if x.ndim > 2 or y.ndim > 2:
        return tensordot(x, y, [[x.ndim - 1], [max(0, y.ndim - 2)]])
    return _dot(x, y)


def outer(x: Any, y: Any) -> Any:
    """The matrix of all products of an element of `x` and one of `y`; other tensors than vectors are flattened."""
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    x = x if x.ndim == 1 else x.flatten()
    y = y if y.ndim == 1 else y.flatten()
    return x.dimshuffle(0, "x") * y.dimshuffle("x", 0)


# ---- tensordot


def _axis_pairs(what: str, x: Any, y: Any, axes: Any, batch: int) -> tuple[list[int], list[int]]:
    """The axes to be summed, as two lists of equal length; axes in front, `batch` many, are not for summing."""
    number = as_index(axes)
    if number is not None:
        if not 0 <= number <= min(x.ndim, y.ndim) - batch:
            raise ValueError(
                f"{what}: axes={number} axes cannot be summed of {x} of rank {x.ndim} and {y} of rank {y.ndim}"
            )
        return list(range(x.ndim - number, x.ndim)), list(range(batch, batch + number))
    try:
        pairs = [[axis] if as_index(axis) is not None else list(axis) for axis in axes]
        first, second = ([_as_axis(axis) for axis in part] for part in pairs)
    except (TypeError, ValueError):
        raise ValueError(f"{what}: axes must be a number, or two lists of axes [of x, of y], got {axes!r}") from None
    for variable, part in ((x, first), (y, second)):
        for i, axis in enumerate(part):
            if not -variable.ndim <= axis < variable.ndim or not batch <= axis % variable.ndim:
                raise ValueError(f"{what}: axis {axis} of {variable}, of rank {variable.ndim}, cannot be summed")
            part[i] = axis % variable.ndim
    if len(first) != len(second) or len(set(first)) != len(first) or len(set(second)) != len(second):
        raise ValueError(f"{what}: axes must pair different axes of x with different axes of y, got {axes!r}")
    return first, second


def _as_axis(axis: Any) -> int:
    number = as_index(axis)
    if number is None:
        raise TypeError(f"not an axis: {axis!r}")
    return number


def _merged(x: Any, parts: Sequence[Sequence[int]]) -> Any:
    """`x` with its axes in the order of `parts`, each part made one axis."""
    shuffled = x.dimshuffle([axis for part in parts for axis in part])
    if all(len(part) == 1 for part in parts):
        return shuffled
    return shuffled.reshape([product([shape_i(x, axis) for axis in part]) for part in parts], ndim=len(parts))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sums products of elements over pairs of axes of `a` and `b`.

    Parameters
    ----------
    axes
        a number n: the last n axes of `a` with the first n of `b` (0: the outer product); or two lists of equal
        length, axes of `a` and those of `b` that belong to them.

    The result has the remaining axes of `a`, then those of `b`.

    Raises
    ------
    ValueError
        when axes do not exist or do not pair up; at run time, when lengths of paired axes differ.

    >>> import theano.tensor as T
    >>> T.tensordot(T.dtensor3(), T.dtensor4(), axes=[[0, 1], [3, 2]]).ndim
    3
    """
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    summed_a, summed_b = _axis_pairs("tensordot", a, b, axes, batch=0)
    free_a = [axis for axis in range(a.ndim) if axis not in summed_a]
    free_b = [axis for axis in range(b.ndim) if axis not in summed_b]
    if not summed_a:
        order_a = [*range(a.ndim), *["x"] * b.ndim]
        order_b = [*["x"] * a.ndim, *range(b.ndim)]
        return a.dimshuffle(order_a) * b.dimshuffle(order_b)
    a = _with_lengths_checked("tensordot", a, b, summed_a, summed_b)
    # A side that keeps no axis is a vector, so that no axis of length 1 need be made and dropped again.
    left = _merged(a, [part for part in (free_a, summed_a) if part])
    right = _merged(b, [part for part in (summed_b, free_b) if part])
    return _with_free_axes(_dot(left, right), [(a, axis) for axis in free_a] + [(b, axis) for axis in free_b])


def _with_free_axes(merged: Any, free: Sequence[tuple[Any, int]]) -> Any:
    """`merged` with the axes of each side apart again; `free` says whose axis each is."""
    if merged.ndim == len(free):
        return merged
    apart = merged.reshape([shape_i(x, axis) for x, axis in free], ndim=len(free))
    return patternbroadcast(apart, [x.broadcastable[axis] for x, axis in free])


def _with_lengths_checked(what: str, a: Any, b: Any, axes_a: Sequence[int], axes_b: Sequence[int]) -> Any:
    """`a`, checked at run time where merging several axes would hide lengths that differ but have equal products."""
    if len(axes_a) < 2:
        return a
    from theano.tensor.assertion import Assert
    from theano.tensor.functions import eq

    message = f"{what}: the lengths of axes {list(axes_a)} of {a} and of axes {list(axes_b)} of {b} differ"
    pairs = zip(axes_a, axes_b, strict=True)
    return Assert(message, ValueError)(a, *(eq(shape_i(a, i), shape_i(b, j)) for i, j in pairs))


# ---- batches of products


class BatchedDot(Op):
    """The product of each matrix of a stack with the matrix at the same place of another: ranks 3 and 3 give rank 3.

    Raises
    ------
    ValueError
        at run time, when the numbers of matrices or the summed lengths differ.
    """

    __props__ = ()
    holomorphic = True

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y = as_tensor_variable(x), as_tensor_variable(y)
        if x.ndim != 3 or y.ndim != 3:
            raise TypeError(
                f"BatchedDot takes two tensors of rank 3, got {x} of rank {x.ndim} and {y} of rank {y.ndim}. "
                f"T.batched_dot takes other ranks."
            )
        pattern = (x.broadcastable[0] or y.broadcastable[0], x.broadcastable[1], y.broadcastable[2])
        return Apply(self, [x, y], [TensorType(upcast(x.dtype, y.dtype), pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        x, y = inputs
        if x.shape[0] != y.shape[0] or x.shape[2] != y.shape[1]:
            raise mismatch("batched_dot", node.inputs, inputs)
        dtype = node.outputs[0].type.numpy_dtype
        output_storage[0][0] = np.matmul(x.astype(dtype, copy=False), y.astype(dtype, copy=False))

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        first, second = input_shapes
        return [(first[0], first[1], second[2])]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (x, y), (gz,) = inputs, output_gradients
        if is_discrete(outputs[0].dtype):
            return [v.zeros_like(dtype=config.floatX) for v in inputs]
        return gradients_like(inputs, [self(gz, transposed(y)), self(transposed(x), gz)])

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [sum_of_linear_parts(self, inputs, eval_points, (0, 1))]


_batched_dot = BatchedDot()


def batched_dot(a: Any, b: Any) -> Any:
    """``dot(a[i], b[i])`` for every i, stacked along the first axis.

    Raises
    ------
    ValueError
        when `a` or `b` is a scalar; at run time, when the first lengths or the summed lengths differ.

    >>> import theano.tensor as T
    >>> T.batched_dot(T.dtensor3(), T.dmatrix()).type
    TensorType(float64, matrix)
    """
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    for x in (a, b):
        if x.ndim == 0:
            raise ValueError(f"batched_dot: {x} is a scalar; both operands need a first axis, that of the batch")
    if a.ndim == 1 or b.ndim == 1:
        padded = [x.dimshuffle(0, *["x"] * (max(a.ndim, b.ndim) - 1)) if x.ndim == 1 else x for x in (a, b)]
        return padded[0] * padded[1]
    if a.ndim > 3 or b.ndim > 3:
        return batched_tensordot(a, b, [[a.ndim - 1], [max(1, b.ndim - 2)]])
    return _batched_merged_dot(a, b, [1] * (a.ndim - 2), [1] * (b.ndim - 2))


def _batched_merged_dot(a: Any, b: Any, free_a: Sequence[int], free_b: Sequence[int]) -> Any:
    """BatchedDot of (batch[, free], summed) and (batch, summed[, free]), where a missing axis stays missing."""
    left = a if free_a else a.dimshuffle(0, "x", 1)
    right = b if free_b else b.dimshuffle(0, 1, "x")
    kept = [0] + ([1] if free_a else []) + ([2] if free_b else [])
    full = _batched_dot(left, right)
    return full if len(kept) == 3 else full.dimshuffle(kept)


def batched_tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """``tensordot(x[i], y[i], axes)`` for every i, stacked along the first axis.

    Parameters
    ----------
    axes
        a number n: the last n axes of `x` with the n axes of `y` behind the first; or two lists of axes, counted with
        the first axis, which cannot be among them.
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("batched_tensordot: both operands need a first axis, that of the batch")
    summed_x, summed_y = _axis_pairs("batched_tensordot", x, y, axes, batch=1)
    free_x = [axis for axis in range(1, x.ndim) if axis not in summed_x]
    free_y = [axis for axis in range(1, y.ndim) if axis not in summed_y]
    if not summed_x:
        order_x = [*range(x.ndim), *["x"] * (y.ndim - 1)]
        order_y = [0, *["x"] * (x.ndim - 1), *range(1, y.ndim)]
        return x.dimshuffle(order_x) * y.dimshuffle(order_y)
    x = _with_lengths_checked("batched_tensordot", x, y, summed_x, summed_y)
    left = _merged(x, [part for part in ([0], free_x, summed_x) if part])
    right = _merged(y, [part for part in ([0], summed_y, free_y) if part])
    merged = _batched_merged_dot(left, right, free_x, free_y)
    return _with_free_axes(merged, [(x, axis) for axis in [0, *free_x]] + [(y, axis) for axis in free_y])


# ---- what rewriting makes for BLAS


class _ScaledProduct(Op):
    """An Op of BLAS: a product of two factors, scaled, and for most of them added to something.

    ``factors`` are the numbers of the two factors among the inputs, ``scale`` that of the product's scale, ``added``
    that of the tensor added and ``added_scale`` that of its scale (None where there is none).
    """

    __props__ = ()
    holomorphic = True
    ranks: tuple[int, ...]
    factors: tuple[int, int]
    scale: int
    added: int | None = None
    added_scale: int | None = None

    def make_node(self, *inputs: Any) -> Apply:
        operands = [as_tensor_variable(x) for x in inputs]
        if tuple(x.ndim for x in operands) != self.ranks:
            found = ", ".join(f"{x} of rank {x.ndim}" for x in operands)
            raise TypeError(f"{self} takes operands of ranks {self.ranks}, got {found}")
        dtypes = {x.dtype for x in operands}
        if len(dtypes) != 1 or is_discrete(operands[0].dtype):
            raise TypeError(
                f"{self} takes operands of one float or complex dtype, got {', '.join(x.dtype for x in operands)}"
            )
        if self.added is not None:
            kind = operands[self.added].type
        else:
            kind = _dot(*(operands[i] for i in self.factors)).type
        return Apply(self, operands, [TensorType(kind.dtype, kind.broadcastable)()])

    def _product(self, x: Any, y: Any) -> Any:
        return dot(x, y)

    def _product_gradients(self, x: Any, y: Any, gz: Any) -> list[Any]:
        return _dot.L_op([x, y], [_dot(x, y)], [gz])

    def _numpy_product(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.dot(x, y)

    def _product_shape(self, x: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, ...] | None:
        return x[:-1] + y[1:] if x[-1] == y[0] else None

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        x, y = (inputs[i] for i in self.factors)
        shape = self._product_shape(x.shape, y.shape)
        if shape is None or (self.added is not None and inputs[self.added].shape != shape):
            numbers = self.factors if self.added is None else (self.added, *self.factors)
            raise mismatch(str(self), [node.inputs[i] for i in numbers], [inputs[i] for i in numbers])
        result = inputs[self.scale] * self._numpy_product(x, y)
        if self.added is not None:
            beta = 1 if self.added_scale is None else inputs[self.added_scale]
            # As BLAS has it, a scale of 0 ignores what is there, even nan.
            result = result if self.added_scale is not None and beta == 0 else result + beta * inputs[self.added]
        output_storage[0][0] = np.asarray(result, dtype=node.outputs[0].type.numpy_dtype)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        if self.added is not None:
            return [input_shapes[self.added]]
        x, y = (input_shapes[i] for i in self.factors)
        return [tuple(x[:-1]) + tuple(y[1:])]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (gz,) = output_gradients
        x, y = (inputs[i] for i in self.factors)
        gradients: list[Any] = [None] * len(inputs)
        gradients[self.scale] = (gz * self._product(x, y)).sum()
        factor_gradients = self._product_gradients(x, y, gz * inputs[self.scale])
        for i, gradient in zip(self.factors, factor_gradients, strict=True):
            gradients[i] = gradient
        if self.added is not None:
            gradients[self.added] = gz if self.added_scale is None else gz * inputs[self.added_scale]
        if self.added_scale is not None:
            gradients[self.added_scale] = (gz * inputs[self.added]).sum()
        return gradients_like(inputs, gradients)

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        total: Any = None
        x, y = (inputs[i] for i in self.factors)
        alpha = inputs[self.scale]
        terms = [(self.factors[0], lambda d: alpha * self._product(d, y))]
        terms += [
            (self.factors[1], lambda d: alpha * self._product(x, d)),
            (self.scale, lambda d: d * self._product(x, y)),
        ]
        if self.added is not None:
            beta = 1 if self.added_scale is None else inputs[self.added_scale]
            terms.append((self.added, lambda d: beta * d))
        if self.added_scale is not None:
            terms.append((self.added_scale, lambda d: d * inputs[self.added]))  # type: ignore[index]
        for i, term in terms:
            if eval_points[i] is not None:
                total = term(eval_points[i]) if total is None else total + term(eval_points[i])
        return [total]


class Gemm(_ScaledProduct):
    """``Gemm()(z, alpha, x, y, beta)`` is ``beta * z + alpha * dot(x, y)`` for matrices."""

    ranks = (2, 0, 2, 2, 0)
    added, scale, factors, added_scale = 0, 1, (2, 3), 4


class Gemv(_ScaledProduct):
    """``Gemv()(z, alpha, A, x, beta)`` is ``beta * z + alpha * dot(A, x)`` for vectors z and x."""

    ranks = (1, 0, 2, 1, 0)
    added, scale, factors, added_scale = 0, 1, (2, 3), 4


class Ger(_ScaledProduct):
    """``Ger()(A, alpha, x, y)`` is ``A + alpha * outer(x, y)``."""

    ranks = (2, 0, 1, 1)
    added, scale, factors = 0, 1, (2, 3)

    def _product(self, x: Any, y: Any) -> Any:
        return outer(x, y)

    def _product_gradients(self, x: Any, y: Any, gz: Any) -> list[Any]:
        return [dot(gz, y), dot(x, gz)]

    def _numpy_product(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.outer(x, y)

    def _product_shape(self, x: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, ...] | None:
        return x + y


class Dot22Scalar(_ScaledProduct):
    """``Dot22Scalar()(x, y, alpha)`` is ``alpha * dot(x, y)`` for matrices."""

    ranks = (2, 2, 0)
    factors, scale = (0, 1), 2


__all__ = [
    "BatchedDot",
    "Dot",
    "Dot22Scalar",
    "Gemm",
    "Gemv",
    "Ger",
    "batched_dot",
    "batched_tensordot",
    "dot",
    "outer",
    "tensordot",
]
