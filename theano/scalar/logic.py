"""Rows of the table: comparisons, tests of a number's kind, logic and bits. All have derivative zero."""

from __future__ import annotations

import numpy as np

from theano.scalar.dtypes import bool_out, bool_out_no_complex, discrete_out, shift_out
from theano.scalar.table import as_given, in_common_dtype, operation

# ---- comparisons

eq = operation(
    "eq", 2, np.equal, bool_out,
    symbol="eq", commutative=True, computes_in=in_common_dtype,
    doc="Whether x equals y; nan equals nothing.",
)  # fmt: skip

neq = operation(
    "neq", 2, np.not_equal, bool_out,
    symbol="neq", commutative=True, computes_in=in_common_dtype,
    doc="Whether x differs from y.",
)  # fmt: skip

lt = operation(
    "lt", 2, np.less, bool_out_no_complex,
    symbol="<", computes_in=in_common_dtype,
    doc="Whether x is less than y.",
)  # fmt: skip

le = operation(
    "le", 2, np.less_equal, bool_out_no_complex,
    symbol="<=", computes_in=in_common_dtype,
    doc="Whether x is at most y.",
)  # fmt: skip

gt = operation(
    "gt", 2, np.greater, bool_out_no_complex,
    symbol=">", computes_in=in_common_dtype,
    doc="Whether x is greater than y.",
)  # fmt: skip

ge = operation(
    "ge", 2, np.greater_equal, bool_out_no_complex,
    symbol=">=", computes_in=in_common_dtype,
    doc="Whether x is at least y.",
)  # fmt: skip

inopenrange = operation(
    "inopenrange", 3, lambda x, low, high: (x > low) & (x < high), bool_out_no_complex,
    computes_in=in_common_dtype, operands=("x", "low", "high"),
    doc="Whether x lies between the bounds, and on neither.",
)  # fmt: skip

inclosedrange = operation(
    "inclosedrange", 3, lambda x, low, high: (x >= low) & (x <= high), bool_out_no_complex,
    computes_in=in_common_dtype, operands=("x", "low", "high"),
    doc="Whether x lies between the bounds or on one.",
)  # fmt: skip

isnan = operation(
    "isnan", 1, np.isnan, bool_out,
    computes_in=as_given,
    doc="Whether x is not a number.",
)  # fmt: skip

isinf = operation(
    "isinf", 1, np.isinf, bool_out,
    computes_in=as_given,
    doc="Whether x is infinite, of either sign.",
)  # fmt: skip

# ---- logic of bools, bit by bit for integers

and_ = operation(
    "and_", 2, np.bitwise_and, discrete_out,
    symbol="&", commutative=True, associative=True, idempotent=True, absorbing=0, identity=-1,
    doc="The bits set in both; of bools the logical and.",
)  # fmt: skip

or_ = operation(
    "or_", 2, np.bitwise_or, discrete_out,
    symbol="|", commutative=True, associative=True, idempotent=True, identity=0, absorbing=-1,
    doc="The bits set in either; of bools the logical or.",
)  # fmt: skip

xor = operation(
    "xor", 2, np.bitwise_xor, discrete_out,
    symbol="^", commutative=True, associative=True, identity=0,
    doc="The bits set in just one; of bools whether they differ.",
)  # fmt: skip

invert = operation(
    "invert", 1, np.invert, discrete_out,
    symbol="~", involution=True,
    doc="All bits turned over; of bools the logical not.",
)  # fmt: skip

left_shift = operation(
    "left_shift", 2, np.left_shift, shift_out,
    symbol="<<",
    doc="The bits of x moved up by y places, zeros moving in; zero where y is negative or at least the number of bits.",
)  # fmt: skip

right_shift = operation(
    "right_shift", 2, np.right_shift, shift_out,
    symbol=">>",
    doc="The bits of x moved down by y places, copies of the sign moving in; all sign where y is out of range.",
)  # fmt: skip

__all__ = [
    "and_", "eq", "ge", "gt", "inclosedrange", "inopenrange", "invert", "isinf", "isnan", "le", "left_shift", "lt",
    "neq", "or_", "right_shift", "xor",
]  # fmt: skip
