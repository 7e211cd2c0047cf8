"""Rows of the table: rounding to whole numbers. All have derivative zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.scalar.dtypes import same_out_nocomplex, upgrade_to_float_no_complex
from theano.scalar.table import flat, operation

floor = operation(
    "floor", 1, np.floor, upgrade_to_float_no_complex, flat,
    doc="The largest whole number that is at most x.",
)  # fmt: skip

ceil = operation(
    "ceil", 1, np.ceil, upgrade_to_float_no_complex, flat,
    doc="The smallest whole number that is at least x.",
)  # fmt: skip

trunc = operation(
    "trunc", 1, np.trunc, upgrade_to_float_no_complex, flat,
    doc="x without its fraction: rounded towards zero.",
)  # fmt: skip


def _half_to_even(x: Any) -> Any:
    return np.rint(x) if x.dtype.kind == "f" else np.copy(x)


def _half_away_from_zero(x: Any) -> Any:
    if x.dtype.kind != "f":
        return np.copy(x)
    down = np.trunc(x)
    # Adding one half before truncating would round 0.49999999999999994 up; the fraction x - down is exact.
    return np.where(np.abs(x - down) >= 0.5, down + np.copysign(x.dtype.type(1), x), down)


round_half_to_even = operation(
    "round_half_to_even", 1, _half_to_even, same_out_nocomplex, flat,
    doc="The nearest whole number; of two equally near the even one.",
)  # fmt: skip

round_half_away_from_zero = operation(
    "round_half_away_from_zero", 1, _half_away_from_zero, same_out_nocomplex, flat,
    doc="The nearest whole number; of two equally near the one farther from zero.",
)  # fmt: skip

__all__ = ["ceil", "floor", "round_half_away_from_zero", "round_half_to_even", "trunc"]
