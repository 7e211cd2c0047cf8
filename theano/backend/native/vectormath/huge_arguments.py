"""The remainder of huge numbers by pi/2, exactly: Payne and Hanek (SIGNUM Newsletter 18, 1983).

Of 2/pi only those bits count whose product with the number is neither a multiple of 4 nor too small to matter: 192 of
them, cut out of a table at the number's exponent. The product with the 53 bits of the number is one of integers.

Such numbers are rare, and the code is long: it is a function of single numbers, written once a module, which vectors
call by way of memory.
"""

from __future__ import annotations

from theano.backend.native.ir import BITS, Builder, Function, Module, Value
from theano.backend.native.vectormath import coefficients
from theano.backend.native.vectormath.arithmetic import DoubleLength, Kit

WORDS = 6  # of 32 bits, of 2/pi


def remainder_by_half_pi(k: Kit, x: Value) -> tuple[DoubleLength, Value]:
    """``x - n pi/2`` to double length and an integer whose low two bits are those of `n`, for ``2**15 <= x < inf``."""
    b, function = k.b, k.b.function
    bytes = b.lanes * k.format.bits // 8
    name = f"remainder_by_half_pi_{k.type}"
    if name not in b.module.functions:
        _write(b.module, name, k.type)
    memory = function.scratch(name, 3 * bytes)
    function.emit(f"store {x!r}, ptr {memory.ref}, align 64")
    function.emit(f"call void @{name}(ptr {memory.ref}, i64 {b.lanes})")
    found = []
    for i, kind in enumerate((k.type, k.type, k.format.integer)):
        at = function.assign("ptr", f"getelementptr i8, ptr {memory.ref}, i64 {i * bytes}")
        found.append(b.assign(kind, f"load {b.type_text(kind)}, ptr {at.ref}, align {k.format.bits // 8}"))
    return (found[0], found[1]), found[2]


def _write(module: Module, name: str, type: str) -> None:
    """``void name(memory, count)``: `count` numbers are replaced by high parts; low parts and integers follow them."""
    function = Function(
        module, name, "void", [("ptr", "memory"), ("i64", "count")], "nounwind noinline cold", "internal"
    )
    b, size = Builder(function), BITS[type] // 8

    def place(number: Value, part: int) -> Value:
        parts = function.assign("i64", f"mul i64 %count, {part}")
        index = function.assign("i64", f"add i64 {parts.ref}, {number.ref}")
        return function.assign("ptr", f"getelementptr {type}, ptr %memory, i64 {index.ref}")

    with function.loop(Value("0", "i64"), Value("%count", "i64")) as number:
        x = function.assign(type, f"load {type}, ptr {place(number, 0).ref}, align {size}")
        (high, low), n = _remainder(Kit(b, "double"), b.convert("fpext", x, "double"))
        if type == "float":
            first = b.convert("fptrunc", high, type)
            low = b.convert("fptrunc", b.fadd(b.fsub(high, b.convert("fpext", first, "double")), low), type)
            high, n = first, b.convert("trunc", n, "i32")
        for part, value in enumerate((high, low, n)):
            function.emit(f"store {value!r}, ptr {place(number, part).ref}, align {size}")
    function.emit("ret void")


def _remainder(k: Kit, x: Value) -> tuple[DoubleLength, Value]:
    """The same of one double."""
    b = k.b
    integer = k.integer
    low_half = integer(2**32 - 1)
    half = integer(32)
    bits = k.bits(x)
    significand = b.or_(b.and_(bits, integer(k.format.fraction_mask)), integer(1 << k.format.fraction_bits))
    # x is the significand times 2**e; the first bit that counts is that of weight 2 in the product
    exponent = b.sub(b.lshr(bits, integer(k.format.fraction_bits)), integer(k.format.bias + k.format.fraction_bits))
    position = b.add(exponent, integer(coefficients.TWO_OVER_PI_PADDING - 2))
    word, shift = b.lshr(position, integer(5)), b.and_(position, integer(31))
    table = b.module.constant_table("i64", coefficients.TWO_OVER_PI_BITS)

    def load(index: Value) -> Value:
        at = b.function.assign("ptr", f"getelementptr i64, ptr {table.ref}, i64 {index.ref}")
        return b.assign("i64", f"load i64, ptr {at.ref}")

    # entries overlap by half, so each shifted gives 32 bits from any position on; the lowest first
    words = [load(b.add(word, integer(i))) for i in reversed(range(WORDS))]
    words = [b.lshr(b.shl(w, shift), half) for w in words]

    # times the significand, modulo 2**192
    digits, carry = [], integer(0)
    low, high = b.and_(significand, low_half), b.lshr(significand, half)
    for w in words:
        total = b.add(b.mul(low, w), carry)
        digits.append(b.and_(total, low_half))
        carry = b.lshr(total, half)
    carry = integer(0)
    for i, w in enumerate(words[:-1], 1):
        total = b.add(b.add(b.mul(high, w), digits[i]), carry)
        digits[i] = b.and_(total, low_half)
        carry = b.lshr(total, half)

    # two bits before the point, the rest behind it: to the nearest whole number, and what is left as a signed number
    top = b.or_(b.shl(digits[5], half), digits[4])
    middle = b.or_(b.shl(digits[3], half), digits[2])
    n = b.lshr(b.add(top, integer(1 << 61)), integer(62))
    fraction = b.or_(b.shl(top, integer(2)), b.lshr(middle, integer(62)))
    behind = b.or_(b.shl(middle, integer(2)), b.lshr(digits[1], integer(30)))
    exact = b.and_(fraction, integer(-(1 << 11)))
    first = b.convert("sitofp", exact, "double")
    second = b.convert("uitofp", b.sub(fraction, exact), "double")
    third = b.convert("uitofp", b.lshr(behind, integer(11)), "double")
    low_part = k.fast_two_sum(second, b.fmul(third, k(2.0**-53)))
    head, tail = k.fast_two_sum(first, low_part[0])
    turn = b.fmul(head, k(2.0**-64)), b.fmul(b.fadd(tail, low_part[1]), k(2.0**-64))
    return k.fast_two_sum(*k.product(turn, k.two_part_constant(coefficients.HALF_PI["double"]))), n
