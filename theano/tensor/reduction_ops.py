"""The Ops that reduce: sums, products, extrema and truth over some axes, and where the largest element is."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any as Anything

import numpy as np

from theano.configuration import config
from theano.graph.basic import Apply
from theano.graph.op import Op
from theano.scalar import add, and_, maximum, minimum, mul, or_
from theano.scalar.operation import ScalarOp
from theano.tensor.elementwise import DimShuffle, is_discrete
from theano.tensor.type import NUMPY_DTYPES, TensorType
from theano.tensor.variable import as_index, as_tensor_variable

# NumPy's ufunc for an operation on elements; any other is folded over the slices.
UFUNCS = {
    "add": np.add,
    "mul": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "and_": np.bitwise_and,
    "or_": np.bitwise_or,
    "xor": np.bitwise_xor,
}
# In which dtype a narrower float is summed.
ACCUMULATORS = {"float16": "float32", "float32": "float64", "complex64": "complex128"}


# ---- axes


def normalize_axes(what: str, axis: Anything, ndim: int) -> tuple[int, ...] | None:
    """`axis` as a user gives it (None, a number, several) as sorted non-negative numbers; None stays, for all axes."""
    if axis is None:
        return None
    entries = list(axis) if isinstance(axis, list | tuple | np.ndarray) and np.ndim(axis) else [axis]
    axes = set()
    for entry in entries:
        number = as_index(entry)
        if number is None:
            raise TypeError(
                f"{what}: axis must be None, an integer or several known when the graph is built, got {axis!r}"
            )
        if not -ndim <= number < ndim:
            raise ValueError(
                f"{what}: there is no axis {number} in a tensor of rank {ndim} (valid: {-ndim} to {ndim - 1})"
            )
        axes.add(number % ndim)
    return tuple(sorted(axes))


def one_axis(what: str, axis: Anything, ndim: int) -> int:
    """`axis`, which must be a single number, as a non-negative one."""
    if as_index(axis) is None:
        raise TypeError(f"{what}: axis must be an integer known when the graph is built, got {axis!r}")
    return normalize_axes(what, axis, ndim)[0]  # type: ignore[index]


def axes_of(axis: tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """The axes that an Op's `axis` means for rank `ndim`."""
    return tuple(range(ndim)) if axis is None else axis


def restore_axes(reduced: Anything, axes: Sequence[int], ndim: int) -> Anything:
    """A result without `axes` with them put back as dimensions of length 1."""
    kept = iter(range(ndim))
    order = ["x" if i in axes else next(kept) for i in range(ndim)]
    return DimShuffle(reduced.type.broadcastable, order)(reduced)


def makeKeepDims(x: Anything, y: Anything, axis: Anything) -> Anything:
    """`y`, a reduction of `x` over `axis`, with the reduced axes put back as dimensions of length 1."""
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    return restore_axes(y, axes_of(normalize_axes("makeKeepDims", axis, x.ndim), x.ndim), x.ndim)


def gradient_dtype(x: Anything) -> str:
    """The dtype of the gradient with respect to `x`: its own; floatX for integers and bools, taken as real numbers."""
    return config.floatX if is_discrete(x.dtype) else x.dtype


# ---- Ops


