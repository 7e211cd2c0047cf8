"""Compute the constants of the Bessel functions and the incomplete gamma functions.

    python tools/fit_bessel.py > theano/backend/native/vectormath/bessel_coefficients.py

Polynomials are fitted as ``tools/fit_polynomials.py`` does.
"""

from __future__ import annotations

import mpmath
from fit_polynomials import LOG_Z, MANTISSA, Function, fit, largest_error, rounded, row, split
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


# ---- the gamma function and Temme's expansion (DLMF 5.11, 8.12)


def inverse_scaled_gamma(u: mpf) -> mpf:
    """sqrt(2 pi / a) (a/e)**a / gamma(a) of u = 2/a - 1: the reciprocal of what Stirling's formula leaves."""
    a = 2 / (u + 1)
    return mpmath.sqrt(2 * mp.pi / a) * mpmath.exp(a * mpmath.log(a) - a) / mpmath.gamma(a)


def log_gamma_slope(u: mpf) -> mpf:
    """log(gamma(1 + a)) / a of u = 2 a - 1."""
    a = (u + 1) / 2
    return mpmath.loggamma(1 + a) / a


def log_tail(z: mpf) -> mpf:
    """(2 atanh(s)/s - 2 - 2 z/3 - 2 z**2/5) / z**3 of z = s**2: the logarithm behind three terms."""
    return (((2 * mpmath.atanh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 2) / z - mpf(2) / 3) / z - mpf(2) / 5) / z


def stirling_coefficients(count: int) -> list[mpf]:
    """The g of gamma(z) ~ exp(-z) z**z sqrt(2 pi / z) sum(g[k] / z**k) (DLMF 5.11.5 and 5.11.6)."""
    a = [mpmath.sqrt(2) / 2]
    for k in range(1, 2 * count):
        known = sum(a[i] * a[k - i] / (i + 1) for i in range(1, k))
        a.append((a[k - 1] / k - known) / (a[0] * (1 + mpf(1) / (k + 1))))
    return [mpmath.sqrt(2) * mpmath.rf(mpf(1) / 2, k) * a[2 * k] for k in range(count)]


def temme_series(count: int, terms: int = 110) -> list[list[mpf]]:
    """The functions c[k] of DLMF 8.12.9 to 8.12.11 as power series of eta."""
    mu = [mpf(0), mpf(1), mpf(1) / 3]  # by mu dmu/deta = eta (1 + mu), which follows from DLMF 8.12.1
    for n in range(3, terms):
        mu.append((mu[n - 1] - sum(mu[i] * (n + 1 - i) * mu[n + 1 - i] for i in range(2, n))) / (n + 1))
    inverse = [mpf(1)]  # eta / mu
    for n in range(1, terms - 1):
        inverse.append(-sum(mu[i + 1] * inverse[n - i] for i in range(1, n + 1)))
    series = [inverse[1:]]
    for k, g in enumerate(stirling_coefficients(count)[1:], 1):
        slope = [(n + 1) * c for n, c in enumerate(series[-1][1:])]
        # the poles of both terms at 0 cancel
        series.append([s + (-1) ** k * g * i for s, i in zip(slope[1:], inverse[1:], strict=False)])
    return series


def temme(k: int) -> Function:
    coefficients = TEMME_SERIES[k][80::-1]
    return lambda eta: mpmath.polyval(coefficients, eta)


TEMME_DEGREES = (15, 14, 13, 11, 10, 8, 6, 6, 4, 3, 2)
TEMME_SERIES = temme_series(len(TEMME_DEGREES))
TEMME_LOW, TEMME_HIGH = mpf("-0.6217"), mpf("0.7835")  # eta of x/a = 1/2 and 2

# ---- Debye's expansions (DLMF 10.41)


