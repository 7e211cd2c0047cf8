"""Sorting, and the largest elements in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Apply
from theano.graph.op import Op
from theano.tensor.creation import arange
from theano.tensor.disconnected import disconnected
from theano.tensor.elementwise import DimShuffle
from theano.tensor.functions import abs_
from theano.tensor.indexing import inc_subtensor
from theano.tensor.lengths import as_length
from theano.tensor.reduction_ops import gradient_dtype, one_axis
from theano.tensor.shape import flatten, shape_i
from theano.tensor.static import static_integer
from theano.tensor.type import NUMPY_DTYPES, TensorType
from theano.tensor.variable import as_tensor_variable

KINDS = ("quicksort", "mergesort", "heapsort", "stable")
Storage = list[list[Any]]


def places_along(indices: Any, axis: int) -> tuple[Any, ...]:
    """An index for each axis, so that ``x[places_along(indices, axis)]`` are elements of each line of `x` along `axis`.

    Which elements of a line, the corresponding line of `indices` says.
    """
    grid: list[Any] = []
    for i in range(indices.ndim):
        order = ["x"] * indices.ndim
        order[i] = 0  # type: ignore[call-overload]
        grid.append(indices if i == axis else DimShuffle((False,), order)(arange(shape_i(indices, i))))
    return tuple(grid)


def _checked_kind(kind: str, order: Any) -> str:
    if kind not in KINDS:
        raise ValueError(f"sort: kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if order is not None:
        raise ValueError("sort: order is for arrays with fields, which tensors do not have; it must be None")
    return kind


class _Sorting(Op):
    """What sort and argsort share: an axis, a kind, the shape kept."""

    __props__ = ("axis", "kind")

    def __init__(self, axis: int = -1, kind: str = "quicksort", order: None = None) -> None:
        self.axis = int(axis)
        self.kind = _checked_kind(kind, order)

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        axis = one_axis("sort", self.axis, x.ndim)
        op = self if axis == self.axis else type(self)(axis, self.kind)
        return Apply(op, [x], [TensorType(self.result_dtype(x.dtype), x.broadcastable)()])

    def result_dtype(self, dtype: str) -> str:
        """The dtype of the result for an input of `dtype`."""
        return dtype

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[0]]


class SortOp(_Sorting):
    """The elements of each line along an axis in ascending order, nan last."""

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        output_storage[0][0] = np.sort(inputs[0], axis=self.axis, kind=self.kind)  # type: ignore[call-overload]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (x,), (gz,) = inputs, output_gradients
        gradient = x.zeros_like(dtype=gradient_dtype(x))
        if gradient.dtype != x.dtype:
            return [gradient]
        return [inc_subtensor(gradient[places_along(ArgSortOp(self.axis, self.kind)(x), self.axis)], gz)]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        (x,), (direction,) = inputs, eval_points
        if direction is None:
            return [None]
        return [direction[places_along(ArgSortOp(self.axis, self.kind)(x), self.axis)]]


class ArgSortOp(_Sorting):
    """The places, int64, of the elements of each line along an axis in ascending order."""

    def result_dtype(self, dtype: str) -> str:
        return "int64"

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        places = np.argsort(inputs[0], axis=self.axis, kind=self.kind)  # type: ignore[call-overload]
        output_storage[0][0] = np.asarray(places, dtype="int64")

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [inputs[0].zeros_like(dtype=gradient_dtype(inputs[0]))]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else inputs[0].zeros_like(dtype=config.floatX)]


def sort(a: Any, axis: int | None = -1, kind: str = "quicksort", order: None = None) -> Any:
    """The elements along `axis` in ascending order, nan last; None: of the flattened array.

    Parameters
    ----------
    kind
        the algorithm: quicksort, mergesort, heapsort or stable.
    order
        must be None.

    >>> import theano.tensor as T
    >>> sort(T.fmatrix(), axis=0).type
    TensorType(float32, matrix)
    """
    a = as_tensor_variable(a)
    return SortOp(0, kind, order)(flatten(a)) if axis is None else SortOp(axis, kind, order)(a)


def argsort(a: Any, axis: int | None = -1, kind: str = "quicksort", order: None = None) -> Any:
    """The places, int64, that sort `a` along `axis`; arguments as of :func:`sort`."""
    a = as_tensor_variable(a)
    return ArgSortOp(0, kind, order)(flatten(a)) if axis is None else ArgSortOp(axis, kind, order)(a)


class TopKOp(Op):
    """The largest elements of each line along an axis, their places, or both; see :func:`topk_and_argtopk`."""

    __props__ = ("axis", "sorted", "idx_dtype", "return_values", "return_indices")

    def __init__(
        self,
        axis: int = -1,
        sorted: bool = True,
        idx_dtype: str = "int64",
        return_values: bool = True,
        return_indices: bool = True,
    ) -> None:
        if not (return_values or return_indices):
            raise ValueError("TopKOp must give values, indices, or both")
        if NUMPY_DTYPES.get(idx_dtype, np.dtype(float)).kind not in "iu":
            raise TypeError(f"topk: idx_dtype must be an integer dtype, got {idx_dtype!r}")
        self.axis = int(axis)
        self.sorted = bool(sorted)
        self.idx_dtype = idx_dtype
        self.return_values = bool(return_values)
        self.return_indices = bool(return_indices)

    def make_node(self, x: Any, kth: Any) -> Apply:
        x = as_tensor_variable(x)
        if NUMPY_DTYPES[x.dtype].kind == "c":
            raise TypeError(f"topk of {x}: complex numbers ({x.dtype}) have no order")
        axis = one_axis("topk", self.axis, x.ndim)
        kth = as_length(kth, "topk: the number of elements")
        known = static_integer(kth)
        if known == 0:
            raise ValueError("topk: the number of elements must not be 0")
        pattern = [known in (1, -1) if i == axis else b for i, b in enumerate(x.broadcastable)]
        op = self
        if axis != self.axis:
            op = TopKOp(axis, self.sorted, self.idx_dtype, self.return_values, self.return_indices)
        outputs = [TensorType(x.dtype, pattern)()] if self.return_values else []
        outputs += [TensorType(self.idx_dtype, pattern)()] if self.return_indices else []
        return Apply(op, [x, kth], outputs)

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        x, k = inputs[0], int(inputs[1])
        length = x.shape[self.axis]
        if k == 0 or abs(k) > length:
            raise ValueError(f"topk: {k} elements were asked for along axis {self.axis} of an array of shape {x.shape}")
        places = np.argsort(x, axis=self.axis, kind="stable")
        wanted = slice(None, length - k - 1 if length > k else None, -1) if k > 0 else slice(None, -k)
        places = places[(slice(None),) * self.axis + (wanted,)]
        cells = iter(output_storage)
        if self.return_values:
            next(cells)[0] = np.take_along_axis(x, places, self.axis)
        if self.return_indices:
            next(cells)[0] = np.ascontiguousarray(places, dtype=self.idx_dtype)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        lengths = list(input_shapes[0])
        lengths[self.axis] = abs_(node.inputs[1])
        return [tuple(lengths) for _ in node.outputs]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True] * self.return_values + [False] * self.return_indices, [False] * len(node.outputs)]

    def _places(self, inputs: list[Any]) -> tuple[Any, ...]:
        return places_along(TopKOp(self.axis, self.sorted, "int64", False, True)(*inputs), self.axis)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        x = inputs[0]
        if not self.return_values or not isinstance(output_gradients[0].type, TensorType):
            return [disconnected(), disconnected()]
        gradient = x.zeros_like(dtype=gradient_dtype(x))
        if gradient.dtype == x.dtype:
            gradient = inc_subtensor(gradient[self._places(inputs)], output_gradients[0])
        return [gradient, disconnected()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        moved = eval_points[0] is not None and self.return_values
        values = [eval_points[0][self._places(inputs)] if moved else None] if self.return_values else []
        return values + [None] * self.return_indices


def topk_and_argtopk(
    x: Any, kth: Any, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64"
) -> list[Any]:
    """``[values, places]`` of the largest elements along an axis.

    Parameters
    ----------
    kth
        how many: positive for the largest, negative for the smallest; not 0, and not more than there are.
    axis
        None: of the flattened array.
    sorted
        give them in order, the most extreme first; otherwise in any order. Of equal elements any may be given; nan is
        the largest.
    idx_dtype
        the dtype of the places.

    Raises
    ------
    ValueError
        at run time, when there are not that many elements.
    """
    return _top(x, kth, axis, sorted, idx_dtype, True, True)


def topk(x: Any, kth: Any, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64") -> Any:
    """The largest elements along an axis; arguments as of :func:`topk_and_argtopk`.

    >>> import theano.tensor as T
    >>> topk(T.fmatrix(), 3).type
    TensorType(float32, matrix)
    """
    return _top(x, kth, axis, sorted, idx_dtype, True, False)


def argtopk(x: Any, kth: Any, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64") -> Any:
    """The places of the largest elements along an axis; arguments as of :func:`topk_and_argtopk`."""
    return _top(x, kth, axis, sorted, idx_dtype, False, True)


def _top(x: Any, kth: Any, axis: int | None, sorted: bool, idx_dtype: str, values: bool, indices: bool) -> Any:
    x = as_tensor_variable(x)
    if axis is None:
        x, axis = flatten(x), 0
    return TopKOp(axis, sorted, idx_dtype, values, indices)(x, kth)


__all__ = ["ArgSortOp", "SortOp", "TopKOp", "argsort", "argtopk", "sort", "topk", "topk_and_argtopk"]