class CAReduce(Op):
    """Reduces axes with a commutative, associative operation on elements.

    Parameters
    ----------
    scalar_op
        the operation, such as ``theano.scalar.add``.
    axis
        None for all axes, a number, or several.
    dtype
        of the result; None: the operation's own choice for the input's dtype.
    acc_dtype
        in which it is computed; None: chosen likewise.

    Raises
    ------
    ValueError
        when an axis does not exist; at run time, when an axis of length 0 is reduced by an operation without identity.
    """

    __props__: tuple[str, ...] = ("scalar_op", "axis", "dtype", "acc_dtype")

    def __init__(
        self, scalar_op: ScalarOp, axis: Anything = None, dtype: str | None = None, acc_dtype: str | None = None
    ) -> None:
        self.scalar_op = scalar_op
        self.axis = self._as_axes(axis)
        self.dtype = dtype
        self.acc_dtype = acc_dtype

    @staticmethod
    def _as_axes(axis: Anything) -> tuple[int, ...] | None:
        if axis is None:
            return None
        return tuple(sorted(int(a) for a in axis)) if isinstance(axis, list | tuple | np.ndarray) else (int(axis),)

    # Which dtypes an input dtype gives. Subclasses that sum choose wider ones.

    def default_dtype(self, dtype: str) -> str:
        """The result's dtype for an input of `dtype`."""
        return dtype

    def default_acc_dtype(self, dtype: str, out: str) -> str:
        """The dtype to compute in for an input of `dtype` and a result of dtype `out`."""
        return out

    def check_dtype(self, x: Anything) -> None:
        """Raise TypeError for an input on which the operation is not defined."""

    def _with(self, axis: tuple[int, ...] | None, dtype: str, acc_dtype: str) -> CAReduce:
        if (axis, dtype, acc_dtype) == (self.axis, self.dtype, self.acc_dtype):
            return self
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.axis, copy.dtype, copy.acc_dtype = axis, dtype, acc_dtype
        return copy

    def make_node(self, x: Anything) -> Apply:
        x = as_tensor_variable(x)
        self.check_dtype(x)
        axis = normalize_axes(type(self).__name__, self.axis, x.ndim)
        dtype = self.default_dtype(x.dtype) if self.dtype is None else TensorType(self.dtype, ()).dtype
        if self.acc_dtype is None:
            acc_dtype = self.default_acc_dtype(x.dtype, dtype)
        else:
            acc_dtype = TensorType(self.acc_dtype, ()).dtype
            if NUMPY_DTYPES[x.dtype].kind in "fc" and not np.can_cast(x.dtype, acc_dtype):
                raise TypeError(
                    f"{type(self).__name__}: an accumulator of dtype {acc_dtype} loses precision of the input {x} of "
                    f"dtype {x.dtype}. Leave acc_dtype out or take a wider one; dtype={acc_dtype!r} computes precisely "
                    f"and converts the result; T.cast(x, {acc_dtype!r}) converts the input."
                )
        reduced = axes_of(axis, x.ndim)
        pattern = [b for i, b in enumerate(x.broadcastable) if i not in reduced]
        return Apply(self._with(axis, dtype, acc_dtype), [x], [TensorType(dtype, pattern)()])

    def perform(self, node: Apply, inputs: list[Anything], output_storage: list[list[Anything]]) -> None:
        (x,) = inputs
        axes = axes_of(self.axis, x.ndim)
        acc_dtype = NUMPY_DTYPES[self.acc_dtype or node.outputs[0].dtype]
        with np.errstate(all="ignore"):
            result = self.reduce(x, axes, acc_dtype)
            output_storage[0][0] = np.asarray(result, dtype=node.outputs[0].type.numpy_dtype)

    def reduce(self, x: np.ndarray, axes: tuple[int, ...], acc_dtype: np.dtype) -> Anything:
        """The reduction of an array, in `acc_dtype`."""
        ufunc = UFUNCS.get(self.scalar_op.name)
        has_identity = ufunc is not None and ufunc.identity is not None
        if not has_identity and any(x.shape[axis] == 0 for axis in axes):
            raise ValueError(
                f"{self} of an array of shape {x.shape}: a reduced axis has length 0, and there is no "
                f"{self.scalar_op} of nothing"
            )
        if not axes:
            return x.astype(acc_dtype)
        if ufunc is not None:
            return ufunc.reduce(x, axis=axes, dtype=acc_dtype)
        x = x.astype(acc_dtype)
        flat = np.moveaxis(x, axes, range(len(axes)))
        flat = flat.reshape(-1, *flat.shape[len(axes) :])
        return functools.reduce(self.scalar_op.evaluate, flat)

    def infer_shape(self, node: Apply, input_shapes: list[Anything]) -> list[Anything]:
        (lengths,) = input_shapes
        reduced = axes_of(self.axis, len(lengths))
        return [tuple(length for i, length in enumerate(lengths) if i not in reduced)]

    # Derivatives. A subclass gives the derivative of its result with respect to each element, in the input's shape.

    def element_derivative(self, x: Anything, total: Anything) -> Anything:
        """d result / d element, in the shape of `x`, given the result with its axes restored; None where it is 0."""
        from theano.gradient import grad_not_implemented

        return grad_not_implemented(self, 0, x, f"no derivative of a reduction with {self.scalar_op} is known")

    def _restored(self, reduced: Anything, ndim: int) -> Anything:
        return restore_axes(reduced, axes_of(self.axis, ndim), ndim)

    def L_op(self, inputs: list[Anything], outputs: list[Anything], output_gradients: list[Anything]) -> list[Anything]:
        from theano.tensor.functions import cast

        (x,), (gz,) = inputs, output_gradients
        if is_discrete(outputs[0].dtype):
            return [x.zeros_like(dtype=config.floatX)]
        slope = self.element_derivative(x, self._restored(outputs[0], x.ndim))
        if not isinstance(slope.type, TensorType):
            return [slope]
        return [cast(self._restored(gz, x.ndim) * slope, gradient_dtype(x))]

    def R_op(self, inputs: list[Anything], eval_points: list[Anything]) -> list[Anything]:
        (x,), (direction,) = inputs, eval_points
        if direction is None:
            return [None]
        total = self(x)
        if is_discrete(total.dtype):
            return [total.zeros_like(dtype=config.floatX)]
        slope = self.element_derivative(x, self._restored(total, x.ndim))
        if not isinstance(slope.type, TensorType):
            return [slope]
        return [Sum(self.axis, dtype=total.dtype)(slope * direction)]

    def __str__(self) -> str:
        name = f"Reduce{{{self.scalar_op}}}" if type(self) is CAReduce else type(self).__name__
        settings = [] if self.axis is None else [f"axis={list(self.axis)}"]
        if self.acc_dtype is not None and "acc_dtype" in self.__props__:
            settings.append(f"acc_dtype={self.acc_dtype}")
        return f"{name}{{{', '.join(settings)}}}" if settings else name

    __repr__ = __str__


