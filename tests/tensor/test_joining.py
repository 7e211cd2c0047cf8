"""Joining, splitting, stacking, tiling, repeating, rolling, permuting and choosing, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano.tensor as T
from tests.tensor.agreement import agrees
from tests.tensor.evaluation import check_derivatives, evaluate
from theano.gradient import grad
from theano.tensor.joining import Join, Split
from theano.tensor.shape import MakeVector


def numbers(shape, dtype="float64"):
    return (np.arange(int(np.prod(shape))) + 1).reshape(shape).astype(dtype)


@st.composite
def joinable(draw):
    shape = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    axis = draw(st.integers(0, len(shape) - 1))
    arrays = []
    for _ in range(draw(st.integers(1, 4))):
        shape[axis] = draw(st.integers(0, 3))
        arrays.append(numbers(shape, draw(st.sampled_from(["float64", "float32", "int8", "bool"]))))
    return arrays, axis - draw(st.sampled_from([0, len(shape)]))


@settings(max_examples=80, deadline=None)
@given(joinable())
def test_join(case):
    arrays, axis = case
    agrees(lambda *a: T.join(axis, *a), lambda *a: np.concatenate(a, axis), *arrays)
    agrees(lambda *a: T.concatenate(list(a), axis=axis), lambda *a: np.concatenate(a, axis), *arrays)


def test_patterns_of_join():
    row, column, x = T.drow(), T.dcol(), T.dmatrix()
    assert T.join(0, row, row).broadcastable == (False, False)
    assert T.join(1, row, x).broadcastable == (True, False)
    assert T.join(0, x, column).broadcastable == (False, True)
    assert T.join(0, x) is x
    assert Join(0)(row).broadcastable == (True, False)
    assert T.join(T.constant(1), x, x).owner.op == Join(1)


def test_errors_of_join():
    x, y = T.dmatrix("x"), T.dmatrix("y")
    with pytest.raises(IndexError, match="axis 2 is out of bounds"):
        T.join(2, x, y)
    with pytest.raises(TypeError, match="one rank"):
        T.join(0, x, T.dvector())
    with pytest.raises(TypeError, match="stack"):
        T.join(0, T.dscalar(), T.dscalar())
    with pytest.raises(TypeError, match="brackets"):
        T.concatenate(x)
    with pytest.raises(ValueError, match="nothing to join"):
        T.concatenate([])
    with pytest.raises(ValueError, match=r"axis 0.*\(2, 3\), \(2, 2\)"):
        evaluate(T.join(0, x, y), {x: numbers((2, 3)), y: numbers((2, 2))})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(0, 2), st.integers(0, 1))
def test_split(sizes, behind, axis):
    shape = [behind, behind]
    shape[axis] = sum(sizes)
    x = numbers(shape)

    def reference(x, *_):
        return np.split(x, np.cumsum(sizes)[:-1], axis)

    agrees(lambda x: T.split(x, sizes, len(sizes), axis), reference, x)
    agrees(lambda x, s: T.split(x, s, len(sizes), axis - 2), reference, x, np.array(sizes))
    agrees(lambda x, *s: T.split(x, s, len(sizes), axis), reference, x, *map(np.int64, sizes))


def test_errors_of_split():
    x, s = T.dvector("x"), T.lvector("s")
    for sizes in ([1, 1], [4, -1], [1, 1, 1]):
        with pytest.raises(ValueError, match=r"split|Split"):
            evaluate(T.split(x, s, 2)[0], {x: np.ones(3), s: np.array(sizes)})
    with pytest.raises(IndexError, match="axis 1"):
        T.split(x, [1, 2], 2, axis=1)
    with pytest.raises(ValueError, match="2 lengths"):
        Split(2)(x, [1, 1, 1])


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_stack(axis):
    a, b = numbers((2, 3)), numbers((2, 3), "float32")
    agrees(lambda a, b: T.stack([a, b], axis=axis), lambda a, b: np.stack([a, b], axis), a, b)
    agrees(lambda a, b: T.stack((a, b), axis), lambda a, b: np.stack([a, b], axis), a, b)


def test_forms_of_stack():
    a, b = T.dscalars("a", "b")
    assert isinstance(T.stack([a, b]).owner.op, MakeVector)
    assert T.stack(a, b, 1.0).ndim == 1
    assert T.stack([T.iscalar(), 2.5]).dtype == "float64"
    agrees(lambda a, b: T.stack(a, b), lambda a, b: np.stack([a, b]), numbers((2,)), numbers((2,)))
    agrees(
        lambda a, b: T.stacklists([[a, b], [b, b]]),
        lambda a, b: np.array([[a, b], [b, b]]),
        np.float64(1),
        np.float64(2),
    )
    agrees(lambda a: T.stacklists([[a, a]]), lambda a: np.array([[a, a]]), numbers((2, 1)))
    agrees(lambda x, y: T.horizontal_stack(x, y), lambda x, y: np.hstack([x, y]), numbers((2, 3)), numbers((2, 1)))
    agrees(lambda x, y: T.vertical_stack(x, y), lambda x, y: np.vstack([x, y]), numbers((2, 3)), numbers((1, 3)))
    with pytest.raises(IndexError, match="stack: axis 2"):
        T.stack([a.dimshuffle("x")], axis=2)
    with pytest.raises(TypeError, match="one rank"):
        T.stack([a, T.dvector()])
    with pytest.raises(ValueError, match="no tensors"):
        T.stack([])
    with pytest.raises(TypeError, match="matrices"):
        T.horizontal_stack(T.dvector(), T.dvector())


@pytest.mark.parametrize(
    ("shape", "reps"),
    [
        ((2, 3), 2),
        ((3,), (2, 2)),
        ((2, 1), (1, 3)),
        ((), (2,)),
        ((2, 3, 1), (3,)),
        ((2,), ()),
        ((0, 2), (2, 3)),
        ((2,), 0),
    ],
)
def test_tile(shape, reps):
    x = numbers(shape)
    agrees(lambda x: T.tile(x, reps), lambda x: np.tile(x, reps), x)
    several = [np.int64(r) for r in np.atleast_1d(reps)]
    agrees(lambda x, *r: T.tile(x, r), lambda x, *r: np.tile(x, reps), x, *several)
    rank = max(len(several), len(shape))
    if several:
        padded = np.array([1] * (rank - len(several)) + several)
        agrees(lambda x, r: T.tile(x, r, ndim=rank), lambda x, r: np.tile(x, reps), x, padded)
    with pytest.raises(ValueError, match="ndim"):
        T.tile(T.dmatrix(), (1, 2, 3), ndim=2)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_repeat(axis):
    x = numbers((2, 3))
    for times in (0, 1, 3):
        agrees(lambda x, n=times: T.repeat(x, n, axis), lambda x, n=times: np.repeat(x, n, axis), x)
        agrees(lambda x, n: T.repeat(x, n, axis), lambda x, n: np.repeat(x, n, axis), x, np.int64(times))
    length = x.size if axis is None else x.shape[axis]
    counts = np.arange(length)
    agrees(lambda x, n: T.repeat(x, n, axis), lambda x, n: np.repeat(x, n, axis), x, counts)
    agrees(lambda x: T.repeat(x, [2], axis), lambda x: np.repeat(x, 2, axis), x)
    n = T.lvector("n")
    with pytest.raises(ValueError, match="numbers of repeats"):
        evaluate(T.repeat(T.constant(x), n, axis), {n: np.arange(length + 1)})
    with pytest.raises(TypeError, match="integer"):
        T.repeat(T.constant(x), T.dvector(), axis)


@pytest.mark.parametrize("shift", [-7, -1, 0, 2, 3, 5])
@pytest.mark.parametrize(
    ("shape", "axis"), [((3,), None), ((2, 3), None), ((2, 3), 0), ((2, 3), -1), ((0, 2), 0), ((1, 2), 0)]
)
def test_roll(shape, axis, shift):
    x = numbers(shape)
    agrees(lambda x: T.roll(x, shift, axis), lambda x: np.roll(x, shift, axis), x)
    agrees(lambda x, n: T.roll(x, n, axis), lambda x, n: np.roll(x, shift, axis), x, np.int32(shift))


def test_permutations():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4))
    p = rng.permuted(np.tile(np.arange(4), (3, 1)), axis=1)
    agrees(lambda x, p: T.permute_row_elements(x, p), lambda x, p: x[..., p], x, p[0])
    agrees(
        lambda x, p: T.permute_row_elements(x, p),
        lambda x, p: np.take_along_axis(x, np.broadcast_to(p, x.shape), -1),
        x,
        p,
    )
    agrees(lambda x, p: T.permute_row_elements(x, p, inverse=True), lambda x, p: x[..., np.argsort(p)], x, p[0])
    agrees(lambda v, p: T.permute_row_elements(v, p), lambda v, p: v[p], x[0, 0], p)
    agrees(T.inverse_permutation, lambda p: np.argsort(p, axis=-1), p)
    agrees(T.inverse_permutation, lambda p: np.argsort(p, axis=-1), p[0])
    check_derivatives(lambda x, p: T.permute_row_elements(x, p) ** 2, x[0], also=[p])
    with pytest.raises(TypeError, match="integers"):
        T.inverse_permutation(T.dvector())


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
def test_choose(mode):
    numbered = np.array([[0, 2], [1, 0]]) if mode == "raise" else np.array([[-1, 2], [4, 0]])
    choices = numbers((3, 2, 2))
    agrees(lambda a, c: T.choose(a, c, mode=mode), lambda a, c: np.choose(a, c, mode=mode), numbered, choices)
    agrees(lambda a, c: T.choose(a, c, mode=mode), lambda a, c: np.choose(a, c, mode=mode), numbered[0], choices)
    agrees(
        lambda a, c: T.choose(a, [c, 2 * c], mode=mode),
        lambda a, c: np.choose(a, [c, 2 * c], mode=mode),
        numbered % 2,
        choices[0],
    )
    agrees(lambda a, c: T.choose(a, c, mode=mode), lambda a, c: np.choose(a, c, mode=mode), numbered, numbers((3,)))
    check_derivatives(lambda c, a: T.choose(a, c, mode=mode) ** 2, choices, also=[numbered])


def test_errors_of_choose():
    a = T.lvector("a")
    with pytest.raises(ValueError, match="negative"):
        evaluate(T.choose(a, [1.0, 2.0]), {a: np.array([0, -1])})
    with pytest.raises(ValueError, match="mode"):
        T.choose(a, [1.0, 2.0], mode="other")
    with pytest.raises(TypeError, match="out"):
        T.choose(a, [1.0, 2.0], out=a)
    with pytest.raises(TypeError, match="integers"):
        T.choose(T.dvector(), [1.0, 2.0])


@pytest.mark.parametrize(
    "build",
    [
        lambda x: T.join(0, x, x[:1] ** 2),
        lambda x: T.join(1, x, x[:, [0]]),
        lambda x: T.stack([x, x**2], axis=1),
        lambda x: T.split(x, [1, 1], 2)[1],
        lambda x: T.split(x, [1, 2], 2, axis=1)[0] * T.split(x, [1, 2], 2, axis=1)[1].sum(),
        lambda x: T.tile(x, (2, 1)),
        lambda x: T.repeat(x, 2, axis=0),
        lambda x: T.repeat(x, [0, 2, 1], axis=1),
        lambda x: T.roll(x, 1, axis=1),
        lambda x: T.stack([x[0, 0], x[1, 1]]),
    ],
)
def test_derivatives(build):
    x = np.random.default_rng(3).normal(size=(2, 3))
    check_derivatives(build, x)
    check_derivatives(lambda x: grad((build(x) ** 3).sum(), x), x, forward=False)


def test_axes_that_are_known_only_at_run_time():
    x, y = numbers((2, 1, 3)), numbers((2, 1, 3))
    for axis in (0, 1, 2, -1, -3):
        i = np.int64(axis)
        agrees(lambda i, x, y: T.join(i, x, y), lambda i, x, y: np.concatenate([x, y], int(i)), i, x, y)
        sizes = np.array([1, x.shape[axis] - 1])
        agrees(lambda i, x, s: T.split(x, s, 2, i), lambda i, x, s: np.split(x, [1], int(i)), i, x, sizes)
        check_derivatives(lambda x, y, i: T.join(i, x, y**2), x, y, also=[i])
    i, a, b = T.lscalar("i"), T.dtensor3("a"), T.dtensor3("b")
    with pytest.raises(ValueError, match="lengths must be equal"):
        evaluate(T.join(i, a, b), {i: 0, a: x, b: x.transpose(0, 2, 1)})
    with pytest.raises(IndexError, match="index 5 is out of bounds"):
        evaluate(T.join(i, a, b), {i: 5, a: x, b: x})
    with pytest.raises(TypeError, match="axis must be an integer"):
        T.join(T.dscalar(), a, b)
