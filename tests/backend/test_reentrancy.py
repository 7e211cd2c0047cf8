"""Code that runs while a call ends may call the same function: owners of values given up, the garbage collector."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.backend.in_threads import in_threads


def test_a_replaced_shared_value_calls_the_function():
    x, state = T.dvector("x"), theano.shared(np.zeros(3))
    f = theano.function([x], [x * 2, x + 1, state * 1], updates=[(state, state + x)])
    for single in (False, True):
        g = theano.function([x], state * 1, updates=[(state, state + x)]) if single else f
        for k in range(3):
            value = np.full(3, float(k))
            state.set_value(value, borrow=True)
            seen = []
            watch = weakref.ref(value, lambda _, seen=seen, g=g: seen.append(g(np.full(3, 100.0))))
            del value
            found = g(np.ones(3))
            if single:
                np.testing.assert_array_equal(found, np.full(3, k))
            else:
                np.testing.assert_array_equal(found, [np.full(3, 2.0), np.full(3, 2.0), np.full(3, k)])
                np.testing.assert_array_equal(seen[0], [np.full(3, 200.0), np.full(3, 101.0), np.full(3, k + 1)])
            assert watch() is None and len(seen) == 1
            np.testing.assert_array_equal(state.get_value(), np.full(3, k + 101.0))


def test_a_forgotten_result_calls_the_function():
    x = T.dvector("x")
    f = theano.function([x], [x * 2, x + 1])
    seen = []

    def again(_):
        if len(seen) < 50:
            seen.append(f(np.full(4, 100.0)))

    watches = []
    for n in range(40):
        found = f(np.full(n % 5, float(n)))
        np.testing.assert_array_equal(found[0], np.full(n % 5, 2.0 * n))
        np.testing.assert_array_equal(found[1], np.full(n % 5, n + 1.0))
        watches += [weakref.ref(r, again) for r in found]
        del found
    gc.collect()
    for first, second in seen:
        np.testing.assert_array_equal(first, np.full(4, 200.0))
        np.testing.assert_array_equal(second, np.full(4, 101.0))


def test_the_garbage_collector_calls_the_function():
    x = T.dvector("x")
    f = theano.function([x], [x * 2, x + 1])
    seen = []

    class Cycle:
        def __init__(self):
            self.me = self

        def __del__(self):
            seen.append(f(np.full(2, 7.0)))

    threshold = gc.get_threshold()
    gc.set_threshold(3)
    try:
        for n in range(400):
            Cycle()
            held = [f(np.full(3, float(n))) for _ in range(4)]
            for first, second in held:
                np.testing.assert_array_equal(first, np.full(3, 2.0 * n))
                np.testing.assert_array_equal(second, np.full(3, n + 1.0))
    finally:
        gc.set_threshold(*threshold)
    assert seen
    for first, second in seen:
        np.testing.assert_array_equal(first, [14.0, 14.0])
        np.testing.assert_array_equal(second, [8.0, 8.0])


def test_messages_of_failures_in_threads():
    """Each thread reads the lengths of its own failure."""
    x, y = T.dvectors("x", "y")
    f = theano.function([x, y], x + y)

    def work(number):
        n = 3 + number
        for _ in range(300):
            with pytest.raises(ValueError) as caught:
                f(np.zeros(n), np.zeros(n + 1))
            assert f"({n},)" in str(caught.value)

    in_threads(6, work, switch_interval=1e-6)
