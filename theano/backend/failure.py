"""What an exception that arises inside a compiled function is told about the node where it arose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply


def describe_value(value: Any) -> str:
    """A value in a few words: dtype, shape and strides of an array, else its type; small ones themselves."""
    if isinstance(value, np.ndarray):
        text = f"{value.dtype} array of shape {value.shape}, strides {value.strides}"
        return f"{text}, value {np.array2string(value, threshold=6)}" if value.size <= 6 else text
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def describe_failure(
    node: Apply, inputs: Sequence[Any], position: int | None = None, storage: Iterable[tuple[Any, Any]] | None = None
) -> str:
    """The note for an exception: the node, its inputs and the user's lines that made it.

    Parameters
    ----------
    node, inputs
        the node that failed and the values it was given.
    position
        its place in the order of execution.
    storage
        variable and value of all that is alive, where known; shown with ``config.exception_verbosity = "high"``.
    """
    from theano.configuration import config

    where = "" if position is None else f" (number {position} in the order of execution)"
    lines = [f"The node that failed: {node}{where}"]
    for i, (variable, value) in enumerate(zip(node.inputs, inputs)):
        lines.append(f"  input {i}: {variable} of type {variable.type}: {describe_value(value)}")
    made_at = node.user_line()
    if made_at:
        lines.append(f"It was made at\n{made_at}")
    if node.inputs and not inputs:
        lines.append("Compiled with mode='FAST_COMPILE', the function shows the values of the node's inputs here.")
    if storage is not None and config.exception_verbosity == "high":
        lines.append("Values alive then:")
        lines += [f"  {variable} of type {variable.type}: {describe_value(value)}" for variable, value in storage]
    elif storage is not None:
        lines.append("theano.config.exception_verbosity = 'high' shows all values that were alive.")
    return "\n".join(lines)
