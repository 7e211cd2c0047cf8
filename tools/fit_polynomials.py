"""Compute every polynomial and split constant of the native vector mathematics.

    python tools/fit_polynomials.py > theano/backend/native/vectormath/coefficients.py

Polynomials are least-squares fits at Chebyshev points of their interval, which is within a small factor of the best
uniform approximation (Trefethen, *Approximation Theory and Approximation Practice*, chapters 4 and 16). The work is
done with 80 digits; each coefficient is then rounded to the format that evaluates it. The comment behind each row is
the largest error of the rounded polynomial on its interval, relative to the largest value there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import mpmath
from mpmath import mp, mpf

mp.dps = 80

Function = Callable[[mpf], mpf]

MANTISSA = {"double": 53, "float": 24}


def rounded(value: mpf, format: str, bits: int | None = None) -> mpf:
    """`value` to nearest in a format, or in a format with fewer `bits`."""
    if bits is None and format == "float":
        return mpf(struct.unpack("<f", struct.pack("<f", float(value)))[0])
    if bits is None:
        return mpf(float(value))
    with mp.workprec(bits):
        return +value


def fit(f: Function, weight: Function, low: mpf, high: mpf, degree: int) -> list[mpf]:
    """Monomial coefficients of the polynomial with the least sum of ``(weight * error)^2`` at Chebyshev points."""
    count = 12 * (degree + 1)
    middle, half = (low + high) / 2, (high - low) / 2
    points = [middle + half * mpmath.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    matrix, right = mpmath.matrix(count, degree + 1), mpmath.matrix(count, 1)
    for i, x in enumerate(points):
        w = weight(x)
        right[i] = w * f(x)
        for j in range(degree + 1):
            matrix[i, j] = w * x**j
    solution = mpmath.lu_solve(matrix.T * matrix, matrix.T * right)
    return [solution[j] for j in range(degree + 1)]


def largest_error(f: Function, weight: Function, coefficients: list[mpf], low: mpf, high: mpf) -> float:
    """Base-2 logarithm of the largest weighted error on 400 inner points, relative to the largest weighted value."""
    points = [low + (high - low) * (mpf(i) + mpf("0.37")) / 400 for i in range(400)]
    exact, weights = [f(x) for x in points], [weight(x) for x in points]
    errors = [
        w * abs(mpmath.polyval(coefficients[::-1], x) - y) for x, y, w in zip(points, exact, weights, strict=True)
    ]
    return float(mpmath.log(max(errors) / max(w * abs(y) for w, y in zip(weights, exact, strict=True)), 2))


# ---- the functions behind the polynomials

SQRT_HALF = mpmath.sqrt(mpf(1) / 2)
LARGEST_S = (mpmath.sqrt(2) - 1) / (mpmath.sqrt(2) + 1)


def sine_tail(z: mpf) -> mpf:
    """(sin(r) - r) / r^3 as a function of z = r^2."""
    r = mpmath.sqrt(z)
    return (mpmath.sin(r) - r) / (r * z)


def cosine_tail(z: mpf) -> mpf:
    """(cos(r) - 1 + r^2/2) / r^4 as a function of z = r^2."""
    return (mpmath.cos(mpmath.sqrt(z)) - 1 + z / 2) / z**2


def logarithm_tail(z: mpf) -> mpf:
    """(2 atanh(s)/s - 2) / s^2 as a function of z = s^2."""
    s = mpmath.sqrt(z)
    return (2 * mpmath.atanh(s) / s - 2) / z


def power_tail(z: mpf) -> mpf:
    """(2 atanh(s)/s - 2 - 2 z/3) / (ln 2 z^2): log2 behind its first two terms, for pow."""
    return (logarithm_tail(z) - mpf(2) / 3) / z / mpmath.log(2)


def arctangent_tail(z: mpf) -> mpf:
    """(atan(t) - t) / t^3 as a function of z = t^2."""
    t = mpmath.sqrt(z)
    return (mpmath.atan(t) - t) / (t * z)


def arcsine_tail(z: mpf) -> mpf:
    """(asin(t) - t) / t^3 as a function of z = t^2."""
    t = mpmath.sqrt(z)
    return (mpmath.asin(t) - t) / (t * z)


def error_function_tail(z: mpf) -> mpf:
    """erf(t)/t - 1 as a function of z = t^2."""
    t = mpmath.sqrt(z)
    return mpmath.erf(t) / t - 1


def scaled_erfc(x: mpf) -> mpf:
    """(1 + 2x) exp(x^2) erfc(x)."""
    return (1 + 2 * x) * mpmath.exp(x * x) * mpmath.erfc(x)


ERFC_AT_CENTER = scaled_erfc(mpf(4))


def erfc_shifted(q: mpf) -> mpf:
    """The above less its value at 4, over q, at the x with q = (x - 4)/(x + 4) (Shepherd and Laframboise 1981)."""
    return (scaled_erfc(4 * (1 + q) / (1 - q)) - ERFC_AT_CENTER) / q


def inverse_erfc_at(w: mpf) -> mpf:
    """y with erfc(y) (2 - erfc(y)) = exp(-w), by Newton's method on the logarithm of erfc."""
    logarithm = -w - mpmath.log1p(mpmath.sqrt(-mpmath.expm1(-w)))
    y = mpmath.sqrt(w) - mpmath.log(1 + mp.pi * w) / (4 + 4 * mpmath.sqrt(w))
    while True:
        value = mpmath.erfc(y)
        step = (mpmath.log(value) - logarithm) * value * mpmath.exp(y * y) * mpmath.sqrt(mp.pi) / 2
        y += step
        if abs(step) < mpf(10) ** -40 * (1 + y):
            return y


