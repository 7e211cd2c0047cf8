"""Arguments that the functions of this package have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theano.gradient.terms import fit, gradient_dtype, kind_of
from theano.gradient.types import as_list, is_disconnected, is_null
from theano.graph.basic import Variable


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise when an argument is none of its possible values."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def as_variables(name: str, given: Any) -> list[Variable]:
    """A list of variables from one, from several or from ``None``."""
    found = [] if given is None else [given] if isinstance(given, Variable) else as_list(given)
    for variable in found:
        if not isinstance(variable, Variable):
            raise TypeError(f"{name} must hold variables, got {variable!r} of {type(variable)}")
    return found


def as_points(function: str, variables: Sequence[Variable], points: Any, what: str) -> list[Variable]:
    """The `eval_points` of `variables`, with their dtypes, checked for number and rank."""
    from theano.tensor.variable import as_tensor_variable

    found = [point if isinstance(point, Variable) else as_tensor_variable(point) for point in as_list(points)]
    if len(variables) != len(found):
        raise ValueError(f"{function} needs one eval_point for each of {what}: got {len(found)} for {len(variables)}")
    for i, (x, point) in enumerate(zip(variables, found, strict=True)):
        if is_disconnected(point) or is_null(point):
            continue
        need, have = getattr(x.type, "ndim", None), getattr(point.type, "ndim", None)
        if need != have:
            raise ValueError(
                f"{function}: element {i} of {what} ({x}, type {x.type}) has {need} dimensions, its eval_point "
                f"({point}, type {point.type}) has {have}; they must have one shape"
            )
        if kind_of(point) == "discrete":
            point = point.astype(gradient_dtype(x))
        found[i] = fit(point, x)
    return found