CAReduceDtype = CAReduce


class _Accumulation(CAReduce):
    """What sums and products share: integers become 64 bits wide, floats are computed a size wider."""

    __props__ = ("axis", "dtype", "acc_dtype")

    def default_dtype(self, dtype: str) -> str:
        kind = NUMPY_DTYPES[dtype].kind
        return "uint64" if kind == "u" else "int64" if kind in "bi" else dtype

    def default_acc_dtype(self, dtype: str, out: str) -> str:
        wide = self.default_dtype(dtype)
        wide = ACCUMULATORS.get(wide, wide)
        if is_discrete(dtype) or is_discrete(out):
            return wide
        return np.promote_types(wide, ACCUMULATORS.get(out, out)).name


class Sum(_Accumulation):
    """Sums over axes. Integers and bools give int64 (uint64), floats their own dtype from a wider accumulator."""

    def __init__(self, axis: Anything = None, dtype: str | None = None, acc_dtype: str | None = None) -> None:
        super().__init__(add, axis, dtype, acc_dtype)

    def L_op(self, inputs: list[Anything], outputs: list[Anything], output_gradients: list[Anything]) -> list[Anything]:
        from theano.tensor.functions import cast, second

        (x,), (gz,) = inputs, output_gradients
        if is_discrete(outputs[0].dtype):
            return [x.zeros_like(dtype=config.floatX)]
        return [cast(second(x, self._restored(gz, x.ndim)), gradient_dtype(x))]

    def R_op(self, inputs: list[Anything], eval_points: list[Anything]) -> list[Anything]:
        return [None if eval_points[0] is None else self(eval_points[0])]


class Prod(_Accumulation):
    """Products over axes, dtypes as for :class:`Sum`.

    Parameters
    ----------
    no_zeros_in_input
        a promise that no element is 0: the gradient is then plainly ``product / x``, and can be differentiated again.
    """

    __props__ = ("axis", "dtype", "acc_dtype", "no_zeros_in_input")
    holomorphic = True

    def __init__(
        self,
        axis: Anything = None,
        dtype: str | None = None,
        acc_dtype: str | None = None,
        no_zeros_in_input: bool = False,
    ) -> None:
        super().__init__(mul, axis, dtype, acc_dtype)
        self.no_zeros_in_input = bool(no_zeros_in_input)

    def element_derivative(self, x: Anything, total: Anything) -> Anything:
        """The product of all other elements of the slice."""
        from theano.tensor.functions import eq, switch

        if self.no_zeros_in_input:
            return total / x
        is_zero = eq(x, 0)
        zeros_elsewhere = self._restored(Sum(self.axis)(is_zero), x.ndim) - is_zero
        nonzero_product = self._restored(ProdWithoutZeros(self.axis, self.dtype, self.acc_dtype)(x), x.ndim)
        return switch(eq(zeros_elsewhere, 0), nonzero_product / switch(is_zero, 1, x), 0)


