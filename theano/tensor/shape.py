"""Shapes: asking for them and changing them; what is claimed about them is in :mod:`theano.tensor.assertion`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.op import Op
from theano.tensor.assertion import (
    Rebroadcast,
    SpecifyShape,
    addbroadcast,
    patternbroadcast,
    specify_shape,
    unbroadcast,
)
from theano.tensor.disconnected import DisconnectedOp, disconnected
from theano.tensor.elementwise import DimShuffle
from theano.tensor.lengths import (
    as_length,
    as_shape_vector,
    as_variables,
    larger,
    normalize_axis,
    product,
    simplest,
    static_lengths,
)
from theano.tensor.static import (
    EmptyConstantError,
    Knowledge,
    NotScalarConstantError,
    entries_rule,
    get_scalar_constant_value,
    get_vector_length,
    value_rule,
    vector_entries,
)
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable, constant

Storage = list[list[Any]]


class ShapeError(Exception):
    """The shape of something cannot be worked out."""


# ---- asking


class Shape(DisconnectedOp):
    """The shape of a variable as an int64 vector."""

    __props__ = ()

    def make_node(self, x: Any) -> Apply:
        if not isinstance(x, Variable):
            x = as_tensor_variable(x)
        return Apply(self, [x], [TensorType("int64", (False,))()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        output_storage[0][0] = np.array(np.shape(inputs[0]), dtype="int64").reshape(-1)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [as_variables([node.inputs[0].type.ndim])]


shape = Shape()
_shape = shape


class Shape_i(DisconnectedOp):
    """The length of dimension `i`, an int64 scalar."""

    __props__ = ("i",)

    def __init__(self, i: int) -> None:
        self.i = int(i)

    def make_node(self, x: Any) -> Apply:
        if not isinstance(x, Variable):
            x = as_tensor_variable(x)
        if not 0 <= self.i < x.type.ndim:
            raise TypeError(f"{self}: {x} of type {x.type} has no dimension {self.i}")
        return Apply(self, [x], [TensorType("int64", ())()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        output_storage[0][0] = np.array(inputs[0].shape[self.i], dtype="int64")

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [()]

    def __str__(self) -> str:
        return f"Shape_i{{{self.i}}}"

    __repr__ = __str__


def shape_i(x: Any, i: int, fgraph: Any = None) -> Variable:
    """The length of dimension `i` of `x`: an int64 scalar, a constant where the type or value of `x` tells it.

    Raises
    ------
    IndexError
        when `x` has no such dimension.
    """
    x = as_tensor_variable(x)
    i = normalize_axis(i, x.type.ndim, "shape_i")
    known = known_length(x, i)
    return Shape_i(i)(x) if known is None else constant(known, dtype="int64")


def known_length(x: Any, i: int) -> int | None:
    """The length of dimension `i` of `x` where its type or value tells it."""
    if x.type.broadcastable[i]:
        return 1
    return x.data.shape[i] if isinstance(x, Constant) else None


def shape_tuple(x: Any) -> tuple[Variable, ...]:
    """All lengths of `x`, each as by :func:`shape_i`."""
    x = as_tensor_variable(x)
    return tuple(shape_i(x, i) for i in range(x.type.ndim))


class LengthsOf(Sequence[Any]):
    """Some lengths of a tensor, whose variables are made when they are asked for."""

    def __init__(self, x: Any, axes: Sequence[int]) -> None:
        self.x, self.axes = x, axes

    def __len__(self) -> int:
        return len(self.axes)

    def __getitem__(self, i: Any) -> Any:
        return LengthsOf(self.x, self.axes[i]) if isinstance(i, slice) else shape_i(self.x, self.axes[i])


@entries_rule(Shape)
def _shape_entries(node: Apply, known: Knowledge) -> Sequence[Any] | None:
    (x,) = node.inputs
    return LengthsOf(x, range(x.type.ndim)) if isinstance(x.type, TensorType) else None


@value_rule(Shape_i)
def _shape_i_value(node: Apply, known: Knowledge) -> Any:
    (x,) = node.inputs
    length = known_length(x, node.op.i) if isinstance(x.type, TensorType) else None
    if length is None:
        raise NotScalarConstantError(node.outputs[0])
    return length


def is_flat(var: Any, ndim: int | None = None, outdim: int | None = None) -> bool:
    """Whether `var` has rank `ndim` (1 unless told)."""
    rank = ndim if ndim is not None else outdim
    return var.ndim == (1 if rank is None else rank)


# ---- vectors from scalars


class MakeVector(Op):
    """A vector of scalars. `dtype` is raised to the inputs' where those need more."""

    __props__ = ("dtype",)

    def __init__(self, dtype: str = "int64") -> None:
        self.dtype = dtype

    def make_node(self, *inputs: Any) -> Apply:
        from theano.scalar.dtypes import upcast
        from theano.tensor.functions import cast

        scalars = [as_tensor_variable(x) for x in inputs]
        for i, x in enumerate(scalars):
            if x.type.ndim:
                raise TypeError(
                    f"MakeVector takes scalars; input {i} is {x} of type {x.type}. T.stack and T.join take arrays."
                )
        dtype = upcast(self.dtype, *(x.type.dtype for x in scalars))
        scalars = [x if x.type.dtype == dtype else _recast(x, dtype, cast) for x in scalars]
        op = self if dtype == self.dtype else MakeVector(dtype)
        return Apply(op, scalars, [TensorType(dtype, (len(scalars) == 1,))()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        output_storage[0][0] = np.array(
            [x.item() if x.dtype.kind == "b" else x for x in inputs], dtype=self.dtype
        ).reshape(-1)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [as_variables([len(node.inputs)])]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (gz,) = output_gradients
        return [gz[i] for i in range(len(inputs))]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        if all(point is None for point in eval_points):
            return [None]
        return [self(*(x.zeros_like() if p is None else p for x, p in zip(inputs, eval_points, strict=True)))]


make_vector = MakeVector()


def _recast(x: Any, dtype: str, cast: Any) -> Any:
    return constant(x.data, dtype=dtype) if isinstance(x, Constant) else cast(x, dtype)


@entries_rule(MakeVector)
def _make_vector_entries(node: Apply, known: Knowledge) -> Sequence[Any]:
    return node.inputs


@value_rule(MakeVector)
def _make_vector_value(node: Apply, known: Knowledge) -> Any:
    if len(node.inputs) != 1:
        raise NotScalarConstantError(node.outputs[0])
    return known.value(node.inputs[0])


def tensor_from_scalar(x: Any) -> Any:
    """`x` itself: a scalar is a tensor of rank 0."""
    return as_tensor_variable(x)


def scalar_from_tensor(x: Any) -> Any:
    """`x` itself, which must have rank 0: such a tensor is a scalar."""
    x = as_tensor_variable(x)
    if x.type.ndim:
        raise TypeError(f"scalar_from_tensor takes a tensor of rank 0, got {x} of type {x.type}")
    return x


# ---- new shapes for the same elements


class Reshape(Op):
    """The same elements, in the same (row-major) order, in another shape of rank `ndim`.

    One entry of the shape may be -1: it becomes what the number of elements demands.
    """

    __props__ = ("ndim",)
    view_map = {0: [0]}

    def __init__(self, ndim: int, name: str | None = None) -> None:
        self.ndim = int(ndim)
        if self.ndim < 0:
            raise ValueError(f"Reshape: the rank of the result must not be negative, got {ndim}")

    def make_node(self, x: Any, shape: Any) -> Apply:
        x = as_tensor_variable(x)
        shape = as_shape_vector(shape, "an entry of the new shape")
        lengths = static_lengths(shape, self.ndim)
        if len(lengths) != self.ndim:
            raise ValueError(f"{self}: the shape {tuple(lengths)} has not {self.ndim} entries")
        if lengths.count(-1) > 1 or any(n is not None and n < -1 for n in lengths):
            raise ValueError(f"{self}: at most one entry of the shape may be -1 and none less, got {tuple(lengths)}")
        pattern = [n == 1 for n in lengths]
        if -1 in lengths and all(x.type.broadcastable) and sum(pattern) == self.ndim - 1:
            pattern = [True] * self.ndim
        return Apply(self, [x, shape], [TensorType(x.type.dtype, pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        x, shape = inputs
        if len(shape) != self.ndim:
            raise ValueError(f"{self}: the shape must have {self.ndim} entries, got {tuple(shape.tolist())}")
        try:
            output_storage[0][0] = x.reshape(shape)
        except ValueError:
            raise ValueError(
                f"{self}: cannot reshape an array of shape {x.shape} with {x.size} elements to {tuple(shape.tolist())}"
            ) from None

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        shape = node.inputs[1]
        lengths = [simplest(n) for n in vector_entries(shape, self.ndim)]
        if all(isinstance(n, int) and n >= 0 for n in lengths):
            return [as_variables(lengths)]
        from theano.tensor.functions import eq, switch

        elements = product(input_shapes[0])
        found: list[Any] = []
        for i, n in enumerate(lengths):
            if _is_a_length(n):
                found.append(n)
                continue
            others = product([m for j, m in enumerate(lengths) if j != i])
            # Without elements NumPy refuses -1, so any divisor but 0 will do; a second -1 cannot be, so the sign goes.
            rest = elements if isinstance(others, int) and others == 1 else elements // larger(others, 1)
            found.append(rest if isinstance(n, int) else switch(eq(n, -1), rest, n))
        return [as_variables(found)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        x, _ = inputs
        return [Reshape(x.type.ndim)(output_gradients[0], shape_tuple(x)), disconnected()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0], inputs[1])]

    def __str__(self) -> str:
        return f"Reshape{{{self.ndim}}}"

    __repr__ = __str__


def _is_a_length(n: Any, levels: int = 4) -> bool:
    """Whether a scalar certainly is no -1, since it is the length of something, or made of lengths."""
    if isinstance(n, int):
        return n >= 0
    if not isinstance(n, Variable):
        return False
    if isinstance(n, Constant):
        return bool(n.data >= 0)
    if n.owner is None or not levels:
        return False
    if isinstance(n.owner.op, Shape_i):
        return True
    name = getattr(getattr(n.owner.op, "scalar_op", None), "name", None)
    return name in ("add", "mul") and all(_is_a_length(v, levels - 1) for v in n.owner.inputs)


@value_rule(Reshape)
def _reshape_value(node: Apply, known: Knowledge) -> Any:
    return known.value(node.inputs[0])


def reshape(x: Any, newshape: Any, ndim: int | None = None) -> Any:
    """The elements of `x` in another shape.

    Parameters
    ----------
    x
        any shape and dtype.
    newshape
        lengths: a list of numbers and integer scalars, or an integer vector. One may be -1: it follows from the others.
        A known 1 makes that dimension broadcastable.
    ndim
        rank of the result: needed when `newshape` is a vector whose length the graph does not tell.

    Raises
    ------
    ValueError
        when the rank is unknown; at run time, when the numbers of elements differ.

    >>> import theano.tensor as T
    >>> reshape(T.dvector(), (-1, 1)).type
    TensorType(float64, col)
    """
    vector = as_shape_vector(newshape, "an entry of the new shape")
    if ndim is None:
        try:
            ndim = get_vector_length(vector)
        except ValueError:
            raise ValueError(
                f"reshape: the length of the new shape {newshape} is known only at run time, but the rank of the "
                f"result must be known now. Pass it: reshape(x, newshape, ndim=…)."
            ) from None
    return Reshape(ndim)(x, vector)


def flatten(x: Any, ndim: int | None = None, outdim: int | None = None) -> Any:
    """`x` with its last dimensions made one, so that the rank is `ndim`.

    Parameters
    ----------
    ndim
        rank of the result (1: a vector of all elements); the first ``ndim - 1`` dimensions are kept.
    outdim
        another name of `ndim`.

    Raises
    ------
    ValueError
        when `ndim` is not between 1 and the rank of `x`.
    """
    x = as_tensor_variable(x)
    if ndim is not None and outdim is not None:
        raise ValueError("flatten: give ndim or outdim, which mean the same, not both")
    rank = ndim if ndim is not None else (1 if outdim is None else outdim)
    if not 1 <= rank <= max(x.type.ndim, 1):
        raise ValueError(f"flatten: ndim {rank} is out of bounds [1, {max(x.type.ndim, 1)}] for {x} of type {x.type}")
    if rank == x.type.ndim:
        return x
    if rank == 1:
        return Reshape(1)(x, [-1])  # says "all elements" without asking for the shape
    lengths = shape_tuple(x)
    return Reshape(rank)(x, [*lengths[: rank - 1], as_length(product(lengths[rank - 1 :]))])


def ravel(x: Any) -> Any:
    """All elements of `x` as a vector, in row-major order."""
    return flatten(x)


# ---- DimShuffle under its many names


def dimshuffle(x: Any, *order: Any) -> Any:
    """`x` with dimensions permuted, dropped (of length 1) and inserted (``'x'``); `x` itself when nothing changes."""
    x = as_tensor_variable(x)
    if len(order) == 1 and isinstance(order[0], list | tuple):
        order = tuple(order[0])
    op = DimShuffle(x.type.broadcastable, order)
    return x if op.new_order == tuple(range(x.type.ndim)) else op(x)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """`x` with its axes reversed, or in the order `axes`: axis i of the result is axis ``axes[i]`` of `x`."""
    x = as_tensor_variable(x)
    rank = x.type.ndim
    order = tuple(range(rank))[::-1] if axes is None else tuple(normalize_axis(a, rank, "transpose") for a in axes)
    if sorted(order) != list(range(rank)):
        raise ValueError(
            f"transpose: axes {tuple(axes or ())} are no permutation of the {rank} axes of {x} of type {x.type}"
        )
    result = DimShuffle(x.type.broadcastable, order)(x)
    if x.name and order == tuple(range(rank))[::-1]:
        result.name = x.name + ".T"
    return result


def swapaxes(y: Any, axis1: int, axis2: int) -> Any:
    """`y` with two axes exchanged."""
    y = as_tensor_variable(y)
    rank = y.type.ndim
    first, second = normalize_axis(axis1, rank, "swapaxes"), normalize_axis(axis2, rank, "swapaxes")
    order = list(range(rank))
    order[first], order[second] = second, first
    return dimshuffle(y, order)


def moveaxis(a: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """`a` with axes moved from `source` to `destination`; the others keep their order."""
    a = as_tensor_variable(a)
    rank = a.type.ndim
    sources = [source] if not isinstance(source, list | tuple) else source
    destinations = [destination] if not isinstance(destination, list | tuple) else destination
    moved = [normalize_axis(s, rank, "moveaxis") for s in sources]
    places = [normalize_axis(d, rank, "moveaxis") for d in destinations]
    if len(moved) != len(places) or len(set(moved)) != len(moved) or len(set(places)) != len(places):
        raise ValueError(f"moveaxis: source {source} and destination {destination} must be equally many different axes")
    order = [axis for axis in range(rank) if axis not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return dimshuffle(a, order)


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """`x` without its broadcastable dimensions, or without `axis`, whose length must be 1.

    Only dimensions that the type knows to have length 1 go unless `axis` names them.
    """
    x = as_tensor_variable(x)
    if axis is None:
        return dimshuffle(x, [i for i, flag in enumerate(x.type.broadcastable) if not flag])
    axes = axis if isinstance(axis, list | tuple) else [axis]
    dropped = [normalize_axis(a, x.type.ndim, "squeeze") for a in axes]
    return dimshuffle(addbroadcast(x, *dropped), [i for i in range(x.type.ndim) if i not in dropped])


def shape_padleft(t: Any, n_ones: int = 1) -> Any:
    """`t` with `n_ones` dimensions of length 1 before its own."""
    t = as_tensor_variable(t)
    return dimshuffle(t, ["x"] * n_ones + list(range(t.type.ndim)))


def shape_padright(t: Any, n_ones: int = 1) -> Any:
    """`t` with `n_ones` dimensions of length 1 behind its own."""
    t = as_tensor_variable(t)
    return dimshuffle(t, list(range(t.type.ndim)) + ["x"] * n_ones)


def shape_padaxis(t: Any, axis: int) -> Any:
    """`t` with a dimension of length 1 inserted, which is number `axis` of the result."""
    t = as_tensor_variable(t)
    order: list[Any] = list(range(t.type.ndim))
    order.insert(normalize_axis(axis, t.type.ndim + 1, "shape_padaxis"), "x")
    return dimshuffle(t, order)


__all__ = [
    "EmptyConstantError",
    "MakeVector",
    "NotScalarConstantError",
    "Rebroadcast",
    "Reshape",
    "Shape",
    "ShapeError",
    "Shape_i",
    "SpecifyShape",
    "addbroadcast",
    "dimshuffle",
    "flatten",
    "get_scalar_constant_value",
    "get_vector_length",
    "is_flat",
    "make_vector",
    "moveaxis",
    "patternbroadcast",
    "ravel",
    "reshape",
    "scalar_from_tensor",
    "shape",
    "shape_i",
    "shape_padaxis",
    "shape_padleft",
    "shape_padright",
    "shape_tuple",
    "specify_shape",
    "squeeze",
    "swapaxes",
    "tensor_from_scalar",
    "transpose",
    "unbroadcast",
]
