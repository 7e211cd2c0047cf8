"""Compute the coefficients of the normal quantile in theano/scalar/random_numbers.py: ``python tools/fit_normal.py``.

Each part is a quotient of polynomials fitted to the quantile's reciprocal error at Chebyshev points, by linear least
squares that are weighted anew with the denominator until they settle (Sanathanan and Koerner, *Transfer function
synthesis as a ratio of two complex polynomials*, IEEE Transactions on Automatic Control 8, 1963). The comment behind
each row is the largest relative error of the exact quotient.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
from fit_polynomials import LOG_Z, TINY, fit, largest_error, logarithm_tail, rounded
from mpmath import mp, mpf

BOUND = mpf("0.075")  # below this probability lies the tail
CENTER = (mpf("0.5") - BOUND) ** 2
FORMATS = {"float64": ("double", 54, (8, 7), (8, 7), 7), "float32": ("float", 25, (3, 3), (3, 3), 3)}


def fit_quotient(
    f: Callable[[mpf], mpf], low: mpf, high: mpf, above: int, below: int
) -> tuple[list[mpf], list[mpf], mpf]:
    """Coefficients of numerator and denominator (whose first is 1), and the largest relative error."""
    count = 6 * (above + below + 1)
    points = [(low + high) / 2 + (high - low) / 2 * mpmath.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    values = [f(x) for x in points]
    divisor = [mpf(1)] * count
    best: tuple[list[mpf], list[mpf], mpf] | None = None
    for _ in range(6):
        matrix, right = mpmath.matrix(count, above + 1 + below), mpmath.matrix(count, 1)
        for i, (x, y) in enumerate(zip(points, values, strict=True)):
            w = 1 / (abs(y) * divisor[i])
            right[i] = w * y
            for j in range(above + 1):
                matrix[i, j] = w * x**j
            for j in range(below):
                matrix[i, above + 1 + j] = -w * y * x ** (j + 1)
        solution = mpmath.lu_solve(matrix, right)
        numerator = [solution[j] for j in range(above + 1)]
        denominator = [mpf(1)] + [solution[above + 1 + j] for j in range(below)]
        divisor = [abs(mpmath.polyval(denominator[::-1], x)) for x in points]
        error = max(
            abs(mpmath.polyval(numerator[::-1], x) / mpmath.polyval(denominator[::-1], x) / y - 1)
            for x, y in zip(points, values, strict=True)
        )
        if best is None or error < best[2]:
            best = numerator, denominator, error
    assert best is not None
    return best


def quantile_over_distance(s: mpf) -> mpf:
    """The quantile of 1/2 + q divided by q, at the q with ``s = CENTER - q**2``."""
    q = mpmath.sqrt(CENTER - s)
    return mpmath.sqrt(2) * mpmath.erfinv(2 * q) / q if q > mpf(10) ** -12 else mpmath.sqrt(2 * mp.pi)


def tail_quantile(r: mpf) -> mpf:
    """The number that a normal variable exceeds with probability ``exp(-r**2 / 2)``, by Newton's iteration."""
    target = -r * r / 2
    z = r - mpmath.log(r * mpmath.sqrt(2 * mp.pi)) / r
    for _ in range(60):
        share = mpmath.erfc(z / mpmath.sqrt(2)) / 2
        step = (mpmath.log(share) - target) * share * mpmath.sqrt(2 * mp.pi) / mpmath.exp(-z * z / 2)
        z += step
        if abs(step) < mpf(10) ** -36:
            break
    return z


def _one(_: mpf) -> mpf:
    return mpf(1)


def main() -> None:
    mp.dps = 40
    for dtype, (format, bits, center, tail, log_degree) in FORMATS.items():
        print(f'    "{dtype}": Coefficients(')
        start, end = mpmath.sqrt(-2 * mpmath.log(BOUND)), mpmath.sqrt(2 * bits * mpmath.log(2)) + mpf("0.01")
        jobs = (("center", quantile_over_distance, mpf(0), CENTER, center), ("tail", tail_quantile, start, end, tail))
        for name, f, low, high, degrees in jobs:
            *polynomials, error = fit_quotient(f, low, high, *degrees)
            for part, polynomial in zip(("above", "below"), polynomials, strict=True):
                numbers = ", ".join(repr(float(rounded(c, format))) for c in polynomial)
                print(f"        {name}_{part}=({numbers}),  # 2**{float(mpmath.log(error, 2)):.1f}")
        polynomial = fit(logarithm_tail, _one, TINY, LOG_Z, log_degree)
        error = largest_error(logarithm_tail, _one, polynomial, TINY, LOG_Z)
        numbers = ", ".join(repr(float(rounded(c, format))) for c in polynomial)
        print(f"        logarithm=({numbers}),  # 2**{error:.1f}\n    ),")


if __name__ == "__main__":
    main()
