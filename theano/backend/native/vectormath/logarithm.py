"""Logarithms and what is made of them: log, log2, log10, log1p, log1mexp, asinh, acosh, atanh.

The argument is split as ``2**k * (1 + f)`` with ``1 + f`` in [sqrt(1/2), sqrt(2)), and with ``s = f / (2 + f)``

    log(1 + f) = 2 atanh(s) = f - f**2/2 + s * (f**2/2 + R(s**2)),

where ``f - f**2/2`` is taken to double length by fused multiply-add (the series is classical, see Muller, *Elementary
Functions*, chapter 11). One division, no table.
"""

from __future__ import annotations

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import coefficients
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit
from theano.backend.native.vectormath.exponential import EXP_RANGE, expm1_of_reduced, one_plus_expm1, reduce_by_ln2

SQRT_HALF_BITS = {"double": 0x3FE6A09E667F3BCD, "float": 0x3F3504F3}
ONE_BITS = {"double": 0x3FF0000000000000, "float": 0x3F800000}


def split_exponent(k: Kit, x: Value) -> tuple[Value, Value]:
    """An integer ``e`` and ``m`` in [sqrt(1/2), sqrt(2)) with ``x = 2**(e - bias) * m``, of a normal ``x > 0``."""
    b, root = k.b, SQRT_HALF_BITS[k.type]
    moved = b.add(k.bits(x), k.integer(ONE_BITS[k.type] - root))
    exponent = b.lshr(moved, k.integer(k.format.fraction_bits))
    mantissa = b.add(b.and_(moved, k.integer(k.format.fraction_mask)), k.integer(root))
    return exponent, k.from_bits(mantissa)


def small_integer_to_float(k: Kit, n: Value, offset: Value) -> Value:
    """``n + offset`` as a float, for a small ``n >= 0``; `offset` holds a constant less ``2**fraction_bits``."""
    power = k.format.fraction_bits
    return k.b.fadd(k.from_bits(k.b.or_(n, k.integer((power + k.format.bias) << power))), offset)


def exponent_offset(k: Kit, extra: float = 0.0) -> float:
    """What turns the exponent of :func:`split_exponent` into ``k + extra``."""
    return extra - k.format.bias - 2.0**k.format.fraction_bits


def split_positive(k: Kit, x: Value) -> tuple[Value, Value]:
    """``(k, f)`` with ``x = 2**k * (1 + f)``, of any finite ``x > 0``; subnormal numbers are scaled up first."""
    b = k.b
    scale = k.format.fraction_bits + 2
    subnormal = b.fcmp("olt", x, k(k.format.smallest_normal))
    x = b.select(subnormal, b.fmul(x, k(2.0**scale)), x)
    offset = b.select(subnormal, k(exponent_offset(k, -scale)), k(exponent_offset(k)))
    exponent, mantissa = split_exponent(k, x)
    return small_integer_to_float(k, exponent, offset), b.fsub(mantissa, k(1.0))


def log_one_plus(k: Kit, f: Value) -> DoubleLength:
    """``log(1 + f)`` to double length for the reduced `f`."""
    b = k.b
    half = b.fmul(f, k(0.5))
    half_square = b.fmul(half, f)
    s = b.fdiv(f, b.fadd(f, k(2.0)))
    square = b.fmul(s, s)
    tail = b.fmul(square, k.polynomial(square, coefficients.LOG[k.type]))
    negative = b.fneg(half)
    high = b.fma(negative, f, f)
    low = b.fma(negative, f, b.fsub(f, high))
    return high, b.fma(s, b.fadd(half_square, tail), low)


def log_double_length(k: Kit, x: Value) -> DoubleLength:
    """The logarithm of a finite ``x > 0`` to double length."""
    b, unit = k.b, coefficients.LN2_SHORT[k.type]
    exponent, f = split_positive(k, x)
    mantissa, mantissa_low = log_one_plus(k, f)
    high, low = k.fast_two_sum(b.fmul(exponent, k(unit[0])), mantissa)
    return k.fast_two_sum(high, b.fadd(low, b.fma(exponent, k(unit[1]), mantissa_low)))


