"""Bessel functions of real order: iv, jv.

- Power series (DLMF 10.25.2, 10.2.2): for I where ``x <= 30``; for J where ``x <= 30`` or ``x**2 <= 60 (v + 1)``, with
  double-length terms, as they cancel.
- Debye's expansions (DLMF 10.41.3, 10.19.3), with double-length exponents: for I elsewhere, for J far above the turning
  point ``v = x``.
- For J below the turning point Hankel's expansion (DLMF 10.17.3) at an order of at most 5, and the recurrence
  (DLMF 10.6.1) upwards, where that is stable. A little above it Debye's expansion at a higher order, and the
  recurrence downwards.

What is left to SciPy, lane by lane: see `_iv_left` and `_jv_left`. float32 goes through double.
"""

from __future__ import annotations

import math

from theano.backend.native.ir import Builder, Value
from theano.backend.native.vectormath import bessel_coefficients as constants
from theano.backend.native.vectormath import coefficients, double_length
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit
from theano.backend.native.vectormath.control_flow import Values, repeat, where
from theano.backend.native.vectormath.exponential import scaled
from theano.backend.native.vectormath.incomplete_gamma import PRECISION, inverse_gamma_factor, within
from theano.backend.native.vectormath.power import cbrt
from theano.backend.native.vectormath.special import call_scipy
from theano.backend.native.vectormath.trigonometric import cos, sin, sine_and_cosine_of_turn

NEAR = 30.0  # up to it the power series serve any order
DEBYE = tuple(getattr(constants, f"DEBYE{n}")["double"] for n in range(21))
I_TERMS, J_TERMS = 17, 21  # of Debye's expansions
ABOVE_TURNING = 21.5  # exp of minus it is about J where Debye's expansion begins to serve
AT_TURNING = 0.5  # up to there the recurrence upwards is stable
HANKEL_TERMS = 21
LOWEST_ORDER = -5.0  # of Hankel's expansion
MOST_STEPS = 1024  # of recurrences
HUGE = 2.0**500

# ---- power series


def _leading_factor(k: Kit, v: Value, x: Value) -> tuple[DoubleLength, Value]:
    """``(x/2)**v / gamma(v + 1)`` as exponent and factor, for ``v > -1``."""
    b, zero = k.b, k(0.0)
    whole = b.fcmp("oge", v, k(1.0))
    base = b.select(whole, v, k(1.0))
    ln2 = coefficients.LN2["double"]
    logarithm = double_length.add(k, double_length.logarithm(k, x), (k(-ln2[0]), k(-ln2[1])))
    logarithm = double_length.add(k, logarithm, double_length.negative(k, double_length.logarithm(k, base)))
    exponent = double_length.times(k, (v, zero), logarithm)
    exponent = double_length.add(k, exponent, (b.select(whole, v, zero), zero))
    negative = b.fcmp("olt", v, zero)
    up = b.fadd(v, k(1.0))
    factor = inverse_gamma_factor(k, b.select(negative, up, v), whole)
    return within(k, exponent), b.select(negative, b.fmul(factor, up), factor)


def _growing_series(k: Kit, v: Value, x: Value, precision: float) -> Value:
    """``sum(y**n / (n! (v+1) … (v+n)))`` with ``y = x**2/4``: four terms a turn, which share a division."""
    b = k.b
    half = b.fmul(x, k(0.5))
    y, y_low = k.two_product(half, half)
    square = b.fmul(y, y)
    cube = b.fmul(square, y)
    fourth, fourth_low = k.two_product(square, square)
    fourth_low = b.fma(b.fma(y, y, b.fneg(square)), b.fadd(square, square), fourth_low)

    def turn(values: Values) -> tuple[Values, Value]:
        term, total, slope, n = values
        steps = [b.fadd(n, k(float(i))) for i in (1, 2, 3, 4)]
        d1, d2, d3, d4 = (b.fmul(step, b.fadd(v, step)) for step in steps)
        share = b.fdiv(term, b.fmul(b.fmul(d1, d2), b.fmul(d3, d4)))
        group = b.fma(b.fma(b.fadd(d2, y), d3, square), d4, cube)
        group = b.fmul(b.fmul(share, y), group)
        total, slope = b.fadd(total, group), b.fma(group, b.fadd(n, k(2.5)), slope)
        term = b.fmul(share, fourth)
        return [term, total, slope, steps[3]], b.fcmp("ogt", term, b.fmul(total, k(precision)))

    # what rounding has taken from y and y**4 counts up to 15 times: the slope, nearly, tells how often
    _, total, slope, _ = repeat(b, [k(1.0), k(1.0), k(0.0), k(0.0)], turn, 64)
    counts = b.fcmp("ogt", fourth, k(2.0**-200))
    lost = b.fdiv(b.fma(fourth_low, k(0.25), b.fmul(y_low, cube)), b.select(counts, fourth, k(1.0)))
    return b.fma(slope, b.select(counts, lost, k(0.0)), total)


