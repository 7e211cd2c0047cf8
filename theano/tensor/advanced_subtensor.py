"""Ops of advanced indexing: arrays of integers select elements as in NumPy, which copies them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply
from theano.graph.op import Op
from theano.tensor.disconnected import disconnected
from theano.tensor.elementwise import is_discrete
from theano.tensor.lengths import as_variables, simplest, slice_length
from theano.tensor.subtensor import (
    ARRAY,
    Slice,
    Storage,
    check_bounds,
    check_dynamic,
    derivative_of_change,
    fill_in,
    fit_value,
    gradients_of_change,
    index_text,
    normalized,
    numpy_key,
    slice_pattern,
    zero_gradient,
)
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable


def place_of_arrays(pattern: Sequence[Any]) -> int:
    """Where the dimensions of the index arrays go in the result.

    NumPy's rule: in place of the indices when those (integers among arrays count) are neighbours, else at the front.
    """
    places = [i for i, entry in enumerate(pattern) if not isinstance(entry, Slice)]
    return places[0] if places[-1] - places[0] + 1 == len(places) else 0


def with_arrays(pattern: Sequence[Any], sliced: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
    """What belongs to the result's dimensions, from what belongs to the sliced ones and to those of the arrays."""
    place = place_of_arrays(pattern)
    return [*sliced[:place], *arrays, *sliced[place:]]


def broadcast_rank(arrays: Sequence[Any]) -> int:
    """The rank of index arrays broadcast together."""
    return max(a.type.ndim for a in arrays)


def broadcast_lengths(arrays: Sequence[Any], shapes: Sequence[Sequence[Any]]) -> list[Any]:
    """The lengths of index arrays broadcast together, where any length 1 is stretched."""
    from theano.tensor.functions import eq, switch

    rank = broadcast_rank(arrays)
    lengths = []
    for axis in range(-rank, 0):
        length: Any = 1
        for array, shape in zip(arrays, shapes, strict=True):
            if array.type.ndim < -axis or array.type.broadcastable[axis]:
                continue
            n = simplest(shape[axis])
            if isinstance(length, int):
                length = n if length == 1 else length
            elif isinstance(n, int):
                length = n if n != 1 else length
            elif n is not length:
                length = switch(eq(length, 1), n, length)
        lengths.append(length)
    return lengths


def check_arrays(op: Op, key: Sequence[Any], shape: tuple[int, ...]) -> None:
    """Raise IndexError for the first index, in an array or alone, that is outside of its dimension."""
    for axis, (entry, length) in enumerate(zip(key, shape, strict=False)):
        if not isinstance(entry, slice):
            numbers = np.asarray(entry)
            wrong = numbers[(numbers < -length) | (numbers >= length)]
            check_bounds(op, (slice(None),) * axis + tuple(map(int, wrong[:1])), shape)


class _Selection(Op):
    """What both Ops that select by arrays share; `pattern` is an index with ``ARRAY`` and ``DYNAMIC`` parts."""

    pattern: tuple[Any, ...]

    def make_node(self, x: Any, *dynamic: Any) -> Apply:
        x = as_tensor_variable(x)
        inputs = check_dynamic(self, self.pattern, x, dynamic)
        arrays = self.arrays(inputs)
        sliced = [slice_pattern(e, x.type.broadcastable[i]) for i, e in enumerate(self.pattern) if isinstance(e, Slice)]
        sliced += x.type.broadcastable[len(self.pattern) :]
        stretched = [
            all(a.type.ndim < -axis or a.type.broadcastable[axis] for a in arrays)
            for axis in range(-broadcast_rank(arrays), 0)
        ]
        return Apply(self, [x, *inputs], [TensorType(x.type.dtype, with_arrays(self.pattern, sliced, stretched))()])

    def arrays(self, dynamic: Sequence[Any]) -> list[Any]:
        """Those of the dynamic inputs that are index arrays."""
        return [
            part for part, entry in zip(fill_in(self.pattern, dynamic), self.pattern, strict=True) if entry is ARRAY
        ]

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        x, *dynamic = inputs
        key = numpy_key(self.pattern, dynamic)
        try:
            output_storage[0][0] = np.asarray(x[key])
        except IndexError as error:
            check_arrays(self, key, x.shape)
            raise IndexError(f"{self} on an array of shape {x.shape}: {error}") from None

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        lengths = input_shapes[0]
        entries = fill_in(self.pattern, node.inputs[1:])
        sliced = [slice_length(*entry, lengths[i]) for i, entry in enumerate(entries) if isinstance(entry, Slice)]
        sliced += lengths[len(entries) :]
        shape_of = dict(zip(node.inputs, input_shapes, strict=True))
        arrays = self.arrays(node.inputs[1:])
        stretched = broadcast_lengths(arrays, [shape_of[a] for a in arrays])
        return [as_variables(with_arrays(self.pattern, sliced, stretched))]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def adder(self) -> Op:
        """The Op that adds to what this one selects."""
        return AdvancedIncSubtensor(self.pattern)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        x, *index = inputs
        if is_discrete(x.type.dtype):
            gradient = zero_gradient(x)
        else:
            gradient = self.adder()(x.zeros_like(), output_gradients[0], *index)
        return [gradient] + [disconnected() for _ in index]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0], *inputs[1:])]

    def __str__(self) -> str:
        return f"{type(self).__name__}{{{index_text(self.pattern)}}}"

    __repr__ = __str__


