"""Elementwise operations that users define by a class, as in Theano 1.0::

    class LogSum(UnaryScalarOp):
        def impl(self, x):
            return np.log(np.sum(x))

        def grad(self, inputs, gout):
            ...

    log_sum = Elemwise(LogSum(upgrade_to_float, name="log_sum"))

``impl`` is called with one NumPy scalar for each operand and returns a number; ``grad`` or ``L_op`` gives gradient
expressions. The dtype of the result comes from a rule given to the constructor, or from ``output_types_preference`` of
the class, or is that which holds all operands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theano.scalar import operation
from theano.scalar.dtypes import discrete_dtypes, dtype_name, upcast_out
from theano.scalar.table import named, zero


class _Arity(type):
    """Lets ``isinstance`` count rows of the table, too: ``isinstance(exp, UnaryScalarOp)``."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if cls not in (ScalarOp, UnaryScalarOp, BinaryScalarOp):
            return super().__instancecheck__(instance)
        return isinstance(instance, operation.ScalarOp) and cls.nin in (-1, instance.nin)


class ScalarOp(operation.ScalarOp, metaclass=_Arity):
    """Base of elementwise operations defined by users; see the module.

    Parameters
    ----------
    output_types_preference
        the rule for the dtype of the result, such as :func:`theano.scalar.upgrade_to_float`.
    name
        for printing.
    """

    nfunc_spec: tuple[str, int, int] | None = None

    def __init__(self, output_types_preference: Callable[..., Any] | None = None, name: str | None = None) -> None:
        self.name = name or type(self).__name__
        if output_types_preference is not None:
            if not callable(output_types_preference):
                what = repr(output_types_preference)
                raise TypeError(f"{self.name}: output_types_preference must be a function of dtypes, not {what}")
            self.output_types_preference = output_types_preference

    def _key(self) -> tuple[Any, ...]:
        return (*super()._key(), self.__dict__.get("output_types_preference"))

    def output_types(self, dtypes: Sequence[str]) -> str:
        result = getattr(self, "output_types_preference", upcast_out)(*dtypes)
        return dtype_name(result[0] if isinstance(result, tuple | list) else result)

    def evaluate(self, *operands: Any) -> Any:
        """The results for arrays: ``impl`` on each element in turn, or the function that ``nfunc_spec`` names."""
        if self.nfunc_spec is not None:
            return named(self.nfunc_spec[0])(*operands)
        arrays = np.broadcast_arrays(*operands)
        out = self.output_types([x.dtype.name for x in arrays])
        values = (self.impl(*elements) for elements in zip(*(x.flat for x in arrays), strict=True))
        return np.fromiter(values, out, arrays[0].size).reshape(arrays[0].shape)

    def derivative(self, inputs: Sequence[Any], output: Any, gz: Any) -> list[Any]:
        if output.dtype in discrete_dtypes:
            return [zero(x, gz) for x in inputs]
        terms = self.L_op(list(inputs), [output], [gz])
        if terms is None:
            return super().derivative(inputs, output, gz)
        return list(terms) if isinstance(terms, tuple | list) else [terms]

    def grad(self, inputs: list[Any], output_gradients: list[Any]) -> Any:
        """Gradient expressions for the operands; to be defined by a class that can be differentiated."""
        return None

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> Any:
        """As :meth:`grad`, with the results at hand."""
        return self.grad(inputs, output_gradients)


class UnaryScalarOp(ScalarOp):
    """An operation of one operand."""

    nin = 1


class BinaryScalarOp(ScalarOp):
    """An operation of two operands."""

    nin = 2


__all__ = ["BinaryScalarOp", "ScalarOp", "UnaryScalarOp"]
