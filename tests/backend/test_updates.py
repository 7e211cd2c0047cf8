"""New values of shared variables that are written over the old ones, and when they must not be."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano
import theano.tensor as T
from tests.backend.in_threads import in_child, in_threads
from theano.backend.native import threads
from theano.configuration import change_flags

LONG = 400_003  # elements that are more than enough for several pieces


def array_of(variable):
    """The array that holds the value of a shared variable."""
    return variable.container.storage[0]


def updated(f) -> list[str]:
    """The names of the variables whose new values may go over the old ones."""
    lines = f.stages()["memory"].split("\n")
    return sorted(line.split(" ")[5] for line in lines if line.startswith("in place: new value of"))


def shared(value, name=None):
    return theano.shared(np.array(value, dtype="float64"), name)


class TestWhichUpdates:
    """What the program says, and that it does so."""

    def check(self, updates, expected, outputs=(), inputs=(), arguments=(), kept=None):
        """The variables named in `expected` keep their arrays in a call, the others get new ones."""
        f = theano.function(list(inputs), list(outputs), updates=updates)
        assert updated(f) == sorted(expected)
        before = {v.name: id(array_of(v)) for v, _ in updates}
        f(*arguments)
        same = [v.name for v, _ in updates if id(array_of(v)) == before[v.name]]
        assert sorted(same) == sorted(expected if kept is None else kept)
        return f

    def test_an_optimizer(self):
        w, v, g = shared(np.ones(4), "w"), shared(np.ones(4), "v"), T.dvector("g")
        new = 0.9 * v + g
        self.check([(w, w - 0.1 * new), (v, new)], ["v", "w"], [], [g], [np.ones(4)])
        np.testing.assert_allclose(w.get_value(), np.full(4, 0.81))

    def test_matrices_scalars_and_rows(self):
        m, s = shared(np.ones((3, 4)), "m"), shared(2.0, "s")
        r = theano.shared(np.ones((1, 4)), "r", broadcastable=(True, False))
        self.check([(m, m * s), (s, s + 1), (r, r * 2)], ["m", "r", "s"])

    def test_what_does_not_read_the_old_value(self):
        w, x = shared(np.ones(3), "w"), T.dvector("x")
        f = self.check([(w, x * 2)], ["w"], [], [x], [np.arange(3.0)])
        f(np.arange(5.0))
        np.testing.assert_array_equal(w.get_value(), np.arange(5.0) * 2)

    def test_reductions_beside(self):
        """What is computed along with a new value, and of that."""
        w, g = shared(np.ones(4), "w"), T.dvector("g")
        new = w - g
        f = self.check([(w, new)], ["w"], [T.sqr(new).sum() / 2, g.sum()], [g], [np.ones(4)])
        np.testing.assert_array_equal(f(np.ones(4)), [2.0, 4.0])

    def test_an_update_that_needs_another(self):
        w, v, g = shared(np.ones(4), "w"), shared(np.ones(4), "v"), T.dvector("g")
        new = v + g
        self.check([(v, new), (w, w - new / T.sqr(new).sum())], ["v", "w"], [], [g], [np.ones(4)])
        np.testing.assert_allclose(w.get_value(), np.full(4, 1 - 2 / 16))

    def test_changing_places_in_one_loop(self):
        a, b = shared([1, 2], "a"), shared([3, 4], "b")
        self.check([(a, a + b), (b, a - b)], ["a", "b"])
        np.testing.assert_array_equal(a.get_value(), [4, 6])
        np.testing.assert_array_equal(b.get_value(), [-2, -2])

    def test_changing_places_in_two_loops(self):
        """The old value of one of them has to stay until the other one has read it."""
        a, b = shared([1, 2, 3], "a"), shared([3, 4], "b")
        self.check([(a, b * 2), (b, a * 3)], ["b"], kept=[])
        np.testing.assert_array_equal(a.get_value(), [6, 8])
        np.testing.assert_array_equal(b.get_value(), [3, 6, 9])

    def test_changing_places_across(self):
        a, b, c = (shared(np.arange(4.0).reshape(2, 2) + k, name) for k, name in enumerate("abc"))
        old = [v.get_value() for v in (a, b, c)]
        f = theano.function([], [], updates=[(a, b.T + 1), (b, c.T + 2), (c, a.T + 3)])
        assert len(updated(f)) == 2
        for _ in range(3):
            f()
            old = [old[1].T + 1, old[2].T + 2, old[0].T + 3]
            for v, value in zip((a, b, c), old, strict=True):
                np.testing.assert_array_equal(v.get_value(), value)

    def test_who_reads_comes_before_who_writes(self):
        a, b = shared([[1, 2], [3, 4]], "a"), shared([[5, 6], [7, 8]], "b")
        self.check([(a, a + 1), (b, b + a.T)], ["a", "b"])
        np.testing.assert_array_equal(b.get_value(), [[6, 9], [9, 12]])

    @pytest.mark.parametrize(
        "change", [lambda m: m + m.T, lambda m: m[::-1] * 2, lambda m: m + m[0], lambda m: m + m.sum()]
    )
    def test_elements_that_are_read_elsewhere(self, change):
        m = shared([[1, 2], [3, 4]], "m")
        f = theano.function([], [], updates=[(m, change(m))])
        f()
        np.testing.assert_array_equal(m.get_value(), change(np.array([[1.0, 2], [3, 4]])))

    def test_what_computes_much_writes_beside(self):
        """It takes long, and who writes over values keeps the lock."""
        w, v = shared(np.ones(4), "w"), shared(np.ones(4), "v")
        self.check([(w, T.tanh(T.exp(w))), (v, T.gammaln(v))], [])

    def test_rows_that_are_near_are_used_at_once(self):
        m = shared(np.ones((4, 3)), "m")
        f = self.check([(m, T.nnet.softmax(m))], [])
        assert "strips of" in f.stages()["program"]

    def test_rows_that_are_read_twice_may_be_written_over(self):
        m = shared(np.ones((4, 3)), "m")
        self.check([(m, m / T.sqr(m + 1).sum(axis=1, keepdims=True))], ["m"])
        np.testing.assert_allclose(m.get_value(), np.full((4, 3), 1 / 12))

    def test_changes_of_parts(self):
        """Of the copy that a change is made in, nothing is left."""
        w, x, i = shared(np.zeros((4, 3)), "w"), T.dmatrix("x"), T.lvector("i")
        numbers = np.array([1, 1, -1])
        self.check([(w, T.inc_subtensor(w[i], x))], ["w"], [], [i, x], [numbers, np.ones((3, 3))])
        np.testing.assert_array_equal(w.get_value()[:, 0], [0, 2, 0, 1])
        new = T.set_subtensor(T.inc_subtensor(w[i], x)[i[::-1]], 2 * x)
        self.check([(w, new)], ["w"], [w[i]], [i, x], [numbers, np.ones((3, 3))])
        np.testing.assert_array_equal(w.get_value()[:, 0], [0, 2, 0, 2])

    def test_changes_of_slices_and_rows(self):
        w, k = shared(np.zeros(6), "w"), T.lscalar("k")
        new = T.set_subtensor(T.set_subtensor(w[k], 7.0)[2:k], w[0] + 1)
        self.check([(w, new)], ["w"], [w.sum()], [k], [np.array(4)])
        np.testing.assert_array_equal(w.get_value(), [0, 0, 1, 1, 7, 0])
        self.check([(w, T.inc_subtensor(w[::2], 1.0))], ["w"])
        np.testing.assert_array_equal(w.get_value(), [1, 0, 2, 1, 8, 0])

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    @pytest.mark.parametrize("lengths", [(3, 4, 5), (40, 30, 20), (70, 1, 90), (1, 60, 70), (300, 400, 30)])
    def test_products_that_are_added_to_a_value(self, dtype, lengths):
        m, n, k = lengths
        rng = np.random.default_rng(0)
        start, a, b, u, v = (rng.standard_normal(s).astype(dtype) for s in ((m, n), (k, m), (k, n), m, n))
        w, z = theano.shared(start, "w"), theano.shared(u, "z")
        x, y, p = T.matrix("x", dtype), T.matrix("y", dtype), T.vector("p", dtype)
        rate = np.asarray(0.125, dtype)
        updates = [(w, w - rate * T.dot(x.T, y)), (z, z + T.dot(w, p))]
        f = self.check(updates, ["w", "z"], [], [x, y, p], [a, b, v])
        with threads.using(2):
            f(a, b, v)
        first = start - a.T @ b / 8
        tolerance = 1e-4 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(w.get_value(), start - a.T @ b / 4, rtol=tolerance, atol=30 * tolerance)
        np.testing.assert_allclose(z.get_value(), u + start @ v + first @ v, rtol=tolerance, atol=100 * tolerance)

    def test_products_of_the_value_itself(self):
        start, a = np.arange(9.0).reshape(3, 3), np.diag(np.arange(3.0) - 1)
        w, x = shared(start, "w"), T.dmatrix("x")
        for change in (
            lambda dot, w, x: w + dot(w, x),
            lambda dot, w, x: w + dot(x, w),
            lambda dot, w, x: dot(x, w.T),
            lambda dot, w, x: w.T + dot(x, x),
            lambda dot, w, x: dot(w, w + x),
        ):
            w.set_value(start)
            self.check([(w, change(T.dot, w, x))], [], [], [x], [a])
            np.testing.assert_allclose(w.get_value(), change(np.dot, start, a))

    def test_long_products_give_up_the_lock(self):
        n = 600
        a = np.random.default_rng(0).standard_normal((n, n)) / n
        w, x = shared(np.zeros((n, n)), "w"), T.dmatrix("x")
        f = self.check([(w, w + T.dot(x, x))], ["w"], [], [x], [a], kept=[])
        f(a)
        np.testing.assert_allclose(w.get_value(), 2 * a @ a, rtol=1e-9, atol=1e-12)

    def test_parts_that_move_within_a_value(self):
        """What is read while something is written must be the old value."""
        w = shared(np.arange(6.0), "w")
        f = theano.function([], [], updates=[(w, T.set_subtensor(w[1:], w[:-1]))])
        f(), f()
        np.testing.assert_array_equal(w.get_value(), [0, 0, 0, 1, 2, 3])
        i = T.lvector("i")
        g = theano.function([i], [], updates=[(w, T.set_subtensor(w[i], w[::-1]))])
        g(np.arange(6))
        np.testing.assert_array_equal(w.get_value(), [3, 2, 1, 0, 0, 0])

    def test_a_changed_value_that_has_other_uses(self):
        w, v = shared(np.zeros(4), "w"), shared(np.ones(4), "v")
        new = T.inc_subtensor(w[1:3], 2.0)
        f = theano.function([], [new, T.exp(new).sum()], updates=[(w, new), (v, v + new)])
        f()
        found = f()
        np.testing.assert_array_equal(found[0], [0, 4, 4, 0])
        np.testing.assert_array_equal(w.get_value(), [0, 4, 4, 0])
        np.testing.assert_array_equal(v.get_value(), [1, 7, 7, 1])

    def test_indices_that_are_the_value(self):
        w = theano.shared(np.array([2, 0, 1]), "w")
        f = theano.function([], [], updates=[(w, T.inc_subtensor(w[w], w))])
        f()
        np.testing.assert_array_equal(w.get_value(), [2, 1, 3])

    def test_other_dtypes_and_shapes_write_beside(self):
        w = shared(np.ones(4), "w")
        f = theano.function([], [], updates=[(w, T.concatenate([w, w]))])
        f()
        assert array_of(w).shape == (8,)

    def test_old_values_as_results(self):
        w = shared(np.arange(6.0).reshape(2, 3), "w")
        f = theano.function([], [w, w.T, w[0], w.flatten(), w[::-1]], updates=[(w, w + 1)])
        assert updated(f) == ["w"]
        held = []
        for k in range(3):
            old = np.arange(6.0).reshape(2, 3) + k
            held.append((f(), [old, old.T, old[0], old.ravel(), old[::-1]]))
        for found, expected in held:
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)

    def test_new_values_as_results(self):
        w = shared(np.zeros(3), "w")
        new = w + 1
        f = theano.function([], new, updates=[(w, new)])
        held = [f() for _ in range(3)]
        np.testing.assert_array_equal(held, [np.full(3, k + 1.0) for k in range(3)])

    def test_two_variables_with_one_new_value(self):
        a, b = shared(np.zeros(3), "a"), shared(np.ones(3), "b")
        f = theano.function([], [], updates=[(a, a + b), (b, a + b)])
        f(), f()
        np.testing.assert_array_equal(a.get_value(), np.full(3, 2.0))
        np.testing.assert_array_equal(b.get_value(), np.full(3, 2.0))
        assert not np.may_share_memory(array_of(a), array_of(b))

    def test_no_array_is_kept_beside(self):
        w = shared(np.zeros(10), "w")
        f = theano.function([], [], updates=[(w, w + 1)])
        counts = []
        for _ in range(5):
            counts.append(sys.getrefcount(array_of(w)))
            f()
        assert len(set(counts)) == 1

    def test_a_pickled_function(self):
        w = shared(np.zeros(3), "w")
        f = pickle.loads(pickle.dumps(theano.function([], w, updates=[(w, w + 1)])))
        assert updated(f) == ["w"]
        np.testing.assert_array_equal([f(), f()], [np.zeros(3), np.ones(3)])


class TestOwners:
    """Arrays that somebody else may know of are not written over."""

    def setup_method(self):
        self.w = shared(np.zeros(3), "w")
        self.f = theano.function([], [], updates=[(self.w, self.w + 1)])

    def check(self, held, old=0.0):
        """A call leaves `held` as it is; the next one, and the value itself, go on."""
        self.f()
        np.testing.assert_array_equal(held, np.full(np.shape(held), old))
        np.testing.assert_array_equal(self.w.get_value(), np.full(3, old + 1))
        place = id(array_of(self.w))
        self.f()
        assert id(array_of(self.w)) == place
        np.testing.assert_array_equal(self.w.get_value(), np.full(3, old + 2))

    def test_a_borrowed_value(self):
        self.check(self.w.get_value(borrow=True))

    def test_a_view_of_a_borrowed_value(self):
        self.check(self.w.get_value(borrow=True)[1:])

    def test_a_buffer_of_a_borrowed_value(self):
        self.check(memoryview(self.w.get_value(borrow=True)))

    def test_a_weak_reference_to_a_value(self):
        watch = weakref.ref(array_of(self.w))
        self.f()
        assert watch() is None

    def test_a_value_that_the_user_lent(self):
        value = np.zeros(3)
        self.w.set_value(value, borrow=True)
        self.check(value)
        self.w = theano.shared(value, "w", borrow=True)
        self.f = theano.function([], [], updates=[(self.w, self.w + 1)])
        self.check(value)

    def test_a_value_that_was_copied(self):
        value = np.zeros(3)
        self.w.set_value(value)
        place = id(array_of(self.w))
        self.f()
        assert id(array_of(self.w)) == place
        assert not value.any()

    def test_a_view_as_value(self):
        value = np.zeros(6)
        self.w.set_value(value[::2], borrow=True)
        self.check(value)
        self.w.set_value(value[:3], borrow=True)
        self.check(value)

    @pytest.mark.parametrize("layout", ["F", "read-only", "backwards"])
    def test_other_layouts(self, layout):
        m = shared(np.zeros((3, 3)), "m")
        f = theano.function([], [], updates=[(m, m + m.sum(axis=0) + 1)])
        value = np.asfortranarray(np.arange(9.0).reshape(3, 3))
        value = value if layout == "F" else value[::-1] if layout == "backwards" else np.ascontiguousarray(value)
        value.flags.writeable = layout != "read-only"
        expected = value + value.sum(axis=0) + 1
        m.set_value(value, borrow=True)
        del value
        f()
        np.testing.assert_array_equal(m.get_value(), expected)
        f()
        np.testing.assert_array_equal(m.get_value(), expected + expected.sum(axis=0) + 1)

    def test_one_array_in_two_variables(self):
        v = shared(np.ones(3), "v")
        self.w.set_value(array_of(v), borrow=True)
        f = theano.function([], [], updates=[(v, v * 5), (self.w, self.w + 1)])
        f()
        np.testing.assert_array_equal(v.get_value(), np.full(3, 5.0))
        np.testing.assert_array_equal(self.w.get_value(), np.full(3, 2.0))

    def test_one_container_in_two_variables(self):
        other = self.w.clone()
        f = theano.function([], [], updates=[(self.w, self.w + other[::-1])])
        self.w.set_value(np.arange(3.0))
        f(), f()
        np.testing.assert_array_equal(self.w.get_value(), [4.0, 4.0, 4.0])

    def test_a_copy_over_other_variables(self):
        v = shared(np.arange(3.0), "v")
        f = theano.function([], [], updates=[(self.w, self.w + v[::-1])])
        g = f.copy(swap={v: self.w})
        self.w.set_value(np.arange(3.0))
        g()
        np.testing.assert_array_equal(self.w.get_value(), [2.0, 2.0, 2.0])
        f()
        np.testing.assert_array_equal(self.w.get_value(), [4.0, 3.0, 2.0])
        np.testing.assert_array_equal(v.get_value(), [0.0, 1.0, 2.0])
        without = f.copy(delete_updates=True)
        without()
        np.testing.assert_array_equal(self.w.get_value(), [4.0, 3.0, 2.0])

    def test_the_value_as_argument(self):
        x = T.dvector("x")
        f = theano.function([x], [], updates=[(self.w, self.w * 2 + x[::-1])])
        self.w.set_value(np.arange(3.0))
        f(self.w.get_value(borrow=True))
        np.testing.assert_array_equal(self.w.get_value(), [2.0, 3.0, 4.0])
        f(array_of(self.w))
        np.testing.assert_array_equal(self.w.get_value(), [8.0, 9.0, 10.0])

    def test_calls_in_python_and_in_machine_code(self):
        x = T.dscalar("x")
        f = theano.function([x], [], updates=[(self.w, self.w + x)])
        held = []
        for k in range(10):
            held.append((self.w.get_value(borrow=k % 3 == 0), self.w.get_value()))
            f(x=1.0) if k % 2 else f(1.0)
        for a, b in held:
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(self.w.get_value(), np.full(3, 10.0))

    def test_calls_of_all_forms(self):
        """By keywords, with lists, with results in a dict, of inputs with rules of their own."""
        x = T.dvector("x")
        updates = [(self.w, self.w + x)]
        functions = [
            theano.function([x], self.w.sum(), updates=updates),
            theano.function([x], {"sum": self.w.sum()}, updates=updates),
            theano.function([theano.In(x, strict=True)], [], updates=updates),
            theano.function([theano.In(x, value=np.ones(3))], self.w.sum(), updates=updates),
        ]
        place, calls = id(array_of(self.w)), 0
        for f in functions:
            for argument in (np.ones(3), [1, 1, 1], np.ones(3, dtype="float32"))[: 1 if f is functions[2] else 3]:
                f(x=argument)
                f(argument)
                calls += 2
        functions[3]()
        assert id(array_of(self.w)) == place
        np.testing.assert_array_equal(self.w.get_value(), np.full(3, calls + 1.0))
        assert functions[0](x=np.zeros(3)) == 3 * (calls + 1)
        assert functions[0](x=np.zeros(3), output_subset=[0]) == [3 * (calls + 1)]
        with pytest.raises(ValueError, match="add"):
            functions[0](x=np.zeros(4))
        np.testing.assert_array_equal(self.w.get_value(), np.full(3, calls + 1.0))

    def test_several_functions(self):
        """Also one that cannot write in place and keeps two arrays in turn."""
        beside = theano.function([], [], updates=[(self.w, T.exp(self.w))])
        for _ in range(3):
            self.f(), beside(), self.f()
        expected = 0.0
        for _ in range(3):
            expected = np.exp(expected + 1) + 1
        np.testing.assert_allclose(self.w.get_value(), np.full(3, expected))

    def test_owners_that_call_the_function_when_their_array_goes(self):
        seen = []
        for _ in range(3):
            value = np.zeros(3)
            watch = weakref.ref(value, lambda _: seen.append(self.f()))
            self.w.set_value(value, borrow=True)
            del value
            self.f()
            assert watch() is None
            np.testing.assert_array_equal(self.w.get_value(), np.full(3, 2.0))
        assert len(seen) == 3


class Raising(theano.Op):
    """The identity, unless its argument begins with a negative number."""

    __props__ = ()

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return theano.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        if inputs[0][0] < 0:
            raise ArithmeticError("negative")
        output_storage[0][0] = inputs[0].copy()


class TestFailures:
    """A call that fails changes nothing, whatever has been computed by then."""

    def check(self, f, variables, good, bad, error):
        for _ in range(3):
            f(*good)
            before = [(v.get_value(), id(array_of(v))) for v in variables]
            with pytest.raises(error):
                f(*bad)
            for v, (value, place) in zip(variables, before, strict=True):
                np.testing.assert_array_equal(v.get_value(), value)
                assert id(array_of(v)) == place

    @pytest.mark.parametrize("n", [3, LONG])
    def test_lengths(self, n):
        a, b = shared(np.zeros(n), "a"), shared(np.zeros(n), "b")
        x, y = T.dvectors("x", "y")
        f = theano.function([x, y], [], updates=[(a, a + x), (b, b * 2 + y)])
        assert updated(f) == ["a", "b"]
        with threads.using(2):
            self.check(f, [a, b], [np.ones(n), np.ones(n)], [np.ones(n), np.ones(n + 1)], ValueError)

    @pytest.mark.parametrize("n", [3, LONG])
    def test_indices(self, n):
        a, b = shared(np.zeros(n), "a"), shared(np.zeros(2), "b")
        x, i = T.dvector("x"), T.lvector("i")
        f = theano.function([x, i], x[i].sum(), updates=[(a, a + x), (b, b + x[i])])
        assert updated(f) == ["a", "b"]
        with threads.using(2):
            self.check(f, [a, b], [np.ones(n), np.array([1, 2])], [np.ones(n), np.array([1, n])], IndexError)

    def test_indices_of_parts(self):
        a, b, i, k = shared(np.zeros((5, 2)), "a"), shared(np.zeros(5), "b"), T.lvector("i"), T.lscalar("k")
        changed = T.set_subtensor(T.inc_subtensor(b[i], 1.0)[k], 3.0)
        f = theano.function([i, k], a.sum(), updates=[(a, T.inc_subtensor(a[i], 1.0)), (b, changed)])
        assert updated(f) == ["a", "b"]
        good = [np.array([1, 1, 2]), np.array(1)]
        self.check(f, [a, b], good, [np.array([1, 1, 5]), np.array(1)], IndexError)
        self.check(f, [a, b], good, [np.array([1, 1, 2]), np.array(5)], IndexError)
        np.testing.assert_array_equal(a.get_value()[:, 0], [0, 12, 6, 0, 0])

    def test_operations_of_users(self):
        a, b, x = shared(np.zeros(3), "a"), shared(np.zeros(3), "b"), T.dvector("x")
        f = theano.function([x], Raising()(x), updates=[(a, a + x), (b, b + Raising()(x + 1) * 2)])
        self.check(f, [a, b], [np.ones(3)], [np.full(3, -5.0)], ArithmeticError)

    def test_assertions(self):
        a, x = shared(np.zeros(3), "a"), T.dvector("x")
        positive = theano.tensor.opt.Assert("negative")(x.sum(), T.gt(x.min(), 0))
        f = theano.function([x], positive, updates=[(a, a + x)])
        self.check(f, [a], [np.ones(3)], [np.full(3, -5.0)], AssertionError)


def expressions(draw, leaves, depth=0):
    """A random (3, 3) expression of matrices, vectors and numbers; the same for NumPy-like and symbolic leaves."""
    m = draw(st.sampled_from(leaves))
    for _ in range(draw(st.integers(0, 3))):
        other = draw(st.sampled_from(leaves))
        kind = draw(st.integers(0, 9))
        if kind == 0:
            m = m + other
        elif kind == 1:
            m = 0.5 * m - other.T
        elif kind == 2:
            m = m * other[0]
        elif kind == 3:
            m = m.T
        elif kind == 4:
            m = m + T.dot(m, other) / 8
        elif kind == 5:
            m = m / (1 + abs(other).sum(axis=1, keepdims=True))
        elif kind == 6:
            m = T.set_subtensor(m[1], other[2])
        elif kind == 7:
            m = T.tanh(m)
        elif kind == 8:
            m = m[::-1]
        else:
            m = T.maximum(m, other.mean())
    return m


def changes(draw, whole, leaves, number, numbers):
    """`whole` with parts changed, one after the other."""
    for _ in range(draw(st.integers(1, 3))):
        other = draw(st.sampled_from([*leaves, whole]))
        part, value = draw(
            st.sampled_from(
                [
                    (whole[number], other[0]),
                    (whole[1:], other[:2]),
                    (whole[::-1], other.T),
                    (whole[:, number], other[:, 1]),
                    (whole[:number], other[1] * 2),
                    (whole[numbers], other[:, ::-1]),
                    (whole[numbers, numbers[::-1]], other[:, 0]),
                    (whole[[0, 2]], other.sum()),
                ]
            )
        )
        whole = draw(st.sampled_from([T.set_subtensor, T.inc_subtensor]))(part, value)
    return whole


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_random_updates_as_in_numpy(data):
    """Random updates over a few variables, in several calls with results that show old and new values."""
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    start = rng.standard_normal((4, 3, 3))
    variables = [shared(v, f"m{i}") for i, v in enumerate(start)]
    x, i, k = T.dmatrix("x"), T.lscalar("i"), T.lvector("k")
    leaves = [*variables, x, T.shape_padleft(variables[0][i]) + variables[1]]
    changed = data.draw(st.lists(st.sampled_from(variables), min_size=1, max_size=4, unique=True))
    updates = []
    for v in changed:
        part = data.draw(st.booleans())
        updates.append((v, changes(data.draw, v, leaves, i, k) if part else expressions(data.draw, leaves)))
    results = [expressions(data.draw, leaves) for _ in range(data.draw(st.integers(0, 3)))]
    with change_flags(openmp_elemwise_minsize=data.draw(st.sampled_from([0, 200_000]))):
        native = theano.function([x, i, k], results, updates=updates, on_unused_input="ignore")
    twins = {v: shared(v.get_value(), v.name) for v in variables}
    plain = theano.function([x, i, k], results, updates=updates, on_unused_input="ignore", mode="FAST_COMPILE")
    plain = plain.copy(swap={v: twins[v] for v in plain.get_shared()})
    held = []
    for _ in range(4):
        action = data.draw(st.integers(0, 7))
        v = data.draw(st.sampled_from(variables))
        if action == 0:
            held.append((v.get_value(borrow=True), v.get_value()))
        elif action == 1:
            value = np.asfortranarray(rng.standard_normal((3, 3)))
            v.set_value(value, borrow=True)
            twins[v].set_value(value)
        elif action == 2:
            v.set_value(array_of(variables[0]), borrow=True)
            twins[v].set_value(twins[variables[0]].get_value())
        elif action == 3:
            value = rng.standard_normal((6, 3))
            v.set_value(value[::2], borrow=True)
            twins[v].set_value(value[::2])
            held.append((value, value.copy()))
        argument, number = rng.standard_normal((3, 3)), np.array(data.draw(st.sampled_from([0, 1, 2, -1, 5])))
        numbers = np.array(data.draw(st.sampled_from([[0, 1, 2], [2, 2, 0], [-1, 1, -3], [0, 1, 7]])))
        outcomes = []
        for f in (native, plain):
            try:
                outcomes.append(f(argument, number, numbers))
            except IndexError:
                outcomes.append(None)
        # what is not needed need not fail
        if outcomes[1] is None and outcomes[0] is not None:
            return
        assert (outcomes[0] is None) == (outcomes[1] is None)
        for a, b in zip(*(o or () for o in outcomes), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
            held.append((a, a.copy()))
        for v, twin in twins.items():
            np.testing.assert_allclose(v.get_value(), twin.get_value(), rtol=1e-9, atol=1e-9)
    for a, b in held:
        np.testing.assert_array_equal(a, b)


class TestThreads:
    """Several Python threads see and make whole updates only."""

    @pytest.mark.parametrize("n", [10, LONG])
    def test_values_are_never_seen_half_written(self, n):
        """All elements of both variables go up together."""
        a, b = shared(np.zeros(n), "a"), shared(np.zeros(n), "b")
        x = T.dvector("x")
        f = theano.function([x], T.exp(x).sum(), updates=[(a, a + x), (b, b + x)])
        g = theano.function([], a.sum(), updates=[(a, a + 1), (b, b + 1)])
        look = theano.function([], [a.min(), a.max(), (a - b).min(), (a - b).max()])
        assert updated(f) == updated(g) == ["a", "b"]
        calls = 40 if n == LONG else 400

        def work(number: int) -> None:
            last = 0.0
            for k in range(calls):
                if number == 0:
                    f(np.ones(n))
                elif number == 1:
                    g()
                elif number == 2:
                    low, high, down, up = look()
                    assert low == high
                    assert down == up == 0
                    assert low >= last
                    last = low
                else:
                    value = a.get_value(borrow=bool(k % 2))
                    first = value[0]
                    assert value.min() == value.max() == first

        with threads.using(2):
            in_threads(4, work, switch_interval=1e-5)
        np.testing.assert_array_equal(a.get_value(), np.full(n, 2.0 * calls))
        np.testing.assert_array_equal(b.get_value(), np.full(n, 2.0 * calls))

    @pytest.mark.parametrize("n", [10, LONG])
    def test_what_other_threads_write_is_not_lost(self, n):
        """Functions, in machine code and in Python, that give up the lock or keep it, and set_value of a variable."""
        total, other = shared(np.zeros(n), "total"), shared(np.zeros(n), "other")
        x = T.dvector("x")
        f = theano.function([x], [], updates=[(total, total + x)])
        slow = theano.function([x], T.erf(T.exp(x)).sum(), updates=[(total, total + x), (other, other + x)])
        beside = theano.function([x], [], updates=[(total, T.log(T.exp(T.zeros_like(x))) + total + x)])
        calls = 25

        def work(number: int) -> None:
            for k in range(calls):
                if number == 0:
                    f(np.ones(n)) if k % 2 else f(x=np.ones(n))
                elif number == 1:
                    slow(np.ones(n))
                elif number == 2:
                    beside(np.ones(n))
                else:
                    other.set_value(np.full(n, float(k)))

        with threads.using(2):
            in_threads(4, work, switch_interval=1e-5)
        np.testing.assert_array_equal(total.get_value(), np.full(n, 3.0 * calls))

    def test_pieces_on_several_threads(self):
        """With the lock kept, also by the first call that wants them."""
        w, v, g = shared(np.zeros(LONG), "w"), shared(np.zeros(LONG), "v"), T.dvector("g")
        new = 0.9 * v + g
        f = theano.function([g], T.sqr(new).sum(), updates=[(v, new), (w, w - 0.1 * new)])
        gradient = np.random.default_rng(0).standard_normal(LONG)
        found = []
        for count in (1, 2, 3, 8):
            w.set_value(np.zeros(LONG))
            v.set_value(np.zeros(LONG))
            places = id(array_of(w)), id(array_of(v))
            with threads.using(count):
                sums = [float(f(gradient)) for _ in range(4)]
            assert places == (id(array_of(w)), id(array_of(v)))
            found.append((sums, w.get_value().tobytes(), v.get_value().tobytes()))
        assert all(other == found[0] for other in found[1:])

    def test_memory_does_not_grow(self):
        w = shared(np.zeros(1000), "w")
        f = theano.function([], [], updates=[(w, w + 1)])
        in_threads(3, lambda _: [f() for _ in range(200)], switch_interval=1e-6)
        f()
        gc.collect()
        counts = []
        for _ in range(3):
            counts.append(sys.getrefcount(array_of(w)))
            f()
        assert len(set(counts)) == 1
        np.testing.assert_array_equal(w.get_value(), np.full(1000, 604.0))

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_forks_while_another_thread_writes(self):
        """The child has whole values, and goes on with them."""
        w, v = shared(np.zeros(LONG), "w"), shared(np.zeros(LONG), "v")
        f = theano.function([], [], updates=[(w, w + 1), (v, v + 1)])
        stop = threading.Event()

        def keep_busy() -> None:
            while not stop.is_set():
                f()

        def work() -> None:
            for _ in range(3):
                a, b = w.get_value(), v.get_value()
                assert a.min() == a.max() == b.min() == b.max()
                f()
                assert w.get_value()[0] == a[0] + 1

        with threads.using(2):
            other = threading.Thread(target=keep_busy)
            other.start()
            try:
                assert [in_child(work) for _ in range(10)] == [0] * 10
            finally:
                stop.set()
                other.join()
