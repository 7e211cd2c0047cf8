"""Elementary and special functions as recipes for LLVM IR: ``exp(builder, x) -> Value``.

Every recipe serves ``double`` and ``float`` values of any number of lanes, without branches unless its docstring says
so, with right special values and a measured error bound (docs/vector-mathematics.md).
"""

from __future__ import annotations

from theano.backend.native.vectormath.bessel import i0, i1, j0, j1
from theano.backend.native.vectormath.bessel_of_order import iv, jv
from theano.backend.native.vectormath.error_function import erf, erfc, erfcx
from theano.backend.native.vectormath.exponential import cosh, exp, exp2, exp10, expm1, sigmoid, sinh, softplus, tanh
from theano.backend.native.vectormath.gamma_functions import gamma, gammaln, psi, tri_gamma
from theano.backend.native.vectormath.incomplete_gamma import chi2sf, gammainc, gammaincc, gammal, gammau
from theano.backend.native.vectormath.inverse_error_function import erfcinv, erfinv
from theano.backend.native.vectormath.logarithm import acosh, asinh, atanh, log, log1mexp, log1p, log2, log10
from theano.backend.native.vectormath.power import cbrt, pow
from theano.backend.native.vectormath.registry import FUNCTIONS, VectorFunction
from theano.backend.native.vectormath.special import provide_symbols, symbol_address
from theano.backend.native.vectormath.trigonometric import acos, asin, atan, atan2, cos, sin, tan

__all__ = [
    "FUNCTIONS",
    "VectorFunction",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "chi2sf",
    "cos",
    "cosh",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp",
    "exp2",
    "exp10",
    "expm1",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammal",
    "gammaln",
    "gammau",
    "i0",
    "i1",
    "iv",
    "j0",
    "j1",
    "jv",
    "log",
    "log1mexp",
    "log1p",
    "log2",
    "log10",
    "pow",
    "provide_symbols",
    "psi",
    "sigmoid",
    "sin",
    "sinh",
    "softplus",
    "symbol_address",
    "tan",
    "tanh",
    "tri_gamma",
]
