"""Element arithmetic: dtype rules, and the table of elementwise operations with a row for each.

The rows are in files by theme (:mod:`~theano.scalar.arithmetic`, :mod:`~theano.scalar.logic`, …); how a row is written
says :mod:`theano.scalar.table`. What a backend does with a row is registered with that backend.

``theano.scalar.float64("x")`` and its likes make variables: single numbers are tensors of rank 0.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from theano.configuration import config
from theano.scalar.arithmetic import *
from theano.scalar.arithmetic import int_div, inv, true_div
from theano.scalar.complex_parts import *
from theano.scalar.conversion import *
from theano.scalar.conversion import CASTS
from theano.scalar.custom import *
from theano.scalar.dtypes import *
from theano.scalar.dtypes import (
    IntegerDivisionError,
    all_dtypes,
    complex_dtypes,
    continuous_dtypes,
    discrete_dtypes,
    dtype_name,
    float_dtypes,
    int_dtypes,
    integer_dtypes,
    uint_dtypes,
)
from theano.scalar.exponential import *
from theano.scalar.logic import *
from theano.scalar.operation import lift
from theano.scalar.random_numbers import *
from theano.scalar.rounding import *
from theano.scalar.rounding import round_half_to_even
from theano.scalar.special import *
from theano.scalar.special import jv
from theano.scalar.table import TABLE, Operation, row
from theano.scalar.trigonometric import *

# Names that Theano 1.0 has besides
reciprocal = inv
jn = jv
rint = round_half_to_even

_GROUPS = {
    "int_types": int_dtypes,
    "uint_types": uint_dtypes,
    "float_types": float_dtypes,
    "complex_types": complex_dtypes,
    "integer_types": integer_dtypes,
    "discrete_types": discrete_dtypes,
    "continuous_types": continuous_dtypes,
    "all_types": all_dtypes,
}


def get_scalar_type(dtype: Any) -> Any:
    """The type of single numbers of a dtype: a tensor type of rank 0.

    >>> get_scalar_type("int8")
    TensorType(int8, scalar)
    """
    from theano.tensor.type import TensorType

    return TensorType(dtype_name(dtype), ())


Scalar = get_scalar_type


def as_scalar(x: Any, name: str | None = None) -> Any:
    """`x` as a variable of rank 0: a variable of that rank stays itself, a number becomes a constant.

    Raises
    ------
    TypeError
        when it has another rank.
    """
    from theano.tensor.variable import as_tensor_variable

    variable = as_tensor_variable(x, name=name)
    if variable.type.ndim:
        raise TypeError(f"as_scalar: {variable} of type {variable.type} has rank {variable.type.ndim}, not 0")
    return variable


def constant(x: Any, name: str | None = None, dtype: Any = None) -> Any:
    """A constant of rank 0."""
    from theano.tensor.variable import constant as tensor_constant

    return tensor_constant(x, name=name, ndim=0, dtype=dtype)


def int_or_true_div(x_discrete: bool, y_discrete: bool) -> Operation:
    """Which division Theano 1.0 means by ``x / y`` in Python 2, under ``config.int_division``."""
    if x_discrete and y_discrete:
        if config.int_division == "raise":
            raise IntegerDivisionError(
                "dividing an integer by an integer with / is forbidden by config.int_division = 'raise'. Use // for "
                "the quotient rounded down, or true_div, or cast an operand to a float dtype."
            )
        if config.int_division == "int":
            return int_div
    return true_div


def __getattr__(name: str) -> Any:
    # Types are made on demand, since tensors are built on this package. The dtypes' names are types of rank 0.
    if name in all_dtypes:
        return get_scalar_type(name)
    if name in _GROUPS:
        return tuple(get_scalar_type(dtype) for dtype in _GROUPS[name])
    if name.startswith("convert_to_") and name[len("convert_to_") :] in CASTS:
        return CASTS[name[len("convert_to_") :]]
    plural = name.removesuffix("s")
    if plural in all_dtypes:
        from theano.tensor import type as tensor_types

        return tensor_types._plural(get_scalar_type(plural), plural, name)
    if name == "basic":
        return import_module("theano.scalar.basic")
    if name[:1].isupper():
        from theano.legacy.scalar_classes import ROWS, scalar_class

        if name in ROWS:
            return scalar_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