class AdvancedSubtensor(_Selection):
    """``x[…]`` with arrays of integers among the indices, with NumPy's meaning: inputs x, then the dynamic parts.

    Parameters
    ----------
    pattern
        an entry a dimension: ``ARRAY`` (an input), an integer, ``DYNAMIC`` (a scalar input), or a :class:`Slice`.
    """

    __props__ = ("pattern",)

    def __init__(self, pattern: Iterable[Any] = (ARRAY,)) -> None:
        self.pattern = normalized(pattern)
        if ARRAY not in self.pattern:
            raise ValueError(
                f"AdvancedSubtensor: no entry of the index [{index_text(self.pattern)}] is an array; use Subtensor"
            )


class AdvancedSubtensor1(_Selection):
    """The rows ``x[i]`` along the first dimension for the entries i of an integer vector."""

    __props__ = ()
    pattern = (ARRAY,)

    def __init__(self, sparse_grad: bool = False) -> None:
        self.sparse_grad = sparse_grad

    def make_node(self, x: Any, rows: Any) -> Apply:
        x, rows = as_tensor_variable(x), as_tensor_variable(rows)
        if rows.type.ndim != 1:
            raise TypeError(f"AdvancedSubtensor1: the index must be a vector, got {rows} of type {rows.type}")
        if not x.type.ndim:
            raise TypeError(f"AdvancedSubtensor1: cannot index {x} of type {x.type}, a scalar")
        return super().make_node(x, rows)

    def adder(self) -> Op:
        return AdvancedIncSubtensor1()

    def __str__(self) -> str:
        return "AdvancedSubtensor1"

    __repr__ = __str__


class _Change(Op):
    """What both Ops that change elements selected by arrays share: inputs x, y, then the dynamic parts.

    Added values accumulate where an element is selected several times; of replacing ones the last counts.
    """

    pattern: tuple[Any, ...]
    set_instead_of_inc: bool

    def taker(self) -> Op:
        """The Op that selects what this one changes."""
        return AdvancedSubtensor(self.pattern)

    def setter(self) -> Op:
        """The Op that replaces what this one changes."""
        return AdvancedIncSubtensor(self.pattern, set_instead_of_inc=True)

    def make_node(self, x: Any, y: Any, *dynamic: Any) -> Apply:
        x, y = as_tensor_variable(x), as_tensor_variable(y)
        part = self.taker().make_node(x, *dynamic)
        y = fit_value(self, x, y, part.outputs[0].type)
        return Apply(self, [x, y, *part.inputs[1:]], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        x, y, *dynamic = inputs
        key = numpy_key(self.pattern, dynamic)
        result = x.copy()
        try:
            if self.set_instead_of_inc:
                result[key] = y
            else:
                np.add.at(result, key, y)
        except (IndexError, ValueError) as error:
            check_arrays(self, key, x.shape)
            raise type(error)(
                f"{self} on an array of shape {x.shape} with a value of shape {y.shape}: {error}"
            ) from None
        output_storage[0][0] = result

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[0]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True]] + [[False]] * (len(node.inputs) - 2)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        x, y, *index = inputs
        return gradients_of_change(self, self.taker(), self.setter(), x, y, index, output_gradients[0])

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return derivative_of_change(self, inputs, eval_points)

    def __str__(self) -> str:
        return f"Advanced{'Set' if self.set_instead_of_inc else 'Inc'}Subtensor{{{index_text(self.pattern)}}}"

    __repr__ = __str__


class AdvancedIncSubtensor(_Change):
    """`x` with ``x[pattern]`` increased by `y`, or replaced: the counterpart of :class:`AdvancedSubtensor`."""

    __props__ = ("pattern", "set_instead_of_inc")

    def __init__(
        self, pattern: Iterable[Any] = (ARRAY,), set_instead_of_inc: bool = False, inplace: bool = False
    ) -> None:
        self.pattern = normalized(pattern)
        self.set_instead_of_inc = bool(set_instead_of_inc)


class AdvancedIncSubtensor1(_Change):
    """`x` with the rows that an integer vector names increased by `y`, or replaced."""

    __props__ = ("set_instead_of_inc",)
    pattern = (ARRAY,)

    def __init__(self, set_instead_of_inc: bool = False, inplace: bool = False) -> None:
        self.set_instead_of_inc = bool(set_instead_of_inc)

    def taker(self) -> Op:
        return AdvancedSubtensor1()

    def setter(self) -> Op:
        return AdvancedIncSubtensor1(set_instead_of_inc=True)

    def __str__(self) -> str:
        return f"Advanced{'Set' if self.set_instead_of_inc else 'Inc'}Subtensor1"

    __repr__ = __str__
