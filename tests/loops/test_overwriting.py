"""States of which only the last row is kept are changed where they lie, if nobody needs the old row any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import theano
import theano.tensor as T
from tests.loops.helpers import REFERENCE, random

SIZE = 3


def loops(step: Callable[..., Any], *states: Any) -> list[Any]:
    """The last states."""
    rows, _ = theano.scan(step, sequences=T.arange(count), outputs_info=list(states), return_list=True)
    return [r[-1] for r in rows]


def compare(inputs: list[Any], results: list[Any], *values: np.ndarray, n_steps: int = 4) -> Any:
    """The native function, after it has been compared with the interpreter."""
    inputs, values = [*inputs, count], (*values, n_steps)
    native = theano.function(inputs, results)
    expected = theano.function(inputs, results, mode=REFERENCE)(*values)
    for got, want in zip(native(*values), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    return native


count = T.iscalar("count")
x, m, n = T.dvector("x"), T.dmatrix("m"), T.dmatrix("n")


class TestKept:
    """How many rows there are shows in the program."""

    def rows_kept(self, step: Callable[..., Any], state: Any, value: np.ndarray) -> str:
        f = compare([state], loops(step, state), value)
        (line,) = [line for line in f.stages()["program"].split("\n") if line.startswith("allocate")]
        return line.split("[")[1].split(",")[0]

    def test_a_part_that_is_set(self) -> None:
        assert self.rows_kept(lambda i, s: T.set_subtensor(s[i], s[i - 1] + s[0]), x, random(5)) == "1"

    def test_a_part_that_is_increased(self) -> None:
        assert self.rows_kept(lambda i, s: T.inc_subtensor(s[i:], 2.0), x, random(5)) == "1"

    def test_a_part_that_is_increased_by_one_that_overlaps(self) -> None:
        assert self.rows_kept(lambda i, s: T.inc_subtensor(s[i:], s[: s.shape[0] - i]), x, random(5)) == "2"

    def test_parts_that_are_set_by_arrays(self) -> None:
        assert self.rows_kept(lambda i, s: T.inc_subtensor(s[[0, 0, 2]], 2 * s[1:4]), x, random(5)) == "1"

    def test_the_old_row_is_read_before(self) -> None:
        def step(i: Any, s: Any) -> Any:
            return T.set_subtensor(s[i], T.dot(s, s[::-1]) + s.max())

        assert self.rows_kept(step, x, random(5)) == "1"

    def test_element_by_element(self) -> None:
        assert self.rows_kept(lambda i, s: T.tanh(s + i), m, random(3, 4)) == "1"

    def test_a_part_of_itself_elsewhere(self) -> None:
        assert self.rows_kept(lambda i, s: s + s[::-1], x, random(5)) == "2"

    def test_its_transposition(self) -> None:
        assert self.rows_kept(lambda i, s: s + s.T, m, random(3, 3)) == "2"

    def test_a_product(self) -> None:
        assert self.rows_kept(lambda i, s: T.dot(s, s), m, random(3, 3)) == "2"


def test_states_change_places() -> None:
    compare([m, n], loops(lambda i, s, t: [t, s], m, n), random(3, 3), random(3, 3, seed=1), n_steps=3)


def test_the_last_two_rows_are_kept() -> None:
    step = {"initial": m, "taps": [-2]}
    rows, _ = theano.scan(lambda s: T.set_subtensor(s[0], 2 * s[0]), outputs_info=step, n_steps=3)
    compare([m], [rows[-1] + count], random(2, 3))


def test_what_is_given_stays() -> None:
    value = random(5)
    f = theano.function([x, count], loops(lambda i, s: T.set_subtensor(s[i], 7.0), x))
    before = value.copy()
    np.testing.assert_array_equal(f(value, 4)[0], [7, 7, 7, 7, value[4]])
    np.testing.assert_array_equal(value, before)


def test_a_loop_of_no_steps() -> None:
    rows, _ = theano.scan(lambda s: T.set_subtensor(s[0], 7.0), outputs_info=x, n_steps=count)
    f = theano.function([x, count], T.concatenate([x[None], rows])[-1])
    np.testing.assert_array_equal(f([1.0, 2.0], 0), [1, 2])
    np.testing.assert_array_equal(f([1.0, 2.0], 3), [7, 2])


OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "set row": lambda a, b, i: T.set_subtensor(a[i % SIZE], b[0]),
    "set column": lambda a, b, i: T.set_subtensor(a[:, 1], b[i % SIZE]),
    "increase rows": lambda a, b, i: T.inc_subtensor(a[1:], b[:-1]),
    "increase by arrays": lambda a, b, i: T.inc_subtensor(a[[2, 0, 2]], b),
    "turn": lambda a, b, i: a[::-1],
    "transpose": lambda a, b, i: a.T,
    "reshape": lambda a, b, i: a.T.reshape((SIZE * SIZE,)).reshape((SIZE, SIZE)),
    "add": lambda a, b, i: a - 0.5 * b,
    "tanh": lambda a, b, i: T.tanh(a),
    "dot": lambda a, b, i: T.dot(a, b) / 4,
    "softmax": lambda a, b, i: T.nnet.softmax(a),
    "sum": lambda a, b, i: a + b.sum(axis=0) / 8,
    "choose": lambda a, b, i: theano.ifelse.ifelse(T.eq(i % 2, 0), a, b),
    "loop": lambda a, b, i: theano.scan(lambda s: T.inc_subtensor(s[0], b[1]), outputs_info=a, n_steps=2)[0][-1],
}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    choices=st.lists(
        st.tuples(st.sampled_from(list(OPERATIONS)), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6
    ),
    results=st.lists(st.integers(0, 9), min_size=2, max_size=2),
)
def test_random_bodies(choices: list[tuple[str, int, int]], results: list[int]) -> None:
    def step(i: Any, *states: Any) -> list[Any]:
        values = list(states)
        for name, a, b in choices:
            values.append(OPERATIONS[name](values[a % len(values)], values[b % len(values)], i))
        return [values[-1 - r % len(values)] for r in results]

    compare([m, n], loops(step, m, n), random(SIZE, SIZE), random(SIZE, SIZE, seed=1))


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation(name: str) -> None:
    def step(i: Any, s: Any, t: Any) -> list[Any]:
        return [OPERATIONS[name](s, t, i), OPERATIONS[name](t, s, i)]

    compare([m, n], loops(step, m, n), random(SIZE, SIZE), random(SIZE, SIZE, seed=1))
