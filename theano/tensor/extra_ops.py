"""Running sums and products, counting, searching, diagonals, one-hot rows, unique elements, and index arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Apply
from theano.graph.op import Op
from theano.scalar import upcast
from theano.tensor.assertion import Assert
from theano.tensor.creation import arange, ones, zeros
from theano.tensor.disconnected import DisconnectedOp, disconnected
from theano.tensor.elementwise import is_discrete
from theano.tensor.functions import abs_, cast, eq, ge, maximum, minimum, switch
from theano.tensor.indexing import flatnonzero, set_subtensor, take
from theano.tensor.joining import concatenate
from theano.tensor.lengths import as_length
from theano.tensor.rearranging import repeat
from theano.tensor.reduction_ops import gradient_dtype, one_axis
from theano.tensor.reductions import all as tensor_all
from theano.tensor.shape import flatten, shape_i, squeeze
from theano.tensor.static import get_vector_length
from theano.tensor.type import NUMPY_DTYPES, TensorType
from theano.tensor.variable import as_tensor_variable

Storage = list[list[Any]]


def _integers(what: str, x: Any) -> Any:
    x = as_tensor_variable(x)
    if NUMPY_DTYPES[x.dtype].kind not in "iu":
        raise TypeError(f"{what} must be integers, got {x} of type {x.type}; T.cast converts it")
    return x


def reversed_along(x: Any, axis: int) -> Any:
    """`x` with an axis in the opposite order."""
    return x[(slice(None),) * axis + (slice(None, None, -1),)]


# ---- running sums and products


class CumOp(Op):
    """Running sums (``mode="add"``) or products (``"mul"``) along an axis; dtype and shape as the input.

    With ``axis=None`` the input is flattened; bools count as int64.
    """

    __props__ = ("axis", "mode")
    holomorphic = True

    def __init__(self, axis: int | None = None, mode: str = "add") -> None:
        if mode not in ("add", "mul"):
            raise ValueError(f"CumOp: mode must be 'add' or 'mul', got {mode!r}")
        self.axis = None if axis is None else int(axis)
        self.mode = mode

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        if x.dtype == "bool":
            x = cast(x, "int64")
        if self.axis is None:
            x, axis = flatten(x), 0
        else:
            axis = one_axis("cumsum" if self.mode == "add" else "cumprod", self.axis, x.ndim)
        return Apply(self if axis == self.axis else CumOp(axis, self.mode), [x], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        (x,) = inputs
        ufunc = np.add if self.mode == "add" else np.multiply
        with np.errstate(all="ignore"):
            output_storage[0][0] = ufunc.accumulate(x, axis=self.axis, dtype=x.dtype)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[0]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (x,), (products,), (gz,) = inputs, outputs, output_gradients
        if is_discrete(x.dtype):
            return [x.zeros_like(dtype=config.floatX)]
        axis: Any = self.axis

        def sums_to_the_end(v: Any) -> Any:
            return reversed_along(cumsum(reversed_along(v, axis), axis), axis)

        if self.mode == "add":
            return [sums_to_the_end(gz)]
        # An element's derivative is the sum of all products that it is in, divided by it. Only for the first zero that
        # does not do: there the products are taken as if it were 1. All later elements are in products that are 0.
        is_zero = eq(x, 0)
        is_first_zero = is_zero & eq(cumsum(is_zero, axis), 1)
        without = cumprod(switch(is_first_zero, 1, x), axis)
        regular = sums_to_the_end(gz * products) / switch(is_zero, 1, x)
        return [cast(switch(is_first_zero, sums_to_the_end(gz * without), regular), x.dtype)]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        (x,), (direction,) = inputs, eval_points
        if direction is None:
            return [None]
        axis: Any = self.axis
        if self.mode == "add":
            return [self(direction)]
        is_zero = eq(x, 0)
        is_first_zero = is_zero & eq(cumsum(is_zero, axis), 1)
        without = cumprod(switch(is_first_zero, 1, x), axis)
        regular = self(x) * cumsum(direction / switch(is_zero, 1, x), axis)
        return [regular + without * cumsum(switch(is_first_zero, direction, 0), axis)]

    def __str__(self) -> str:
        return f"CumOp{{{self.axis}, {self.mode}}}"

    __repr__ = __str__


def cumsum(x: Any, axis: int | None = None) -> Any:
    """Running sums along `axis`, in the dtype of `x`; None: of the flattened array.

    >>> import theano.tensor as T
    >>> cumsum(T.dmatrix(), axis=0).type
    TensorType(float64, matrix)
    """
    return CumOp(axis, "add")(x)


def cumprod(x: Any, axis: int | None = None) -> Any:
    """Running products along `axis`, in the dtype of `x`; None: of the flattened array.

    The gradient is right where elements are 0, too.
    """
    return CumOp(axis, "mul")(x)


def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours along `axis`, taken `n` times: each time the axis gets shorter by one.

    Raises
    ------
    ValueError
        when `n` is negative.
    """
    x = as_tensor_variable(x)
    if n < 0:
        raise ValueError(f"diff: n must not be negative, got {n}")
    before = (slice(None),) * one_axis("diff", axis, x.ndim)
    for _ in range(n):
        later, earlier = x[(*before, slice(1, None))], x[(*before, slice(None, -1))]
        x = later ^ earlier if x.dtype == "bool" else later - earlier
    return x


