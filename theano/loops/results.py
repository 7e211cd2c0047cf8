"""What a step function returns: outputs, updates of shared variables, and a condition to leave the loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from theano.compile.sharedvalue import SharedVariable
from theano.graph.basic import Variable
from theano.tensor.variable import as_tensor_variable
from theano.updates import OrderedUpdates


class until:
    """Returned by a step function behind its outputs: leave the loop after the step in which `condition` is true.

    Parameters
    ----------
    condition
        a scalar; anything but zero is true.

    The first power of two above a thousand:

    >>> import theano, theano.tensor as T
    >>> def step(power):
    ...     return 2 * power, theano.scan_module.until(2 * power > 1000)
    >>> powers, _ = theano.scan(step, outputs_info=T.constant(1, dtype="int64"), n_steps=100)
    >>> powers[-1].eval()
    array(1024)
    """

    def __init__(self, condition: Any) -> None:
        self.condition = as_tensor_variable(condition)
        if self.condition.type.ndim:
            raise TypeError(
                f"until: the condition must be a scalar, got {condition} of type {self.condition.type}; "
                f"T.all(…) and T.any(…) make one of many"
            )


class StepResult(NamedTuple):
    """What one step computes."""

    outputs: list[Any]
    updates: dict[Any, Any]
    condition: Any


def _is_pair(x: Any) -> bool:
    return isinstance(x, list | tuple) and len(x) == 2 and isinstance(x[0], SharedVariable)


def _is_updates(x: Any) -> bool:
    """Whether this says how shared variables change: a dict, or a list of pairs."""
    return isinstance(x, Mapping) or (isinstance(x, list | tuple) and bool(x) and all(map(_is_pair, x)))


def _is_empty(x: Any) -> bool:
    return isinstance(x, list | tuple) and not x


def read_result(returned: Any) -> StepResult:
    """Outputs, updates and condition in any of the forms that a step function may return them in.

    Behind the outputs, which may stand in a list of their own, come updates and condition, each where there is one.
    """
    single = not isinstance(returned, list | tuple) or _is_updates(returned)
    items = [returned] if single else list(returned)
    condition = None
    updates = OrderedUpdates()
    if items and isinstance(items[-1], until):
        condition = items.pop().condition
    if items and (_is_updates(items[-1]) or (len(items) > 1 and _is_empty(items[-1]))):
        given = items.pop()
        for variable, value in given.items() if isinstance(given, Mapping) else given:
            known = not isinstance(value, Variable) and isinstance(variable, SharedVariable)
            updates[variable] = variable.type.make_constant(value) if known else value
    if len(items) == 1 and isinstance(items[0], list | tuple):
        items = list(items[0])
    return StepResult([_output(item, returned) for item in items], updates, condition)


def _output(item: Any, returned: Any) -> Any:
    if isinstance(item, Variable):
        return item
    if isinstance(item, np.ndarray | np.generic | int | float):
        return as_tensor_variable(item)
    if item is None:
        advice = "Does the step function lack a return?"
    elif isinstance(item, until) or _is_updates(item):
        advice = "The order is: outputs, then updates, then until(condition)."
    else:
        advice = (
            "It returns variables, one or a list of them; behind them, if need be, updates ({shared: new value}) and "
            "then until(condition)."
        )
    raise ValueError(f"scan: {item!r} among what the step function returned is no variable. {advice} Got {returned!r}")
