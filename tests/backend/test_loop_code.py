"""The code of loops on lengths and layouts that meet each of its ways: several vectors at once, one under a mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano.tensor as T
from tests.backend.comparison import Pair, layouts, like, values

# Bodies that are computed for one, two or four vectors at once.
BODIES = {
    "one operation": lambda x, y: x + y,
    "a chain": lambda x, y: abs(T.maximum(x * y, y) - x) * (x + 1) + abs(x - 2) * y,
    "a function": lambda x, y: T.exp(-abs(x)) * y,
    "functions that wait for each other": lambda x, y: T.erf(T.log(abs(x) + 1) * T.tanh(y)),
    "a branch in the code": lambda x, y: T.sin(x) + y,
    "a sum": lambda x, y: T.exp(-abs(x)).sum() + y,
    "a sum of rows": lambda x, y: (T.tanh(x) * y).sum(axis=-1),
    "a sum of columns": lambda x, y: (T.tanh(x) * y).sum(axis=0),
    "indices": lambda x, y: T.exp(-abs(x)) + T.arange(x.shape[-1]) * y,
}
PAIRS: dict[tuple[str, str, int], Pair] = {}


def pair(name: str, dtype: str, rank: int) -> Pair:
    key = name, dtype, rank
    if key not in PAIRS:
        variables = like(*[np.zeros((2,) * rank, dtype)] * 2)
        PAIRS[key] = Pair(variables, [BODIES[name](*variables)])
    return PAIRS[key]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(BODIES)),
    dtype=st.sampled_from(["float64", "float32", "float16", "int32", "int8"]),
    shape=st.lists(st.integers(0, 20), min_size=1, max_size=2).flatmap(
        lambda outer: st.sampled_from([0, 1, 7, 15, 31, 32, 33, 63, 64, 65, 127, 129, 300]).map(
            lambda inner: (*outer[1:], inner)
        )
    ),
    seed=st.integers(0, 5),
)
def test_bodies(name, dtype, shape, seed):
    made = pair(name, dtype, len(shape))
    x, y = values(dtype, shape, seed), values(dtype, shape, seed + 1)
    for choice in zip(dict(layouts(x)).values(), dict(layouts(y)).values(), strict=True):
        made.check(*choice, tolerance={"float16": 2e-2, "int8": 1e-3, "float32": 2e-5}.get(dtype))


@pytest.mark.parametrize(
    "name, vectors",
    [
        ("one operation", 1),
        ("a chain", 2),
        ("a function", 4),
        ("functions that wait for each other", 2),
        ("a branch in the code", 1),
    ],
)
def test_vectors_at_once(name, vectors, monkeypatch):
    """As many as are worth their code: chains of operations wait for each other, single operations for memory."""
    from theano.backend.native import linker

    monkeypatch.setattr(linker, "vector_bits", lambda: 512)
    x, y = T.dvectors("xy")
    text = Pair([x, y], [BODIES[name](x, y)]).native.text
    assert f"<{8 * vectors} x double>" in text
    assert f"<{16 * vectors} x double>" not in text
