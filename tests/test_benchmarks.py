"""The loops that are timed compute what plain NumPy computes, in loops of Python."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, log_softmax

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import packages
import workloads_of_loops as loops
from workload import of

del sys.path[0]


class NumPy:
    """A package that computes at once; the slopes of a cost are central differences."""

    exp, log, tanh, sigmoid = np.exp, np.log, np.tanh, expit
    dot, concatenate, array = staticmethod(np.dot), staticmethod(np.concatenate), staticmethod(np.asarray)

    def scan(self, step: Any, sequences: Any, state: Any, steps: Any = None, keep: int = 0, backwards: bool = False):
        kept = []
        order = range(steps or len(sequences[0]))
        for i in reversed(order) if backwards else order:
            state = step([sequence[i] for sequence in sequences], state)
            kept.append(state[:keep])
        return [np.stack(rows[::-1] if backwards else rows) for rows in zip(*kept)], state

    def until(self, step: Any, state: Any, most: int) -> Any:
        for _ in range(most):
            state, stop = step(state)
            if stop:
                break
        return state

    def map(self, f: Any, array: Any) -> Any:
        return np.stack([f(row) for row in array])

    def cross_entropy(self, scores: Any, labels: Any) -> Any:
        return -log_softmax(scores, 1)[np.arange(len(labels)), labels].mean()

    def function(self, f: Any, arrays: Any) -> Any:
        return f(self, *arrays)

    def gradient(self, f: Any, arrays: Any, count: int) -> list[Any]:
        return [f(self, *arrays), *slopes(lambda *first: f(self, *first, *arrays[count:]), arrays[:count])]

    def train(self, cost: Any, rate: float, state: list[Any], arrays: Any) -> list[Any]:
        """The costs of two calls."""
        state = [s.astype("float64") for s in state]
        found = slopes(lambda *state: cost(self, state, *arrays), state)
        return [cost(self, s, *arrays) for s in (state, [s - rate * g for s, g in zip(state, found)])]


def slopes(f: Callable[..., Any], arrays: list[Any], width: float = 1e-5) -> list[Any]:
    found = []
    for number, array in enumerate(arrays):
        slope = np.empty_like(array)
        for at in np.ndindex(array.shape):
            near = []
            for side in (width, -width):
                moved = array.copy()
                moved[at] += side
                near.append(f(*arrays[:number], moved, *arrays[number + 1 :]))
            slope[at] = (near[0] - near[1]) / (2 * width)
        found.append(slope)
    return found


def results(workload: Any, arrays: list[Any], calls: int = 1) -> list[Any]:
    """What calls of the compiled workload return."""
    statement, names = workload.program("theano", packages.Theano(), arrays)
    return [eval(statement, dict(names)) for _ in range(calls)]


@pytest.mark.parametrize(
    ("cell", "options"),
    [*[(cell, {}) for cell in loops.CELLS], ("tanh RNN", {"inside": True}), ("tanh RNN", {"directions": 2})],
    ids=str,
)
def test_networks(cell: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "VOCABULARY", 3)
    workload = loops.recurrent_network(cell, 2, 2, length=4, **options)
    arrays = workload.data()
    np.testing.assert_allclose(results(workload, arrays, 2), workload.program("numpy", NumPy(), arrays), rtol=2e-6)


def test_recurrences() -> None:
    logistic = of(lambda p, x: loops.logistic_map(p, x, 100))
    for build, array in ((logistic, np.array(0.25)), (of(loops.autoregression), loops.normal(50)[0])):
        workload = loops.Workload("loops", "", "", None, build)
        np.testing.assert_allclose(results(workload, [array])[0], build(NumPy(), array), rtol=1e-12)


@pytest.mark.parametrize("workload", loops.ITERATIONS, ids=lambda w: w.what)
def test_iterations(workload: Any) -> None:
    arrays = [array[:5] if array.ndim else array for array in workload.data()]
    np.testing.assert_allclose(results(workload, arrays)[0], workload.program("numpy", NumPy(), arrays), rtol=1e-12)


def test_kalman() -> None:
    (workload,) = loops.KALMAN
    arrays = workload.data()
    arrays[-1] = arrays[-1][:6]
    for found, expected in zip(results(workload, arrays)[0], workload.program("numpy", NumPy(), arrays)):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
