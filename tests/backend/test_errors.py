"""Run-time errors: the reference's exception, naming operation, shapes and the user's line; nothing half done."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.tensor.assertion import Assert

MODES = {"native": theano.Mode("native", None), "rewritten": "FAST_RUN", "reference": theano.Mode("reference", None)}


def failures():
    """(name, expression of x matrix, y matrix, i integer; wrong arguments; error; words of the message)"""
    good = np.ones((2, 3)), np.ones((2, 3))
    yield "elementwise", lambda x, y, i: x + y, (good[0], np.ones((2, 4)), 1), ValueError, ("(2, 3)", "(2, 4)")
    yield (
        "fused",
        lambda x, y, i: T.exp(x) * T.tanh(y) + 1,
        (good[0], np.ones((3, 3)), 1),
        ValueError,
        ("(2, 3)", "(3, 3)"),
    )
    yield "unwarranted broadcast", lambda x, y, i: x + y, (good[0], np.ones((1, 3)), 1), ValueError, ("(1, 3)",)
    yield "dot", lambda x, y, i: T.dot(x, y.T), (good[0], np.ones((2, 4)), 1), ValueError, ("3", "4")
    yield "index", lambda x, y, i: x[i] + y[i], (*good, 5), IndexError, ("5", "2")
    yield "rows", lambda x, y, i: x[T.stack([i, i])], (*good, -3), IndexError, ("-3", "2")
    yield "set", lambda x, y, i: T.set_subtensor(x[i:], y), (*good, 1), ValueError, ("(2, 3)",)
    yield "change of rows", lambda x, y, i: T.inc_subtensor(x[T.stack([i, 0])], y), (*good, 7), IndexError, ("7",)
    yield "reshape", lambda x, y, i: x.reshape((i, i)), (*good, 5), ValueError, ("(2, 3)", "5")
    yield "join", lambda x, y, i: T.concatenate([x, y], 0), (good[0], np.ones((2, 4)), 1), ValueError, ("3", "4")
    yield "alloc", lambda x, y, i: T.alloc(x[0, 0], i), (*good, -2), ValueError, ("-2",)
    yield "maximum of nothing", lambda x, y, i: x.max(0) + i, (np.ones((0, 3)), good[1], 1), ValueError, ("(0, 3)",)
    yield "assertion", lambda x, y, i: Assert("i is positive")(x, i > 0), (*good, 0), AssertionError, ("i is positive",)
    yield "zero step", lambda x, y, i: x[::i], (*good, 0), ValueError, ("step",)
    yield "split", lambda x, y, i: T.split(x, T.stack([i, i]), 2, 1)[0], (*good, 2), ValueError, ("2", "3")


WITHOUT_GOOD_CALL = ("set", "reshape", "split")  # for these the arguments of the others do not fit


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name, build, wrong, error, words", [pytest.param(*f, id=f[0]) for f in failures()])
def test_errors(name, build, wrong, error, words, mode):
    x, y, i = T.dmatrix("x"), T.dmatrix("y"), T.lscalar("i")
    output = build(x, y, i)
    state, counter = theano.shared(np.zeros(3), "state"), theano.shared(0)
    f = theano.function(
        [x, y, i],
        [output, x * 2],
        updates=[(state, state + x.sum()), (counter, counter + 1)],
        mode=MODES[mode],
        on_unused_input="ignore",
    )
    good = np.ones((2, 3)), np.ones((2, 3)), 1
    if name not in WITHOUT_GOOD_CALL:
        f(*good)
    before = state.get_value(), counter.get_value()
    for _ in range(3):
        with pytest.raises(error) as caught:
            f(*wrong)
        text = str(caught.value) + "".join(getattr(caught.value, "__notes__", ()))
        for word in words:
            assert word in text, text
        assert "test_errors.py" in text, text
        np.testing.assert_array_equal(state.get_value(), before[0])
        assert counter.get_value() == before[1]
    if name not in WITHOUT_GOOD_CALL:
        f(*good)
        assert counter.get_value() == before[1] + 1


def test_a_failing_call_leaks_nothing():
    x, y = T.dvectors("x", "y")
    f = theano.function([x, y], [x * 2, x + y])
    a, b = np.ones(1000), np.ones(999)
    counts = sys.getrefcount(a), sys.getrefcount(b)
    for _ in range(200):
        with pytest.raises(ValueError):
            f(a, b)
        f(a, a)
    assert (sys.getrefcount(a), sys.getrefcount(b)) == counts


def test_conversion_errors_leave_the_shared_value():
    x = T.dvector("x")
    state = theano.shared(np.zeros(3))
    f = theano.function([x], x.sum(), updates=[(state, state + x)])
    for wrong in (np.zeros((2, 2)), "text", None, np.zeros(3, "complex128"), object()):
        with pytest.raises((TypeError, ValueError)):
            f(wrong)
    with pytest.raises(TypeError):
        f()
    with pytest.raises(TypeError):
        f([1.0], [2.0])
    np.testing.assert_array_equal(state.get_value(), np.zeros(3))
    assert f([1, 2, 3]) == 6.0
    np.testing.assert_array_equal(state.get_value(), [1, 2, 3])
    with pytest.raises(ValueError):
        f([1.0, 2.0])
    np.testing.assert_array_equal(state.get_value(), [1, 2, 3])


def test_a_value_that_an_update_cannot_hold():
    x = T.dvector("x")
    state = theano.shared(np.zeros(3))
    f = theano.function([x], [], updates=[(state, x)])
    f(np.ones(5))
    np.testing.assert_array_equal(state.get_value(), np.ones(5))
