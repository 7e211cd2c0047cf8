"""The inverses of the error function and of its complement.

Both are functions of ``w = -log((1 - x)(1 + x))`` with ``x`` the value of erf (Giles, *Approximating the erfinv
function*, GPU Computing Gems 2, 2011): near zero ``x`` times a polynomial in ``w``, in the tails ``sqrt(w)`` times one
in ``q = (sqrt(w) - c)/(sqrt(w) + c)``. The tails are branches, that of erfcinv below some 1e-16 another one.
"""

from __future__ import annotations

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import coefficients
from theano.backend.native.vectormath.arithmetic import Kit
from theano.backend.native.vectormath.control_flow import where
from theano.backend.native.vectormath.logarithm import log_double_length

NEAR = 4.0  # the largest w of the first polynomial
FAR = 6.0  # the square root of w from which the last one serves


def _tail(k: Kit, root: Value, center: float, name: str) -> Value:
    """``root * (c + q P(q))``."""
    b, constant = k.b, getattr(coefficients, f"{name}_AT_CENTER")[k.type]
    ratio = b.fdiv(b.fsub(root, k(center)), b.fadd(root, k(center)))
    rest = b.fma(ratio, k.polynomial(ratio, getattr(coefficients, name)[k.type]), k(constant[1]))
    return b.fma(root, k(constant[0]), b.fmul(root, rest))


def _inverse(k: Kit, x: Value, product: Value, far: bool) -> Value:
    """The number whose erf is `x`, where `product` is ``(1 - x)(1 + x) > 0``, precisely."""
    b = k.b
    logarithm, low = log_double_length(k, product)
    w = b.fneg(b.fadd(logarithm, low))
    unit = coefficients.HALF_SQRT_PI[k.type]
    rest = b.fma(w, k.polynomial(w, coefficients.ERFINV_NEAR[k.type]), k(unit[1]))
    near = b.fma(x, k(unit[0]), b.fmul(x, rest))

    def in_tail() -> Value:
        root = b.sqrt(k.at_least(w, NEAR))
        tail = _tail(k, root, 3.5, "ERFCINV_MIDDLE")
        if far:
            beyond = b.fcmp("ogt", root, k(FAR))
            (tail,) = where(b, beyond, lambda: [_tail(k, root, 13.0, "ERFCINV_FAR")], [tail], rare=True)
        return b.copysign(tail, x)

    return where(b, b.fcmp("oge", w, k(NEAR)), lambda: [in_tail()], [near])[0]


def erfinv(b: Builder, x: Value) -> Value:
    """The number whose erf is `x`; infinite at 1 and -1, nan beyond. Branches where a lane is beyond 0.99."""
    k = Kit(b, x.type)
    product = b.fma(b.fneg(x), x, k(1.0))
    result = _inverse(k, x, product, far=False)
    result = b.select(b.fcmp("oeq", product, k(0.0)), b.copysign(k(float("inf")), x), result)
    return b.select(b.fcmp("oge", product, k(0.0)), result, k(float("nan")))


def erfcinv(b: Builder, x: Value) -> Value:
    """The number whose erfc is `x`; infinite at 0 and 2, nan outside. Branches where a lane is within 0.01 of them."""
    k = Kit(b, x.type)
    below = b.fsub(x, k(1.0))
    nearest = b.select(b.fcmp("ogt", below, k(0.0)), b.fsub(k(2.0), x), x)
    product = b.fma(b.fneg(nearest), nearest, b.fadd(nearest, nearest))
    # so that the sign of the zero at 1 is SciPy's
    result = b.fneg(_inverse(k, below, product, far=True))
    result = b.select(b.fcmp("oeq", nearest, k(0.0)), b.copysign(k(float("inf")), b.fneg(below)), result)
    return b.select(b.fcmp("oge", nearest, k(0.0)), result, k(float("nan")))
