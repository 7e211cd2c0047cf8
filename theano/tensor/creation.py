"""Making arrays: identity, ranges, diagonals and triangles, grids.

The filled ones are in :mod:`theano.tensor.filling` and offered here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Apply, Constant
from theano.graph.op import Op
from theano.tensor.disconnected import DisconnectedOp, disconnected
from theano.tensor.elementwise import is_discrete
from theano.tensor.filling import (
    Alloc,
    AllocEmpty,
    alloc,
    alloc_empty,
    converted,
    dtype_or_floatx,
    empty,
    full,
    full_like,
    ones,
    ones_like,
    run_time_shape,
    zeros,
    zeros_like,
)
from theano.tensor.lengths import (
    as_length,
    as_variables,
    ceil_divide,
    larger,
    normalize_axis,
    plus,
    simplest,
    smaller,
)
from theano.tensor.shape import dimshuffle, shape_i, shape_padleft, shape_tuple
from theano.tensor.static import Knowledge, length_rule
from theano.tensor.subtensor import zero_gradient
from theano.tensor.type import NUMPY_DTYPES, TensorType
from theano.tensor.variable import as_tensor_variable, constant

Storage = list[list[Any]]


# ---- identity


class Eye(DisconnectedOp):
    """A matrix with ones on diagonal k and zeros elsewhere: inputs rows, columns, k."""

    __props__ = ("dtype",)

    def __init__(self, dtype: Any = None) -> None:
        self.dtype = dtype_or_floatx(dtype)

    def make_node(self, n: Any, m: Any, k: Any) -> Apply:
        lengths = [as_length(v, f"eye: {what}") for v, what in zip((n, m, k), ("n", "m", "k"), strict=True)]
        return Apply(self, lengths, [TensorType(self.dtype, (False, False))()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        n, m, k = inputs
        output_storage[0][0] = np.eye(*run_time_shape(self, (n, m)), int(k), dtype=self.dtype)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [tuple(node.inputs[:2])]


def eye(n: Any, m: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    """A matrix of `n` rows and `m` (`n`) columns with ones on diagonal `k`, zeros elsewhere; dtype ``config.floatX``.

    Positive `k` are diagonals above the main one.
    """
    return Eye(dtype)(n, n if m is None else m, k)


def identity_like(x: Any) -> Any:
    """A matrix of the shape and dtype of `x` with ones on the diagonal and zeros elsewhere."""
    x = as_tensor_variable(x)
    if x.type.ndim != 2:
        raise TypeError(f"identity_like takes a matrix, got {x} of type {x.type}")
    return eye(shape_i(x, 0), shape_i(x, 1), k=0, dtype=x.type.dtype)


# ---- ranges


class ARange(Op):
    """The vector start, start + step, … up to but without stop: scalar inputs start, stop, step.

    The inputs are int64 when all are discrete, else float64; results are converted to `dtype`.
    """

    __props__ = ("dtype",)

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype_or_floatx(dtype)

    def make_node(self, start: Any, stop: Any, step: Any) -> Apply:
        inputs = [as_tensor_variable(v) for v in (start, stop, step)]
        for what, v in zip(("start", "stop", "step"), inputs, strict=True):
            if v.type.ndim or v.type.numpy_dtype.kind == "c":
                raise TypeError(f"arange: {what} must be a real scalar, got {v} of type {v.type}")
        dtype = "int64" if all(is_discrete(v.type.dtype) for v in inputs) else "float64"
        return Apply(self, [converted(v, dtype) for v in inputs], [TensorType(self.dtype, (False,))()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        start, stop, step = (v.item() for v in inputs)
        if step == 0:
            raise ValueError(f"{self}: the step must not be 0")
        output_storage[0][0] = np.arange(start, stop, step, dtype=self.dtype)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [as_variables([_arange_length(*map(_known_number, node.inputs))])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False], [True]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        start, _, step = inputs
        (gz,) = output_gradients
        if is_discrete(self.dtype):
            return [zero_gradient(start), disconnected(), zero_gradient(step)]
        numbers = arange(shape_i(gz, 0), dtype=gz.type.dtype)
        return [gz.sum(), disconnected(), (gz * numbers).sum()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        start, _, step = eval_points
        if (start is None and step is None) or is_discrete(self.dtype):
            return [None]
        length = _arange_length(*inputs)
        moved = zeros(length, self.dtype) if start is None else alloc(converted(start, self.dtype), length)
        return [moved if step is None else moved + converted(step, self.dtype) * arange(length, dtype=self.dtype)]


def _known_number(v: Any) -> Any:
    return v.data.item() if isinstance(v, Constant) else v


def _arange_length(start: Any, stop: Any, step: Any) -> Any:
    """``ceil((stop - start) / step)``, at least 0; integers stay integers."""
    numbers = (start, stop, step)
    if all(isinstance(v, int | float) for v in numbers):
        return len(np.arange(start, stop, step)) if step else 0
    if all(isinstance(v, int) or (not isinstance(v, float) and is_discrete(v.type.dtype)) for v in numbers):
        if isinstance(step, int):
            span = stop if isinstance(start, int) and start == 0 else stop - start
            return ceil_divide(larger(span, 0), step) if step > 0 else ceil_divide(larger(-span, 0), -step)
        return larger(-((start - stop) // step), 0)
    from theano.tensor.functions import cast, ceil

    return cast(larger(ceil((stop - start) / step), 0), "int64")


@length_rule(ARange)
def _length_of_arange(node: Apply, known: Knowledge) -> int | None:
    numbers = [known.integer(v) for v in node.inputs]
    return None if None in numbers else _arange_length(*numbers)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """The vector of evenly spaced numbers from `start` (0 if only one bound is given) up to but without `stop`.

    Parameters
    ----------
    start, stop, step
        real scalars; integers make an integer vector.
    dtype
        of the result. Unless given: int64 for integers, else that of the arguments together.

    >>> import theano.tensor as T
    >>> arange(T.iscalar()).dtype, arange(0.0, T.fscalar()).dtype
    ('int64', 'float32')
    """
    if stop is None:
        start, stop = 0, start
    start, stop, step = as_tensor_variable(start), as_tensor_variable(stop), as_tensor_variable(step)
    return ARange(_arange_dtype(start, stop, step) if dtype is None else dtype)(start, stop, step)


def _arange_dtype(*numbers: Any) -> str:
    from theano.scalar.dtypes import upcast

    dtypes = [v.type.dtype for v in numbers]
    dtype = upcast(*dtypes)
    kind = NUMPY_DTYPES[dtype].kind
    # Small integer dtypes would overflow where the user does not expect it.
    dtype = {"b": "int64", "i": "int64", "u": "uint64"}.get(kind, dtype)
    if config.cast_policy in ("numpy", "numpy+floatX"):
        of_numpy = np.arange(*(np.array(i, dtype=d) for i, d in zip((0, 1, 1), dtypes, strict=True))).dtype.name
        narrow = config.cast_policy == "numpy+floatX" and config.floatX == "float32" and "float64" not in dtypes
        dtype = "float32" if of_numpy == "float64" and narrow else of_numpy
    return dtype


# ---- diagonals


class ExtractDiag(Op):
    """The diagonal `offset` of the planes of `axis1` and `axis2`, which becomes the last dimension."""

    __props__ = ("offset", "axis1", "axis2")

    def __init__(self, offset: int = 0, axis1: int = 0, axis2: int = 1, view: bool = False) -> None:
        self.offset, self.axis1, self.axis2 = int(offset), int(axis1), int(axis2)

    def _axes(self, rank: int) -> tuple[int, int]:
        return normalize_axis(self.axis1, rank, "diagonal"), normalize_axis(self.axis2, rank, "diagonal")

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        if x.type.ndim < 2:
            raise ValueError(f"{self} takes tensors of rank 2 and more, got {x} of type {x.type}")
        axes = self._axes(x.type.ndim)
        if axes[0] == axes[1]:
            raise ValueError(f"{self}: axis1 and axis2 must differ")
        pattern = [flag for i, flag in enumerate(x.type.broadcastable) if i not in axes]
        return Apply(self, [x], [TensorType(x.type.dtype, [*pattern, False])()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        output_storage[0][0] = inputs[0].diagonal(self.offset, self.axis1, self.axis2).copy()

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        (lengths,) = input_shapes
        axes = self._axes(len(lengths))
        rows, columns = (simplest(lengths[axis]) for axis in axes)
        length = larger(smaller(plus(rows, min(self.offset, 0)), plus(columns, -max(self.offset, 0))), 0)
        return [(*(n for i, n in enumerate(lengths) if i not in axes), *as_variables([length]))]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (x,) = inputs
        (gz,) = output_gradients
        if is_discrete(x.type.dtype):
            return [zero_gradient(x)]
        from theano.tensor.indexing import inc_subtensor

        # On the transposed x whose first two axes are the plane's, the diagonal is x[i - min(k, 0), i + max(k, 0)].
        axes = self._axes(x.type.ndim)
        order = [*axes, *(i for i in range(x.type.ndim) if i not in axes)]
        plane = dimshuffle(zeros_like(x), order)
        steps = arange(shape_i(gz, gz.type.ndim - 1))
        part = plane[steps + -min(self.offset, 0), steps + max(self.offset, 0)]
        spread = inc_subtensor(part, dimshuffle(gz, [gz.type.ndim - 1, *range(gz.type.ndim - 1)]))
        return [dimshuffle(spread, [order.index(i) for i in range(x.type.ndim)])]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0])]


class AllocDiag(Op):
    """Zeros with the last dimension of the input on diagonal `offset` of the planes of `axis1` and `axis2`."""

    __props__ = ("offset", "axis1", "axis2")

    def __init__(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> None:
        self.offset, self.axis1, self.axis2 = int(offset), int(axis1), int(axis2)

    def _with_plane(self, rest: Sequence[Any], plane: tuple[Any, Any]) -> list[Any]:
        """What belongs to the result's dimensions, given what belongs to the plane and to the others."""
        rank = len(rest) + 2
        axes = normalize_axis(self.axis1, rank, "diag"), normalize_axis(self.axis2, rank, "diag")
        others = iter(rest)
        return [plane[axes.index(i)] if i in axes else next(others) for i in range(rank)]

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        if not x.type.ndim:
            raise ValueError(f"{self} takes vectors and tensors of higher rank, got {x} of type {x.type}")
        if self.axis1 == self.axis2:
            raise ValueError(f"{self}: axis1 and axis2 must differ")
        pattern = self._with_plane(x.type.broadcastable[:-1], (False, False))
        return Apply(self, [x], [TensorType(x.type.dtype, pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        (x,) = inputs
        length = x.shape[-1] + abs(self.offset)
        result = np.zeros(self._with_plane(x.shape[:-1], (length, length)), dtype=x.dtype)
        plane = np.moveaxis(result, (self.axis1, self.axis2), (0, 1))
        steps = np.arange(x.shape[-1])
        plane[steps - min(self.offset, 0), steps + max(self.offset, 0)] = np.moveaxis(x, -1, 0)
        output_storage[0][0] = result

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        (lengths,) = input_shapes
        (length,) = as_variables([plus(simplest(lengths[-1]), abs(self.offset))])
        return [tuple(self._with_plane(lengths[:-1], (length, length)))]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        from theano.tensor.shape import patternbroadcast

        gradient = diagonal(output_gradients[0], self.offset, self.axis1, self.axis2)
        return [patternbroadcast(gradient, inputs[0].type.broadcastable)]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0])]


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of the planes of `axis1` and `axis2` of `a`; it is the last dimension of the result.

    Positive offsets are diagonals above the main one. Raises ValueError when `a` has fewer than two dimensions.
    """
    return ExtractDiag(offset, axis1, axis2)(a)


def extract_diag(x: Any) -> Any:
    """The main diagonal of a matrix."""
    x = as_tensor_variable(x)
    if x.type.ndim != 2:
        raise TypeError(f"extract_diag takes a matrix, got {x} of type {x.type}")
    return diagonal(x)


def alloc_diag(x: Any) -> Any:
    """The matrix with a vector on its main diagonal and zeros elsewhere."""
    x = as_tensor_variable(x)
    if x.type.ndim != 1:
        raise TypeError(f"alloc_diag takes a vector, got {x} of type {x.type}")
    return AllocDiag()(x)


def diag(v: Any, k: int = 0) -> Any:
    """For a vector the matrix that has it on diagonal `k`, for anything of higher rank its diagonal `k`.

    Raises
    ------
    ValueError
        for a scalar.
    """
    v = as_tensor_variable(v)
    if v.type.ndim == 0:
        raise ValueError(f"diag takes vectors and tensors of higher rank, got {v} of type {v.type}")
    return AllocDiag(k)(v) if v.type.ndim == 1 else diagonal(v, offset=k)


# ---- triangles


def _below_diagonal(rows: Any, columns: Any, k: Any) -> Any:
    """A bool matrix: whether an element is on diagonal `k` or below."""
    from theano.tensor.functions import ge

    row, column = arange(rows), arange(columns)
    return ge(dimshuffle(row, 0, "x") + k, dimshuffle(column, "x", 0))


def tri(N: Any, M: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    """`N` rows and `M` (`N`) columns with ones on diagonal `k` and below, zeros above; dtype ``config.floatX``."""
    return converted(
        _below_diagonal(as_length(N), as_length(N if M is None else M), as_length(k)), dtype_or_floatx(dtype)
    )


def _triangle(m: Any, k: Any, lower: bool, what: str) -> Any:
    from theano.tensor.functions import switch

    m = as_tensor_variable(m)
    rank = m.type.ndim
    if rank < 2:
        raise ValueError(f"{what} takes matrices and tensors of higher rank, got {m} of type {m.type}")
    inside = _below_diagonal(shape_i(m, -2), shape_i(m, -1), as_length(k) if lower else as_length(k) - 1)
    zero = constant(0, dtype=m.type.dtype)
    if any(m.type.broadcastable[-2:]):
        from theano.tensor.shape import patternbroadcast

        inside = patternbroadcast(inside, m.type.broadcastable[-2:])
    inside = shape_padleft(inside, rank - 2)
    return switch(inside, m, zero) if lower else switch(inside, zero, m)


def tril(m: Any, k: Any = 0) -> Any:
    """`m` with zeros above diagonal `k` (of its last two dimensions)."""
    return _triangle(m, k, True, "tril")


def triu(m: Any, k: Any = 0) -> Any:
    """`m` with zeros below diagonal `k` (of its last two dimensions)."""
    return _triangle(m, k, False, "triu")


# ---- grids


class _Grid:
    """``mgrid[0:2, 0:3]``: a list with an array a slice, in which that slice's range runs along its own dimension."""

    def __init__(self, sparse: bool) -> None:
        self.sparse = sparse

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self._range(key)
        if not isinstance(key, tuple):
            raise TypeError(f"a grid is made of slices, as in mgrid[0:2, 0:3], got {key!r}")
        ranges = [self._range(part) for part in key]
        rank = len(ranges)
        lined_up = [dimshuffle(r, ["x"] * i + [0] + ["x"] * (rank - 1 - i)) for i, r in enumerate(ranges)]
        if self.sparse:
            return lined_up
        from theano.scalar.dtypes import upcast

        dtype = upcast(*(r.type.dtype for r in ranges))
        lengths = [shape_i(r, 0) for r in ranges]
        return [alloc(converted(grid, dtype), *lengths) for grid in lined_up]

    @staticmethod
    def _range(part: Any) -> Any:
        if not isinstance(part, slice) or part.stop is None:
            raise TypeError(f"a grid is made of slices with a stop, as in mgrid[0:2, 0:3:0.5], got {part!r}")
        return arange(0 if part.start is None else part.start, part.stop, 1 if part.step is None else part.step)