class ProdWithoutZeros(_Accumulation):
    """Products over axes of the elements that are not 0, dtypes as for :class:`Sum`."""

    def __init__(self, axis: Anything = None, dtype: str | None = None, acc_dtype: str | None = None) -> None:
        super().__init__(mul, axis, dtype, acc_dtype)

    def reduce(self, x: np.ndarray, axes: tuple[int, ...], acc_dtype: np.dtype) -> Anything:
        return super().reduce(np.where(x == 0, x.dtype.type(1), x), axes, acc_dtype)

    def element_derivative(self, x: Anything, total: Anything) -> Anything:
        from theano.gradient import grad_not_implemented

        return grad_not_implemented(
            self,
            0,
            x,
            "second derivatives of a product that may contain zeros are not available; if no element is 0, use "
            "T.prod(x, no_zeros_in_input=True)",
        )


class _Selection(CAReduce):
    """What reductions share whose result is of the input's dtype, with nothing to choose but the axes."""

    __props__ = ("axis",)
    operation: ScalarOp

    def __init__(self, axis: Anything = None) -> None:
        super().__init__(self.operation, axis)

    def _with(self, axis: tuple[int, ...] | None, dtype: str, acc_dtype: str) -> CAReduce:
        return self if axis == self.axis else type(self)(axis)


class _Extremum(_Selection):
    """What maximum and minimum share. nan wins; the gradient goes to every element that equals the extremum."""

    def check_dtype(self, x: Anything) -> None:
        if NUMPY_DTYPES[x.dtype].kind == "c":
            raise TypeError(
                f"{type(self).__name__} of {x}: complex numbers ({x.dtype}) have no order; use abs, real or imag of it"
            )

    def element_derivative(self, x: Anything, total: Anything) -> Anything:
        from theano.tensor.functions import cast, eq

        return cast(eq(x, total), x.dtype)


class Max(_Extremum):
    """The largest element over axes; dtype as the input."""

    operation = maximum


class Min(_Extremum):
    """The smallest element over axes; dtype as the input."""

    operation = minimum


class _Truth(_Selection):
    """What all and any share: bools in, bools out."""

    def make_node(self, x: Anything) -> Apply:
        from theano.tensor.functions import neq

        x = as_tensor_variable(x)
        return super().make_node(x if x.dtype == "bool" else neq(x, 0))


class All(_Truth):
    """Whether all elements over axes are true (not 0)."""

    operation = and_


class Any(_Truth):
    """Whether any element over axes is true (not 0)."""

    operation = or_


class Argmax(Op):
    """Where the largest element is, counted along `axis`; over several axes, in their flattened order. int64.

    The first of equal elements counts, and nan is larger than anything, as in NumPy.
    """

    __props__ = ("axis",)

    def __init__(self, axis: Anything = None) -> None:
        self.axis = CAReduce._as_axes(axis)

    def make_node(self, x: Anything) -> Apply:
        x = as_tensor_variable(x)
        if NUMPY_DTYPES[x.dtype].kind == "c":
            raise TypeError(f"Argmax of {x}: complex numbers ({x.dtype}) have no order; use abs, real or imag of it")
        axis = normalize_axes("Argmax", self.axis, x.ndim)
        reduced = axes_of(axis, x.ndim)
        pattern = [b for i, b in enumerate(x.broadcastable) if i not in reduced]
        return Apply(self if axis == self.axis else Argmax(axis), [x], [TensorType("int64", pattern)()])

    def perform(self, node: Apply, inputs: list[Anything], output_storage: list[list[Anything]]) -> None:
        (x,) = inputs
        axes = axes_of(self.axis, x.ndim)
        if any(x.shape[axis] == 0 for axis in axes):
            raise ValueError(
                f"{self} of an array of shape {x.shape}: a reduced axis has length 0, so there is no largest element"
            )
        kept = [i for i in range(x.ndim) if i not in axes]
        flat = x.transpose(*kept, *axes).reshape(*(x.shape[i] for i in kept), -1) if x.size else x.any(axis=axes)
        output_storage[0][0] = np.asarray(flat.argmax(axis=-1) if x.size else flat, dtype="int64")

    def infer_shape(self, node: Apply, input_shapes: list[Anything]) -> list[Anything]:
        (lengths,) = input_shapes
        reduced = axes_of(self.axis, len(lengths))
        return [tuple(length for i, length in enumerate(lengths) if i not in reduced)]

    def L_op(self, inputs: list[Anything], outputs: list[Anything], output_gradients: list[Anything]) -> list[Anything]:
        return [inputs[0].zeros_like(dtype=gradient_dtype(inputs[0]))]

    def R_op(self, inputs: list[Anything], eval_points: list[Anything]) -> list[Anything]:
        return [None if eval_points[0] is None else self(*inputs).zeros_like(dtype=config.floatX)]