def _alternating_series(k: Kit, v: Value, x: Value, precision: float) -> Value:
    """``sum((-y)**n / (n! (v+1) … (v+n)))`` with ``y = x**2/4``, to double length: terms may be 2**40 times the sum."""
    b, zero = k.b, k(0.0)
    half = b.fmul(x, k(-0.5))
    y = k.two_product(half, b.fneg(half))

    def turn(values: Values) -> tuple[Values, Value]:
        term, term_low, total, total_low, n = values
        n = b.fadd(n, k(1.0))
        divisor = double_length.times(k, k.two_sum(v, n), (n, zero))
        term, term_low = double_length.divide(k, double_length.times(k, (term, term_low), y), divisor)
        total, total_low = double_length.add(k, (total, total_low), (term, term_low))
        more = b.fcmp("ogt", b.fabs(term), b.fmul(b.fabs(total), k(precision)))
        return [term, term_low, total, total_low, n], more

    return repeat(b, [k(1.0), zero, k(1.0), zero, zero], turn, 400)[2]


def _by_series(k: Kit, v: Value, x: Value, precision: float, modified: bool) -> Value:
    exponent, factor = _leading_factor(k, v, x)
    vanishing = k.b.fcmp("ogt", v, k(2.0**100))  # the factor is 0 there, and products would overflow
    v, x = (k.b.select(vanishing, k(1.0), u) for u in (v, x))
    total = (_growing_series if modified else _alternating_series)(k, v, x, precision)
    mantissa, biased = double_length.exponential(k, exponent)
    return scaled(k, k.b.fmul(k.b.fmul(mantissa, factor), total), biased)


# ---- Debye's expansions


def _debye_exponent(
    k: Kit, v: Value, x: Value, modified: bool, low: Value | None = None
) -> tuple[DoubleLength, Value, Value]:
    """``s - v log((v + s)/x)`` with ``s = sqrt(v**2 + x**2)``, for J ``sqrt(v**2 - x**2)``; and ``1/s``, ``v/s``.

    The order is ``v + low``. For J and ``v <= x`` the results mean nothing.
    """
    b, zero = k.b, k(0.0)
    huge = b.or_(b.fcmp("ogt", v, k(HUGE)), b.fcmp("ogt", x, k(HUGE)))
    scale = b.select(huge, k(2.0**-600), k(1.0))
    v, x = b.fmul(v, scale), b.fmul(x, scale)
    if modified:
        square = double_length.add(k, k.two_product(v, v), k.two_product(x, x))
    else:
        square = double_length.times(k, k.two_sum(v, b.fneg(x)), k.two_sum(v, x))
        beyond = b.fcmp("ogt", v, x)
        square = double_length.choose(k, beyond, square, (k(1.0), zero))
    s = double_length.square_root(k, square)
    ratio = double_length.divide(k, double_length.add(k, s, (v, zero)), (x, zero))
    ratio = double_length.choose(k, b.fcmp("olt", ratio[0], k(math.inf)), ratio, (k(2.0**1000), zero))
    logarithm = double_length.logarithm(k, *ratio)
    product = double_length.times(k, (v, zero), logarithm)
    exponent = double_length.add(k, s, double_length.negative(k, product))
    if low is not None:
        exponent = exponent[0], b.fma(b.fneg(low), logarithm[0], exponent[1])
    back = b.select(huge, k(2.0**600), k(1.0))
    inverse = b.fdiv(k(1.0), s[0])
    exponent = b.fmul(exponent[0], back), b.fmul(exponent[1], back)
    return within(k, exponent), b.fmul(inverse, scale), b.fmul(v, inverse)


