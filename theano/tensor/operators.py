"""Operators and methods of a tensor variable.

Every one of them is a function of ``theano.tensor``; this file only says which. Nothing of the tensor package is
imported before a method is called, because the class of all tensor variables is built on this one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

# The NumPy function behind ``array + x`` or ``numpy.exp(x)``, where theano.tensor has it under another name.
UFUNC_NAMES = {
    "absolute": "abs_",
    "bitwise_and": "and_",
    "bitwise_or": "or_",
    "bitwise_xor": "xor",
    "conjugate": "conj",
    "divide": "true_div",
    "floor_divide": "int_div",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "logical_and": "and_",
    "logical_not": "invert",
    "logical_or": "or_",
    "logical_xor": "xor",
    "matmul": "dot",
    "multiply": "mul",
    "negative": "neg",
    "power": "pow",
    "remainder": "mod",
    "sign": "sgn",
    "square": "sqr",
    "subtract": "sub",
}


def function_named(name: str) -> Callable[..., Any]:
    """The public function ``theano.tensor.<name>``."""
    return getattr(sys.modules["theano.tensor"], name)


def _unary(name: str, what: str | None = None) -> Any:
    def method(self: Any) -> Any:
        return function_named(name)(self)

    method.__name__ = what or name
    method.__doc__ = f"``theano.tensor.{name}(self)``."
    return method


def _binary(name: str, reflected: bool = False) -> Any:
    def method(self: Any, other: Any) -> Any:
        from theano.tensor.variable import AsTensorError

        first, second = (other, self) if reflected else (self, other)
        try:
            return function_named(name)(first, second)
        except AsTensorError:
            return NotImplemented  # so that the other operand, a sparse matrix say, has its turn

    method.__doc__ = f"``theano.tensor.{name}({'other, self' if reflected else 'self, other'})``."
    return method


def _conversion(kind: type) -> Any:
    def method(self: Any) -> Any:
        if hasattr(self, "data"):
            return kind(self.data)
        raise TypeError(
            f"{self} of type {self.type} is symbolic and has no value to make a Python {kind.__name__} of. "
            f"Compute it first (theano.function, or .eval()), or convert its dtype with .astype()."
        )

    method.__doc__ = f"The Python {kind.__name__} of a constant; a TypeError for anything symbolic."
    return method


class TensorOperators:
    """What tensor variables and constants have beside the graph: operators, methods and properties as an array has.

    ``==`` and ``!=`` compare identities, since variables are keys of dictionaries; elementwise ones are
    ``theano.tensor.eq`` and ``neq``.
    """

    type: Any
    owner: Any

    # ---- arithmetic

    __add__ = _binary("add")
    __radd__ = _binary("add", reflected=True)
    __sub__ = _binary("sub")
    __rsub__ = _binary("sub", reflected=True)
    __mul__ = _binary("mul")
    __rmul__ = _binary("mul", reflected=True)
    __truediv__ = _binary("true_div")
    __rtruediv__ = _binary("true_div", reflected=True)
    __floordiv__ = _binary("int_div")
    __rfloordiv__ = _binary("int_div", reflected=True)
    __mod__ = _binary("mod")
    __rmod__ = _binary("mod", reflected=True)
    __pow__ = _binary("pow")
    __rpow__ = _binary("pow", reflected=True)
    __matmul__ = _binary("dot")
    __rmatmul__ = _binary("dot", reflected=True)
    __dot__ = __matmul__
    __rdot__ = __rmatmul__
    __abs__ = _unary("abs_")
    __neg__ = _unary("neg")
    __ceil__ = _unary("ceil")
    __floor__ = _unary("floor")
    __trunc__ = _unary("trunc")

    def __pos__(self) -> Any:
        return self

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    def __round__(self, ndigits: int | None = None) -> Any:
        if ndigits:
            raise ValueError(
                f"round of {self}: rounding to {ndigits} digits is not available; scale it and round to integers"
            )
        return self.round("half_to_even")

    # ---- comparison, logic and bits

    __lt__ = _binary("lt")
    __le__ = _binary("le")
    __gt__ = _binary("gt")
    __ge__ = _binary("ge")
    __and__ = _binary("and_")
    __rand__ = _binary("and_", reflected=True)
    __or__ = _binary("or_")
    __ror__ = _binary("or_", reflected=True)
    __xor__ = _binary("xor")
    __rxor__ = _binary("xor", reflected=True)
    __invert__ = _unary("invert")
    __lshift__ = _binary("left_shift")
    __rlshift__ = _binary("left_shift", reflected=True)
    __rshift__ = _binary("right_shift")
    __rrshift__ = _binary("right_shift", reflected=True)

    # ---- conversions to Python values

    __float__ = _conversion(float)
    __int__ = _conversion(int)
    __complex__ = _conversion(complex)

    def __bool__(self) -> bool:
        """``True``, as for any object, but an error for what a comparison gave."""
        if self.type.dtype == "bool" and self.owner is not None:
            raise TypeError(
                f"{self} is a symbolic comparison and has no truth value while the graph is built. Use T.switch or "
                f"ifelse to choose by it, T.and_ / T.or_ (& and |) to combine it; a < b < c is (a < b) & (b < c)."
            )
        return True

    def __len__(self) -> int:
        raise TypeError(
            f"len() of {self} of type {self.type}: lengths of symbolic variables are known only at run time. "
            f"Use .shape[0], or .ndim for the number of dimensions."
        )

    def __iter__(self) -> Iterator[Any]:
        try:
            length = function_named("get_vector_length")(self)
        except (TypeError, ValueError):
            raise TypeError(
                f"cannot iterate over {self} of type {self.type}: its length is known only at run time. Use "
                f"theano.scan to loop over it; for sums and maxima T.sum and T.max, not Python's sum and max."
            ) from None
        return (self[i] for i in range(length))

    # ---- NumPy

    __array_priority__ = 1000

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """``array + x``, ``numpy.exp(x)`` and their kind, as expressions."""
        name = ufunc.__name__
        if method == "__call__" and not kwargs and ufunc.nout == 1:
            if name in ("equal", "not_equal"):  # array == x compares identities, as x == array does
                return name == "not_equal"
            function = getattr(sys.modules["theano.tensor"], UFUNC_NAMES.get(name, name), None)
            if function is not None:
                return function(*inputs)
        raise TypeError(
            f"numpy.{name}{'' if method == '__call__' else '.' + method} cannot be applied to the symbolic {self} of "
            f"type {self.type}. Use the function of theano.tensor, or compute the value first (.eval())."
        )

    # ---- the type

    @property
    def ndim(self) -> int:
        """The rank."""
        return self.type.ndim

    @property
    def dtype(self) -> str:
        """The name of the elements' dtype."""
        return self.type.dtype

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """For each dimension, whether its length is known to be 1."""
        return self.type.broadcastable

    # ---- shape

    @property
    def shape(self) -> Any:
        """The lengths, an int64 vector."""
        return function_named("shape")(self)

    @property
    def size(self) -> Any:
        """The number of elements, an int64 scalar."""
        return self.shape[0] if self.ndim == 1 else function_named("prod")(self.shape)

    @property
    def T(self) -> Any:
        """All axes reversed."""
        return function_named("transpose")(self)

    def transpose(self, *axes: Any) -> Any:
        """Axes reversed, or in the order given: ``transpose(1, 0)`` or ``transpose((1, 0))``."""
        if not axes:
            return function_named("transpose")(self)
        if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], list | tuple)):
            return function_named("transpose")(self, axes[0])
        return function_named("transpose")(self, axes)

    def dimshuffle(self, *pattern: Any) -> Any:
        """Axes permuted, dropped (length 1) and inserted (``'x'``): ``x.dimshuffle(1, 'x', 0)``, or one list."""
        from theano.tensor.elementwise import DimShuffle

        if len(pattern) == 1 and isinstance(pattern[0], list | tuple):
            pattern = tuple(pattern[0])
        return DimShuffle(self.broadcastable, pattern)(self)

    def reshape(self, shape: Any, ndim: int | None = None) -> Any:
        """``theano.tensor.reshape``."""
        return function_named("reshape")(self, shape, ndim=ndim)

    def flatten(self, ndim: int = 1) -> Any:
        """The first ``ndim - 1`` axes kept, all others made one."""
        return function_named("flatten")(self, ndim)

    def ravel(self) -> Any:
        """All elements as a vector."""
        return function_named("flatten")(self)

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """``theano.tensor.swapaxes``."""
        return function_named("swapaxes")(self, axis1, axis2)

    def squeeze(self, axis: Any = None) -> Any:
        """Without the axes of length 1."""
        return function_named("squeeze")(self) if axis is None else function_named("squeeze")(self, axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> Any:
        """``theano.tensor.repeat``."""
        return function_named("repeat")(self, repeats, axis)

    # ---- elements

    def __getitem__(self, key: Any) -> Any:
        from theano.tensor.indexing import index

        return index(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(
            f"{self} is symbolic: its elements cannot be assigned. T.set_subtensor({self}[...], value) is the "
            f"expression with some elements replaced, T.inc_subtensor with some increased."
        )

    def set(self, value: Any) -> Any:
        """For ``x[...]``: `x` with that part replaced by `value` (``theano.tensor.set_subtensor``)."""
        return function_named("set_subtensor")(self, value)

    def inc(self, value: Any) -> Any:
        """For ``x[...]``: `x` with that part increased by `value` (``theano.tensor.inc_subtensor``)."""
        return function_named("inc_subtensor")(self, value)

    def take(self, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
        """``theano.tensor.take``."""
        return function_named("take")(self, indices, axis, mode)

    def choose(self, choices: Any, out: None = None, mode: str = "raise") -> Any:
        """``theano.tensor.choose``: elements of `choices`, this variable saying which."""
        return function_named("choose")(self, choices, out=out, mode=mode)

    def compress(self, a: Any, axis: int | None = None) -> Any:
        """The slices of `a` where this variable, the condition, holds (``theano.tensor.compress``)."""
        return function_named("compress")(self, a, axis=axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """``theano.tensor.diagonal``."""
        return function_named("diagonal")(self, offset, axis1, axis2)

    def trace(self) -> Any:
        """The sum of the diagonal."""
        return self.diagonal().sum()

    def nonzero(self, return_matrix: bool = False) -> Any:
        """``theano.tensor.nonzero``."""
        return function_named("nonzero")(self, return_matrix=return_matrix)

    def nonzero_values(self) -> Any:
        """The elements that are not zero, a vector."""
        return function_named("nonzero_values")(self)

    def fill(self, value: Any) -> Any:
        """`value` everywhere, in this variable's shape and dtype."""
        return function_named("fill")(self, value)

    def zeros_like(self, dtype: str | None = None, opt: bool = False) -> Any:
        """Zeros of this shape."""
        return function_named("zeros_like")(self, dtype=dtype)

    def ones_like(self, dtype: str | None = None, opt: bool = False) -> Any:
        """Ones of this shape."""
        return function_named("ones_like")(self, dtype=dtype)

    def copy(self, name: str | None = None) -> Any:
        """A symbolic copy: another variable of the same value."""
        copied = function_named("tensor_copy")(self)
        copied.name = name
        return copied

    def transfer(self, target: str) -> Any:
        """This variable on the device `target`; all of them live in the memory of the CPU."""
        if target != "cpu":
            raise ValueError(f"cannot transfer {self} to {target!r}: the only device is 'cpu'")
        return self

    def astype(self, dtype: str) -> Any:
        """``theano.tensor.cast``."""
        return function_named("cast")(self, dtype)

    def get_scalar_constant_value(self) -> Any:
        """The value, where the graph alone tells it; else ``NotScalarConstantError``."""
        return function_named("get_scalar_constant_value")(self)

    # ---- elementwise

    @property
    def real(self) -> Any:
        """The real part."""
        return function_named("real")(self)

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        return function_named("imag")(self)

    def clip(self, a_min: Any, a_max: Any) -> Any:
        """``theano.tensor.clip``."""
        return function_named("clip")(self, a_min, a_max)

    def round(self, mode: str | None = None) -> Any:
        """``theano.tensor.round``: `mode` is ``"half_to_even"`` or ``"half_away_from_zero"``."""
        return function_named("round")(self, mode)

    def conj(self) -> Any:
        """The complex conjugate."""
        return function_named("conj")(self)

    conjugate = conj

    # ---- products and reductions

    def dot(self, right: Any) -> Any:
        """``theano.tensor.dot``."""
        return function_named("dot")(self, right)

    def sum(
        self, axis: Any = None, dtype: str | None = None, keepdims: bool = False, acc_dtype: str | None = None
    ) -> Any:
        """``theano.tensor.sum``."""
        return function_named("sum")(self, axis=axis, dtype=dtype, keepdims=keepdims, acc_dtype=acc_dtype)

    def prod(
        self, axis: Any = None, dtype: str | None = None, keepdims: bool = False, acc_dtype: str | None = None
    ) -> Any:
        """``theano.tensor.prod``."""
        return function_named("prod")(self, axis=axis, dtype=dtype, keepdims=keepdims, acc_dtype=acc_dtype)

    def mean(
        self, axis: Any = None, dtype: str | None = None, keepdims: bool = False, acc_dtype: str | None = None
    ) -> Any:
        """``theano.tensor.mean``."""
        return function_named("mean")(self, axis=axis, dtype=dtype, keepdims=keepdims, acc_dtype=acc_dtype)

    def var(self, axis: Any = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False) -> Any:
        """``theano.tensor.var``."""
        return function_named("var")(self, axis=axis, ddof=ddof, keepdims=keepdims, corrected=corrected)

    def std(self, axis: Any = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False) -> Any:
        """``theano.tensor.std``."""
        return function_named("std")(self, axis=axis, ddof=ddof, keepdims=keepdims, corrected=corrected)

    def norm(self, L: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """The L-norm, ``(abs(x) ** L).sum(axis) ** (1 / L)``; infinite L: the largest (-inf: smallest) magnitude."""
        magnitude = abs(self)
        if isinstance(L, int | float) and L in (float("inf"), float("-inf")):
            return magnitude.max(axis, keepdims=keepdims) if L > 0 else magnitude.min(axis, keepdims=keepdims)
        if isinstance(L, int | float) and L == 0:
            return function_named("neq")(self, 0).sum(axis, dtype=magnitude.dtype, keepdims=keepdims)
        return (magnitude**L).sum(axis, keepdims=keepdims) ** (1.0 / L)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """``theano.tensor.min``."""
        return function_named("min")(self, axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """``theano.tensor.max``."""
        return function_named("max")(self, axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Any:
        """``theano.tensor.argmin``."""
        return function_named("argmin")(self, axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Any:
        """``theano.tensor.argmax``."""
        return function_named("argmax")(self, axis, keepdims=keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        """``theano.tensor.any``."""
        return function_named("any")(self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        """``theano.tensor.all``."""
        return function_named("all")(self, axis=axis, keepdims=keepdims)

    def ptp(self, axis: int | None = None) -> Any:
        """Maximum minus minimum."""
        return function_named("ptp")(self, axis=axis)

    def cumsum(self, axis: int | None = None) -> Any:
        """``theano.tensor.cumsum``."""
        return function_named("cumsum")(self, axis)

    def cumprod(self, axis: int | None = None) -> Any:
        """``theano.tensor.cumprod``."""
        return function_named("cumprod")(self, axis)

    # ---- order

    def sort(self, axis: Any = -1, kind: str = "quicksort", order: None = None) -> Any:
        """``theano.tensor.sort``."""
        return function_named("sort")(self, axis, kind, order)

    def argsort(self, axis: Any = -1, kind: str = "quicksort", order: None = None) -> Any:
        """``theano.tensor.argsort``."""
        return function_named("argsort")(self, axis, kind, order)

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Any:
        """``theano.tensor.searchsorted``."""
        return function_named("searchsorted")(self, v, side, sorter)


# Elementary functions are methods too, so that numpy.exp(x) builds an expression even where x hides in an object array.
ELEMENTARY_METHODS = """
    arccos arccosh arcsin arcsinh arctan arctanh ceil cos cosh deg2rad exp exp2 expm1 floor log log10 log1p log2
    rad2deg sin sinh sqrt tan tanh trunc
""".split()  # noqa: SIM905
for _name in ELEMENTARY_METHODS:
    setattr(TensorOperators, _name, _unary(_name))
