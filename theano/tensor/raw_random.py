"""Draws that take a state and give the next one: ``next_state, numbers = uniform(state, size)``.

A state is a vector of two uint64, key and counter (:mod:`theano.tensor.random_numbers.state`): a variable of
:func:`random_state_type`, or a shared one, as :class:`theano.tensor.shared_randomstreams.RandomStreams` makes them.

All functions share these arguments.

random_state
    the state to draw with.
size
    the shape of the result: an int, a list of ints and scalars (-1: what the parameters have there), or an integer
    vector. ``None``: the shape that the parameters have together.
ndim
    the number of dimensions, where `size` is a vector whose length the graph does not tell.
dtype
    of the result; ``None``: what holds ``config.floatX`` and the parameters.

Parameters may be numbers, arrays and expressions; they broadcast to `size`. Wrong constants are refused when the
expression is built.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Constant, Variable
from theano.scalar.dtypes import dtype_name, float_dtypes, upcast
from theano.scalar.table import rows
from theano.tensor.advanced_subtensor import AdvancedSubtensor1
from theano.tensor.assertion import Assert
from theano.tensor.functions import cast
from theano.tensor.random_numbers import distributions  # noqa: F401  (fills the table)
from theano.tensor.random_numbers.function import DISTRIBUTIONS, RandomFunction
from theano.tensor.random_numbers.size import lengths_of_draw
from theano.tensor.random_numbers.state import STATE
from theano.tensor.shape import shape_i
from theano.tensor.sorting import places_along
from theano.tensor.static import static_integer
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable

Result = tuple[Any, Any]


def random_state_type(name: str | None = None) -> Any:
    """A variable that holds a state."""
    return STATE(name)


# ---- nodes


def _draw(
    name: str, random_state: Any, size: Any, ndim: int | None, dtype: Any, *parameters: Any, what: str | None = None
) -> Result:
    """Next state and numbers of a distribution of the table."""
    kind = DISTRIBUTIONS[name]
    own_axes = kind.own_axes or (0,) * len(parameters)
    lengths = lengths_of_draw(what or name, size, ndim, parameters, own_axes)
    state, numbers = RandomFunction(name, dtype)(random_state, *parameters, *lengths)
    return state, numbers


def _real(what: str, **parameters: Any) -> list[Any]:
    """Parameters as variables of real dtypes."""
    variables = []
    for name, value in parameters.items():
        x = as_tensor_variable(value)
        if x.type.numpy_dtype.kind == "c":
            raise TypeError(f"{what}: {name} must be real, got {x} of type {x.type}")
        variables.append(x)
    return variables


def _whole(what: str, **parameters: Any) -> list[Any]:
    """Parameters as variables of integer dtypes."""
    variables = _real(what, **parameters)
    for name, x in zip(parameters, variables, strict=True):
        if x.type.numpy_dtype.kind not in "iub":
            raise TypeError(f"{what}: {name} must be of an integer dtype, got {x} of type {x.type}")
    return variables


def _require(what: str, condition: str, holds: Any, *parameters: Any) -> None:
    """Refuse constants for which `holds` does not hold everywhere."""
    if all(isinstance(x, Constant) for x in parameters):
        with np.errstate(all="ignore"):
            if not np.all(holds(*(x.data for x in parameters))):
                found = ", ".join(str(x) for x in parameters)
                raise ValueError(f"{what}: {condition}; got {found}")


def _float_dtype(what: str, dtype: Any, *parameters: Any) -> str:
    if dtype is None:
        return upcast(config.floatX, *(x.type.dtype for x in parameters))
    name = dtype_name(dtype)
    if name not in float_dtypes:
        raise TypeError(f"{what}: dtype must be one of {', '.join(float_dtypes)}, not {name}")
    return name


def _any_dtype(what: str, dtype: Any) -> str:
    name = dtype_name("int64" if dtype is None else dtype)
    if TensorType(name, ()).numpy_dtype.kind == "c":
        raise TypeError(f"{what}: dtype must be real, not {name}")
    return name


# ---- continuous distributions


def uniform(
    random_state: Any, size: Any = None, low: Any = 0.0, high: Any = 1.0, ndim: int | None = None, dtype: Any = None
) -> Result:
    """Numbers from [low, high), all of them equally likely.

    They can be differentiated by `low` and `high`.

    >>> import theano, theano.tensor as T
    >>> from theano.tensor.raw_random import random_state_type, uniform
    >>> state = random_state_type()
    >>> next_state, numbers = uniform(state, (2, 3))
    >>> theano.function([state], [next_state, numbers.shape])(T.random_numbers.state.GeneratorState(5))[1]
    array([2, 3])
    """
    low, high = _real("uniform", low=low, high=high)
    return _draw("uniform", random_state, size, ndim, _float_dtype("uniform", dtype, low, high), low, high)


def normal(
    random_state: Any, size: Any = None, avg: Any = 0.0, std: Any = 1.0, ndim: int | None = None, dtype: Any = None
) -> Result:
    """Numbers of the normal distribution of mean `avg` and standard deviation `std`.

    They can be differentiated by both. ValueError for a constant `std` below 0.
    """
    avg, std = _real("normal", avg=avg, std=std)
    _require("normal", "std must not be negative", lambda s: s >= 0, std)
    return _draw("normal", random_state, size, ndim, _float_dtype("normal", dtype, avg, std), avg, std)


def truncated_normal(
    random_state: Any, size: Any = None, avg: Any = 0.0, std: Any = 1.0, ndim: int | None = None, dtype: Any = None
) -> Result:
    """As :func:`normal`, without the numbers that are farther from `avg` than ``2 * std``."""
    avg, std = _real("truncated_normal", avg=avg, std=std)
    _require("truncated_normal", "std must not be negative", lambda s: s >= 0, std)
    dtype = _float_dtype("truncated_normal", dtype, avg, std)
    return _draw("truncated_normal", random_state, size, ndim, dtype, avg, std)


# ---- whole numbers


def binomial(
    random_state: Any,
    size: Any = None,
    n: Any = 1,
    p: Any = 0.5,
    ndim: int | None = None,
    dtype: Any = "int64",
    prob: Any = None,
) -> Result:
    """How many of `n` independent events happen that have probability `p` each.

    Native for a constant `n` up to 64; for others the quantile of a uniform number is searched in Python. `prob` is an
    old name of `p`.

    ValueError for constants ``n < 0`` and `p` outside of [0, 1]; in compiled functions a `p` beyond counts as 0 or 1.
    """
    n, p = *_whole("binomial", n=n), *_real("binomial", p=p if prob is None else prob)
    _require("binomial", "n must not be negative", lambda n: n >= 0, n)
    _require("binomial", "p must lie between 0 and 1", lambda p: (p >= 0) & (p <= 1), p)
    return _draw("binomial", random_state, size, ndim, _any_dtype("binomial", dtype), n, p)


def random_integers(
    random_state: Any, size: Any = None, low: Any = 0, high: Any = 1, ndim: int | None = None, dtype: Any = "int64"
) -> Result:
    """Integers from `low` to `high`, which is among them; they may be up to ``2**64 - 2`` apart.

    ValueError for constants with ``low > high``; in compiled functions such a pair gives `low`.
    """
    low, high = _whole("random_integers", low=low, high=high)
    _require("random_integers", "low must be at most high", lambda a, b: a <= b, low, high)
    return _draw("random_integers", random_state, size, ndim, _any_dtype("random_integers", dtype), low, high)


def poisson(
    random_state: Any, size: Any = None, lam: Any = 1.0, ndim: int | None = None, dtype: Any = "int64"
) -> Result:
    """How many events happen where `lam` are expected; found in Python, as the quantile of a uniform number.

    ValueError where `lam` is negative.
    """
    (lam,) = _real("poisson", lam=1.0 if lam is None else lam)
    _require("poisson", "lam must not be negative", lambda x: x >= 0, lam)
    return _draw("poisson", random_state, size, ndim, _any_dtype("poisson", dtype), lam)


# ---- choices


def permutation(
    random_state: Any, size: Any = None, n: Any = 1, ndim: int | None = None, dtype: Any = "int64"
) -> Result:
    """Permutations of 0 to ``n - 1``: `size` of them, along a last dimension that `size` does not have.

    Without `size` there is one, a vector. They are sorted in Python.
    """
    if size is None and not ndim:
        size, ndim = (), 0
    (n,) = _whole("permutation", n=n)
    if n.type.ndim:
        raise TypeError(f"permutation: n is a scalar, got {n} of type {n.type}")
    _require("permutation", "n must not be negative", lambda n: n >= 0, n)
    return _draw("permutation", random_state, size, ndim, _any_dtype("permutation", dtype), n)


def choice(
    random_state: Any,
    size: Any = None,
    a: Any = 2,
    replace: bool = True,
    p: Any = None,
    ndim: int | None = None,
    dtype: Any = "int64",
) -> Result:
    """Elements of the vector `a`, or integers below the scalar `a`; with the weights `p` where they are given.

    Without `replace` all of them are different. What needs `p` or sorting runs in Python.

    Raises
    ------
    ValueError
        `a` has more than one dimension, `p` is no vector; when it runs: without `replace`, more elements are asked for
        than there are.
    """
    a = as_tensor_variable(a)
    if a.type.ndim > 1:
        raise ValueError(f"choice: a is a scalar or a vector, got {a} of type {a.type}")
    if isinstance(replace, Variable):
        known = static_integer(replace) if replace.type.dtype != "bool" else getattr(replace, "data", None)  # type: ignore[attr-defined]
        if known is None:
            raise TypeError(f"choice: replace must be known when the expression is built, got {replace}")
        replace = bool(known)
    count = shape_i(a, 0) if a.type.ndim else _whole("choice", a=a)[0]
    _require("choice", "there must be something to choose from", lambda n: n > 0, count)
    dtype = _any_dtype("choice", dtype)
    if size is None:
        size, ndim = (), 0
    kind = "choice" if replace else "choice_without_replacement"
    drawn = "int64" if a.type.ndim else dtype
    if p is None:
        state, places = _draw(kind, random_state, size, ndim, drawn, count, what="choice")
    else:
        (p,) = _real("choice", p=p)
        if p.type.ndim != 1:
            raise ValueError(f"choice: p is a vector of probabilities, got {p} of type {p.type}")
        _require("choice", "p must not be negative, and have a positive sum", lambda p: (p >= 0) & (p.sum() > 0), p)
        fits = Assert("choice: a and p have different lengths", ValueError)
        p = fits(p, rows.eq(shape_i(p, 0), count))
        state, places = _draw(f"weighted_{kind}", random_state, size, ndim, drawn, p, what="choice")
    if a.type.ndim:
        if dtype == "int64":
            dtype = upcast(dtype, a.type.dtype)  # elements that are no integers stay what they are
        flat = AdvancedSubtensor1()(a, places.flatten())
        places = flat.reshape(places.shape, ndim=places.type.ndim)
        places = cast(places, dtype)
    return state, places


def multinomial(
    random_state: Any,
    size: Any = None,
    n: Any = 1,
    pvals: Any = (0.5, 0.5),
    ndim: int | None = None,
    dtype: Any = "int64",
) -> Result:
    """How often each category comes among `n` draws with the probabilities `pvals`.

    Categories are the last dimension of `pvals` and of the result; `size` and `n` do not have it. `pvals` of more
    dimensions, and an `n` of any, broadcast to `size`. A result takes as much work as `n` times the categories.

    Raises
    ------
    ValueError
        constants ``n < 0``; constant `pvals` outside of [0, 1], or of which all but the last have a sum above 1.
    """
    n, pvals = *_whole("multinomial", n=n), *_real("multinomial", pvals=pvals)
    if not pvals.type.ndim:
        raise ValueError(f"multinomial: pvals has a dimension of categories, got {pvals} of type {pvals.type}")
    _require("multinomial", "n must not be negative", lambda n: n >= 0, n)
    _require("multinomial", "pvals must lie between 0 and 1", lambda p: (p >= 0) & (p <= 1), pvals)
    within = lambda p: p[..., :-1].astype("float64").sum(axis=-1) <= 1 + 1e-6  # noqa: E731
    _require("multinomial", "the sum of pvals without the last must not exceed 1", within, pvals)
    return _draw("multinomial", random_state, size, ndim, _any_dtype("multinomial", dtype), n, pvals)


def choice_from_rows(random_state: Any, n: Any, p: Any, replace: bool = True, dtype: Any = "int64") -> Result:
    """For each line of weights, the last dimension of `p`, `n` indices along it; different ones without `replace`."""
    n, p = *_whole("choice", n=n), *_real("choice", p=p)
    if not p.type.ndim:
        raise ValueError(f"choice: p has a dimension of weights, got {p} of type {p.type}")
    kind = "choice_from_rows" if replace else "different_from_rows"
    return _draw(kind, random_state, None, None, _any_dtype("choice", dtype), n, p, what="choice")


def shuffle_row_elements(random_state: Any, input: Any) -> Result:
    """`input` with the elements of each line along the last dimension in an order of their own."""
    input = as_tensor_variable(input)
    last = input.type.ndim - 1
    size = [shape_i(input, i) for i in range(last)]
    state, order = permutation(random_state, size, shape_i(input, last), ndim=last)
    return state, input[places_along(order, last)]


__all__ = [
    "RandomFunction",
    "binomial",
    "choice",
    "multinomial",
    "normal",
    "permutation",
    "poisson",
    "random_integers",
    "random_state_type",
    "shuffle_row_elements",
    "truncated_normal",
    "uniform",
]
