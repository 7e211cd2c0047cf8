"""The table of all functions: what tests check, the ULP benchmark measures and the documentation prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from theano.backend.native.ir import Value
from theano.backend.native.vectormath import (
    bessel,
    bessel_of_order,
    error_function,
    exponential,
    gamma_functions,
    incomplete_gamma,
    inverse_error_function,
    logarithm,
    power,
    trigonometric,
)

Interval = tuple[float, float]
STRAIGHT, BRANCHES, LOOPS = "straight", "branches", "loops"


@dataclass(frozen=True)
class VectorFunction:
    """One function: its recipe, how precise it is said to be, and where to look.

    `bound_double` and `bound_float` are the largest error in units in the last place (ULP). `oracle` names a function
    of mpmath or of ``accuracy.FORMULAS``. `critical` lists thresholds of the recipe around which samples are dense.
    `flow` says whether the recipe is straight code, branches where some lane needs it, or loops, which makes it long:
    it is called then, never inlined. Where `x`, the last operand, is larger than `oscillates_from` and than the order,
    errors are in ULP of the amplitude of the oscillation, as zeros are everywhere; where it is negative, they are in
    ULP of a number at least as large as `floor`.
    """

    name: str
    arity: int
    emit: Callable[..., Value]
    bound_double: float
    bound_float: float
    oracle: str
    domain_double: tuple[Interval, ...]
    domain_float: tuple[Interval, ...]
    critical: tuple[float, ...] = ()
    flow: str = STRAIGHT
    oscillates_from: float | None = None
    floor: float = 0.0

    @property
    def branches(self) -> bool:
        """Whether some lanes may take code of their own, or SciPy's."""
        return self.flow != STRAIGHT

    def bound(self, dtype: str) -> float:
        return self.bound_double if dtype == "float64" else self.bound_float

    def domain(self, dtype: str) -> tuple[Interval, ...]:
        return self.domain_double if dtype == "float64" else self.domain_float


LARGE, LARGE32 = 1.7976931348623157e308, 3.4028234663852886e38
ALL, ALL32 = (-LARGE, LARGE), (-LARGE32, LARGE32)
POSITIVE, POSITIVE32 = (5e-324, LARGE), (1.5e-45, LARGE32)
INCOMPLETE = ((5e-324, 1e3), (5e-324, 2e3)), ((1.5e-45, 1e3), (1.5e-45, 2e3))
CHI_SQUARED = ((1e-307, 2e3), (1e-307, 1e3)), INCOMPLETE[1], (1.0, 2.0, 48.0, 24.0, 96.0)
SHAPES = (0.5, 0.75, 1.0, 24.0, 12.0, 48.0)
I_OF_ORDER = ((-1, 500), (5e-324, 720)), ((-1, 500), (1.5e-45, 95)), (1.0, 30.0, 713.98)
J_OF_ORDER = ((-1, 500), (5e-324, 1e3)), ((-1, 500), (1.5e-45, 1e3)), (1.0, 4.0, 30.0, 60.0)
J_THRESHOLDS = (1.5, 2.405, 3.832, 5.52, 7.016, 8.0, 8.65, 10.17, 2.0**15, 2.0**30)
TURNS = (0.785, 1.5708, 3.1416, 2.0**30, 2.0**15)
POLES = (-4.0, -3.0, -2.0, -1.0)
ROOTS = (0.70710678, 1.0, 1.41421356)


def _row(
    name: str,
    emit: Callable[..., Value],
    bounds: tuple[float, float],
    oracle: str,
    domain: Interval | tuple[Interval, ...],
    domain32: Interval | tuple[Interval, ...] | None = None,
    critical: tuple[float, ...] = (),
    flow: str = STRAIGHT,
    oscillates_from: float | None = None,
    floor: float = 0.0,
) -> VectorFunction:
    domain32 = domain if domain32 is None else domain32
    double = domain if isinstance(domain[0], tuple) else (domain,)
    single = domain32 if isinstance(domain32[0], tuple) else (domain32,)
    return VectorFunction(
        name, len(double), emit, *bounds, oracle, double, single, critical, flow, oscillates_from, floor
    )


