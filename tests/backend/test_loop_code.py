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
    "a chain": lambda x, y: abs(T.maximum(abs(T.maximum(x * y, y) - x) * (x + 1), y) - x) * y + x,
    "many operations side by side": lambda x, y: (x + 1) * y - (y + 2) * x + (x - 3) * (y - 4) - (x * 5) * (y + 6),
    "a function": lambda x, y: T.exp(-abs(x)) * y,
    "functions that wait for each other": lambda x, y: T.erf(T.log(abs(x) + 1) * T.tanh(y)),
    "a branch in the code": lambda x, y: T.sin(x) + y,
    "a sum": lambda x, y: T.exp(-abs(x)).sum() + y,
    "a sum of rows": lambda x, y: (T.tanh(x) * y).sum(axis=-1),
    "a sum of columns": lambda x, y: (T.tanh(x) * y).sum(axis=0),
    "indices": lambda x, y: T.exp(-abs(x)) + T.arange(x.shape[-1]) * y,
}
PAIRS: dict[tuple[object, ...], Pair] = {}


def pair(name: str, dtype: str, rank: int) -> Pair:
    key = name, dtype, rank
    if key not in PAIRS:
        variables = like(*[np.zeros((2,) * rank, dtype)] * 2)
        PAIRS[key] = Pair(variables, [BODIES[name](*variables)])
    return PAIRS[key]


# Bodies with transposed operands, which are read tile by tile.
TRANSPOSED = {
    "alone": lambda x, y: [x.T * 2],
    "beside another": lambda x, y: [T.tanh(y + x.T)],
    "several": lambda x, y: [x.T + T.exp(-abs(x.T)) * y, x.T - y],
    "with indices": lambda x, y: [x.T * T.arange(y.shape[0])[:, None] + y],
    "with a row and a column": lambda x, y: [x.T * y[0] + y[:, 0][:, None] * x[0, 0]],
    "in strips": lambda x, y: [T.exp(x.T) / (T.exp(x.T) + 1).sum(axis=1, keepdims=True)],
    "written into a part": lambda x, y: [T.set_subtensor(y[1:], x.T[1:])],
    "of what is computed": lambda x, y: [T.dot(x, y).T - T.dot(x, y)],
}


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


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(TRANSPOSED)),
    dtype=st.sampled_from(["float64", "float32", "int16", "int8", "bool"]),
    shape=st.tuples(*[st.sampled_from([0, 1, 2, 7, 8, 9, 33, 64, 120, 131])] * 2),
    layout=st.sampled_from(["C", "F", "sliced", "backwards", "rows", "unaligned"]),
)
def test_transposed_operands(name, dtype, shape, layout):
    if dtype == "bool" and name != "alone":
        return  # NumPy has no differences of truth values
    if (name, dtype) not in PAIRS:
        x, y = T.TensorType(dtype, (False, False))("x"), T.TensorType(dtype, (False, False))("y")
        PAIRS[name, dtype] = Pair([x, y], TRANSPOSED[name](x, y))
    if 0 in shape and name in ("with a row and a column", "in strips"):
        return  # there is no row
    x = dict(layouts(values(dtype, shape, 1)))[layout]
    PAIRS[name, dtype].check(x, values(dtype, shape[::-1], 2), tolerance={"int8": 1e-3, "int16": 1e-4}.get(dtype))


@settings(max_examples=40, deadline=None)
@given(
    order=st.permutations(range(3)),
    shape=st.tuples(*[st.sampled_from([1, 2, 9, 17, 70])] * 3),
    dtype=st.sampled_from(["float64", "float32"]),
)
def test_dimensions_in_any_order(order, shape, dtype):
    key = (str(order), dtype)
    if key not in PAIRS:
        x = T.TensorType(dtype, (False,) * 3)("x")
        PAIRS[key] = Pair([x], [x.dimshuffle(*order) * 2, T.exp(x.dimshuffle(*order)[1:])])
    for array in dict(layouts(values(dtype, shape))).values():
        PAIRS[key].check(array)


def test_which_loops_go_by_tiles():
    """Those that read a transposed operand; others have no code for tiles."""
    x, y = T.dmatrices("xy")
    for outputs, tiled in (
        ([x + y], False),
        ([x + y.T], True),
        ([T.exp(y.T)], True),
        ([y.T.T + x], False),
        ([x * y[0]], False),
        ([(x * 2).T + y], True),
        ([y.T.sum()], False),
    ):
        assert ("rt_stage_tile" in Pair([x, y], outputs).native.text) == tiled, outputs


@pytest.mark.parametrize(
    "name, vectors",
    [
        ("one operation", 1),
        ("a chain", 2),
        ("many operations side by side", 1),
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
