"""Quantile: whole numbers of a distribution from uniform numbers, found by searching."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theano.graph.basic import Apply
from theano.graph.op import Op
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable

TABLE_LENGTH = 2**16  # with the same parameters for all, the search is in a table of up to this many numbers


def _least(u: Any, most: Any, mean: Any, deviation: Any, share: Callable[..., Any], *parameters: Any) -> Any:
    """The least k from 0 to `most` with ``share(k, *parameters) >= u``, for u up to 1 - 2**-53.

    Beyond ten standard deviations and 40 more nothing is left that such a `u` could reach.
    """
    low = np.maximum(np.floor(mean - 10 * deviation) - 40, -1)
    high = np.minimum(np.ceil(mean + 10 * deviation) + 40, most)
    if low.size == high.size == 1 and (high - low).item() < TABLE_LENGTH:
        numbers = np.arange(low.item() + 1, high.item())
        table = share(numbers, *(x.reshape(()) for x in parameters))
        return np.searchsorted(table, u) + (low.item() + 1)
    low, high, u, *parameters = np.broadcast_arrays(low, high, u, *parameters)  # type: ignore[assignment]
    while (searching := high - low > 1).any():
        middle = np.where(searching, np.floor((low + high) / 2), np.maximum(high - 1, 0))
        reached = share(middle, *parameters) >= u
        low, high = np.where(searching & ~reached, middle, low), np.where(searching & reached, middle, high)
    return high


def _binomial(u: Any, n: Any, p: Any) -> Any:
    from scipy.special import bdtr

    if not ((p >= 0) & (p <= 1)).all() or not (n >= 0).all():
        raise ValueError("binomial: n must not be negative, and p must lie between 0 and 1")
    return _least(u, n, n * p, np.sqrt(n * p * (1 - p)), bdtr, n.astype("int64"), p)


def _poisson(u: Any, mean: Any) -> Any:
    from scipy.special import pdtr

    if not ((mean >= 0) & (mean < 2.0**52)).all():
        raise ValueError("poisson: lam must lie between 0 and 2**52")
    return _least(u, np.inf, mean, np.sqrt(mean), pdtr, mean)


QUANTILES = {"binomial": _binomial, "poisson": _poisson}


class Quantile(Op):
    """The least whole number that a variable exceeds with a probability of at most ``1 - u``.

    Inputs are u, then the parameters of the distribution, all of one rank; those with dimensions of length 1 broadcast
    to the shape of u. ValueError at run time for parameters out of range.
    """

    __props__ = ("distribution",)

    def __init__(self, distribution: str) -> None:
        self.distribution = distribution

    def make_node(self, u: Any, *parameters: Any) -> Apply:
        inputs = [as_tensor_variable(v) for v in (u, *parameters)]
        return Apply(self, inputs, [TensorType("int64", inputs[0].type.broadcastable)()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        u, *parameters = (np.asarray(x, dtype="float64") for x in inputs)
        for x in parameters:
            if any(n not in (1, m) for n, m in zip(x.shape, u.shape, strict=True)):
                raise ValueError(
                    f"{self.distribution}: a parameter of shape {x.shape} does not fit the shape {u.shape}"
                )
        with np.errstate(all="ignore"):
            found = QUANTILES[self.distribution](u, *parameters)
        output_storage[0][0] = np.asarray(found, dtype="int64").reshape(u.shape)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[0]]
