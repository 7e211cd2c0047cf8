"""TensorType, the named constructors, constants: what values are accepted and which dtypes come out."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.tensor.type import CONSTRUCTORS, DTYPES, PATTERNS, PREFIXES, TensorType


def test_identity_and_text() -> None:
    assert TensorType("float64", (False, True)) == TensorType("float64", [0, 1])
    assert hash(TensorType("int8", ())) == hash(TensorType(np.int8, ()))
    assert TensorType("float64", ()) != TensorType("float32", ())
    assert pickle.loads(pickle.dumps(T.dcol)) == T.dcol
    assert [str(t) for t in (T.dscalar, T.fvector, T.drow, T.dcol, T.imatrix, T.dtensor3)] == [
        "TensorType(float64, scalar)",
        "TensorType(float32, vector)",
        "TensorType(float64, row)",
        "TensorType(float64, col)",
        "TensorType(int32, matrix)",
        "TensorType(float64, 3D)",
    ]
    assert T.dvector.clone(dtype="int8", broadcastable=(True,)) == TensorType("int8", (True,))
    for wrong in ("float99", "object", "floatx", str):
        with pytest.raises(TypeError, match="unsupported dtype"):
            TensorType(wrong, ())


@pytest.mark.parametrize("what", sorted(PATTERNS))
def test_constructors(what: str) -> None:
    plural = {"matrix": "matrices"}.get(what, what + "s")
    for letter, dtype in PREFIXES.items():
        variable = getattr(T, letter + what)("v")
        assert (variable.dtype, variable.broadcastable, variable.name) == (dtype, PATTERNS[what], "v")
        assert [v.name for v in getattr(T, letter + plural)("a", "b")] == ["a", "b"]
    with theano.config.change_flags(floatX="float32"):
        assert getattr(T, what)("v").dtype == "float32"
    assert getattr(T, what)(dtype="int16").dtype == "int16"
    assert len(getattr(T, plural)(3)) == 3


def test_plurals_refuse_nothing_at_all() -> None:
    with pytest.raises(TypeError):
        T.dvectors()
    with pytest.raises(ValueError):
        T.dvectors(0)
    assert set(CONSTRUCTORS) <= set(dir(T))


@pytest.mark.parametrize(
    ("dtype", "value", "result"),
    [
        ("float64", [1, 2], [1.0, 2.0]),
        ("float64", np.array([1, 2]), [1.0, 2.0]),
        ("float64", np.array([1, 2], ">f4"), [1.0, 2.0]),
        ("float32", [0.5], [0.5]),
        ("float32", [np.nan], [np.nan]),
        ("float32", [0.1], None),
        ("float32", np.array([0.5]), None),
        ("float32", np.array([1], "int16"), [1.0]),
        ("float32", np.array([1], "int32"), None),
        ("float32", [1e300], None),
        ("int8", [100], [100]),
        ("int8", [300], None),
        ("int8", [1.5], None),
        ("int8", [1.0], [1]),
        ("int64", [np.nan], None),
        ("uint8", [-1], None),
        ("float64", [1j], None),
        ("float64", [1 + 0j], [1.0]),
        ("complex64", [0.5], [0.5]),
        ("bool", [True], [True]),
        ("float64", ["a"], None),
        ("float64", [[1], [1, 2]], None),
        ("float64", [None], None),
        ("float64", [[1.0]], None),
        ("float64", 1.0, None),
    ],
)
def test_filter_of_vectors(dtype: str, value: Any, result: Any) -> None:
    kind = TensorType(dtype, (False,))
    if result is None:
        with pytest.raises(TypeError):
            kind.filter(value)
    else:
        array = kind.filter(value)
        assert type(array) is np.ndarray and array.dtype == dtype
        assert np.array_equal(array, np.array(result, dtype), equal_nan=dtype[0] in "fc")


def test_filter_settings() -> None:
    f = T.fvector
    assert f.filter(np.array([0.1]), allow_downcast=True).dtype == np.float32
    assert f.filter([0.1], allow_downcast=True).dtype == np.float32
    with pytest.raises(TypeError, match="strict"):
        f.filter([1.0], strict=True)
    with pytest.raises(TypeError, match="strict"):
        f.filter(np.array([1.0]), strict=True)
    with theano.config.change_flags(floatX="float32"):
        assert T.fscalar.filter(0.1).dtype == np.float32
        with pytest.raises(TypeError):
            T.fscalar.filter(0.1, allow_downcast=False)
    with theano.config.change_flags(floatX="float64"), pytest.raises(TypeError):
        T.fscalar.filter(0.1)
    with pytest.raises(TypeError, match="broadcastable"):
        T.drow.filter(np.zeros((2, 3)))
    with pytest.raises(TypeError, match="symbolic"):
        T.dscalar.filter(T.dscalar("x"))


def test_filter_keeps_the_memory_of_what_fits() -> None:
    values = np.zeros(3)
    assert T.dvector.filter(values) is values
    assert np.shares_memory(T.dvector.filter(np.asfortranarray(values)), values)


def test_convert_variable() -> None:
    m, r = T.dmatrix("m"), T.drow("r")
    assert T.dmatrix.filter_variable(r).type == T.dmatrix
    assert T.drow.filter_variable(m).type == T.drow
    for other in (T.fmatrix("f"), T.dvector("v")):
        with pytest.raises(TypeError, match="where type"):
            T.dmatrix.filter_variable(other)


@pytest.mark.parametrize("dtype", DTYPES)
def test_comparison_of_values(dtype: str) -> None:
    kind = TensorType(dtype, (False,))
    a = np.array([1, 0, 1], dtype)
    assert kind.values_eq(a, a.copy()) and kind.values_eq_approx(a, a.copy())
    assert not kind.values_eq(a, a[:2]) and not kind.values_eq_approx(a, 1 - a if dtype != "bool" else ~a)
    if a.dtype.kind in "fc":
        near = (a * (1 + 10 * float(np.finfo(dtype).eps))).astype(dtype)
        assert kind.values_eq_approx(a, near) and not kind.values_eq(a, near)
        b = a.copy()
        b[0] = np.nan
        assert kind.values_eq(b, b.copy()) and not kind.values_eq_approx(a, b)


# ---- constants


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "int8"), (-129, "int16"), (40_000, "int32"), (2**40, "int64"), (2**63, "uint64"), (True, "bool"),
        (0.5, "float32"), (0.1, "float64"), (1j, "complex128"), (np.float32(0.1), "float32"), (np.int64(1), "int64"),
        (np.zeros(2, "int16"), "int16"), ([1, 2], "int64"), ([0.5], "float64"),
    ],
)  # fmt: skip
def test_autocast(value: Any, dtype: str) -> None:
    assert T.constant(value).dtype == dtype


def test_autocast_with_floatx() -> None:
    with theano.config.change_flags(floatX="float32"):
        assert T.constant(0.1).dtype == "float32"
        assert (T.fvector() * 0.1).dtype == "float32"
    assert (T.fvector() * np.float64(0.1)).dtype == "float64"


def test_constants_cannot_change() -> None:
    values = np.array([1.0, 2.0])
    constant = T.constant(values)
    values[0] = 7
    assert constant.data.tolist() == [1, 2]
    with pytest.raises(ValueError):
        constant.data[0] = 3


def test_constant_arguments() -> None:
    c = T.constant([1, 2], name="c", ndim=2, dtype="float32")
    assert (c.name, c.broadcastable, c.dtype) == ("c", (True, False), "float32")
    assert T.constant(c.data).broadcastable == (True, False)
    with pytest.raises(ValueError):
        T.constant([[1]], ndim=1)
    for wrong in (2**70, "a", object(), [1, [2]]):
        with pytest.raises(TypeError):
            T.constant(wrong)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (2, "2"),
        ([[1, 1]], "(1, 2) of 1"),
        ([1, 2, 3], "[1 2 3]"),
        (np.arange(99.0), "[ 0.  1.  ..97. 98.]"),
    ],
)
def test_text_of_constants(value: Any, text: str) -> None:
    shown = str(T.constant(value))
    assert shown.startswith("TensorConstant{" + text[:10]) and len(shown) <= 40


def test_as_tensor_variable() -> None:
    x = T.dscalar("x")
    assert T.as_tensor_variable(x) is x
    assert T.as_tensor_variable([x, x * 2, 3]).eval({x: 1.0}).tolist() == [1, 2, 3]
    assert T.as_tensor_variable([[x, 1], [2, x]]).eval({x: 5.0}).tolist() == [[5, 1], [2, 5]]
    v = T.dvector("v")
    assert T.as_tensor_variable(v, ndim=2).broadcastable == (True, False)
    assert T.as_tensor_variable(T.drow("r"), ndim=1).broadcastable == (False,)
    assert T.as_tensor_variable((x + 1).owner) is not None
    with pytest.raises(ValueError, match="cannot drop"):
        T.as_tensor_variable(T.dmatrix(), ndim=1)
    with pytest.raises(TypeError):
        T.as_tensor_variable(theano.generic("g"))
    with pytest.raises(TypeError):
        T.as_tensor_variable({})


def test_plural_constructors() -> None:
    assert [v.name for v in T.dmatrices("a", "b")] == ["a", "b"]
    assert len(T.vectors(3)) == 3
    assert [v.name for v in T.scalars("xyz")] == ["x", "y", "z"]
    assert [v.name for v in T.dvectors(["a1", "b1"])] == ["a1", "b1"]
    assert T.dmatrices("a").type == T.dmatrix  # the variable itself, as in Theano 1.0


@pytest.mark.parametrize("value", [np.float64(0.5), np.int64(3)])
def test_numpy_numbers_that_fit_exactly_are_taken(value: np.generic) -> None:
    assert T.fscalar.filter(value).dtype == "float32"
    with pytest.raises(TypeError, match="losing precision"):
        T.fscalar.filter(np.float64(0.1))
    with pytest.raises(TypeError, match="losing precision"):
        T.fscalar.filter(np.asarray(value))


def test_dtypes_given_as_classes() -> None:
    assert T.dmatrix().astype(np.float32).dtype == T.cast(T.dmatrix(), np.float32).dtype == "float32"


def test_constants_under_the_cast_policies() -> None:
    with theano.config.change_flags(floatX="float32"):
        assert (T.constant(0.1).dtype, T.constant([0.1, 0.2]).dtype) == ("float32", "float64")
        assert T.constant([]).dtype == "float32"
    with theano.config.change_flags([("cast_policy", "numpy+floatX"), ("floatX", "float32")]):
        assert (T.constant(1).dtype, T.constant(0.5).dtype) == ("int64", "float32")
        assert (T.ivector() * 0.5).dtype == "float32"
    with theano.config.change_flags(cast_policy="numpy+floatX"):
        assert (T.constant(2**40).dtype, T.constant(0.5).dtype) == ("int64", "float64")
