"""Reductions: sums, products, extrema and truth over some axes, and what is composed of them."""

from __future__ import annotations

from typing import Any as Anything

import numpy as np

from theano.graph.op import Op
from theano.tensor.elementwise import DimShuffle, is_discrete
from theano.tensor.reduction_ops import (
    All,
    Any,
    Argmax,
    CAReduce,
    CAReduceDtype,
    Max,
    Min,
    Prod,
    ProdWithoutZeros,
    Sum,
    axes_of,
    makeKeepDims,
    normalize_axes,
    restore_axes,
)
from theano.tensor.type import NUMPY_DTYPES, TensorType
from theano.tensor.variable import as_tensor_variable

# ---- public functions


def _reduce(op: Op, x: Anything, keepdims: bool) -> Anything:
    reduced = op(x)
    if not keepdims:
        return reduced
    node_op = reduced.owner.op
    return restore_axes(reduced, axes_of(node_op.axis, x.ndim), x.ndim)


def sum(
    input: Anything,
    axis: Anything = None,
    dtype: str | None = None,
    keepdims: bool = False,
    acc_dtype: str | None = None,
) -> Anything:
    """The sum of elements over `axis`.

    Parameters
    ----------
    axis
        None for all, a number (negative: from the end) or several; ``()`` reduces nothing.
    dtype
        of the result; None: int64 for integers and bools (uint64 for unsigned ones), else the input's.
    keepdims
        keep reduced axes as dimensions of length 1.
    acc_dtype
        in which it is computed; None: float64 for float32, float32 for float16, else the result's.

    >>> import theano.tensor as T
    >>> x = T.fmatrix()
    >>> T.sum(x, axis=0).type, T.sum(T.bvector()).dtype
    (TensorType(float32, vector), 'int64')
    """
    x = as_tensor_variable(input)
    return _reduce(Sum(normalize_axes("sum", axis, x.ndim), dtype, acc_dtype), x, keepdims)


def prod(
    input: Anything,
    axis: Anything = None,
    dtype: str | None = None,
    keepdims: bool = False,
    acc_dtype: str | None = None,
    no_zeros_in_input: bool = False,
) -> Anything:
    """The product of elements over `axis`; arguments as of :func:`sum`.

    The gradient is right where elements are 0; ``no_zeros_in_input=True`` promises that none is, for a cheaper one.
    """
    x = as_tensor_variable(input)
    return _reduce(Prod(normalize_axes("prod", axis, x.ndim), dtype, acc_dtype, no_zeros_in_input), x, keepdims)


def max(x: Anything, axis: Anything = None, keepdims: bool = False) -> Anything:
    """The largest element over `axis`; nan if one is nan. The gradient goes to all elements that are largest.

    Raises
    ------
    TypeError
        for complex numbers.
    ValueError
        at run time, when a reduced axis has length 0.
    """
    x = as_tensor_variable(x)
    return _reduce(Max(normalize_axes("max", axis, x.ndim)), x, keepdims)


def min(x: Anything, axis: Anything = None, keepdims: bool = False) -> Anything:
    """The smallest element over `axis`; see :func:`max`."""
    x = as_tensor_variable(x)
    return _reduce(Min(normalize_axes("min", axis, x.ndim)), x, keepdims)


def argmax(x: Anything, axis: Anything = None, keepdims: bool = False) -> Anything:
    """Where the largest element is along `axis` (None or several axes: in their flattened order), int64.

    The first of equal elements counts; nan is larger than anything.
    """
    x = as_tensor_variable(x)
    return _reduce(Argmax(normalize_axes("argmax", axis, x.ndim)), x, keepdims)


def argmin(x: Anything, axis: Anything = None, keepdims: bool = False) -> Anything:
    """Where the smallest element is; see :func:`argmax`."""
    x = as_tensor_variable(x)
    return argmax(~x if is_discrete(x.dtype) else -x, axis, keepdims)


def max_and_argmax(a: Anything, axis: Anything = None, keepdims: bool = False) -> list[Anything]:
    """The largest element over `axis` and where it is: ``[max(a, axis), argmax(a, axis)]``."""
    return [max(a, axis, keepdims), argmax(a, axis, keepdims)]


def all(x: Anything, axis: Anything = None, keepdims: bool = False) -> Anything:
    """Whether all elements over `axis` are true (not 0), bool."""
    x = as_tensor_variable(x)
    return _reduce(All(normalize_axes("all", axis, x.ndim)), x, keepdims)


def any(x: Anything, axis: Anything = None, keepdims: bool = False) -> Anything:
    """Whether any element over `axis` is true (not 0), bool."""
    x = as_tensor_variable(x)
    return _reduce(Any(normalize_axes("any", axis, x.ndim)), x, keepdims)


# ---- compositions


def _count(x: Anything, axis: Anything) -> Anything:
    """The number of elements in a slice over `axis`, an int64 scalar."""
    from theano.tensor.lengths import as_length, product
    from theano.tensor.shape import shape_i

    axes = axes_of(normalize_axes("mean", axis, x.ndim), x.ndim)
    return as_length(product([shape_i(x, i) for i in axes]))


def mean(
    input: Anything,
    axis: Anything = None,
    dtype: str | None = None,
    op: bool = False,
    keepdims: bool = False,
    acc_dtype: str | None = None,
) -> Anything:
    """The arithmetic mean over `axis`.

    Parameters
    ----------
    dtype
        in which it is summed and, if a float or complex one, that of the result; None: float64 for integers and bools,
        else the input's.
    op
        accepted and without effect.
    axis, keepdims, acc_dtype
        as of :func:`sum`. The mean of nothing is nan.
    """
    from theano.tensor.functions import cast, true_div

    x = as_tensor_variable(input)
    if dtype is None:
        out = "float64" if is_discrete(x.dtype) else x.dtype
    else:
        out = TensorType(dtype, ()).dtype
    total = sum(x, axis, "float32" if out == "float16" else out, keepdims, acc_dtype)
    count = cast(_count(x, axis), "float64" if is_discrete(total.dtype) else total.dtype)
    result = true_div(total, count)
    if out == "float16":
        result = cast(result, out)
    result.name = "mean"
    return result


