"""Putting arrays together and taking them apart: join, split, stack, roll, choose.

What repeats and permutes a single array is in :mod:`theano.tensor.rearranging` and offered here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply
from theano.graph.op import Op
from theano.tensor.creation import alloc
from theano.tensor.disconnected import disconnected
from theano.tensor.elementwise import is_discrete
from theano.tensor.indexing import index, set_subtensor, within
from theano.tensor.lengths import (
    as_length,
    as_shape_vector,
    as_variables,
    larger,
    normalize_axis,
    plus,
    simplest,
    static_integer,
    static_lengths,
)
from theano.tensor.rearranging import inverse_permutation, permute_row_elements, repeat, row_indices, tile
from theano.tensor.shape import (
    MakeVector,
    flatten,
    patternbroadcast,
    reshape,
    shape_i,
    shape_padaxis,
    shape_padleft,
    shape_tuple,
)
from theano.tensor.static import Knowledge, entries_rule, length_rule, value_rule, vector_entries
from theano.tensor.subtensor import zero_gradient
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable, constant

Storage = list[list[Any]]


# ---- join and split


class Join(Op):
    """Arrays of one rank put one after the other along `axis`; they are brought to a common dtype."""

    __props__ = ("axis",)

    def __init__(self, axis: int) -> None:
        self.axis = int(axis)
        if self.axis < 0:
            raise ValueError(f"Join: the axis must not be negative, got {axis}; theano.tensor.join counts from the end")

    def make_node(self, *tensors: Any) -> Apply:
        from theano.scalar.dtypes import upcast
        from theano.tensor.functions import cast

        if not tensors:
            raise ValueError(f"{self}: there is nothing to join")
        parts = [as_tensor_variable(t) for t in tensors]
        ranks = {t.type.ndim for t in parts}
        if ranks == {0}:
            raise TypeError(f"{self}: scalars have no axis to be joined along; T.stack makes a vector of them")
        if len(ranks) > 1:
            raise TypeError(
                f"{self}: all tensors must have one rank, got {', '.join(f'{t} of type {t.type}' for t in parts)}"
            )
        (rank,) = ranks
        if self.axis >= rank:
            raise IndexError(f"{self}: axis {self.axis} is out of bounds for rank {rank}")
        dtype = upcast(*(t.type.dtype for t in parts))
        parts = [t if t.type.dtype == dtype else cast(t, dtype) for t in parts]
        # What is known of one tensor's length holds for all, but along the axis of joining.
        pattern = [any(flags) for flags in zip(*(t.type.broadcastable for t in parts), strict=True)]
        pattern[self.axis] = len(parts) == 1 and pattern[self.axis]
        return Apply(self, parts, [TensorType(dtype, pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        shapes = [x.shape for x in inputs]
        others = {shape[: self.axis] + shape[self.axis + 1 :] for shape in shapes}
        if len(others) > 1:
            raise ValueError(
                f"{self}: lengths must be equal but along axis {self.axis}, got shapes {', '.join(map(str, shapes))}"
            )
        output_storage[0][0] = np.concatenate(inputs, axis=self.axis)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        lengths = []
        for axis in range(node.outputs[0].type.ndim):
            along = [simplest(shape[axis]) for shape in input_shapes]
            if axis == self.axis:
                total: Any = 0
                for n in along:
                    total = plus(total, n)
                lengths.append(total)
            else:
                lengths.append(next((n for n in along if isinstance(n, int)), along[0]))
        return [as_variables(lengths)]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (gz,) = output_gradients
        lengths = [shape_i(x, self.axis) for x in inputs]
        if is_discrete(gz.type.dtype):
            return [zero_gradient(x) for x in inputs]
        parts = split(gz, lengths, len(inputs), self.axis)
        return [patternbroadcast(g, x.type.broadcastable) for g, x in zip(parts, inputs, strict=True)]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        if all(point is None for point in eval_points):
            return [None]
        return [self(*(x.zeros_like() if p is None else p for x, p in zip(inputs, eval_points, strict=True)))]


@entries_rule(Join)
def _join_entries(node: Apply, known: Knowledge) -> Sequence[Any] | None:
    entries: list[Any] = []
    for x in node.inputs:
        part = known.entries(x)
        if part is None and known.length(x) != 1:
            return None
        entries += [x[0]] if part is None else part
    return entries


@length_rule(Join)
def _join_length(node: Apply, known: Knowledge) -> int | None:
    lengths = [known.length(x) for x in node.inputs]
    return None if None in lengths else sum(lengths)  # type: ignore[arg-type]


def join(axis: Any, *tensors_list: Any) -> Any:
    """Tensors of one rank put one after the other along `axis`.

    Parameters
    ----------
    axis
        an integer or integer scalar; negative ones count from the end. Of one that is known only at run time the result
        has no broadcastable dimensions.
    tensors_list
        tensors with equal lengths but along `axis`; dtypes are upcast.

    Raises
    ------
    IndexError
        when there is no such axis.
    TypeError
        ranks that differ, or scalars.
    ValueError
        at run time, when other lengths differ.

    >>> import theano.tensor as T
    >>> join(1, T.dmatrix(), T.dcol()).eval
    ... # doctest: +ELLIPSIS
    <bound method ...>
    """
    tensors = [as_tensor_variable(t) for t in tensors_list]
    if not tensors:
        raise ValueError("join: there is nothing to join")
    if len(tensors) == 1:
        return tensors[0]
    rank = max(t.type.ndim for t in tensors)
    if rank == 0:
        raise TypeError("join: scalars have no axis to be joined along; T.stack makes a vector of them")
    if static_integer(axis) is None:
        return _join_along_unknown(axis, tensors, rank)
    return Join(normalize_axis(axis, rank, "join"))(*tensors)


def concatenate(tensor_list: Sequence[Any], axis: Any = 0) -> Any:
    """A list of tensors put one after the other along `axis`, as NumPy's ``concatenate``; see :func:`join`."""
    if not isinstance(tensor_list, list | tuple):
        raise TypeError(
            f"concatenate takes a list or tuple of tensors, got {tensor_list!r}; did you forget the brackets?"
        )
    return join(axis, *tensor_list)


