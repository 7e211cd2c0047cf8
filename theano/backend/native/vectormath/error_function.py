"""The error function and its complement."""

from __future__ import annotations

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import coefficients
from theano.backend.native.vectormath.arithmetic import Kit
from theano.backend.native.vectormath.exponential import exp, one_plus_expm1, reduce_by_ln2, scaled

NEAR = 0.875


def _erf_near(k: Kit, x: Value) -> Value:
    return k.b.fma(x, k.polynomial(k.b.fmul(x, x), coefficients.ERF_NEAR[k.type]), x)


def erf(b: Builder, x: Value) -> Value:
    """Error function: ``x + x P(x**2)`` up to 7/8, beyond it ``1 - exp(Q(|x|))`` with ``Q = log(erfc)``."""
    k = Kit(b, x.type)
    size = b.fabs(x)
    near = _erf_near(k, x)
    shifted = b.fsub(k.at_most(size, 6.0), k(NEAR))
    far = b.fsub(k(1.0), exp(b, k.polynomial(shifted, coefficients.ERF_FAR[x.type])))
    return b.select(b.fcmp("olt", size, k(NEAR)), near, b.copysign(far, x))


def erfc(b: Builder, x: Value) -> Value:
    """Complementary error function: ``exp(-x**2) T(q) / (1 + 2|x|)`` with ``q = (|x| - 4)/(|x| + 4)``.

    The transformation is that of Shepherd and Laframboise (Mathematics of Computation 36, 1981), with the square taken
    to double length; up to 1/2 it is ``1 - erf(x)``.
    """
    k = Kit(b, x.type)
    size = k.at_most(b.fabs(x), k.pick(27.5, 10.5))
    ratio = b.fdiv(b.fsub(size, k(4.0)), b.fadd(size, k(4.0)))
    factor = b.fdiv(k.polynomial(ratio, coefficients.ERFC[x.type]), b.fma(size, k(2.0), k(1.0)))
    square, square_low = k.two_product(size, b.fneg(size))
    r, biased = reduce_by_ln2(k, square, 2 * k.format.bias)
    exponential, _ = one_plus_expm1(k, k.fast_two_sum(r[0], b.fadd(r[1], square_low)))
    result = scaled(k, b.fmul(exponential, factor), biased)
    result = b.select(b.fcmp("olt", x, k(0.0)), b.fsub(k(2.0), result), result)
    return b.select(b.fcmp("olt", size, k(0.5)), b.fsub(k(1.0), _erf_near(k, x)), result)
