"""Bessel functions of orders 0 and 1: i0, i1, j0, j1.

Formulas are those of the NIST Digital Library of Mathematical Functions (DLMF), chapter 10; polynomials are fitted on
``|x| <= 8`` and, as functions of ``1/x`` or ``1/x**2``, beyond.
"""

from __future__ import annotations

import math

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import bessel_coefficients, coefficients
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit
from theano.backend.native.vectormath.control_flow import where
from theano.backend.native.vectormath.exponential import one_plus_expm1, reduce_by_ln2, scaled
from theano.backend.native.vectormath.trigonometric import (
    REDUCTION_LIMIT,
    sine_and_cosine,
    sine_and_cosine_of_huge,
)

FIRST, NEAR = 1.5, 8.0
INFINITE_FROM = {"double": 720.0, "float": 95.0}  # i0 and i1 are infinite there


def _polynomial(k: Kit, x: Value, name: str) -> Value:
    return k.polynomial(x, getattr(bessel_coefficients, name)[k.type])


def _modified(b: Builder, x: Value, order: int) -> Value:
    """I0 or I1: ``(x/2)**order (1 + t P(t))`` with ``t = x**2/4`` up to 8, ``exp(|x|) Q(1/|x|) / sqrt(|x|)`` beyond."""
    k = Kit(b, x.type)
    size = b.fabs(x)
    half = b.fmul(k.at_most(size, NEAR), k(0.5))
    t = b.fmul(half, half)
    near = b.fma(t, _polynomial(k, t, f"I{order}_NEAR"), k(1.0))
    if order:
        near = b.fmul(near, b.fmul(size, k(0.5)))

    large = k.at_most(k.at_least(size, NEAR), INFINITE_FROM[x.type])
    r, biased = reduce_by_ln2(k, large, 2 * k.format.bias)
    factor = b.fdiv(_polynomial(k, b.fsub(b.fdiv(k(16.0), large), k(1.0)), f"I{order}_FAR"), b.sqrt(large))
    far = scaled(k, b.fmul(one_plus_expm1(k, r)[0], factor), biased)

    result = b.select(b.fcmp("olt", size, k(NEAR)), near, far)
    if order:
        result = b.copysign(result, x)
    return b.select(b.fcmp("olt", size, k(math.inf)), result, k(math.nan))


def i0(b: Builder, x: Value) -> Value:
    """The modified Bessel function of the first kind of order 0 (DLMF 10.25.2, 10.40.1)."""
    return _modified(b, x, 0)


def i1(b: Builder, x: Value) -> Value:
    """The modified Bessel function of the first kind of order 1 (DLMF 10.25.2, 10.40.1)."""
    return _modified(b, x, 1)


def _from_odd_quarter_pi(k: Kit, x: Value) -> tuple[DoubleLength, Value]:
    """``x - (2 n + 1) pi/4`` to double length, at most about pi/4, and an integer whose low bits hold ``n``."""
    b, quarter_pi = k.b, coefficients.QUARTER_PI[k.type]
    shifter = k(k.format.shifter)
    shifted = b.fadd(b.fma(x, k(coefficients.TWO_OVER_PI[k.type][0]), k(-0.5)), shifter)
    n = b.fsub(shifted, shifter)
    m = b.fma(n, k(2.0), k(1.0))
    first = b.fma(m, k(-quarter_pi[0]), x)  # exact
    product, rest = k.two_product(m, k(-quarter_pi[1]))
    high, low = k.two_sum(first, product)
    return (high, b.fma(m, k(-quarter_pi[2]), b.fadd(low, rest))), k.bits(shifted)


def _up_to_eight(k: Kit, size: Value, order: int) -> Value:
    """J0 or J1 up to 8: ``(x/2)**order (1 + x**2 P(x**2))`` up to 1.5.

    Beyond, a polynomial of ``x**2`` times ``x**2 - z**2`` for the first zeros, with ``x - z`` precise.
    """
    b = k.b
    x = k.at_most(size, NEAR)
    square = b.fmul(x, x)
    first = b.fma(square, _polynomial(k, square, f"J{order}_FIRST"), k(1.0))
    result = _polynomial(k, b.fmul(b.fma(x, x, k(-33.0)), k(1.0 / 31.0)), f"J{order}_NEAR")
    for i in (1, 2, 3):
        zero = getattr(bessel_coefficients, f"J{order}_ZERO{i}")[k.type]
        distance = b.fsub(b.fsub(x, k(zero[0])), k(zero[1]))
        result = b.fmul(result, b.fmul(distance, b.fadd(x, k(zero[0]))))
    if order:
        first, result = b.fmul(first, b.fmul(size, k(0.5))), b.fmul(result, x)
    return b.select(b.fcmp("olt", size, k(FIRST)), first, result)


def _oscillating(b: Builder, x: Value, order: int) -> Value:
    """J0 or J1: beyond 8 by modulus and phase, ``sqrt(2 / (pi x)) m(x) cos(x - pi/4 - order pi/2 + p(x)/x)``."""
    k = Kit(b, x.type)
    size = b.fabs(x)
    large = k.at_least(size, NEAR)
    root = b.fdiv(k(math.sqrt(2 / math.pi)), b.sqrt(large))
    inverse = b.fdiv(k(1.0), large)
    u = b.fma(b.fmul(inverse, k(128.0)), inverse, k(-1.0))
    r, quadrant = _from_odd_quarter_pi(k, large)
    high, low = k.fast_two_sum(r[0], b.fmul(_polynomial(k, u, f"J{order}_PHASE"), inverse))
    sine, cosine = sine_and_cosine(k, (high, b.fadd(low, r[1])))
    # cos(r + (n - order) pi/2)
    quadrant = b.sub(quadrant, k.integer(order))
    odd = b.icmp("ne", b.and_(quadrant, k.integer(1)), k.integer(0))
    sign = b.shl(b.add(quadrant, k.integer(1)), k.integer(k.format.bits - 2))
    wave = k.flip_sign(b.select(odd, sine, cosine), b.and_(sign, k.integer(k.format.sign_mask)))
    far = b.fmul(b.fmul(root, _polynomial(k, u, f"J{order}_MODULUS")), wave)

    huge = b.and_(b.fcmp("ogt", size, k(REDUCTION_LIMIT[x.type])), b.fcmp("olt", size, k(math.inf)))

    def beyond_reduction() -> list[Value]:
        """By the sine and cosine of the argument: modulus 1, and of the phase its first term."""
        sine, cosine = sine_and_cosine_of_huge(k, b.select(huge, size, k(REDUCTION_LIMIT[x.type])))
        across, along = b.fsub(sine, cosine), b.fadd(sine, cosine)
        if order:
            along, across = across, b.fneg(along)
        bend = b.fmul(inverse, k(-0.375 if order else 0.125))
        return [b.fmul(b.fmul(root, k(math.sqrt(0.5))), b.fma(bend, across, along))]

    (far,) = where(b, huge, beyond_reduction, [far], rare=True)
    result = b.select(b.fcmp("olt", size, k(NEAR)), _up_to_eight(k, size, order), far)
    return k.flip_sign(result, k.sign_bits(x)) if order else result


def j0(b: Builder, x: Value) -> Value:
    """The Bessel function of the first kind of order 0 (DLMF 10.18). Branches where a lane is beyond the reduction."""
    return _oscillating(b, x, 0)


def j1(b: Builder, x: Value) -> Value:
    """The Bessel function of the first kind of order 1 (DLMF 10.18). Branches where a lane is beyond the reduction."""
    return _oscillating(b, x, 1)
