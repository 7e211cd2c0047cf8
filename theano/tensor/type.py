"""TensorType: arrays of a dtype and rank, with the knowledge which lengths are 1."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Variable
from theano.graph.type import Type

DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
NUMPY_DTYPES = {name: np.dtype(name) for name in DTYPES}
_FLAT_TOLERANCE = {"float16": 5e-3, "float32": 1e-4, "float64": 1e-5, "complex64": 1e-4, "complex128": 1e-5}


class TensorType(Type):
    """Arrays with `dtype`, of rank ``len(broadcastable)``.

    Parameters
    ----------
    dtype
        one of the names in ``theano.tensor.type.DTYPES``, or ``"floatX"`` for ``config.floatX``.
    broadcastable
        a flag a dimension: ``True`` says that its length is 1, so that it is stretched in elementwise operations.
        A dimension without the flag is never stretched, even where it happens to have length 1.
    name
        how the type prints.

    >>> TensorType("float64", (False, True))
    TensorType(float64, col)
    """

    dtype: str
    broadcastable: tuple[bool, ...]

    def __init__(
        self, dtype: Any, broadcastable: Sequence[bool | int], name: str | None = None, sparse_grad: bool = False
    ) -> None:
        if isinstance(dtype, str) and dtype == "floatX":
            dtype = config.floatX
        elif not isinstance(dtype, str) or dtype not in NUMPY_DTYPES:
            try:
                dtype = np.dtype(dtype).name
            except TypeError:
                pass
        if dtype not in NUMPY_DTYPES:
            raise TypeError(f"unsupported dtype for TensorType: {dtype!r}; supported are {', '.join(DTYPES)}")
        self.dtype = dtype
        self.broadcastable = tuple(bool(b) for b in broadcastable)
        self.name = name
        self.numpy_dtype = NUMPY_DTYPES[dtype]
        self.ndim = len(self.broadcastable)
        self.sparse_grad = sparse_grad
        self._hash = hash((TensorType, self.dtype, self.broadcastable))

    # ---- identity

    def __eq__(self, other: object) -> bool:
        return self is other or (
            type(self) is type(other)
            and self.dtype == other.dtype  # type: ignore[attr-defined]
            and self.broadcastable == other.broadcastable  # type: ignore[attr-defined]
        )

    def __hash__(self) -> int:
        return self._hash

    def clone(
        self, dtype: str | None = None, broadcastable: Sequence[bool] | None = None, name: str | None = None
    ) -> TensorType:
        """This type with another dtype or broadcast pattern."""
        return TensorType(
            self.dtype if dtype is None else dtype,
            self.broadcastable if broadcastable is None else broadcastable,
            name=name or self.name,
        )

    def __reduce__(self) -> Any:
        return (TensorType, (self.dtype, self.broadcastable, self.name))

    def __str__(self) -> str:
        if self.name:
            return self.name
        pattern = self.broadcastable
        special = {
            (): "scalar",
            (False,): "vector",
            (False, True): "col",
            (True, False): "row",
            (False, False): "matrix",
        }.get(pattern)
        if special is None:
            special = str(pattern) if any(pattern) else f"{len(pattern)}D"
        return f"TensorType({self.dtype}, {special})"

    __repr__ = __str__

    # ---- variables and constants of this type

    def make_variable(self, name: str | None = None) -> Variable:
        from theano.tensor.variable import TensorVariable

        return TensorVariable(self, name=name)

    def make_constant(self, value: Any, name: str | None = None) -> Any:
        from theano.tensor.variable import TensorConstant

        return TensorConstant(self, self.filter(value, allow_downcast=None), name=name)

    def convert_variable(self, variable: Variable) -> Variable | None:
        """`variable` as this type: flags "length 1" are added or dropped (checked at run time), dtypes stay."""
        other = variable.type
        if other == self:
            return variable
        if isinstance(other, TensorType) and other.dtype == self.dtype and other.ndim == self.ndim:
            from theano.tensor.shape import patternbroadcast

            if all(mine <= theirs for mine, theirs in zip(self.broadcastable, other.broadcastable, strict=True)):
                return patternbroadcast(variable, self.broadcastable)
            if all(mine >= theirs for mine, theirs in zip(self.broadcastable, other.broadcastable, strict=True)):
                return patternbroadcast(variable, self.broadcastable)
        return None

    # ---- values

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> np.ndarray:
        """`data` as an array of this type.

        Without `strict`, conversions that lose nothing are made (a list of small integers to any dtype, an int64 array
        to float64); ``allow_downcast=True`` makes all conversions; ``None`` allows a Python float where the dtype is
        floatX.

        Raises
        ------
        TypeError
            wrong dtype or rank, or a length other than 1 where the type says broadcastable.
        """
        if isinstance(data, Variable):
            raise TypeError(
                f"a symbolic variable ({data}) was given where a value of type {self} is needed. "
                f"Use its value (.eval(), .get_value()), or build it into the expression."
            )
        if isinstance(data, np.ndarray) and np.any(getattr(data, "mask", False)):
            raise TypeError(
                f"{self} was given a masked array of which elements are masked, so they have no values. "
                "Give them some (.filled(value)), or hand over .data."
            )
        if type(data) is np.ndarray and data.dtype is self.numpy_dtype:
            array = data
        elif isinstance(data, np.ndarray | np.generic) and data.dtype == self.numpy_dtype:
            array = np.asarray(data, dtype=self.numpy_dtype)
        elif strict:
            found = f"{type(data).__name__} of dtype {data.dtype}" if hasattr(data, "dtype") else type(data).__name__
            raise TypeError(f"{self} takes only arrays of dtype {self.dtype} (strict), got {found}")
        else:
            array = self._convert(data, allow_downcast)
        if array.ndim != self.ndim:
            raise TypeError(
                f"wrong number of dimensions: {self} has {self.ndim}, got {array.ndim} with shape {array.shape}"
            )
        if True in self.broadcastable:
            for axis, (length, flag) in enumerate(zip(array.shape, self.broadcastable, strict=True)):
                if flag and length != 1:
                    raise TypeError(
                        f"{self} says that dimension {axis} has length 1 (broadcastable), got shape {array.shape}"
                    )
        return array

    def _convert(self, data: Any, allow_downcast: bool | None) -> np.ndarray:
        wanted = self.numpy_dtype
        if data is None:
            raise TypeError(f"{self} was given None where a value is needed")
        try:
            if allow_downcast:
                return np.asarray(data).astype(wanted) if hasattr(data, "dtype") else np.asarray(data, dtype=wanted)
            if isinstance(data, np.ndarray):
                if data.dtype.kind not in "biufc":
                    raise TypeError(
                        f"{self} takes numbers, not an array of dtype {data.dtype}. "
                        f"Convert it if its elements are numbers in another form (.astype({self.dtype!r}))."
                    )
                if _upcast(self.dtype, data.dtype.name) == self.dtype:
                    return np.asarray(data, dtype=wanted)
                raise TypeError(
                    f"{self} cannot hold an array of dtype {data.dtype} without losing precision. Convert it "
                    f"(.astype({self.dtype!r})), or pass allow_input_downcast=True to theano.function."
                )
            if type(data) is float and allow_downcast is None and self.dtype == config.floatX:
                return np.asarray(data, dtype=wanted)
            exact = np.asarray(data)
            long = isinstance(data, int) and exact.dtype == object  # an int of more than 64 bits
            if long and wanted.kind in "fc" and int(float(data)) == data:
                exact = np.asarray(float(data))
            elif exact.dtype == object and not long:
                raise TypeError(f"{self} needs numbers in a regular nesting, got {reprlib.repr(data)}")
            if exact.dtype == wanted:
                return exact
            real = exact.real if exact.dtype.kind == "c" and wanted.kind != "c" else exact
            with np.errstate(all="ignore"):
                converted = real.astype(wanted)
                same = np.array_equal(exact, converted) or (
                    exact.dtype.kind in "fc" and np.array_equal(exact, converted, equal_nan=True)
                )
        except (ValueError, OverflowError) as error:
            raise TypeError(f"cannot make a value of type {self} from {reprlib.repr(data)}: {error}") from error
        if not same:
            raise TypeError(
                f"{self} cannot hold {reprlib.repr(data)} without losing precision. Give values of dtype {self.dtype}, "
                f"or pass allow_input_downcast=True to theano.function."
            )
        return converted

    def value_zeros(self, shape: Sequence[int]) -> np.ndarray:
        """An array of zeros of this dtype."""
        return np.zeros(shape, dtype=self.numpy_dtype)

    def values_eq(self, a: Any, b: Any, force_same_dtype: bool = True) -> bool:
        """Whether shapes, values and (unless told otherwise) dtypes are equal; nan equals nan."""
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or (force_same_dtype and a.dtype != b.dtype):
            return False
        return bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc" and b.dtype.kind in "fc"))

    def values_eq_approx(
        self,
        a: Any,
        b: Any,
        allow_remove_inf: bool = False,
        allow_remove_nan: bool = False,
        rtol: float | None = None,
        atol: float | None = None,
        **kwargs: Any,
    ) -> bool:
        """Whether two arrays are equal up to rounding of their dtype."""
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        if a.dtype.kind not in "fc":
            return bool(np.array_equal(a, b))
        tolerance = _FLAT_TOLERANCE[a.dtype.name] * 10**config.tensor.cmp_sloppy
        ignored = np.zeros(a.shape, dtype=bool)
        if allow_remove_inf:
            ignored |= np.isinf(a) | np.isinf(b)
        if allow_remove_nan:
            ignored |= np.isnan(a) | np.isnan(b)
        close = np.isclose(
            a, b, rtol=tolerance if rtol is None else rtol, atol=tolerance if atol is None else atol, equal_nan=True
        )
        return bool(np.all(close | ignored))

    @staticmethod
    def may_share_memory(a: Any, b: Any) -> bool:
        """Whether two arrays may overlap in memory."""
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and bool(np.may_share_memory(a, b))

    def get_shape_info(self, obj: np.ndarray) -> tuple[int, ...]:
        return obj.shape

    def dtype_specs(self) -> tuple[Any, str, str]:
        """Python type, C name and NumPy enumerator of the dtype, for code written against Theano's C interface."""
        return (self.numpy_dtype.type, f"npy_{self.dtype}", f"NPY_{self.dtype.upper()}")


