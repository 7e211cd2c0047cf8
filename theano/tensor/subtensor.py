"""Ops of basic indexing: integers and slices select a part of an array (Subtensor), or change it (IncSubtensor).

The Ops carry what is static about an index; parts known only at run time are further inputs. See
``theano.tensor.indexing`` for how ``x[...]`` becomes such an Op.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from theano.configuration import config
from theano.graph.basic import Apply, Constant
from theano.graph.op import Op
from theano.tensor.disconnected import disconnected
from theano.tensor.elementwise import fit_gradient, is_discrete
from theano.tensor.lengths import as_length, as_variables, slice_length
from theano.tensor.shape import addbroadcast, shape_padleft
from theano.tensor.static import (
    Knowledge,
    NotScalarConstantError,
    entries_rule,
    length_rule,
    value_rule,
)
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable, constant

Storage = list[list[Any]]


class IndexPart(Enum):
    """A part of an index that is an input of the node: an integer, or an array of integers."""

    DYNAMIC = "int64"
    ARRAY = "array"

    def __repr__(self) -> str:
        return self.value


DYNAMIC = IndexPart.DYNAMIC
ARRAY = IndexPart.ARRAY


class Slice(NamedTuple):
    """A slice whose parts are ``None``, integers, or ``DYNAMIC``."""

    start: Any = None
    stop: Any = None
    step: Any = None

    def __str__(self) -> str:
        text = ":".join("" if part is None else _part_text(part) for part in (self.start, self.stop))
        return text if self.step is None else f"{text}:{_part_text(self.step)}"


FULL = Slice()


def _part_text(part: Any) -> str:
    return part.value if isinstance(part, IndexPart) else str(part)


def index_text(idx_list: Iterable[Any]) -> str:
    """An index as one writes it, dynamic parts given by their kind."""
    return ", ".join(_part_text(entry) for entry in idx_list)


def normalized(idx_list: Iterable[Any]) -> tuple[Any, ...]:
    """Entries in the one form that equal indices have; full slices at the end, which mean nothing, dropped."""
    entries: list[Any] = []
    for entry in idx_list:
        if isinstance(entry, slice):
            entry = Slice(entry.start, entry.stop, entry.step)
        if isinstance(entry, Slice):
            entry = _normalized_slice(entry)
        elif not isinstance(entry, IndexPart):
            entry = int(entry)
        entries.append(entry)
    while entries and entries[-1] == FULL and isinstance(entries[-1], Slice):
        entries.pop()
    return tuple(entries)


def _normalized_slice(entry: Slice) -> Slice:
    start, stop, step = (part if part is None or isinstance(part, IndexPart) else int(part) for part in entry)
    if step == 0:
        raise ValueError(f"the step of a slice cannot be 0: [{Slice(start, stop, step)}]")
    step = None if step == 1 else step
    if start == 0 and (step is None or (isinstance(step, int) and step > 0)):
        start = None
    return Slice(start, stop, step)


def count_dynamic(idx_list: Iterable[Any]) -> int:
    """How many parts of an index are inputs."""
    return sum(
        part is DYNAMIC or part is ARRAY
        for entry in idx_list
        for part in (entry if isinstance(entry, Slice) else (entry,))
    )


def fill_in(idx_list: Iterable[Any], dynamic: Iterable[Any]) -> list[Any]:
    """The entries with each dynamic part replaced by the next of `dynamic`; slices stay :class:`Slice`."""
    following: Iterator[Any] = iter(dynamic)

    def part(p: Any) -> Any:
        return next(following) if isinstance(p, IndexPart) else p

    return [Slice(*map(part, entry)) if isinstance(entry, Slice) else part(entry) for entry in idx_list]


def numpy_key(idx_list: Iterable[Any], dynamic: Iterable[Any]) -> tuple[Any, ...]:
    """The index for a NumPy array, from the run-time values of the dynamic parts."""

    def plain(p: Any) -> Any:
        return int(p) if isinstance(p, np.ndarray) and p.ndim == 0 else p

    return tuple(
        slice(*map(plain, entry)) if isinstance(entry, Slice) else plain(entry) for entry in fill_in(idx_list, dynamic)
    )


def slice_pattern(entry: Slice, broadcastable: bool) -> bool:
    """Whether a slice of a dimension has a length known to be 1."""
    if not broadcastable or any(isinstance(part, IndexPart) for part in entry):
        return False
    return len(range(*slice(*entry).indices(1))) == 1


def check_dynamic(op: Op, idx_list: Sequence[Any], x: Any, dynamic: Sequence[Any]) -> list[Any]:
    """The dynamic inputs converted: int64 scalars, or integer arrays where the index says ``ARRAY``."""
    wanted = count_dynamic(idx_list)
    if len(dynamic) != wanted:
        raise ValueError(f"{op} takes {wanted} index inputs, got {len(dynamic)}")
    if len(idx_list) > x.type.ndim:
        raise IndexError(
            f"{op}: too many indices ({len(idx_list)}) for {x} of type {x.type}, which has {x.type.ndim} dimensions"
        )
    kinds = [p for e in idx_list for p in (e if isinstance(e, Slice) else (e,)) if isinstance(p, IndexPart)]
    converted = []
    for kind, part in zip(kinds, dynamic, strict=True):
        if kind is DYNAMIC:
            converted.append(as_length(part, "an index"))
            continue
        part = as_tensor_variable(part)
        if part.type.numpy_dtype.kind not in "iu":
            raise TypeError(f"{op}: an index array must hold integers, got {part} of type {part.type}")
        converted.append(part)
    return converted


def fit_value(op: Op, x: Any, y: Any, part: TensorType) -> Any:
    """`y` as what is put into a part of `x` of type `part`: its rank and the dtype of `x`; it still may broadcast."""
    if y.type.ndim > part.ndim:
        raise ValueError(
            f"{op}: the part x[…] has rank {part.ndim}, so {y} of type {y.type} and rank {y.type.ndim} does not fit in"
        )
    y = shape_padleft(y, part.ndim - y.type.ndim)
    # A dimension of length 1 takes only length 1: said now, checked at run time.
    y = addbroadcast(y, *(i for i, flag in enumerate(part.broadcastable) if flag))
    if y.type.dtype != x.type.dtype:
        if y.type.numpy_dtype.kind == "c" and x.type.numpy_dtype.kind != "c":
            raise TypeError(f"{op}: complex values ({y} of type {y.type}) do not fit into {x} of type {x.type}")
        if isinstance(y, Constant):
            y = constant(y.data.astype(x.type.numpy_dtype))
        else:
            from theano.tensor.functions import cast

            y = cast(y, x.type.dtype)
    return y


def check_fits(op: Op, value: np.ndarray, part_shape: tuple[int, ...]) -> None:
    """Raise when `value` does not broadcast to the shape of the part that it goes to."""
    if any(n not in (1, m) for n, m in zip(value.shape, part_shape, strict=True)):
        raise ValueError(f"{op}: a value of shape {value.shape} does not fit a part of shape {part_shape}")


def zero_gradient(x: Any) -> Any:
    """The gradient with respect to a discrete variable."""
    return x.zeros_like(dtype=config.floatX)


class Subtensor(Op):
    """A part of an array, selected by integers and slices: a view.

    Parameters
    ----------
    idx_list
        an entry a dimension (trailing ones may be missing): an integer, ``DYNAMIC``, or a :class:`Slice` of these
        and ``None``. The dynamic parts are inputs after the array, in this order.
    """

    __props__ = ("idx_list",)
    view_map = {0: [0]}

    def __init__(self, idx_list: Iterable[Any]) -> None:
        self.idx_list = normalized(idx_list)

    def make_node(self, x: Any, *dynamic: Any) -> Apply:
        x = as_tensor_variable(x)
        inputs = check_dynamic(self, self.idx_list, x, dynamic)
        pattern = [
            slice_pattern(entry, flag)
            for entry, flag in zip(self.idx_list, x.type.broadcastable, strict=False)
            if isinstance(entry, Slice)
        ]
        pattern += x.type.broadcastable[len(self.idx_list) :]
        return Apply(self, [x, *inputs], [TensorType(x.type.dtype, pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        x, *dynamic = inputs
        key = numpy_key(self.idx_list, dynamic)
        check_bounds(self, key, x.shape)
        output_storage[0][0] = np.asarray(x[key])

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        lengths = input_shapes[0]
        entries = fill_in(self.idx_list, node.inputs[1:])
        kept = [slice_length(*entry, n) for entry, n in zip(entries, lengths, strict=False) if isinstance(entry, Slice)]
        return [as_variables(kept) + tuple(lengths[len(entries) :])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        x, *dynamic = inputs
        if is_discrete(x.type.dtype):
            gradient = zero_gradient(x)
        else:
            gradient = IncSubtensor(self.idx_list)(x.zeros_like(), output_gradients[0], *dynamic)
        return [gradient] + [disconnected() for _ in dynamic]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0], *inputs[1:])]

    def __str__(self) -> str:
        return f"Subtensor{{{index_text(self.idx_list)}}}"

    __repr__ = __str__


def check_bounds(op: Op, key: Sequence[Any], shape: Sequence[int]) -> None:
    """Raise IndexError for an integer of `key` that is outside of its dimension."""
    for axis, (entry, length) in enumerate(zip(key, shape, strict=False)):
        if isinstance(entry, int) and not -length <= entry < length:
            raise IndexError(
                f"{op}: index {entry} is out of bounds for dimension {axis} of length {length} (shape {tuple(shape)})"
            )
        if isinstance(entry, slice) and entry.step == 0:
            raise ValueError(f"{op}: the step of the slice of dimension {axis} is 0")


class IncSubtensor(Op):
    """An array with a part increased by a value, or replaced (``set_instead_of_inc``): inputs x, y, dynamic parts.

    `y` is brought to the rank and dtype of ``x[idx_list]`` and may have length 1 where that is longer.
    """

    __props__ = ("idx_list", "set_instead_of_inc")

    def __init__(
        self,
        idx_list: Iterable[Any],
        inplace: bool = False,
        set_instead_of_inc: bool = False,
        destroyhandler_tolerate_aliased: Any = None,
    ) -> None:
        self.idx_list = normalized(idx_list)
        self.set_instead_of_inc = bool(set_instead_of_inc)

    def make_node(self, x: Any, y: Any, *dynamic: Any) -> Apply:
        x, y = as_tensor_variable(x), as_tensor_variable(y)
        part = Subtensor(self.idx_list).make_node(x, *dynamic)
        y = fit_value(self, x, y, part.outputs[0].type)
        return Apply(self, [x, y, *part.inputs[1:]], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        x, y, *dynamic = inputs
        key = numpy_key(self.idx_list, dynamic)
        check_bounds(self, key, x.shape)
        result = x.copy()
        part = result[(*key, Ellipsis)]
        check_fits(self, y, part.shape)
        if self.set_instead_of_inc:
            part[...] = y
        else:
            part += y
        output_storage[0][0] = result

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[0]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True]] + [[False]] * (len(node.inputs) - 2)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        x, y, *dynamic = inputs
        take = Subtensor(self.idx_list)
        replace = IncSubtensor(self.idx_list, set_instead_of_inc=True)
        return gradients_of_change(self, take, replace, x, y, dynamic, output_gradients[0])

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return derivative_of_change(self, inputs, eval_points)

    def __str__(self) -> str:
        return f"{'Set' if self.set_instead_of_inc else 'Inc'}Subtensor{{{index_text(self.idx_list)}}}"

    __repr__ = __str__


def gradients_of_change(op: Any, take: Op, replace: Op, x: Any, y: Any, index: Sequence[Any], gz: Any) -> list[Any]:
    """Gradients of "x with the part `index` changed by y": gz, without the part if that was replaced; and gz's part."""
    if is_discrete(x.type.dtype):
        return [zero_gradient(x), zero_gradient(y)] + [disconnected() for _ in index]
    gx = replace(gz, constant(0, dtype=gz.type.dtype), *index) if op.set_instead_of_inc else gz
    gy = zero_gradient(y) if is_discrete(y.type.dtype) else fit_gradient(take(gz, *index), y)
    return [gx, gy] + [disconnected() for _ in index]


