"""Fused elementwise loops against the reference: dtypes, ranks, broadcasting, layouts, lengths, several outputs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano.tensor as T
from tests.backend.comparison import LENGTHS, REAL, Pair, compare, like, values


@pytest.mark.parametrize("dtype", REAL)
def test_a_chain_in_every_dtype_layout_and_length(dtype):
    def build(x, y, s):
        z = T.maximum(x, y) if dtype == "bool" else x * y + s
        return [
            z,
            T.eq(x, y),
            T.switch(T.gt(x, y), x, z),
            -z if dtype not in ("bool",) else ~z,
            T.cast(z, "float64") + 1,
        ]

    pair = None
    for n in LENGTHS:
        arrays = values(dtype, (n,), 1), values(dtype, (n,), 2), values(dtype, (1,), 3)
        if pair is None:
            variables = like(np.ones(2, dtype), np.ones(2, dtype), arrays[2])
            pair = Pair(variables, build(*variables))
        pair.check_layouts(*arrays)
        if n:
            pair.check(np.broadcast_to(arrays[0][:1], n), arrays[1], arrays[2])


@pytest.mark.parametrize("source", REAL)
def test_casts_between_all_dtypes(source):
    def build(x):
        return [T.cast(x, target) for target in REAL]

    pair = compare(build, values(source, (70,)))
    pair.check_layouts(values(source, (3,), 4))
    pair.check(values(source, (8, 9)).reshape(-1)[::5])


@pytest.mark.parametrize("rank", range(6))
def test_broadcasting_in_every_position(rank):
    shape = (3, 1, 2, 5, 4)[:rank]
    patterns = list(itertools.product((False, True), repeat=rank))
    arrays = [
        values("float64", [1 if f else n for f, n in zip(p, shape, strict=True)], i) for i, p in enumerate(patterns)
    ]

    def build(*xs):
        return [xs[0] * x + xs[-1] for x in xs] + [sum(xs)]

    compare(build, *arrays, every_layout=True, tolerance=1e-11)


@pytest.mark.parametrize("rank", range(1, 6))
def test_layouts_of_each_rank(rank):
    shape = (2, 3, 4, 2, 9)[-rank:]
    x, y = values("float32", shape, 1), values("int16", shape, 2)
    pair = compare(lambda x, y: [x * y + 1, T.cast(y, "int64") ** 2, T.exp(x)], x, y, every_layout=True)
    for order in itertools.permutations(range(rank)):
        inverse = np.argsort(order)
        pair.check(np.ascontiguousarray(x.transpose(order)).transpose(inverse), y)
    for axis in range(rank):
        still = np.broadcast_to(x.take([0], axis), shape)
        pair.check(still, y)
        pair.check(
            still,
            np.ascontiguousarray(np.flip(y, axis))[
                tuple(slice(None, None, -1) if a == axis else slice(None) for a in range(rank))
            ],
        )


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_shapes_without_elements_and_of_odd_lengths(data):
    rank = data.draw(st.integers(1, 4))
    shape = data.draw(st.tuples(*[st.sampled_from((0, 1, 2, 3, 17))] * rank))
    flags = data.draw(st.booleans())
    compare(lambda x, y: [x + y * 2, T.tanh(x)], values("float64", shape, 1), values("float64", shape, 2), flags=flags)


def test_rank_0():
    x, y = np.array(2.5), np.array(3, "int8")
    compare(
        lambda x, y: [x + y, x * x - y, T.exp(x), T.lt(x, y), T.switch(T.lt(x, y), x, y), -y], x, y, every_layout=True
    )


def test_several_uses_of_values_in_one_loop():
    def build(x, y):
        a = x + y
        b = T.exp(a) * a
        c = b / (1 + T.abs(a))
        return [a, b, c, a - c, b, x, y, x.T, a.T, (a + 1).T + b.T]

    compare(build, values("float64", (6, 70), 1), values("float64", (6, 70), 2), every_layout=True)


def test_outputs_that_are_inputs_views_constants_or_one_another():
    def build(x):
        constant = T.constant(np.arange(6.0).reshape(2, 3))
        z = x * 2
        return [
            x,
            x,
            x.T,
            x[::-1],
            z,
            z,
            z.T,
            z[0],
            constant,
            constant,
            constant.T,
            T.constant(3),
            T.constant([4]),
            x + 0 * z,
        ]

    pair = compare(build, values("float64", (4, 5)), every_layout=True)
    (x,) = [values("float64", (4, 5), 9)]
    first = pair.check(x)
    kept = [a.copy() for a in first]
    for a in first:
        a[...] = -1  # results belong to the caller, constants among them
    second = pair.check(x)
    for a, b in zip(second, kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_long_chains_with_temporaries():
    """Transposing makes each link a loop of its own, so memory is handed on from one to the next."""

    def build(x, y):
        outputs = []
        for i in range(12):
            x, y = T.tanh(x.T + y), y.T * 0.5 + x
            if i % 4 == 1:
                outputs += [x, y, x + y]
        return [*outputs, x.sum(axis=0), y, x]

    compare(build, values("float64", (9, 9), 1), values("float64", (9, 9), 2), every_layout=True, tolerance=1e-11)


def test_hundreds_of_operations():
    """More than one loop or one function of machine code takes."""

    def build(x):
        outputs = []
        z = x
        for i in range(400):
            z = T.maximum(z, -x) if i % 3 else z * 0.5 + x * (i % 7)
            z = T.sin(z) if i % 20 == 0 else z
            if i % 25 == 0:
                z = z - z.mean(axis=i % 2, keepdims=True)
                outputs.append(z)
        return [*outputs, z]

    compare(build, values("float64", (5, 37)), tolerance=1e-9)


def test_many_inputs_and_outputs():
    arrays = [values("float32", (3, 10), i) for i in range(60)]
    compare(lambda *xs: [x + y for x, y in itertools.pairwise(xs)] + [sum(xs)], *arrays, every_layout=True)


@pytest.mark.parametrize("dtype", REAL)
def test_constants_of_every_kind(dtype):
    kind = np.dtype(dtype)
    if kind.kind == "f":
        info = np.finfo(kind)
        special = [
            0.0,
            -0.0,
            np.nan,
            np.inf,
            -np.inf,
            info.max,
            info.min,
            info.tiny,
            info.smallest_subnormal,
            0.1,
            1 / 3,
        ]
    elif kind.kind == "b":
        special = [True, False]
    else:
        special = [0, 1, np.iinfo(kind).max, np.iinfo(kind).min]
    special = np.array(special, kind)

    def build(x):
        constants = [T.constant(v) for v in special]
        return [
            *constants,
            *(T.maximum(x, c) for c in constants),
            T.constant(special),
            T.constant(special)[1:],
            T.eq(T.constant(special)[0], x),
            *(T.alloc(c, 3) for c in constants),
            *(T.switch(T.eq(x, x), c, x) for c in constants),
            T.constant(special[::-1]) + T.constant(special),
        ]

    pair = compare(build, values(dtype, (9,)))
    found = pair.native.run([values(dtype, (9,))])
    for a, b in zip(found, special, strict=False):
        assert np.signbit(a) == np.signbit(b) if kind.kind == "f" else a == b


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_quotients_of_long_integers(dtype):
    """They are made by divisions of floats, which have fewer bits: ends of the range, and numbers near multiples."""
    info, rng = np.iinfo(dtype), np.random.default_rng(0)
    whole = rng.integers(0, 2**64, (2, 3000), dtype="uint64") >> rng.integers(0, 64, (2, 3000), dtype="uint64")
    q, y = whole.view(dtype)
    ends = [0, 1, 2, 3, info.min, info.min + 1, info.max, info.max - 1, info.max // 2, 2**53 + 1, 2**62, 2**62 + 1]
    ends = np.array([*ends, *(-1, -2, -3, -(2**53))] if dtype == "int64" else [*ends, 2**63, 2**63 + 1], dtype)
    near = [q * y + offset for offset in np.array([0, 1, 2], dtype)] + [q * y - q.dtype.type(1), q]
    x = np.concatenate([*near, np.repeat(ends, ends.size)])
    y = np.concatenate([*[y] * len(near), np.tile(ends, ends.size)])
    compare(lambda x, y: [x // y, x % y], x, y)
