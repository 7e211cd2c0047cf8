"""Indexing: what ``x[…]`` means for a symbolic tensor, and expressions with a part of an array changed.

Integers and slices (parts may be symbolic) give a :class:`Subtensor`, arrays of integers among them an
:class:`AdvancedSubtensor`; ``None`` and ``...`` are resolved before, by DimShuffle and by counting. A boolean mask
stands for the indices of its true elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.op import Op
from theano.tensor.advanced_subtensor import (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
)
from theano.tensor.assertion import Assert
from theano.tensor.elementwise import DimShuffle
from theano.tensor.lengths import as_length, normalize_axis, static_integer
from theano.tensor.shape import Reshape, dimshuffle, flatten, shape_i, shape_tuple
from theano.tensor.subtensor import ARRAY, DYNAMIC, FULL, IncSubtensor, Slice, Subtensor, normalized, zero_gradient
from theano.tensor.type import TensorType
from theano.tensor.variable import AsTensorError, as_tensor_variable, constant

# ---- x[key]


def index(x: Any, key: Any) -> Any:
    """``x[key]`` with NumPy's meaning.

    Parameters
    ----------
    x
        a tensor.
    key
        an entry or a tuple of entries: integers and integer scalars, slices of such, ``None``, ``...``, integer arrays
        (lists, NumPy, symbolic), boolean masks (NumPy, symbolic of dtype bool).

    Raises
    ------
    IndexError
        more indices than dimensions; at run time, an index out of range or a mask of another shape.
    TypeError
        an entry that is nothing of these.
    """
    x = as_tensor_variable(x)
    entries = [_as_entry(x, e) for e in (key if isinstance(key, tuple) else (key,))]
    entries = _without_ellipsis(x, entries)

    order: list[Any] = []  # the dimensions of x, and 'x' for new ones, that the entries of `resolved` belong to
    resolved: list[Any] = []
    axis = 0
    for entry in entries:
        if entry is None:
            order.append("x")
            resolved.append(FULL)
        elif _is_mask(entry):
            parts = _indices_of_mask(x, entry, axis)
            order += range(axis, axis + entry.type.ndim) if entry.type.ndim else ["x"]
            resolved += parts
            axis += entry.type.ndim
        else:
            order.append(axis)
            resolved.append(entry)
            axis += 1
    order += range(axis, x.type.ndim)
    arranged = dimshuffle(x, order)
    if (
        arranged is not x
        and all(entry == FULL for entry in resolved if isinstance(entry, Slice))
        and _all_slices(resolved)
    ):
        return arranged
    return _select(arranged, resolved)


def _all_slices(entries: Sequence[Any]) -> bool:
    return all(isinstance(entry, Slice) for entry in entries)


def _select(x: Any, entries: Sequence[Any]) -> Any:
    """Apply the Op for entries that are integers, scalars, arrays or slices."""
    idx_list: list[Any] = []
    dynamic: list[Any] = []

    def kind_of(part: Any) -> Any:
        if not isinstance(part, Variable):
            return part
        dynamic.append(part)
        return ARRAY if part.type.ndim else DYNAMIC  # type: ignore[attr-defined]

    for entry in entries:
        idx_list.append(Slice(*map(kind_of, entry)) if isinstance(entry, Slice) else kind_of(entry))
    pattern = normalized(idx_list)
    if ARRAY not in pattern:
        return Subtensor(pattern)(x, *dynamic)
    if pattern == (ARRAY,) and dynamic[0].type.ndim == 1:
        return AdvancedSubtensor1()(x, *dynamic)
    return AdvancedSubtensor(pattern)(x, *dynamic)


def _as_entry(x: Any, entry: Any) -> Any:
    """An entry of a key as ``None``, ``...``, a :class:`Slice`, an integer, or a variable of integers or bools."""
    if entry is None or entry is Ellipsis:
        return entry
    if isinstance(entry, slice):
        return Slice(*(_as_slice_part(x, part) for part in (entry.start, entry.stop, entry.step)))
    known = static_integer(entry)
    if known is not None:
        return known
    if isinstance(entry, list | tuple) and not np.size(np.asarray(entry, dtype=object)):
        entry = np.zeros(np.shape(entry), dtype="int64")
    try:
        variable = as_tensor_variable(entry)
    except AsTensorError as error:
        raise TypeError(f"{x}[…]: cannot use {entry!r} of type {type(entry).__name__} as an index: {error}") from None
    if variable.type.numpy_dtype.kind not in "biu":
        raise TypeError(
            f"{x}[…]: an index must hold integers or bools, got {variable} of type {variable.type}. "
            f"T.cast(…, 'int64') converts it."
        )
    return variable


def _as_slice_part(x: Any, part: Any) -> Any:
    if part is None:
        return None
    known = static_integer(part)
    if known is not None:
        return known
    try:
        return as_length(part, "a part of a slice")
    except AsTensorError:
        raise TypeError(f"{x}[…]: a part of a slice must be an integer or an integer scalar, got {part!r}") from None


def _is_mask(entry: Any) -> bool:
    return isinstance(entry, Variable) and entry.type.numpy_dtype.kind == "b"  # type: ignore[attr-defined]


def _without_ellipsis(x: Any, entries: list[Any]) -> list[Any]:
    """The entries with ``...`` written as full slices."""
    places = [i for i, entry in enumerate(entries) if entry is Ellipsis]
    if len(places) > 1:
        raise IndexError(f"{x}[…]: an index can have only one ellipsis ('...')")
    used = sum(e.type.ndim if _is_mask(e) else 1 for e in entries if e is not None and e is not Ellipsis)
    if used > x.type.ndim:
        raise IndexError(
            f"{x}[…]: too many indices: {used} for a tensor of type {x.type}, which has {x.type.ndim} dimensions"
        )
    if places:
        (place,) = places
        entries = entries[:place] + [FULL] * (x.type.ndim - used) + entries[place + 1 :]
    return entries


def _indices_of_mask(x: Any, mask: Any, axis: int) -> list[Any]:
    """A mask over dimensions `axis`… of `x` as index vectors, one a dimension; one for a single truth value."""
    if not mask.type.ndim:
        return list(nonzero(dimshuffle(mask, "x")))
    if isinstance(mask, Constant):
        indices = [constant(i, dtype="int64") for i in np.nonzero(mask.data)]
    else:
        indices = list(nonzero(mask))
    message = (
        f"a boolean index of type {mask.type} must have the lengths of what it indexes: {x} from dimension {axis} on"
    )
    conditions = []
    for i in range(mask.type.ndim):
        have, want = shape_i(mask, i), shape_i(x, axis + i)
        if isinstance(have, Constant) and isinstance(want, Constant):
            if int(have.data) != int(want.data):
                raise IndexError(f"{message}: length {int(have.data)} for a dimension of length {int(want.data)}")
        else:
            from theano.tensor.functions import eq

            conditions.append(eq(have, want))
    if conditions:
        indices[0] = Assert(message, IndexError)(indices[0], *conditions)
    return indices


# ---- x with x[key] changed


def set_subtensor(x: Any, y: Any, inplace: bool = False, tolerate_inplace_aliasing: bool = False) -> Any:
    """The array of which `x` is a part, with that part replaced by `y`: NumPy's ``r[key] = y`` as an expression.

    Parameters
    ----------
    x
        the result of indexing: ``r[key]``.
    y
        broadcasts to the shape of `x`; it is converted to the dtype of `x`. For its gradient its type must know
        which lengths are stretched (see :func:`addbroadcast`).
    inplace, tolerate_inplace_aliasing
        accepted as in Theano 1.0; memory is reused where that is safe anyway.

    Returns
    -------
    an array like ``r`` (with the dimensions that a ``None`` in the key inserted).

    >>> import theano.tensor as T
    >>> r = T.dvector("r")
    >>> set_subtensor(r[1:], 0.0).eval({r: [1.0, 2.0, 3.0]})
    array([1., 0., 0.])
    """
    return _change(x, y, set_instead_of_inc=True)


def inc_subtensor(
    x: Any, y: Any, inplace: bool = False, set_instead_of_inc: bool = False, tolerate_inplace_aliasing: bool = False
) -> Any:
    """The array of which `x` is a part, with `y` added to that part: NumPy's ``r[key] += y`` as an expression.

    Where an array of integers in the key names an element several times, all of its additions count. For the arguments
    see :func:`set_subtensor`.
    """
    return _change(x, y, set_instead_of_inc)


def _change(x: Any, y: Any, set_instead_of_inc: bool) -> Any:
    what = "set_subtensor" if set_instead_of_inc else "inc_subtensor"
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if y.type.ndim > x.type.ndim:
        raise TypeError(f"{what}: the part {x} has rank {x.type.ndim}, so {y} of type {y.type} does not fit into it")
    node = x.owner
    op = None if node is None else node.op
    if isinstance(op, Subtensor):
        base, *dynamic = node.inputs
        return IncSubtensor(op.idx_list, set_instead_of_inc=set_instead_of_inc)(base, y, *dynamic)
    if isinstance(op, AdvancedSubtensor1):
        return AdvancedIncSubtensor1(set_instead_of_inc)(node.inputs[0], y, *node.inputs[1:])
    if isinstance(op, AdvancedSubtensor):
        return AdvancedIncSubtensor(op.pattern, set_instead_of_inc)(node.inputs[0], y, *node.inputs[1:])
    if isinstance(op, DimShuffle):
        return _change_behind_dimshuffle(x, y, set_instead_of_inc)
    if isinstance(op, Reshape):
        (inner, _) = node.inputs
        if y.type.ndim:
            from theano.tensor.creation import alloc

            y = Reshape(inner.type.ndim)(alloc(y, *shape_tuple(x)), shape_tuple(inner))
        return _change(inner, y, set_instead_of_inc)
    raise TypeError(
        f"{what}: the first argument must be the result of indexing, as in {what}(r[key], value); {x} is "
        + (f"made by {op}" if op is not None else "no result of an operation")
    )


def _change_behind_dimshuffle(x: Any, y: Any, set_instead_of_inc: bool) -> Any:
    """Change a part that was dimshuffled, ``r.T[i].T``: dimshuffle the value back, change, dimshuffle all alike."""
    op: DimShuffle = x.owner.op
    (inner,) = x.owner.inputs
    padded = dimshuffle(y, ["x"] * (x.type.ndim - y.type.ndim) + list(range(y.type.ndim)))
    from theano.tensor.shape import addbroadcast

    padded = addbroadcast(padded, *op.augment)
    back = [op.new_order.index(i) if i in op.new_order else "x" for i in range(inner.type.ndim)]
    changed = _change(inner, dimshuffle(padded, back), set_instead_of_inc)
    if changed.type.ndim == len(op.input_broadcastable):
        return dimshuffle(changed, op.new_order)
    return changed


# ---- where elements are not zero


class Nonzero(Op):
    """The indices of the elements that are not zero: an int64 vector a dimension."""

    __props__ = ()

    def make_node(self, a: Any) -> Apply:
        a = as_tensor_variable(a)
        if not a.type.ndim:
            raise ValueError(f"nonzero takes arrays, got the scalar {a} of type {a.type}")
        return Apply(self, [a], [TensorType("int64", (False,))() for _ in range(a.type.ndim)])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        for cell, indices in zip(output_storage, np.nonzero(inputs[0]), strict=True):
            cell[0] = np.asarray(indices, dtype="int64")

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (a,) = inputs
        return [zero_gradient(a)]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None for _ in range(inputs[0].type.ndim)]


def nonzero(a: Any, return_matrix: bool = False) -> Any:
    """The indices of the elements of `a` that are not zero, in row-major order.

    Parameters
    ----------
    return_matrix
        give one int64 matrix with a row a dimension, instead of a tuple of vectors.

    Raises
    ------
    ValueError
        when `a` is a scalar.
    """
    indices = Nonzero()(a, return_list=True)
    if return_matrix:
        from theano.tensor.joining import stack

        return stack(indices, 0)
    return tuple(indices)


def flatnonzero(a: Any) -> Any:
    """The positions, in the flattened array, of the elements that are not zero: an int64 vector."""
    a = as_tensor_variable(a)
    if not a.type.ndim:
        raise ValueError(f"flatnonzero takes arrays, got the scalar {a} of type {a.type}")
    return nonzero(flatten(a))[0]


def nonzero_values(a: Any) -> Any:
    """The elements of `a` that are not zero, as a vector."""
    a = as_tensor_variable(a)
    return flatten(a)[flatnonzero(a)]


# ---- taking along an axis


def within(indices: Any, length: Any, mode: str, what: str) -> Any:
    """Indices brought into ``0 … length - 1`` as `mode` says, ``clip`` or ``wrap``; ``raise`` leaves them alone."""
    if mode == "raise":
        return indices
    from theano.tensor.functions import clip

    if mode == "clip":
        return clip(indices, 0, length - 1)
    if mode == "wrap":
        return indices % length
    raise ValueError(f"{what}: mode must be 'raise', 'wrap' or 'clip', got {mode!r}")


def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The elements of `a` at `indices` along an axis, as NumPy's ``take``.

    Parameters
    ----------
    indices
        integers of any rank; their dimensions take the place of the axis.
    axis
        ``None``: positions in the flattened array.
    mode
        what an index out of range does: ``raise`` an IndexError, ``wrap`` around, or be ``clip``-ped to the nearest.
    """
    a, indices = as_tensor_variable(a), as_tensor_variable(indices)
    if indices.type.numpy_dtype.kind not in "iu":
        raise TypeError(f"take: indices must be integers, got {indices} of type {indices.type}")
    if axis is None:
        a, axis = flatten(a), 0
    axis = normalize_axis(axis, a.type.ndim, "take")
    return index(a, (slice(None),) * axis + (within(indices, shape_i(a, axis), mode, "take"),))


__all__ = [
    "AdvancedIncSubtensor",
    "AdvancedIncSubtensor1",
    "AdvancedSubtensor",
    "AdvancedSubtensor1",
    "IncSubtensor",
    "Nonzero",
    "Subtensor",
    "flatnonzero",
    "inc_subtensor",
    "nonzero",
    "nonzero_values",
    "set_subtensor",
    "take",
]
