"""Sine, cosine, tangent and their inverses.

The direct functions reduce by multiples of pi/2 in three parts (Cody and Waite) up to 2**30 for double and 2**15 for
float; vectors that hold a larger finite number take a branch that reduces those lanes exactly.
"""

from __future__ import annotations

from collections.abc import Callable

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import coefficients
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit
from theano.backend.native.vectormath.control_flow import where
from theano.backend.native.vectormath.exponential import nearest_integer
from theano.backend.native.vectormath.huge_arguments import remainder_by_half_pi

REDUCTION_LIMIT = {"double": 2.0**30, "float": 2.0**15}


def _reduce_by_half_pi(k: Kit, x: Value, offset: int) -> tuple[DoubleLength, Value]:
    """``x - n pi/2`` to double length and an integer whose low bits hold ``n + offset``, for ``x >= 0``."""
    b, half_pi = k.b, coefficients.HALF_PI[k.type]
    n, quadrant = nearest_integer(k, x, coefficients.TWO_OVER_PI[k.type][0], offset)
    first = b.fma(n, k(-half_pi[0]), x)  # exact
    product, rest = k.two_product(n, k(-half_pi[1]))
    high, low = k.two_sum(first, product)
    return (high, b.fma(n, k(-half_pi[2]), b.fadd(low, rest))), quadrant


def sine_and_cosine_parts(k: Kit, r: DoubleLength) -> tuple[DoubleLength, DoubleLength]:
    """Sine and cosine of ``high + low`` with ``|high| <= pi/4``, each as a leading part and what is left of it."""
    b = k.b
    high, low = r
    square = b.fmul(high, high)
    half_square = b.fmul(square, k(0.5))
    main = b.fsub(k(1.0), half_square)
    lost = b.fsub(b.fsub(k(1.0), main), half_square)

    sine_tail = k.polynomial(square, coefficients.SIN[k.type])
    sine_rest = b.fma(b.fmul(high, square), sine_tail, b.fmul(low, main))

    cosine_tail = k.polynomial(square, coefficients.COS[k.type])
    cosine_rest = b.fma(b.fmul(square, square), cosine_tail, b.fma(b.fneg(high), low, lost))
    return (high, sine_rest), (main, cosine_rest)


def sine_and_cosine(k: Kit, r: DoubleLength) -> tuple[Value, Value]:
    """Sine and cosine of ``high + low`` with ``|high| <= pi/4``."""
    sine, cosine = sine_and_cosine_parts(k, r)
    return k.b.fadd(*sine), k.b.fadd(*cosine)


def sine_and_cosine_of_huge(k: Kit, x: Value) -> tuple[Value, Value]:
    """Sine and cosine of finite ``x >= 2**15``."""
    b = k.b
    r, n = remainder_by_half_pi(k, x)
    sine, cosine = sine_and_cosine(k, r)
    first, second = b.select(_odd(k, n), cosine, sine), b.select(_odd(k, n), sine, cosine)
    sign, next_sign = (b.shl(q, k.integer(k.format.bits - 2)) for q in (n, b.add(n, k.integer(1))))
    mask = k.integer(k.format.sign_mask)
    return k.flip_sign(first, b.and_(sign, mask)), k.flip_sign(second, b.and_(next_sign, mask))


def sine_and_cosine_of_turn(k: Kit, distance: Value) -> tuple[DoubleLength, DoubleLength]:
    """Sine and cosine of ``pi * distance`` for distances between 0 and 1/2, to double length; pi times it is exact."""
    b = k.b
    steep = b.fcmp("ogt", distance, k(0.25))
    folded = b.select(steep, b.fsub(k(0.5), distance), distance)
    angle = k.product((folded, k(0.0)), k.two_part_constant(coefficients.PI[k.type]))
    sine, cosine = sine_and_cosine_parts(k, angle)
    first = b.select(steep, cosine[0], sine[0]), b.select(steep, cosine[1], sine[1])
    second = b.select(steep, sine[0], cosine[0]), b.select(steep, sine[1], cosine[1])
    return k.fast_two_sum(*first), k.fast_two_sum(*second)


def _odd(k: Kit, n: Value) -> Value:
    return k.b.icmp("ne", k.b.and_(n, k.integer(1)), k.integer(0))


