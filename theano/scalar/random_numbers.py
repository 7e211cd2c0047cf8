"""Rows of the table: random bits from a counter, and the numbers that are made of them.

All of them are functions like any other: the same operands give the same result to the last bit, on every machine, on
every backend and in vectors of any width. That is why they use nothing but integers and the operations that IEEE 754
rounds correctly; a polynomial here is products and sums, never fused ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from theano.scalar.dtypes import dtype_name
from theano.scalar.table import as_given, flat, operation

# ---- bits

ROUNDS = 20
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA  # of the key words, from which the third word of the key schedule follows


def threefry(key: tuple[Any, Any], counter: tuple[Any, Any]) -> tuple[Any, Any]:
    """The block cipher Threefry-2×32 with 20 rounds, of words of 32 bits as uint32 arrays.

    J. Salmon, M. Moraes, R. Dror, D. Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC '11, section 4.
    """
    schedule = (*key, key[0] ^ key[1] ^ np.uint32(PARITY))
    x, y = counter[0] + schedule[0], counter[1] + schedule[1]
    for number in range(ROUNDS):
        places = ROTATIONS[number % 8]
        x = x + y
        y = (y << np.uint32(places) | y >> np.uint32(32 - places)) ^ x
        if number % 4 == 3:
            injection = number // 4 + 1
            x = x + schedule[injection % 3]
            y = y + (schedule[(injection + 1) % 3] + np.uint32(injection))
    return x, y


def _words(x: Any) -> tuple[Any, Any]:
    return x.astype("uint32"), (x >> np.uint64(32)).astype("uint32")


def _random_bits(key: Any, counter: Any) -> Any:
    shape = np.broadcast_shapes(key.shape, counter.shape)
    key, counter = np.atleast_1d(key), np.atleast_1d(counter)  # arrays wrap around without a warning
    low, high = threefry(_words(key), _words(counter))
    bits = low.astype("uint64") | high.astype("uint64") << np.uint64(32)
    return bits.reshape(shape)


def _bits_of_key_and_counter(*dtypes: Any) -> str:
    """Always uint64, as the operands must be."""
    if any(dtype_name(d) != "uint64" for d in dtypes):
        raise TypeError(f"a key and a counter are of dtype uint64, got {', '.join(map(dtype_name, dtypes))}")
    return "uint64"


def _float_of_bits(dtype: Any) -> str:
    """float32 of uint32, float64 of uint64; no other dtype is taken."""
    name = dtype_name(dtype)
    if name not in FORMATS:
        raise TypeError(f"random bits are of dtype uint32 or uint64, got {name}")
    return FORMATS[name].dtype


random_bits = operation(
    "random_bits", 2, _random_bits, _bits_of_key_and_counter,
    computes_in=as_given, operands=("key", "counter"),
    doc="64 random bits: the counter enciphered under the key (Threefry-2×32, 20 rounds).",
)  # fmt: skip

# ---- numbers


class Coefficients(NamedTuple):
    """Of the quantile of the normal distribution, by quotients of polynomials; see tools/fit_normal.py."""

    center_above: tuple[float, ...]
    center_below: tuple[float, ...]
    tail_above: tuple[float, ...]
    tail_below: tuple[float, ...]
    logarithm: tuple[float, ...]  # (2 atanh(s)/s - 2)/s² as a polynomial of s²


class Format(NamedTuple):
    """How floats of one precision are made of random bits."""

    dtype: str
    integer: str
    bits: int
    digits: int  # of the significand, in bits
    bias: int  # of the exponent
    one_half_root: int  # the bits of sqrt(1/2)
    coefficients: Coefficients


FORMATS = {
    "uint64": Format(
        "float64",
        "int64",
        64,
        53,
        1023,
        0x3FE6A09E667F3BCD,
        Coefficients(
            center_above=(
                3.387132872796367,
                142.26465174340777,
                2294.01089027082,
                17882.014098346703,
                69782.70702357662,
                127686.94774805833,
                89990.69016944674,
                13268.945816761154,
                -566.7510350640968,
            ),  # 2**-56.8
            center_below=(
                1.0,
                45.00675437118747,
                790.4710728336685,
                6870.4993077778045,
                30977.777160274112,
                69484.80148070479,
                67483.9935032117,
                19792.619590605937,
            ),  # 2**-56.8
            tail_above=(
                -3.5376758840566325,
                -24.835620075547048,
                -25.593227980270836,
                8.968553245208073,
                17.504684920410615,
                7.222493290133247,
                1.2636514326209496,
                0.08436998741821329,
                0.00150750204889507,
            ),  # 2**-56.6
            tail_below=(
                1.0,
                11.625448236531213,
                26.94788237236258,
                21.495616327781146,
                7.576781710262581,
                1.2724848100252082,
                0.08438306243472525,
                0.0015074594943357926,
            ),  # 2**-56.6
            logarithm=(
                0.6666666666666666,
                0.4000000000000088,
                0.28571428570801116,
                0.2222222239222303,
                0.18181795590669186,
                0.15386242169388004,
                0.13268712154448944,
                0.1308721844145402,
            ),  # 2**-58.2
        ),
    ),
    "uint32": Format(
        "float32",
        "int32",
        32,
        24,
        127,
        0x3F3504F3,
        Coefficients(
            center_above=(3.3871326446533203, 50.26420593261719, 157.91563415527344, 58.16238021850586),  # 2**-24.2
            center_below=(1.0, 17.844953536987305, 78.20147705078125, 66.31110382080078),  # 2**-24.2
            tail_above=(-2.7940566539764404, -1.8347814083099365, 2.49090576171875, 0.9205277562141418),  # 2**-27.3
            tail_below=(1.0, 2.5988221168518066, 0.9161006212234497, 0.00011097460810560733),  # 2**-27.3
            logarithm=(0.6666666865348816, 0.4000012278556824, 0.28550779819488525, 0.2333136796951294),  # 2**-29.1
        ),
    ),
}
BOUND = 0.075  # of the tail of the normal distribution
CENTER = 0.180625  # (1/2 - BOUND)²
LN2 = 0.6931471805599453


def _unit(bits: Any) -> Any:
    form = FORMATS[bits.dtype.name]
    number = (bits >> bits.dtype.type(form.bits - form.digits)).astype(form.dtype)
    return number * number.dtype.type(2.0**-form.digits)


random_uniform = operation(
    "random_uniform", 1, _unit, _float_of_bits, flat,
    computes_in=as_given, operands=("bits",),
    doc="A number from [0, 1) with all bits of its significand random, made of random bits; it is never 1.",
)  # fmt: skip


def _horner(x: Any, coefficients: Any) -> Any:
    total = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = total * x + c
    return total


def _normal(bits: Any) -> Any:
    """The quantile of a probability p below 1/2, and a sign.

    Near 1/2 it is q A(s)/B(s) with q = 1/2 - p and s = CENTER - q², in the tail C(r)/D(r) with r = sqrt(-2 log p): the
    division into parts of M. Wichura, *Algorithm AS 241: the percentage points of the normal distribution*, Applied
    Statistics 37 (1988).
    """
    form = FORMATS[bits.dtype.name]
    real = np.dtype(form.dtype).type
    c = form.coefficients
    steps = (bits >> bits.dtype.type(form.bits - form.digits + 1)).astype(form.dtype)
    p = (steps + real(0.5)) * real(2.0**-form.digits)
    q = real(0.5) - p
    s = real(CENTER) - q * q
    # log p: p = 2**e (1 + f) with 1 + f between sqrt(1/2) and sqrt(2)
    root = form.one_half_root
    ones = form.bias << (form.digits - 1)
    moved = p.view(form.integer) + np.dtype(form.integer).type(ones - root)
    exponent = (moved >> (form.digits - 1)) - form.bias
    f = ((moved & ((1 << (form.digits - 1)) - 1)) + root).astype(form.integer).view(form.dtype) - real(1)
    t = f / (real(2) + f)
    square = t * t
    logarithm = exponent.astype(form.dtype) * real(LN2) + (
        real(2) * t + t * square * _horner(square, [real(k) for k in c.logarithm])
    )
    r = np.sqrt(real(-2) * logarithm)
    tail = p < real(BOUND)
    x = np.where(tail, r, s)
    above = [np.where(tail, real(k), real(m)) for k, m in zip(c.tail_above, c.center_above, strict=True)]
    below = [np.where(tail, real(k), real(m)) for k, m in zip(c.tail_below, c.center_below, strict=True)]
    quantile = _horner(x, above) / _horner(x, below) * np.where(tail, real(1), q)
    return np.where(bits & bits.dtype.type(1) != 0, -quantile, quantile)


random_normal = operation(
    "random_normal", 1, _normal, _float_of_bits, flat,
    computes_in=as_given, operands=("bits",),
    doc="A number of the standard normal distribution, made of random bits: the quantile of what they say.",
)  # fmt: skip

__all__ = ["random_bits", "random_normal", "random_uniform"]
