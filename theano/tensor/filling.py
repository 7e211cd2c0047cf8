"""Arrays filled with a value: alloc, zeros, ones, and their kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Apply, Constant
from theano.graph.op import Op
from theano.tensor.disconnected import DisconnectedOp, disconnected
from theano.tensor.elementwise import fit_gradient, is_discrete
from theano.tensor.lengths import as_length, as_lengths
from theano.tensor.static import Knowledge, length_rule, value_rule
from theano.tensor.subtensor import zero_gradient
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable, constant

Storage = list[list[Any]]


def dtype_or_floatx(dtype: Any) -> str:
    """The name of a dtype; ``None`` and ``"floatX"`` are ``config.floatX``."""
    if dtype is None or (isinstance(dtype, str) and dtype == "floatX"):
        return config.floatX
    return TensorType(dtype, ()).dtype


def run_time_shape(op: Op, lengths: Sequence[Any]) -> tuple[int, ...]:
    shape = tuple(int(n) for n in lengths)
    if any(n < 0 for n in shape):
        raise ValueError(f"{op}: lengths must not be negative, got shape {shape}")
    return shape


def static_pattern(lengths: Sequence[Any]) -> list[bool]:
    """For each length whether it is known to be 1."""
    return [isinstance(n, Constant) and n.data == 1 for n in lengths]


# ---- filled arrays


class Alloc(Op):
    """An array of given lengths, filled with a value that broadcasts to it: inputs value, then a scalar a dimension."""

    __props__ = ()

    def make_node(self, value: Any, *shape: Any) -> Apply:
        value = as_tensor_variable(value)
        lengths = [as_length(n, "alloc: a length") for n in shape]
        if value.type.ndim > len(lengths):
            raise TypeError(
                f"alloc: the value {value} of type {value.type} has more dimensions ({value.type.ndim}) "
                f"than lengths were given ({len(lengths)})"
            )
        pattern = static_pattern(lengths)
        return Apply(self, [value, *lengths], [TensorType(value.type.dtype, pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        value, *lengths = inputs
        shape = run_time_shape(self, lengths)
        self.check_value(node, value.shape, shape)
        result = np.empty(shape, dtype=value.dtype)
        result[...] = value
        output_storage[0][0] = result

    def check_value(self, node: Apply, value_shape: tuple[int, ...], shape: tuple[int, ...]) -> None:
        """Raise when the value does not broadcast to `shape`; only what its type says to have length 1 is stretched."""
        missing = len(shape) - len(value_shape)
        for axis, (n, flag) in enumerate(zip(value_shape, node.inputs[0].type.broadcastable, strict=True)):
            if not flag and n != shape[missing + axis]:
                raise ValueError(
                    f"{self}: a value of shape {value_shape} does not broadcast to shape {shape}: lengths of dimension "
                    f"{axis} of the value differ."
                    + (f" A length of 1 is stretched only after T.addbroadcast(value, {axis})." if n == 1 else "")
                )

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [tuple(node.inputs[1:])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        value, *lengths = inputs
        (gz,) = output_gradients
        if is_discrete(value.type.dtype):
            gradient = zero_gradient(value)
        else:
            from theano.tensor.reductions import sum as tensor_sum

            missing = gz.type.ndim - value.type.ndim
            gradient = fit_gradient(tensor_sum(gz, axis=list(range(missing))) if missing else gz, value)
        return [gradient] + [disconnected() for _ in lengths]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0], *inputs[1:])]


@value_rule(Alloc)
def _alloc_value(node: Apply, known: Knowledge) -> Any:
    return known.value(node.inputs[0])


@length_rule(Alloc)
def _alloc_length(node: Apply, known: Knowledge) -> int | None:
    return known.integer(node.inputs[1])


def alloc(value: Any, *shape: Any) -> Any:
    """An array of lengths `shape`, filled with `value`, which broadcasts to it.

    A length known to be 1 makes its dimension broadcastable.

    Raises
    ------
    TypeError
        lengths that are no integer scalars, or fewer of them than `value` has dimensions.

    >>> import theano.tensor as T
    >>> alloc(0.5, T.iscalar(), 1).type.broadcastable
    (False, True)
    """
    return Alloc()(value, *shape)


class AllocEmpty(DisconnectedOp):
    """An array of the given lengths whose elements are anything: they must be written before they are read."""

    __props__ = ("dtype",)

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype_or_floatx(dtype)

    def make_node(self, *shape: Any) -> Apply:
        lengths = [as_length(n, "alloc_empty: a length") for n in shape]
        return Apply(self, lengths, [TensorType(self.dtype, static_pattern(lengths))()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: Storage) -> None:
        output_storage[0][0] = np.empty(run_time_shape(self, inputs), dtype=self.dtype)

    def do_constant_folding(self, node: Apply) -> bool:
        return False

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [tuple(node.inputs)]


def alloc_empty(shape: Any, dtype: Any = None) -> Any:
    """An array of lengths `shape` and `dtype` (``config.floatX``) whose elements are anything."""
    return AllocEmpty(dtype)(*as_lengths(shape))


empty = alloc_empty


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros of lengths `shape` (a number, a list, a vector of known length) and `dtype` (``config.floatX``)."""
    return full(shape, 0, dtype_or_floatx(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones of lengths `shape` (a number, a list, a vector of known length) and `dtype` (``config.floatX``)."""
    return full(shape, 1, dtype_or_floatx(dtype))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """An array of lengths `shape` filled with `fill_value`, in its dtype unless told."""
    return alloc(converted(fill_value, dtype), *as_lengths(shape))


def converted(value: Any, dtype: Any) -> Any:
    """`value` as a variable of a dtype; ``None`` keeps its own."""
    value = as_tensor_variable(value)
    if dtype is None or value.type.dtype == dtype_or_floatx(dtype):
        return value
    if isinstance(value, Constant):
        return constant(value.data.astype(dtype_or_floatx(dtype)))
    from theano.tensor.functions import cast

    return cast(value, dtype_or_floatx(dtype))


def _filled_like(model: Any, value: Any, dtype: Any, opt: bool) -> Any:
    model = as_tensor_variable(model)
    filling = converted(value, model.type.dtype if dtype is None else dtype)
    if opt and filling.type == model.type:
        return filling
    from theano.tensor.functions import fill

    return fill(model, filling)


def zeros_like(model: Any, dtype: Any = None, opt: bool = False) -> Any:
    """Zeros of the shape of `model`, in its dtype unless told.

    Parameters
    ----------
    opt
        give a mere constant where that has the same type.
    """
    return _filled_like(model, 0, dtype, opt)


def ones_like(model: Any, dtype: Any = None, opt: bool = False) -> Any:
    """Ones of the shape of `model`, in its dtype unless told; see :func:`zeros_like`."""
    return _filled_like(model, 1, dtype, opt)


def full_like(model: Any, fill_value: Any, dtype: Any = None) -> Any:
    """`fill_value`, a scalar, in the shape of `model`, and in its dtype unless told."""
    return _filled_like(model, fill_value, dtype, opt=False)
