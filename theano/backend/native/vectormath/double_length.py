"""More arithmetic of double-length numbers: sums, quotients, logarithms, exponentials."""

from __future__ import annotations

from theano.backend.native.ir import Value
from theano.backend.native.vectormath import bessel_coefficients, coefficients
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit
from theano.backend.native.vectormath.exponential import one_plus_expm1, reduce_by_ln2
from theano.backend.native.vectormath.logarithm import split_positive


def add(k: Kit, a: DoubleLength, b: DoubleLength) -> DoubleLength:
    """The sum, to about twice the precision unless it cancels."""
    high, low = k.two_sum(a[0], b[0])
    return k.fast_two_sum(high, k.b.fadd(low, k.b.fadd(a[1], b[1])))


def negative(k: Kit, a: DoubleLength) -> DoubleLength:
    return k.b.fneg(a[0]), k.b.fneg(a[1])


def times(k: Kit, a: DoubleLength, b: DoubleLength) -> DoubleLength:
    """The product, with its low part small again."""
    return k.fast_two_sum(*k.product(a, b))


def divide(k: Kit, a: DoubleLength, b: DoubleLength) -> DoubleLength:
    """The quotient: one division and a correction."""
    b_ = k.b
    reciprocal = b_.fdiv(k(1.0), b[0])
    first = b_.fmul(a[0], reciprocal)
    rest = b_.fma(b_.fneg(first), b[0], a[0])
    rest = b_.fadd(rest, b_.fma(b_.fneg(first), b[1], a[1]))
    return k.fast_two_sum(first, b_.fmul(rest, reciprocal))


def square_root(k: Kit, a: DoubleLength) -> DoubleLength:
    """The square root of a positive number: one root and a correction."""
    b = k.b
    first = b.sqrt(a[0])
    rest = b.fadd(b.fma(b.fneg(first), first, a[0]), a[1])
    return k.fast_two_sum(first, b.fdiv(rest, b.fadd(first, first)))


def choose(k: Kit, mask: Value, a: DoubleLength, b: DoubleLength) -> DoubleLength:
    return k.b.select(mask, a[0], b[0]), k.b.select(mask, a[1], b[1])


def atanh_tail(k: Kit, s: DoubleLength) -> DoubleLength:
    """``2 atanh(s) - 2 s`` for ``|s| <= (sqrt(2) - 1)**2``: its first two terms are taken to double length."""
    square = times(k, s, s)
    tail = k.b.fmul(square[0], k.polynomial(square[0], bessel_coefficients.LOG_TAIL[k.type]))
    total = (tail, k(0.0))
    for parts in (bessel_coefficients.TWO_FIFTHS, bessel_coefficients.TWO_THIRDS):
        first = k.two_part_constant(parts[k.type])
        high, low = k.fast_two_sum(first[0], total[0])
        total = times(k, square, (high, k.b.fadd(low, k.b.fadd(total[1], first[1]))))
    return times(k, total, s)


def logarithm(k: Kit, x: Value, low: Value | None = None) -> DoubleLength:
    """The natural logarithm of finite ``x + low > 0`` to a relative error of some ``2**-71`` in double."""
    exponent, f = split_positive(k, x)
    s = divide(k, (f, k(0.0)), k.fast_two_sum(k(2.0), f))
    whole = times(k, (exponent, k(0.0)), k.two_part_constant(coefficients.LN2[k.type]))
    total = add(k, whole, (k.b.fadd(s[0], s[0]), k.b.fadd(s[1], s[1])))
    tail = atanh_tail(k, s)
    if low is not None:
        tail = tail[0], k.b.fadd(k.b.fdiv(low, x), tail[1])
    return add(k, total, tail)


def exponential(k: Kit, x: DoubleLength, offset: int = 0) -> tuple[Value, Value]:
    """``(m, n)`` with ``exp(x) = m * 2**n``, where ``n`` comes as ``exponential.scaled`` takes it, less `offset`."""
    r, biased = reduce_by_ln2(k, x[0], 2 * k.format.bias - offset)
    return one_plus_expm1(k, k.fast_two_sum(r[0], k.b.fadd(r[1], x[1])))[0], biased
