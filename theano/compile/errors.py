"""What `theano.function`, its functions and the debug modes raise beside Python's own TypeError and ValueError."""

from __future__ import annotations

from typing import Any


class MissingInputError(Exception):
    """An expression needs a variable for which the function is given no value."""

    def __init__(self, *args: Any, variable: Any = None) -> None:
        super().__init__(*args)
        self.variable = variable


class UnusedInputError(Exception):
    """An input of a function takes no part in its outputs and updates, or is given twice."""


class AliasedMemoryError(Exception):
    """Two values that must be apart share memory."""

    def __init__(self, a: Any, b: Any) -> None:
        super().__init__(f"{a!r} and {b!r} share memory")
        self.a = a
        self.b = b


class DebugModeError(Exception):
    """What `DebugMode` found to be wrong; the base of its errors."""


class InvalidValueError(DebugModeError):
    """A node gave a value that its variable's type does not hold."""


class BadOptimization(DebugModeError):
    """A rewrite changed the value of an expression."""


class BadThunkOutput(DebugModeError):
    """The native backend and the reference backend computed different values for one node."""


class BadViewMap(DebugModeError):
    """An Op gave an output that shares memory with an input, and its `view_map` does not say so."""


class BadDestroyMap(DebugModeError):
    """An Op changed an input, and its `destroy_map` does not say so."""


class StochasticOrder(DebugModeError):
    """Rewriting the same graph twice gave different graphs."""