def var(
    input: Anything, axis: Anything = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False
) -> Anything:
    """The variance over `axis`: the mean of the squared distances from the mean, real for complex numbers too.

    Parameters
    ----------
    ddof
        the sum of squares is divided by the number of elements less `ddof`.
    corrected
        subtract what rounding of the mean adds (the corrected two-pass algorithm; Chan, Golub, LeVeque 1983).
    """
    from theano.tensor.functions import cast, imag, real, sqr, true_div

    if not isinstance(ddof, int | np.integer):
        raise TypeError(f"var: ddof must be an integer, got {ddof!r}")
    x = as_tensor_variable(input)
    centered = x - mean(x, axis, keepdims=True)
    is_complex = NUMPY_DTYPES[centered.dtype].kind == "c"
    squares = sqr(real(centered)) + sqr(imag(centered)) if is_complex else sqr(centered)
    if ddof == 0 and not corrected:
        result = mean(squares, axis, keepdims=keepdims)
    else:
        half = squares.dtype == "float16"
        total = sum(squares, axis, "float32" if half else None, keepdims)
        if corrected:
            error = sum(centered, axis, "float32" if half else None, keepdims)
            error = sqr(real(error)) + sqr(imag(error)) if is_complex else sqr(error)
            total = total - error / cast(_count(x, axis), total.dtype)
        result = true_div(total, cast(_count(x, axis) - int(ddof), total.dtype))
        if half:
            result = cast(result, "float16")
    result.name = "var"
    return result


def std(
    input: Anything, axis: Anything = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False
) -> Anything:
    """The standard deviation, the square root of :func:`var`."""
    from theano.tensor.functions import sqrt

    result = sqrt(var(input, axis, ddof, keepdims, corrected))
    result.name = "std"
    return result


def ptp(a: Anything, axis: Anything = None) -> Anything:
    """The largest element minus the smallest over `axis`."""
    a = as_tensor_variable(a)
    return max(a, axis) - min(a, axis)


def cov(
    m: Anything,
    y: Anything = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Anything = None,
    aweights: Anything = None,
) -> Anything:
    """The matrix of covariances, as ``numpy.cov``.

    Parameters
    ----------
    m
        observations: a row for each quantity and a column for each observation, the other way round without `rowvar`; a
        vector is one quantity.
    y
        more quantities in the same form.
    bias, ddof
        divide by the number of observations less `ddof`, which is 0 with `bias` and 1 without unless given.
    fweights, aweights
        vectors with the number of times that each observation counts, and with its importance.

    >>> import theano.tensor as T
    >>> cov(T.dmatrix()).type
    TensorType(float64, matrix)
    """
    from theano.tensor.joining import concatenate
    from theano.tensor.products import dot

    def quantities(x: Anything) -> Anything:
        x = as_tensor_variable(x)
        if x.ndim > 2:
            raise ValueError(f"cov: observations form a vector or a matrix, got rank {x.ndim}")
        if x.ndim < 2:
            return x.reshape((1, -1))
        return x if rowvar else x.T

    if ddof is None:
        ddof = 0 if bias else 1
    elif ddof != int(ddof):
        raise ValueError(f"cov: ddof must be an integer, got {ddof!r}")
    x = quantities(m)
    if y is not None:
        x = concatenate([x, quantities(y)], axis=0)
    if fweights is None and aweights is None:
        x = x - mean(x, axis=1, keepdims=True)
        return dot(x, x.T.conj()) / (x.shape[1] - ddof)
    counts = 1 if fweights is None else as_tensor_variable(fweights)
    weights = counts if aweights is None else counts * as_tensor_variable(aweights)
    total = sum(weights)
    x = x - sum(x * weights, axis=1, keepdims=True) / total
    # Weights of importance have no natural count of observations; this correction reduces to the usual one for counts.
    correction = ddof if aweights is None else ddof * sum(weights * as_tensor_variable(aweights)) / total
    return dot(x, (x * weights).T.conj()) / (total - correction)


def logsumexp(x: Anything, axis: Anything = None, keepdims: bool = False) -> Anything:
    """``log(sum(exp(x), axis))``, without overflow: the largest element is taken out of the sum first.

    Minus infinity where all elements are that.
    """
    from theano.gradient import disconnected_grad
    from theano.tensor.functions import exp, isinf, log, switch

    x = as_tensor_variable(x)
    largest = max(x, axis, keepdims=True)
    # The sum does not depend on the shift, so no gradient passes through it; an infinite one would give inf - inf.
    shift = disconnected_grad(switch(isinf(largest), 0, largest))
    result = log(sum(exp(x - shift), axis, keepdims=True)) + shift
    if keepdims:
        return result
    axes = axes_of(normalize_axes("logsumexp", axis, x.ndim), x.ndim)
    return DimShuffle(result.broadcastable, [i for i in range(x.ndim) if i not in axes])(result)


__all__ = [
    "Argmax",
    "CAReduce",
    "CAReduceDtype",
    "Max",
    "Min",
    "Prod",
    "ProdWithoutZeros",
    "Sum",
    "all",
    "any",
    "argmax",
    "argmin",
    "cov",
    "logsumexp",
    "makeKeepDims",
    "max",
    "max_and_argmax",
    "mean",
    "min",
    "prod",
    "ptp",
    "std",
    "sum",
    "var",
]
