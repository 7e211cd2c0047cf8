"""Making arrays, against NumPy: values, dtypes, broadcast patterns, inferred shapes, derivatives, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano
import theano.tensor as T
from tests.tensor.agreement import agrees
from tests.tensor.evaluation import check_derivatives, evaluate
from theano.gradient import grad
from theano.tensor.creation import AllocDiag, AllocEmpty, ExtractDiag


def numbers(shape, dtype="float64"):
    return (np.arange(int(np.prod(shape))) + 1).reshape(shape).astype(dtype)


# ---- filled arrays


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=3), st.data())
def test_alloc(shape, data):
    own = [data.draw(st.sampled_from([n, 1])) for n in shape][data.draw(st.integers(0, len(shape))) :]
    stretched = [i for i, n in enumerate(own) if n == 1]
    value = numbers(own)

    def build(v, *lengths):
        return T.alloc(T.addbroadcast(v, *stretched), *(lengths or shape))

    agrees(build, lambda v: np.broadcast_to(v, shape), value)
    if shape:
        agrees(build, lambda v, *n: np.broadcast_to(v, shape), value, *map(np.int32, shape))


def test_patterns_and_errors_of_alloc():
    n, x = T.lscalar("n"), T.dvector("x")
    assert T.alloc(x, 1, n).broadcastable == (True, False)
    assert T.alloc(0.0, n, T.constant(1), T.drow().shape[0]).broadcastable == (False, True, True)
    with pytest.raises(TypeError, match="more dimensions"):
        T.alloc(T.dmatrix(), n)
    with pytest.raises(TypeError, match="a length must be an integer"):
        T.alloc(0.0, 2.5)
    with pytest.raises(ValueError, match="negative"):
        evaluate(T.alloc(0.0, n), {n: -1})
    with pytest.raises(ValueError, match=r"shape \(2,\) does not broadcast to shape \(3,\)"):
        evaluate(T.alloc(x, 3), {x: np.ones(2)})
    with pytest.raises(ValueError, match=r"addbroadcast\(value, 0\)"):
        evaluate(T.alloc(x, 3), {x: np.ones(1)})


def test_zeros_and_ones():
    n = T.iscalar("n")
    for make, reference in ((T.zeros, np.zeros), (T.ones, np.ones)):
        agrees(lambda make=make: make((2, 3)), lambda reference=reference: reference((2, 3)))
        agrees(lambda make=make: make(2, dtype="int8"), lambda reference=reference: reference(2, "int8"))
        agrees(lambda make=make: make(()), lambda reference=reference: reference(()))
        agrees(lambda x, make=make: make(x.shape), lambda x, reference=reference: reference((2, 3)), numbers((2, 3)))
        agrees(lambda n, make=make: make([n, 2]), lambda n, reference=reference: reference((3, 2)), np.int64(3))
        assert make((n, 1)).broadcastable == (False, True)
        assert make(n).ndim == 1
        assert make((2,), dtype="floatX").dtype == theano.config.floatX
    agrees(lambda: T.full((2, 2), np.int16(7)), lambda: np.full((2, 2), 7, "int16"))
    agrees(lambda: T.full((2, 2), 7, "float32"), lambda: np.full((2, 2), 7, "float32"))


def test_zeros_and_ones_like():
    for shape in ((), (0,), (2, 1)):
        for dtype in ("float32", "int8", "complex64", "bool"):
            x = np.ones(shape, dtype)
            agrees(T.zeros_like, np.zeros_like, x)
            agrees(T.ones_like, np.ones_like, x)
        agrees(lambda x: T.zeros_like(x, dtype="int64"), lambda x: np.zeros_like(x, dtype="int64"), x)
        agrees(lambda x: T.full_like(x, 3), lambda x: np.full_like(x, True), x)
    assert T.zeros_like(T.drow()).broadcastable == (True, False)
    assert T.zeros_like(T.dscalar(), opt=True).owner is None
    assert T.zeros_like([1.0, 2.0]).ndim == 1


def test_alloc_empty():
    empty = AllocEmpty("float32")(T.constant(2), 1)
    assert empty.broadcastable == (False, True) and not empty.owner.op.do_constant_folding(empty.owner)
    found = evaluate(T.alloc_empty((2, 1), "float32"), {})
    assert found.shape == (2, 1) and found.dtype == "float32"


# ---- identity and ranges


@pytest.mark.parametrize("k", [-2, 0, 1])
@pytest.mark.parametrize(("n", "m"), [(3, None), (2, 4), (0, 3), (4, 2)])
def test_eye(n, m, k):
    agrees(lambda: T.eye(n, m, k, "int32"), lambda: np.eye(n, m, k, "int32"))
    agrees(lambda n, k: T.eye(n, m, k), lambda n, k: np.eye(n, m, k), np.int8(n), np.int64(k))
    agrees(lambda x: T.identity_like(x), lambda x: np.eye(*x.shape, dtype="float32"), np.ones((n, m or 2), "float32"))
    with pytest.raises(TypeError, match="identity_like"):
        T.identity_like(T.dvector())


@pytest.mark.parametrize(
    "bounds",
    [
        (5,),
        (0,),
        (-3,),
        (2, 7),
        (7, 2),
        (7, 2, -2),
        (0, 10, 3),
        (10, 0, -3),
        (2.5,),
        (0, 1, 0.25),
        (1.0, 0.0, -0.3),
        (3, 3, -1),
    ],
)
def test_arange(bounds):
    agrees(lambda: T.arange(*bounds), lambda: np.arange(*bounds), dtype=False)
    values = [np.asarray(b) for b in bounds]
    agrees(lambda *b: T.arange(*b), lambda *b: np.arange(*bounds), *values)
    for dtype in ("float32", "int16"):
        if all(isinstance(b, int) for b in bounds):
            agrees(lambda *b, d=dtype: T.arange(*b, dtype=d), lambda *b, d=dtype: np.arange(*bounds, dtype=d), *values)


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (("int8",), "int64"),
        (("uint8",), "int64"),
        (("uint64",), "float64"),  # as NumPy: no integer dtype holds it and the int8 of the step
        (("uint64", "uint64", "uint8"), "uint64"),
        (("int8", "float32"), "float32"),
        (("int32", "float64"), "float64"),
        (("bool",), "int64"),
        (("int64", "uint8", "int16"), "int64"),
    ],
)
def test_dtypes_of_arange(dtypes, expected):
    assert T.arange(*(T.TensorType(d, ())() for d in dtypes)).dtype == expected


def test_errors_of_arange():
    n = T.lscalar()
    with pytest.raises(TypeError, match="real scalar"):
        T.arange(T.lvector())
    with pytest.raises(TypeError, match="real scalar"):
        T.arange(T.zscalar())
    with pytest.raises(ValueError, match="step must not be 0"):
        evaluate(T.arange(0, 5, n), {n: 0})


def test_derivatives_of_ranges():
    def build(a, b):
        return T.arange(a, 5.0, b) ** 2

    a, b = T.dscalars("a", "b")
    given_values = {a: np.array(0.5), b: np.array(1.25)}
    steps = np.arange(4)
    found = evaluate(grad(build(a, b).sum(), [a, b]), given_values)
    np.testing.assert_allclose(found, [(2 * (0.5 + 1.25 * steps)).sum(), (2 * (0.5 + 1.25 * steps) * steps).sum()])
    check_derivatives(build, 0.5, 1.25)


# ---- diagonals and triangles


@pytest.mark.parametrize("offset", [-2, 0, 1, 5])
@pytest.mark.parametrize(
    ("shape", "axes"), [((3, 4), (0, 1)), ((2, 3, 4), (1, 2)), ((2, 3, 4), (2, 0)), ((0, 3), (0, 1))]
)
def test_diagonal(shape, axes, offset):
    x = numbers(shape)
    agrees(lambda x: T.diagonal(x, offset, *axes), lambda x: np.diagonal(x, offset, *axes), x)
    if offset < 5:
        check_derivatives(lambda x: T.diagonal(x, offset, *axes) ** 2, x)


@pytest.mark.parametrize("k", [-1, 0, 2])
def test_diag(k):
    agrees(lambda v: T.diag(v, k), lambda v: np.diag(v, k), numbers((3,)))
    agrees(lambda v: T.diag(v, k), lambda v: np.diag(v, k), numbers((1,)))
    agrees(lambda v: T.diag(v, k), lambda v: np.diag(v, k), numbers((3, 2)))
    check_derivatives(lambda v: T.diag(v, k) ** 2, numbers((3,)))
    v = T.dvector("v")
    second = grad(grad((T.diag(v, k) ** 3).sum(), v).sum(), v)
    np.testing.assert_allclose(evaluate(second, {v: np.array([1.0, 2.0])}), [6.0, 12.0])


def test_placing_diagonals_of_stacks():
    x = numbers((2, 3))
    placed = np.zeros((3, 2, 3))
    for i in range(3):
        placed[i, :, i] = x[:, i]
    agrees(lambda x: AllocDiag(0, 0, 2)(x), lambda x: placed, x)
    agrees(lambda x: T.diagonal(AllocDiag(1, 0, 2)(x), 1, 0, 2), lambda x: x, x)
    check_derivatives(lambda x: AllocDiag(-1, 1, 2)(x) ** 2, x)


def test_errors_of_diagonals():
    with pytest.raises(ValueError, match=r"scalar|rank"):
        T.diag(T.dscalar())
    with pytest.raises(ValueError, match="rank 2 and more"):
        T.diagonal(T.dvector())
    with pytest.raises(ValueError, match="must differ"):
        ExtractDiag(0, 1, 1)(T.dmatrix())
    with pytest.raises(TypeError, match="matrix"):
        T.extract_diag(T.dtensor3())
    with pytest.raises(TypeError, match="vector"):
        T.alloc_diag(T.dmatrix())


@pytest.mark.parametrize("k", [-1, 0, 2])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (1, 3), (0, 2), (2, 3, 2)])
def test_triangles(shape, k):
    x = numbers(shape)
    agrees(lambda x: T.tril(x, k), lambda x: np.tril(x, k), x)
    agrees(lambda x: T.triu(x, k), lambda x: np.triu(x, k), x)
    agrees(lambda: T.tri(*shape[:2], k=k), lambda: np.tri(*shape[:2], k=k))
    agrees(
        lambda n, k: T.tri(n, k=k, dtype="int8"), lambda n, k: np.tri(n, k=k, dtype="int8"), np.int64(3), np.int64(k)
    )
    agrees(lambda x: T.tril(x), lambda x: np.tril(x), np.full((2, 2), np.inf))


def test_derivatives_of_triangles():
    check_derivatives(lambda x: T.tril(x) ** 2 + T.triu(x, 1), numbers((3, 3)))
    with pytest.raises(ValueError, match="tril"):
        T.tril(T.dvector())


# ---- grids


def test_grids():
    keys = [np.s_[0:3, 1:5:2], np.s_[2:4], np.s_[0:1:0.25, 0:2], np.s_[0:2, 0:1, 0:3]]
    for key in keys:
        several = isinstance(key, tuple)
        as_list = (lambda a: list(a)) if several else (lambda a: a)
        agrees(lambda key=key: T.mgrid[key], lambda key=key, f=as_list: f(np.mgrid[key]))
        if several:
            agrees(lambda key=key: T.ogrid[key], lambda key=key: list(np.ogrid[key]), dtype=False)
    n = T.lscalar("n")
    rows, columns = T.mgrid[0:n, 0:2]
    np.testing.assert_array_equal(evaluate(rows + columns, {n: 2}), [[0, 1], [1, 2]])
    with pytest.raises(TypeError, match="slices"):
        T.mgrid[1]


@pytest.mark.parametrize("order", ["xy", "ij"])
def test_meshgrid(order):
    vectors = [numbers((n,)) for n in (2, 3, 1)]
    for count in (1, 2, 3):
        agrees(
            lambda *v: T.meshgrid(*v, indexing=order),
            lambda *v: list(np.meshgrid(*v, indexing=order)),
            *vectors[:count],
        )


@pytest.mark.parametrize("shape", [(2,), (1, 2), (3, 1, 2)])
def test_derivatives_of_alloc(shape):
    x = numbers(shape[1:])
    check_derivatives(lambda x: T.alloc(x, *shape) ** 2, x)
    check_derivatives(lambda x: grad((T.alloc(x, *shape) ** 3).sum(), x), x, forward=False)
