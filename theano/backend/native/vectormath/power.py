"""Real powers: pow, cbrt."""

from __future__ import annotations

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import coefficients
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit
from theano.backend.native.vectormath.exponential import exp2_of_reduced, nearest_integer, scaled
from theano.backend.native.vectormath.logarithm import split_positive

# 2**h is zero below -h and infinite above h
EXPONENT_LIMIT = {"double": 1100.0, "float": 160.0}


def log2_double_length(k: Kit, x: Value) -> DoubleLength:
    """``log2(x) = k + s (A + z (A/3 + z P(z)))`` of finite ``x > 0`` to a relative error of some ``2**-66`` (double).

    ``s = f / (2 + f)``, its square ``z`` and the two leading terms with ``A = 2 / ln 2`` are double-length.
    """
    b = k.b
    exponent, f = split_positive(k, x)
    bottom, bottom_low = k.fast_two_sum(k(2.0), f)
    reciprocal = b.fdiv(k(1.0), bottom)
    s = b.fmul(f, reciprocal)
    rest = b.fma(b.fneg(s), bottom_low, b.fma(b.fneg(s), bottom, f))
    s_low = b.fmul(rest, reciprocal)

    z, z_low = k.two_product(s, s)
    z_low = b.fma(b.fadd(s, s), s_low, z_low)
    third, third_low = k.two_part_constant(coefficients.TWO_THIRDS_OVER_LN2[k.type])
    tail = b.fmul(z, k.polynomial(z, coefficients.POW_LOG2[k.type]))
    inner, inner_low = k.fast_two_sum(third, tail)
    inner, inner_low = k.product((z, z_low), (inner, b.fadd(inner_low, third_low)))
    first, first_low = k.two_part_constant(coefficients.TWO_OVER_LN2[k.type])
    outer, outer_low = k.fast_two_sum(first, inner)
    outer_low = b.fadd(outer_low, b.fadd(first_low, inner_low))
    mantissa, mantissa_low = k.product((s, s_low), (outer, outer_low))
    high, low = k.fast_two_sum(exponent, mantissa)
    return k.fast_two_sum(high, b.fadd(low, mantissa_low))


def pow(b: Builder, x: Value, y: Value) -> Value:
    """`x` to the power `y`: ``2**(y log2|x|)`` with the sign and the special values of C's ``pow``."""
    k = Kit(b, x.type)
    infinity, one, zero = k(float("inf")), k(1.0), k(0.0)
    size = b.fabs(x)
    logarithm, logarithm_low = log2_double_length(k, size)
    logarithm = b.select(b.fcmp("olt", size, infinity), logarithm, size)
    logarithm = b.select(b.fcmp("oeq", size, zero), k(float("-inf")), logarithm)

    limit = EXPONENT_LIMIT[x.type]
    product, product_low = k.product((logarithm, logarithm_low), (y, zero))
    within = b.fcmp("olt", b.fabs(product), k(limit))
    product = k.at_least(k.at_most(product, limit), -limit)
    product_low = b.select(within, product_low, zero)
    n, biased = nearest_integer(k, product, 1.0, 2 * k.format.bias)
    r, r_low = k.fast_two_sum(b.fsub(product, n), product_low)
    result = scaled(k, exp2_of_reduced(k, r, r_low), biased)

    # the sign: minus for negative x and odd y; nan for negative finite x and fractional y
    fractional = b.fcmp("one", b.trunc(y), y)
    half = b.fmul(y, k(0.5))
    odd = b.and_(b.fcmp("one", b.trunc(half), half), b.not_(fractional))
    result = k.flip_sign(result, b.select(odd, k.sign_bits(x), k.integer(0)))
    finite_negative = b.and_(b.fcmp("olt", x, zero), b.fcmp("olt", size, infinity))
    result = b.select(b.and_(finite_negative, fractional), k(float("nan")), result)

    # 1 whatever the other argument: y = 0, x = 1, and x = -1 with infinite y
    unit = b.and_(b.fcmp("oeq", size, one), b.fcmp("oeq", b.fabs(y), infinity))
    always_one = b.or_(b.or_(b.fcmp("oeq", y, zero), b.fcmp("oeq", x, one)), unit)
    return b.select(always_one, one, result)


def cbrt(b: Builder, x: Value) -> Value:
    """Cube root, without division.

    ``|x| = 8**q * m`` with ``m`` between sqrt(1/8) and sqrt(8); a polynomial for ``m**(-1/3)``, a step of third order
    on it, and one on the cube root itself with the residual taken exactly.
    """
    k = Kit(b, x.type)
    size = b.fabs(x)
    exponent, f = split_positive(k, size)
    q, biased = nearest_integer(k, exponent, 1.0 / 3.0, k.format.bias)
    rest = b.fma(q, k(-3.0), exponent)
    above, below = b.fcmp("ogt", rest, k(0.0)), b.fcmp("olt", rest, k(0.0))

    def by_rest(half: float, one: float, two: float) -> Value:
        return b.select(above, k(two), b.select(below, k(half), k(one)))

    m = b.fmul(b.fadd(f, k(1.0)), by_rest(0.5, 1.0, 2.0))
    inverse = b.fmul(k.polynomial(f, coefficients.INVERSE_CBRT[x.type]), by_rest(2.0 ** (1 / 3), 1.0, 2.0 ** (-1 / 3)))
    error = b.fma(b.fmul(b.fmul(inverse, inverse), b.fneg(m)), inverse, k(1.0))
    step = b.fmul(error, b.fma(error, k(2.0 / 9.0), k(1.0 / 3.0)))
    inverse = b.fma(inverse, step, inverse)
    slope = b.fmul(inverse, inverse)
    root = b.fmul(m, slope)
    square, square_low = k.two_product(root, root)
    residual = b.fma(b.fneg(square_low), root, b.fma(b.fneg(square), root, m))
    root = b.fma(residual, b.fmul(slope, k(1.0 / 3.0)), root)
    result = b.copysign(b.fmul(root, k.power_of_two(biased)), x)
    ordinary = b.and_(b.fcmp("one", size, k(0.0)), b.fcmp("olt", size, k(float("inf"))))
    return b.select(ordinary, result, x)
