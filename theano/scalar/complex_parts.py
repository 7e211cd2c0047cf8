"""Rows of the table: complex numbers from their parts and back.

The gradient of a complex number is that of its real part plus i times that of its imaginary part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.scalar.dtypes import complex_dtypes, complex_out, float_out, real_out, same_out_min8
from theano.scalar.table import as_given, like, operation, rows, zero


def _is_complex(x: Any) -> bool:
    return x.dtype in complex_dtypes


real = operation(
    "real", 1, lambda x: np.real(x).copy(), real_out,
    lambda x, z, gz: rows.complex(gz, like(0, gz)) if _is_complex(x) else gz,
    computes_in=as_given, holomorphic=False,
    doc="The real part; a real number as it is.",
)  # fmt: skip

imag = operation(
    "imag", 1, lambda x: np.imag(x).copy(), real_out,
    lambda x, z, gz: rows.complex(like(0, gz), gz) if _is_complex(x) else zero(x, gz),
    computes_in=as_given, holomorphic=False,
    doc="The imaginary part; zero for a real number.",
)  # fmt: skip


def _angle_derivative(x: Any, z: Any, gz: Any) -> Any:
    if not _is_complex(x):
        return zero(x, gz)
    turned = gz / (rows.sqr(rows.real(x)) + rows.sqr(rows.imag(x)))
    return rows.complex(-turned * rows.imag(x), turned * rows.real(x))


def _in_double(dtypes: Any, out: str) -> tuple[str, ...]:
    return ("complex128" if dtypes[0] in complex_dtypes else "float64",)


angle = operation(
    "angle", 1, np.angle, float_out, _angle_derivative,
    computes_in=_in_double, holomorphic=False,
    doc="The angle of a complex number in the plane, between -pi and pi; always float64.",
)  # fmt: skip

conj = operation(
    "conj", 1, np.conjugate, same_out_min8,
    lambda x, z, gz: rows.conj(gz) if _is_complex(x) else gz,
    involution=True, holomorphic=False,
    doc="The complex conjugate; a real number as it is.",
)  # fmt: skip


def _parts_dtype(out: str) -> str:
    return "float64" if out == "complex128" else "float32"


def _in_parts(dtypes: Any, out: str) -> tuple[str, ...]:
    return (_parts_dtype(out),) * 2


def _complex(x: Any, y: Any) -> Any:
    result = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)), np.result_type(x, np.complex64))
    result.real, result.imag = x, y
    return result


def _from_polar(r: Any, theta: Any) -> Any:
    return _complex(r * np.cos(theta), r * np.sin(theta))


complex = operation(
    "complex", 2, _complex, complex_out,
    lambda x, y, z, gz: (rows.real(gz), rows.imag(gz)),
    computes_in=_in_parts, holomorphic=False,
    doc="The complex number with real part x and imaginary part y.",
)  # fmt: skip

complex_from_polar = operation(
    "complex_from_polar", 2, _from_polar, complex_out,
    lambda r, theta, z, gz: (
        rows.real(gz) * rows.cos(theta) + rows.imag(gz) * rows.sin(theta),
        rows.imag(gz) * rows.real(z) - rows.real(gz) * rows.imag(z),
    ),
    computes_in=_in_parts, holomorphic=False, operands=("r", "theta"),
    doc="The complex number of modulus r at angle theta.",
)  # fmt: skip

__all__ = ["angle", "complex", "complex_from_polar", "conj", "imag", "real"]