_ROWS = [
    _row("exp", exponential.exp, (1, 1), "exp", (-746, 710), (-104, 89), (0.35, 1.04, 709.78, 88.72, -708.4, -87.3)),
    _row("exp2", exponential.exp2, (1, 1), "exp2", (-1076, 1025), (-151, 129), (0.5, 1023.99, -1022, 127.99, -126)),
    _row("exp10", exponential.exp10, (1, 1), "exp10", (-324, 309), (-46, 39), (0.15, 308.25, -307.6, 38.53, -37.9)),
    _row("expm1", exponential.expm1, (1.25, 1.25), "expm1", (-45, 710), (-25, 89), (0.35, -0.35, 1.04, 709.78, 88.72)),
    _row("log", logarithm.log, (1, 1), "log", POSITIVE, POSITIVE32, ROOTS),
    _row("log2", logarithm.log2, (1, 1), "log2", POSITIVE, POSITIVE32, ROOTS),
    _row("log10", logarithm.log10, (1, 1), "log10", POSITIVE, POSITIVE32, ROOTS),
    _row("log1p", logarithm.log1p, (1, 1), "log1p", (-1, LARGE), (-1, LARGE32), (-0.29289, 0.0, 0.41421)),
    _row(
        "log1mexp", logarithm.log1mexp, (1.25, 1.25), "log1mexp", (-746, 0), (-104, 0), (-0.6931, -0.35, -19, -9, -1.04)
    ),
    _row("pow", power.pow, (1, 1), "power", ((5e-324, 1e3), (-100, 100)), ((1.5e-45, 1e3), (-12, 12)), (1.0,)),
    _row("cbrt", power.cbrt, (1, 1), "cbrt", ALL, ALL32, (1.0, 2.0, 4.0)),
    _row("sigmoid", exponential.sigmoid, (2.5, 2.5), "sigmoid", (-746, 60), (-104, 30), (0.0, -0.35, -708.4, -87.3)),
    _row("softplus", exponential.softplus, (2, 2), "softplus", (-746, 800), (-104, 100), (0.0, -0.35, -708.4, -87.3)),
    _row("tanh", exponential.tanh, (1, 1), "tanh", (-25, 25), (-12, 12), (0.17, 0.35, 19.06, 9.01)),
    _row("sinh", exponential.sinh, (2, 2), "sinh", (-711, 711), (-90, 90), (0.35, 0.41, 710.47, 89.41)),
    _row("cosh", exponential.cosh, (2, 2), "cosh", (-711, 711), (-90, 90), (0.35, 1.73, 710.47, 89.41)),
    _row("asinh", logarithm.asinh, (2, 2), "asinh", ALL, ALL32, (0.24, 0.45, 2.0**28, 2.0**13)),
    _row("acosh", logarithm.acosh, (2.5, 2.5), "acosh", (1, LARGE), (1, LARGE32), (1.0, 1.03, 2.0**28, 2.0**13)),
    _row("atanh", logarithm.atanh, (2, 2), "atanh", (-1, 1), (-1, 1), (0.17, 0.45, 1.0)),
    _row("sin", trigonometric.sin, (1, 1), "sin", ALL, ALL32, TURNS, BRANCHES),
    _row("cos", trigonometric.cos, (1, 1), "cos", ALL, ALL32, TURNS, BRANCHES),
    _row("tan", trigonometric.tan, (2.5, 2.5), "tan", ALL, ALL32, TURNS, BRANCHES),
    _row("asin", trigonometric.asin, (1.5, 1.5), "asin", (-1, 1), (-1, 1), (0.5, 1.0)),
    _row("acos", trigonometric.acos, (1.5, 1.5), "acos", (-1, 1), (-1, 1), (0.5, 1.0, -1.0)),
    _row("atan", trigonometric.atan, (2, 2), "atan", ALL, ALL32, (0.41421356, 1.0, 2.41421356)),
    _row("atan2", trigonometric.atan2, (2, 2), "atan2", (ALL, ALL), (ALL32, ALL32), (1.0, 0.41421356)),
    _row("erf", error_function.erf, (1.5, 1.5), "erf", (-6.5, 6.5), (-4.5, 4.5), (0.875, 5.92, 3.83)),
    _row("erfc", error_function.erfc, (1.5, 1.5), "erfc", (-7, 27.3), (-4.5, 10.1), (0.5, 26.5, 9.2)),
    _row(
        "erfcx",
        error_function.erfcx,
        (2.5, 2.5),
        "erfcx",
        (-27, LARGE),
        (-10, LARGE32),
        (4.0, 0.5, -26.64, -9.38),
        BRANCHES,
    ),
    _row("erfinv", inverse_error_function.erfinv, (2.5, 2.5), "erfinv", (-1, 1), (-1, 1), (0.9908, 1.0), BRANCHES),
    _row(
        "erfcinv",
        inverse_error_function.erfcinv,
        (2.5, 2.5),
        "erfcinv",
        (0, 2),
        (0, 2),
        (0.0092, 1.0, 1.9908, 2.0, 1e-16),
        BRANCHES,
    ),
    _row("tri_gamma", gamma_functions.tri_gamma, (2, 2), "tri_gamma", ALL, ALL32, (0.5, 1.0, 2.0, *POLES), BRANCHES),
    _row(
        "gamma", gamma_functions.gamma, (3, 3), "gamma", (-185, 172), (-45, 36), (1.0, 171.62, 35.04, *POLES), BRANCHES
    ),
    _row(
        "gammaln",
        gamma_functions.gammaln,
        (3, 3),
        "gammaln",
        ALL,
        ALL32,
        (0.5, 1.0, 2.0, 3.0, *POLES),
        BRANCHES,
        floor=0.125,
    ),
    _row(
        "psi",
        gamma_functions.psi,
        (2.5, 2.5),
        "psi",
        ALL,
        ALL32,
        (1.0, 2.0, 1.461632145, *POLES, -0.504),
        BRANCHES,
        floor=1.0,
    ),
    _row("chi2sf", incomplete_gamma.chi2sf, (8, 1), "chi2sf", *CHI_SQUARED, LOOPS),
    _row("gammainc", incomplete_gamma.gammainc, (8, 1), "gammainc_lower", *INCOMPLETE, SHAPES, LOOPS),
    _row("gammaincc", incomplete_gamma.gammaincc, (8, 1), "gammainc_upper", *INCOMPLETE, SHAPES, LOOPS),
    _row("gammal", incomplete_gamma.gammal, (8, 1), "gammal", *INCOMPLETE, SHAPES, LOOPS),
    _row("gammau", incomplete_gamma.gammau, (8, 1), "gammau", *INCOMPLETE, SHAPES, LOOPS),
    _row("i0", bessel.i0, (4, 4), "i0", (-714, 714), (-92, 92), (8.0, 713.98, 91.9)),
    _row("i1", bessel.i1, (4, 4), "i1", (-714, 714), (-92, 92), (8.0, 713.98, 91.9)),
    _row("j0", bessel.j0, (8, 8), "j0", ALL, ALL32, J_THRESHOLDS, BRANCHES, 8.0),
    _row("j1", bessel.j1, (8, 8), "j1", ALL, ALL32, J_THRESHOLDS, BRANCHES, 8.0),
    _row("iv", bessel_of_order.iv, (10, 1), "besseli", *I_OF_ORDER, LOOPS),
    _row("jv", bessel_of_order.jv, (10, 1), "besselj", *J_OF_ORDER, LOOPS, 30.0),
]

FUNCTIONS: dict[str, VectorFunction] = {row.name: row for row in _ROWS}
