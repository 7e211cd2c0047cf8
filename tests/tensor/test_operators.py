"""Operators and methods of variables: each is the function of theano.tensor, with arrays and numbers on either side."""

from __future__ import annotations

import math
import operator

import numpy as np
import pytest

import theano.tensor as T
from tests.tensor.evaluation import evaluate, value_of
from theano.tensor.operators import ELEMENTARY_METHODS

X = np.array([[1.5, -2.0, 3.25], [4.0, 0.5, -6.0]])
Y = np.array([[2.0, 3.0, 1.25], [-1.0, 0.5, 2.0]])
N = np.array([[5, -7, 3], [12, 0, 6]])
M = np.array([[2, 3, 1], [5, 1, 4]])
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge]
BITS = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]


@pytest.mark.parametrize("op", ARITHMETIC + COMPARISONS, ids=lambda f: f.__name__)
def test_binary_operators_with_variables_arrays_and_numbers(op):
    np.testing.assert_allclose(value_of(op, X, Y), op(X, Y))
    np.testing.assert_allclose(value_of(lambda v: op(v, Y), X), op(X, Y))
    np.testing.assert_allclose(value_of(lambda v: op(X, v), Y), op(X, Y))
    for number in (2, 2.0, np.float64(2), np.float32(2), np.int8(2), np.array(2.0)):
        np.testing.assert_allclose(value_of(lambda v, number=number: op(v, number), X), op(X, 2.0))
        np.testing.assert_allclose(value_of(lambda v, number=number: op(number, v), X), op(2.0, X))


@pytest.mark.parametrize("op", BITS, ids=lambda f: f.__name__)
def test_operators_on_bits(op):
    np.testing.assert_array_equal(value_of(op, N, M), op(N, M))
    np.testing.assert_array_equal(value_of(lambda v: op(v, 3), N), op(N, 3))
    np.testing.assert_array_equal(value_of(lambda v: op(np.int64(13), v), M), op(np.int64(13), M))


def test_powers_and_divmod():
    np.testing.assert_allclose(value_of(operator.pow, abs(X), Y), abs(X) ** Y)
    np.testing.assert_allclose(value_of(lambda v: 2**v, X), 2**X)
    np.testing.assert_array_equal(value_of(lambda a, b: list(divmod(a, b)), N, M), list(divmod(N, M)))
    np.testing.assert_array_equal(value_of(lambda a: list(divmod(20, a)), M), list(divmod(20, M)))


@pytest.mark.parametrize(
    "op", [operator.neg, operator.pos, abs, math.ceil, math.floor, math.trunc, round], ids=lambda f: f.__name__
)
def test_unary_operators(op):
    expected = {"ceil": np.ceil, "floor": np.floor, "trunc": np.trunc, "round": np.round}.get(op.__name__, op)(X)
    np.testing.assert_array_equal(value_of(op, X), expected)


def test_inversion():
    np.testing.assert_array_equal(value_of(operator.invert, N), ~N)
    np.testing.assert_array_equal(value_of(operator.invert, N > 0), ~(N > 0))


def test_matrix_product():
    np.testing.assert_allclose(value_of(operator.matmul, X, Y.T), X @ Y.T)
    np.testing.assert_allclose(value_of(lambda v: X @ v, Y.T), X @ Y.T)
    np.testing.assert_allclose(value_of(lambda v: v @ Y.T, X), X @ Y.T)
    np.testing.assert_allclose(value_of(lambda v: v.dot(Y.T), X), X @ Y.T)


@pytest.mark.parametrize("name", [*ELEMENTARY_METHODS, "absolute", "negative", "square", "sign", "isnan"])
def test_functions_of_numpy_build_expressions(name):
    x = np.array([0.25, 0.5, 0.75]) + (1 if name == "arccosh" else 0)
    expected = getattr(np, name)(x)
    np.testing.assert_allclose(value_of(getattr(np, name), x), expected)
    if name in ELEMENTARY_METHODS:
        np.testing.assert_allclose(value_of(lambda v: getattr(v, name)(), x), expected)


def test_functions_of_numpy_that_there_are_not():
    with pytest.raises(TypeError, match=r"numpy\.add\.reduce cannot be applied to the symbolic"):
        np.add.reduce(T.dvector())
    with pytest.raises(TypeError, match=r"numpy\.spacing cannot be applied"):
        np.spacing(T.dvector())


def test_equality_compares_identities():
    x, y = T.dvector(), T.dvector()
    assert x == x and x != y and x in [y, x] and {x: 1}[x] == 1
    assert not (np.ones(3) == x)  # noqa: SIM201
    assert x not in [np.ones(3)]
    assert evaluate(T.eq(x, y), {x: [1.0], y: [1.0]}).all()


def test_comparisons_have_no_truth_value():
    x, y = T.dscalar("x"), T.dscalar("y")
    with pytest.raises(TypeError, match=r"symbolic comparison.*T\.switch"):
        bool(x < y)
    with pytest.raises(TypeError, match="symbolic comparison"):
        x < y < 3  # noqa: B015
    assert x


