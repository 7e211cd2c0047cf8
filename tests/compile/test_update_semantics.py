"""Updates against what NumPy says, for random tangles of shared variables: all see the old values, nothing aliases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano
import theano.tensor as T

LENGTH = 4
COUNT = 4

# Name, and the function of two operands; it serves arrays and variables alike.
MOVES: dict[str, Any] = {
    "keep": lambda a, b: a,
    "reverse": lambda a, b: a[::-1],
    "add": lambda a, b: a + b,
    "scale": lambda a, b: a * 2,
    "mix": lambda a, b: a[::-1] - b,
    "sum": lambda a, b: a + b.sum(),
    "zero": lambda a, b: a * 0,
    "half": lambda a, b: (a + b)[:2].repeat(2),
}
numbers = st.integers(0, COUNT - 1)
move = st.tuples(numbers, st.sampled_from(sorted(MOVES)), numbers, numbers)


@pytest.mark.parametrize("mode", ["FAST_RUN", theano.Mode("native", None), "FAST_COMPILE"], ids=str)
@settings(max_examples=25, deadline=None)
@given(updates=st.lists(move, max_size=COUNT, unique_by=lambda m: m[0]), outputs=st.lists(move, max_size=2))
def test_random_updates(mode: Any, updates: list[Any], outputs: list[Any]) -> None:
    values = [np.arange(LENGTH) + 10.0 * i for i in range(COUNT)]
    cells = [theano.shared(value, f"s{i}") for i, value in enumerate(values)]
    f = theano.function(
        [],
        [MOVES[name](cells[a], cells[b]) for _, name, a, b in outputs],
        updates=[(cells[i], MOVES[name](cells[a], cells[b])) for i, name, a, b in updates],
        mode=mode,
    )
    for _ in range(3):
        expected = [np.copy(MOVES[name](values[a], values[b])) for _, name, a, b in outputs]
        new = {i: np.copy(MOVES[name](values[a], values[b])) for i, name, a, b in updates}
        values = [new.get(i, value) for i, value in enumerate(values)]
        results = f()
        for result, wanted in zip(results, expected, strict=True):
            assert np.array_equal(result, wanted)
            result[...] = np.nan  # results are the caller's own
        for cell, wanted in zip(cells, values, strict=True):
            assert np.array_equal(cell.get_value(), wanted)
    held = [cell.get_value(borrow=True) for cell in cells]
    assert not any(np.may_share_memory(a, b) for i, a in enumerate(held) for b in held[:i])


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_failure_after_some_updates_were_computed(mode: str) -> None:
    first, second = theano.shared(np.zeros(3), "first"), theano.shared(np.zeros(3), "second")
    v, i = T.dvector("v"), T.lscalar("i")
    f = theano.function([v, i], v[i], updates=[(first, first + 1), (second, second + v)], mode=mode)
    for arguments, error in ((([1.0, 2.0, 3.0], 7), IndexError), (([1.0], 0), ValueError)):
        with pytest.raises(error):
            f(*arguments)
        assert not first.get_value().any() and not second.get_value().any()
    assert f(np.array([1.0, 2.0, 3.0]), 1) == 2
    assert first.get_value().tolist() == [1, 1, 1] and second.get_value().tolist() == [1, 2, 3]
