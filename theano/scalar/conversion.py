"""Conversion of one dtype to another, as an operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.scalar.dtypes import all_dtypes, complex_dtypes, discrete_dtypes, dtype_name
from theano.scalar.operation import ScalarOp
from theano.scalar.table import rows, zero


class Cast(ScalarOp):
    """Conversion to a dtype, with NumPy's meaning of ``astype``.

    Floats are cut towards zero to become integers, integers wrap around, and anything but zero is True.

    Parameters
    ----------
    dtype
        the dtype of the result.

    Raises
    ------
    TypeError
        for complex operands of a conversion to a real dtype: say ``real``, ``imag``, ``angle`` or ``abs_``.
    """

    __props__ = ("dtype",)
    nin = 1
    doc = "x converted to another dtype."
    operands = ("x",)
    symbol = None
    identity = absorbing = None
    idempotent = involution = False

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype_name(dtype)
        if self.dtype not in all_dtypes:
            raise TypeError(f"cast: there is no dtype {self.dtype!r}; there are {', '.join(all_dtypes)}")
        self.name = f"Cast{{{self.dtype}}}"

    @property
    def o_type(self) -> Any:
        """The type of a single result."""
        from theano.tensor.type import TensorType

        return TensorType(self.dtype, ())

    def output_types(self, dtypes: Sequence[str]) -> str:
        (dtype,) = dtypes
        if dtype in complex_dtypes and self.dtype not in complex_dtypes:
            raise TypeError(
                f"cast from {dtype} to {self.dtype} is ambiguous: take real(x), imag(x), angle(x) or abs(x) of it first"
            )
        return self.dtype

    def computation_dtypes(self, dtypes: Sequence[str], out: str) -> tuple[str, ...]:
        """Operands are taken as they are."""
        return tuple(dtypes)

    def impl(self, x: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(x).astype(self.dtype)

    def derivative(self, inputs: Sequence[Any], output: Any, gz: Any) -> list[Any]:
        (x,) = inputs
        if self.dtype in discrete_dtypes:
            return [zero(x, gz)]
        if gz.dtype in complex_dtypes and x.dtype not in complex_dtypes:
            gz = rows.real(gz)
        return [gz if x.dtype in discrete_dtypes or gz.dtype == x.dtype else CASTS[x.dtype](gz)]


CASTS = {dtype: Cast(dtype) for dtype in all_dtypes}


def cast(x: Any, dtype: Any) -> Any:
    """`x` converted to `dtype`; a variable that has it stays itself."""
    dtype = dtype_name(dtype)
    return x if getattr(x, "dtype", None) == dtype else (CASTS.get(dtype) or Cast(dtype))(x)


__all__ = ["CASTS", "Cast", "cast"]
