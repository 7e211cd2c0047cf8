"""Repeating and permuting the elements of an array: tile, repeat, permutations of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Variable
from theano.tensor.creation import alloc, arange, zeros
from theano.tensor.disconnected import DisconnectedOp
from theano.tensor.indexing import index, set_subtensor, take
from theano.tensor.lengths import (
    as_length,
    as_lengths,
    as_shape_vector,
    normalize_axis,
    product,
    simplest,
    static_integer,
)
from theano.tensor.shape import (
    dimshuffle,
    flatten,
    patternbroadcast,
    reshape,
    shape_i,
    shape_padaxis,
    shape_padleft,
    shape_tuple,
)
from theano.tensor.static import vector_entries
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable, constant

Storage = list[list[Any]]


# ---- tile and repeat


def tile(x: Any, reps: Any, ndim: int | None = None) -> Any:
    """`x` repeated as a whole, `reps` times along each dimension, as NumPy's ``tile``.

    Parameters
    ----------
    reps
        a number, a list of integers and integer scalars, or an integer vector (with `ndim` unless its length is known).
        The shorter of `reps` and the shape of `x` is filled up with 1s on the left.
    ndim
        rank of the result, at least that of `x` and the length of `reps`.
    """
    x = as_tensor_variable(x)
    if ndim is not None and ndim < x.type.ndim:
        raise ValueError(f"tile: ndim {ndim} is less than the rank {x.type.ndim} of {x}")
    if isinstance(reps, Variable) and reps.type.ndim == 1 and ndim is not None:  # type: ignore[attr-defined]
        times = [as_length(n, "tile: reps") for n in _entries_of_tile(reps, ndim)]
    else:
        times = as_lengths(reps, "tile: reps")
    if ndim is not None and len(times) > ndim:
        raise ValueError(f"tile: reps has {len(times)} entries, which is more than ndim {ndim}")
    rank = max(x.type.ndim, len(times), ndim or 0)
    one = constant(1, dtype="int64")
    times = [one] * (rank - len(times)) + times
    x = shape_padleft(x, rank - x.type.ndim)
    if all(static_integer(n) == 1 for n in times):
        return x
    lengths = shape_tuple(x)
    apart: list[Any] = []
    order: list[Any] = []
    for axis, (n, length) in enumerate(zip(times, lengths, strict=True)):
        order += ["x", axis]
        apart += [n, length]
    return reshape(
        alloc(dimshuffle(x, order), *apart), [product(pair) for pair in zip(times, lengths, strict=True)], rank
    )


def _entries_of_tile(reps: Any, ndim: int) -> Sequence[Any]:
    try:
        return as_lengths(reps, "tile: reps")
    except ValueError:
        return vector_entries(reps, ndim)


class RepeatIndices(DisconnectedOp):
    """Each number i of ``0 … n - 1`` as often as a vector of counts says, in order: inputs counts (int64) and n."""

    __props__ = ()

    def make_node(self, counts: Any, n: Any) -> Apply:
        counts = as_tensor_variable(counts)
        if counts.type.ndim != 1 or counts.type.numpy_dtype.kind not in "iu":
            raise TypeError(
                f"repeat: repeats must be an integer or a vector of integers, got {counts} of type {counts.type}"
            )
        return Apply(self, [as_shape_vector(counts), as_length(n)], [TensorType("int64", (False,))()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        counts, n = inputs
        if len(counts) != n or (counts < 0).any():
            raise ValueError(
                f"repeat: {int(n)} numbers of repeats (none negative) are needed, as long is the axis; got {counts}"
            )
        output_storage[0][0] = np.repeat(np.arange(n), counts)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        from theano.tensor.reductions import sum as tensor_sum

        return [(tensor_sum(node.inputs[0]),)]


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element (slice along `axis`) of `x` repeated, as NumPy's ``repeat``.

    Parameters
    ----------
    repeats
        an integer scalar, or an integer vector with a count for each element along the axis.
    axis
        ``None``: the flattened array.
    """
    x, repeats = as_tensor_variable(x), as_tensor_variable(repeats)
    if repeats.type.ndim > 1:
        raise ValueError(f"repeat: repeats must be a scalar or a vector, got {repeats} of type {repeats.type}")
    if axis is None:
        x, axis = flatten(x), 0
    axis = normalize_axis(axis, x.type.ndim, "repeat")
    if repeats.type.ndim == 1 and not repeats.type.broadcastable[0]:
        return take(x, RepeatIndices()(repeats, shape_i(x, axis)), axis=axis)
    times = as_length(repeats, "repeat: repeats")
    lengths = list(shape_tuple(x))
    apart = alloc(shape_padaxis(x, axis + 1), *lengths[: axis + 1], times, *lengths[axis + 1 :])
    lengths[axis] = as_length(product([lengths[axis], times]))
    return reshape(apart, lengths, x.type.ndim)


# ---- permutations


def row_indices(lengths: Sequence[Any], rank: int) -> list[Any]:
    """For each dimension but the last of a rank the numbers along it, shaped to broadcast with the last one's."""
    return [
        dimshuffle(arange(n), ["x"] * i + [0] + ["x"] * (rank - 1 - i))
        if simplest(n) != 1
        else constant(0, ndim=rank, dtype="int64")
        for i, n in enumerate(lengths)
    ]


def permute_row_elements(x: Any, y: Any, inverse: Any = 0) -> Any:
    """The rows (last dimension) of `x` permuted: element j of a row becomes element ``y[j]`` of that row of `x`.

    Parameters
    ----------
    x
        any rank from 1 on.
    y
        integers; each row is a permutation. Dimensions before the last broadcast with those of `x`.
    inverse
        true: apply the inverse permutations (element ``y[j]`` of the result is element j of the row).
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if y.type.numpy_dtype.kind not in "iu" or not y.type.ndim or not x.type.ndim:
        raise TypeError(
            f"permute_row_elements takes arrays, the permutations integers; got types {x.type} and {y.type}"
        )
    if inverse:
        y = inverse_permutation(y)
    rank = max(x.type.ndim, y.type.ndim)
    x, y = shape_padleft(x, rank - x.type.ndim), shape_padleft(y, rank - y.type.ndim)
    return index(x, (*row_indices(shape_tuple(x)[:-1], rank), y))


def inverse_permutation(perm: Any) -> Any:
    """The inverse of each row (last dimension) of permutations: ``inverse[perm[j]] = j``."""
    perm = as_tensor_variable(perm)
    if perm.type.numpy_dtype.kind not in "iu" or not perm.type.ndim:
        raise TypeError(f"inverse_permutation takes integers, in a vector at least; got {perm} of type {perm.type}")
    lengths = shape_tuple(perm)
    everywhere = zeros(lengths, dtype=perm.type.dtype)
    part = index(everywhere, (*row_indices(lengths[:-1], perm.type.ndim), perm))
    return patternbroadcast(set_subtensor(part, arange(lengths[-1], dtype=perm.type.dtype)), perm.type.broadcastable)
