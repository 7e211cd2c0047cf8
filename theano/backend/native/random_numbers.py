"""Random bits from a counter, and the numbers made of them: operation by operation what the rows in
:mod:`theano.scalar.random_numbers` say, so results are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from theano.backend.native.ir import Builder, Value
from theano.scalar.random_numbers import BOUND, CENTER, FORMATS, LN2, PARITY, ROTATIONS, ROUNDS

_FORMAT_OF_TYPE = {"i32": FORMATS["uint32"], "i64": FORMATS["uint64"]}
_FLOAT_OF_TYPE = {"i32": "float", "i64": "double"}


def random_bits(b: Builder, key: Value, counter: Value) -> Value:
    """Threefry-2×32."""

    def words(x: Value) -> tuple[Value, Value]:
        return b.convert("trunc", x, "i32"), b.convert("trunc", b.lshr(x, b.const("i64", 32)), "i32")

    first, second = words(key)
    schedule = (first, second, b.xor(b.xor(first, second), b.const("i32", PARITY)))
    x, y = words(counter)
    x, y = b.add(x, schedule[0]), b.add(y, schedule[1])
    for number in range(ROUNDS):
        x = b.add(x, y)
        y = b.xor(b.intrinsic("fshl", y, y, b.const("i32", ROTATIONS[number % 8])), x)
        if number % 4 == 3:
            injection = number // 4 + 1
            x = b.add(x, schedule[injection % 3])
            y = b.add(y, b.add(schedule[(injection + 1) % 3], b.const("i32", injection)))
    high = b.shl(b.convert("zext", y, "i64"), b.const("i64", 32))
    return b.or_(b.convert("zext", x, "i64"), high)


def random_uniform(b: Builder, bits: Value) -> Value:
    """The leading bits as a fraction."""
    form, real = _FORMAT_OF_TYPE[bits.type], _FLOAT_OF_TYPE[bits.type]
    number = b.convert("uitofp", b.lshr(bits, b.const(bits.type, form.bits - form.digits)), real)
    return b.fmul(number, b.const(real, 2.0**-form.digits))


def random_normal(b: Builder, bits: Value) -> Value:
    """The quantile of the normal distribution at a probability below 1/2, and a sign."""
    form, kind, real = _FORMAT_OF_TYPE[bits.type], bits.type, _FLOAT_OF_TYPE[bits.type]
    c = form.coefficients

    def number(value: float) -> Value:
        return b.const(real, value)

    def integer(value: int) -> Value:
        return b.const(kind, value)

    def horner(x: Value, coefficients: Sequence[Value]) -> Value:
        total = coefficients[-1]
        for k in coefficients[-2::-1]:
            total = b.fadd(b.fmul(total, x), k)
        return total

    steps = b.convert("uitofp", b.lshr(bits, integer(form.bits - form.digits + 1)), real)
    p = b.fmul(b.fadd(steps, number(0.5)), number(2.0**-form.digits))
    q = b.fsub(number(0.5), p)
    s = b.fsub(number(CENTER), b.fmul(q, q))
    fraction_bits, root = form.digits - 1, form.one_half_root
    moved = b.add(b.bitcast(p, kind), integer((form.bias << fraction_bits) - root))
    exponent = b.sub(b.ashr(moved, integer(fraction_bits)), integer(form.bias))
    mantissa = b.add(b.and_(moved, integer((1 << fraction_bits) - 1)), integer(root))
    f = b.fsub(b.bitcast(mantissa, real), number(1.0))
    t = b.fdiv(f, b.fadd(number(2.0), f))
    square = b.fmul(t, t)
    series = b.fmul(b.fmul(t, square), horner(square, [number(k) for k in c.logarithm]))
    mantissa_part = b.fadd(b.fmul(number(2.0), t), series)
    logarithm = b.fadd(b.fmul(b.convert("sitofp", exponent, real), number(LN2)), mantissa_part)
    r = b.sqrt(b.fmul(number(-2.0), logarithm))
    tail = b.fcmp("olt", p, number(BOUND))
    x = b.select(tail, r, s)
    above, below = (
        [b.select(tail, number(k), number(m)) for k, m in zip(*both, strict=True)]
        for both in ((c.tail_above, c.center_above), (c.tail_below, c.center_below))
    )
    quotient = b.fdiv(horner(x, above), horner(x, below))
    quantile = b.fmul(quotient, b.select(tail, number(1.0), q))
    odd = b.icmp("ne", b.and_(bits, integer(1)), integer(0))
    return b.select(odd, b.fneg(quantile), quantile)