def _of_reduced(k: Kit, x: Value, offset: int, function: Callable[[DoubleLength, Value], Value]) -> Value:
    """``function(r, n + offset)`` where ``|x| = n pi/2 + r``."""
    b, limit = k.b, REDUCTION_LIMIT[k.type]
    size = b.fabs(x)
    result = function(*_reduce_by_half_pi(k, size, offset))
    huge = b.and_(b.fcmp("ogt", size, k(limit)), b.fcmp("one", size, k(float("inf"))))

    def exactly() -> list[Value]:
        r, n = remainder_by_half_pi(k, b.select(huge, size, k(limit)))
        return [function(r, b.add(n, k.integer(offset)))]

    return where(b, huge, exactly, [result], rare=True)[0]


def _sine_or_cosine(b: Builder, x: Value, name: str) -> Value:
    k = Kit(b, x.type)

    def function(r: DoubleLength, quadrant: Value) -> Value:
        sine, cosine = sine_and_cosine(k, r)
        sign = b.and_(b.shl(quadrant, k.integer(k.format.bits - 2)), k.integer(k.format.sign_mask))
        if name == "sin":
            sign = b.xor(sign, k.sign_bits(x))
        return k.flip_sign(b.select(_odd(k, quadrant), cosine, sine), sign)

    return _of_reduced(k, x, 1 if name == "cos" else 0, function)


def sin(b: Builder, x: Value) -> Value:
    """Sine of `x` in radians. Branches where a lane is beyond the reduction."""
    return _sine_or_cosine(b, x, "sin")


def cos(b: Builder, x: Value) -> Value:
    """Cosine of `x` in radians. Branches where a lane is beyond the reduction."""
    return _sine_or_cosine(b, x, "cos")


def tan(b: Builder, x: Value) -> Value:
    """Tangent of `x` in radians. Branches where a lane is beyond the reduction."""
    k = Kit(b, x.type)

    def function(r: DoubleLength, quadrant: Value) -> Value:
        sine, cosine = sine_and_cosine(k, r)
        odd = _odd(k, quadrant)
        ratio = b.fdiv(b.select(odd, cosine, sine), b.select(odd, sine, cosine))
        sign = b.shl(quadrant, k.integer(k.format.bits - 1))
        return k.flip_sign(ratio, b.xor(sign, k.sign_bits(x)))

    return _of_reduced(k, x, 0, function)


# ---- inverses


def _arcsine_parts(k: Kit, x: Value) -> tuple[Value, Value, Value]:
    """Whether ``|x| > 1/2``, ``t = sqrt((1 - |x|)/2)`` or else ``|x|``, and ``p`` with ``asin(t) = t + p``."""
    b = k.b
    size = b.fabs(x)
    far = b.fcmp("ogt", size, k(0.5))
    square = b.select(far, b.fma(size, k(-0.5), k(0.5)), b.fmul(size, size))
    t = b.select(far, b.sqrt(square), size)
    return far, t, b.fmul(b.fmul(t, square), k.polynomial(square, coefficients.ASIN[k.type]))


def asin(b: Builder, x: Value) -> Value:
    """Arc sine: the series up to 1/2, beyond it ``pi/2 - 2 asin(sqrt((1 - |x|)/2))``."""
    k = Kit(b, x.type)
    far, t, p = _arcsine_parts(k, x)
    half_pi = coefficients.HALF_PI[x.type]
    high, low = k.fast_two_sum(k(half_pi[0]), b.fmul(t, k(-2.0)))
    beyond = b.fadd(high, b.fadd(low, b.fma(p, k(-2.0), k(half_pi[1]))))
    return b.copysign(b.select(far, beyond, b.fadd(t, p)), x)


