"""Elementwise application of a scalar operation to arrays, and DimShuffle, which lines their dimensions up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Apply, Variable
from theano.graph.op import Op
from theano.scalar.operation import ScalarOp
from theano.scalar.table import quiet
from theano.tensor.type import NUMPY_DTYPES, TensorType
from theano.tensor.variable import TensorVariable, as_tensor_variable

DISCRETE_KINDS = "biu"


def is_discrete(dtype: str) -> bool:
    """Whether a dtype holds truth values or integers."""
    return NUMPY_DTYPES[dtype].kind in DISCRETE_KINDS


class DimShuffle(Op):
    """Reorders dimensions, drops those of length 1 and inserts new ones: a view of its input.

    Parameters
    ----------
    input_broadcastable
        the broadcast pattern of the input.
    new_order
        for each dimension of the result the number of the input's dimension, or ``'x'`` for a new one of length 1.
        Dimensions that are left out must be broadcastable.

    ``DimShuffle((False, False), (1, 'x', 0))`` makes of shape (2, 3) the shape (3, 1, 2).
    """

    __props__ = ("input_broadcastable", "new_order")
    view_map = {0: [0]}

    def __init__(
        self, input_broadcastable: Sequence[bool], new_order: Sequence[int | str], inplace: bool = True
    ) -> None:
        self.input_broadcastable = tuple(bool(b) for b in input_broadcastable)
        rank = len(self.input_broadcastable)
        order: list[int | str] = []
        for entry in new_order:
            if entry == "x":
                order.append("x")
                continue
            axis = int(entry)
            if not -rank <= axis < rank:
                raise ValueError(
                    f"dimshuffle{tuple(new_order)}: there is no dimension {axis} in a tensor of rank {rank}"
                )
            order.append(axis % rank)
        self.new_order = tuple(order)
        kept = [e for e in self.new_order if e != "x"]
        if len(set(kept)) != len(kept):
            raise ValueError(f"dimshuffle{tuple(new_order)}: a dimension appears twice")
        self.drop = tuple(i for i in range(rank) if i not in kept)
        self.shuffle = tuple(e for e in self.new_order if e != "x")
        self.augment = tuple(i for i, e in enumerate(self.new_order) if e == "x")
        for axis in self.drop:
            if not self.input_broadcastable[axis]:
                raise ValueError(
                    f"dimshuffle{tuple(new_order)}: dimension {axis} of a tensor with broadcast pattern "
                    f"{self.input_broadcastable} cannot be dropped, since its length may not be 1. "
                    f"Sum over it, index it, or say T.addbroadcast(x, {axis}) first."
                )

    def make_node(self, x: Any) -> Apply:
        x = as_tensor_variable(x)
        have, need = x.type.broadcastable, self.input_broadcastable
        if len(have) != len(need) or any(n and not h for n, h in zip(need, have, strict=True)):
            raise TypeError(f"{self} is for broadcast pattern {need}, got {x} of type {x.type}")
        pattern = tuple(True if e == "x" else x.type.broadcastable[e] for e in self.new_order)  # type: ignore[index]
        return Apply(self, [x], [TensorType(x.type.dtype, pattern)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        (x,) = inputs
        if any(x.shape[axis] != 1 for axis in self.drop):
            raise ValueError(f"{self}: dropped dimensions {self.drop} must have length 1, got shape {x.shape}")
        kept = x.transpose(self.shuffle + self.drop)
        shape = iter(kept.shape[: len(self.shuffle)])
        lengths = [1 if e == "x" else next(shape) for e in self.new_order]
        for axis in self.augment:
            kept = np.expand_dims(kept, axis)
        output_storage[0][0] = kept.reshape(lengths) if self.drop else kept

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        from theano.tensor.variable import constant

        (lengths,) = input_shapes
        return [tuple(constant(1, dtype="int64") if e == "x" else lengths[e] for e in self.new_order)]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (gz,) = output_gradients
        order: list[int | str] = ["x"] * len(self.input_broadcastable)
        for i, e in enumerate(self.new_order):
            if e != "x":
                order[e] = i  # type: ignore[index]
        if is_discrete(inputs[0].dtype):
            return [inputs[0].zeros_like(dtype=config.floatX)]
        return [DimShuffle(gz.type.broadcastable, order)(gz)]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None if eval_points[0] is None else self(eval_points[0])]

    def __str__(self) -> str:
        return f"InplaceDimShuffle{{{','.join(str(e) for e in self.new_order)}}}"

    __repr__ = __str__


class Elemwise(Op):
    """A scalar operation on each element.

    Inputs of lower rank get dimensions of length 1 on the left. A dimension is stretched only where its type says that
    the length is 1; lengths of all other inputs must be equal.

    Parameters
    ----------
    scalar_op
        the operation.
    inplace_pattern, name, nfunc_spec, openmp
        accepted as in Theano 1.0; the backends decide about memory themselves.

    Raises
    ------
    ValueError
        at run time, when lengths clash; the message gives all shapes.
    """

    __props__ = ("scalar_op",)

    def __init__(
        self,
        scalar_op: ScalarOp,
        inplace_pattern: Any = None,
        name: str | None = None,
        nfunc_spec: Any = None,
        openmp: bool | None = None,
    ) -> None:
        self.scalar_op = scalar_op
        self.inplace_pattern: dict[int, int] = {}
        self.given_name = name
        self.nfunc_spec = nfunc_spec
        self._hash = hash((Elemwise, scalar_op))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Elemwise) and self.scalar_op == other.scalar_op)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> Any:
        return (Elemwise, (self.scalar_op, None, self.given_name, self.nfunc_spec))

    @property
    def nin(self) -> int:
        return self.scalar_op.nin

    @property
    def nout(self) -> int:
        return 1

    def make_node(self, *inputs: Any) -> Apply:
        operands = [as_tensor_variable(x) for x in inputs]
        nin = self.scalar_op.nin
        if (nin >= 0 and len(operands) != nin) or not operands:
            wanted = f"{nin}" if nin >= 0 else "at least one"
            raise TypeError(f"{self.scalar_op} takes {wanted} operand(s), got {len(operands)}: {inputs}")
        rank = max(x.type.ndim for x in operands)
        for i, x in enumerate(operands):
            missing = rank - x.type.ndim
            if missing:
                operands[i] = DimShuffle(x.type.broadcastable, ("x",) * missing + tuple(range(x.type.ndim)))(x)
        pattern = tuple(all(flags) for flags in zip(*(x.type.broadcastable for x in operands), strict=True))
        dtype = self.scalar_op.output_types([x.type.dtype for x in operands])
        return Apply(self, operands, [TensorVariable(TensorType(dtype, pattern))])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        shape = self.common_shape(node, [np.shape(x) for x in inputs])
        with quiet():
            result = np.asarray(self.scalar_op.evaluate(*inputs))
        wanted = node.outputs[0].type.numpy_dtype
        if result.shape != shape:
            result = np.broadcast_to(result, shape).astype(wanted)
        elif result.dtype != wanted:
            with quiet():
                result = result.astype(wanted)
        elif any(np.may_share_memory(result, x) for x in inputs):
            result = result.copy()
        output_storage[0][0] = result

    def common_shape(self, node: Apply, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        """The shape of the result; raises ValueError when lengths clash."""
        shape = []
        for axis in range(node.outputs[0].type.ndim):
            lengths = {s[axis] for s, x in zip(shapes, node.inputs, strict=True) if not x.type.broadcastable[axis]}
            if len(lengths) > 1:
                raise ValueError(elementwise_mismatch(self.scalar_op, node, shapes, axis))
            shape.append(lengths.pop() if lengths else 1)
        return tuple(shape)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        from theano.tensor.variable import constant

        lengths = []
        for axis in range(node.outputs[0].type.ndim):
            known = [s[axis] for s, x in zip(input_shapes, node.inputs, strict=True) if not x.type.broadcastable[axis]]
            lengths.append(known[0] if known else constant(1, dtype="int64"))
        return [tuple(lengths)]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (gz,) = output_gradients
        (output,) = outputs
        if is_discrete(output.dtype):
            return [x.zeros_like(dtype=config.floatX) for x in inputs]
        results: list[Any] = []
        for x, term in zip(inputs, self.scalar_op.derivative(inputs, output, gz), strict=True):
            if term is None:
                from theano.gradient import DisconnectedType

                results.append(DisconnectedType()())
            elif not isinstance(getattr(term, "type", None), TensorType):
                results.append(term if isinstance(term, Variable) else fit_gradient(as_tensor_variable(term), x))
            else:
                results.append(fit_gradient(term, x))
        return results

    def __str__(self) -> str:
        return self.given_name or f"Elemwise{{{self.scalar_op},no_inplace}}"

    __repr__ = __str__


def fit_gradient(gradient: Any, x: Any) -> Any:
    """Bring a gradient that has the shape of an elementwise result to the shape and dtype of operand `x`."""
    from theano.tensor.functions import cast, second
    from theano.tensor.reductions import sum as tensor_sum

    missing = x.type.ndim - gradient.type.ndim
    if missing > 0:
        gradient = DimShuffle(gradient.type.broadcastable, ("x",) * missing + tuple(range(gradient.type.ndim)))(
            gradient
        )
    pairs = list(zip(x.type.broadcastable, gradient.type.broadcastable, strict=True))
    stretched = [axis for axis, (mine, its) in enumerate(pairs) if mine and not its]
    if stretched:
        gradient = tensor_sum(gradient, axis=stretched, keepdims=True)
    if any(its and not mine for mine, its in pairs):
        gradient = second(x, gradient)
    wanted = config.floatX if is_discrete(x.type.dtype) else x.type.dtype
    if gradient.type.dtype != wanted and NUMPY_DTYPES[gradient.type.dtype].kind != "c":
        gradient = cast(gradient, wanted)
    return gradient


def elementwise_mismatch(scalar_op: ScalarOp, node: Apply, shapes: Sequence[Sequence[int]], axis: int) -> str:
    """The message for operands whose lengths clash in dimension `axis`."""
    described = ", ".join(f"{x} {tuple(s)}" for x, s in zip(node.inputs, shapes, strict=True))
    text = f"elementwise {scalar_op}: lengths of dimension {axis} differ; operands and their shapes: {described}."
    if any(s[axis] == 1 for s in shapes):
        text += (
            " A length of 1 is stretched only where the variable's type says so: use T.addbroadcast(x, "
            f"{axis}), T.row/T.col, or dimshuffle with 'x'."
        )
    return text


__all__ = ["DimShuffle", "Elemwise"]
