"""Rows of the table: arithmetic, signs and powers, extrema, and choice."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from theano.graph.basic import Constant
from theano.scalar.dtypes import (
    complex_dtypes,
    quotient_out,
    real_out,
    same_out,
    same_out_nobool,
    same_out_nocomplex,
    transfer_type,
    upcast,
    upcast_out,
    upcast_out_min8,
    upcast_out_no_complex,
    upcast_out_nobool,
    upgrade_to_float,
)
from theano.scalar.table import as_given, condition_first, flat, like, operation, rows, zero

# ---- sums and products


def _others(terms: tuple[Any, ...], i: int, gz: Any) -> Any:
    """The product of gz and all factors but number `i`."""
    return reduce(lambda product, factor: product * factor, terms[:i] + terms[i + 1 :], gz)


add = operation(
    "add", -1, lambda *terms: reduce(np.add, terms), upcast_out,
    lambda *a: [a[-1]] * (len(a) - 2),
    symbol="+", commutative=True, associative=True, identity=0,
    doc="The sum of any number of terms; of bools the logical or.",
)  # fmt: skip

mul = operation(
    "mul", -1, lambda *factors: reduce(np.multiply, factors), upcast_out,
    lambda *a: [_others(a[:-2], i, a[-1]) for i in range(len(a) - 2)],
    symbol="*", commutative=True, associative=True, identity=1, absorbing=0,
    doc="The product of any number of factors; of bools the logical and.",
)  # fmt: skip

sub = operation(
    "sub", 2, np.subtract, upcast_out_nobool,
    lambda x, y, z, gz: (gz, -gz),
    symbol="-",
    doc="x minus y. Bools are refused.",
)  # fmt: skip

neg = operation(
    "neg", 1, np.negative, same_out_nobool,
    lambda x, z, gz: -gz,
    symbol="-", involution=True,
    doc="Minus x. Bools are refused.",
)  # fmt: skip

# ---- quotients


true_div = operation(
    "true_div", 2, np.true_divide, quotient_out,
    lambda x, y, z, gz: (gz / y, -(gz * x) / (y * y)),
    symbol="/",
    doc="The quotient; of two discrete operands it has dtype ``config.floatX``.",
)  # fmt: skip

int_div = operation(
    "int_div", 2, np.floor_divide, upcast_out_no_complex, flat,
    symbol="//",
    doc="The quotient rounded down. For integers division by zero gives zero.",
)  # fmt: skip

mod = operation(
    "mod", 2, np.remainder, upcast_out_no_complex,
    lambda x, y, z, gz: (gz, -(x // y) * gz),
    symbol="%",
    doc="What remains of x after int_div by y: it has the sign of y. For integers the remainder by zero is zero.",
)  # fmt: skip

inv = operation(
    "inv", 1, np.reciprocal, upgrade_to_float,
    lambda x, z, gz: -gz * (z * z),
    involution=True,
    doc="One over x.",
)  # fmt: skip

# ---- powers


def _power(x: Any, y: Any) -> Any:
    """As NumPy; an integer to a negative exponent is the truncated quotient: 0, or 1 and -1 where the base is."""
    if y.dtype.kind != "i" or not np.any(y < 0):
        return np.power(x, y)
    odd = (y & 1).astype(bool)
    of_negative = np.where(x == 1, 1, np.where(x == -1, np.where(odd, -1, 1), 0)).astype(x.dtype)
    return np.where(y < 0, of_negative, np.power(x, np.where(y < 0, 0, y).astype(y.dtype)))


def _is_nonzero_constant(y: Any) -> bool:
    """Whether `y` is a constant without a zero, seen through the dimshuffle that fits it to its neighbours' rank."""
    from theano.tensor.elementwise import DimShuffle

    while y.owner is not None and isinstance(y.owner.op, DimShuffle):
        y = y.owner.inputs[0]
    return isinstance(y, Constant) and bool(np.all(y.data != 0))


def _power_derivative(x: Any, y: Any, z: Any, gz: Any) -> tuple[Any, Any]:
    by_base = gz * y * x ** (y - 1)
    if not _is_nonzero_constant(y):
        by_base = rows.switch(rows.eq(y, 0), like(0, by_base), by_base)  # x**0 is 1 at x = 0 too
    by_exponent = gz * rows.log(x) * z
    return by_base, rows.switch(rows.eq(x, 0), like(0, by_exponent), by_exponent)