def _sum_with_exponent(k: Kit, exponent: Value, unit: tuple[float, ...], mantissa: DoubleLength) -> Value:
    """``exponent * unit + mantissa``; the first part of `unit` is short enough for its product to be exact."""
    b = k.b
    high, low = k.fast_two_sum(b.fmul(exponent, k(unit[0])), mantissa[0])
    return b.fadd(high, b.fadd(low, b.fma(exponent, k(unit[1]), mantissa[1])))


def _special_values(k: Kit, x: Value, result: Value) -> Value:
    """The logarithm of zero, of negative numbers, infinity and nan."""
    b = k.b
    result = b.select(b.fcmp("olt", x, k(float("inf"))), result, x)
    result = b.select(b.fcmp("oeq", x, k(0.0)), k(float("-inf")), result)
    return b.select(b.fcmp("olt", x, k(0.0)), k(float("nan")), result)


def log(b: Builder, x: Value) -> Value:
    """Natural logarithm."""
    k = Kit(b, x.type)
    exponent, f = split_positive(k, x)
    result = _sum_with_exponent(k, exponent, coefficients.LN2_SHORT[x.type], log_one_plus(k, f))
    return _special_values(k, x, result)


def _log_in_base(k: Kit, x: Value, exponent_unit: tuple[float, ...], factor: tuple[float, ...]) -> Value:
    exponent, f = split_positive(k, x)
    mantissa = k.product(k.fast_two_sum(*log_one_plus(k, f)), k.two_part_constant(factor))
    return _special_values(k, x, _sum_with_exponent(k, exponent, exponent_unit, mantissa))


def log2(b: Builder, x: Value) -> Value:
    """Logarithm to base 2; exact for powers of two."""
    return _log_in_base(Kit(b, x.type), x, (1.0, 0.0), coefficients.INVERSE_LN2[x.type])


def log10(b: Builder, x: Value) -> Value:
    """Logarithm to base 10."""
    return _log_in_base(Kit(b, x.type), x, coefficients.LOG10_2_SHORT[x.type], coefficients.INVERSE_LN10[x.type])


def log_of_sum(k: Kit, high: Value, low: Value, extra: Value | None = None) -> Value:
    """``log((high + low) * 2**extra)`` where ``high >= 2**-54`` and ``|low| <= ulp(high)``; zero gives a number.

    The small part enters to first order, ``low / (1 + f)``, of which the series to ``f**3`` is enough.
    """
    b = k.b
    exponent, mantissa = split_exponent(k, high)
    f = b.fsub(mantissa, k(1.0))
    # the small part times 2**(1 - k), whose exponent stays in range, and half of the slope
    rest = b.fmul(low, k.power_of_two(b.sub(k.integer(2 * k.format.bias + 1), exponent)))
    half_slope = b.fma(b.fmul(f, k(0.5)), b.fma(f, b.fsub(k(1.0), f), k(-1.0)), k(0.5))
    main, small = log_one_plus(k, f)
    small = b.fma(rest, half_slope, small)
    n = small_integer_to_float(k, exponent, k(exponent_offset(k)))
    if extra is not None:
        n = b.fadd(n, extra)
    return _sum_with_exponent(k, n, coefficients.LN2_SHORT[k.type], (main, small))


def log1p(b: Builder, x: Value) -> Value:
    """``log(1 + x)``, precise also for small `x`."""
    k = Kit(b, x.type)
    result = b.copysign(log_of_sum(k, *k.two_sum(k(1.0), x)), x)
    result = b.select(b.fcmp("olt", x, k(float("inf"))), result, x)
    result = b.select(b.fcmp("oeq", x, k(-1.0)), k(float("-inf")), result)
    return b.select(b.fcmp("olt", x, k(-1.0)), k(float("nan")), result)


