"""Exponentials and what is made of one: exp, exp2, exp10, expm1, sigmoid, softplus, tanh, sinh, cosh.

All rest on the reduction of Cody and Waite (*Software Manual for the Elementary Functions*, 1980):
``exp(x) = 2**n * exp(r)`` with ``n`` the integer nearest ``x / ln 2`` and ``|r| <= ln(2)/2``. Arguments are cut to the
range where results neither overflow nor vanish for good, so infinities need no case of their own.
"""

from __future__ import annotations

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import coefficients
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit

# exp(x) is zero below the first and infinite above the second
EXP_RANGE = {"double": (-746.0, 710.0), "float": (-104.0, 89.0)}
EXP2_RANGE = {"double": (-1076.0, 1024.5), "float": (-151.0, 128.5)}
HYPERBOLIC_LIMIT = {"double": 710.6, "float": 89.6}  # sinh and cosh are infinite above
EXP10_RANGE = {"double": (-324.0, 308.5), "float": (-45.5, 38.75)}


def nearest_integer(k: Kit, x: Value, factor: float, offset: int) -> tuple[Value, Value]:
    """``n``, the integer nearest ``x * factor``, as a float, and an integer whose low bits hold ``n + offset``."""
    shifter = k(k.format.shifter + offset)
    shifted = k.b.fma(x, k(factor), shifter)
    return k.b.fsub(shifted, shifter), k.bits(shifted)


def reduce_by_ln2(k: Kit, x: Value, offset: int) -> tuple[DoubleLength, Value]:
    """``x - n ln 2`` to double length and an integer whose low bits hold ``n + offset``."""
    b, ln2 = k.b, coefficients.LN2[k.type]
    n, bits = nearest_integer(k, x, coefficients.INVERSE_LN2[k.type][0], offset)
    first = b.fma(n, k(-ln2[0]), x)  # exact
    high = b.fma(n, k(-ln2[1]), first)
    return (high, b.fma(n, k(-ln2[1]), b.fsub(first, high))), bits


def _exp_tail(k: Kit, r: DoubleLength) -> Value:
    """``exp(r) - 1 - high`` for the reduced argument ``r = high + low``."""
    square = k.b.fmul(r[0], r[0])
    return k.b.fma(square, k.polynomial(r[0], coefficients.EXP_TAIL[k.type], square), r[1])


def one_plus_expm1(k: Kit, r: DoubleLength) -> DoubleLength:
    """``exp(r)`` to double length for the reduced argument."""
    high, low = k.fast_two_sum(k(1.0), r[0])
    return k.fast_two_sum(high, k.b.fadd(low, _exp_tail(k, r)))


def scaled(k: Kit, mantissa: Value, biased: Value) -> Value:
    """``2**n * mantissa``, for the integer that :func:`nearest_integer` gives with an offset of ``2 * bias``.

    Factors take three times as long where the result is subnormal, which an instruction that scales does not.
    """
    if k.b.module.scales:
        return k.b.ldexp(mantissa, k.b.sub(biased, k.integer(k.format.shifter_bits + 2 * k.format.bias)))
    first, second = k.halves_of_power(biased)
    return k.b.fmul(k.b.fmul(mantissa, first), second)


def exp(b: Builder, x: Value) -> Value:
    """e to the power `x`."""
    k = Kit(b, x.type)
    lowest, highest = EXP_RANGE[x.type]
    x = k.at_least(k.at_most(x, highest), lowest)
    n, biased = nearest_integer(k, x, coefficients.INVERSE_LN2[x.type][0], 2 * k.format.bias)
    ln2 = coefficients.LN2[x.type]
    r = b.fma(n, k(-ln2[1]), b.fma(n, k(-ln2[0]), x))
    high, low = k.fast_two_sum(k(1.0), r)
    square = b.fmul(r, r)
    tail = k.polynomial(r, coefficients.EXP_TAIL[x.type], square)
    return scaled(k, b.fadd(high, b.fma(square, tail, low)), biased)


def exp2_of_reduced(k: Kit, r: Value, low: Value | None = None) -> Value:
    """``2**(r + low)`` for ``|r| <= 1/2``; the leading ``1 + r ln 2`` is a sum without error."""
    b, ln2 = k.b, coefficients.LN2[k.type]
    high = b.fma(r, k(ln2[0]), k(1.0))
    rest = b.fma(r, k(ln2[0]), b.fsub(k(1.0), high))
    if low is not None:
        rest = b.fma(b.fmul(low, k(ln2[0])), high, rest)
    tail = b.fma(r, k.polynomial(r, coefficients.EXP2_TAIL[k.type]), k(ln2[1]))
    return b.fadd(high, b.fma(r, tail, rest))


def exp2(b: Builder, x: Value) -> Value:
    """2 to the power `x`."""
    k = Kit(b, x.type)
    low, high = EXP2_RANGE[x.type]
    x = k.at_least(k.at_most(x, high), low)
    n, biased = nearest_integer(k, x, 1.0, 2 * k.format.bias)
    return scaled(k, exp2_of_reduced(k, b.fsub(x, n)), biased)


def exp10(b: Builder, x: Value) -> Value:
    """10 to the power `x`."""
    k = Kit(b, x.type)
    low, high = EXP10_RANGE[x.type]
    x = k.at_least(k.at_most(x, high), low)
    n, biased = nearest_integer(k, x, coefficients.LOG2_10[x.type][0], 2 * k.format.bias)
    unit, ln10 = coefficients.LOG10_2[x.type], coefficients.LN10[x.type]
    first = b.fma(n, k(-unit[0]), x)  # exact
    tenth = b.fma(n, k(-unit[1]), first)
    rest = b.fma(n, k(-unit[1]), b.fsub(first, tenth))
    high_, low_ = k.product((tenth, rest), k.two_part_constant(ln10))
    return scaled(k, one_plus_expm1(k, (high_, low_))[0], biased)