def _debye(k: Kit, parts: tuple[DoubleLength, Value, Value], terms: int, precision: float) -> Value:
    """``exp(E) / sqrt(2 pi s) sum(W[n](p**2) / s**n)`` with ``p = v/s`` and ``W[n](p**2) = U[n](p) / p**n``."""
    b = k.b
    exponent, inverse, p = parts
    square = b.fmul(p, p)
    count = terms if precision < 2.0**-40 else terms // 2 + 2
    total = k.polynomial(square, DEBYE[count - 1])
    for row in reversed(DEBYE[: count - 1]):
        total = b.fma(total, inverse, k.polynomial(square, row))
    factor = b.fmul(b.fmul(total, b.sqrt(inverse)), k(1 / math.sqrt(2 * math.pi)))
    factor = b.select(b.fcmp("ogt", exponent[0], k(780.0)), k(1.0), factor)  # infinite, however small the factor
    mantissa, biased = double_length.exponential(k, exponent)
    return scaled(k, b.fmul(mantissa, factor), biased)


# ---- the recurrence of J


def _hankel(k: Kit, v: Value, x: Value) -> tuple[Value, Value]:
    """J of the orders `v` and ``v + 1`` for ``-5 <= v <= 5`` and ``x >= 30``."""
    b, one = k.b, k(1.0)
    nearest = b.round_even(v)
    distance = b.fmul(b.fsub(v, nearest), k(0.5))
    (turn_sine, _), (turn_cosine, _) = sine_and_cosine_of_turn(k, b.fabs(distance))
    turn_sine = b.copysign(turn_sine, distance)
    # cosine and sine of x - pi/4 - v pi/2: first without the whole quarters of a turn, which come last
    sine, cosine = sin(b, x), cos(b, x)
    along, across = (b.fmul(u, k(math.sqrt(0.5))) for u in (b.fadd(cosine, sine), b.fsub(sine, cosine)))
    cosine = b.fma(along, turn_cosine, b.fmul(across, turn_sine))
    sine = b.fma(across, turn_cosine, b.fneg(b.fmul(along, turn_sine)))
    quarter = k.bits(b.fadd(nearest, k(k.format.shifter)))
    odd = b.icmp("ne", b.and_(quarter, k.integer(1)), k.integer(0))
    reverse = b.and_(b.shl(quarter, k.integer(k.format.bits - 2)), k.integer(k.format.sign_mask))
    cosine, sine = b.select(odd, sine, cosine), b.select(odd, b.fneg(cosine), sine)
    cosine, sine = k.flip_sign(cosine, reverse), k.flip_sign(sine, reverse)

    inverse = b.fdiv(one, x)
    amplitude = b.fdiv(k(math.sqrt(2 / math.pi)), b.sqrt(x))

    def wave(order: Value, cosine: Value, sine: Value) -> Value:
        squared = b.fmul(b.fmul(order, order), k(4.0))
        term = one
        even, odd = [one], list[Value]()
        for n in range(1, HANKEL_TERMS):
            factor = b.fmul(b.fsub(squared, k(float((2 * n - 1) ** 2))), k((-1.0) ** (n + 1) / (8 * n)))
            term = b.fmul(term, b.fmul(factor, inverse))
            (odd if n % 2 else even).append(term)
        p, q = (_sum_from_last(b, terms) for terms in (even, odd))
        return b.fmul(amplitude, b.fma(cosine, p, b.fneg(b.fmul(sine, q))))

    return wave(v, cosine, sine), wave(b.fadd(v, one), sine, b.fneg(cosine))


def _sum_from_last(b: Builder, terms: list[Value]) -> Value:
    total = terms[-1]
    for term in reversed(terms[:-1]):
        total = b.fadd(total, term)
    return total