def _upcast(*dtypes: str) -> str:
    return np.result_type(*(NUMPY_DTYPES[d] if d in NUMPY_DTYPES else np.dtype(d) for d in dtypes)).name


def tensor(*args: Any, **kwargs: Any) -> Any:
    """A free variable: ``tensor(dtype, broadcastable, name=None)``.

    >>> tensor("float32", (False, True), name="x").type
    TensorType(float32, col)
    """
    name = kwargs.pop("name", None)
    return TensorType(*args, **kwargs)(name=name)


# ---- the named constructors: scalar … tensor7, row, col, each with dtype prefixes and plurals

PATTERNS: dict[str, tuple[bool, ...]] = {
    "scalar": (),
    "vector": (False,),
    "row": (True, False),
    "col": (False, True),
    "matrix": (False, False),
    "tensor3": (False,) * 3,
    "tensor4": (False,) * 4,
    "tensor5": (False,) * 5,
    "tensor6": (False,) * 6,
    "tensor7": (False,) * 7,
}
PREFIXES = {
    "b": "int8",
    "w": "int16",
    "i": "int32",
    "l": "int64",
    "f": "float32",
    "d": "float64",
    "c": "complex64",
    "z": "complex128",
}
PLURALS = {"matrix": "matrices"}


def _floating_constructor(what: str, pattern: tuple[bool, ...]) -> Callable[..., Any]:
    def constructor(name: str | None = None, dtype: str | None = None) -> Any:
        return TensorType(config.floatX if dtype is None else dtype, pattern)(name)

    constructor.__name__ = constructor.__qualname__ = what
    constructor.__doc__ = f"""A free variable of rank {len(pattern)}, broadcastable {pattern}.

    Parameters
    ----------
    name
        of the variable.
    dtype
        of its elements; ``config.floatX`` unless given.
    """
    return constructor