def log1mexp(b: Builder, x: Value) -> Value:
    """``log(1 - exp(x))`` for ``x <= 0``, precise both near zero and far from it (Mächler 2012).

    ``1 - exp(x)`` is taken to double length from ``expm1``, so one logarithm serves both ends.
    """
    k = Kit(b, x.type)
    r, biased = reduce_by_ln2(k, k.at_least(x, EXP_RANGE[x.type][0]), 2 * k.format.bias)
    first, second = k.halves_of_power(biased)
    mantissa, _ = one_plus_expm1(k, r)
    t = b.fmul(b.fmul(mantissa, first), second)
    far = b.fma(b.fmul(t, k(-0.5)), t, b.fneg(t))  # two terms of the series
    high, low = expm1_of_reduced(k, r, b.fmul(first, second), 1.0)

    tiny = b.fcmp("ogt", x, k(k.pick(-(2.0**-900), -(2.0**-90))))
    high = b.select(tiny, b.fmul(x, k(k.pick(2.0**200, 2.0**60))), high)
    low = b.select(tiny, k(0.0), low)
    extra = b.select(tiny, k(k.pick(-200.0, -60.0)), k(0.0))
    near = log_of_sum(k, b.fneg(high), b.fneg(low), extra)

    result = b.select(b.fcmp("ogt", x, k(k.pick(-19.0, -9.0))), near, far)
    result = b.select(b.fcmp("oeq", x, k(0.0)), k(float("-inf")), result)
    return b.select(b.fcmp("ole", x, k(0.0)), result, k(float("nan")))


def asinh(b: Builder, x: Value) -> Value:
    """Inverse hyperbolic sine: ``log1p(a + a**2 / (1 + sqrt(a**2 + 1)))`` with ``a = |x|``, ``log(2 a)`` when large."""
    k = Kit(b, x.type)
    a = b.fabs(x)
    large = b.fcmp("ogt", a, k(k.pick(2.0**28, 2.0**13)))
    square = b.fmul(a, a)
    root = b.sqrt(b.fadd(square, k(1.0)))
    argument = b.fadd(a, b.fdiv(square, b.fadd(root, k(1.0))))
    high, low = k.two_sum(k(1.0), argument)
    high, low = b.select(large, a, high), b.select(large, k(0.0), low)
    result = log_of_sum(k, high, low, b.select(large, k(1.0), k(0.0)))
    result = b.select(b.fcmp("olt", a, k(float("inf"))), result, a)
    return b.copysign(result, x)


def acosh(b: Builder, x: Value) -> Value:
    """Inverse hyperbolic cosine: ``log1p(t + sqrt(2 t + t**2))`` with ``t = x - 1``, ``log(2 x)`` when large."""
    k = Kit(b, x.type)
    large = b.fcmp("ogt", x, k(k.pick(2.0**28, 2.0**13)))
    t = b.fsub(x, k(1.0))
    argument = b.fadd(t, b.sqrt(b.fmul(t, b.fadd(t, k(2.0)))))
    high, low = k.two_sum(k(1.0), argument)
    high, low = b.select(large, x, high), b.select(large, k(0.0), low)
    result = log_of_sum(k, high, low, b.select(large, k(1.0), k(0.0)))
    result = b.select(b.fcmp("olt", x, k(float("inf"))), result, x)
    return b.select(b.fcmp("olt", x, k(1.0)), k(float("nan")), result)


def atanh(b: Builder, x: Value) -> Value:
    """Inverse hyperbolic tangent: ``log1p(2 a / (1 - a)) / 2`` with ``a = |x|``."""
    k = Kit(b, x.type)
    a = b.fabs(x)
    argument = b.fdiv(b.fadd(a, a), b.fsub(k(1.0), a))
    result = b.fmul(log_of_sum(k, *k.two_sum(k(1.0), argument)), k(0.5))
    result = b.select(b.fcmp("oeq", a, k(1.0)), k(float("inf")), result)
    result = b.select(b.fcmp("ole", a, k(1.0)), result, k(float("nan")))
    tiny = b.fcmp("olt", a, k(k.pick(2.0**-28, 2.0**-13)))
    return b.select(tiny, x, b.copysign(result, x))