def expm1_of_reduced(k: Kit, r: DoubleLength, scale: Value, unit: float) -> DoubleLength:
    """``unit * (2**n exp(r) - 1)`` to double length, where ``scale = unit * 2**n``.

    It is ``(scale - unit) + scale * r``, sums that are taken exactly, and `scale` times the tail of the series.
    """
    b = k.b
    whole, lost = k.two_sum(scale, k(-unit))
    high, low = k.fast_two_sum(whole, b.fmul(scale, r[0]))
    return k.fast_two_sum(high, b.fma(scale, _exp_tail(k, r), b.fadd(low, lost)))


def expm1_quarter(k: Kit, x: Value) -> DoubleLength:
    """``(exp(x) - 1) / 4`` to double length, for ``x`` that leaves ``exp(x)`` normal; the quarter delays overflow."""
    r, biased = reduce_by_ln2(k, x, k.format.bias - 2)
    return expm1_of_reduced(k, r, k.power_of_two(biased), 0.25)


def _small_stays(k: Kit, x: Value, result: Value) -> Value:
    """`x` itself where ``f(x) = x`` to the last bit: zeros keep their sign, subnormal numbers their bits."""
    tiny = k.b.fcmp("olt", k.b.fabs(x), k(k.pick(2.0**-54, 2.0**-25)))
    return k.b.select(tiny, x, result)


def expm1(b: Builder, x: Value) -> Value:
    """``exp(x) - 1``, precise also for small `x`."""
    k = Kit(b, x.type)
    cut = k.at_least(k.at_most(x, EXP_RANGE[x.type][1]), k.pick(-40.0, -20.0))
    quarter, _ = expm1_quarter(k, cut)
    return _small_stays(k, x, b.fmul(quarter, k(4.0)))


def sinh(b: Builder, x: Value) -> Value:
    """Hyperbolic sine: ``(E + E / (E + 1)) / 2`` with ``E = exp(|x|) - 1``."""
    k = Kit(b, x.type)
    quarter, _ = expm1_quarter(k, k.at_most(b.fabs(x), HYPERBOLIC_LIMIT[x.type]))
    half = b.fmul(quarter, k(2.0))
    ratio = b.fdiv(quarter, b.fadd(half, k(0.5)))
    return _small_stays(k, x, b.copysign(b.fadd(half, ratio), x))


def cosh(b: Builder, x: Value) -> Value:
    """Hyperbolic cosine: ``h + 1/(4 h)`` with ``h = exp(|x|) / 2``."""
    k = Kit(b, x.type)
    r, biased = reduce_by_ln2(k, k.at_most(b.fabs(x), HYPERBOLIC_LIMIT[x.type]), k.format.bias - 2)
    mantissa = b.fadd(k(1.0), b.fadd(r[0], _exp_tail(k, r)))
    half = b.fmul(b.fmul(mantissa, k.power_of_two(biased)), k(2.0))
    return b.fadd(half, b.fdiv(k(0.25), half))


def tanh(b: Builder, x: Value) -> Value:
    """Hyperbolic tangent: ``-E / (E + 2)`` with ``E = exp(-2|x|) - 1``, the quotient of double-length numbers."""
    k = Kit(b, x.type)
    argument = b.fmul(b.fabs(x), k(-2.0))
    high, low = expm1_quarter(k, k.at_least(argument, k.pick(-40.0, -20.0)))
    bottom = k.fast_two_sum(k(0.5), high)
    result = k.quotient((high, low), (bottom[0], b.fadd(bottom[1], low)))
    return _small_stays(k, x, b.copysign(result, x))


def sigmoid(b: Builder, x: Value) -> Value:
    """``1 / (1 + exp(-x))``: with ``t = exp(-|x|)`` either ``t / (1 + t)`` or ``1 / (1 + t)``."""
    k = Kit(b, x.type)
    argument = k.at_least(b.fneg(b.fabs(x)), EXP_RANGE[x.type][0])
    r, biased = reduce_by_ln2(k, argument, 2 * k.format.bias)
    t = scaled(k, b.fadd(k(1.0), b.fadd(r[0], _exp_tail(k, r))), biased)
    top = b.select(b.fcmp("olt", x, k(0.0)), t, k(1.0))
    return b.fdiv(top, b.fadd(t, k(1.0)))


def softplus(b: Builder, x: Value) -> Value:
    """``log(1 + exp(x))``: ``max(x, 0) + log1p(t)`` with ``t = exp(-|x|)`` and ``log1p(t) = t - s (t - R(s))``.

    ``s = t / (2 + t)`` lies in [0, 1/3], so the logarithm needs no reduction of its own.
    """
    k = Kit(b, x.type)
    t = exp(b, b.fneg(b.fabs(x)))
    s = b.fdiv(t, b.fadd(t, k(2.0)))
    square = b.fmul(s, s)
    tail = b.fmul(square, k.polynomial(square, coefficients.LOG1P_UNIT[x.type]))
    logarithm = b.fma(b.fneg(s), b.fsub(t, tail), t)
    positive = b.select(b.fcmp("ogt", x, k(0.0)), x, k(0.0))
    return b.fadd(positive, logarithm)
