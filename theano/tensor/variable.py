"""Variables and constants of tensor type, and how Python and NumPy values become such."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.configuration import answer, config
from theano.graph.basic import Apply, Constant, Variable
from theano.tensor.operators import TensorOperators
from theano.tensor.type import NUMPY_DTYPES, TensorType


class AsTensorError(TypeError):
    """Something cannot be made a tensor variable."""


class TensorVariable(TensorOperators, Variable):
    """A variable whose values are arrays; it has the operators and methods of one."""

    def __init__(
        self, type: TensorType, owner: Apply | None = None, index: int | None = None, name: str | None = None
    ) -> None:
        if type.dtype == "float64" and config.warn_float64 != "ignore":
            answer("warn_float64", f"a variable of dtype float64 is made{f', {name!r}' if name else ''}")
        Variable.__init__(self, type, owner, index, name)


class TensorConstant(TensorOperators, Constant):
    """A constant array. Its data is read-only."""

    data: np.ndarray

    def __init__(self, type: TensorType, data: Any, name: str | None = None) -> None:
        Variable.__init__(self, type, None, None, name)
        array = type.filter(data)
        if array.flags.writeable:
            array = array.copy()
            array.flags.writeable = False
        self.data = array
        self._signature: Any = None

    def signature(self) -> Any:
        """Equal for constants of equal type, shape and bytes (so nan equals nan, and 0.0 differs from -0.0)."""
        if self._signature is None:
            self._signature = (self.type, self.data.shape, self.data.tobytes())
        return self._signature

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        data = self.data
        if data.ndim and data.size and bool(np.all(data == data.flat[0])):
            text = f"{data.shape} of {data.flat[0]}"
        else:
            text = str(data).replace("\n", "")
            if len(text) > 20:
                text = f"{text[:10]}..{text[-10:]}"
        return f"TensorConstant{{{text}}}"

    __repr__ = __str__

    def __copy__(self) -> TensorConstant:
        return self.clone()  # type: ignore[return-value]

    def __deepcopy__(self, memo: dict[int, Any]) -> TensorConstant:
        copy = self.clone()
        memo[id(self)] = copy
        return copy  # type: ignore[return-value]

    def get_scalar_constant_value(self) -> np.ndarray:
        """The value, when there is just one."""
        if self.data.size != 1:
            raise ValueError(f"{self} has {self.data.size} elements, not one")
        return self.data.reshape(())


TensorVariable.__module__ = "theano.tensor.var"  # Theano 1.0's name of this module, known to its programs' pickles

TensorType.Variable = TensorVariable
TensorType.Constant = TensorConstant

_INTEGERS = ("int8", "int16", "int32", "int64", "uint64")


def _integer_dtype(value: int) -> str:
    """The narrowest dtype that holds a Python integer; as in NumPy int64 when ``cast_policy`` says so."""
    for name in _INTEGERS if config.cast_policy == "custom" else ("int64", "uint64"):
        info = np.iinfo(name)
        if info.min <= value <= info.max:
            return name
    raise AsTensorError(f"the integer {value} does not fit into 64 bits")


def constant(
    x: Any, name: str | None = None, ndim: int | None = None, dtype: Any = None, rtype: Any = None
) -> TensorConstant:
    """A constant from a number, array or nested sequence.

    Python integers take the smallest integer dtype that holds them, Python floats ``config.floatX`` or the narrower
    float32 when that is exact (with ``config.cast_policy = "numpy+floatX"`` int64 and ``config.floatX``); arrays and
    NumPy scalars keep their dtypes, and nested sequences have the dtype that ``numpy.asarray`` gives them.

    Parameters
    ----------
    ndim
        prepend dimensions of length 1 up to this rank.
    dtype
        convert to this dtype.

    >>> constant(3).dtype, constant(np.float32(0.5)).dtype
    ('int8', 'float32')
    """
    if isinstance(x, TensorConstant) and dtype is None and ndim is None:
        return x
    if isinstance(x, Constant):
        x = x.data
    if dtype is not None:
        array = np.asarray(x, dtype=dtype)
    elif isinstance(x, np.ndarray | np.generic):
        array = np.asarray(x)
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
    elif isinstance(x, bool):
        array = np.asarray(x)
    elif isinstance(x, int):
        array = np.asarray(x, dtype=_integer_dtype(x))
    elif isinstance(x, float):
        array = np.asarray(x, dtype=_float_dtype(x))
    elif isinstance(x, complex):
        array = np.asarray(x, dtype="complex128")
    else:
        try:
            array = np.asarray(x)
        except ValueError as error:
            raise AsTensorError(f"cannot make a constant of {x!r}: {error}") from error
        if array.size == 0 and array.dtype == np.float64:
            array = array.astype(config.floatX)
    if array.dtype.name not in NUMPY_DTYPES:
        raise AsTensorError(
            f"cannot make a constant of {x!r} of type {type(x).__name__}: dtype {array.dtype} is not supported"
        )
    if ndim is not None:
        if array.ndim > ndim:
            raise ValueError(f"a constant of shape {array.shape} cannot have only {ndim} dimensions")
        array = array.reshape((1,) * (ndim - array.ndim) + array.shape)
    kind = TensorType(array.dtype.name, tuple(length == 1 for length in array.shape))
    return TensorConstant(kind, array, name=name)


def _float_dtype(x: float) -> str:
    """Theano's rule (``autocast_float_as``): with floatX=float32 floats are that; else the narrowest that is exact."""
    if config.floatX in ("float32", "float16") or config.cast_policy != "custom":
        return config.floatX
    with np.errstate(all="ignore"):
        return "float32" if float(np.float32(x)) == x or x != x else "float64"


