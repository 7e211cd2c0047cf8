"""Native recipes for the table of elementwise operations: how each row becomes LLVM instructions.

A recipe is registered under its row's name and called with operands of the dtypes in which the row computes; it returns
the result in the form of its dtype in registers. One recipe serves all dtypes and any number of lanes::

    @recipe("cube")
    def cube(b, args, dtypes, out):
        return multiply(b, multiply(b, args[0], args[0], out), args[0], out)

Elementary and special functions are in :mod:`theano.backend.native.vectormath`. Results are those of NumPy, element by
element; only float16 is computed in single precision and rounded when it is stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial, reduce

from theano.backend.native import random_numbers, vectormath
from theano.backend.native.conversions import (
    convert_value,
    element_type,
    from_storage,
    is_float,
    is_native,
    is_signed,
    storage_type,
    to_storage,
)
from theano.backend.native.ir import BITS, Builder, Value
from theano.backend.native.vectormath.control_flow import any_lane, where
from theano.scalar import exponential
from theano.scalar import random_numbers as random_rows
from theano.scalar.conversion import Cast
from theano.scalar.operation import ScalarOp
from theano.scalar.table import TABLE, Operation

Recipe = Callable[[Builder, list[Value], Sequence[str], str], Value]

RECIPES: dict[str, Recipe] = {}


def recipe(*names: str) -> Callable[[Recipe], Recipe]:
    """Register the recipe of the operations called `names`."""

    def register(function: Recipe) -> Recipe:
        for name in names:
            RECIPES[name] = function
        return function

    return register


def has_recipe(op: ScalarOp, in_dtypes: Sequence[str], out_dtype: str) -> bool:
    """Whether :func:`emit_scalar` can write `op` for these dtypes; not for complex numbers and users' operations."""
    if not is_native(out_dtype) or not all(is_native(d) for d in in_dtypes):
        return False
    return isinstance(op, Cast) or (isinstance(op, Operation) and op.name in RECIPES)


def emit_scalar(b: Builder, op: ScalarOp, args: Sequence[Value], in_dtypes: Sequence[str], out_dtype: str) -> Value:
    """Write operation `op` on values of `in_dtypes`, as they are in registers; gives a value of `out_dtype`."""
    if isinstance(op, Cast):
        return convert_value(b, args[0], in_dtypes[0], out_dtype)
    assert isinstance(op, Operation), f"{op} is no row of the table"
    dtypes = op.computation_dtypes(in_dtypes, out_dtype)
    converted = [convert_value(b, x, have, want) for x, have, want in zip(args, in_dtypes, dtypes, strict=True)]
    return RECIPES[op.name](b, converted, dtypes, out_dtype)


# ---- arithmetic, by kind of dtype


def _choose(float_opcode: str, integer_opcode: str, bool_opcode: str | None = None) -> Callable[..., Value]:
    """An instruction of two operands that goes by different names for floats, integers and bools."""

    def emit(b: Builder, x: Value, y: Value, dtype: str) -> Value:
        if is_float(dtype):
            return b.binary(float_opcode, x, y)
        return b.binary(bool_opcode if dtype == "bool" and bool_opcode else integer_opcode, x, y)

    return emit


plus = _choose("fadd", "add", "or")
minus = _choose("fsub", "sub")
multiply = _choose("fmul", "mul", "and")