def inverse_erf_near(w: mpf) -> mpf:
    """(erfinv(x)/x - sqrt(pi)/2) / w at the x with w = -log(1 - x^2)."""
    x = mpmath.sqrt(-mpmath.expm1(-w))
    return (inverse_erfc_at(w) / x - mpmath.sqrt(mp.pi) / 2) / w


def inverse_erfc_ratio(s: mpf) -> mpf:
    """y/s for the y with erfc(y) (2 - erfc(y)) = exp(-s^2)."""
    return inverse_erfc_at(s * s) / s


MIDDLE, FAR = mpf("3.5"), mpf(13)
INVERSE_ERFC_MIDDLE, INVERSE_ERFC_FAR = inverse_erfc_ratio(MIDDLE), inverse_erfc_ratio(FAR)


def inverse_erfc_tail(center: mpf, at_center: mpf) -> Function:
    """The above less its value at `center`, over q, at the s with q = (s - center)/(s + center)."""
    return lambda q: (inverse_erfc_ratio(center * (1 + q) / (1 - q)) - at_center) / q


STIRLING = mpmath.sqrt(2 * mp.pi / mp.e)


def gamma_tail(u: mpf) -> mpf:
    """(gamma(z) (e/z)^(z - 1/2) - sqrt(2 pi / e)) / u at z = 1/u: what Stirling's formula leaves over."""
    z = 1 / u
    return (mpmath.exp(mpmath.loggamma(z) - (z - mpf(1) / 2) * (mpmath.log(z) - 1)) - STIRLING) / u


GAMMALN_CENTER = mpf("1.25")
GAMMALN_AT_CENTER = mpmath.loggamma(GAMMALN_CENTER) / ((GAMMALN_CENTER - 1) * (GAMMALN_CENTER - 2))


def gammaln_between_zeros(q: mpf) -> mpf:
    """(log(gamma(z)) / ((z - 1)(z - 2)) less its value at 5/4) / q at the z with q = (z - 5/4)/(z + 5/4)."""
    z = GAMMALN_CENTER * (1 + q) / (1 - q)
    return (mpmath.loggamma(z) / ((z - 1) * (z - 2)) - GAMMALN_AT_CENTER) / q


def gammaln_tail(w: mpf) -> mpf:
    """z (log(gamma(z)) - (z - 1/2) log(z) + z - log(2 pi)/2) at z = w^(-1/2) (DLMF 5.11.1)."""
    z = 1 / mpmath.sqrt(w)
    return z * (mpmath.loggamma(z) - (z - mpf(1) / 2) * mpmath.log(z) + z - mpmath.log(2 * mp.pi) / 2)


