"""The gamma function and its kin: gamma, gammaln, psi, tri_gamma.

Far from zero each rests on Stirling's formula, with what that leaves over as a polynomial in ``1/z`` (NIST Digital
Library of Mathematical Functions, 5.11); near their zeros gammaln and psi are polynomials times exact distances from
the zeros. Small arguments go up by one with the recurrence (5.5.1, 5.5.2), negative ones by reflection (5.5.3, 5.5.4),
in a branch that vectors without a negative number skip.
"""

from __future__ import annotations

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import coefficients
from theano.backend.native.vectormath.arithmetic import Kit
from theano.backend.native.vectormath.control_flow import where
from theano.backend.native.vectormath.exponential import nearest_integer, scaled
from theano.backend.native.vectormath.logarithm import log_double_length
from theano.backend.native.vectormath.power import exp2_of_reduced, log2_double_length
from theano.backend.native.vectormath.trigonometric import sine_and_cosine_of_turn

# gamma(x) overflows long before the first number and vanishes below minus it
GAMMA_LIMIT = {"double": 185.0, "float": 45.0}
# below it gamma(x) = 1/x and psi(x) = -1/x to the last bit
TINY = {"double": 2.0**-54, "float": 2.0**-26}


def _distance_from_whole(k: Kit, x: Value) -> tuple[Value, Value]:
    """`x` less the nearest whole number, exactly, and a sign bit where that number is odd."""
    b = k.b
    whole = b.round_even(x)
    half = b.fmul(whole, k(0.5))
    odd = b.fcmp("one", b.trunc(half), half)
    return b.fsub(x, whole), b.select(odd, k.integer(k.format.sign_mask), k.integer(0))


def _poles_are(k: Kit, x: Value, value: float, result: Value) -> Value:
    """`result`, but `value` at negative whole numbers."""
    b = k.b
    pole = b.and_(b.fcmp("oeq", b.round_even(x), x), b.fcmp("olt", x, k(0.0)))
    return b.select(pole, k(value), result)


def gamma(b: Builder, x: Value) -> Value:
    """The gamma function. Branches where a lane is negative; nan at the poles, infinite with the sign of `x` at zero.

    ``gamma(z) = (z/e)**(z - 1/2) * (sqrt(2 pi/e) + P(1/z)/z)`` for ``z >= 1``; the power is taken as in ``pow``, with
    its exponent to double length. ``gamma(x) = gamma(1 + x) / x`` below 1, ``pi / (sin(pi x) gamma(1 - x))`` below 0,
    where the exponent changes its sign, so subnormal results are rounded once.
    """
    k = Kit(b, x.type)
    one = k(1.0)
    size = k.at_most(b.fabs(x), GAMMA_LIMIT[x.type])
    negative, below_one = b.fcmp("olt", x, k(0.0)), b.fcmp("olt", size, one)
    tiny = b.fcmp("olt", size, k(TINY[x.type]))
    z = b.select(below_one, b.fadd(size, one), size)
    inverse, stirling = b.fdiv(one, z), coefficients.STIRLING[x.type]
    tail = b.fma(inverse, k.polynomial(inverse, coefficients.GAMMA[x.type]), k(stirling[1]))
    factor = b.fadd(k(stirling[0]), tail)

    high, low = log2_double_length(k, z)
    log2_e = coefficients.INVERSE_LN2[x.type]
    high, rest = k.two_sum(high, k(-log2_e[0]))
    low = b.fadd(rest, b.fsub(low, k(log2_e[1])))
    high, low = k.product((high, low), (b.fsub(z, k(0.5)), k(0.0)))
    turned = b.select(negative, k.integer(k.format.sign_mask), k.integer(0))
    high, low = k.flip_sign(high, turned), k.flip_sign(low, turned)
    high, low = b.select(tiny, k(0.0), high), b.select(tiny, k(0.0), low)
    n, biased = nearest_integer(k, high, 1.0, 2 * k.format.bias)
    power = exp2_of_reduced(k, *k.fast_two_sum(b.fsub(high, n), low))

    def reflected() -> Value:
        distance, odd = _distance_from_whole(k, x)
        sine = sine_and_cosine_of_turn(k, b.fabs(distance))[0]
        product = k.product(k.product(sine, (b.select(below_one, one, size), k(0.0))), (factor, k(0.0)))
        return k.flip_sign(b.fadd(*product), b.xor(odd, k.sign_bits(distance)))

    (bottom,) = where(b, negative, lambda: [reflected()], [b.select(below_one, size, one)])
    pi = coefficients.PI[x.type]
    of_pi = b.fma(power, k(pi[0]), b.fmul(power, k(pi[1])))
    top = b.select(negative, of_pi, b.fmul(power, factor))
    top, bottom = b.select(tiny, one, top), b.select(tiny, x, bottom)
    return _poles_are(k, x, float("nan"), scaled(k, b.fdiv(top, bottom), biased))