def derivative_of_change(op: Op, inputs: Sequence[Any], eval_points: Sequence[Any]) -> list[Any]:
    """The directional derivative of an Op that changes a part of its first input by its second one."""
    x, y, *index = inputs
    if eval_points[0] is None and eval_points[1] is None:
        return [None]
    along = [v.zeros_like() if point is None else point for v, point in zip((x, y), eval_points[:2], strict=True)]
    return [op(*along, *index)]


def __getattr__(name: str) -> Any:
    """All else of indexing, which Theano 1.0 had in its module of this name."""
    from theano.tensor import indexing

    if name in indexing.__all__:
        return getattr(indexing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# ---- what is known of subscripted vectors


def _static_part(node: Apply, known: Knowledge) -> int | slice | None:
    """The index of a node on a vector as a Python integer or slice, when it is static."""
    if node.inputs[0].type.ndim != 1:
        return None
    if not node.op.idx_list:
        return slice(None)
    (template,) = node.op.idx_list
    (entry,) = fill_in(node.op.idx_list, map(known.integer, node.inputs[1:]))
    if not isinstance(template, Slice):
        return entry
    if any(kind is DYNAMIC and part is None for kind, part in zip(template, entry, strict=True)):
        return None
    return slice(*entry)


@entries_rule(Subtensor)
def _subtensor_entries(node: Apply, known: Knowledge) -> Any:
    where = _static_part(node, known)
    entries = known.entries(node.inputs[0]) if isinstance(where, slice) else None
    return None if entries is None else entries[where]


@length_rule(Subtensor)
def _subtensor_length(node: Apply, known: Knowledge) -> int | None:
    where = _static_part(node, known)
    length = known.length(node.inputs[0]) if isinstance(where, slice) else None
    return None if length is None else len(range(*where.indices(length)))  # type: ignore[union-attr]


@value_rule(Subtensor)
def _subtensor_value(node: Apply, known: Knowledge) -> Any:
    x = node.inputs[0]
    if isinstance(x, Constant) and x.data.size > 1:
        parts = [known.value(part) for part in node.inputs[1:]]
        try:
            return known.value(x.data[numpy_key(node.op.idx_list, parts)])
        except IndexError:
            raise NotScalarConstantError(node.outputs[0]) from None
    where = _static_part(node, known)
    if isinstance(where, int):
        entries = known.entries(x)
        if entries is not None and -len(entries) <= where < len(entries):
            return known.value(entries[where])
    return known.value(x)