PSI_ZERO = mpmath.findroot(mpmath.digamma, mpf("1.4616321449683623"))
PSI_AT_CENTER = mpmath.digamma(mpf("1.5")) / (mpf("1.5") - PSI_ZERO)


def psi_tail(w: mpf) -> mpf:
    """z^2 (log(z) - 1/(2 z) - psi(z)) at z = w^(-1/2) (DLMF 5.11.2)."""
    z = 1 / mpmath.sqrt(w)
    return z * z * (mpmath.log(z) - 1 / (2 * z) - mpmath.digamma(z))


TRIGAMMA_AT_CENTER = mpmath.psi(1, mpf("1.5"))


def trigamma_tail(w: mpf) -> mpf:
    """z^3 (psi1(z) - 1/z - 1/(2 z^2)) at z = w^(-1/2) (DLMF 5.15.8)."""
    z = 1 / mpmath.sqrt(w)
    return z**3 * (mpmath.psi(1, z) - 1 / z - 1 / (2 * z * z))


TINY = mpf(10) ** -16
HALF_LN2 = mpmath.log(2) / 2 + mpf(10) ** -4
QUARTER_PI_SQUARED = (mp.pi / 4 + mpf(10) ** -4) ** 2
TAN_EIGHTH_PI_SQUARED = (mpmath.sqrt(2) - 1) ** 2 * (1 + mpf(10) ** -6)
LOG_Z = LARGEST_S**2 * (1 + mpf(10) ** -6)