@recipe("add")
def _add(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return reduce(lambda x, y: plus(b, x, y, out), args)


@recipe("mul")
def _mul(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return reduce(lambda x, y: multiply(b, x, y, out), args)


@recipe("sub")
def _sub(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return minus(b, *args, out)


@recipe("neg")
def _neg(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    (x,) = args
    return b.fneg(x) if is_float(out) else b.sub(b.const(x.type, 0), x)


@recipe("sqr")
def _sqr(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return multiply(b, args[0], args[0], out)


@recipe("true_div")
def _true_div(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.fdiv(*args)


@recipe("inv")
def _inv(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.fdiv(b.const(args[0].type, 1.0), args[0])


@recipe("sqrt")
def _sqrt(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.sqrt(args[0])


# ---- quotient and remainder, rounded down


def _cut_quotient(b: Builder, x: Value, y: Value, dtype: str) -> Value:
    """The quotient of integers towards zero, where it is defined.

    Machines divide vectors of floats only. A float with more bits than the operands serves integers exactly: a quotient
    that is not whole differs from the next whole number by at least 1/y, and rounding moves it by less.
    """
    signed = "s" if is_signed(dtype) else "u"
    if BITS[x.type] == 64:
        return b.binary(f"{signed}div", x, y) if b.lanes == 1 else _cut_long_quotient(b, x, y, dtype)
    kind = "double" if BITS[x.type] == 32 else "float"
    quotient = b.fdiv(b.convert(f"{signed}itofp", x, kind), b.convert(f"{signed}itofp", y, kind))
    return b.convert(f"fpto{signed}i", quotient, x.type)


def _cut_long_quotient(b: Builder, x: Value, y: Value, dtype: str) -> Value:
    """The quotient of 64-bit integers towards zero, where it is defined, by two divisions of doubles.

    The first quotient is off by less than 2**12, so what is left of x is at most that many times y, and the second, to
    the nearest whole number, leaves at most half of y and its rounding error: one step more or less makes it exact.
    Unsigned divisors from 2**63 on, which what is left could not be compared with, go once at most.
    """
    zero, one = b.const("i64", 0), b.const("i64", 1)
    signed = is_signed(dtype)
    number = b.convert("sitofp" if signed else "uitofp", x, "double")
    divisor = b.convert("sitofp" if signed else "uitofp", y, "double")
    first = b.round_even(b.fdiv(number, divisor))
    largest = b.const("double", 2.0**63 - 2.0**10 if signed else 2.0**64 - 2.0**11)
    first = b.select(b.fcmp("ogt", first, largest), largest, first)
    quotient = b.convert("fptosi" if signed else "fptoui", first, "i64")
    rest = b.sub(x, b.mul(quotient, y))
    second = b.convert("fptosi", b.round_even(b.fdiv(b.convert("sitofp", rest, "double"), divisor)), "i64")
    quotient, rest = b.add(quotient, second), b.sub(rest, b.mul(second, y))
    # the rest must have the sign of x, and be smaller than y
    if signed:
        size = b.intrinsic("abs", y, extra="i1 false")
        with_y = b.select(b.icmp("slt", b.xor(rest, y), zero), b.const("i64", -1), one)
        other_sign = b.and_(b.icmp("ne", rest, zero), b.icmp("slt", b.xor(rest, x), zero))
        large = b.icmp("uge", b.intrinsic("abs", rest, extra="i1 false"), size)
        return b.add(quotient, b.select(b.or_(other_sign, large), with_y, zero))
    step = b.select(b.icmp("slt", rest, zero), b.const("i64", -1), b.select(b.icmp("sge", rest, y), one, zero))
    whole = b.select(b.icmp("uge", x, y), one, zero)
    return b.select(b.icmp("slt", y, zero), whole, b.add(quotient, step))


def _divide_integers(b: Builder, x: Value, y: Value, dtype: str) -> tuple[Value, Value]:
    """Quotient and remainder; by zero both are zero, and the least integer by -1 wraps around to itself."""
    zero, one = b.const(x.type, 0), b.const(x.type, 1)
    if dtype == "bool":
        return b.and_(x, y), b.const("i1", False)
    by_zero = b.icmp("eq", y, zero)
    if not is_signed(dtype):
        safe = b.select(by_zero, one, y)
        quotient = _cut_quotient(b, x, safe, dtype)
        return b.select(by_zero, zero, quotient), b.select(by_zero, zero, b.sub(x, b.mul(quotient, safe)))
    least = b.const(x.type, -(2 ** (BITS[x.type] - 1)))
    overflow = b.and_(b.icmp("eq", x, least), b.icmp("eq", y, b.const(x.type, -1)))
    safe = b.select(b.or_(by_zero, overflow), one, y)
    quotient = _cut_quotient(b, x, safe, dtype)
    remainder = b.sub(x, b.mul(quotient, safe))
    # towards zero becomes down where something remains and its sign is not the divisor's
    wrong = b.and_(b.icmp("ne", remainder, zero), b.icmp("slt", b.xor(remainder, y), zero))
    quotient = b.select(wrong, b.sub(quotient, one), quotient)
    remainder = b.select(wrong, b.add(remainder, y), remainder)
    return b.select(by_zero, zero, quotient), b.select(by_zero, zero, remainder)


def _c_remainder(b: Builder, x: Value, y: Value) -> Value:
    """The remainder of x by y towards zero, exact, with the sign of x.

    While the quotient has no more bits than a float it follows from one division and one fused product; only in lanes
    beyond that is C's ``fmod`` called.
    """
    quotient = b.trunc(b.fdiv(x, y))
    rest = b.fma(b.fneg(quotient), y, x)
    size, step = b.fabs(rest), b.fabs(y)
    # the rounded quotient may be one too large, and then the rest has the other sign
    past = b.fcmp("olt", b.fmul(b.copysign(b.const(x.type, 1.0), x), rest), b.const(x.type, 0.0))
    result = b.copysign(b.select(past, b.fsub(step, size), size), x)
    exact_below = 2.0 ** (52 if x.type == "double" else 23)
    tiny = b.const(x.type, 2.0**-900 if x.type == "double" else 2.0**-90)
    plain = b.and_(b.fcmp("olt", b.fabs(quotient), b.const(x.type, exact_below)), b.fcmp("ogt", step, tiny))
    plain = b.and_(plain, b.fcmp("ord", rest, rest))
    symbol = "fmod" if x.type == "double" else "fmodf"
    b.module.declare(symbol, f"declare {x.type} @{symbol}({x.type}, {x.type})")

    def call(one: Builder, *operands: Value) -> Value:
        p, q = operands
        return one.assign(p.type, f"call {p.type} @{symbol}({p!r}, {q!r})")

    return where(b, b.not_(plain), lambda: [b.per_lane(call, x, y)], [result], rare=True)[0]


def _divide_floats(b: Builder, x: Value, y: Value) -> tuple[Value, Value]:
    """Quotient rounded down and remainder with the sign of the divisor; zeros keep the signs that Python gives them."""
    zero, one = b.const(x.type, 0.0), b.const(x.type, 1.0)
    remainder = _c_remainder(b, x, y)
    quotient = b.fdiv(b.fsub(x, remainder), y)
    nothing = b.fcmp("oeq", remainder, zero)
    wrong = b.and_(b.not_(nothing), b.xor(b.fcmp("olt", y, zero), b.fcmp("olt", remainder, zero)))
    quotient = b.select(wrong, b.fsub(quotient, one), quotient)
    remainder = b.select(nothing, b.copysign(zero, y), b.select(wrong, b.fadd(remainder, y), remainder))
    down = b.floor(quotient)
    # the division above may have lost the last bit of a whole number
    down = b.select(b.fcmp("ogt", b.fsub(quotient, down), b.const(x.type, 0.5)), b.fadd(down, one), down)
    ratio = b.fdiv(x, y)
    down = b.select(b.fcmp("oeq", quotient, zero), b.copysign(zero, ratio), down)
    return b.select(b.fcmp("oeq", y, zero), ratio, down), remainder


@recipe("int_div")
def _int_div(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    x, y = args
    return (_divide_floats(b, x, y) if is_float(out) else _divide_integers(b, x, y, out))[0]


@recipe("mod")
def _mod(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    x, y = args
    return (_divide_floats(b, x, y) if is_float(out) else _divide_integers(b, x, y, out))[1]


# ---- powers


@recipe("pow")
def _pow(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    base, exponent = args
    if is_float(out):
        return vectormath.pow(b, base, exponent)
    zero, one = b.const(base.type, 0), b.const(base.type, 1)
    if not is_signed(out):
        return _power_by_squaring(b, base, exponent)
    negative = b.icmp("slt", exponent, zero)
    power = _power_by_squaring(b, base, b.select(negative, zero, exponent))
    # 1 and -1 are their own reciprocals, all other reciprocals are cut to zero
    minus_one = b.const(base.type, -1)
    odd = b.icmp("ne", b.and_(exponent, one), zero)
    of_minus_one = b.select(b.and_(b.icmp("eq", base, minus_one), odd), minus_one, one)
    unit = b.or_(b.icmp("eq", base, one), b.icmp("eq", base, minus_one))
    return b.select(negative, b.select(unit, of_minus_one, zero), power)


def _power_by_squaring(b: Builder, base: Value, exponent: Value) -> Value:
    """``base ** exponent`` for an exponent without sign: a loop over its bits, while any lane has bits left."""
    function, kind = b.function, base.type
    zero, one = b.const(kind, 0), b.const(kind, 1)
    result, square, bits = (Value(function.fresh(), kind, b.lanes) for _ in range(3))
    before, head, body, after = function.current_label, *(function.new_label(h) for h in ("power", "bit", "after"))
    # the loop's values come back by name: select gives the results names that the phis can mention first
    next_names = [function.fresh() for _ in range(3)]
    function.branch(head)
    function.label(head)
    for value, start, following in zip((result, square, bits), (one, base, exponent), next_names, strict=True):
        function.emit(f"{value.ref} = phi {base.full_type} [{start.ref}, %{before}], [{following}, %{body}]")
    left = b.icmp("ne", bits, zero)
    any_left = any_lane(b, left)
    function.branch_if(any_left, body, after)
    function.label(body)
    set_bit = b.icmp("ne", b.and_(bits, one), zero)
    product = b.mul(result, square)
    mask, full = f"{set_bit.full_type} {set_bit.ref}", base.full_type
    function.emit(f"{next_names[0]} = select {mask}, {full} {product.ref}, {full} {result.ref}")
    function.emit(f"{next_names[1]} = mul {full} {square.ref}, {square.ref}")
    function.emit(f"{next_names[2]} = lshr {full} {bits.ref}, {one.ref}")
    function.branch(head)
    function.label(after)
    return result


# ---- sign and extrema


@recipe("abs_")
def _abs(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    (x,) = args
    if is_float(out):
        return b.fabs(x)
    return b.intrinsic("abs", x, extra="i1 false") if is_signed(out) else x


@recipe("sgn")
def _sgn(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    (x,) = args
    zero, one, minus_one = b.const(x.type, 0), b.const(x.type, 1), b.const(x.type, -1)
    if is_float(out):
        sign = b.select(b.fcmp("olt", x, zero), minus_one, b.select(b.is_nan(x), x, zero))
        return b.select(b.fcmp("ogt", x, zero), one, sign)
    positive = b.select(b.icmp("ne", x, zero), one, zero)
    return b.select(b.icmp("slt", x, zero), minus_one, positive) if is_signed(out) else positive


def compare(b: Builder, relation: str, x: Value, y: Value, dtype: str) -> Value:
    """i1 from two values of one dtype; `relation` is one of eq, ne, lt, le, gt, ge."""
    if is_float(dtype):
        return b.fcmp("une" if relation == "ne" else "o" + relation, x, y)
    ordered = relation not in ("eq", "ne")
    return b.icmp(("s" if is_signed(dtype) else "u") + relation if ordered else relation, x, y)


def extremum(b: Builder, relation: str, x: Value, y: Value, dtype: str) -> Value:
    """The larger (``"gt"``) or smaller (``"lt"``) of two values of one dtype; nan where either is nan."""
    chosen = b.select(compare(b, relation, x, y, dtype), x, y)  # y where either is nan
    return b.select(b.is_nan(x), x, chosen) if is_float(dtype) else chosen


@recipe("maximum")
def _maximum(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return extremum(b, "gt", args[0], args[1], out)


@recipe("minimum")
def _minimum(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return extremum(b, "lt", args[0], args[1], out)


@recipe("clip")
def _clip(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    x, low, high = args
    cut = b.select(compare(b, "gt", x, high, out), high, x)
    return b.select(compare(b, "lt", x, low, out), low, cut)


# ---- choice


@recipe("switch")
def _switch(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.select(*args)


@recipe("second")
def _second(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return args[1]


@recipe("identity", "real", "conj")
def _identity(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return args[0]


@recipe("imag")
def _imag(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.const(element_type(out), 0)


@recipe("angle")
def _angle(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    (x,) = args  # a double: that of a negative number, -0.0 among them, is pi
    negative = b.icmp("slt", b.bitcast(x, "i64"), b.const("i64", 0))
    turn = b.select(negative, b.const("double", math.pi), b.const("double", 0.0))
    return b.select(b.is_nan(x), x, turn)


# ---- comparisons


def _compare_given(b: Builder, relation: str, x: Value, y: Value, dtypes: Sequence[str]) -> Value:
    """Compare values of one dtype, or of two discrete ones, signed or not: as the whole numbers that they are."""
    if dtypes[0] == dtypes[1]:
        return compare(b, relation, x, y, dtypes[0])
    x, y = (convert_value(b, v, d, "int64") for v, d in zip((x, y), dtypes, strict=True))
    signed = [is_signed(d) for d in dtypes]
    found = compare(b, relation, x, y, "int64" if all(signed) else "uint64")
    if signed[0] == signed[1]:
        return found
    # a negative number is below all unsigned ones
    negative = b.icmp("slt", x if signed[0] else y, b.const("i64", 0))
    below = ("lt", "le", "ne") if signed[0] else ("gt", "ge", "ne")
    return b.select(negative, b.const("i1", relation in below), found)


def _comparison(relation: str) -> Recipe:
    def emit(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
        return _compare_given(b, relation, args[0], args[1], dtypes)

    return emit


for _name, _relation in {"eq": "eq", "neq": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}.items():
    RECIPES[_name] = _comparison(_relation)


def _between(above: str, below: str) -> Recipe:
    def emit(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
        x, low, high = args
        after = _compare_given(b, above, x, low, dtypes[:2])
        return b.and_(after, _compare_given(b, below, x, high, (dtypes[0], dtypes[2])))

    return emit


RECIPES["inopenrange"] = _between("gt", "lt")
RECIPES["inclosedrange"] = _between("ge", "le")


@recipe("isnan")
def _isnan(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.is_nan(args[0]) if is_float(dtypes[0]) else b.const("i1", False)


@recipe("isinf")
def _isinf(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    (x,) = args
    if not is_float(dtypes[0]):
        return b.const("i1", False)
    return b.fcmp("oeq", b.fabs(x), b.const(x.type, math.inf))


# ---- bits


@recipe("and_")
def _and(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.and_(*args)


@recipe("or_")
def _or(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.or_(*args)


@recipe("xor")
def _xor(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.xor(*args)


@recipe("invert")
def _invert(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    return b.not_(args[0])


@recipe("left_shift")
def _left_shift(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    x, y = args
    inside = b.icmp("ult", y, b.const(x.type, BITS[x.type]))
    return b.select(inside, b.shl(x, y), b.const(x.type, 0))


@recipe("right_shift")
def _right_shift(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    x, y = args
    bits = BITS[x.type]
    inside = b.icmp("ult", y, b.const(x.type, bits))
    if is_signed(out):
        return b.ashr(x, b.select(inside, y, b.const(x.type, bits - 1)))
    return b.select(inside, b.lshr(x, y), b.const(x.type, 0))


# ---- rounding


def _intrinsic(name: str) -> Recipe:
    def emit(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
        return b.intrinsic(name, args[0]) if is_float(out) else args[0]

    return emit


for _name, _intrinsic_name in {
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "round_half_to_even": "roundeven",
    "round_half_away_from_zero": "round",
}.items():
    RECIPES[_name] = _intrinsic(_intrinsic_name)

# ---- elementary and special functions

# Rows whose recipe has another name in vectormath; all others that vectormath knows go by their own.
VECTORMATH_NAMES = {
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
}


def _function(found: Callable[..., Value]) -> Recipe:
    def emit(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
        return found(b, *args)

    return emit


for _name in TABLE:
    if _name not in RECIPES and (_found := getattr(vectormath, VECTORMATH_NAMES.get(_name, _name), None)) is not None:
        RECIPES[_name] = _function(_found)

for _name in random_rows.__all__:
    RECIPES[_name] = _function(getattr(random_numbers, _name))


def _times(factor: float) -> Recipe:
    def emit(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
        return b.fmul(args[0], b.const(args[0].type, factor))

    return emit


RECIPES["deg2rad"] = _times(math.pi / 180)
RECIPES["rad2deg"] = _times(180 / math.pi)


@recipe("ultra_fast_sigmoid")
def _ultra_fast_sigmoid(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    (x,) = args
    number = partial(b.const, x.type)
    first, second = exponential.KNOTS
    h = b.fmul(b.fabs(x), number(0.5))
    hyperbola = b.fdiv(b.fmul(number(exponential.HYPERBOLA), h), b.fadd(number(1.0), h))
    slope = b.fmul(number(exponential.LINE_SLOPE), b.fsub(h, number(first)))
    line = b.fadd(number(exponential.LINE_AT_KNOT), slope)
    z = b.select(b.fcmp("olt", h, number(second)), line, number(exponential.LAST))
    z = b.copysign(b.select(b.fcmp("olt", h, number(first)), hyperbola, z), x)
    return b.select(b.is_nan(x), x, b.fmul(number(0.5), b.fadd(z, number(1.0))))


@recipe("hard_sigmoid")
def _hard_sigmoid(b: Builder, args: list[Value], dtypes: Sequence[str], out: str) -> Value:
    (x,) = args
    number = partial(b.const, x.type)
    line = b.fadd(b.fmul(x, number(exponential.HARD_SLOPE)), number(exponential.HARD_SHIFT))
    return extremum(b, "gt", extremum(b, "lt", line, number(1.0), "float64"), number(0.0), "float64")


__all__ = [
    "RECIPES",
    "Recipe",
    "compare",
    "convert_value",
    "element_type",
    "emit_scalar",
    "extremum",
    "from_storage",
    "has_recipe",
    "recipe",
    "storage_type",
    "to_storage",
]
