"""Shared variables that hold arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.compile.sharedvalue import SharedVariable, shared_constructor
from theano.tensor.operators import TensorOperators
from theano.tensor.type import TensorType


class TensorSharedVariable(TensorOperators, SharedVariable):
    """A shared variable whose value is an array; it has the operators and methods of a tensor variable."""


class ScalarSharedVariable(TensorSharedVariable):
    """A shared variable that was made from a number; its value is an array of rank 0."""


@shared_constructor
def tensor_constructor(
    value: Any,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    broadcastable: Sequence[bool] | None = None,
    target: str = "cpu",
) -> TensorSharedVariable:
    """A shared variable for a ``numpy.ndarray``; `broadcastable` has a bool a dimension, all False by default."""
    if target != "cpu":
        raise TypeError(f"arrays are kept on the cpu, not on {target!r}")
    if not isinstance(value, np.ndarray):
        raise TypeError()
    if broadcastable is None:
        broadcastable = (False,) * value.ndim
    elif len(broadcastable) != value.ndim:
        raise TypeError(
            f"broadcastable={tuple(broadcastable)} has {len(broadcastable)} entries, the value has rank {value.ndim}"
        )
    kind = TensorType(_native(value.dtype).name, broadcastable)
    array = value.astype(kind.numpy_dtype, order="K", copy=not borrow)
    return TensorSharedVariable(name, kind, array, strict, allow_downcast)


@shared_constructor
def scalar_constructor(
    value: Any,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    target: str = "cpu",
) -> ScalarSharedVariable:
    """A shared variable of rank 0 for a number: a Python ``float`` is float64, an ``int`` int64."""
    if not isinstance(value, np.number | np.bool_ | bool | float | int | complex):
        raise TypeError()
    array = np.array(value)
    if array.dtype == object:
        raise TypeError(f"the number {value} does not fit into 64 bits")
    return ScalarSharedVariable(name, TensorType(array.dtype.name, ()), array, strict, allow_downcast)


def _native(dtype: np.dtype) -> np.dtype:
    return dtype if dtype.isnative else dtype.newbyteorder("=")


__all__ = ["ScalarSharedVariable", "TensorSharedVariable", "scalar_constructor", "tensor_constructor"]