def _plural(constructor: Callable[..., Any], what: str, plural: str) -> Callable[..., Any]:
    def several(*names: Any) -> Any:
        if len(names) == 1 and isinstance(names[0], int):
            if names[0] < 1:
                raise ValueError(f"{plural} needs a positive number of variables, got {names[0]}")
            return [constructor() for _ in range(names[0])]
        if not names:
            raise TypeError(f"{plural} takes names, or the number of variables")
        if len(names) == 1 and not isinstance(names[0], str):
            return [constructor(n) for n in names[0]]
        if len(names) == 1:
            names = tuple(names[0])  # each letter is a name
        return constructor(names[0]) if len(names) == 1 else [constructor(n) for n in names]

    several.__name__ = several.__qualname__ = plural
    several.__doc__ = f"""Several variables at once: ``{plural}('x', 'y')``, ``{plural}('xy')`` or ``{plural}(2)``.

    A single letter makes a single variable. For what is made see :func:`{what}`.
    """
    return several


def _make_constructors() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for what, pattern in PATTERNS.items():
        plural = PLURALS.get(what, what + "s")
        made[what] = _floating_constructor(what, pattern)
        made[plural] = _plural(made[what], what, plural)
        for letter, dtype in PREFIXES.items():
            kind = TensorType(dtype, pattern)
            made[letter + what] = kind  # a type makes its variables when called: dvector('x')
            made[letter + plural] = _plural(kind, letter + what, letter + plural)
    return made


CONSTRUCTORS = _make_constructors()
globals().update(CONSTRUCTORS)

__all__ = ["DTYPES", "TensorType", "tensor", *CONSTRUCTORS]
