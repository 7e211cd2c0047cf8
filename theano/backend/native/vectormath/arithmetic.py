"""What the recipes share: formats, polynomials, exact sums and products, scaling by powers of two.

A *double-length* number is an unevaluated sum ``high + low`` of two values; its arithmetic is that of Dekker (1971) and
Knuth (TAOCP 2, 4.2.2) with products made exact by fused multiply-add.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from theano.backend.native.ir import Builder, Value

DoubleLength: TypeAlias = tuple[Value, Value]


@dataclass(frozen=True)
class Format:
    """The layout of a binary floating-point format and limits that recipes need."""

    integer: str
    bits: int
    fraction_bits: int  # stored bits of the significand
    bias: int
    largest: float
    smallest_normal: float

    @property
    def shifter(self) -> float:
        """Adding this rounds a small number to an integer, found in the low bits of the sum."""
        return 1.5 * 2.0**self.fraction_bits

    @property
    def shifter_bits(self) -> int:
        """The bits of the shifter."""
        return ((self.bias + self.fraction_bits) << self.fraction_bits) + (1 << (self.fraction_bits - 1))

    @property
    def sign_mask(self) -> int:
        return -(1 << (self.bits - 1))

    @property
    def fraction_mask(self) -> int:
        return (1 << self.fraction_bits) - 1


FORMATS = {
    "double": Format("i64", 64, 52, 1023, 1.7976931348623157e308, 2.0**-1022),
    "float": Format("i32", 32, 23, 127, 3.4028234663852886e38, 2.0**-126),
}


class Kit:
    """The builder, the format and the constants of one recipe at one element type."""

    def __init__(self, b: Builder, type: str) -> None:
        self.b = b
        self.type = type
        self.format = FORMATS[type]

    def __call__(self, value: float) -> Value:
        """A floating-point constant."""
        return self.b.const(self.type, value)

    def integer(self, value: int) -> Value:
        """A constant of the integer type of the same width."""
        return self.b.const(self.format.integer, value)

    def bits(self, x: Value) -> Value:
        return self.b.bitcast(x, self.format.integer)

    def from_bits(self, bits: Value) -> Value:
        return self.b.bitcast(bits, self.type)

    def pick(self, double: float, single: float) -> float:
        """The number for this element type."""
        return double if self.type == "double" else single

    # ---- comparison and sign

    def at_most(self, x: Value, limit: float) -> Value:
        """``min(x, limit)``; nan stays nan."""
        c = self(limit)
        return self.b.select(self.b.fcmp("olt", c, x), c, x)

    def at_least(self, x: Value, limit: float) -> Value:
        """``max(x, limit)``; nan stays nan."""
        c = self(limit)
        return self.b.select(self.b.fcmp("ogt", c, x), c, x)

    def sign_bits(self, x: Value) -> Value:
        return self.b.and_(self.bits(x), self.integer(self.format.sign_mask))

    def flip_sign(self, x: Value, sign_bits: Value) -> Value:
        """`x` with its sign changed where `sign_bits` has the sign bit."""
        return self.from_bits(self.b.xor(self.bits(x), sign_bits))

    def has_sign(self, x: Value) -> Value:
        """i1: negative, or minus zero."""
        return self.b.icmp("slt", self.bits(x), self.integer(0))

    # ---- polynomials

    def polynomial(self, x: Value, coefficients: Sequence[float], square: Value | None = None) -> Value:
        """``sum(c[i] * x**i)``: Horner's rule, long ones as even and odd part to halve the chain of dependences."""
        c = [self(value) for value in coefficients]
        if len(c) <= 4:
            return self._horner(x, c)
        square = square or self.b.fmul(x, x)
        return self.b.fma(x, self._horner(square, c[1::2]), self._horner(square, c[0::2]))

    def _horner(self, x: Value, c: Sequence[Value]) -> Value:
        total = c[-1]
        for value in reversed(c[:-1]):
            total = self.b.fma(total, x, value)
        return total

    # ---- exact arithmetic

    def fast_two_sum(self, a: Value, b: Value) -> DoubleLength:
        """``a + b`` exactly, where ``|a| >= |b|`` or ``a == 0``."""
        total = self.b.fadd(a, b)
        return total, self.b.fadd(self.b.fsub(a, total), b)

    def two_sum(self, a: Value, b: Value) -> DoubleLength:
        """``a + b`` exactly."""
        total = self.b.fadd(a, b)
        other = self.b.fsub(total, a)
        return total, self.b.fadd(self.b.fsub(a, self.b.fsub(total, other)), self.b.fsub(b, other))

    def two_product(self, a: Value, b: Value) -> DoubleLength:
        """``a * b`` exactly."""
        high = self.b.fmul(a, b)
        return high, self.b.fma(a, b, self.b.fneg(high))

    def product(self, a: DoubleLength, b: DoubleLength) -> DoubleLength:
        """The product of double-length numbers, to about twice the precision."""
        high, low = self.two_product(a[0], b[0])
        return high, self.b.fma(a[1], b[0], self.b.fma(a[0], b[1], low))

    def quotient(self, a: DoubleLength, b: DoubleLength) -> Value:
        """``a / b`` of double-length numbers, nearly rounded to nearest: one division and one correction step."""
        return self.b.fadd(*self.quotient_parts(a, b))

    def quotient_parts(self, a: DoubleLength, b: DoubleLength) -> DoubleLength:
        """``a / b`` of double-length numbers, to nearly twice the precision."""
        b_ = self.b
        reciprocal = b_.fdiv(self(1.0), b[0])
        first = b_.fmul(a[0], reciprocal)
        rest = b_.fma(b_.fneg(first), b[0], a[0])
        rest = b_.fadd(rest, b_.fma(b_.fneg(first), b[1], a[1]))
        return first, b_.fmul(rest, reciprocal)

    def two_part_constant(self, parts: Sequence[float]) -> DoubleLength:
        return self(parts[0]), self(parts[1])

    # ---- powers of two

    def halves_of_power(self, biased: Value) -> DoubleLength:
        """Two factors whose product is ``2**n``, from an integer whose low bits hold ``n + 2 * bias``.

        Multiplying by one and then the other rounds once, also where the result is subnormal or overflows.
        """
        b, shift = self.b, self.integer(self.format.fraction_bits)
        half = b.lshr(biased, self.integer(1))
        first = self.from_bits(b.shl(half, shift))
        second = self.from_bits(b.shl(b.sub(biased, half), shift))
        return first, second

    def power_of_two(self, biased: Value) -> Value:
        """``2**n`` from an integer whose low bits hold ``n + bias``, for normal results."""
        return self.from_bits(self.b.shl(biased, self.integer(self.format.fraction_bits)))
