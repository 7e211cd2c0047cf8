"""Reductions against the reference: axes, dtypes, layouts, lengths, empty arrays, fusion with what surrounds them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano
import theano.tensor as T
from tests.backend.comparison import LENGTHS, REAL, Pair, compare, like, values


def subsets(rank):
    return [s for k in range(1, rank + 1) for s in itertools.combinations(range(rank), k)]


@pytest.mark.parametrize("rank", range(1, 5))
def test_all_subsets_of_axes(rank):
    shape = (3, 4, 2, 37)[-rank:]
    x = values("float64", shape)

    def build(x):
        return [f(x, axis=axes) for axes in subsets(rank) for f in (T.sum, T.max, T.argmax)] + [T.prod(x), T.min(x)]

    pair = compare(build, x, every_layout=True)
    for order in itertools.permutations(range(rank)):
        pair.check(np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order)))
    for axis in range(rank):
        pair.check(np.broadcast_to(x.take([0], axis), shape))


@pytest.mark.parametrize("dtype", REAL)
def test_all_reductions_of_a_dtype(dtype):
    x = values(dtype, (4, 70))

    def build(x):
        outputs = []
        for axis in (None, 0, 1):
            outputs += [
                T.max(x, axis),
                T.min(x, axis),
                T.argmax(x, axis),
                T.argmin(x, axis),
                T.sum(x, axis),
                T.any(x, axis),
            ]
            outputs += [T.all(T.neq(x, 0), axis), T.any(T.gt(x, 3), axis), T.prod(x, axis), T.mean(x, axis)]
        return outputs

    if dtype in ("bool", "float16"):
        x = x * x.dtype.type(1)
    compare(build, x, every_layout=True, tolerance=2e-2 if dtype == "float16" else None)


@pytest.mark.parametrize("dtype", ("float64", "float32", "int64", "uint8", "bool"))
def test_lengths(dtype):
    def build(x):
        return [f(x, axis) for axis in (0, 1, (0, 1)) for f in (T.sum, T.any)] + [
            T.sum(T.cast(x, "float64") * 2, axis=1)
        ]

    variables = like(values(dtype, (2, 2)))
    pair = Pair(variables, build(*variables))
    extremes = Pair(variables, [f(variables[0], axis) for axis in (0, 1, None) for f in (T.max, T.argmin)])
    for n in LENGTHS:
        for shape in ((3, n), (n, 3), (1, n), (n, 1)):
            x = values(dtype, shape, n)
            pair.check(x, tolerance=1e-4 if dtype == "float32" else None)
            pair.check(np.ascontiguousarray(x.T).T, tolerance=1e-4 if dtype == "float32" else None)
            if n:
                extremes.check_layouts(x)


def test_accumulators():
    x = values("float32", (5, 100))
    i = values("int8", (5, 100))
    h = values("float16", (5, 100))

    def build(x, i, h):
        outputs = []
        for axis in (None, 0, 1):
            outputs += [
                T.sum(x, axis, dtype="float64"),
                T.sum(x, axis, acc_dtype="float64"),
                T.sum(i, axis, dtype="int8"),
            ]
            outputs += [
                T.sum(i, axis, dtype="float32"),
                T.sum(i, axis),
                T.sum(h, axis),
                T.sum(h, axis, dtype="float32"),
            ]
            outputs += [
                T.prod(i, axis, dtype="int16"),
                T.mean(i, axis),
                T.mean(h, axis),
                T.prod(x, axis, acc_dtype="float64"),
            ]
        return outputs

    compare(build, x, i, h, every_layout=True, tolerance=2e-3)


def test_not_a_number_and_infinities():
    x = values("float64", (6, 40))
    x[1, 3] = np.nan
    x[2, 39] = np.nan
    x[3, 5], x[4, 17], x[5] = np.inf, -np.inf, -np.inf
    f = x.astype("float32")

    def build(*xs):
        return [
            f(x, a) for x in xs for a in (None, 0, 1) for f in (T.max, T.min, T.argmax, T.argmin, T.sum, T.all, T.any)
        ]

    compare(build, x, f, every_layout=True, tolerance=1e-5)
    compare(build, x[4:], f[4:], tolerance=1e-5)


@pytest.mark.parametrize("dtype", ("float64", "float32", "float16"))
@pytest.mark.parametrize("shape", ((1, 5003), (5003, 1), (35, 143), (143, 35), (3, 17, 70)))
def test_a_single_nan_is_never_lost(dtype, shape):
    """Wherever it stands: in full vectors, in the last one, in the first or the last row of a pass."""
    x = T.TensorType(dtype, (False,) * len(shape))("x")
    axes = [None, *range(len(shape))]
    f = theano.function([x], [g(x, axis=a) for a in axes for g in (T.max, T.min)])
    array = values(dtype, shape)
    flat = array.reshape(-1)
    for place in {0, 1, 15, 16, 63, 64, flat.size // 2, flat.size - 18, flat.size - 1}:
        before, flat[place] = flat[place], np.nan
        for layout in (array, np.asfortranarray(array)):
            found = iter(f(layout))
            for axis in axes:
                np.testing.assert_array_equal(next(found), array.max(axis=axis))
                np.testing.assert_array_equal(next(found), array.min(axis=axis))
        flat[place] = before


def test_ties_take_the_first():
    x = np.array([[3.0, 1, 3, 3], [0, 0, 0, 0], [-1, 5, 5, 2]])

    def build(*xs):
        return [f(x, a) for x in xs for a in (None, 0, 1) for f in (T.argmax, T.argmin)]

    compare(build, x, x.astype("int16"), x > 1, every_layout=True)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_places_of_extrema(data):
    rank = data.draw(st.integers(1, 3))
    shape = data.draw(st.tuples(*[st.sampled_from((1, 2, 3, 4, 5, 9, 33, 70))] * rank))
    dtype = data.draw(st.sampled_from(REAL))
    axes = data.draw(st.lists(st.sampled_from(subsets(rank)), min_size=1, max_size=2))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = values(dtype, shape, random.integers(99))
    if "float" in dtype:
        special = data.draw(st.lists(st.sampled_from((np.nan, np.inf, -np.inf, 0.0, -0.0)), max_size=3))
        x = np.round(x)  # so that some are equal
        for value in special:
            x[random.random(shape) < data.draw(st.sampled_from((0.02, 0.3, 1)))] = value
    elif dtype != "bool" and data.draw(st.booleans()):
        x[random.random(shape) < 0.9] = np.iinfo(dtype).min
    for axis in data.draw(st.sets(st.integers(0, rank - 1))):
        x = np.flip(x, axis)
    if data.draw(st.booleans()):
        axis = data.draw(st.integers(0, rank - 1))
        x = np.broadcast_to(x.take([0], axis), shape)
    order = data.draw(st.permutations(range(rank)))
    if data.draw(st.booleans()):
        x = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))

    def build(x):
        outputs = [f for a in axes for f in (*T.max_and_argmax(x, a), T.argmin(x, a))]
        return [*outputs, T.argmax(T.switch(T.gt(x, 0), x, 0), axes[0])] if data.draw(st.booleans()) else outputs

    compare(build, x, flags=data.draw(st.booleans()))


def test_extrema_of_many_elements():
    x = values("float32", (3, 5000))
    x[1, 4321] = np.nan
    x[2, [77, 2222, 4999]] = 9
    for array in (x, np.ascontiguousarray(x.T), x[:, ::-1], x[:, ::3]):
        compare(lambda x: [f(x, a) for a in (0, 1, None) for f in (T.argmax, T.argmin, T.max)], array)


@pytest.mark.parametrize("dtype", ("float32", "float64"))
def test_errors_of_sums_do_not_grow(dtype):
    x = np.random.default_rng(0).random(10**6).astype(dtype) + np.asarray(0.1, dtype)
    v = T.TensorType(dtype, (False,) * 3)()
    sums = [T.sum(v, axis, acc_dtype=dtype) for axis in ((0, 1, 2), (0,), (1,), (2,), (0, 2))]
    f = theano.function([v], sums)
    for shape in ((1, 1, -1), (1, -1, 1), (-1, 1, 1), (10, -1, 1), (-1, 10, 4), (1, 3, -1)):
        array = np.resize(x, 10**6 // 12 * 12).reshape(shape) if 3 in shape else x.reshape(shape)
        for found, axis in zip(f(array), ((0, 1, 2), (0,), (1,), (2,), (0, 2)), strict=True):
            kept = [a for a in range(3) if a not in axis]
            flat = array.transpose(*kept, *axis).reshape(-1, int(np.prod([array.shape[a] for a in axis])))[:50]
            expected = np.array([math.fsum(row) for row in flat])
            error = np.abs(found.ravel()[:50] - expected) / expected
            assert error.max() <= 4 * np.finfo(dtype).eps


def test_sums_of_infinities_and_of_large_numbers():
    x = values("float64", (7, 500))
    x[0, 3], x[1, 3], x[1, 400], x[2, 77], x[3, :] = np.inf, np.inf, -np.inf, np.nan, 1e308
    x[4, :] = np.where(np.arange(500) % 2, 1e300, -1e300)
    x[5, 10:20] = -np.inf
    for array in (x, x.T):
        compare(lambda x: [T.sum(x, 0), T.sum(x, 1), T.sum(x)], array, every_layout=True)


def test_layouts_decide_when_the_loop_runs():
    """Which elements adjoin: of an argument only its strides tell, of a product its own loop."""
    x, y = T.dmatrices("x", "y")
    assert "turned" in theano.function([x], (x * 2).sum(axis=0)).stages()["llvm"]
    assert "turned" in theano.function([x], x.argmax(axis=1)).stages()["llvm"]
    assert "turned" not in theano.function([x], x.sum()).stages()["llvm"]
    assert "turned" not in theano.function([x, y], T.dot(x, y).sum(axis=0)).stages()["llvm"]


@pytest.mark.parametrize("dtype", ("float64", "int16"))
def test_transposed_and_other_operands_together(dtype):
    """Rank 3, a fused operand in a layout of its own, one that is broadcast, dimensions of length 1."""
    x, y = (T.TensorType(dtype, (False,) * 3)(name) for name in "xy")
    row = T.TensorType(dtype, (True, False, True))("row")
    pair = Pair([x, y, row], [f(x * row + y, a) for a in (0, 1, 2, (0, 1), (0, 2)) for f in (T.sum, T.max, T.argmax)])
    for shape in ((19, 33, 70), (70, 1, 19), (1, 33, 18), (17, 2, 1)):
        a, b = values(dtype, shape, 1), values(dtype, shape, 2)
        r = values(dtype, (1, shape[1], 1), 3)
        for order in itertools.permutations(range(3)):
            moved = np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order))
            pair.check(moved, b, r)
            pair.check(moved, np.ascontiguousarray(b.transpose(order)).transpose(np.argsort(order)), r)
            pair.check(moved[::-1, :, ::-1], moved, r)


def test_products_without_zeros():
    x = values("int64", (5, 6))
    compare(lambda x, y: [T.ProdWithoutZeros(a)(v) for a in (None, (0,), (1,)) for v in (x, y)], x, x.astype("float64"))


def test_empty_arrays():
    for shape in ((0,), (0, 3), (3, 0), (0, 0), (2, 0, 3)):
        axes = [None, *range(len(shape))]
        compare(lambda x, a=axes: [f(x, k) for k in a for f in (T.sum, T.prod, T.any, T.all)], np.zeros(shape))
    pair = Pair(*(lambda x: ([x], [T.max(x, 0), T.argmax(x, 0)]))(T.dmatrix()))
    pair.check(np.zeros((3, 0)))
    for op in (T.max, T.min, T.argmax):
        for shape in ((0, 3), (0, 0)):
            x = T.dmatrix("x")
            error = Pair([x], [op(x, 0)]).check_failure(ValueError, np.zeros(shape))
            assert str(shape) in str(error)


def test_reductions_of_one_input_along_different_axes():
    def build(x, y):
        z = T.exp(x) * y
        return [
            z.sum(0),
            z.sum(1),
            z.max(0),
            z.max(1),
            z.sum(),
            z,
            x.sum(0),
            x.sum(1),
            (x + z).mean(1),
            x.argmax(0),
            z.T.sum(0),
        ]

    compare(build, values("float64", (7, 90), 1), values("float64", (7, 1), 2), every_layout=True)


def test_reduction_broadcast_reduction():
    def build(x):
        outputs = [T.nnet.softmax(x), T.nnet.logsoftmax(x), x.var(0), x.std(1), x.var()]
        centred = x - x.mean(0)
        scaled = centred / T.sqrt((centred**2).mean(0) + 0.1)
        outputs += [
            scaled,
            T.dot(scaled.T, scaled).sum(1),
            T.log(T.exp(x).sum(1)),
            (x / x.sum(1, keepdims=True)).max(0),
        ]
        outputs += [(x - x.max(1, keepdims=True)).sum(0), x.sum(0) + x.sum(1).sum(), x.sum(0).sum() * x]
        return outputs

    pair = compare(build, values("float64", (5, 66)), every_layout=True, tolerance=1e-10)
    pair.check(values("float64", (1, 66)), tolerance=1e-10)
    pair.check(values("float64", (66, 1)), tolerance=1e-10)


def test_reduction_of_broadcast_operands():
    def build(row, column, x, scalar):
        outer = row * column
        return [
            outer.sum(0),
            outer.sum(1),
            outer.sum(),
            outer.max(0),
            (outer + x).sum(1),
            (x * scalar).sum(),
            scalar.sum(),
            row.sum(0),
            row.sum(1),
            row.max(0),
            column.sum((0, 1)),
            T.sum(T.zeros_like(x) + scalar, 0),
        ]

    arrays = (
        values("float64", (1, 65), 1),
        values("float64", (9, 1), 2),
        values("float64", (9, 65), 3),
        np.full((1, 1), 2.0),
    )
    compare(build, *arrays, every_layout=True)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_random_reductions(data):
    rank = data.draw(st.integers(1, 4))
    shape = data.draw(st.tuples(*[st.sampled_from((1, 2, 3, 5, 16, 33))] * rank))
    axes = data.draw(st.lists(st.sampled_from(subsets(rank)), min_size=1, max_size=4))
    order = data.draw(st.permutations(range(rank)))
    dtype = data.draw(st.sampled_from(("float64", "int32", "float32")))
    operations = data.draw(
        st.lists(st.sampled_from((T.sum, T.max, T.min, T.argmax)), min_size=len(axes), max_size=len(axes))
    )

    def build(x):
        z = x * 2 + 1
        return [f(z, a) for f, a in zip(operations, axes, strict=True)] + [
            z - f(z, a, keepdims=True) for f, a in zip(operations, axes, strict=True)
        ]

    x = values(dtype, shape)
    flags = data.draw(st.booleans())
    moved = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    compare(build, moved, flags=flags, tolerance=1e-4 if dtype == "float32" else None)
