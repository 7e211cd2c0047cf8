"""The table of distributions: for each a formula of random bits.

Formulas are written with the operations of the language, so a draw is compiled like any expression; where one needs an
operation without native code (sorting, sums along an axis as they grow, quantiles), that part runs in Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.scalar.table import rows
from theano.tensor.assertion import Assert
from theano.tensor.creation import arange
from theano.tensor.extra_ops import cumsum, searchsorted
from theano.tensor.functions import cast
from theano.tensor.joining import concatenate
from theano.tensor.lengths import product
from theano.tensor.random_numbers.function import Draw, distribution
from theano.tensor.random_numbers.quantiles import Quantile
from theano.tensor.reductions import max as largest
from theano.tensor.reductions import sum as total
from theano.tensor.shape import reshape, shape_i
from theano.tensor.sorting import argsort
from theano.tensor.static import NotScalarConstantError, get_scalar_constant_value, static_integer
from theano.tensor.variable import as_tensor_variable, constant

MOST_TRIALS = 64  # binomial numbers of more trials are found as quantiles


def _stretched(draw: Draw, x: Any, own_axes: int = 0) -> Any:
    """`x` with dimensions for the shape of the draw in front of its own."""
    missing = len(draw.lengths) + own_axes - x.type.ndim
    return x.dimshuffle(["x"] * missing + list(range(x.type.ndim))) if missing else x


def _behind(x: Any, count: int = 1) -> Any:
    """`x` with `count` more dimensions of length 1 at its end."""
    return x.dimshuffle([*range(x.type.ndim), *["x"] * count])


def _is(x: Any, value: float) -> bool:
    """Whether all elements are known to be `value`."""
    try:
        return bool(get_scalar_constant_value(x) == value)
    except NotScalarConstantError:
        return False


def _less(x: Any, y: Any) -> Any:
    return x if _is(y, 0) else x - y


def _moved(location: Any, scale: Any, x: Any) -> Any:
    """``location + scale * x``, with nothing done where nothing is to do."""
    scaled = x if _is(scale, 1) else scale * x
    return scaled if _is(location, 0) else location + scaled


def _unsigned(x: int) -> Any:
    return constant(np.uint64(x))


# ---- continuous


@distribution("uniform", "low", "high", differentiable=True)
def uniform(draw: Draw, low: Any, high: Any) -> Any:
    """``low + (high - low) u`` with u from [0, 1)."""
    low, high = (cast(_stretched(draw, x), draw.real) for x in (low, high))
    return _moved(low, _less(high, low), draw.uniform())


@distribution("normal", "avg", "std", differentiable=True)
def normal(draw: Draw, avg: Any, std: Any) -> Any:
    """``avg + std z`` with z of the standard normal distribution."""
    avg, std = (cast(_stretched(draw, x), draw.real) for x in (avg, std))
    return _moved(avg, std, draw.normal())


# The share of normal numbers farther from 0 than two standard deviations, erfc(sqrt(2)), in steps of 2**-64.
OUTSIDE = 839331723382370252


@distribution("truncated_normal", "avg", "std", differentiable=True)
def truncated_normal(draw: Draw, avg: Any, std: Any) -> Any:
    """As normal, of numbers at most two standard deviations from `avg`."""
    avg, std = (cast(_stretched(draw, x), draw.real) for x in (avg, std))
    inside = multiply_high(draw.bits(), _unsigned(2**64 - OUTSIDE)) + _unsigned(OUTSIDE)
    if draw.real == "float32":
        inside = cast(rows.right_shift(inside, _unsigned(32)), "uint32")
    return _moved(avg, std, rows.random_normal(inside))


# ---- integers


def multiply_high(x: Any, y: Any) -> Any:
    """The upper 64 of the 128 bits of a product of uint64."""
    mask, half = _unsigned(2**32 - 1), _unsigned(32)
    x_high, x_low = rows.right_shift(x, half), rows.and_(x, mask)
    y_high, y_low = rows.right_shift(y, half), rows.and_(y, mask)
    first = x_high * y_low + rows.right_shift(x_low * y_low, half)
    second = x_low * y_high + rows.and_(first, mask)
    return x_high * y_high + rows.right_shift(first, half) + rows.right_shift(second, half)


def _below(draw: Draw, limit: Any, *more: Any) -> Any:
    """uint64 from 0 to ``limit - 1``, as bits · limit / 2**64 rounded down: even up to a share of limit / 2**64."""
    return multiply_high(draw.bits(*more), limit)


@distribution("random_integers", "low", "high")
def random_integers(draw: Draw, low: Any, high: Any) -> Any:
    """``low + n`` with n from 0 to ``high - low``."""
    low, high = (cast(_stretched(draw, x), "int64") for x in (low, high))
    count = cast(high, "uint64") - cast(low, "uint64") + _unsigned(1)
    return low + cast(_below(draw, rows.switch(rows.ge(high, low), count, _unsigned(1))), "int64")


def _happens(draw: Draw, p: Any, *more: Any) -> Any:
    """Whether events of probability `p` happen: the comparison is exact to 2**-62, small probabilities included."""
    bits = cast(rows.right_shift(draw.bits(*more), _unsigned(2)), "int64")
    kind = p.dtype if p.dtype in ("float32", "float64") else "float64"
    bounds = (constant(np.asarray(v, dtype=kind)) for v in (0, 1))
    share = rows.clip(cast(p, kind), *bounds) * constant(np.asarray(2.0**62, dtype=kind))
    return rows.lt(bits, cast(share, "int64"))


@distribution("binomial", "n", "p")
def binomial(draw: Draw, n: Any, p: Any) -> Any:
    """How many of `n` events of probability `p` happen."""
    n, p = _stretched(draw, n), _stretched(draw, p)
    trials = _constant_trials(n)
    if trials == 1:
        return _happens(draw, p)
    if trials is not None and trials <= MOST_TRIALS:
        return total(_happens(draw, _behind(p), trials), axis=-1, dtype="int64")
    return Quantile("binomial")(draw.positive_uniform(), n, p)


def _constant_trials(n: Any) -> int | None:
    """The number of trials where it is a constant."""
    trials = static_integer(n.dimshuffle() if n.type.ndim and all(n.type.broadcastable) else n)
    return trials if trials is not None and trials >= 0 else None


@distribution("poisson", "lam")
def poisson(draw: Draw, lam: Any) -> Any:
    """The number of events where `lam` are expected: the quantile of a uniform number."""
    return Quantile("poisson")(draw.positive_uniform(), _stretched(draw, lam))


# ---- choices


@distribution("permutation", "n", event=lambda n: [n])
def permutation(draw: Draw, n: Any) -> Any:
    """0 to ``n - 1`` in the order of random keys."""
    return argsort(draw.bits(n), axis=-1)


def _categories(draw: Draw, p: Any, *more: Any) -> Any:
    """Indices along the vector `p` of weights, each with its share."""
    growing = cumsum(cast(p, "float64"))
    return searchsorted(growing / growing[-1], draw.uniform(*more, dtype="float64"), side="right")


@distribution("choice", "n")
def choice(draw: Draw, n: Any) -> Any:
    """Indices below `n`, drawn with replacement."""
    return _below(draw, cast(_stretched(draw, n), "uint64"))


@distribution("weighted_choice", "p", own_axes=(1,))
def weighted_choice(draw: Draw, p: Any) -> Any:
    """Indices of the weights `p`, drawn with replacement."""
    return _categories(draw, p)


def _first(draw: Draw, keys: Any, n: Any) -> Any:
    """The places of the smallest keys, as many as the draw has elements."""
    count = as_tensor_variable(product(draw.lengths))
    enough = Assert("choice without replacement: more elements are asked for than there are", ValueError)
    places = argsort(keys, axis=-1)[: enough(count, rows.le(count, n))]
    return reshape(places, tuple(draw.lengths), ndim=len(draw.lengths)) if len(draw.lengths) != 1 else places


@distribution("choice_without_replacement", "n")
def choice_without_replacement(draw: Draw, n: Any) -> Any:
    """Different indices below `n`: those of the smallest random keys."""
    whole = Draw(draw.state, [], draw.dtype)
    keys = whole.bits(n)
    draw.used = whole.used
    return _first(draw, keys, n)


def _races(draw: Draw, p: Any, *more: Any) -> Any:
    """Exponentially distributed times of rates `p`: the order in which they end is a draw without replacement."""
    return -rows.log(draw.positive_uniform(*more)) / cast(p, "float64")


@distribution("weighted_choice_without_replacement", "p", own_axes=(1,))
def weighted_choice_without_replacement(draw: Draw, p: Any) -> Any:
    """Different indices of the weights `p`, as if drawn one after the other from those that are left."""
    whole = Draw(draw.state, [], draw.dtype)
    keys = _races(whole, p, shape_i(p, 0))
    draw.used = whole.used
    return _first(draw, keys, shape_i(p, 0))


@distribution("choice_from_rows", "n", "p", own_axes=(0, 1), event=lambda n, p: [n])
def choice_from_rows(draw: Draw, n: Any, p: Any) -> Any:
    """For each line of weights `n` indices: how many of the sums of shares a uniform number reaches."""
    p = cast(p, "float64")
    sums = cumsum(p / total(p, axis=-1, keepdims=True), axis=-1)
    shares = _stretched(draw, sums, 1).dimshuffle(*range(len(draw.lengths)), "x", len(draw.lengths))
    return total(rows.ge(_behind(draw.uniform(n, dtype="float64")), shares[..., :-1]), axis=-1, dtype="int64")


@distribution("different_from_rows", "n", "p", own_axes=(0, 1), event=lambda n, p: [n])
def different_from_rows(draw: Draw, n: Any, p: Any) -> Any:
    """For each line of weights `n` different indices."""
    categories = shape_i(p, p.type.ndim - 1)
    enough = Assert("choice without replacement: more elements are asked for than there are", ValueError)
    order = argsort(_races(draw, _stretched(draw, p, 1), categories), axis=-1)
    return order[..., : enough(n, rows.le(n, categories))]


@distribution("multinomial", "n", "pvals", own_axes=(0, 1), event=lambda n, p: [shape_i(p, p.type.ndim - 1)])
def multinomial(draw: Draw, n: Any, pvals: Any) -> Any:
    """How often each category comes in `n` draws with the shares `pvals`; the last one has what the others leave.

    All `n` draws of all categories are looked at.
    """
    # A category is drawn when a uniform number lies between the sum of the shares before it and that with its own.
    sums = cumsum(cast(pvals, "float64"), axis=-1)[..., :-1]
    edge = cast(pvals[..., :1], "float64") * np.float64(0)
    lower = _stretched(draw, concatenate([edge, sums], axis=-1), 1)
    upper = _stretched(draw, concatenate([sums, edge + np.float64(2)], axis=-1), 1)
    trials = _constant_trials(n)
    if trials == 1:
        u = _behind(draw.uniform(dtype="float64"))
        return rows.and_(rows.ge(u, lower), rows.lt(u, upper))
    most = trials if trials is not None else largest(n) if n.type.ndim else n
    u = draw.uniform(most, dtype="float64").dimshuffle(*range(len(draw.lengths)), "x", len(draw.lengths))
    drawn = rows.and_(rows.ge(u, _behind(lower)), rows.lt(u, _behind(upper)))
    if n.type.ndim:
        drawn = rows.and_(drawn, rows.lt(arange(most), _behind(_stretched(draw, n), 2)))
    return total(cast(drawn, "int64"), axis=-1)
