"""What a gradient can be when it is no expression: disconnected, undefined, not implemented; and the errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theano.graph.basic import Apply, Variable
from theano.graph.null_type import NullType, null_type
from theano.graph.op import Op
from theano.graph.type import Type

__all__ = [
    "DisconnectedInputError",
    "DisconnectedType",
    "NullType",
    "NullTypeGradError",
    "disconnected_type",
    "format_as",
    "grad_not_implemented",
    "grad_undefined",
    "null_type",
]


class DisconnectedType(Type):
    """The type of the gradient of a cost with respect to something that it does not depend on.

    It differs from zero: a zero gradient belongs to a function that happens to be flat, a disconnected one to something
    that is no function of the variable at all, which mostly is a slip of the user's.
    """

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        raise TypeError("a disconnected gradient has no value: the cost is no function of the variable")

    def filter_variable(self, other: Any, allow_convert: bool = True) -> Any:
        raise TypeError("nothing can stand for a disconnected gradient: the cost is no function of the variable")

    def values_eq(self, a: Any, b: Any) -> bool:
        raise TypeError("disconnected gradients have no values to compare")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __str__(self) -> str:
        return "DisconnectedType"

    __repr__ = __str__


disconnected_type = DisconnectedType()


class DisconnectedInputError(ValueError):
    """A derivative was asked for with respect to something that the expression does not depend on."""


class NullTypeGradError(TypeError):
    """A gradient was needed that is undefined or not implemented."""


def is_disconnected(variable: Variable | None) -> bool:
    """Whether `variable` stands for "no dependence": ``None`` or of :class:`DisconnectedType`."""
    return variable is None or isinstance(variable.type, DisconnectedType)


def is_null(variable: Variable) -> bool:
    """Whether `variable` stands for a gradient that has no value."""
    return isinstance(variable.type, NullType)


def grad_undefined(op: Op, x_pos: int, x: Variable, comment: str = "") -> Variable:
    """What an Op's ``L_op`` returns for an input whose gradient does not exist as a matter of mathematics.

    Parameters
    ----------
    op
        the Op.
    x_pos, x
        the number of the input, and the input itself.
    comment
        the reason, for the user.

    Returns
    -------
    a variable of :class:`NullType`; ``theano.grad`` raises :class:`NullTypeGradError` with the reason if it is needed.
    """
    return _null(op, x_pos, x, "is mathematically undefined", comment)


def grad_not_implemented(op: Op, x_pos: int, x: Variable, comment: str = "") -> Variable:
    """As :func:`grad_undefined`, for a gradient that exists but that nobody has written yet."""
    return _null(op, x_pos, x, "is not implemented", comment)


def _null(op: Op, number: int, x: Variable, what: str, comment: str) -> Variable:
    reason = f": {comment}" if comment else ""
    return NullType(f"the gradient of {op} with respect to input {number} ({x}) {what}{reason}").make_variable()


def made_at(node: Apply | None) -> str:
    """Where the user made `node`, as the end of a message."""
    line = node.user_line() if node is not None else ""
    return f"\n{node.op} was applied at\n{line}" if line else ""


def refuse_null(gradient: Variable, node: Apply | None = None) -> None:
    """Raise :class:`NullTypeGradError`, with the reason, when `gradient` (which `node` gave) has no value."""
    if is_null(gradient):
        raise NullTypeGradError(f"a derivative is needed that has no value: {gradient.type.why_null}{made_at(node)}")


def as_list(argument: Any) -> list[Any]:
    """A list of what was given as one variable or as a list or tuple of them."""
    return list(argument) if isinstance(argument, list | tuple) else [argument]


def format_as(use_list: bool, use_tuple: bool, outputs: Any) -> Any:
    """`outputs` as a list, as a tuple, or (if it holds just one) by itself.

    >>> format_as(False, True, [1, 2])
    (1, 2)
    >>> format_as(False, False, [1])
    1
    """
    if use_list and use_tuple:
        raise ValueError("format_as: choose use_list or use_tuple, not both")
    if isinstance(outputs, Sequence) and not isinstance(outputs, str):
        if use_list:
            return list(outputs)
        if use_tuple:
            return tuple(outputs)
        if len(outputs) != 1:
            raise ValueError(f"format_as: {len(outputs)} outputs need use_list or use_tuple")
        return outputs[0]
    if use_list:
        return [outputs]
    return (outputs,) if use_tuple else outputs


def format_like(argument: Any, outputs: list[Any]) -> Any:
    """`outputs` in the form in which `argument` was given: a list, a tuple or one variable."""
    return format_as(isinstance(argument, list), isinstance(argument, tuple), outputs)
