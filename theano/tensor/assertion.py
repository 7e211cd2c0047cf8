"""Assert: a value that is handed on only while conditions hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.graph.basic import Apply, Variable
from theano.graph.op import Op
from theano.tensor.lengths import disconnected
from theano.tensor.static import Knowledge, NotScalarConstantError, value_rule
from theano.tensor.variable import as_tensor_variable


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

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
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


assert_ = Assert()
assert_op = assert_

__all__ = ["Assert", "assert_", "assert_op"]