# ---- counting and searching


def bincount(x: Any, weights: Any = None, minlength: Any = None, assert_nonneg: bool = False) -> Any:
    """How often each number occurs: element n of the result counts the elements of `x` that are n.

    Parameters
    ----------
    x
        a vector of integers, none negative.
    weights
        a vector of the same length: add its elements instead of ones. Its dtype is the result's, int64 without it.
    minlength
        the least length of the result.
    assert_nonneg
        accepted as in Theano 1.0; whether `x` has negative elements is checked always.

    Raises
    ------
    ValueError
        at run time, when an element is negative, or lengths differ.
    """
    x = _integers("bincount: the numbers", x)
    if x.ndim != 1:
        raise TypeError(f"bincount takes a vector, got {x} of type {x.type}")
    if x.dtype.startswith("int"):
        x = Assert("bincount: there are negative numbers", ValueError)(x, tensor_all(ge(x, 0)))
    x = cast(x, "int64")
    least = as_length(0 if minlength is None else minlength, "bincount: minlength")
    # An array may be empty, so the least length is among what the maximum is taken of.
    length = concatenate([x, (least - 1).dimshuffle("x")]).max() + 1
    if weights is None:
        return zeros((length,), dtype="int64")[x].inc(1)
    weights = as_tensor_variable(weights)
    if weights.ndim != 1:
        raise TypeError(f"bincount: weights must be a vector, got {weights} of type {weights.type}")
    same = Assert("bincount: the numbers and their weights differ in length", ValueError)
    weights = same(weights, eq(shape_i(weights, 0), shape_i(x, 0)))
    return zeros((length,), dtype=weights.dtype)[x].inc(weights)


class SearchsortedOp(Op):
    """Where elements would have to be put into a sorted vector; see :func:`searchsorted`."""

    __props__ = ("side",)

    def __init__(self, side: str = "left") -> None:
        if side not in ("left", "right"):
            raise ValueError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
        self.side = side

    def make_node(self, x: Any, v: Any, sorter: Any = None) -> Apply:
        x, v = as_tensor_variable(x), as_tensor_variable(v)
        if x.ndim != 1:
            raise ValueError(f"searchsorted: the sorted array must be a vector, got {x} of type {x.type}")
        inputs = [x, v]
        if sorter is not None:
            sorter = _integers("searchsorted: the sorter", sorter)
            if sorter.ndim != 1:
                raise ValueError(f"searchsorted: the sorter must be a vector, got {sorter} of type {sorter.type}")
            inputs.append(sorter)
        return Apply(self, inputs, [TensorType("int64", v.broadcastable)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        x, v = inputs[:2]
        sorter = inputs[2] if len(inputs) == 3 else None
        if sorter is not None and sorter.shape != x.shape:
            raise ValueError(f"searchsorted: sorter of shape {sorter.shape} does not fit the array of shape {x.shape}")
        output_storage[0][0] = np.asarray(np.searchsorted(x, v, self.side, sorter), dtype="int64")

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[1]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True], [False]][: len(node.inputs)]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        flat = [x.zeros_like(dtype=gradient_dtype(x)) for x in inputs[:2]]
        return flat + [disconnected() for _ in inputs[2:]]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is eval_points[1] is None else inputs[1].zeros_like(dtype=config.floatX)]


