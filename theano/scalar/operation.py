"""What an operation on single elements is; the rows of the table are instances of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class ScalarOp:
    """An operation on elements, which :class:`theano.tensor.elementwise.Elemwise` applies to whole arrays.

    Attributes
    ----------
    name
        how the operation is called in the table, in printing and by rewrites and backends.
    nin
        number of operands; -1 for any number.

    Two operations are equal when class, name and the attributes in ``__props__`` are.
    """

    __props__: tuple[str, ...] = ()
    name: str = ""
    nin: int = -1
    nout: int = 1
    commutative: bool = False
    associative: bool = False

    def output_types(self, dtypes: Sequence[str]) -> str:
        """The dtype of the result for operands of these dtypes."""
        raise TypeError(f"{self} does not say which dtype it gives for {tuple(dtypes)}")

    def impl(self, *operands: Any) -> Any:
        """The result for NumPy scalars or arrays (of shapes that broadcast)."""
        raise TypeError(f"{self} has no meaning in NumPy: it defines no impl")

    def evaluate(self, *operands: Any) -> Any:
        """The results for whole arrays; :meth:`impl` itself, save where that is written for single numbers."""
        return self.impl(*operands)

    def derivative(self, inputs: Sequence[Any], output: Any, gz: Any) -> list[Any]:
        """Gradient expressions for each operand, all of one rank; ``None`` where there is none by nature.

        Written with operators of variables and with other operations, it serves scalars and arrays alike.
        """
        from theano.gradient import grad_not_implemented

        why = f"the elementwise function {self.name} defines no derivative"
        return [grad_not_implemented(lift(self), i, x, why) for i, x in enumerate(inputs)]

    def __call__(self, *operands: Any, **kwargs: Any) -> Any:
        """Apply to variables, elementwise."""
        return lift(self)(*operands, **kwargs)

    def _key(self) -> tuple[Any, ...]:
        return (type(self), self.name, *(getattr(self, p) for p in self.__props__))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ScalarOp) and self._key() == other._key())

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        return self.name or type(self).__name__

    __repr__ = __str__


_elemwise: Callable[[ScalarOp], Any] | None = None
_lifted: dict[ScalarOp, Any] = {}


def lift(op: ScalarOp) -> Any:
    """The elementwise tensor Op of a scalar operation; one object an operation."""
    global _elemwise
    found = _lifted.get(op)
    if found is None:
        if _elemwise is None:
            from theano.tensor.elementwise import Elemwise

            _elemwise = Elemwise
        found = _lifted[op] = _elemwise(op)
    return found
