"""The error function, its complement and that scaled by ``exp(x**2)``."""

from __future__ import annotations

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import coefficients
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit
from theano.backend.native.vectormath.control_flow import where
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


def erfcx_of_positive(k: Kit, size: Value) -> DoubleLength:
    """``exp(x**2) erfc(x) = T(q) / (1 + 2x)`` with ``q = (x - 4)/(x + 4)``, for ``x >= 0``, to nearly double length.

    The transformation is that of Shepherd and Laframboise (Mathematics of Computation 36, 1981).
    """
    b, center = k.b, coefficients.ERFC_AT_CENTER[k.type]
    capped = k.at_most(size, 2.0**60)
    ratio = b.fdiv(b.fsub(capped, k(4.0)), b.fadd(capped, k(4.0)))
    rest = b.fma(ratio, k.polynomial(ratio, coefficients.ERFC[k.type]), k(center[1]))
    # halves, so that the denominator does not overflow
    half = b.fmul(rest, k(0.5))
    return k.quotient_parts(k.fast_two_sum(k(center[0] / 2), half), k.two_sum(size, k(0.5)))


def _exp_of_square(k: Kit, x: Value, sign: float) -> tuple[DoubleLength, Value]:
    """``exp(sign * x**2)`` to double length, and the power of two that scales it, as :func:`scaled` takes it."""
    b = k.b
    square, square_low = k.two_product(x, b.fmul(x, k(sign)))
    r, biased = reduce_by_ln2(k, square, 2 * k.format.bias)
    return one_plus_expm1(k, k.fast_two_sum(r[0], b.fadd(r[1], square_low))), biased


def erfc(b: Builder, x: Value) -> Value:
    """Complementary error function: ``exp(-x**2) erfcx(x)`` with the square taken to double length.

    Up to 1/2 it is ``1 - erf(x)``.
    """
    k = Kit(b, x.type)
    size = k.at_most(b.fabs(x), k.pick(27.5, 10.5))
    exponential, biased = _exp_of_square(k, size, -1.0)
    result = scaled(k, b.fadd(*k.product(exponential, erfcx_of_positive(k, size))), biased)
    result = b.select(b.fcmp("olt", x, k(0.0)), b.fsub(k(2.0), result), result)
    return b.select(b.fcmp("olt", size, k(0.5)), b.fsub(k(1.0), _erf_near(k, x)), result)


def erfcx(b: Builder, x: Value) -> Value:
    """``exp(x**2) erfc(x)``. Branches where a lane is negative: there it is ``2 exp(x**2) - erfcx(-x)``."""
    k = Kit(b, x.type)
    size = b.fabs(x)
    scaled_erfc = b.fadd(*erfcx_of_positive(k, size))
    scaled_erfc = b.select(b.fcmp("oeq", size, k(float("inf"))), k(0.0), scaled_erfc)

    def reflected() -> Value:
        (high, low), biased = _exp_of_square(k, k.at_most(size, k.pick(27.0, 10.0)), 1.0)
        # what is taken off, in units of the power of two; beyond some size nothing of it is left
        unit = k.power_of_two(b.sub(k.integer(k.format.shifter_bits + 3 * k.format.bias), biased))
        off = b.select(b.fcmp("olt", size, k(k.pick(8.0, 6.0))), b.fmul(b.fmul(scaled_erfc, k(0.5)), unit), k(0.0))
        total, rest = k.two_sum(high, b.fneg(off))
        return b.fmul(scaled(k, b.fadd(total, b.fadd(rest, low)), biased), k(2.0))

    return where(b, b.fcmp("olt", x, k(0.0)), lambda: [reflected()], [scaled_erfc])[0]