def _recurrence(
    k: Kit, first: Value, second: Value, order: DoubleLength, steps: Value, x: Value, sign: float, lanes: Value
) -> Value:
    """J of ``order + sign * steps`` for a multiple of 4 `steps`, from J of `order` and of ``order + sign``.

    By ``J[n + sign] = (2 n / x) J[n] - J[n - sign]``. What each step rounds off goes through the same recurrence, and
    is added in the end: at the turning point it would have grown with the power 3/2 of the steps.
    """
    b, zero = k.b, k(0.0)
    factor, factor_low = double_length.divide(k, (k(2.0), zero), (x, zero))

    def turn(values: Values) -> tuple[Values, Value]:
        before, before_low, now, now_low, n, left = values
        for _ in range(4):
            slope, slope_low = k.two_product(n, factor)
            slope_low = b.fma(n, factor_low, b.fma(order[1], factor, slope_low))
            product, product_low = k.two_product(slope, now)
            following, following_low = k.two_sum(product, b.fneg(before))
            low = b.fadd(following_low, b.fma(slope_low, now, product_low))
            low = b.fadd(low, b.fma(slope, now_low, b.fneg(before_low)))
            before, before_low, now, now_low = now, now_low, following, low
            n = b.fadd(n, k(sign))
        left = b.fsub(left, k(4.0))
        return [before, before_low, now, now_low, n, left], b.fcmp("ogt", left, zero)

    start = [first, zero, second, zero, b.fadd(order[0], k(sign)), steps]
    some = b.and_(lanes, b.fcmp("ogt", steps, zero))
    result, result_low, *_ = repeat(b, start, turn, MOST_STEPS // 4 + 1, some)
    return b.fadd(result, result_low)


# ---- the functions


def _parity(k: Kit, v: Value) -> tuple[Value, Value]:
    """Whether `v` is a whole number, and an odd one."""
    b = k.b
    whole = b.fcmp("oeq", b.trunc(v), v)
    half = b.fmul(v, k(0.5))
    return whole, b.and_(whole, b.fcmp("one", b.trunc(half), half))


def _of_order(b: Builder, v: Value, x: Value, precision: float, modified: bool) -> Value:
    """I or J of doubles."""
    k = Kit(b, "double")
    zero, one, infinity = k(0.0), k(1.0), k(math.inf)
    whole, odd = _parity(k, v)
    size = b.fabs(x)
    usual = b.and_(b.fcmp("ogt", size, zero), b.fcmp("olt", size, infinity))
    usual = b.and_(usual, b.fcmp("olt", b.fabs(v), infinity))
    order = b.select(usual, b.select(whole, b.fabs(v), v), one)
    point = b.select(usual, size, one)
    strange = b.fcmp("ole", order, k(-1.0))
    (result, left) = (_iv if modified else _jv)(k, order, point, strange, precision)

    name = "iv" if modified else "jv"
    (result,) = where(b, b.and_(left, usual), lambda: [call_scipy(b, name, order, point)], [result], rare=True)
    negative = b.fcmp("olt", x, zero)
    if modified:
        turned = b.and_(odd, negative)
    else:
        turned = b.and_(odd, b.xor(negative, b.fcmp("olt", v, zero)))
    result = b.select(turned, b.fneg(result), result)

    # zero, infinity and negative numbers
    pole = infinity
    if not modified:  # of the sign of gamma(v + 1)
        half = b.fmul(b.floor(v), k(0.5))
        pole = b.select(b.fcmp("oeq", b.trunc(half), half), k(-math.inf), infinity)
    at_zero = b.select(b.fcmp("oeq", v, zero), one, b.select(b.or_(whole, b.fcmp("ogt", v, zero)), zero, pole))
    result = b.select(b.fcmp("oeq", x, zero), at_zero, result)
    result = b.select(b.fcmp("oeq", b.fabs(v), infinity), zero, result)
    undefined = b.or_(b.and_(negative, b.not_(whole)), b.fcmp("oeq", size, infinity))
    undefined = b.or_(undefined, b.fcmp("uno", v, x))
    return b.select(undefined, k(math.nan), result)


def _iv(k: Kit, v: Value, x: Value, strange: Value, precision: float) -> tuple[Value, Value]:
    """I of ``x > 0``, and where that is left to SciPy: fractional orders below -1, unless `x` is so large that the
    sign of the order makes no difference."""
    b, one = k.b, k(1.0)
    near = b.fcmp("ole", x, k(NEAR))
    parts = _debye_exponent(k, b.fabs(v), k.at_least(x, NEAR), modified=True)
    left = b.and_(strange, b.or_(near, b.fcmp("olt", parts[0][0], k(20.0))))
    by_series = b.and_(near, b.not_(strange))

    def series() -> Values:
        return [_by_series(k, b.select(by_series, v, one), b.select(by_series, x, one), precision, modified=True)]

    result: Values = [one]
    result = where(b, by_series, series, result)
    result = where(b, b.not_(near), lambda: [_debye(k, parts, I_TERMS, precision)], result)
    return result[0], left


def _jv(k: Kit, v: Value, x: Value, strange: Value, precision: float) -> tuple[Value, Value]:
    """J of ``x > 0``, and where that is left to SciPy: fractional orders below -1 (below -5 where ``x > 30``), and
    orders above 1024 of which `x` is larger by some 1000."""
    b, one, zero = k.b, k(1.0), k(0.0)
    most = k(float(MOST_STEPS))
    near = b.fcmp("ole", x, k(NEAR))
    few_terms = b.fcmp("ole", b.fmul(x, x), b.fma(v, k(60.0), k(60.0)))
    by_series = b.and_(b.or_(near, few_terms), b.not_(strange))
    far = b.not_(b.or_(near, by_series))
    above = b.fcmp("ogt", v, x)
    exponent, *_ = _debye_exponent(k, b.select(above, v, one), b.select(above, x, k(0.5)), modified=False)
    depth = b.select(above, b.fneg(exponent[0]), zero)
    direct = b.fcmp("oge", depth, k(ABOVE_TURNING))
    rise = b.select(direct, zero, b.fma(cbrt(b, x), k(8.25), b.fsub(x, v)))
    rise = b.fmul(b.ceil(b.fmul(rise, k(0.25))), k(4.0))
    steps = b.fmul(b.floor(b.fmul(k.at_least(v, 0.0), k(0.25))), k(4.0))
    upwards = b.and_(b.and_(far, b.fcmp("olt", depth, k(AT_TURNING))), b.fcmp("oge", v, k(LOWEST_ORDER)))
    upwards = b.and_(upwards, b.fcmp("ole", steps, most))
    downwards = b.and_(b.and_(far, b.fcmp("ogt", v, zero)), b.and_(b.not_(upwards), b.fcmp("ole", rise, most)))
    left = b.not_(b.or_(by_series, b.or_(upwards, downwards)))

    def series() -> Values:
        return [_by_series(k, b.select(by_series, v, one), b.select(by_series, x, one), precision, modified=False)]

    def hankel() -> Values:
        start = b.select(upwards, b.fsub(v, steps), zero)
        point = b.select(upwards, x, k(NEAR))
        nearer, further = _hankel(k, start, point)
        return [_recurrence(k, nearer, further, (start, zero), steps, point, 1.0, upwards)]

    def debye() -> Values:
        start, low = k.two_sum(b.select(downwards, v, k(100.0)), b.select(downwards, rise, zero))
        point = b.select(downwards, x, one)

        def of(order: Value) -> Value:
            return _debye(k, _debye_exponent(k, order, point, modified=False, low=low), J_TERMS, precision)

        nearer = of(start)
        risen = b.and_(downwards, b.not_(direct))

        def down() -> Values:
            return [_recurrence(k, nearer, of(b.fsub(start, one)), (start, low), rise, point, -1.0, risen)]

        return where(b, risen, down, [nearer])

    result: Values = [one]
    result = where(b, by_series, series, result)
    result = where(b, upwards, hankel, result)
    result = where(b, downwards, debye, result)
    return result[0], left


def _in_double(b: Builder, v: Value, x: Value, modified: bool) -> Value:
    wide = [b.convert("fpext", u, "double") for u in (v, x)]
    return b.convert("fptrunc", _of_order(b, wide[0], wide[1], PRECISION[v.type], modified), v.type)


def iv(b: Builder, v: Value, x: Value) -> Value:
    """The modified Bessel function of the first kind of real order `v`."""
    return _in_double(b, v, x, modified=True)


def jv(b: Builder, v: Value, x: Value) -> Value:
    """The Bessel function of the first kind of real order `v`."""
    return _in_double(b, v, x, modified=False)
