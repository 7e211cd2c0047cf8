"""Shared variables, updates and givens."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.compile.sharedvalue import SharedVariable
from theano.updates import OrderedUpdates

x, y = T.dscalars("x", "y")


@pytest.mark.parametrize(
    ("value", "dtype", "ndim"),
    [
        (1.0, "float64", 0),
        (1, "int64", 0),
        (True, "bool", 0),
        (1j, "complex128", 0),
        (np.float32(1), "float32", 0),
        (np.zeros((2, 1), "int8"), "int8", 2),
        (np.zeros(3, ">f8"), "float64", 1),
    ],
)
def test_types(value: object, dtype: str, ndim: int) -> None:
    s = theano.shared(value, "s")
    assert s.type == T.TensorType(dtype, (False,) * ndim)
    assert s.name == str(s) == "s"
    assert np.array_equal(s.get_value(), np.asarray(value))


def test_objects() -> None:
    s = theano.shared({"a": 1})
    assert isinstance(s, SharedVariable) and s.get_value() == {"a": 1}
    assert s.get_value() is not s.get_value() and s.get_value(borrow=True) is s.get_value(borrow=True)
    with pytest.raises(TypeError, match="cannot be indexed"):
        s[0]


def test_refused() -> None:
    with pytest.raises(TypeError, match=r"numpy.asarray\(\[1, 2\]"):
        theano.shared([1, 2])
    with pytest.raises(TypeError, match="symbolic"):
        theano.shared(x)
    with pytest.raises(TypeError, match="dtype"):
        theano.shared(1.0, dtype="float32")
    with pytest.raises(TypeError, match="broadcastable"):
        theano.shared(np.zeros(2), broadcastable=(False, False))


def test_broadcastable() -> None:
    assert theano.shared(np.zeros((1, 3))).broadcastable == (False, False)
    s = theano.shared(np.zeros((1, 3)), broadcastable=(True, False))
    assert s.broadcastable == (True, False)
    with pytest.raises(TypeError, match="shared variable"):
        s.set_value(np.zeros((2, 3)))


def test_borrow() -> None:
    values = np.zeros(2)
    s = theano.shared(values)
    b = theano.shared(values, borrow=True)
    values[0] = 1
    assert s.get_value()[0] == 0 and b.get_value()[0] == 1
    assert b.get_value(borrow=True) is values
    copied = b.get_value()
    copied[1] = 5
    assert b.get_value()[1] == 0
    b.set_value(values)
    values[0] = 2
    assert b.get_value()[0] == 1
    b.set_value(values, borrow=True)
    values[0] = 3
    assert b.get_value()[0] == 3


def test_set_value_converts_or_refuses() -> None:
    s = theano.shared(np.zeros(2, "float32"), "s")
    s.set_value([1, 2])
    assert s.get_value().dtype == np.float32
    with pytest.raises(TypeError):
        s.set_value(np.array([0.1, 0.2]))
    assert s.get_value().tolist() == [1, 2]
    s.set_value(np.zeros((5,), "float32"))
    assert s.get_value().shape == (5,)
    strict = theano.shared(np.zeros(2), strict=True)
    with pytest.raises(TypeError):
        strict.set_value([1, 2])
    loose = theano.shared(np.zeros(2, "float32"), allow_downcast=True)
    loose.set_value(np.array([0.1, 0.2]))


def test_zero() -> None:
    s = theano.shared(np.ones(2), "s")
    before = s.get_value(borrow=True)
    s.zero()
    assert s.get_value().tolist() == [0, 0] and before.tolist() == [1, 1]
    s = theano.shared(before, borrow=True)
    s.zero(borrow=True)
    assert before.tolist() == [0, 0]


def test_clone_shares_the_value() -> None:
    s = theano.shared(1.0, "s")
    s.clone().set_value(2.0)
    assert s.get_value() == 2


def test_operators() -> None:
    s = theano.shared(np.arange(3.0), "s")
    assert (s + 1).eval().tolist() == [1, 2, 3]
    assert s.sum().eval() == 3


# ---- updates


def test_updates_see_old_values() -> None:
    a, b = theano.shared(1.0, "a"), theano.shared(2.0, "b")
    swap = theano.function([], [a, b], updates=[(a, b), (b, a)])
    assert swap() == [1.0, 2.0]
    assert (a.get_value(), b.get_value()) == (2.0, 1.0)
    assert swap() == [2.0, 1.0]


def test_updated_values_do_not_alias() -> None:
    a, b = theano.shared(np.zeros(2), "a"), theano.shared(np.ones(2), "b")
    theano.function([], updates=[(a, b)])()
    a.get_value(borrow=True)[0] = 9
    assert b.get_value().tolist() == [1, 1]


def test_an_argument_is_not_kept() -> None:
    s, v = theano.shared(np.zeros(2), "s"), T.dvector("v")
    values = np.ones(2)
    result = theano.function([v], s, updates=[(s, v)])(values)
    values[0] = 5
    result[0] = 7
    assert s.get_value().tolist() == [1, 1]


def test_updates_by_views() -> None:
    m = theano.shared(np.arange(4.0).reshape(2, 2), "m")
    flat = theano.shared(np.zeros(4), "flat")
    f = theano.function([], updates=[(m, m.T), (flat, m.flatten())])
    f()
    assert m.get_value().tolist() == [[0, 2], [1, 3]] and flat.get_value().tolist() == [0, 1, 2, 3]
    m.get_value(borrow=True)[...] = 9
    assert flat.get_value().tolist() == [0, 1, 2, 3]
    f()
    assert flat.get_value().tolist() == [9, 9, 9, 9]


@pytest.mark.parametrize("form", [list, dict, OrderedUpdates, lambda pairs: [list(p) for p in pairs], tuple])
def test_forms_of_updates(form: object) -> None:
    n = theano.shared(0, "n")
    f = theano.function([], n, updates=form([(n, n + 2)]))  # type: ignore[operator]
    assert [int(f()), int(f()), int(n.get_value())] == [0, 2, 4]


def test_update_by_a_value() -> None:
    n = theano.shared(5.0, "n")
    theano.function([], updates=[(n, 0)])()
    assert n.get_value() == 0 and n.get_value().dtype == np.float64


def test_failing_call_changes_nothing() -> None:
    w, n = theano.shared(np.zeros(2), "w"), theano.shared(0, "n")
    v = T.dvector("v")
    f = theano.function([v], updates=[(n, n + 1), (w, w + v)])
    with pytest.raises(ValueError):
        f([1.0, 2.0, 3.0])
    assert n.get_value() == 0 and w.get_value().tolist() == [0, 0]
    f([1.0, 2.0])
    assert n.get_value() == 1 and w.get_value().tolist() == [1, 2]


def test_wrong_updates() -> None:
    s = theano.shared(np.zeros(2, "float32"), "s")
    with pytest.raises(TypeError, match="only shared variables"):
        theano.function([x], updates=[(x, x)])
    with pytest.raises(ValueError, match="updated twice"):
        theano.function([], updates=[(s, s), (s, s * 2)])
    with pytest.raises(TypeError, match=r"TensorType\(float32, vector\).*TensorType\(float64, vector\).*cast"):
        theano.function([x], updates=[(s, s * x)])
    with pytest.raises(TypeError, match="rank 1"):
        theano.function([], updates=[(s, s.sum())])
    row = theano.shared(np.zeros((1, 2)), broadcastable=(True, False))
    with pytest.raises(TypeError, match="patternbroadcast"):
        theano.function([], updates=[(row, T.dot(T.dmatrix(), row))])
    with pytest.raises(TypeError, match="pair"):
        theano.function([], updates=[s])


def test_default_update() -> None:
    n = theano.shared(0, "n")
    n.default_update = n + 1
    count = theano.function([], n)
    still = theano.function([], n, no_default_updates=True)
    also_still = theano.function([], n, no_default_updates=[n])
    overridden = theano.function([], n, updates=[(n, n + 10)])
    for f in (count, still, also_still, overridden):
        f()
    assert n.get_value() == 11
    other = theano.shared(0, "other")
    other.default_update = other + n  # brings in n and its own default update
    theano.function([], other)()
    assert (other.get_value(), n.get_value()) == (11, 12)
    with pytest.raises(TypeError, match="no_default_updates"):
        theano.function([], n, no_default_updates=3)  # type: ignore[arg-type]


def test_default_update_of_wrong_type() -> None:
    n = theano.shared(0, "n")
    n.default_update = n + 0.5
    with pytest.raises(TypeError, match="cast"):
        theano.function([], n)


# ---- givens


def test_givens_are_simultaneous() -> None:
    a, b = theano.shared(1.0, "a"), theano.shared(2.0, "b")
    assert theano.function([], a - b, givens={a: b, b: a})() == 1
    assert theano.function([x], a + b, givens=[(a, b * x), (b, a)])(10) == 21


def test_givens_in_updates() -> None:
    data = theano.shared(np.arange(6.0).reshape(3, 2), "data")
    total = theano.shared(np.zeros(2), "total")
    v = T.dmatrix("v")
    theano.function([], updates=[(total, total + v.sum(axis=0))], givens={v: data * 2})()
    assert total.get_value().tolist() == [12, 18]


def test_givens_of_slices() -> None:
    data, labels = theano.shared(np.arange(6.0).reshape(3, 2), "data"), theano.shared(np.array([0, 1, 0]), "labels")
    total = theano.shared(0.0, "total")
    v, k, start = T.dmatrix("v"), T.lvector("k"), T.iscalar("start")
    out = v[T.arange(k.shape[0]), k].sum()
    f = theano.function(
        [start], out, updates=[(total, total + out)], givens={v: data[start : start + 2], k: labels[start : start + 2]}
    )
    assert [float(f(0)), float(f(1)), float(total.get_value())] == [3, 7, 10]


def test_givens_value_and_interior() -> None:
    z = x * 2
    assert theano.function([], z + 1, givens={x: 3})() == 7
    assert theano.function([y], z + 1, givens={z: y})(5) == 6


def test_wrong_givens() -> None:
    i = T.iscalar("i")
    with pytest.raises(RuntimeError, match="both an input"):
        theano.function([x], x, givens={x: y})
    with pytest.raises(TypeError, match="rebuild_strict"):
        theano.function([i], x + 1, givens={x: i})
    with pytest.raises(TypeError, match="replaces variables"):
        theano.function([], x, givens={"x": 1.0})
    with pytest.raises(ValueError, match="twice"):
        theano.function([], x, givens=[(x, 1.0), (x, 2.0)])


def test_rebuild_strict() -> None:
    i = T.iscalar("i")
    f = theano.function([i], x + i, givens={x: i}, rebuild_strict=False)
    assert f(2) == 4 and f(2).dtype == np.int32


# ---- OrderedUpdates


def test_ordered_updates() -> None:
    a, b = theano.shared(1.0, "a"), theano.shared(2.0, "b")
    first, second = OrderedUpdates({a: a + 1}), OrderedUpdates([(b, b + 1)])
    assert list(first + second) == [a, b]
    with pytest.raises(TypeError, match="shared"):
        first[x] = x
    with pytest.raises(KeyError, match="two different"):
        first + OrderedUpdates({a: a * 3})


# ---- containers


def test_container() -> None:
    cell = [None]
    container = theano.compile.Container(T.dvector("v"), cell, name="c")
    container.value = [1, 2]
    assert cell[0] is container.data is container.value and container.value.dtype == np.float64
    with pytest.raises(TypeError):
        container.value = [[1.0]]
    assert container.value.tolist() == [1, 2]
    container.value = None
    fixed = theano.compile.Container(T.dscalar, [np.array(1.0)], readonly=True)
    with pytest.raises(AttributeError, match="read-only"):
        fixed.value = 2.0
    with pytest.raises(TypeError, match="one element"):
        theano.compile.Container(T.dscalar, [])


def test_updates_may_know_more_lengths_than_the_variable() -> None:
    s, x = theano.shared(np.zeros((1, 2))), T.dmatrix("x")
    for value in (T.ones((1, 2)), T.specify_shape(x, (1, 2)), T.split(x, [1, 1], 2)[0]):
        assert value.broadcastable == (True, False) and s.broadcastable == (False, False)
        theano.function([x], updates=[(s, value)], on_unused_input="ignore")(np.ones((1 + (value.owner.nout > 1), 2)))
        assert s.get_value().tolist() == [[1, 1]]
        s.set_value(np.zeros((1, 2)))
