"""Errors in units in the last place against mpmath, for the tests and for ``benchmarks/ulp.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from theano.backend.native.vectormath.evaluate import compiled
from theano.backend.native.vectormath.registry import Interval, VectorFunction

PRECISION = 160  # bits of the oracle
LANES = {"float64": 8, "float32": 16}
SPECIAL_VALUES = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, np.inf, -np.inf, np.nan)


def oracle(function: VectorFunction) -> Callable[..., Any]:
    """The function with mpmath's numbers."""
    import mpmath
    from mpmath import mp, mpf

    def tri_gamma(x: Any) -> Any:
        if x > 0:
            return mpmath.psi(1, x)
        pole = x == mpmath.floor(x)
        return mp.inf if pole else (mp.pi / mpmath.sinpi(x)) ** 2 - mpmath.psi(1, 1 - x)

    def off_poles(value: Any, formula: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`formula`, but `value` at the negative whole numbers."""
        return lambda x: value if x < 0 and x == mpmath.floor(x) else formula(x)

    def gamma(x: Any) -> Any:
        if x == 0 or x > 200:
            return mp.inf
        return mpmath.gamma(x) if x > -200 else mpf(0)

    def gammaln(x: Any) -> Any:
        return mpmath.re(mpmath.loggamma(x)) if x > 0 else mpmath.log(mp.pi / abs(x * mpmath.sinpi(x))) - gammaln(-x)

    def incomplete_gamma(a: Any, x: Any, upper: bool) -> Any:
        """Regularized, by a series of positive terms (DLMF 8.7.1), Q far from 1 by its continued fraction (8.9.2)."""
        lost = max(-mpmath.log(a, 2), 0)
        if x > a + 1:
            lost += (x - a - a * mpmath.log(x / a)) / mp.ln2
            if lost > 60 and x > 10:
                fraction = x
                for n in range(600, 0, -1):
                    fraction = x + 2 * n - 1 - a - n * (n - a) / fraction
                found = mpmath.exp(a * mpmath.log(x) - x - mpmath.loggamma(a)) / fraction
                return found if upper else 1 - found
        with mpmath.extraprec(int(lost) + 80):
            factor = mpmath.exp(a * mpmath.log(x) - x - mpmath.loggamma(a + 1))
            lower = factor * mpmath.hyp1f1(1, a + 1, x, maxterms=10**7)
            return 1 - lower if upper else lower

    def erfcx(x: Any) -> Any:
        if x < 1e4:
            return mpmath.exp(x * x) * mpmath.erfc(x)
        terms = (mpmath.fac2(2 * n - 1) / (-2 * x * x) ** n for n in range(6))
        return mpmath.fsum(terms) / (x * mpmath.sqrt(mp.pi))

    def erfcinv(x: Any) -> Any:
        """By Newton's method on the logarithm, from what Chernoff's bound says."""
        if x == 0:
            return mp.inf
        y = mpmath.sqrt(-mpmath.log(x))
        for _ in range(12):
            y += mpmath.log(mpmath.erfc(y) / x) * mpmath.erfc(y) * mpmath.exp(y * y) * mpmath.sqrt(mp.pi) / 2
        return y

    def erfinv(x: Any) -> Any:
        y = x * mpmath.sqrt(mp.pi) / 2
        for _ in range(7):
            y -= (mpmath.erf(y) - x) * mpmath.exp(y * y) * mpmath.sqrt(mp.pi) / 2
        return y

    formulas: dict[str, Callable[..., Any]] = {
        "exp2": lambda x: mpf(2) ** x,
        "exp10": lambda x: mpf(10) ** x,
        "log2": lambda x: mpmath.log(x) / mp.ln2,
        "log10": lambda x: mpmath.log(x) / mp.ln10,
        "log1mexp": lambda x: mpmath.log1p(-mpmath.exp(x)) if x < -1 else mpmath.log(-mpmath.expm1(x)),
        "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
        "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
        "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
        "atan2": lambda y, x: mpmath.atan2(y, x),
        "gamma": off_poles(mp.nan, gamma),
        "gammaln": off_poles(mp.inf, gammaln),
        "psi": off_poles(mp.nan, mpmath.digamma),
        "tri_gamma": tri_gamma,
        "erfinv": lambda x: erfinv(x) if abs(x) < 0.5 else mpmath.sign(x) * erfcinv(1 - abs(x)),
        "erfcinv": lambda x: erfcinv(x) if x < 0.5 else -erfcinv(2 - x) if x > 1.5 else erfinv(1 - x),
        "erfcx": erfcx,
        "chi2sf": lambda x, k: incomplete_gamma(k / 2, x / 2, True),
        "gammainc_lower": lambda k, x: incomplete_gamma(k, x, False),
        "gammainc_upper": lambda k, x: incomplete_gamma(k, x, True),
        "gammal": lambda k, x: incomplete_gamma(k, x, False) * mpmath.gamma(k),
        "gammau": lambda k, x: incomplete_gamma(k, x, True) * mpmath.gamma(k),
        "i0": lambda x: mpmath.besseli(0, x),
        "i1": lambda x: mpmath.besseli(1, x),
        "j0": lambda x: mpmath.besselj(0, x),
        "j1": lambda x: mpmath.besselj(1, x),
    }
    return formulas.get(function.oracle) or getattr(mpmath, function.oracle)


@contextmanager
def oracle_precision() -> Iterator[None]:
    import mpmath

    with mpmath.workprec(PRECISION):
        yield


def error_scale(function: VectorFunction, *operands: Any) -> Any:
    """The amplitude of a Bessel function where it oscillates (DLMF 10.17.3); below 0 the floor of others; else 0."""
    import mpmath

    *order, x = operands
    limit = function.oscillates_from
    if limit is None:
        return mpmath.mpf(function.floor if x < 0 else 0)
    oscillates = abs(x) > max([limit, *map(abs, order)])
    return mpmath.sqrt(2 / (mpmath.pi * abs(x))) if oscillates else mpmath.mpf(0)


def error_in_ulp(got: float, exact: Any, dtype: str, scale: Any = 0) -> float:
    """``|got - exact|`` in units in the last place of `exact`, or of `scale` if that is larger.

    Infinite where special values disagree.
    """
    import mpmath
    from mpmath import mpf

    fraction_bits, smallest = (52, -1022) if dtype == "float64" else (23, -126)
    largest = mpf(float(np.finfo(dtype).max))
    rounds_to_infinity = largest * (1 + mpf(2) ** -(fraction_bits + 2))
    if mpmath.isnan(exact) or got != got:
        return 0.0 if mpmath.isnan(exact) and got != got else np.inf
    if abs(exact) >= rounds_to_infinity or np.isinf(got):
        return 0.0 if np.isinf(got) and abs(exact) > largest and (got > 0) == (exact > 0) else np.inf
    unit = max(abs(exact), scale)
    exponent = smallest if unit == 0 else max(mpmath.frexp(unit)[1] - 1, smallest)
    return float(abs(mpf(got) - exact) / mpf(2) ** (exponent - fraction_bits))


def _sample_interval(
    rng: np.random.Generator, interval: Interval, critical: tuple[float, ...], dtype: str, count: int
) -> np.ndarray:
    low, high = interval
    info = np.finfo(dtype)
    limit = min(max(abs(low), abs(high)), 1e6)
    uniform = rng.uniform(max(low, -limit), min(high, limit), count)
    middle = rng.uniform(max(low, -4.0), min(high, 4.0), count)
    smallest = np.log2(float(info.smallest_subnormal))
    magnitudes = np.exp2(rng.uniform(smallest, np.log2(max(abs(low), abs(high))), count))
    exponents = np.where(rng.random(count) < 0.5, magnitudes, -magnitudes)
    groups = [uniform, middle, exponents]
    if critical:
        centre = rng.choice(np.array(critical), count)
        width = np.abs(centre) + (centre == 0)
        groups.append(centre + width * rng.uniform(-1, 1, count) * np.exp2(rng.uniform(-info.nmant, -3, count)))
    with np.errstate(over="ignore", under="ignore"):
        values = rng.permutation(np.concatenate(groups)).astype(dtype)
    bounds = np.array(interval, dtype)
    inside = values[(values >= bounds[0]) & (values <= bounds[1]) & np.isfinite(values)]
    return np.resize(inside, count)


def sample(function: VectorFunction, dtype: str, count: int, seed: int = 0) -> list[np.ndarray]:
    """Operands within the domain: uniform, dense near zero, over all exponents, and around critical points."""
    rng = np.random.default_rng([seed, *function.name.encode()])
    return [_sample_interval(rng, d, function.critical, dtype, count) for d in function.domain(dtype)]


@dataclass(frozen=True)
class Accuracy:
    """The largest and the mean error in ULP, and the operands of the largest."""

    largest: float
    mean: float
    operands: tuple[float, ...]


def measure(function: VectorFunction, dtype: str, operands: list[np.ndarray], lanes: int | None = None) -> Accuracy:
    """The errors of `function` at the given points."""
    got = compiled(function.emit, function.arity, dtype, lanes or LANES[dtype])(*operands)
    exact_function = oracle(function)
    errors = np.empty(got.size)
    with oracle_precision():
        from mpmath import mpf

        for i, value in enumerate(got):
            point = [mpf(float(x[i])) for x in operands]
            scale = error_scale(function, *point)
            errors[i] = error_in_ulp(float(value), exact_function(*point), dtype, scale)
    worst = int(np.argmax(errors))
    return Accuracy(float(errors[worst]), float(errors.mean()), tuple(float(x[worst]) for x in operands))