def test_conversions_to_python_numbers():
    for kind in (int, float, complex):
        assert kind(T.constant(2)) == 2
        with pytest.raises(TypeError, match=rf"no value to make a Python {kind.__name__} of.*\.eval\(\)"):
            kind(T.dscalar("x"))
    with pytest.raises(TypeError):
        range(T.lscalar())


def test_lengths_and_iteration():
    x = T.dvector("x")
    with pytest.raises(TypeError, match=r"Use \.shape\[0\]"):
        len(x)
    with pytest.raises(TypeError, match=r"cannot iterate over x.*T\.sum"):
        iter(x)
    with pytest.raises(TypeError, match=r"theano\.scan"):
        sum(x)
    rows, columns = T.dmatrix("m").shape
    assert rows.ndim == columns.ndim == 0
    assert len(list(T.constant([1, 2, 3]))) == 3


def test_elements_cannot_be_assigned():
    x = T.dvector("x")
    with pytest.raises(TypeError, match=r"T\.set_subtensor"):
        x[0] = 1


def test_setting_and_increasing():
    np.testing.assert_array_equal(value_of(lambda v: v[1:].set(0.0), X[0]), [1.5, 0, 0])
    np.testing.assert_array_equal(value_of(lambda v: v[0].inc(1.0), X[0]), [2.5, -2, 3.25])


def test_operands_that_are_no_tensors():
    with pytest.raises(TypeError):
        T.dvector() + object()
    with pytest.raises(TypeError):
        "text" * T.dvector()


PROPERTIES = {
    "T": lambda x: x.T,
    "size": lambda x: np.asarray(x.size),
    "shape": lambda x: np.asarray(x.shape),
    "real": lambda x: x.real,
    "imag": lambda x: x.imag,
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties(name):
    np.testing.assert_array_equal(value_of(lambda v: getattr(v, name), X), PROPERTIES[name](X))
    assert value_of(lambda v: v.size, X[0]) == 3


METHODS = [
    ("sum", (0,)),
    ("prod", (1,)),
    ("mean", (0,)),
    ("var", (1,)),
    ("std", (1,)),
    ("min", (0,)),
    ("max", (1,)),
    ("argmin", (0,)),
    ("argmax", (1,)),
    ("any", (0,)),
    ("all", (1,)),
    ("cumsum", (1,)),
    ("cumprod", (0,)),
    ("reshape", ((3, 2),)),
    ("flatten", ()),
    ("ravel", ()),
    ("transpose", ()),
    ("transpose", (1, 0)),
    ("swapaxes", (0, 1)),
    ("squeeze", ()),
    ("repeat", (2, 1)),
    ("take", ([0, 2], 1)),
    ("diagonal", ()),
    ("trace", ()),
    ("clip", (-1.0, 2.0)),
    ("round", ()),
    ("conj", ()),
    ("conjugate", ()),
    ("copy", ()),
    ("argsort", (1,)),
    ("astype", ("float32",)),
]


@pytest.mark.parametrize(("name", "arguments"), METHODS, ids=[f"{n}{a}" for n, a in METHODS])
def test_methods_as_of_arrays(name, arguments):
    found = value_of(lambda v: getattr(v, name)(*arguments), X)
    np.testing.assert_allclose(found, getattr(X, name)(*arguments), rtol=1e-12)


def test_methods_that_arrays_do_not_have():
    np.testing.assert_array_equal(value_of(lambda v: v.ptp(0), X), np.ptp(X, axis=0))
    np.testing.assert_array_equal(value_of(lambda v: v.nonzero_values(), N), N[N != 0])
    for found, expected in zip(value_of(lambda v: list(v.nonzero()), N), N.nonzero(), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(value_of(lambda v: v.zeros_like(), X), np.zeros_like(X))
    np.testing.assert_array_equal(value_of(lambda v: v.ones_like("int8"), X), np.ones_like(X, "int8"))
    np.testing.assert_array_equal(value_of(lambda v: v.fill(3.0), X), np.full_like(X, 3))
    np.testing.assert_array_equal(value_of(lambda v: v.dimshuffle(1, "x", 0), X), X.T[:, None])
    np.testing.assert_array_equal(value_of(lambda v: v.dimshuffle([1, 0]), X), X.T)
    choices = [X[0], Y[0]]
    np.testing.assert_array_equal(value_of(lambda v: v.choose(choices), np.array([0, 1, 0])), [1.5, 3, 3.25])


def test_type_shows_through():
    x = T.frow()
    assert (x.ndim, x.dtype, x.broadcastable) == (2, "float32", (True, False))
    assert x.transfer("cpu") is x
    with pytest.raises(ValueError, match="cannot transfer"):
        x.transfer("gpu0")
    assert T.constant(3.0).get_scalar_constant_value() == 3
    assert (T.constant(1) + T.dvector().fill(2)).get_scalar_constant_value() == 3
    assert x.copy(name="y").name == "y"