def as_tensor_variable(x: Any, name: str | None = None, ndim: int | None = None) -> Any:
    """`x` as a tensor variable: a variable stays itself, a value becomes a constant, a list of variables is stacked.

    Parameters
    ----------
    name
        for a new constant.
    ndim
        pad the shape on the left with 1s up to this rank, or drop such dimensions.

    Raises
    ------
    AsTensorError
        when `x` is nothing of the kind (a TypeError).
    """
    if isinstance(x, TensorVariable) and ndim is None:
        return x
    if hasattr(x, "_as_TensorVariable"):
        return x._as_TensorVariable()
    if isinstance(x, Apply):
        if len(x.outputs) != 1:
            raise ValueError(f"{x} has {len(x.outputs)} outputs; take one of them")
        x = x.outputs[0]
    if isinstance(x, Variable):
        if not isinstance(x.type, TensorType):
            raise AsTensorError(f"cannot use {x} of type {x.type} as a tensor")
        if ndim is None or x.type.ndim == ndim:
            return x
        if x.type.ndim < ndim:
            return x.dimshuffle(*["x"] * (ndim - x.type.ndim), *range(x.type.ndim))  # type: ignore[attr-defined]
        extra = x.type.ndim - ndim
        if not all(x.type.broadcastable[:extra]):
            raise ValueError(f"cannot drop the first {extra} dimensions of {x} of type {x.type}: lengths may not be 1")
        return x.dimshuffle(*range(extra, x.type.ndim))  # type: ignore[attr-defined]
    if isinstance(x, list | tuple) and _holds_variable(x):
        from theano.tensor.joining import stack
        from theano.tensor.shape import MakeVector

        parts = [as_tensor_variable(part) for part in x]
        if all(part.ndim == 0 for part in parts):
            from theano.scalar import upcast

            return as_tensor_variable(MakeVector(upcast(*(part.dtype for part in parts)))(*parts), ndim=ndim)
        return as_tensor_variable(stack(parts), ndim=ndim)
    try:
        return constant(x, name=name, ndim=ndim)
    except (TypeError, ValueError) as error:
        if isinstance(error, ValueError) and not isinstance(error, TypeError) and ndim is not None:
            raise
        raise AsTensorError(f"cannot convert {x!r} of type {type(x).__name__} to a tensor variable: {error}") from error


as_tensor = as_tensor_variable
_as_tensor_variable = as_tensor_variable


def _holds_variable(x: Sequence[Any]) -> bool:
    todo = list(x)
    while todo:
        item = todo.pop()
        if isinstance(item, Variable):
            return True
        if isinstance(item, list | tuple):
            todo.extend(item)
    return False


def as_index(x: Any) -> int | None:
    """`x` as a Python integer when it is one (also a NumPy integer or an integer constant of rank 0), else ``None``."""
    if isinstance(x, Constant):
        x = x.data
    if isinstance(x, bool | np.bool_):
        return None
    if isinstance(x, np.ndarray) and (x.ndim or x.dtype.kind not in "iu"):
        return None
    try:
        return operator.index(x)
    except TypeError:
        return None


__all__ = [
    "AsTensorError",
    "TensorConstant",
    "TensorVariable",
    "as_tensor",
    "as_tensor_variable",
    "constant",
]