pow = operation(
    "pow", 2, _power, upcast_out_min8, _power_derivative,
    symbol="**",
    doc="x to the power y. Of integers with a negative exponent it is the quotient rounded towards zero.",
)  # fmt: skip

sqr = operation(
    "sqr", 1, np.square, same_out,
    lambda x, z, gz: gz * x * 2,
    doc="The square of x.",
)  # fmt: skip

sqrt = operation(
    "sqrt", 1, np.sqrt, upgrade_to_float,
    lambda x, z, gz: gz * like(0.5, z) / z,
    doc="The square root; nan for negative reals.",
)  # fmt: skip

# ---- sign and extrema


def _absolute_derivative(x: Any, z: Any, gz: Any) -> Any:
    if x.dtype in complex_dtypes:
        return rows.switch(rows.eq(z, 0), like(0, x), gz * x / z)
    return gz * rows.sgn(x)


abs_ = operation(
    "abs_", 1, np.abs, real_out, _absolute_derivative,
    computes_in=as_given, holomorphic=False,
    doc="The absolute value; of a complex number its modulus.",
)  # fmt: skip

sgn = operation(
    "sgn", 1, lambda x: x if x.dtype == bool else np.sign(x), same_out_nocomplex, flat,
    doc="The sign: -1, 0 or 1, nan for nan.",
)  # fmt: skip


def _extremum_derivative(x: Any, y: Any, z: Any, gz: Any) -> tuple[Any, Any]:
    """At a tie all of the gradient goes to the first operand."""
    first = rows.eq(z, x)
    return first * gz, (like(1, gz) - first) * gz


maximum = operation(
    "maximum", 2, np.maximum, upcast_out_no_complex, _extremum_derivative,
    commutative=True, associative=True, idempotent=True,
    doc="The larger operand; nan where either is nan.",
)  # fmt: skip

minimum = operation(
    "minimum", 2, np.minimum, upcast_out_no_complex, _extremum_derivative,
    commutative=True, associative=True, idempotent=True,
    doc="The smaller operand; nan where either is nan.",
)  # fmt: skip


def _clip(x: Any, low: Any, high: Any) -> Any:
    return np.where(x < low, low, np.where(x > high, high, x))


clip = operation(
    "clip", 3, _clip, upcast_out_no_complex,
    lambda x, low, high, z, gz: (
        rows.and_(rows.ge(x, low), rows.le(x, high)) * gz,
        rows.lt(x, low) * gz,
        rows.and_(rows.gt(x, high), rows.ge(x, low)) * gz,
    ),
    operands=("x", "min", "max"),
    doc="x, or the bound that it is beyond: `min` where x < min, else `max` where x > max.",
)  # fmt: skip

# ---- choice


def _switch_derivative(condition: Any, x: Any, y: Any, z: Any, gz: Any) -> tuple[Any, Any, Any]:
    nothing = like(0, gz)
    return zero(condition, gz), rows.switch(condition, gz, nothing), rows.switch(condition, nothing, gz)


switch = operation(
    "switch", 3, np.where, lambda condition, x, y: upcast(x, y), _switch_derivative,
    computes_in=condition_first, operands=("condition", "x", "y"), holomorphic=False,
    doc="x where the condition holds (is not zero), else y. Both are computed.",
)  # fmt: skip


def _second(x: Any, y: Any) -> Any:
    return np.broadcast_to(y, np.broadcast_shapes(np.shape(x), np.shape(y))).copy()


second = operation(
    "second", 2, _second, transfer_type(1),
    lambda x, y, z, gz: (zero(x, gz), gz),
    computes_in=as_given, holomorphic=False,
    doc="y, in the shape of x and y together.",
)  # fmt: skip

identity = operation(
    "identity", 1, np.copy, same_out,
    lambda x, z, gz: gz,
    involution=True, holomorphic=False,
    doc="x itself.",
)  # fmt: skip

__all__ = [
    "abs_", "add", "clip", "identity", "int_div", "inv", "maximum", "minimum", "mod", "mul", "neg", "pow", "second",
    "sgn", "sqr", "sqrt", "sub", "switch", "true_div",
]  # fmt: skip