# name: (meaning, function, low, high, degree for double, degree for float)
POLYNOMIALS = {
    "EXP_TAIL": (
        "(exp(r) - 1 - r)/r^2, |r| <= ln(2)/2",
        lambda r: mpmath.hyp1f1(1, 3, r) / 2,
        -HALF_LN2,
        HALF_LN2,
        10,
        5,
    ),
    "EXP2_TAIL": (
        "(2^r - 1 - r ln 2)/r^2, |r| <= 1/2",
        lambda r: mpmath.log(2) ** 2 * mpmath.hyp1f1(1, 3, r * mpmath.log(2)) / 2,
        -mpf("0.501"),
        mpf("0.501"),
        10,
        4,
    ),
    "LOG": ("(2 atanh(s)/s - 2)/s^2 of s^2, |s| <= (sqrt(2)-1)^2", logarithm_tail, TINY, LOG_Z, 6, 2),
    "LOG1P_UNIT": ("(2 atanh(s)/s - 2)/s^2 of s^2, |s| <= 1/3", logarithm_tail, TINY, mpf("0.11112"), 9, 4),
    "POW_LOG2": ("(log2 of m behind 2 terms)/s^5 of s^2", power_tail, TINY, LOG_Z, 7, 3),
    "SIN": ("(sin(r) - r)/r^3 of r^2, |r| <= pi/4", sine_tail, TINY, QUARTER_PI_SQUARED, 5, 2),
    "COS": ("(cos(r) - 1 + r^2/2)/r^4 of r^2, |r| <= pi/4", cosine_tail, TINY, QUARTER_PI_SQUARED, 5, 2),
    "ATAN": ("(atan(t) - t)/t^3 of t^2, |t| <= tan(pi/8)", arctangent_tail, TINY, TAN_EIGHTH_PI_SQUARED, 10, 4),
    "ASIN": ("(asin(t) - t)/t^3 of t^2, |t| <= 1/2", arcsine_tail, TINY, mpf("0.25"), 12, 4),
    "ERF_NEAR": ("erf(t)/t - 1 of t^2, |t| <= 7/8", error_function_tail, TINY, mpf("0.766"), 10, 5),
    "ERF_FAR": (
        "log(erfc(t)) of t - 7/8, 7/8 <= t <= 6",
        lambda u: mpmath.log(mpmath.erfc(u + mpf("0.875"))),
        mpf(0),
        mpf("5.125"),
        18,
        8,
    ),
    "INVERSE_CBRT": (
        "(1 + f)^(-1/3), sqrt(1/2) <= 1 + f <= sqrt(2)",
        lambda f: (1 + f) ** (-mpf(1) / 3),
        SQRT_HALF - 1,
        mpmath.sqrt(2) - 1,
        5,
        3,
    ),
    "ERFC": (
        "((1 + 2x) exp(x^2) erfc(x) less its value at 4) / q of q = (x - 4)/(x + 4), x >= 0",
        erfc_shifted,
        -1 + TINY,
        1 - mpf(10) ** -12,
        23,
        11,
    ),
    "ERFINV_NEAR": ("(erfinv(x)/x - sqrt(pi)/2)/w of w = -log(1 - x^2), w <= 4", inverse_erf_near, TINY, mpf(4), 18, 8),
    "ERFCINV_MIDDLE": (
        "(y/s less its value at 7/2) / q of q = (s - 7/2)/(s + 7/2), erfc(y)(2 - erfc(y)) = exp(-s^2), 2 <= s <= 6",
        inverse_erfc_tail(MIDDLE, INVERSE_ERFC_MIDDLE),
        (2 - MIDDLE) / (2 + MIDDLE),
        (mpf("6.01") - MIDDLE) / (mpf("6.01") + MIDDLE) + TINY,
        24,
        9,
    ),
    "ERFCINV_FAR": (
        "(y/s less its value at 13) / q of q = (s - 13)/(s + 13), 6 <= s <= 27.3",
        inverse_erfc_tail(FAR, INVERSE_ERFC_FAR),
        (6 - FAR) / (6 + FAR),
        (mpf("27.3") - FAR) / (mpf("27.3") + FAR) + TINY,
        20,
        8,
    ),
    "GAMMA": ("(gamma(z) (e/z)^(z - 1/2) - sqrt(2 pi/e)) z of 1/z, z >= 1", gamma_tail, mpf("0.005"), mpf(1), 20, 7),
    "GAMMALN_NEAR": (
        "(log(gamma(z)) / ((z - 1)(z - 2)) less its value at 5/4) / q of q = (z - 5/4)/(z + 5/4), 1/2 <= z <= 3",
        gammaln_between_zeros,
        -mpf(3) / 7 + TINY,
        mpf(7) / 17 + TINY,
        23,
        10,
    ),
    "GAMMALN_FAR": ("z (log(gamma(z)) behind Stirling) of 1/z^2, z >= 3", gammaln_tail, TINY, mpf(1) / 9, 10, 3),
    "PSI_NEAR": (
        "(psi(z) / (z - zero) less its value at 3/2) / (z - 3/2) of z - 3/2, 1 <= z <= 2",
        lambda t: (mpmath.digamma(t + mpf("1.5")) / (t + mpf("1.5") - PSI_ZERO) - PSI_AT_CENTER) / t,
        -mpf("0.5") - TINY,
        mpf("0.5"),
        20,
        8,
    ),
    "TRIGAMMA_NEAR": (
        "(psi1(z) less its value at 3/2) / (z - 3/2) of z - 3/2, 1 <= z <= 2",
        lambda t: (mpmath.psi(1, t + mpf("1.5")) - TRIGAMMA_AT_CENTER) / t,
        -mpf("0.5") - TINY,
        mpf("0.5"),
        23,
        10,
    ),
    "TRIGAMMA_FAR": ("z^3 (psi1(z) - 1/z - 1/(2 z^2)) of 1/z^2, z >= 2", trigamma_tail, TINY, mpf("0.25"), 17, 6),
    "PSI_FAR": ("z^2 (log(z) - 1/(2 z) - psi(z)) of 1/z^2, z >= 2", psi_tail, TINY, mpf("0.25"), 16, 5),
}

# where relative precision of the polynomial itself is not what counts
WEIGHTS: dict[str, Function] = {"ERF_FAR": lambda u: mpmath.erfc(u + mpf("0.875"))}

