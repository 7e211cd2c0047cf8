"""The shape of a draw: from the argument `size`, or from the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Constant
from theano.scalar.table import rows
from theano.tensor.assertion import Assert
from theano.tensor.lengths import as_length
from theano.tensor.shape import shape_i
from theano.tensor.static import get_vector_length, static_integer, vector_entries
from theano.tensor.variable import as_tensor_variable


def _own_shape(x: Any, own_axes: int) -> list[Any]:
    """For each dimension of a parameter in front of its own axes its length, or ``None`` where it is stretched."""
    axes = range(x.type.ndim - own_axes)
    return [None if x.type.broadcastable[i] else shape_i(x, i) for i in axes]


def _common_shape(what: str, parameters: Sequence[Any], own_axes: Sequence[int], rank: int | None) -> list[Any]:
    """The shape that the parameters have together, `rank` dimensions at least."""
    shapes = [_own_shape(x, axes) for x, axes in zip(parameters, own_axes, strict=True)]
    most = max((len(s) for s in shapes), default=0)
    if rank is not None and rank < most:
        raise ValueError(f"{what}: ndim is {rank}, but a parameter has {most} dimensions")
    result: list[Any] = []
    for i in range(-max(most, rank or 0), 0):
        known = [s[i] for s in shapes if len(s) >= -i and s[i] is not None]
        result.append(as_length(known[0] if known else 1))
    return result


def lengths_of_draw(
    what: str, size: Any, ndim: int | None, parameters: Sequence[Any], own_axes: Sequence[int]
) -> list[Any]:
    """The shape of a draw as scalars, one a dimension.

    Parameters
    ----------
    what
        the draw, for messages.
    size, ndim
        as the user gave them.
    parameters, own_axes
        variables, and how many of the last dimensions of each do not belong to the shape.

    Raises
    ------
    TypeError
        `size` or `ndim` are not integers.
    ValueError
        they contradict each other or the parameters, or the number of dimensions is not known.
    """
    if ndim is not None and (isinstance(ndim, bool) or not isinstance(ndim, int | np.integer)):
        raise TypeError(f"{what}: ndim is an integer, not {ndim!r}")
    if size is None:
        return _common_shape(what, parameters, own_axes, ndim)
    if isinstance(size, int | np.integer):
        size = (size,)
    if isinstance(size, np.ndarray | Constant):
        size = np.atleast_1d(size.data if isinstance(size, Constant) else size)
        if size.ndim > 1 or (size.size and size.dtype.kind not in "iu"):
            raise TypeError(f"{what}: size is a vector of integers, got an array of shape {size.shape}, {size.dtype}")
        size = size.tolist()
    if not isinstance(size, list | tuple):
        size = as_tensor_variable(size)
        if size.type.ndim == 0:
            size = [size]
        else:
            size = _entries(what, size, ndim)
    lengths = [as_length(n, f"{what}: a length in size") for n in size]
    if ndim is not None and ndim != len(lengths):
        raise ValueError(f"{what}: size has {len(lengths)} dimensions, but ndim is {ndim}")
    for i, n in enumerate(lengths):
        known = static_integer(n)
        if known is not None and known < 0:
            if known != -1:
                raise ValueError(f"{what}: lengths must not be negative, got {known} in size")
            lengths[i] = _common_shape(what, parameters, own_axes, len(lengths))[i]
    for x, axes in zip(parameters, own_axes, strict=True):
        _check_fit(what, x, _own_shape(x, axes), lengths)
    return lengths


def _check_fit(what: str, x: Any, shape: list[Any], lengths: Sequence[Any]) -> None:
    """Refuse a parameter that is known not to broadcast to the shape of the draw."""
    missing = len(lengths) - len(shape)
    if missing < 0:
        raise ValueError(
            f"{what}: size has {len(lengths)} dimensions, which the parameter {x} of type {x.type} exceeds"
        )
    wanted = [static_integer(n) for n in lengths[missing:]]
    found = [None if n is None else static_integer(n) for n in shape]
    if any(None not in (n, m) and n != m for n, m in zip(found, wanted, strict=True)):
        raise ValueError(
            f"{what}: the parameter {x} of shape {_shown(found, 1)} does not broadcast to size "
            f"{_shown([static_integer(n) for n in lengths], '?')}"
        )


def _shown(lengths: Sequence[int | None], unknown: Any) -> str:
    return f"({', '.join(str(unknown if n is None else n) for n in lengths)})"


def _entries(what: str, size: Any, ndim: int | None) -> Sequence[Any]:
    """The entries of a vector."""
    if size.type.ndim != 1 or size.type.numpy_dtype.kind not in "iu":
        raise TypeError(f"{what}: size is a vector of integers, got {size} of type {size.type}")
    try:
        return vector_entries(size, get_vector_length(size))
    except ValueError:
        if ndim is None:
            raise ValueError(
                f"{what}: the number of dimensions is not known from size, {size} of type {size.type}: give ndim"
            ) from None
    right = Assert(f"{what}: size does not have as many entries as ndim says, {ndim}", ValueError)
    size = right(size, rows.eq(shape_i(size, 0), np.int64(ndim)))
    return [size[i] for i in range(ndim)]
