"""``x log(x)`` and ``x log(y)`` with the value 0 where x is 0, as entropies need."""

from __future__ import annotations

from typing import Any

from theano.tensor.functions import eq, log, switch
from theano.tensor.variable import as_tensor_variable


def xlogx(x: Any) -> Any:
    """``x * log(x)``, 0 where `x` is 0. The gradient there counts as 0.

    >>> xlogx([0.0, 1.0]).eval()
    array([0., 0.])
    """
    return xlogy0(x, x)


def xlogy0(x: Any, y: Any) -> Any:
    """``x * log(y)``, 0 where `x` is 0, whatever `y` is.

    >>> xlogy0([0.0, 2.0], [0.0, 1.0]).eval()
    array([0., 0.])
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    # The logarithm of 1 stands for the one that is not used, whose gradient would be infinity times 0.
    nothing = eq(x, 0)
    return switch(nothing, 0, x * log(switch(nothing, 1, y)))


__all__ = ["xlogx", "xlogy0"]