# name: (value, bits of the first part for double and float, or None for all of them)
SPLIT_CONSTANTS = {
    "LN2": (mpmath.log(2), None),
    "LN2_SHORT": (mpmath.log(2), {"double": 41, "float": 15}),
    "LN10": (mpmath.log(10), None),
    "LOG10_2": (mpmath.log10(2), None),
    "LOG10_2_SHORT": (mpmath.log10(2), {"double": 41, "float": 15}),
    "INVERSE_LN2": (1 / mpmath.log(2), None),
    "INVERSE_LN10": (1 / mpmath.log(10), None),
    "LOG2_10": (mpmath.log(10, 2), None),
    "TWO_OVER_LN2": (2 / mpmath.log(2), None),
    "TWO_THIRDS_OVER_LN2": (2 / (3 * mpmath.log(2)), None),
    "HALF_PI": (mp.pi / 2, None),
    "QUARTER_PI": (mp.pi / 4, None),
    "PI": (mp.pi, None),
    "TWO_OVER_PI": (2 / mp.pi, None),
    "HALF_SQRT_PI": (mpmath.sqrt(mp.pi) / 2, None),
    "ERFC_AT_CENTER": (ERFC_AT_CENTER, None),
    "ERFCINV_MIDDLE_AT_CENTER": (INVERSE_ERFC_MIDDLE, None),
    "ERFCINV_FAR_AT_CENTER": (INVERSE_ERFC_FAR, None),
    "STIRLING": (STIRLING, None),
    "GAMMALN_AT_CENTER": (GAMMALN_AT_CENTER, None),
    "TRIGAMMA_AT_CENTER": (TRIGAMMA_AT_CENTER, None),
    "LOG_PI": (mpmath.log(mp.pi), None),
    "HALF_LOG_2PI_LESS_1": ((mpmath.log(2 * mp.pi) - 1) / 2, None),
    "PSI_AT_CENTER": (PSI_AT_CENTER, None),
    "PSI_ZERO": (PSI_ZERO, None),
    "PSI_ZERO_LESS_1": (PSI_ZERO - 1, None),
}


# 2/pi in bits behind so many zeros, for arguments too large for a sum: the largest exponent is 971, and 192 bits count
PADDING = 64
BITS = 64 + 971 + 192 + 64


def overlapping_words(value: mpf) -> list[int]:
    """The bits of a number below 1, padded, as words of 64 that begin at each multiple of 32; as signed numbers."""
    with mp.workprec(BITS + 64):
        bits = int(mpmath.floor(mpmath.ldexp(+value, BITS - PADDING)))
    count = BITS // 32 - 1
    words = [(bits >> (BITS - 64 - 32 * i)) % 2**64 for i in range(count)]
    return [w - 2**64 if w >= 2**63 else w for w in words]


def split(value: mpf, format: str, first_bits: int | None) -> list[mpf]:
    """Three parts of decreasing size whose sum is `value`."""
    parts = [rounded(value, format, first_bits)]
    for _ in range(2):
        parts.append(rounded(value - sum(parts), format))
    return parts


def row(name: str, comment: str, values: dict[str, list[mpf]], remarks: dict[str, str]) -> str:
    lines = [f"# {comment}", f"{name} = {{"]
    for format, numbers in values.items():
        lines.append(f'    "{format}": (  # {remarks[format]}' if remarks else f'    "{format}": (')
        lines += [f"        {float(v)!r}," for v in numbers]
        lines.append("    ),")
    lines.append("}")
    return "\n".join(lines)


def main() -> None:
    print('"""Constants of the vector mathematics. Written by tools/fit_polynomials.py; do not edit by hand."""\n')
    print("from __future__ import annotations\n")
    for name, (value, first_bits) in SPLIT_CONSTANTS.items():
        parts = {f: split(value, f, first_bits[f] if first_bits else None) for f in MANTISSA}
        print(row(name, f"{mpmath.nstr(value, 20)} as a sum of three parts", parts, {}))
    with mp.workprec(BITS + 64):
        words = overlapping_words(2 / mp.pi)
    print(f"# the bits of 2/pi behind zeros, in words that overlap by half\nTWO_OVER_PI_PADDING = {PADDING}")
    print("TWO_OVER_PI_BITS = (", *(f"    {word}," for word in words), ")", sep="\n")
    for name, (meaning, f, low, high, *degrees) in POLYNOMIALS.items():
        weight = WEIGHTS.get(name, lambda x: mpf(1))
        values, remarks = {}, {}
        for format, degree in zip(MANTISSA, degrees, strict=True):
            values[format] = [rounded(c, format) for c in fit(f, weight, low, high, degree)]
            remarks[format] = f"error 2^{largest_error(f, weight, values[format], low, high):.1f}"
        print(row(name, meaning, values, remarks))


if __name__ == "__main__":
    main()
