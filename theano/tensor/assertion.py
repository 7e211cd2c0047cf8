"""Values handed on under conditions that are checked at run time: Assert, and claims about lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Variable
from theano.graph.op import Op
from theano.tensor.disconnected import disconnected
from theano.tensor.lengths import as_shape_vector, normalize_axis, static_lengths
from theano.tensor.static import (
    Knowledge,
    NotScalarConstantError,
    entries_rule,
    get_vector_length,
    value_rule,
    vector_entries,
)
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable, constant

Storage = list[list[Any]]


class Assert(Op):
    """Its first input, unless one of the others, scalar conditions, is zero at run time: then an exception.

    Parameters
    ----------
    msg
        the text of the exception.
    exception
        its class.

    >>> import theano.tensor as T
    >>> x = T.dvector()
    >>> checked = Assert("x must have three elements")(x, T.eq(x.shape[0], 3))
    """

    __props__ = ("msg", "exception")
    view_map = {0: [0]}

    def __init__(self, msg: str = "Theano Assert failed!", exception: type[Exception] = AssertionError) -> None:
        self.msg = msg
        self.exception = exception

    def make_node(self, value: Any, *conditions: Any) -> Apply:
        if not isinstance(value, Variable):
            value = as_tensor_variable(value)
        checks = [as_tensor_variable(c) for c in conditions]
        for c in checks:
            if c.type.ndim:
                raise TypeError(
                    f"Assert: a condition must be a scalar, got {c} of type {c.type}; T.all(…) makes one of many"
                )
        return Apply(self, [value, *checks], [value.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        if not all(np.all(c) for c in inputs[1:]):
            raise self.exception(self.msg)
        output_storage[0][0] = inputs[0]

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[0]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [output_gradients[0]] + [disconnected() for _ in inputs[1:]]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [eval_points[0]]

    def __str__(self) -> str:
        return f"Assert{{msg={self.msg!r}}}"

    __repr__ = __str__


@value_rule(Assert)
def _assert_value(node: Apply, known: Knowledge) -> Any:
    if all(known.value(condition) for condition in node.inputs[1:]):
        return known.value(node.inputs[0])
    raise NotScalarConstantError(node.outputs[0])


class Raise(Op):
    """Hands its input on in the graph, and raises `exc` with `msg` when it is computed.

    >>> import theano.tensor as T
    >>> x = T.dscalar()
    >>> forbidden = Raise("not for negative numbers", ValueError)(x)
    """

    __props__ = ("msg", "exc")
    view_map = {0: [0]}

    def __init__(self, msg: str = "", exc: type[Exception] = NotImplementedError) -> None:
        self.msg = msg
        self.exc = exc

    def make_node(self, x: Any) -> Apply:
        if not isinstance(x, Variable):
            x = as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        raise self.exc(self.msg)

    def do_constant_folding(self, node: Apply) -> bool:
        return False

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[0]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [output_gradients[0]]


assert_ = Assert()
assert_op = assert_

# ---- lengths


class Rebroadcast(Op):
    """The input itself, with another broadcast pattern: ``Rebroadcast((0, True), (2, False))``.

    That a dimension declared broadcastable has length 1 is checked at run time.
    """

    view_map = {0: [0]}
    __props__ = ("axes",)

    def __init__(self, *axes: tuple[int, bool]) -> None:
        self.axes = tuple(sorted((int(axis), bool(flag)) for axis, flag in axes))
        numbers = [axis for axis, _ in self.axes]
        if len(set(numbers)) != len(numbers) or any(n < 0 for n in numbers):
            raise ValueError(f"Rebroadcast: axes must be different and not negative, got {axes}")

    @property
    def axis(self) -> dict[int, bool]:
        """Axis → whether it is declared broadcastable."""
        return dict(self.axes)

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        pattern = list(x.type.broadcastable)
        for axis, flag in self.axes:
            if axis >= x.type.ndim:
                raise ValueError(f"{self}: {x} of type {x.type} has no dimension {axis}")
            pattern[axis] = flag
        return Apply(self, [x], [TensorType(x.type.dtype, pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        (x,) = inputs
        for axis, flag in self.axes:
            if flag and x.shape[axis] != 1:
                raise ValueError(
                    f"{self}: dimension {axis} was declared broadcastable, so its length must be 1; got shape {x.shape}"
                )
        output_storage[0][0] = x

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        lengths = list(input_shapes[0])
        for axis, flag in self.axes:
            if flag:
                lengths[axis] = constant(1, dtype="int64")
        return [tuple(lengths)]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [patternbroadcast(output_gradients[0], inputs[0].type.broadcastable)]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0])]

    def __str__(self) -> str:
        return f"Rebroadcast{{{','.join(f'({axis}, {flag})' for axis, flag in self.axes)}}}"

    __repr__ = __str__


@value_rule(Rebroadcast)
def _rebroadcast_value(node: Apply, known: Knowledge) -> Any:
    return known.value(node.inputs[0])


@entries_rule(Rebroadcast)
def _rebroadcast_entries(node: Apply, known: Knowledge) -> Sequence[Any] | None:
    return known.entries(node.inputs[0])


def patternbroadcast(x: Any, broadcastable: Sequence[bool]) -> Any:
    """`x` with exactly this broadcast pattern; new claims of length 1 are checked at run time."""
    x = as_tensor_variable(x)
    wanted = tuple(bool(flag) for flag in broadcastable)
    if len(wanted) != x.type.ndim:
        raise ValueError(
            f"patternbroadcast: the pattern {wanted} does not fit the rank {x.type.ndim} of {x} of type {x.type}"
        )
    if wanted == x.type.broadcastable:
        return x
    return Rebroadcast(
        *((i, new) for i, (new, old) in enumerate(zip(wanted, x.type.broadcastable, strict=True)) if new != old)
    )(x)


def addbroadcast(x: Any, *axes: int) -> Any:
    """`x` with `axes` broadcastable: at run time their length must be 1.

    >>> import theano.tensor as T
    >>> addbroadcast(T.dmatrix(), 0).type
    TensorType(float64, row)
    """
    return _with_flags(x, axes, True, "addbroadcast")


def unbroadcast(x: Any, *axes: int) -> Any:
    """`x` with `axes` not broadcastable: they are no longer stretched."""
    return _with_flags(x, axes, False, "unbroadcast")


def _with_flags(x: Any, axes: Sequence[int], flag: bool, what: str) -> Any:
    x = as_tensor_variable(x)
    pattern = list(x.type.broadcastable)
    for axis in axes:
        try:
            pattern[normalize_axis(axis, x.type.ndim, what)] = flag
        except IndexError as error:
            raise ValueError(str(error)) from None
    return patternbroadcast(x, pattern)


class SpecifyShape(Op):
    """The input itself, whose shape is checked at run time and known from then on."""

    __props__ = ()
    view_map = {0: [0]}

    def make_node(self, x: Any, shape: Any) -> Apply:
        x = as_tensor_variable(x)
        shape = as_shape_vector(shape)
        try:
            if get_vector_length(shape) != x.type.ndim:
                raise TypeError(
                    f"specify_shape: {x} of type {x.type} has {x.type.ndim} dimensions, the shape {shape} has not"
                )
        except ValueError:
            pass  # known only at run time, and checked then
        lengths = static_lengths(shape, x.type.ndim)
        pattern = [flag or n == 1 for flag, n in zip(x.type.broadcastable, lengths, strict=True)]
        return Apply(self, [x, shape], [x.type.clone(broadcastable=pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        x, shape = inputs
        if x.shape != tuple(shape.tolist()):
            raise AssertionError(f"SpecifyShape: got shape {x.shape}, expected {tuple(shape.tolist())}")
        output_storage[0][0] = x

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        x, shape = node.inputs
        return [tuple(vector_entries(shape, x.type.ndim))]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        x, shape = inputs
        return [patternbroadcast(specify_shape(output_gradients[0], shape), x.type.broadcastable), disconnected()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0], inputs[1])]


specify_shape_ = SpecifyShape()


@value_rule(SpecifyShape)
def _specify_shape_value(node: Apply, known: Knowledge) -> Any:
    return known.value(node.inputs[0])


def specify_shape(x: Any, shape: Any) -> Any:
    """`x`, promised to have `shape` (all lengths); an AssertionError at run time when it has not.

    Rewrites use the promise, and known 1s make dimensions broadcastable.
    """
    return specify_shape_(x, shape)


__all__ = [
    "Assert",
    "Raise",
    "Rebroadcast",
    "SpecifyShape",
    "addbroadcast",
    "assert_",
    "assert_op",
    "patternbroadcast",
    "specify_shape",
    "unbroadcast",
]
