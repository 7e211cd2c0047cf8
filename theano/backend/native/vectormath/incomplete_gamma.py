"""The incomplete gamma functions: gammainc, gammaincc, gammal, gammau, chi2sf.

With ``x**a exp(-x) / gamma(a + 1)`` as their common factor, the smaller of P(a, x) and Q(a, x) is found by

- the series of P where ``x < max(a, 1)``, for Q where ``x < max(a, 3/4)`` (DLMF 8.7.1, second form),
- the continued fraction of Q elsewhere (DLMF 8.9.2, its even part),
- the uniform expansion of Temme where ``a >= 24`` and ``1/2 < x/a < 2`` (DLMF 8.12; Temme, SIAM Journal on Mathematical
  Analysis 10, 1979),
- and Q of ``a < 1`` and ``x < 3/4``, where P is almost 1, by the series of ``1 - P`` (DLMF 8.7.1, first form).

The other is one minus it. What decides the precision is the exponent of the common factor, ``a (1 - r + log r)`` with
``r = x/a``, which is double-length. float32 goes through double, with loops that end earlier.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import bessel_coefficients as constants
from theano.backend.native.vectormath import coefficients, double_length
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit
from theano.backend.native.vectormath.control_flow import Values, repeat, where
from theano.backend.native.vectormath.error_function import erfcx_of_positive
from theano.backend.native.vectormath.exponential import expm1, scaled
from theano.backend.native.vectormath.logarithm import split_positive

TEMME_FROM = 24.0
TEMME = tuple(getattr(constants, f"TEMME{k}")["double"] for k in range(11))
LOWEST_EXPONENT = -800.0  # exp of it is zero
GUARD = 8  # binary orders by which a difference is scaled down, lest its parts overflow
PRECISION = {"double": 2.0**-56, "float": 2.0**-30}  # relative, where loops end

# ---- factors


def _common_exponent(k: Kit, a: Value, x: Value, whole: Value) -> tuple[DoubleLength, DoubleLength]:
    """``a log(x/a) - x + a``, or where not `whole` ``a log(x) - x``, and the logarithm.

    Close to ``x = a`` it is ``a W - (x - a) s`` with ``s = (x - a)/(x + a)`` and ``W = 2 atanh(s) - 2 s``, which does
    not cancel.
    """
    b, zero = k.b, k(0.0)
    base = b.select(whole, a, k(1.0))
    ratio = b.fdiv(x, base)
    exponent, f = split_positive(k, ratio)
    near = b.fcmp("oeq", exponent, zero)
    difference = k.two_sum(x, b.fneg(base))
    half_sum = k.two_sum(b.fmul(x, k(0.5)), b.fmul(base, k(0.5)))
    numerator = b.select(near, b.fmul(difference[0], k(0.5)), f)
    s = double_length.divide(k, (numerator, zero), double_length.choose(k, near, half_sum, k.fast_two_sum(k(2.0), f)))
    tail = double_length.atanh_tail(k, s)
    twice = b.fadd(s[0], s[0]), b.fadd(s[1], s[1])
    # what rounding has taken from the ratio counts where s comes from its mantissa
    lost = b.select(near, zero, b.fdiv(b.fma(b.fneg(ratio), base, x), x))
    power = double_length.times(k, (exponent, zero), k.two_part_constant(coefficients.LN2[k.type]))
    leading = double_length.add(k, power, (twice[0], b.fadd(twice[1], lost)))
    cancelled = double_length.times(k, difference, s)
    linear = double_length.choose(k, whole, difference, (x, zero))
    linear = double_length.add(k, linear, double_length.negative(k, double_length.times(k, (a, zero), leading)))
    linear = double_length.choose(k, b.and_(near, whole), cancelled, linear)
    result = double_length.add(k, double_length.times(k, (a, zero), tail), double_length.negative(k, linear))
    return result, double_length.add(k, leading, tail)


def _power_exponent(k: Kit, a: Value, x: Value) -> DoubleLength:
    """``a log(x) - x``."""
    product = double_length.times(k, (a, k(0.0)), double_length.logarithm(k, x))
    return double_length.add(k, product, (k.b.fneg(x), k(0.0)))


def within(k: Kit, exponent: DoubleLength) -> DoubleLength:
    """Cut to what `exponential` takes; nan, of infinite differences, counts as the lowest."""
    b, high = k.b, exponent[0]
    usual = b.and_(b.fcmp("ogt", high, k(LOWEST_EXPONENT)), b.fcmp("olt", high, k(-LOWEST_EXPONENT)))
    cut = b.select(b.fcmp("oge", high, k(-LOWEST_EXPONENT)), k(-LOWEST_EXPONENT), k(LOWEST_EXPONENT))
    return double_length.choose(k, usual, exponent, (cut, k(0.0)))


def inverse_gamma_factor(k: Kit, a: Value, whole: Value) -> Value:
    """``1 / gamma(a + 1)`` for ``a < 1``; where `whole` ``(a/e)**a / gamma(a + 1)``."""
    b = k.b
    larger = k.at_least(a, 1.0)
    u = b.fma(b.fdiv(k(1.0), larger), k(2.0), k(-1.0))
    stirling = k.polynomial(u, constants.INVERSE_SCALED_GAMMA[k.type])
    stirling = b.fmul(stirling, b.fdiv(k(1 / math.sqrt(2 * math.pi)), b.sqrt(larger)))
    smaller = k.polynomial(b.fma(k.at_most(a, 1.0), k(2.0), k(-1.0)), constants.INVERSE_GAMMA[k.type])
    return b.select(whole, stirling, smaller)


# ---- methods


def _series(k: Kit, a: Value, x: Value, precision: float) -> Value:
    """``sum(x**n / ((a+1) … (a+n)))``: four terms a turn, which share a division."""
    b = k.b
    square = b.fmul(x, x)
    cube, fourth = b.fmul(square, x), b.fmul(square, square)

    def turn(values: Values) -> tuple[Values, Value]:
        term, total, at = values
        d1, d2, d3, d4 = (b.fadd(at, k(float(i))) for i in (1, 2, 3, 4))
        share = b.fdiv(term, b.fmul(b.fmul(d1, d2), b.fmul(d3, d4)))
        group = b.fma(b.fma(b.fadd(d2, x), d3, square), d4, cube)
        total = b.fma(b.fmul(share, x), group, total)
        term = b.fmul(share, fourth)
        return [term, total, d4], b.fcmp("ogt", term, b.fmul(total, k(precision)))

    return repeat(b, [k(1.0), k(1.0), a], turn, 64)[1]


def _continued_fraction(k: Kit, a: Value, x: Value, precision: float) -> Value:
    """``gamma(a, x) / (x**a exp(-x)) = 1/f[0]`` with ``f[n] = x + 2 n + 1 - a - (n + 1) (n + 1 - a) / f[n + 1]``.

    From the last to the first, which is stable, as ``f[n] = t[n]/t[n + 1]``: eight steps a turn, which share a
    division. Beyond the last, ``f`` is the fixed point for large `n`.
    """
    b, one = k.b, k(1.0)
    slow = b.fma(k.at_most(a, 24.0), a, k(80.0))  # the steps that 54 bits take, found by trials
    steps = b.fma(b.fdiv(slow, x), k(1.0 if precision < 2.0**-40 else 0.5), k(8.0))
    n = b.fmul(b.ceil(b.fmul(steps, k(0.125))), k(8.0))
    tail = b.fadd(b.fma(x, k(0.5), n), b.sqrt(b.fmul(x, b.fma(x, k(0.25), n))))

    def turn(values: Values) -> tuple[Values, Value]:
        now, n = values
        before = one
        for _ in range(8):
            divisor = b.fadd(b.fadd(b.fsub(x, a), n), b.fsub(n, one))
            factor = b.fmul(n, b.fsub(a, n))
            now, before = b.fma(divisor, now, b.fmul(factor, before)), now
            n = b.fsub(n, one)
        return [b.fdiv(now, before), n], b.fcmp("ogt", n, k(0.0))

    return b.fdiv(one, repeat(b, [tail, n], turn, 64)[0])


def _uniform(k: Kit, a: Value, exponent: Value, below: Value, precision: float) -> Value:
    """The smaller of P and Q over ``exp(exponent)``, where `exponent` is ``-a eta**2 / 2``."""
    b = k.b
    y = k.at_most(b.sqrt(b.fneg(exponent)), 28.0)
    inverse = b.fdiv(k(1.0), a)
    root = b.sqrt(inverse)
    eta = b.fmul(b.fmul(y, root), k(math.sqrt(2.0)))
    eta = b.select(below, b.fneg(eta), eta)
    total = None
    for order, values in reversed(list(enumerate(TEMME))):
        used = [c for i, c in enumerate(values) if abs(c) * 0.79**i * TEMME_FROM**-order > precision / 8]
        if used:
            term = k.polynomial(eta, used)
            total = term if total is None else b.fma(total, inverse, term)
    assert total is not None
    rest = b.fmul(total, b.fmul(root, k(1 / math.sqrt(2 * math.pi))))
    return b.fma(b.fadd(*erfcx_of_positive(k, y)), k(0.5), b.select(below, b.fneg(rest), rest))


def _upper_near_zero(k: Kit, a: Value, x: Value, logarithm: DoubleLength, precision: float) -> Value:
    """``Q(a, x) / a`` for ``a < 1``, ``x < 3/4``: ``(1 - E (1 + a S)) / a`` with ``E = x**a / gamma(a + 1)``.

    ``S = sum((-x)**n / ((a + n) n!))`` from 1 on, and ``E`` is ``exp(a L)`` with ``L = log(x) - log(gamma(a + 1))/a``.
    """
    b, one = k.b, k(1.0)
    square = b.fmul(x, x)

    def turn(values: Values) -> tuple[Values, Value]:
        term, total, n = values
        n1, n2 = b.fadd(n, one), b.fadd(n, k(2.0))
        a1, a2 = b.fadd(a, n1), b.fadd(a, n2)
        share = b.fdiv(term, b.fmul(b.fmul(n1, n2), b.fmul(a1, a2)))
        pair = b.fma(x, a1, b.fneg(b.fmul(n2, a2)))
        total = b.fma(b.fmul(share, x), pair, total)
        term = b.fmul(b.fmul(share, square), b.fmul(a1, a2))
        return [term, total, n2], b.fcmp("ogt", term, k(precision))

    total = repeat(b, [one, k(0.0), k(0.0)], turn, 16)[1]
    slope = k.polynomial(b.fma(a, k(2.0), k(-1.0)), constants.LOG_GAMMA_SLOPE[k.type])
    rate = b.fadd(b.fsub(logarithm[0], slope), logarithm[1])
    power = b.fmul(a, rate)
    tiny = b.fcmp("olt", b.fabs(power), k(2.0**-60))
    growth = b.select(tiny, one, b.fdiv(expm1(b, power), b.select(tiny, one, power)))
    return b.fneg(b.fma(b.fmul(rate, growth), b.fma(a, total, one), total))


# ---- the functions


def _incomplete(b: Builder, a: Value, x: Value, precision: float, upper: bool, regularized: bool) -> Value:
    """P or Q, or these times gamma(a), of doubles."""
    k = Kit(b, "double")
    zero, one, infinity = k(0.0), k(1.0), k(math.inf)
    given_a, given_x = a, x
    # what is not finite and positive is put right at the end; where sums would overflow, both are scaled down
    huge = b.or_(b.fcmp("ogt", a, k(2.0**1000)), b.fcmp("ogt", x, k(2.0**1000)))
    factor = b.select(b.and_(huge, b.fcmp("ogt", a, k(2.0**200))), k(2.0**-100), one)
    a, x = (
        b.select(b.and_(b.fcmp("ogt", v, zero), b.fcmp("olt", v, infinity)), b.fmul(v, factor), one) for v in (a, x)
    )
    whole = b.fcmp("oge", a, one)
    # below, P is found and Q is the rest; where both a and x are small Q has a series of its own, which cancels near 1
    below = b.fcmp("olt", x, b.select(whole, a, k(0.75 if upper else 1.0)))

    exponent, logarithm = _common_exponent(k, a, x, whole)
    exponent = within(k, exponent)
    visible = b.fcmp("ogt", exponent[0], k(LOWEST_EXPONENT))
    close = b.and_(b.fcmp("ogt", x, b.fmul(a, k(0.5))), b.fcmp("olt", x, b.fmul(a, k(2.0))))
    uniform = b.and_(b.fcmp("oge", a, k(TEMME_FROM)), close)
    if not regularized:  # exponents of large factors may make good for this one
        power = within(k, _power_exponent(k, a, x))
        visible = b.and_(b.fcmp("ogt", power[0], k(LOWEST_EXPONENT)), b.fcmp("olt", power[0], k(-LOWEST_EXPONENT)))
    elsewhere = b.and_(visible, b.not_(uniform))
    inverse_gamma = inverse_gamma_factor(k, a, whole)

    def chosen(mask: Value, method: Callable[[Value, Value], Value]) -> Callable[[], Values]:
        """`method` with ``a = x = 1`` in lanes that do without it, so that they are done at once."""
        return lambda: [method(b.select(mask, a, one), b.select(mask, x, one))]

    # small: P below, else Q, over exp(exponent), or these times gamma(a) over exp(power)
    by_series, by_fraction = b.and_(elsewhere, below), b.and_(elsewhere, b.not_(below))
    small: Values = [one]
    small = where(b, by_series, chosen(by_series, lambda a, x: _series(k, a, x, precision)), small)
    if regularized:
        scale = b.select(below, inverse_gamma, b.fmul(inverse_gamma, a))
    else:
        scale = b.select(below, b.fdiv(one, a), one)
    small = where(b, by_fraction, chosen(by_fraction, lambda a, x: _continued_fraction(k, a, x, precision)), small)
    small = [b.select(visible, b.fmul(small[0], scale), one)]
    leading = k.at_least(a, TEMME_FROM)

    def by_expansion() -> Values:
        found = _uniform(k, leading, b.select(uniform, exponent[0], zero), below, precision)
        return [found if regularized else b.fdiv(found, b.fmul(a, inverse_gamma))]

    (small_value,) = where(b, uniform, by_expansion, small)

    # the wanted one: the small one or the rest
    rest = below if upper else b.not_(below)
    mantissa, biased = double_length.exponential(k, exponent if regularized else power)
    if regularized:
        total = one
        result = k.at_most(scaled(k, b.fmul(mantissa, small_value), biased), 1.0)
        result = b.select(rest, b.fsub(one, result), result)
    else:
        guard = b.select(rest, k.integer(GUARD), k.integer(0))
        result = scaled(k, b.fmul(mantissa, small_value), b.sub(biased, guard))
        base = b.select(whole, a, one)
        own, own_biased = double_length.exponential(k, within(k, _power_exponent(k, base, base)), GUARD)
        gamma = b.fdiv(b.select(whole, own, one), b.fmul(a, inverse_gamma))
        gamma = b.select(whole, scaled(k, gamma, own_biased), b.fmul(gamma, k(2.0**-GUARD)))
        difference = b.select(b.fcmp("olt", gamma, infinity), b.fsub(gamma, result), infinity)
        result = b.select(rest, b.fmul(difference, k(2.0**GUARD)), result)
        total = b.fmul(gamma, k(2.0**GUARD))

    if upper:
        corner = b.and_(below, b.not_(whole))

        def near_zero() -> Values:
            found = _upper_near_zero(k, b.select(corner, a, one), b.select(corner, x, one), logarithm, precision)
            return [b.fmul(found, a) if regularized else b.fdiv(found, inverse_gamma)]

        (result,) = where(b, corner, near_zero, [result])

    # the ends of both ranges
    no_a, no_x = (b.fcmp("oeq", v, zero) for v in (given_a, given_x))
    all_a, all_x = (b.fcmp("oeq", v, infinity) for v in (given_a, given_x))
    nothing = zero
    if not regularized:
        pole = b.or_(no_a, all_a)
        nothing, total = b.select(pole, k(math.nan), zero), b.select(pole, b.copysign(infinity, given_a), total)
    below_all, above_all = b.or_(no_x, all_a), b.or_(no_a, all_x)
    result = b.select(below_all, total if upper else nothing, result)
    result = b.select(above_all, nothing if upper else total, result)
    valid = b.and_(b.fcmp("oge", given_a, zero), b.fcmp("oge", given_x, zero))
    return b.select(b.and_(valid, b.not_(b.and_(below_all, above_all))), result, k(math.nan))


def _in_double(b: Builder, a: Value, x: Value, upper: bool, regularized: bool, scale: float = 1.0) -> Value:
    """Of ``scale * a`` and ``scale * x``."""
    wide = [b.fmul(b.convert("fpext", v, "double"), b.const("double", scale)) for v in (a, x)]
    result = _incomplete(b, wide[0], wide[1], PRECISION[a.type], upper, regularized)
    return b.convert("fptrunc", result, a.type)


def gammainc(b: Builder, k: Value, x: Value) -> Value:
    """The regularized lower incomplete gamma function."""
    return _in_double(b, k, x, upper=False, regularized=True)


def gammaincc(b: Builder, k: Value, x: Value) -> Value:
    """The regularized upper incomplete gamma function."""
    return _in_double(b, k, x, upper=True, regularized=True)


def gammal(b: Builder, k: Value, x: Value) -> Value:
    """The lower incomplete gamma function."""
    return _in_double(b, k, x, upper=False, regularized=False)


def gammau(b: Builder, k: Value, x: Value) -> Value:
    """The upper incomplete gamma function."""
    return _in_double(b, k, x, upper=True, regularized=False)


def chi2sf(b: Builder, x: Value, k: Value) -> Value:
    """The probability that a chi-squared variable of `k` degrees of freedom exceeds `x`: ``gammaincc(k/2, x/2)``."""
    return _in_double(b, k, x, upper=True, regularized=True, scale=0.5)
