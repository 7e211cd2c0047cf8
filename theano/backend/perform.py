"""Running nodes by their own `perform`: what it may write into, what it has to give, and whose memory results are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from theano.backend.failure import describe_value
from theano.configuration import config
from theano.graph.basic import Apply


def overwritten_inputs(node: Apply) -> tuple[int, ...]:
    """Numbers of the inputs that the Op writes into, and so has to be given copies of."""
    return tuple({i for numbers in node.op.destroy_map.values() for i in numbers})


def checked_output(node: Apply, number: int, value: Any) -> Any:
    """An output of `perform` in its type's form; NumPy scalars become arrays of rank 0.

    Raises ValueError where nothing was put, TypeError where the value is not of the output's type.
    """
    kind = node.outputs[number].type
    if type(value) is np.ndarray and value.dtype is getattr(kind, "numpy_dtype", None) and value.ndim == kind.ndim:
        return value
    if value is None and not kind.is_valid_value(None):
        raise ValueError(f"{node.op}: perform put nothing into output {number}, which should be of type {kind}")
    try:
        return kind.filter(value, strict=True)
    except TypeError as error:
        raise TypeError(
            f"{node.op}: perform put {describe_value(value)} into output {number}, which should be of type {kind}: "
            f"{error}"
        ) from error


def independent(outputs: Sequence[Any], others: Iterable[Any]) -> list[Any]:
    """`outputs` in memory of their own: what shares memory with `others` or with an earlier output is copied."""
    taken = list(others)
    results = []
    for value in outputs:
        results.append(copied(value) if any(_overlap(value, other) for other in taken) else value)
        taken.append(results[-1])
    return results


def copied(value: Any) -> Any:
    """`value` again in memory of its own."""
    from theano.compile.container import independent_copy

    return independent_copy(value)


def numpy_error_handling() -> AbstractContextManager[Any]:
    """What `config.numpy.seterr_*` ask of NumPy, as a context."""
    settings = config.numpy
    asked = {case: getattr(settings, f"seterr_{case}") for case in ("all", "divide", "over", "under", "invalid")}
    return np.errstate(**{case: how for case, how in asked.items() if how != "None"})


def _overlap(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and bool(np.may_share_memory(a, b))
    return a is b
