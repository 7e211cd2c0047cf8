"""Loops with more operands than there are registers for their addresses, against the reference."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.backend.comparison import Pair, layouts
from theano.backend.native import link, threads
from theano.backend.native.crowds import CROWD, is_crowded
from theano.backend.native.loops import Loop
from theano.graph import FunctionGraph

BODIES = {
    "a sum": lambda *x: [sum(x)],
    "many results": lambda *x: [a * 2 + b for a, b in pairwise(x)],
    "reductions": lambda *x: [T.exp(-abs(sum(x))).sum(), x[0].max() + x[-1].min()],
    "indices": lambda *x: [sum(x) + T.arange(x[0].shape[0])],
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8"])
@pytest.mark.parametrize("name", BODIES)
def test_bodies(name, dtype):
    """Lengths around that of a vector and of what is staged at a time, all layouts side by side."""
    variables = [T.TensorType(dtype, [False])() for _ in range(CROWD + 3)]
    pair = Pair(variables, BODIES[name](*variables))
    for n in (1, 7, 33, 600):
        rng = np.random.default_rng(n)
        data = [rng.integers(-9, 9, n).astype(dtype) for _ in variables]
        ways = [[array for _, array in layouts(x)] for x in data]
        pair.check(*[way[i % len(way)] for i, way in enumerate(ways)])
        pair.check(*data)
    if name != "reductions":
        pair.check(*[np.zeros(0, dtype) for _ in variables])


@pytest.mark.parametrize("n", [3, 200_000])
def test_updates(n):
    """Old values that are not contiguous, in one piece and in several."""
    rng = np.random.default_rng(1)
    x = T.dvector("x")
    values = [rng.normal(size=2 * n)[:: 1 + i % 2][:n] for i in range(CROWD)]
    shared = [theano.shared(v, borrow=True) for v in values]
    f = theano.function([x], x.sum(), updates=[(s, s * 0.5 + x) for s in shared])
    given = rng.normal(size=2 * n)[::2]
    with threads.using(2):
        f(given)
    for s, old in zip(shared, values, strict=True):
        np.testing.assert_array_equal(s.get_value(), old * 0.5 + given)


def test_who_is_crowded():
    x = [T.dvector() for _ in range(CROWD)]
    (loop,) = [s for s in link(FunctionGraph(x, [sum(x)])).plan.steps if isinstance(s, Loop)]
    assert is_crowded(loop)  # with the result
    (loop,) = [s for s in link(FunctionGraph(x[1:], [sum(x[1:])])).plan.steps if isinstance(s, Loop)]
    assert not is_crowded(loop)
