"""The loops that are timed compute what plain NumPy computes, in loops of Python; and times become tables."""

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
import run
import tables
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


def test_times_become_a_table() -> None:
    results = {"|x|": {"theano": 2e-6, "jax": 8e-6, "torch": 4e-6, "copy": 1e-6}, "exp": {"theano": 0.5, "jax": 0.25}}
    assert run.table("a call", results, {"|x|": 0.8, "exp": 1.0}).splitlines() == [
        "| a call | theano | jax    | torch | copy | ours / fastest | target |",
        "| ------ | ------ | ------ | ----- | ---- | -------------- | ------ |",
        "| \\|x\\|  | 2 µs   | 8 µs   | 4 µs  | 1 µs | 0.5            | 0.8    |",
        "| exp    | 500 ms | 250 ms | –     | –    | 2              | 1      |",
    ]
    first = run.table("first result", {"exp": {"theano": 0.02, "jax": 0.04, "pytensor": 2.0, "again": 0.005}}, {})
    assert first.splitlines()[::2] == [
        "| first result | theano | pytensor | jax   | second process | "
        "ours / jax (≤ 1) | ours / pytensor (≤ 0.05) | second / first (≤ 0.5) |",
        "| exp          | 20 ms  | 2 s      | 40 ms | 5 ms           | "
        "0.5              | 0.01                     | 0.25                   |",
    ]


def test_tables_of_a_page_are_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("one\n<!-- run.py a b -->\n\n| x |\n| - |\n\ntwo\n\n<!-- run.py c -->\n| y |\nthree\n")
    asked = []
    monkeypatch.setattr(tables, "measured", lambda arguments: asked.append(arguments) or "| new |\n")
    tables.update(page, ["a"])
    assert asked == ["a b"]
    assert page.read_text() == "one\n<!-- run.py a b -->\n\n| new |\n\ntwo\n\n<!-- run.py c -->\n| y |\nthree\n"
    tables.update(page, [])
    assert asked == ["a b", "a b", "c"]
    assert page.read_text().endswith("<!-- run.py c -->\n| new |\nthree\n")
