"""Which dtype an elementwise result has: groups of dtypes, upcasting, and the rules that the rows of the table name.

A rule is a function from the operands' dtypes to the result's dtype, all as strings. Rules refuse operands for which
an operation has no meaning by raising ``TypeError``. Where an object with a ``dtype`` (a type, a variable, an array) is
given instead of a string, its dtype counts.

The pairwise part is NumPy's ``promote_types``: ``int32`` with ``float32`` is ``float64``, ``uint64`` with ``int64`` is
``float64``, ``int16`` with ``float16`` is ``float32``. With ``config.cast_policy = "numpy+floatX"`` a ``float64`` that
no operand had is taken back to ``floatX``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from theano.configuration import config

int_dtypes = ("int8", "int16", "int32", "int64")
uint_dtypes = ("uint8", "uint16", "uint32", "uint64")
integer_dtypes = int_dtypes + uint_dtypes
discrete_dtypes = ("bool", *integer_dtypes)
float_dtypes = ("float16", "float32", "float64")
complex_dtypes = ("complex64", "complex128")
continuous_dtypes = float_dtypes + complex_dtypes
all_dtypes = discrete_dtypes + continuous_dtypes

DtypeRule = Callable[..., str]

# Integers up to 16 bits are exact in a float32, wider ones need a float64.
FLOAT_OF_DISCRETE = {
    "bool": "float32",
    "int8": "float32",
    "int16": "float32",
    "int32": "float64",
    "int64": "float64",
    "uint8": "float32",
    "uint16": "float32",
    "uint32": "float64",
    "uint64": "float64",
}
REAL_OF_COMPLEX = {"complex64": "float32", "complex128": "float64"}


class IntegerDivisionError(Exception):
    """Two integers were divided with ``/`` while ``config.int_division`` is ``"raise"``."""


class ComplexError(NotImplementedError, TypeError):
    """A complex operand where the operation has only a real meaning."""


def dtype_name(dtype: Any) -> str:
    """The name of a dtype given as a string, a NumPy dtype, or anything that has a ``dtype``.

    >>> dtype_name(np.float32(1)), dtype_name("int8")
    ('float32', 'int8')
    """
    if isinstance(dtype, str):
        return config.floatX if dtype == "floatX" else dtype
    if not isinstance(dtype, type):  # numpy.float32, say, has an attribute of that name for its instances
        dtype = getattr(dtype, "dtype", dtype)
    return dtype if isinstance(dtype, str) else np.dtype(dtype).name


@lru_cache(maxsize=4096)
def _upcast(dtypes: tuple[str, ...], narrow_to: str) -> str:
    result = np.dtype(dtypes[0])
    for dtype in dtypes[1:]:
        result = np.promote_types(result, dtype)
    name = result.name
    width = {"float16": 0, "float32": 1, "float64": 2}
    if narrow_to != "float64" and name in width and width[name] > width[narrow_to]:
        given = max((width[d] for d in dtypes if d in width), default=0)
        return float_dtypes[max(given, width[narrow_to])]
    return name


def upcast(*dtypes: Any) -> str:
    """The dtype that holds values of all of `dtypes`, under the current ``cast_policy`` and ``floatX``.

    >>> upcast("int8", "uint8"), upcast("int32", "float32"), upcast("float64", "complex64")
    ('int16', 'float64', 'complex128')
    """
    if not dtypes:
        raise TypeError("upcast needs at least one dtype")
    narrow_to = config.floatX if config.cast_policy == "numpy+floatX" else "float64"
    return _upcast(tuple(dtype_name(d) for d in dtypes), narrow_to)


# ---- rules


def _refuse(dtypes: tuple[Any, ...], refused: tuple[str, ...], what: str) -> tuple[str, ...]:
    names = tuple(dtype_name(d) for d in dtypes)
    for name in names:
        if name in refused:
            error = ComplexError if name in complex_dtypes else TypeError
            raise error(f"{what}, got operands of dtype {', '.join(names)}")
    return names


def upcast_out(*dtypes: Any) -> str:
    """What holds all operands."""
    return upcast(*dtypes)


def upcast_out_nobool(*dtypes: Any) -> str:
    """As :func:`upcast_out`; refuses where that is bool, as NumPy does for differences."""
    result = upcast(*dtypes)
    if result == "bool":
        raise TypeError(
            "there is no difference or negative of bools: use xor, invert, or cast the operands to an integer dtype"
        )
    return result


def upcast_out_no_complex(*dtypes: Any) -> str:
    """As :func:`upcast_out`; complex operands have no order and are refused."""
    return upcast(*_refuse(dtypes, complex_dtypes, "complex numbers are not supported here"))


def upcast_out_min8(*dtypes: Any) -> str:
    """As :func:`upcast_out`, with int8 in place of bool."""
    result = upcast(*dtypes)
    return "int8" if result == "bool" else result


def same_out(dtype: Any, *_: Any) -> str:
    """That of the (first) operand."""
    return dtype_name(dtype)


def same_out_nobool(dtype: Any) -> str:
    """As :func:`same_out`, refusing bool."""
    return upcast_out_nobool(dtype)


def same_out_min8(dtype: Any) -> str:
    """As :func:`same_out`, with int8 in place of bool."""
    return upcast_out_min8(dtype)


def same_out_nocomplex(dtype: Any) -> str:
    """As :func:`same_out`, refusing complex operands."""
    return _refuse((dtype,), complex_dtypes, "complex numbers are not supported here")[0]


def same_out_float_only(dtype: Any) -> str:
    """As :func:`same_out`, for floats only."""
    return _refuse((dtype,), discrete_dtypes + complex_dtypes, "only floats are supported here")[0]


def upgrade_to_float(*dtypes: Any) -> str:
    """Continuous dtypes as they are; bool and integers of 8 and 16 bits count as float32, wider ones as float64."""
    names = [dtype_name(d) for d in dtypes]
    return upcast(*(FLOAT_OF_DISCRETE.get(n, n) for n in names))


def upgrade_to_float_no_complex(*dtypes: Any) -> str:
    """As :func:`upgrade_to_float`, refusing complex operands."""
    return upgrade_to_float(*_refuse(dtypes, complex_dtypes, "complex numbers are not supported here"))


def upgrade_to_float64(*dtypes: Any) -> str:
    """Always float64."""
    _refuse(dtypes, complex_dtypes, "complex numbers are not supported here")
    return "float64"


def float_out(*_: Any) -> str:
    """Always float64."""
    return "float64"


def float_out_nocomplex(*dtypes: Any) -> str:
    """Always float64, refusing complex operands."""
    return upgrade_to_float64(*dtypes)


def int_out(*_: Any) -> str:
    """Always int64."""
    return "int64"


def int_out_nocomplex(*dtypes: Any) -> str:
    """Always int64, refusing complex operands."""
    _refuse(dtypes, complex_dtypes, "complex numbers are not supported here")
    return "int64"


def bool_out(*_: Any) -> str:
    """Always bool."""
    return "bool"


def bool_out_no_complex(*dtypes: Any) -> str:
    """Always bool; complex operands have no order and are refused."""
    _refuse(dtypes, complex_dtypes, "complex numbers have no order")
    return "bool"


def discrete_out(*dtypes: Any) -> str:
    """What holds all operands, which must be bools or integers."""
    return upcast(*_refuse(dtypes, continuous_dtypes, "bitwise operations take only bools and integers"))


def shift_out(*dtypes: Any) -> str:
    """As :func:`discrete_out`; bools are shifted as int8."""
    result = discrete_out(*dtypes)
    return "int8" if result == "bool" else result


def quotient_out(*dtypes: Any) -> str:
    """What holds all operands; ``config.floatX`` where all of them are discrete."""
    names = [dtype_name(d) for d in dtypes]
    return config.floatX if all(n in discrete_dtypes for n in names) else upcast(*names)


def real_out(dtype: Any) -> str:
    """The dtype of the parts of a complex number; real dtypes as they are."""
    name = dtype_name(dtype)
    return REAL_OF_COMPLEX.get(name, name)


def real_of_float_out(dtype: Any) -> str:
    """The dtype of the parts of a complex number; what :func:`upgrade_to_float` gives for a real one."""
    return real_out(upgrade_to_float(dtype))


def complex_out(*dtypes: Any) -> str:
    """complex128 where the operands need more than 24 bits, else complex64; operands must be real."""
    names = _refuse(dtypes, complex_dtypes, "the parts of a complex number must be real")
    wide = ("float64", "int64", "uint64", "int32", "uint32")
    return "complex128" if upcast(*names) in wide else "complex64"


class transfer_type:
    """The rule "as operand number `i`"; several numbers serve operations of several results, `transfer_type(0, 1)`."""

    __slots__ = ("transfer",)

    def __init__(self, *transfer: int) -> None:
        self.transfer = transfer

    def __call__(self, *dtypes: Any) -> str:
        return dtype_name(dtypes[self.transfer[0]])

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.transfer == other.transfer

    def __hash__(self) -> int:
        return hash((type(self), self.transfer))

    def __str__(self) -> str:
        return f"transfer_type{self.transfer}"


class specific_out:
    """The rule "always this dtype"."""

    __slots__ = ("spec",)

    def __init__(self, *spec: Any) -> None:
        self.spec = tuple(dtype_name(s) for s in spec)

    def __call__(self, *dtypes: Any) -> str:
        return self.spec[0]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash((type(self), self.spec))

    def __str__(self) -> str:
        return f"specific_out{self.spec}"


__all__ = [
    "FLOAT_OF_DISCRETE",
    "REAL_OF_COMPLEX",
    "ComplexError",
    "DtypeRule",
    "IntegerDivisionError",
    "all_dtypes",
    "bool_out",
    "bool_out_no_complex",
    "complex_dtypes",
    "complex_out",
    "continuous_dtypes",
    "discrete_dtypes",
    "discrete_out",
    "dtype_name",
    "float_dtypes",
    "float_out",
    "float_out_nocomplex",
    "int_dtypes",
    "int_out",
    "int_out_nocomplex",
    "integer_dtypes",
    "quotient_out",
    "real_of_float_out",
    "real_out",
    "same_out",
    "same_out_float_only",
    "same_out_min8",
    "same_out_nobool",
    "same_out_nocomplex",
    "shift_out",
    "specific_out",
    "transfer_type",
    "uint_dtypes",
    "upcast",
    "upcast_out",
    "upcast_out_min8",
    "upcast_out_no_complex",
    "upcast_out_nobool",
    "upgrade_to_float",
    "upgrade_to_float64",
    "upgrade_to_float_no_complex",
]
