"""Print: an identity that prints its value when the function runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from theano.graph.basic import Apply
from theano.graph.op import Op


def print_attributes(op: Print, value: Any) -> None:
    """What :class:`Print` does with a value: one line an attribute, message first."""
    for name in op.attrs:
        attribute = getattr(value, name)
        print(op.message, name, "=", attribute() if callable(attribute) else attribute)


class Print(Op):
    """An identity that prints: put it around a part of an expression to see the values that this part takes.

    Parameters
    ----------
    message
        what to print in front.
    attrs
        names of attributes or methods of the array: ``__str__``, ``shape``, ``min``, ``mean``, …
    global_fn
        what is called as ``global_fn(op, value)`` instead of printing.

    >>> import theano, theano.tensor as T
    >>> x = T.dvector("x")
    >>> f = theano.function([x], 2 * theano.printing.Print("x is")(x))
    >>> f([1.0, 2.0])
    x is __str__ = [1. 2.]
    array([2., 4.])
    """

    view_map = {0: [0]}
    __props__ = ("message", "attrs", "global_fn")

    def __init__(
        self,
        message: str = "",
        attrs: Sequence[str] = ("__str__",),
        global_fn: Callable[[Print, Any], None] = print_attributes,
    ) -> None:
        self.message = message
        self.attrs = tuple(attrs)
        self.global_fn = global_fn

    def make_node(self, xin: Any) -> Apply:
        from theano.graph.basic import Variable
        from theano.tensor.variable import as_tensor_variable

        x = xin if isinstance(xin, Variable) else as_tensor_variable(xin)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        output_storage[0][0] = inputs[0]
        self.global_fn(self, inputs[0])

    def do_constant_folding(self, node: Apply) -> bool:
        return False

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return list(input_shapes)

    def grad(self, inputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return list(output_gradients)

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return list(eval_points)

    def __str__(self) -> str:
        return f"Print{{{self.message!r}}}" if self.message else "Print"
