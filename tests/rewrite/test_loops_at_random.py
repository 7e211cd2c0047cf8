"""Loops made at random, and their gradients, have the values that they have before rewriting."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import theano.tensor as T
from tests.rewrite.helpers import compute, strictly
from theano.gradient import grad
from theano.graph import Constant
from theano.graph.traversal import graph_inputs
from theano.loops.op import Layout, Scan
from theano.rewrite import simplify

LENGTH = 3
ARRAYS = {
    "X": T.dmatrix("X"),
    "Y": T.dmatrix("Y"),
    "XX": T.dtensor3("XX"),
    "I": T.lvector("I"),
    "b": T.dvector("b"),
    "w": T.dmatrix("w"),
    "u": T.dmatrix("u"),
    "a": T.dscalar("a"),
}

# Operations of a step: from a pool of what there is, by its kind, to one thing more.
VECTORS = [
    lambda v, m, s, i: T.tanh(v()),
    lambda v, m, s, i: v() + v(),
    lambda v, m, s, i: v() * s(),
    lambda v, m, s, i: T.dot(v(), m()),
    lambda v, m, s, i: T.dot(m(), v()),
    lambda v, m, s, i: m().sum(axis=0),
    lambda v, m, s, i: m()[1],
    lambda v, m, s, i: m()[:, -1],
    lambda v, m, s, i: m()[i],
    lambda v, m, s, i: T.concatenate([v()[:1], v()[1:]]),
    lambda v, m, s, i: T.dot(T.concatenate([v(), v()]), T.concatenate([m(), m()])),
    lambda v, m, s, i: T.inc_subtensor(v()[:2], v()[1:]),
    lambda v, m, s, i: T.zeros_like(v()) + s(),
]
MATRICES = [
    lambda v, m, s, i: T.dot(m(), m()) * 0.3,
    lambda v, m, s, i: T.outer(v(), v()),
    lambda v, m, s, i: m().T,
    lambda v, m, s, i: m() + v(),
    lambda v, m, s, i: -m() * s(),
    lambda v, m, s, i: T.nnet.sigmoid(m()),
    lambda v, m, s, i: T.nnet.softmax(m()),
    lambda v, m, s, i: T.set_subtensor(m()[1], v()),
    lambda v, m, s, i: T.inc_subtensor(T.zeros_like(m())[i], v()),
]
SCALARS = [
    lambda v, m, s, i: T.dot(v(), v()),
    lambda v, m, s, i: T.exp(-T.sqr(s())),
    lambda v, m, s, i: v()[0],
]


def random_loop(rng: random.Random) -> list[Any]:
    """The outputs of a loop with up to three states, some of which are sums, and up to three outputs."""
    x, y, b = T.dvectors("x", "y", "b")
    xx, w, u = T.dmatrices("xx", "w", "u")
    i, a = T.lscalar("i"), T.dscalar("a")
    pools: tuple[list[Any], ...] = ([x, y, b], [xx, w, u], [a])
    states = []
    for _ in range(rng.randint(0, 3)):
        kind = rng.randint(0, 1)
        taps = rng.choice([(-1,), (-1,), (-2, -1)])
        before = [(T.dmatrix if kind else T.dvector)() for _ in taps]
        pools[kind].extend(before)
        states.append((kind, taps, before))
    v, m, s = (lambda pool=pool: rng.choice(pool) for pool in pools)
    for _ in range(rng.randint(3, 9)):
        kind = rng.randint(0, 2)
        pools[kind].append(rng.choice((VECTORS, MATRICES, SCALARS)[kind])(v, m, s, i))
    rows, initial = [], []
    for kind, taps, before in states:
        row = rng.choice(pools[kind])
        rows.append(rng.choice([before[-1] + row, before[-1] - row, T.tanh(row)]))
        start = (ARRAYS["u"] if kind else ARRAYS["b"]).dimshuffle("x", *range(kind + 1)) * rng.choice([0, 1])
        initial.append(T.concatenate([start] * len(taps)) if len(taps) > 1 else start)
    outputs = [rng.choice(rng.choice(pools)) for _ in range(rng.randint(0 if states else 1, 3))]
    op = Scan(
        [x, y, xx, i, *(tap for _, _, before in states for tap in before), b, w, u, a],
        [*rows, *outputs],
        Layout(4, tuple(taps for _, taps, _ in states), len(outputs)),
    )
    vectors = [ARRAYS["X"], ARRAYS["Y"], ARRAYS["X"][::-1], T.ones_like(ARRAYS["X"])]
    sequences = [rng.choice(vectors), rng.choice(vectors), rng.choice([ARRAYS["XX"], ARRAYS["XX"][::-1]]), ARRAYS["I"]]
    others = [ARRAYS[name] for name in ("b", "w", "u", "a")]
    made = op(ARRAYS["X"].shape[0], *sequences, *initial, *others)
    return made if isinstance(made, list) else [made]


def check(outputs: list[Any]) -> None:
    with strictly():
        after = simplify(outputs)
    free = {v for v in graph_inputs(outputs) if not isinstance(v, Constant)}
    for steps in (0, 1, 4):
        rng = np.random.default_rng(steps)
        values: dict[Any, Any] = {}
        for name, v in ARRAYS.items():
            shape = [LENGTH] * v.ndim
            if name.isupper():
                shape[0] = steps
            value = rng.integers(0, LENGTH, steps) if name == "I" else np.asarray(rng.normal(size=shape) * 0.5)
            if v in free:
                values[v] = value
        expected, found = compute(outputs, values), compute(after, values)
        for a, b in zip(expected, found, strict=True):
            assert np.shape(a) == np.shape(b)
            np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_values(seed: int) -> None:
    rng = random.Random(seed)
    results = random_loop(rng) + random_loop(rng)
    check([rng.choice([r, r[1:], r[-1:], r[::-1]]) for r in results])


@pytest.mark.parametrize("seed", range(20))
def test_gradients(seed: int) -> None:
    rng = random.Random(seed)
    results = [rng.choice([r, r[1:], r.sum(axis=0)]) for r in random_loop(rng)]
    cost = sum(T.sqr(T.tanh(r * 0.2)).sum() for r in results if r.dtype == "float64")
    wanted = [v for v in ARRAYS.values() if v.dtype == "float64"]
    check([cost, *grad(cost, wanted, disconnected_inputs="ignore")])