def debye_polynomials(count: int) -> list[list[mpf]]:
    """The coefficients of ``U[k](p) / p**k``, polynomials of ``p**2`` (DLMF 10.41.9)."""
    u = {0: mpf(1)}  # power of p: coefficient
    rows = [[mpf(1)]]
    for k in range(1, count):
        following: dict[int, mpf] = {}
        for n, c in u.items():
            following[n + 1] = following.get(n + 1, 0) + c * (mpf(n) / 2 + mpf(1) / (8 * (n + 1)))
            following[n + 3] = following.get(n + 3, 0) - c * (mpf(n) / 2 + mpf(5) / (8 * (n + 3)))
        u = following
        rows.append([u[k + 2 * j] for j in range(k + 1)])
    return rows


DEBYE = debye_polynomials(21)

# name: (meaning, function, low, high, degree for double, degree for float if there is one, weight if not 1)
POLYNOMIALS = {
    **{
        f"I{n}_NEAR": (f"(I{n}(x)/(x/2)^{n} - 1)/t of t = x^2/4, |x| <= 8", i_near(n), TINY, 16, 15, 8, i_weight(n))
        for n in (0, 1)
    },
    **{f"I{n}_FAR": (f"exp(-x) sqrt(x) I{n}(x) of 16/x - 1, x >= 8", i_far(n), AT_INFINITY, 1, 23, 6) for n in (0, 1)},
    **{f"J{n}_FIRST": (f"(J{n}(x)/(x/2)^{n} - 1)/s of s = x^2 <= 2.25", j_first(n), TINY, 2.25, 7, 3) for n in (0, 1)},
    **{f"J{n}_NEAR": (f"J{n} without zeros, of (x^2 - 33)/31, x <= 8", j_near(n), -1, 1, 13, 7) for n in (0, 1)},
    **{f"J{n}_MODULUS": (f"of 128/x^2 - 1, x >= 8, J{n}", modulus(n), AT_INFINITY, 1, 12, 3) for n in (0, 1)},
    **{f"J{n}_PHASE": (f"x times it, of 128/x^2 - 1, x >= 8, J{n}", phase(n), AT_INFINITY, 1, 12, 3) for n in (0, 1)},
    "LOG_TAIL": ("(2 atanh(s)/s - 2 - 2 s^2/3 - 2 s^4/5)/s^6 of s^2, |s| <= (sqrt(2)-1)^2", log_tail, TINY, LOG_Z, 7),
    "INVERSE_SCALED_GAMMA": ("sqrt(2 pi/a) (a/e)^a / gamma(a) of 2/a - 1", inverse_scaled_gamma, AT_INFINITY, 1, 21),
    "INVERSE_GAMMA": ("1/gamma(1 + a) of 2 a - 1, 0 <= a <= 1", lambda u: mpmath.rgamma((u + 3) / 2), -1, 1, 15),
    "LOG_GAMMA_SLOPE": ("log(gamma(1 + a))/a of 2 a - 1, 0 <= a <= 1", log_gamma_slope, TINY - 1, 1, 21),
    **{f"TEMME{k}": ("of eta", temme(k), TEMME_LOW, TEMME_HIGH, degree) for k, degree in enumerate(TEMME_DEGREES)},
}

SPLIT_CONSTANTS = {
    **{f"J{n}_ZERO{i + 1}": zero for n, zeros in ZEROS.items() for i, zero in enumerate(zeros)},
    "TWO_THIRDS": mpf(2) / 3,
    "TWO_FIFTHS": mpf(2) / 5,
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
        for format, degree in zip(MANTISSA, rest[:2], strict=False):
            values[format] = [rounded(c, format) for c in fit(f, weight, mpf(low), mpf(high), degree)]
            remarks[format] = f"error 2^{largest_error(f, weight, values[format], mpf(low), mpf(high)):.1f}"
        print(row(name, meaning, values, remarks))
    for k, values in enumerate(DEBYE):
        print(row(f"DEBYE{k}", f"U{k}(p) / p^{k} of p^2", {"double": values}, {}))


if __name__ == "__main__":
    main()