def gammaln(b: Builder, x: Value) -> Value:
    """The logarithm of ``|gamma(x)|``. Branches where a lane is negative; infinite at the poles, and -inf at -inf.

    From 3 on Stirling's formula, ``(z - 1/2)(log(z) - 1) + log(2 pi)/2 - 1/2 + P(1/z**2)/z``, with sums to double
    length. Between 1/2 and 3 ``(x - 1)(x - 2) (c + q Q(q))`` with ``q = (x - 5/4)/(x + 5/4)``, which keeps precision at
    the zeros; below 1/2 ``gammaln(1 + x) - log(x)``, below 0 ``log(pi / |sin(pi x)|) - gammaln(1 - x)``, also to double
    length.
    """
    k = Kit(b, x.type)
    one, zero = k(1.0), k(0.0)
    size = b.fabs(x)
    shifted, negative = b.fcmp("olt", x, k(0.5)), b.fcmp("olt", x, zero)
    small = b.and_(shifted, b.not_(negative))
    z = b.select(shifted, b.fadd(size, one), x)
    near = b.fcmp("olt", z, k(3.0))

    top, bottom = b.select(near, b.fsub(z, k(1.25)), one), b.select(near, b.fadd(z, k(1.25)), z)
    ratio = b.fdiv(top, bottom)
    from_one = b.select(shifted, size, b.fsub(x, one))
    from_two = b.select(shifted, b.fsub(size, one), b.fsub(x, k(2.0)))
    center = coefficients.GAMMALN_AT_CENTER[x.type]
    slope = k.polynomial(ratio, coefficients.GAMMALN_NEAR[x.type])
    quotient = k.fast_two_sum(k(center[0]), b.fma(ratio, slope, k(center[1])))
    between = b.fadd(*k.product(k.two_product(from_one, from_two), quotient))

    logarithm, logarithm_low = log_double_length(k, b.select(small, x, z))
    high, low = k.two_sum(logarithm, k(-1.0))
    product = k.product((high, b.fadd(low, logarithm_low)), (b.fsub(z, k(0.5)), zero))
    constant = coefficients.HALF_LOG_2PI_LESS_1[x.type]
    tail = k.polynomial(b.fmul(ratio, ratio), coefficients.GAMMALN_FAR[x.type])
    high, low = k.two_sum(product[0], k(constant[0]))
    low = b.fadd(low, b.fma(ratio, tail, b.fadd(product[1], k(constant[1]))))
    high, low = b.select(near, between, high), b.select(near, zero, low)

    positive_low = b.fsub(low, b.select(small, logarithm_low, zero))
    result = b.fadd(b.fsub(high, b.select(small, logarithm, zero)), positive_low)
    result = b.select(b.fcmp("oeq", product[0], k(float("inf"))), product[0], result)
    result = b.select(b.fcmp("oeq", x, zero), k(float("inf")), result)

    def reflected() -> Value:
        tiny = b.fcmp("olt", size, k(TINY[x.type]))
        sine, sine_low = sine_and_cosine_of_turn(k, b.fabs(_distance_from_whole(k, x)[0]))[0]
        sine, sine_low = b.select(tiny, size, sine), b.select(tiny, zero, sine_low)
        log_sine, log_sine_low = log_double_length(k, sine)
        log_pi = coefficients.LOG_PI[x.type]
        log_pi_high, log_pi_low = b.select(tiny, zero, k(log_pi[0])), b.select(tiny, zero, k(log_pi[1]))
        # what 1 + |x| lost in rounding, times psi
        lost = b.fmul(b.select(near, zero, _lost_in_one_plus(k, size, z)), logarithm)
        first, rest = k.two_sum(log_pi_high, b.fneg(log_sine))
        rest = b.fadd(b.fsub(rest, log_sine_low), b.fsub(log_pi_low, b.fdiv(sine_low, sine)))
        total, lost_in_total = k.two_sum(first, b.fneg(high))
        found = b.fadd(total, b.fadd(lost_in_total, b.fsub(rest, b.fadd(low, lost))))
        found = _poles_are(k, x, float("inf"), found)
        return b.select(b.fcmp("oeq", size, k(float("inf"))), x, found)

    return where(b, negative, lambda: [reflected()], [result])[0]


