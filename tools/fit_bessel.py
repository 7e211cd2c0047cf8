"""Compute the constants of the Bessel functions and the incomplete gamma functions.

    python tools/fit_bessel.py > theano/backend/native/vectormath/bessel_coefficients.py

Polynomials are fitted as ``tools/fit_polynomials.py`` does.
"""

from __future__ import annotations

import mpmath
from fit_polynomials import MANTISSA, Function, fit, largest_error, rounded, row, split
from mpmath import mp, mpf

TINY = mpf(10) ** -20
AT_INFINITY = mpf(10) ** -7 - 1  # 16/x - 1 or 128/x**2 - 1 of a large x

# ---- Bessel functions of orders 0 and 1 (DLMF chapter 10)

ZEROS = {order: [mpmath.besseljzero(order, n) for n in (1, 2, 3)] for order in (0, 1)}


def i_series(order: int) -> Function:
    """I(x) / (x/2)**order as a function of t = x**2 / 4 (DLMF 10.25.2)."""
    return lambda t: mpmath.hyp0f1(order + 1, t) / mpmath.factorial(order)


def i_near(order: int) -> Function:
    """(I(x) / (x/2)**order - 1) / t."""
    return lambda t: (i_series(order)(t) - 1) / t


def i_weight(order: int) -> Function:
    return lambda t: t / i_series(order)(t)


def i_far(order: int) -> Function:
    """exp(-x) sqrt(x) I(x) of u = 16/x - 1 (DLMF 10.40.1)."""

    def f(u: mpf) -> mpf:
        x = 16 / (u + 1)
        return mpmath.exp(-x) * mpmath.sqrt(x) * mpmath.besseli(order, x)

    return f


def j_series(order: int) -> Function:
    """J(x) / (x/2)**order as a function of s = x**2 (DLMF 10.2.2)."""
    return lambda s: mpmath.hyp0f1(order + 1, -s / 4)


def j_first(order: int) -> Function:
    """(J(x) / (x/2)**order - 1) / s."""
    return lambda s: (j_series(order)(s) - 1) / s


def j_near(order: int) -> Function:
    """J(x) / x**order without its first three zeros, as a function of (x**2 - 33) / 31."""

    def f(u: mpf) -> mpf:
        s = 31 * u + 33
        value = j_series(order)(s) / 2**order
        for zero in ZEROS[order]:
            value /= s - zero**2
        return value

    return f


def hankel(order: int, u: mpf) -> tuple[mpf, mpf]:
    """x and sqrt(pi x / 2) (J + iY) exp(-i (x - order pi/2 - pi/4)) for u = 128/x**2 - 1 (DLMF 10.18)."""
    x = 8 / mpmath.sqrt((u + 1) / 2)
    value = mpmath.besselj(order, x) + 1j * mpmath.bessely(order, x)
    return x, value * mpmath.expj(-(x - mp.pi / 4 - order * mp.pi / 2)) * mpmath.sqrt(mp.pi * x / 2)


def modulus(order: int) -> Function:
    return lambda u: abs(hankel(order, u)[1])


def phase(order: int) -> Function:
    def f(u: mpf) -> mpf:
        x, value = hankel(order, u)
        return mpmath.arg(value) * x

    return f


# name: (meaning, function, low, high, degree for double, degree for float, weight)
POLYNOMIALS = {
    **{
        f"I{n}_NEAR": (f"(I{n}(x)/(x/2)^{n} - 1)/t of t = x^2/4, |x| <= 8", i_near(n), TINY, 16, 15, 8, i_weight(n))
        for n in (0, 1)
    },
    **{f"I{n}_FAR": (f"exp(-x) sqrt(x) I{n}(x) of 16/x - 1, x >= 8", i_far(n), AT_INFINITY, 1, 23, 6) for n in (0, 1)},
    **{f"J{n}_FIRST": (f"(J{n}(x)/(x/2)^{n} - 1)/s of s = x^2 <= 2.25", j_first(n), TINY, 2.25, 7, 3) for n in (0, 1)},
    **{
        f"J{n}_NEAR": (f"J{n} without zeros, of (x^2 - 33)/31, x <= 8", j_near(n), -1, 1, 13, 7)
        for n in (0, 1)
    },
    **{f"J{n}_MODULUS": (f"of 128/x^2 - 1, x >= 8, J{n}", modulus(n), AT_INFINITY, 1, 12, 3) for n in (0, 1)},
    **{f"J{n}_PHASE": (f"x times it, of 128/x^2 - 1, x >= 8, J{n}", phase(n), AT_INFINITY, 1, 12, 3) for n in (0, 1)},
}

SPLIT_CONSTANTS = {
    **{f"J{n}_ZERO{i + 1}": zero for n, zeros in ZEROS.items() for i, zero in enumerate(zeros)},
}


def main() -> None:
    print('"""Constants of Bessel and incomplete gamma functions. Written by tools/fit_bessel.py; do not edit."""\n')
    print("from __future__ import annotations\n")
    for name, value in SPLIT_CONSTANTS.items():
        parts = {f: split(value, f, None) for f in MANTISSA}
        print(row(name, f"{mpmath.nstr(value, 20)} as a sum of three parts", parts, {}))
    for name, (meaning, f, low, high, *rest) in POLYNOMIALS.items():
        weight = rest[2] if len(rest) > 2 else lambda x: mpf(1)
        values, remarks = {}, {}
        for format, degree in zip(MANTISSA, rest[:2], strict=True):
            values[format] = [rounded(c, format) for c in fit(f, weight, mpf(low), mpf(high), degree)]
            remarks[format] = f"error 2^{largest_error(f, weight, values[format], mpf(low), mpf(high)):.1f}"
        print(row(name, meaning, values, remarks))


if __name__ == "__main__":
    main()
