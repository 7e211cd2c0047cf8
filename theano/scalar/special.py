"""Rows of the table: the error function's family, the gamma function's family, and Bessel functions.

Names and parameters are those of Theano 1.0; meanings are SciPy's. Derivatives are found in the NIST Digital Library of
Mathematical Functions: chapters 7 (erf), 5 and 8 (gamma), 10 (Bessel).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from theano.scalar.dtypes import upgrade_to_float, upgrade_to_float64, upgrade_to_float_no_complex
from theano.scalar.table import like, operation, rows, unknown

TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)
SQRT_PI_OVER_TWO = math.sqrt(math.pi) / 2

# ---- error functions

erf = operation(
    "erf", 1, "scipy.special.erf", upgrade_to_float,
    lambda x, z, gz: gz * like(TWO_OVER_SQRT_PI, z) * rows.exp(-x * x),
    doc="The error function: 2/sqrt(pi) times the integral of exp(-t²) from 0 to x.",
)  # fmt: skip

erfc = operation(
    "erfc", 1, "scipy.special.erfc", upgrade_to_float,
    lambda x, z, gz: -gz * like(TWO_OVER_SQRT_PI, z) * rows.exp(-x * x),
    doc="1 - erf(x), precise also where erf(x) is close to 1.",
)  # fmt: skip

erfcx = operation(
    "erfcx", 1, "scipy.special.erfcx", upgrade_to_float_no_complex,
    lambda x, z, gz: gz * (2 * x * z - like(TWO_OVER_SQRT_PI, z)),
    doc="exp(x²) erfc(x), which neither overflows nor vanishes for large x.",
)  # fmt: skip

erfinv = operation(
    "erfinv", 1, "scipy.special.erfinv", upgrade_to_float_no_complex,
    lambda x, z, gz: gz * like(SQRT_PI_OVER_TWO, z) * rows.exp(rows.sqr(z)),
    doc="The number whose erf is x, for x between -1 and 1.",
)  # fmt: skip

erfcinv = operation(
    "erfcinv", 1, "scipy.special.erfcinv", upgrade_to_float_no_complex,
    lambda x, z, gz: -gz * like(SQRT_PI_OVER_TWO, z) * rows.exp(rows.sqr(z)),
    doc="The number whose erfc is x, for x between 0 and 2.",
)  # fmt: skip

# ---- gamma functions

gamma = operation(
    "gamma", 1, "scipy.special.gamma", upgrade_to_float_no_complex,
    lambda x, z, gz: gz * z * rows.psi(x),
    doc="The gamma function: (x - 1)! for positive whole x.",
)  # fmt: skip

gammaln = operation(
    "gammaln", 1, "scipy.special.gammaln", upgrade_to_float_no_complex,
    lambda x, z, gz: gz * rows.psi(x),
    doc="The logarithm of the absolute value of gamma(x).",
)  # fmt: skip

psi = operation(
    "psi", 1, "scipy.special.psi", upgrade_to_float_no_complex,
    lambda x, z, gz: gz * rows.tri_gamma(x),
    doc="The digamma function: the derivative of gammaln.",
)  # fmt: skip


def _tri_gamma(x: Any) -> Any:
    import scipy.special

    return np.where(x == -np.inf, np.nan, scipy.special.polygamma(1, x))  # its poles leave no limit there


tri_gamma = operation(
    "tri_gamma", 1, _tri_gamma, upgrade_to_float_no_complex,
    lambda x, z, gz: unknown("the derivative of the trigamma function, the tetragamma function, is not in the table"),
    doc="The trigamma function: the derivative of psi.",
)  # fmt: skip

BY_SHAPE = "the derivative of an incomplete gamma function by its shape parameter k has no closed form"


def _gamma_density(k: Any, x: Any, z: Any) -> Any:
    """The derivative of gammainc(k, x) by x: ``x**(k-1) exp(-x) / gamma(k)``."""
    return rows.exp(-x + (k - 1) * rows.log(x) - rows.gammaln(k))


gammainc = operation(
    "gammainc", 2, "scipy.special.gammainc", upgrade_to_float_no_complex,
    lambda k, x, z, gz: (unknown(BY_SHAPE), gz * _gamma_density(k, x, z)),
    operands=("k", "x"),
    doc="The regularized lower incomplete gamma function: the share of gamma(k) that lies below x.",
)  # fmt: skip

gammaincc = operation(
    "gammaincc", 2, "scipy.special.gammaincc", upgrade_to_float_no_complex,
    lambda k, x, z, gz: (unknown(BY_SHAPE), -gz * _gamma_density(k, x, z)),
    operands=("k", "x"),
    doc="The regularized upper incomplete gamma function: 1 - gammainc(k, x).",
)  # fmt: skip


def _part_of_gamma(share: Any, k: Any, x: Any) -> Any:
    """``share(k, x) * gamma(k)``, by logarithms where gamma(k) alone overflows."""
    import scipy.special

    wide = np.asarray(k, "float64")
    part, whole = share(wide, np.asarray(x, "float64")), scipy.special.gamma(wide)
    with np.errstate(all="ignore"):
        by_logarithms = np.where(part == 0, 0.0, np.exp(np.log(part) + scipy.special.gammaln(wide)))
        overflows = np.isinf(whole) & (wide > 0) & np.isfinite(wide)
        return np.where(overflows, by_logarithms, part * whole).astype(share(k, x).dtype)


def _gammau(k: Any, x: Any) -> Any:
    import scipy.special

    return _part_of_gamma(scipy.special.gammaincc, k, x)


def _gammal(k: Any, x: Any) -> Any:
    import scipy.special

    return _part_of_gamma(scipy.special.gammainc, k, x)


gammau = operation(
    "gammau", 2, _gammau, upgrade_to_float_no_complex,
    lambda k, x, z, gz: (unknown(BY_SHAPE), -gz * rows.exp(-x + (k - 1) * rows.log(x))),
    operands=("k", "x"),
    doc="The upper incomplete gamma function: the integral of t**(k-1) exp(-t) from x to infinity.",
)  # fmt: skip

gammal = operation(
    "gammal", 2, _gammal, upgrade_to_float_no_complex,
    lambda k, x, z, gz: (unknown(BY_SHAPE), gz * rows.exp(-x + (k - 1) * rows.log(x))),
    operands=("k", "x"),
    doc="The lower incomplete gamma function: the integral of t**(k-1) exp(-t) from 0 to x.",
)  # fmt: skip


def _chi2sf(x: Any, k: Any) -> Any:
    import scipy.special

    return scipy.special.chdtrc(k, x)


def _chi2sf_derivative(x: Any, k: Any, z: Any, gz: Any) -> Any:
    half = like(0.5, z)
    return -gz * half * _gamma_density(k * half, x * half, z), unknown(BY_SHAPE)


chi2sf = operation(
    "chi2sf", 2, _chi2sf, upgrade_to_float64, _chi2sf_derivative,
    operands=("x", "k"),
    doc="The probability that a chi-squared variable of k degrees of freedom exceeds x.",
)  # fmt: skip

# ---- Bessel functions

BY_ORDER = "the derivative of a Bessel function by its order has no closed form"


def _jv(v: Any, x: Any) -> Any:
    import scipy.special

    found = scipy.special.jv(v, x)
    return np.where(np.isinf(v) & np.isfinite(x), found.dtype.type(0), found)  # of some SciPy's is nan


def _iv(v: Any, x: Any) -> Any:
    import scipy.special

    found = scipy.special.iv(v, x)
    with np.errstate(all="ignore"):  # of the smallest numbers SciPy's is nan; there the first term of the series is all
        first = np.power(np.asarray(x, "float64") / 2, v) * scipy.special.rgamma(np.asarray(v, "float64") + 1)
    return np.where(np.isnan(found) & (np.abs(x) < 1e-290), first, found).astype(found.dtype)


j0 = operation(
    "j0", 1, "scipy.special.j0", upgrade_to_float_no_complex,
    lambda x, z, gz: -gz * rows.j1(x),
    doc="The Bessel function of the first kind of order 0.",
)  # fmt: skip

j1 = operation(
    "j1", 1, "scipy.special.j1", upgrade_to_float_no_complex,
    lambda x, z, gz: gz * (rows.j0(x) - rows.jv(like(2, z), x)) * like(0.5, z),
    doc="The Bessel function of the first kind of order 1.",
)  # fmt: skip

jv = operation(
    "jv", 2, _jv, upgrade_to_float_no_complex,
    lambda v, x, z, gz: (unknown(BY_ORDER), gz * (rows.jv(v - 1, x) - rows.jv(v + 1, x)) * like(0.5, z)),
    operands=("v", "x"),
    doc="The Bessel function of the first kind of real order v.",
)  # fmt: skip

i0 = operation(
    "i0", 1, "scipy.special.i0", upgrade_to_float_no_complex,
    lambda x, z, gz: gz * rows.i1(x),
    doc="The modified Bessel function of the first kind of order 0.",
)  # fmt: skip

i1 = operation(
    "i1", 1, "scipy.special.i1", upgrade_to_float_no_complex,
    lambda x, z, gz: gz * (rows.i0(x) + rows.iv(like(2, z), x)) * like(0.5, z),
    doc="The modified Bessel function of the first kind of order 1.",
)  # fmt: skip

iv = operation(
    "iv", 2, _iv, upgrade_to_float_no_complex,
    lambda v, x, z, gz: (unknown(BY_ORDER), gz * (rows.iv(v - 1, x) + rows.iv(v + 1, x)) * like(0.5, z)),
    operands=("v", "x"),
    doc="The modified Bessel function of the first kind of real order v.",
)  # fmt: skip

__all__ = [
    "chi2sf", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "gamma", "gammainc", "gammaincc", "gammal", "gammaln",
    "gammau", "i0", "i1", "iv", "j0", "j1", "jv", "psi", "tri_gamma",
]  # fmt: skip