def _lost_in_one_plus(k: Kit, size: Value, total: Value) -> Value:
    """``1 + size - total``, exactly, where `total` is the rounded sum and `size` is at least 1."""
    return k.b.fadd(k.b.fsub(size, total), k(1.0))


def psi(b: Builder, x: Value) -> Value:
    """The digamma function. Branches where a lane is negative; nan at the poles.

    From 2 on ``log(z) - 1/(2 z) - P(1/z**2)/z**2``; between 1 and 2 the exact distance from the zero times a
    polynomial; below 1 ``psi(1 + x) - 1/x``, below 0 ``psi(1 - x) - pi / tan(pi x)`` to double length.
    """
    k = Kit(b, x.type)
    one, zero = k(1.0), k(0.0)
    size = b.fabs(x)
    shifted, negative = b.fcmp("olt", x, one), b.fcmp("olt", x, zero)
    small = b.and_(shifted, b.not_(negative))
    z = b.select(shifted, b.fadd(size, one), x)
    base = b.select(shifted, size, x)
    near = b.fcmp("olt", base, b.select(shifted, one, k(2.0)))
    inverse = b.fdiv(one, b.select(small, x, z))

    root, root_less_1 = coefficients.PSI_ZERO[x.type], coefficients.PSI_ZERO_LESS_1[x.type]
    distance, rest = k.two_sum(base, b.select(shifted, k(-root_less_1[0]), k(-root[0])))
    rest = b.fsub(rest, b.select(shifted, k(root_less_1[1]), k(root[1])))
    centred, center = b.fsub(base, b.select(shifted, k(0.5), k(1.5))), coefficients.PSI_AT_CENTER[x.type]
    slope = k.polynomial(centred, coefficients.PSI_NEAR[x.type])
    quotient = k.fast_two_sum(k(center[0]), b.fma(centred, slope, k(center[1])))
    around_zero = b.fadd(*k.product((distance, rest), quotient))

    logarithm, logarithm_low = log_double_length(k, z)
    tail = k.polynomial(b.fmul(inverse, inverse), coefficients.PSI_FAR[x.type])
    low = b.fsub(logarithm_low, b.fmul(inverse, b.fma(inverse, tail, k(0.5))))
    high, low = b.select(near, around_zero, logarithm), b.select(near, zero, low)
    result = b.fadd(b.fsub(high, b.select(small, inverse, zero)), low)
    result = b.select(b.fcmp("oeq", x, k(float("inf"))), x, result)

    def reflected() -> Value:
        distance, _ = _distance_from_whole(k, x)
        sine, cosine = sine_and_cosine_of_turn(k, b.fabs(distance))
        cotangent = k.quotient_parts(cosine, sine)
        turn = k.product(cotangent, k.two_part_constant(coefficients.PI[x.type]))
        sign = k.sign_bits(distance)
        turn = k.flip_sign(turn[0], sign), k.flip_sign(turn[1], sign)
        # what 1 + |x| lost in rounding, times the derivative
        lost = b.fmul(b.select(near, zero, _lost_in_one_plus(k, size, z)), inverse)
        total, rest = k.two_sum(high, b.fneg(turn[0]))
        found = b.fadd(total, b.fadd(rest, b.fadd(lost, b.fsub(low, turn[1]))))
        found = b.select(b.fcmp("olt", size, k(TINY[x.type])), b.fdiv(k(-1.0), x), found)
        return _poles_are(k, x, float("nan"), found)

    return where(b, negative, lambda: [reflected()], [result])[0]


