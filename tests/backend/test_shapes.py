"""Shapes, views, creation and joining against the reference."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import theano.tensor as T
from tests.backend.comparison import REAL, Pair, compare, values
from theano.tensor.assertion import Assert
from theano.tensor.shape import SpecifyShape


def test_shapes_and_lengths():
    def build(x, y):
        z = T.exp(x) + y
        return [
            x.shape,
            z.shape,
            z.shape[0],
            x.shape[1] * 2 + y.shape[0],
            z.T.shape,
            x.sum(0).shape,
            T.shape_i(z, 1),
            x.shape[0] + z,
            T.prod(x.shape),
            x.size,
            x.reshape((-1,)).shape,
            x.shape * y.shape,
            x[1:].shape[0],
            T.as_tensor_variable(x.shape[0]),
            T.cast(x.shape[0], "float64") / x.shape[1],
        ]

    pair = compare(build, values("float64", (4, 5), 1), values("float64", (4, 5), 2), every_layout=True)
    pair.check(np.zeros((0, 5)), np.zeros((0, 5)))


@pytest.mark.parametrize("rank", (1, 2, 3, 4))
def test_dimshuffles(rank):
    shape = (2, 3, 4, 5)[:rank]

    def build(x):
        outputs = []
        for order in itertools.permutations(range(rank)):
            moved = x.dimshuffle(*order)
            wide = x.dimshuffle("x", *order[: rank // 2], "x", *order[rank // 2 :])
            outputs += [moved, moved * 2, wide, T.tanh(wide), T.tanh(x).dimshuffle(*order), moved.sum(0)]
        return outputs

    compare(build, values("float64", shape), every_layout=True)


def test_reshapes():
    def build(x, n):
        z = x * 2
        outputs = []
        for v in (x, z, x.T, z.T, x.dimshuffle(1, "x", 0)):
            outputs += [
                v.reshape((3, 8)),
                v.reshape((-1,)),
                v.flatten(),
                v.reshape((2, -1, 3)),
                v.reshape((n, -1)),
                v.ravel(),
            ]
            outputs += [v.reshape((n, 24 // n)), v.reshape((1, 24, 1)) + 1, v.reshape((2, 3, 4)).sum(1), v.flatten(2)]
            outputs += [v.reshape((-1, n, 2)).dimshuffle(2, 0, 1), v.reshape(T.stack([n, 24 // n]), ndim=2)]
        return [*outputs, z]

    pair = compare(build, values("float64", (4, 6)), np.array(3), every_layout=True)
    pair.check(values("float64", (4, 6)), np.array(12))
    empty = compare(
        lambda x: [x.reshape((0, 5)), x.reshape((-1,)), x.reshape((7, 0, 2)), x.T.flatten()], np.zeros((3, 0))
    )
    empty.check(np.zeros((0, 3)))
    compare(lambda x: [x.reshape(()), x.reshape((1,)), (x * 2).reshape(())], np.ones((1, 1)), flags=False)
    compare(lambda x: [x.reshape((1, 1)), x.flatten(), x.reshape((-1,))], np.array(2.0))
    compare(
        lambda c: [T.constant(2.0).reshape((1, 1)) + c, T.constant(np.arange(6)).reshape((2, 3)) + c], np.ones((2, 3))
    )


def test_reshapes_that_do_not_fit():
    x, n = T.dmatrix("x"), T.lscalar("n")
    pair = Pair([x, n], [(x + 1).reshape((n, -1)), x.reshape((n, n))])
    pair.check(np.zeros((4, 4)), np.array(4))
    for k in (3, 2, 0, -2):
        error = pair.check_failure(ValueError, np.zeros((4, 4)), np.array(k))
        assert "(4, 4)" in str(error)
    pair.check(np.zeros((4, 4)), np.array(4))
    Pair([x, n], [x.reshape((n, n * 1))]).check_failure(ValueError, np.zeros((1, 1)), np.array(-1))
    v = T.lvector("v")
    pair = Pair([x, v], [x.reshape(v, ndim=2) * 2])
    pair.check(np.zeros((2, 3)), np.array([3, 2]))
    for wrong in ([6], [], [1, 2, 3]):
        pair.check_failure(ValueError, np.zeros((2, 3)), np.array(wrong, "int64"))
    Pair([x], [x.reshape((0, -1))]).check_failure(ValueError, np.zeros((0, 3)))


def test_patterns_declared_and_checked():
    x = T.dmatrix("x")
    row = T.addbroadcast(x, 0)
    pair = Pair(
        [x], [row + np.ones((3, 5)), T.unbroadcast(row, 0), T.patternbroadcast(x * 2, (True, False)).sum(0), row]
    )
    pair.check_layouts(values("float64", (1, 5)))
    assert "(2, 5)" in str(pair.check_failure(ValueError, np.zeros((2, 5))))
    pair.check(values("float64", (1, 5)))
    y = T.exp(x)
    squeezed = T.addbroadcast(y, 1).dimshuffle(0)
    pair = Pair([x], [squeezed, squeezed * 2, y])
    pair.check(values("float64", (4, 1)))
    pair.check_failure(ValueError, np.zeros((4, 2)))


def test_specified_shapes_and_assertions():
    x, n = T.dmatrix("x"), T.lscalar("n")
    y = SpecifyShape()(x * 2, T.stack([n, T.constant(3)]))
    checked = Assert("n is small")(x + n, n > 0, x.sum() < 100)
    pair = Pair([x, n], [y, y.sum(0), y.shape, checked, checked.sum(1)])
    pair.check_layouts(values("float64", (4, 3)), np.array(4))
    assert "specif" in str(pair.check_failure(AssertionError, np.zeros((5, 3)), np.array(4)))
    pair.check_failure(AssertionError, np.zeros((4, 2)), np.array(4))
    assert "n is small" in str(pair.check_failure(AssertionError, np.zeros((0, 3)), np.array(0)))
    assert "n is small" in str(pair.check_failure(AssertionError, np.full((4, 3), 50.0), np.array(4)))
    pair.check(values("float64", (4, 3)), np.array(4))


@pytest.mark.parametrize("dtype", REAL)
def test_vectors_of_scalars(dtype):
    def build(a, b, v):
        z = T.stack([a, b, v[1], v.sum().astype(dtype)])
        return [
            z,
            z[0] if dtype == "bool" else z[0] * 2,
            z[::-1],
            T.stack([a]),
            T.stack([a, a]),
            T.stack([v, v * v]),
            z.sum(),
            T.max(z),
        ]

    compare(build, values(dtype, (), 1), values(dtype, (), 2), values(dtype, (4,), 3), every_layout=True)


def test_alloc():
    def build(x, row, s, n, m):
        return [
            T.alloc(s, n, m),
            T.alloc(row, n, 4),
            T.alloc(x, n, 3, 4),
            T.zeros((n, m)),
            T.ones((m,), "int8") * 2,
            T.alloc(row[0], m, 4),
            T.zeros_like(x),
            T.ones_like(x) + x,
            T.fill(x, s),
            T.alloc(s, 2, 3),
            T.alloc(s * 2, n),
            T.alloc(0.0, n, m).sum(0),
            T.alloc(s),
            T.alloc(x, 3, 4),
            T.alloc(7, 2),
            T.zeros((0, n)),
            T.ones(x.shape).sum(),
            T.alloc(x, n, x.shape[0], x.shape[1]).sum((0, 1)),
        ]

    given = values("float64", (3, 4), 1), values("float64", (1, 4), 2), np.array(2.5)
    pair = compare(build, *given, np.array(5), np.array(2), every_layout=True)
    pair.check(*given, np.array(0), np.array(1))
    error = pair.check_failure(ValueError, *given, np.array(-1), np.array(2))
    assert "-1" in str(error)
    x, n = T.dvector(), T.lscalar()
    Pair([x, n], [T.alloc(x, n)]).check_failure(ValueError, np.zeros(3), np.array(4))


def test_aranges():
    def build(a, b, c, n, x):
        outputs = [
            T.arange(n),
            T.arange(2, n),
            T.arange(n, 0, -2),
            T.arange(x.shape[0]),
            T.arange(a, b, c),
            T.arange(0, 1, 0.1),
        ]
        outputs += [
            T.arange(n, dtype="float32"),
            T.arange(n, dtype="int8") * 2,
            T.arange(5),
            T.arange(5.5),
            T.arange(-3),
        ]
        outputs += [
            T.arange(n) * x[0] + T.arange(x.shape[0]).sum(),
            (T.arange(n).dimshuffle(0, "x") * T.arange(3)).sum(0),
        ]
        outputs += [T.arange(a, b), T.arange(n * 2) + 1]
        return outputs

    pair = compare(build, *map(np.array, (0.5, 9.0, 0.75, 11)), values("float64", (5,)))
    pair.check(*map(np.array, (9.0, -0.25, -0.5, 0)), values("float64", (1,)))
    pair.check(*map(np.array, (1.0, 1.0, -0.5, 300)), values("float64", (70,)))
    for a, b, c in (
        (np.int8(-7), np.int8(9), np.int8(3)),
        (np.int32(5), np.int32(-9), np.int32(-4)),
        (np.uint8(1), np.uint8(9), np.uint8(2)),
    ):
        compare(lambda a, b, c: [T.arange(a, b, c)], a, b, c)
    compare(lambda a, b: [T.arange(a, b)], np.float32(0.25), np.float32(7))
    s = T.lscalar()
    pair = Pair([s], [T.arange(0, 10, s)])
    pair.check(np.array(3))


def test_unit_matrices_and_diagonals():
    def build(n, m, k, x):
        return [
            T.eye(n),
            T.eye(n, m),
            T.eye(n, m, k),
            T.eye(4, 5, -2, dtype="int8"),
            T.identity_like(x),
            T.eye(n, m, k) * 2 + 1,
            T.eye(n).sum(1),
            T.diag(x),
            T.diag(x[0]),
            T.diagonal(x, 1),
            x.trace(),
            T.tril(x),
            T.triu(x, 1),
        ]

    pair = compare(build, *map(np.array, (6, 9, 2)), values("float64", (5, 5)))
    pair.check(*map(np.array, (3, 2, -1)), values("float64", (2, 2)))
    pair.check(*map(np.array, (0, 2, -1)), values("float64", (3, 3)))


@pytest.mark.parametrize("axis", (0, 1, 2))
def test_joins(axis):
    shape = [3, 4, 5]
    arrays = []
    for i, n in enumerate((2, 1, 0, 7)):
        shape[axis] = n
        arrays.append(values(("float64", "float32", "int8", "float64")[i], shape, i))

    def build(*xs):
        a, b, c, d = xs
        joined = T.concatenate([a * 2, b, c, d.T.T], axis)
        outputs = [
            T.concatenate(xs, axis),
            joined,
            joined * 2,
            joined.sum(axis),
            T.concatenate([a, a], axis),
            T.join(axis, b),
        ]
        outputs += [
            T.concatenate([joined, a + 1, joined], axis),
            T.stack([a, a * 2], axis),
            T.concatenate([d, a], axis).T,
        ]
        outputs += [T.concatenate([T.zeros_like(a), d], axis), joined[1:], T.stack([a[0, 0, 0], d[0, 0, 0]])]
        return outputs

    pair = compare(build, *arrays, every_layout=True, tolerance=1e-6)
    pair.check(*(np.ascontiguousarray(a.transpose(2, 1, 0)).transpose(2, 1, 0) for a in arrays), tolerance=1e-6)
    compare(build, *arrays, flags=False, tolerance=1e-6)


def test_joins_that_do_not_fit():
    x, y = T.dmatrices("x", "y")
    pair = Pair([x, y], [T.concatenate([x, y * 2], 1), T.concatenate([x.T, y.T], 0)])
    pair.check(np.zeros((2, 3)), np.ones((2, 4)))
    error = pair.check_failure(ValueError, np.zeros((2, 3)), np.ones((3, 3)))
    assert "2" in str(error) and "3" in str(error)
    pair.check(np.zeros((0, 3)), np.ones((0, 4)))


@pytest.mark.parametrize("axis", (0, 1))
def test_splits(axis):
    shape = [4, 4]
    shape[axis] = 9

    def build(x, sizes):
        a, b, c = T.split(x * 2, sizes, 3, axis)
        d, e = T.split(x, [4, 5], 2, axis)
        return [a, b * 2, c.sum(axis), T.concatenate([c, a, b], axis), d, e, d.T, a.shape, b.shape[axis] + 1]

    pair = compare(build, values("float64", shape), np.array([2, 0, 7]), every_layout=True)
    pair.check(values("float64", shape), np.array([3, 3, 3]))
    for sizes in ([3, 3, 4], [-1, 5, 5], [1, 1, 1]):
        pair.check_failure(ValueError, values("float64", shape), np.array(sizes))


def test_many_views_of_one_array():
    def build(x):
        views = [x, x.T, x[::2], x[:, 1:], x[::-1, ::-1], x.flatten(), x.dimshuffle(0, "x", 1), x[2], x[:, 3]]
        return [v * 2 for v in views] + [v.sum() for v in views] + views

    compare(build, values("float64", (6, 7)), every_layout=True)
    compare(lambda x: build(x * 2), values("float64", (6, 7)), every_layout=True)


def test_deep_chains_of_views():
    """Lowering does not recurse over depth."""

    def build(x):
        for i in range(1500):
            x = x[1:] if i % 2 else x.dimshuffle(1, 0)
        return [x, x * 2]

    compare(build, values("float64", (800, 3)), flags=False)


def test_deep_chains_of_checks():
    def build(x):
        for i in range(300):
            x = Assert("positive")(x, x[i % 3] > 0) if i % 2 else SpecifyShape()(x, T.stack([x.shape[0] * 1]))
        return [x, x * 2]

    compare(build, np.ones(5))
