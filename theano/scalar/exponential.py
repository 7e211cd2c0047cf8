"""Rows of the table: exponentials, logarithms and the sigmoids made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from theano.scalar.dtypes import upgrade_to_float, upgrade_to_float_no_complex
from theano.scalar.table import like, operation, rows

LN2, LN10 = math.log(2), math.log(10)

exp = operation(
    "exp", 1, np.exp, upgrade_to_float,
    lambda x, z, gz: gz * z,
    doc="e to the power x.",
)  # fmt: skip

exp2 = operation(
    "exp2", 1, np.exp2, upgrade_to_float,
    lambda x, z, gz: gz * z * like(LN2, z),
    doc="Two to the power x.",
)  # fmt: skip

expm1 = operation(
    "expm1", 1, np.expm1, upgrade_to_float,
    lambda x, z, gz: gz * rows.exp(x),
    doc="exp(x) - 1, precise also near zero.",
)  # fmt: skip

log = operation(
    "log", 1, np.log, upgrade_to_float,
    lambda x, z, gz: gz / x,
    doc="The natural logarithm; nan for negative reals.",
)  # fmt: skip

log2 = operation(
    "log2", 1, np.log2, upgrade_to_float,
    lambda x, z, gz: gz / (x * like(LN2, z)),
    doc="The logarithm to base 2.",
)  # fmt: skip

log10 = operation(
    "log10", 1, np.log10, upgrade_to_float,
    lambda x, z, gz: gz / (x * like(LN10, z)),
    doc="The logarithm to base 10.",
)  # fmt: skip

log1p = operation(
    "log1p", 1, np.log1p, upgrade_to_float,
    lambda x, z, gz: gz / (1 + x),
    doc="log(1 + x), precise also near zero.",
)  # fmt: skip


def _log1mexp(x: Any) -> Any:
    # Where exp(x) is small 1 - exp(x) keeps its digits, else expm1 does: the change at log(1/2) is due to
    # M. Maechler, "Accurately computing log(1 - exp(-|a|))", 2012.
    return np.where(x > -LN2, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


log1mexp = operation(
    "log1mexp", 1, _log1mexp, upgrade_to_float_no_complex,
    lambda x, z, gz: -gz / rows.expm1(-x),
    doc="log(1 - exp(x)) for negative x, precise everywhere.",
)  # fmt: skip


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


softplus = operation(
    "softplus", 1, _softplus, upgrade_to_float_no_complex,
    lambda x, z, gz: gz * rows.sigmoid(x),
    doc="log(1 + exp(x)) without overflow: a smooth maximum of x and 0.",
)  # fmt: skip

sigmoid = operation(
    "sigmoid", 1, "scipy.special.expit", upgrade_to_float_no_complex,
    lambda x, z, gz: gz * z * (1 - z),
    doc="The logistic function 1 / (1 + exp(-x)).",
)  # fmt: skip

# ---- approximations of the sigmoid by simple pieces

# The pieces of ultra_fast_sigmoid, in h = |x| / 2: a hyperbola up to the first knot, a line up to the second, then a
# constant.
KNOTS = (1.7, 3.0)
HYPERBOLA = 1.5
LINE_AT_KNOT, LINE_SLOPE, LAST = 0.935409070603099, 0.0458812946797165, 0.99505475368673


def _ultra_fast_sigmoid(x: Any) -> Any:
    h = np.abs(x) * 0.5
    line = LINE_AT_KNOT + LINE_SLOPE * (h - KNOTS[0])
    z = np.where(h < KNOTS[0], HYPERBOLA * h / (1 + h), np.where(h < KNOTS[1], line, LAST))
    return np.where(np.isnan(x), x, 0.5 * (np.copysign(z, x) + 1))


def _ultra_fast_sigmoid_derivative(x: Any, z: Any, gz: Any) -> Any:
    h = rows.abs_(x) * like(0.5, z)
    hyperbola = like(HYPERBOLA / 4, z) / rows.sqr(1 + h)
    line = rows.switch(rows.lt(h, like(KNOTS[1], z)), like(LINE_SLOPE / 4, z), like(0, z))
    return gz * rows.switch(rows.lt(h, like(KNOTS[0], z)), hyperbola, line)


ultra_fast_sigmoid = operation(
    "ultra_fast_sigmoid", 1, _ultra_fast_sigmoid, upgrade_to_float_no_complex, _ultra_fast_sigmoid_derivative,
    doc="The sigmoid approximated by a hyperbola, a line and a constant; the error is below 0.03.",
)  # fmt: skip

HARD_SLOPE, HARD_SHIFT = 0.2, 0.5


def _hard_sigmoid(x: Any) -> Any:
    return np.clip(x * x.dtype.type(HARD_SLOPE) + x.dtype.type(HARD_SHIFT), 0, 1)


hard_sigmoid = operation(
    "hard_sigmoid", 1, _hard_sigmoid, upgrade_to_float_no_complex,
    lambda x, z, gz: rows.and_(rows.gt(z, 0), rows.lt(z, 1)) * gz * like(HARD_SLOPE, z),
    doc="The sigmoid approximated by a line: 0.2 x + 0.5, kept between 0 and 1.",
)  # fmt: skip

__all__ = [
    "exp",
    "exp2",
    "expm1",
    "hard_sigmoid",
    "log",
    "log1mexp",
    "log1p",
    "log2",
    "log10",
    "sigmoid",
    "softplus",
    "ultra_fast_sigmoid",
]  # fmt: skip