def tri_gamma(b: Builder, x: Value) -> Value:
    """The trigamma function, the derivative of psi. Branches where a lane is negative; infinite at the poles.

    From 2 on ``1/z + 1/(2 z**2) + P(1/z**2)/z**3``, between 1 and 2 a polynomial; below 1 ``psi1(1 + x) + 1/x**2``,
    below 0 ``(pi / sin(pi x))**2 - psi1(1 - x)`` (DLMF 5.15.5, 5.15.6, 5.15.8).
    """
    k = Kit(b, x.type)
    one, zero = k(1.0), k(0.0)
    size = b.fabs(x)
    shifted, negative = b.fcmp("olt", x, one), b.fcmp("olt", x, zero)
    small = b.and_(shifted, b.not_(negative))
    z = b.select(shifted, b.fadd(size, one), x)
    divisor = b.select(small, x, z)
    inverse = b.fdiv(one, divisor)
    lost = b.fmul(b.fma(b.fneg(divisor), inverse, one), inverse)  # 1/divisor is inverse + lost

    centred = b.fsub(b.select(shifted, size, x), b.select(shifted, k(0.5), k(1.5)))
    center = coefficients.TRIGAMMA_AT_CENTER[x.type]
    slope = k.polynomial(centred, coefficients.TRIGAMMA_NEAR[x.type])
    near = k.fast_two_sum(k(center[0]), b.fma(centred, slope, k(center[1])))
    square = b.fmul(inverse, inverse)
    tail = b.fma(inverse, k.polynomial(square, coefficients.TRIGAMMA_FAR[x.type]), k(0.5))
    is_near = b.fcmp("olt", b.select(shifted, size, x), b.select(shifted, one, k(2.0)))
    high = b.select(is_near, near[0], inverse)
    low = b.select(is_near, near[1], b.fma(square, tail, lost))

    # the square of 1/x, which is at least 1 where it is added
    rest = b.fma(b.fadd(inverse, inverse), lost, b.fma(inverse, inverse, b.fneg(square)))
    total, lost_in_total = k.two_sum(b.select(small, square, zero), high)
    low = b.fadd(low, b.fadd(lost_in_total, b.select(small, rest, zero)))
    result = b.select(b.fcmp("oeq", total, k(float("inf"))), total, b.fadd(total, low))
    result = b.select(b.fcmp("oeq", x, k(float("inf"))), zero, result)

    def reflected() -> Value:
        sine, _ = sine_and_cosine_of_turn(k, b.fabs(_distance_from_whole(k, x)[0]))
        ratio, ratio_low = k.quotient_parts(k.two_part_constant(coefficients.PI[x.type]), sine)
        square, square_low = k.product((ratio, ratio_low), (ratio, ratio_low))
        found = b.fadd(square, b.fsub(square_low, result))
        found = b.select(b.fcmp("olt", size, k(TINY[x.type])), b.fmul(b.fdiv(one, x), b.fdiv(one, x)), found)
        found = _poles_are(k, x, float("inf"), found)
        return b.select(b.fcmp("oeq", size, k(float("inf"))), k(float("nan")), found)

    return where(b, negative, lambda: [reflected()], [result])[0]
