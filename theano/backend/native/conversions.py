"""How dtypes look in registers and in memory, and conversion of values between them with NumPy's meaning.

In registers a bool is ``i1`` and a float16 a ``float``; in memory they are ``i8`` and ``half``. Arithmetic on float16
is thus done in single precision and rounded when it is stored or converted.
"""

from __future__ import annotations

from theano.backend.native.ir import BITS, FLOAT_BITS, Builder, Value

_ELEMENTS = {
    "bool": ("i1", "i8"),
    "int8": ("i8", "i8"),
    "int16": ("i16", "i16"),
    "int32": ("i32", "i32"),
    "int64": ("i64", "i64"),
    "uint8": ("i8", "i8"),
    "uint16": ("i16", "i16"),
    "uint32": ("i32", "i32"),
    "uint64": ("i64", "i64"),
    "float16": ("float", "half"),
    "float32": ("float", "float"),
    "float64": ("double", "double"),
}


def element_type(dtype: str) -> str:
    """The LLVM type of an element of `dtype` in registers."""
    return _ELEMENTS[dtype][0]


def storage_type(dtype: str) -> str:
    """The LLVM type of an element of `dtype` in memory."""
    return _ELEMENTS[dtype][1]


def is_native(dtype: str) -> bool:
    """Whether values of `dtype` have a form in registers; complex numbers do not."""
    return dtype in _ELEMENTS


def is_float(dtype: str) -> bool:
    """Whether `dtype` is a real floating-point dtype."""
    return dtype.startswith("float")


def is_signed(dtype: str) -> bool:
    """Whether `dtype` is an integer dtype with a sign."""
    return dtype.startswith("int")


def from_storage(b: Builder, x: Value, dtype: str) -> Value:
    """A value as it was loaded from memory, brought into its form in registers."""
    if dtype == "bool":
        return b.icmp("ne", x, b.const("i8", 0))
    return b.convert("fpext", x, "float") if dtype == "float16" else x


def to_storage(b: Builder, x: Value, dtype: str) -> Value:
    """A value in registers brought into the form in which it is stored."""
    if dtype == "bool":
        return b.convert("zext", x, "i8")
    return b.convert("fptrunc", x, "half") if dtype == "float16" else x


def convert_value(b: Builder, x: Value, from_dtype: str, to_dtype: str) -> Value:
    """`x` of `from_dtype` as `to_dtype`, both in registers, as NumPy's ``astype``.

    Where NumPy leaves the result to the machine (a float beyond the integers' range) it is what x86 gives: integers of
    up to 32 bits are cut from an int32, uint32 from an int64, and whatever those cannot hold is their least value.
    """
    if from_dtype == to_dtype:
        return x
    target = element_type(to_dtype)
    if is_float(from_dtype):
        if to_dtype == "bool":
            return b.fcmp("une", x, b.const(x.type, 0.0))
        return _between_floats(b, x, to_dtype) if is_float(to_dtype) else _float_to_integer(b, x, to_dtype)
    if is_float(to_dtype):
        opcode = "sitofp" if is_signed(from_dtype) else "uitofp"
        converted = b.convert(opcode, x, target)
        return _rounded_to_half(b, converted) if to_dtype == "float16" and BITS[x.type] > 8 else converted
    if to_dtype == "bool":
        return b.icmp("ne", x, b.const(x.type, 0))
    if BITS[x.type] > BITS[target]:
        return b.convert("trunc", x, target)
    return b.convert("sext" if is_signed(from_dtype) else "zext", x, target)


def _between_floats(b: Builder, x: Value, to_dtype: str) -> Value:
    if to_dtype == "float16":
        return _rounded_to_half(b, _single_rounded_to_odd(b, x) if x.type == "double" else x)
    target = element_type(to_dtype)
    return b.convert("fpext" if FLOAT_BITS[target] > FLOAT_BITS[x.type] else "fptrunc", x, target)


def _rounded_to_half(b: Builder, x: Value) -> Value:
    return b.convert("fpext", b.convert("fptrunc", x, "half"), "float")


def _single_rounded_to_odd(b: Builder, x: Value) -> Value:
    """The float that has the leading bits of `x`, its last bit set where bits were lost.

    Rounding it to a half then gives what rounding `x` once would give.
    """
    nearest = b.convert("fptrunc", x, "float")
    back = b.convert("fpext", nearest, "double")
    bits = b.bitcast(nearest, "i32")
    rounded_up = b.fcmp("ogt", b.fabs(back), b.fabs(x))
    cut = b.select(rounded_up, b.sub(bits, b.const("i32", 1)), bits)
    return b.bitcast(b.select(b.fcmp("une", back, x), b.or_(cut, b.const("i32", 1)), cut), "float")


def _float_to_integer(b: Builder, x: Value, to_dtype: str) -> Value:
    target = element_type(to_dtype)
    if to_dtype == "uint64":
        half = b.const(x.type, 2.0**63)
        upper = b.fcmp("oge", x, half)
        low = _to_signed(b, b.select(upper, b.fsub(x, half), x), "i64")
        return b.xor(low, b.select(upper, b.const("i64", -(2**63)), b.const("i64", 0)))
    if to_dtype == "uint32":
        return b.convert("trunc", _to_signed(b, x, "i64"), target)
    if target == "i64":
        return _to_signed(b, x, "i64")
    return b.convert("trunc", _to_signed(b, x, "i32"), target)


def _to_signed(b: Builder, x: Value, target: str) -> Value:
    """As ``fptosi``, which is poison out of range: there the result is the least integer."""
    bits = BITS[target]
    least = b.const(target, -(2 ** (bits - 1)))
    if bits == 32 and x.type == "double":
        inside = b.and_(
            b.fcmp("ogt", x, b.const("double", -(2.0**31) - 1)), b.fcmp("olt", x, b.const("double", 2.0**31))
        )
    else:
        limit = 2.0 ** (bits - 1)
        inside = b.and_(b.fcmp("oge", x, b.const(x.type, -limit)), b.fcmp("olt", x, b.const(x.type, limit)))
    return b.select(inside, b.convert("fptosi", x, target), least)