mgrid = _Grid(sparse=False)
ogrid = _Grid(sparse=True)


def meshgrid(*xi: Any, indexing: str = "xy") -> list[Any]:
    """Coordinate matrices from coordinate vectors, as NumPy's ``meshgrid``.

    Parameters
    ----------
    indexing
        ``"xy"``: the first vector runs along the second dimension; ``"ij"``: along the first.
    """
    vectors = [as_tensor_variable(x) for x in xi]
    for x in vectors:
        if x.type.ndim > 1:
            raise TypeError(f"meshgrid takes vectors, got {x} of type {x.type}")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    rank = len(vectors)
    axes = list(range(rank))
    if indexing == "xy" and rank > 1:
        axes[0], axes[1] = 1, 0
    vectors = [shape_padleft(x) if x.type.ndim == 0 else x for x in vectors]
    lengths: list[Any] = [None] * rank
    for axis, x in zip(axes, vectors, strict=True):
        (lengths[axis],) = shape_tuple(x)
    return [
        alloc(dimshuffle(x, ["x"] * axis + [0] + ["x"] * (rank - 1 - axis)), *lengths)
        for axis, x in zip(axes, vectors, strict=True)
    ]


__all__ = [
    "ARange",
    "Alloc",
    "AllocDiag",
    "AllocEmpty",
    "ExtractDiag",
    "Eye",
    "alloc",
    "alloc_diag",
    "alloc_empty",
    "arange",
    "diag",
    "diagonal",
    "empty",
    "extract_diag",
    "eye",
    "full",
    "full_like",
    "identity_like",
    "meshgrid",
    "mgrid",
    "ogrid",
    "ones",
    "ones_like",
    "tri",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]