class Split(Op):
    """The inverse of Join: an array cut along `axis` into `len_splits` pieces, whose lengths the second input gives."""

    __props__ = ("len_splits", "axis")

    def __init__(self, len_splits: int, axis: int = 0) -> None:
        self.len_splits, self.axis = int(len_splits), int(axis)
        self.view_map = {i: [0] for i in range(self.len_splits)}

    def make_node(self, x: Any, splits: Any) -> Apply:
        x, splits = as_tensor_variable(x), as_shape_vector(splits, "split: the length of a piece")
        if not 0 <= self.axis < x.type.ndim:
            raise IndexError(f"{self}: axis {self.axis} is out of bounds for {x} of type {x.type}")
        known = static_lengths(splits, self.len_splits)
        if len(known) != self.len_splits:
            raise ValueError(f"{self}: {self.len_splits} lengths are needed, got {known}")
        outputs = []
        for n in known:
            pattern = list(x.type.broadcastable)
            pattern[self.axis] = n == 1
            outputs.append(TensorType(x.type.dtype, pattern)())
        return Apply(self, [x, splits], outputs)

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        x, splits = inputs
        if len(splits) != self.len_splits:
            raise ValueError(f"{self}: {self.len_splits} lengths are needed, got {splits.tolist()}")
        if (splits < 0).any() or splits.sum() != x.shape[self.axis]:
            raise ValueError(
                f"{self}: lengths must not be negative and must sum to {x.shape[self.axis]}, the length of axis "
                f"{self.axis} of shape {x.shape}; got {splits.tolist()}"
            )
        for cell, part in zip(output_storage, np.split(x, np.cumsum(splits)[:-1], axis=self.axis), strict=True):
            cell[0] = part

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        lengths = input_shapes[0]
        return [
            (*lengths[: self.axis], n, *lengths[self.axis + 1 :])
            for n in vector_entries(node.inputs[1], self.len_splits)
        ]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True] * self.len_splits, [False] * self.len_splits]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        x, _ = inputs
        if is_discrete(x.type.dtype):
            return [zero_gradient(x), disconnected()]
        parts = [
            gz if isinstance(gz.type, TensorType) else output.zeros_like()  # a piece may have no influence
            for gz, output in zip(output_gradients, outputs, strict=True)
        ]
        return [patternbroadcast(join(self.axis, *parts), x.type.broadcastable), disconnected()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        if eval_points[0] is None:
            return [None] * self.len_splits
        return self(eval_points[0], inputs[1], return_list=True)

    def __str__(self) -> str:
        return f"Split{{{self.len_splits}, axis={self.axis}}}"

    __repr__ = __str__


def split(x: Any, splits_size: Any, n_splits: int, axis: Any = 0) -> list[Any]:
    """`x` cut along `axis` into `n_splits` pieces of lengths `splits_size`, which must sum to the length of the axis.

    Returns
    -------
    a list of `n_splits` tensors.

    >>> import theano.tensor as T
    >>> first, second = split(T.dvector("x"), [2, 1], 2)
    """
    x = as_tensor_variable(x)
    if static_integer(axis) is None:
        return _split_along_unknown(x, as_shape_vector(splits_size), n_splits, axis)
    return Split(n_splits, normalize_axis(axis, x.type.ndim, "split"))(x, splits_size, return_list=True)


# An axis that is known only at run time is the second of three: what lies before it and what lies behind it become one
# dimension each.


def _axis_from_the_front(axis: Any, rank: int, what: str) -> Any:
    from theano.tensor.functions import lt, switch

    axis = as_length(axis, f"{what}: the axis")
    return switch(lt(axis, 0), axis + rank, axis)


def _with_length(x: Any, axis: Any, length: Any) -> Any:
    """The shape of `x` with another length of `axis`."""
    return set_subtensor(index(x.shape, axis), length)


def _as_three_dimensions(x: Any, axis: Any) -> Any:
    from theano.tensor.reductions import prod

    lengths = x.shape
    return reshape(x, (prod(lengths[:axis]), lengths[axis], prod(lengths[axis + 1 :])), 3)


def _join_along_unknown(axis: Any, tensors: Sequence[Any], rank: int) -> Any:
    from theano.tensor.assertion import Assert
    from theano.tensor.functions import eq
    from theano.tensor.reductions import all as tensor_all

    axis = _axis_from_the_front(axis, rank, "join")
    first, *others = tensors
    same = [tensor_all(eq(_with_length(first, axis, 0), _with_length(t, axis, 0))) for t in others]
    total = Assert("join: lengths must be equal but along the axis of joining", ValueError)(
        sum((t.shape[axis] for t in others), first.shape[axis]), *same
    )
    joined = Join(1)(*(_as_three_dimensions(t, axis) for t in tensors))
    return reshape(joined, _with_length(first, axis, total), rank)


def _split_along_unknown(x: Any, splits: Any, n_splits: int, axis: Any) -> list[Any]:
    axis = _axis_from_the_front(axis, x.type.ndim, "split")
    parts = Split(n_splits, 1)(_as_three_dimensions(x, axis), splits, return_list=True)
    return [reshape(part, _with_length(x, axis, splits[i]), x.type.ndim) for i, part in enumerate(parts)]


# ---- stack


def stack(*tensors: Any, **kwargs: Any) -> Any:
    """Tensors of one shape along a new axis: ``stack(tensors, axis=0)``, or, as of old, ``stack(a, b, c)``.

    Parameters
    ----------
    tensors
        a list of tensors (or numbers); dtypes are upcast.
    axis
        the number of the new axis in the result; negative ones count from the end.

    >>> import theano.tensor as T
    >>> stack([T.dvector(), T.dvector()], axis=1).type
    TensorType(float64, matrix)
    """
    if not tensors and "tensors" in kwargs:
        tensors = (kwargs.pop("tensors"),)
    if tensors and isinstance(tensors[0], list | tuple):
        if len(tensors) > 2 or (len(tensors) == 2 and "axis" in kwargs):
            raise TypeError("stack takes a list of tensors and an axis: stack([a, b], axis=0)")
        items = list(tensors[0])
        axis = tensors[1] if len(tensors) == 2 else kwargs.pop("axis", 0)
    else:
        items, axis = list(tensors), kwargs.pop("axis", 0)
    if kwargs:
        raise TypeError(f"stack takes only tensors and axis, got {', '.join(kwargs)}")
    if not items:
        raise ValueError("stack: no tensors were given")
    parts = [as_tensor_variable(t) for t in items]
    ranks = {t.type.ndim for t in parts}
    if len(ranks) > 1:
        raise TypeError(
            f"stack: all tensors must have one rank, got {', '.join(f'{t} of type {t.type}' for t in parts)}"
        )
    (rank,) = ranks
    axis = normalize_axis(axis, rank + 1, "stack")
    if rank == 0:
        from theano.scalar.dtypes import upcast

        return MakeVector(upcast(*(t.type.dtype for t in parts)))(*parts)
    return join(axis, *(shape_padaxis(t, axis) for t in parts))


def stacklists(arg: Any) -> Any:
    """Nested lists of tensors stacked, each level of nesting a dimension in front.

    >>> import theano.tensor as T
    >>> a, b, c, d = T.dscalars("a", "b", "c", "d")
    >>> stacklists([[a, b], [c, d]]).ndim
    2
    """
    if isinstance(arg, list | tuple):
        return stack([stacklists(item) for item in arg])
    return as_tensor_variable(arg)


def horizontal_stack(*args: Any) -> Any:
    """Matrices side by side."""
    return _matrices_joined(args, 1, "horizontal_stack")


def vertical_stack(*args: Any) -> Any:
    """Matrices one below the other."""
    return _matrices_joined(args, 0, "vertical_stack")


def _matrices_joined(args: Sequence[Any], axis: int, what: str) -> Any:
    if len(args) < 2:
        raise ValueError(f"{what} takes at least two matrices, got {len(args)}")
    parts = [as_tensor_variable(a) for a in args]
    for a in parts:
        if a.type.ndim != 2:
            raise TypeError(f"{what} takes matrices, got {a} of type {a.type}")
    return concatenate(parts, axis=axis)


# ---- reordering


def roll(x: Any, shift: Any, axis: int | None = None) -> Any:
    """The elements of `x` moved on by `shift` along `axis`; those that leave at the end come in at the front.

    Parameters
    ----------
    shift
        an integer or integer scalar; negative ones move back.
    axis
        ``None``: the flattened array is rolled and given back its shape.
    """
    x = as_tensor_variable(x)
    if axis is None:
        if x.type.ndim != 1:
            return reshape(roll(flatten(x), shift, axis=0), shape_tuple(x), x.type.ndim)
        axis = 0
    axis = normalize_axis(axis, x.type.ndim, "roll")
    length = simplest(shape_i(x, axis))
    # Counted from the front, so that neither 0 nor a length of 0 needs care.
    cut = length - simplest(as_length(shift, "roll: shift")) % larger(length, 1)
    before: tuple[Any, ...] = (slice(None),) * axis
    rolled = join(axis, index(x, (*before, slice(cut, None))), index(x, (*before, slice(None, cut))))
    return patternbroadcast(rolled, x.type.broadcastable)


def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    """For each element of `a` the element at that place of choice number ``a[…]``, as NumPy's ``choose``.

    Parameters
    ----------
    a
        integers.
    choices
        a list of tensors, or one whose first dimension numbers the choices; they broadcast with `a`.
    out
        must be ``None``.
    mode
        what a number out of range does: ``raise`` an IndexError, ``wrap`` around, or be ``clip``-ped.
    """
    if out is not None:
        raise TypeError("choose: out must be None, expressions have no memory to write into")
    a = as_tensor_variable(a)
    if a.type.numpy_dtype.kind not in "iu":
        raise TypeError(f"choose: the first argument must hold integers, got {a} of type {a.type}")
    if isinstance(choices, list | tuple):
        parts = [as_tensor_variable(c) for c in choices]
        rank = max(c.type.ndim for c in parts)
        parts = [shape_padleft(c, rank - c.type.ndim) for c in parts]
        lengths = _common_lengths(parts)
        choices = stack([c if rank == 0 else alloc(c, *lengths) for c in parts])
    choices = as_tensor_variable(choices)
    if not choices.type.ndim:
        raise TypeError(
            f"choose: choices must be a list or a tensor with a first dimension, got {choices} of type {choices.type}"
        )
    number = within(a, shape_i(choices, 0), mode, "choose")
    rank = choices.type.ndim - 1
    if mode == "raise":
        from theano.tensor.assertion import Assert
        from theano.tensor.functions import ge
        from theano.tensor.reductions import all as tensor_all

        number = Assert("choose: numbers of choices must not be negative", ValueError)(number, tensor_all(ge(a, 0)))
    return index(choices, (number, *row_indices(shape_tuple(choices)[1:], rank)))


def _common_lengths(tensors: Sequence[Any]) -> list[Any]:
    """The lengths of tensors of one rank broadcast together, where types say what is stretched."""
    lengths = []
    for axis in range(tensors[0].type.ndim):
        fixed = [shape_i(t, axis) for t in tensors if not t.type.broadcastable[axis]]
        lengths.append(fixed[0] if fixed else constant(1, dtype="int64"))
    return lengths


@value_rule(Join)
def _join_value(node: Apply, known: Knowledge) -> Any:
    values = [known.value(x) for x in node.inputs]
    return known.value(np.array(values))


__all__ = [
    "Join",
    "Split",
    "choose",
    "concatenate",
    "horizontal_stack",
    "inverse_permutation",
    "join",
    "permute_row_elements",
    "repeat",
    "roll",
    "split",
    "stack",
    "stacklists",
    "tile",
    "vertical_stack",
]