def searchsorted(x: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where the elements of `v` belong in the sorted vector `x`, to keep it sorted: int64, in the shape of `v`.

    Parameters
    ----------
    side
        in front of (``"left"``) or behind (``"right"``) equal elements.
    sorter
        integers that sort `x`, if it is not sorted.

    >>> import theano.tensor as T
    >>> searchsorted(T.dvector(), T.dmatrix()).type
    TensorType(int64, matrix)
    """
    return SearchsortedOp(side)(x, v, sorter)


class Unique(Op):
    """The different elements of the flattened input, sorted; see :func:`unique`."""

    __props__ = ("return_index", "return_inverse", "return_counts")

    def __init__(self, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False) -> None:
        self.return_index = bool(return_index)
        self.return_inverse = bool(return_inverse)
        self.return_counts = bool(return_counts)

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        extra = self.return_index + self.return_inverse + self.return_counts
        kinds = [TensorType(x.dtype, (False,))] + [TensorType("int64", (False,))] * extra
        return Apply(self, [x], [kind() for kind in kinds])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        results = np.unique(inputs[0].ravel(), self.return_index, self.return_inverse, self.return_counts)
        results = results if isinstance(results, tuple) else (results,)
        for cell, result, variable in zip(output_storage, results, node.outputs, strict=True):
            cell[0] = np.asarray(result, dtype=variable.type.numpy_dtype)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        from theano.tensor.lengths import product

        shapes = [(shape_i(v, 0),) for v in node.outputs]
        if self.return_inverse:
            shapes[1 + self.return_index] = (as_length(product(input_shapes[0])),)
        return shapes

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True] + [False] * (len(node.outputs) - 1)]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        from theano.gradient import grad_undefined

        return [grad_undefined(self, 0, inputs[0], "how many different elements there are changes in jumps")]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        from theano.gradient import grad_undefined

        why = "how many different elements there are changes in jumps"
        return [grad_undefined(self, 0, inputs[0], why) if eval_points[0] is not None else None] + [None] * (
            self.return_index + self.return_inverse + self.return_counts
        )


def unique(ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """The different elements of an array of any rank, sorted, as a vector.

    Parameters
    ----------
    return_index, return_inverse, return_counts
        give also, as int64 vectors: where each occurs first in the flattened array, which of them each element of the
        array is, and how often each occurs.
    """
    return Unique(return_index, return_inverse, return_counts)(ar)


def compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    """The slices of `x` along `axis` at which the vector `condition` is not zero; None: of the flattened array."""
    return take(x, flatnonzero(condition), axis=axis)


# ---- particular matrices


def fill_diagonal(a: Any, val: Any) -> Any:
    """`a` with its main diagonal replaced by the scalar `val`.

    Parameters
    ----------
    a
        a matrix, or a tensor of higher rank whose lengths are all equal: the elements whose indices are all equal.

    Raises
    ------
    ValueError
        at run time, when the lengths of a tensor of rank above 2 differ.
    """
    a = as_tensor_variable(a)
    if a.ndim < 2:
        raise TypeError(f"fill_diagonal takes a matrix or a tensor of higher rank, got {a} of type {a.type}")
    length = minimum(shape_i(a, 0), shape_i(a, 1))
    if a.ndim > 2:
        same = Assert("fill_diagonal: the lengths of all dimensions must be equal", ValueError)
        length = same(length, *(eq(shape_i(a, i), shape_i(a, 0)) for i in range(1, a.ndim)))
    return set_subtensor(a[(arange(length),) * a.ndim], _scalar("fill_diagonal", val, a))


def fill_diagonal_offset(a: Any, val: Any, offset: Any) -> Any:
    """The matrix `a` with the diagonal that is `offset` places right of the main one replaced by the scalar `val`.

    A negative offset counts to the left. A diagonal outside of the matrix is empty.
    """
    a = as_tensor_variable(a)
    if a.ndim != 2:
        raise TypeError(f"fill_diagonal_offset takes a matrix, got {a} of type {a.type}")
    offset = as_length(offset, "fill_diagonal_offset: the offset")
    row, column = maximum(-offset, 0), maximum(offset, 0)
    along = arange(maximum(minimum(shape_i(a, 0) - row, shape_i(a, 1) - column), 0))
    return set_subtensor(a[along + row, along + column], _scalar("fill_diagonal_offset", val, a))


def _scalar(what: str, val: Any, a: Any) -> Any:
    val = as_tensor_variable(val)
    if val.ndim:
        raise TypeError(f"{what}: the value must be a scalar, got {val} of type {val.type}")
    if upcast(a.dtype, val.dtype) != a.dtype:
        raise TypeError(
            f"{what}: {a} of dtype {a.dtype} cannot hold {val} of dtype {val.dtype}; T.cast converts either"
        )
    return cast(val, a.dtype)


def to_one_hot(y: Any, nb_class: Any, dtype: str | None = None) -> Any:
    """A matrix with a row for each element of the integer vector `y`: one in that column, zeros elsewhere.

    Parameters
    ----------
    nb_class
        the number of columns.
    dtype
        None: floatX.

    >>> import theano.tensor as T
    >>> to_one_hot(T.ivector(), 10, dtype="int8").type
    TensorType(int8, matrix)
    """
    y = _integers("to_one_hot: the classes", y)
    if y.ndim != 1:
        raise TypeError(f"to_one_hot takes a vector, got {y} of type {y.type}")
    empty = zeros((shape_i(y, 0), nb_class), dtype=dtype)
    return set_subtensor(empty[arange(shape_i(y, 0)), y], 1)


def bartlett(M: Any) -> Any:
    """The triangular window of `M` points, zero at both ends: a float64 vector, empty for M < 1.

    Source: NumPy's ``bartlett``; w(n) = 1 - abs(2n / (M - 1) - 1).
    """
    M = as_length(M, "bartlett: the number of points")
    n = cast(arange(maximum(M, 0)), "float64")
    return switch(eq(M, 1), ones((1,), dtype="float64"), 1.0 - abs_(2.0 * n / cast(maximum(M - 1, 1), "float64") - 1.0))


# ---- index arithmetic


class UnravelIndex(DisconnectedOp):
    """Positions in a flattened array as indices, one output a dimension; see :func:`unravel_index`."""

    __props__ = ("ndim", "order")

    def __init__(self, ndim: int, order: str = "C") -> None:
        if order not in ("C", "F"):
            raise ValueError(f"unravel_index: order must be 'C' or 'F', got {order!r}")
        self.ndim, self.order = int(ndim), order

    def make_node(self, indices: Any, dims: Any) -> Apply:
        indices = _integers("unravel_index: the positions", indices)
        dims = _integers("unravel_index: the lengths", dims)
        if dims.ndim != 1:
            raise TypeError(f"unravel_index: the lengths must be a vector, got {dims} of type {dims.type}")
        kind = TensorType("int64", indices.broadcastable)
        return Apply(self, [indices, dims], [kind() for _ in range(self.ndim)])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        indices, dims = inputs
        if len(dims) != self.ndim:
            raise ValueError(f"unravel_index: {self.ndim} lengths were expected, got {dims}")
        for cell, result in zip(output_storage, np.unravel_index(indices, tuple(dims), self.order), strict=True):
            cell[0] = np.array(result, dtype="int64")

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[0]] * self.ndim


def unravel_index(indices: Any, dims: Any, order: str = "C", ndim: int | None = None) -> tuple[Any, ...]:
    """The indices of positions in a flattened array: a tuple of int64 tensors, one a dimension, each as `indices`.

    Parameters
    ----------
    dims
        the array's shape: numbers, or an integer vector.
    order
        ``"C"``: the last index changes fastest; ``"F"``: the first.
    ndim
        the number of dimensions, needed only when the length of `dims` is not known while the graph is built.

    Raises
    ------
    ValueError
        at run time, when a position is out of bounds.
    """
    dims = as_tensor_variable(dims)
    rank = get_vector_length(dims) if ndim is None else ndim
    return tuple(UnravelIndex(rank, order)(indices, cast(dims, "int64"), return_list=True))


class RavelMultiIndex(DisconnectedOp):
    """Indices, one input a dimension, as positions in the flattened array; see :func:`ravel_multi_index`."""

    __props__ = ("mode", "order")

    def __init__(self, mode: str = "raise", order: str = "C") -> None:
        if mode not in ("raise", "wrap", "clip") or order not in ("C", "F"):
            raise ValueError(
                f"ravel_multi_index: mode must be 'raise', 'wrap' or 'clip' and order 'C' or 'F', "
                f"got {mode!r} and {order!r}"
            )
        self.mode, self.order = mode, order

    def make_node(self, *inputs: Any) -> Apply:
        indices = [_integers("ravel_multi_index: the indices", x) for x in inputs[:-1]]
        dims = _integers("ravel_multi_index: the lengths", inputs[-1])
        ranks = {x.ndim for x in indices}
        if len(ranks) != 1 or dims.ndim != 1:
            raise TypeError(
                f"ravel_multi_index takes indices of equal rank and a vector of lengths, got "
                f"{', '.join(str(x.type) for x in indices)} and {dims.type}"
            )
        pattern = [all(flags) for flags in zip(*(x.broadcastable for x in indices), strict=True)]
        return Apply(self, [*indices, dims], [TensorType("int64", pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        *indices, dims = inputs
        if len(indices) != len(dims):
            raise ValueError(f"ravel_multi_index: there are {len(indices)} indices, but lengths {dims}")
        result = np.ravel_multi_index(tuple(indices), tuple(dims), self.mode, self.order)  # type: ignore[call-overload]
        output_storage[0][0] = np.array(result, dtype="int64")

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        lengths = []
        for axis in range(node.outputs[0].type.ndim):
            known = [s[axis] for s, x in zip(input_shapes, node.inputs[:-1]) if not x.type.broadcastable[axis]]
            lengths.append(known[0] if known else as_length(1))
        return [tuple(lengths)]


def ravel_multi_index(multi_index: Any, dims: Any, mode: str = "raise", order: str = "C") -> Any:
    """The positions in the flattened array of indices, int64: the inverse of :func:`unravel_index`.

    Parameters
    ----------
    multi_index
        a tuple of integer tensors of equal shape, one a dimension.
    dims
        the array's shape.
    mode
        what an index out of bounds does: ``"raise"`` a ValueError, ``"wrap"`` around, or be ``"clip"``-ped.
    order
        ``"C"``: the last index changes fastest; ``"F"``: the first.
    """
    if not isinstance(multi_index, list | tuple):
        raise TypeError(f"ravel_multi_index: multi_index must be a tuple of integer tensors, got {multi_index!r}")
    return RavelMultiIndex(mode, order)(*multi_index, cast(as_tensor_variable(dims), "int64"))


__all__ = [
    "CumOp",
    "RavelMultiIndex",
    "SearchsortedOp",
    "Unique",
    "UnravelIndex",
    "bartlett",
    "bincount",
    "compress",
    "cumprod",
    "cumsum",
    "diff",
    "fill_diagonal",
    "fill_diagonal_offset",
    "ravel_multi_index",
    "repeat",
    "searchsorted",
    "squeeze",
    "to_one_hot",
    "unique",
    "unravel_index",
]