def acos(b: Builder, x: Value) -> Value:
    """Arc cosine: ``base + factor * asin(t)`` with base 0, pi/2 or pi."""
    k = Kit(b, x.type)
    far, t, p = _arcsine_parts(k, x)
    negative = k.has_sign(x)
    half_pi, pi = coefficients.HALF_PI[x.type], coefficients.PI[x.type]

    def choose(far_negative: float, far_positive: float, near_negative: float, near_positive: float) -> Value:
        far_value = b.select(negative, k(far_negative), k(far_positive))
        return b.select(far, far_value, b.select(negative, k(near_negative), k(near_positive)))

    factor = choose(-2.0, 2.0, 1.0, -1.0)
    base, base_low = choose(pi[0], 0.0, half_pi[0], half_pi[0]), choose(pi[1], 0.0, half_pi[1], half_pi[1])
    high, low = k.fast_two_sum(base, b.fmul(t, factor))
    return b.fadd(high, b.fadd(low, b.fma(p, factor, base_low)))


def _arctangent_of_ratio(k: Kit, top: Value, bottom: Value) -> DoubleLength:
    """``atan(top / bottom)`` for ``0 <= top <= bottom``.

    Ratios above tan(pi/8) go by ``pi/4 + atan((top - bottom) / (top + bottom))``.
    """
    b = k.b
    steep = b.fcmp("ogt", top, b.fmul(bottom, k(0.4142135623730950488)))
    ratio = b.fdiv(b.select(steep, b.fsub(top, bottom), top), b.select(steep, b.fadd(top, bottom), bottom))
    square = b.fmul(ratio, ratio)
    tail = b.fmul(b.fmul(ratio, square), k.polynomial(square, coefficients.ATAN[k.type]))
    quarter_pi = coefficients.QUARTER_PI[k.type]
    high, low = k.fast_two_sum(b.select(steep, k(quarter_pi[0]), k(0.0)), ratio)
    return k.fast_two_sum(high, b.fadd(low, b.fadd(tail, b.select(steep, k(quarter_pi[1]), k(0.0)))))


def _subtract_from(k: Kit, condition: Value, parts: tuple[float, ...], value: DoubleLength) -> DoubleLength:
    """``parts - value`` where `condition` holds, else `value`."""
    b = k.b
    base, base_low = b.select(condition, k(parts[0]), k(0.0)), b.select(condition, k(parts[1]), k(0.0))
    high = b.select(condition, b.fneg(value[0]), value[0])
    low = b.select(condition, b.fneg(value[1]), value[1])
    total, rest = k.fast_two_sum(base, high)
    return total, b.fadd(rest, b.fadd(low, base_low))


def atan(b: Builder, x: Value) -> Value:
    """Arc tangent."""
    k = Kit(b, x.type)
    size = b.fabs(x)
    above = b.fcmp("ogt", size, k(1.0))
    capped = k.at_most(size, k.pick(2.0**100, 2.0**60))  # atan(2**60) is pi/2 to the last bit
    angle = _arctangent_of_ratio(k, b.select(above, k(1.0), capped), b.select(above, capped, k(1.0)))
    high, low = _subtract_from(k, above, coefficients.HALF_PI[x.type], angle)
    return b.copysign(b.fadd(high, low), x)


def atan2(b: Builder, y: Value, x: Value) -> Value:
    """The angle of the point ``(x, y)`` in ``[-pi, pi]``, for all signs of zero and infinity as in IEEE 754."""
    k = Kit(b, x.type)
    top, bottom = b.fabs(y), b.fabs(x)
    swapped = b.fcmp("ogt", top, bottom)
    small, large = b.select(swapped, bottom, top), b.select(swapped, top, bottom)
    # only the ratio counts: two infinities are as good as two ones, 0/0 as good as 0/1, and huge ones must not overflow
    infinite = b.fcmp("oeq", small, k(float("inf")))
    small, large = b.select(infinite, k(1.0), small), b.select(infinite, k(1.0), large)
    large = b.select(b.fcmp("oeq", large, k(0.0)), k(1.0), large)
    scale = b.select(b.fcmp("ogt", large, k(k.format.largest / 4)), k(0.25), k(1.0))
    angle = _arctangent_of_ratio(k, b.fmul(small, scale), b.fmul(large, scale))
    angle = _subtract_from(k, swapped, coefficients.HALF_PI[x.type], angle)
    angle = _subtract_from(k, k.has_sign(x), coefficients.PI[x.type], angle)
    result = b.copysign(b.fadd(*angle), y)
    return b.select(b.fcmp("uno", x, y), b.fadd(x, y), result)
