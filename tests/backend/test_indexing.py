"""Indexing, and changing parts of arrays, against the reference; with what may share memory with what is changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano.tensor as T
from tests.backend.comparison import REAL, Pair, compare, like, values

SLICES = [slice(a, b, c) for a in (None, 1, -3, 9) for b in (None, 5, -1, 0) for c in (None, 2, -1, -3)]


@pytest.mark.parametrize("n", (0, 1, 2, 7))
def test_static_slices(n):
    compare(
        lambda x: [x[s] for s in SLICES] + [x[:, s].sum(0) for s in SLICES[:20]], values("float64", (n, n)), flags=False
    )


def test_dynamic_slices():
    x = T.dmatrix()
    i, j, k = T.lscalar(), T.iscalar(), T.bscalar()
    outputs = [
        x[i:j],
        x[i:],
        x[:j],
        x[i:j:k],
        x[::k],
        x[:, i:j:k],
        x[i:, ::k],
        x[:j:k],
        x[i::k],
        x[i:j, i:j],
        (x * 2)[i:j:k].sum(0),
    ]
    pair = Pair([x, i, j, k], [*outputs, x[i:j:k].shape, x[::k] + x[::k], T.exp(x)[i:j].T])
    bounds = (-9, -2, 0, 1, 3, 12)
    for a in bounds:
        for b in bounds:
            for c in (-4, -1, 1, 2):
                pair.check(values("float64", (5, 6)), np.array(a), np.array(b, "int32"), np.array(c, "int8"))
    pair.check(np.zeros((0, 0)), np.array(1), np.array(2, "int32"), np.array(-1, "int8"))
    pair.check_failure(ValueError, values("float64", (5, 6)), np.array(1), np.array(2, "int32"), np.array(0, "int8"))


def test_integers():
    x, i, u = T.dtensor3("x"), T.lscalar("i"), T.TensorType("uint8", ())("u")
    outputs = [
        x[i],
        x[:, i],
        x[:, :, i],
        x[i, u],
        x[u, :, i],
        x[-1, i, 1:],
        x[0],
        x[i, i, i],
        x[..., i],
        x[i, None, :, u],
        (x + 1)[i] * 2,
    ]
    pair = Pair([x, i, u], outputs)
    for a in (-3, 0, 2):
        pair.check_layouts(values("float64", (3, 3, 3)), np.array(a), np.array(1, "uint8"))
    for a in (3, -4, 2**40, -(2**62)):
        error = pair.check_failure(IndexError, values("float64", (3, 3, 3)), np.array(a), np.array(1, "uint8"))
        assert str(a) in str(error) and "3" in str(error)
    pair.check(values("float64", (3, 3, 3)), np.array(1), np.array(1, "uint8"))
    Pair([x], [x[0]]).check_failure(IndexError, np.zeros((0, 1, 2)))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_random_indices(data):
    shape = data.draw(st.tuples(*[st.integers(1, 6)] * data.draw(st.integers(1, 4))))

    def entry(n):
        part = st.none() | st.integers(-n - 2, n + 2)
        step = st.none() | st.sampled_from((-3, -2, -1, 1, 2, 3))
        return st.integers(-n, n - 1) | st.builds(slice, part, part, step) | st.just(slice(None))

    index = tuple(data.draw(entry(n)) for n in shape[: data.draw(st.integers(1, len(shape)))])
    x = values("float32", shape)
    y = x[index] * 3

    def build(x, y):
        whole = x * 2
        return [
            x[index],
            x[index] * 2,
            T.exp(x)[index],
            T.set_subtensor(x[index], y),
            T.inc_subtensor(whole[index], y),
            T.inc_subtensor(x[index], 2.0),
            x[index].shape,
        ]

    compare(build, x, y, flags=data.draw(st.booleans()), every_layout=True)


@pytest.mark.parametrize("dtype", REAL)
def test_changed_parts_of_every_dtype(dtype):
    def build(x, y, i):
        outputs = [
            T.set_subtensor(x[1:3], y),
            T.set_subtensor(x[:, i], y[0, 0]),
            T.set_subtensor(x[i], x[0]),
            T.set_subtensor(x[::-1], x),
        ]
        if dtype != "bool":
            outputs += [
                T.inc_subtensor(x[1:3], y),
                T.inc_subtensor(x[i, 1:], 3),
                T.inc_subtensor((x * x)[::2, ::-2], y[:, :3]),
            ]
        return outputs

    compare(build, values(dtype, (4, 6), 1), values(dtype, (2, 6), 2), np.array(2), every_layout=True)


def test_what_is_changed_is_used_elsewhere():
    """Memory may be written over only where nobody else needs what was there."""

    def build(x, y):
        z = T.exp(x)
        w = x * 2
        constant = T.constant(np.arange(20.0).reshape(4, 5))
        return [
            T.inc_subtensor(z[0], y),
            z,
            z.sum(0),
            z[0],
            z.T,
            T.inc_subtensor(x[0], y),
            x,
            T.inc_subtensor(constant[1], y),
            constant,
            constant * 2,
            T.set_subtensor(constant[1:], 0.0),
            T.inc_subtensor(w[1], w[0]),
            T.set_subtensor((x + y)[1:], (x * y)[:-1]),
            T.inc_subtensor(T.inc_subtensor(T.tanh(x)[1], y)[2], y),
            T.inc_subtensor(z.T[0], 1.0),
            T.inc_subtensor(z[1:][0], y),
            T.set_subtensor(z[:, 1], z[:, 0]),
            T.set_subtensor(z[1:], z[:-1]),
            T.set_subtensor(z[::-1], z),
            T.set_subtensor(x.T[1:3], x.T[:2]),
            T.inc_subtensor(x.reshape((5, 4))[1], x[0, :4]),
            T.inc_subtensor(T.zeros_like(x)[1], y),
            T.set_subtensor(T.alloc(1.0, 4, 5)[1:, 0], 2.0),
            T.set_subtensor(z[2], T.set_subtensor(z[1], y)[1] + z[0]),
        ]

    compare(build, values("float64", (4, 5), 1), values("float64", (5,), 2), every_layout=True)


def test_a_chain_of_changes_in_place():
    def build(x):
        z = x * 1
        for i in range(10):
            z = T.set_subtensor(z[i % 4], z[(i + 1) % 4] * 0.5)
            z = T.inc_subtensor(z[:, i % 5], 1.0)
        fresh = T.zeros((4, 5))
        for i in range(4):
            fresh = T.set_subtensor(fresh[i], x[3 - i])
        a = T.tanh(x)
        b = T.set_subtensor(a[0], 1.0)
        c = T.set_subtensor(a[0], 2.0)
        return [z, fresh, b + c, a.sum(), T.set_subtensor(b[1], c[2]), b, c]

    compare(build, values("float64", (4, 5)), every_layout=True)


def test_values_are_stretched_over_parts():
    x, y, n = T.dmatrix("x"), T.dmatrix("y"), T.lscalar("n")
    pair = Pair([x, y, n], [T.set_subtensor(x[:n], y), T.inc_subtensor((x * 2)[:n], y)])
    for shape in ((3, 5), (1, 5), (3, 1), (1, 1)):
        pair.check_layouts(values("float64", (4, 5)), values("float64", shape), np.array(3))
    pair.check(values("float64", (4, 5)), values("float64", (0, 5)), np.array(0))
    error = pair.check_failure(ValueError, values("float64", (4, 5)), values("float64", (2, 5)), np.array(3))
    assert "(2, 5)" in str(error) and "(3, 5)" in str(error)
    vector = T.dvector()
    compare(
        lambda x, v, s: [
            T.set_subtensor(x[1:], v),
            T.inc_subtensor(x[1:, 2], s),
            T.set_subtensor(x[...], s),
            T.inc_subtensor(x[1, 2], s),
        ],
        values("float64", (4, 5)),
        values("float64", (5,)),
        np.array(2.0),
    )
    assert vector.ndim == 1


def test_selected_rows():
    def build(x, i, j):
        z = x * 2
        return [
            x[i],
            z[i],
            x.T[j],
            x[i][:, j],
            x[i].sum(0),
            T.exp(x[i]),
            x[i] + x[i[::-1]],
            x[T.stack([i[0], i[1]])],
            x[[0, 2, 2, -1]],
            x[i, :2],
            x[:, j],
            z,
            x[0][j],
            x[:, 0][i],
        ]

    for dtype in ("int64", "int8", "uint16"):
        i, j = np.array([3, 0, 0, 2, 1, 3, 3], dtype), np.array([4, 1, 0], dtype)
        compare(build, values("float64", (4, 5)), i, j, every_layout=True)
    negative = np.array([-1, 3, -4]), np.array([-5, 2])
    pair = compare(build, values("float32", (4, 5)), *negative, every_layout=True)
    pair.check(values("float32", (4, 5)), np.array([3, 0]), np.array([-5]))
    x, i = T.dmatrix("x"), T.lvector("i")
    pair = Pair([x, i], [x[i] * 2, T.inc_subtensor(x[i], 1.0)])
    pair.check(values("float64", (4, 5)), np.zeros(0, "int64"))
    for wrong in (4, -5, 2**50):
        error = pair.check_failure(IndexError, values("float64", (4, 5)), np.array([0, wrong, 1]))
        assert str(wrong) in str(error)
    pair.check(values("float64", (4, 5)), np.array([0, -1, 1]))
    pair.check(np.zeros((3, 0)), np.array([0, -1, 1]))


def test_index_arrays_together():
    def build(x, i, j, k):
        return [
            x[i, j],
            x[i, :, j],
            x[:, i, j],
            x[i, j, k],
            (x * 2)[i, j],
            x[i.dimshuffle(0, "x"), j],
            x[i, 1],
            x[i, 1:, j],
            x[i, j, 1:],
            x[T.stack([i, j])],
            x[T.stack([i, j]), k],
            x[i, j].sum(0),
            x[None, i],
            x[i, None, j],
            x[k > 0],
            x[T.gt(x, 0)],
            x[i][j],
        ]

    pair = compare(
        build,
        values("float64", (3, 4, 5)),
        np.array([0, 2, -1]),
        np.array([1, 1, 2]),
        np.array([2, 0, 1]),
        every_layout=True,
    )
    pair.check(values("float64", (3, 4, 5)), np.array([0, 0, 0]), np.array([1, -3, 2]), np.array([2, 0, 1]))
    x, i, j = T.dmatrix(), T.lvector(), T.lvector()
    pair = Pair([x, i, j], [x[i, j]])
    pair.check(values("float64", (3, 4)), np.array([0]), np.array([1, 2, 3]))
    pair.check(values("float64", (3, 4)), np.array([0, 1, 2]), np.array([-1]))
    pair.check_failure(IndexError, values("float64", (3, 4)), np.array([0, 1]), np.array([1, 2, 3]))
    pair.check_failure(IndexError, values("float64", (3, 4)), np.array([0, 1]), np.array([1, 4]))


@pytest.mark.parametrize("dtype", ("float64", "float32", "int32", "int8", "float16"))
def test_changed_rows(dtype):
    def build(x, y, i, s):
        z = x * 2
        return [
            T.inc_subtensor(x[i], y),
            T.set_subtensor(x[i], y),
            T.inc_subtensor(z[i], y[0]),
            T.inc_subtensor(x[i], s),
            T.inc_subtensor(x[:, i], y[:, :4].T),
            T.inc_subtensor(x[i, i], s),
            T.set_subtensor(x[i, 1], y[:, 0]),
            x,
            T.inc_subtensor(T.zeros_like(x)[i], y),
            T.inc_subtensor(z.T[i], y[:, :4]),
            T.inc_subtensor(x[i, 1:], y[:, 1:]),
            T.inc_subtensor((x + s)[i], (x + s)[i]),
            T.set_subtensor(T.inc_subtensor((x - s)[i], y)[0], s),
        ]

    given = values(dtype, (4, 70), 1), values(dtype, (5, 70), 2), np.array([3, 0, -4, 2, 3]), values(dtype, (), 3)
    compare(build, *given, every_layout=True, tolerance=5e-3 if dtype == "float16" else None)


def test_many_words_are_needed():
    """Programs of many small parts are split over several functions."""

    def build(x, i):
        return [T.set_subtensor(x[k : k + 3], x[k + 1 : k + 4]).sum() + x[i + k] for k in range(60)]

    variables = like(values("float64", (100,)), np.array(3))
    Pair(variables, build(*variables)).check_layouts(values("float64", (100,)), np.array(3))


def test_equal_arrays_are_changed_apart():
    """Equal subgraphs are computed once, unless the result has been written over."""

    def build(x, i):
        def fresh():
            return T.exp(x) * 2

        outputs = [
            T.inc_subtensor(fresh()[i], 1.0),
            T.inc_subtensor(fresh()[i], 3.0),
            fresh(),
            T.set_subtensor(fresh()[0], 0.0),
        ]
        outputs += [
            T.inc_subtensor(fresh()[0], 1.0) + T.inc_subtensor(fresh()[0], 2.0),
            fresh().sum(),
            fresh().T,
            T.set_subtensor(fresh().T[0], 0.0),
        ]
        return [*outputs, T.inc_subtensor(T.zeros_like(x)[i], x[i]) + T.inc_subtensor(T.zeros_like(x)[i], 2 * x[i])]

    compare(build, values("float64", (5, 6)), np.array([0, 2, 2]))


def test_a_row_of_a_view_of_a_single_element():
    compare(lambda x: [x[::-1][[0, 0]], x[::-1, ::-1].reshape((1,))], np.array([[0.5]]))
