"""What tests of rules share: computing expressions node by node, and checking a rule on an expression."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Constant, Variable
from theano.graph.traversal import graph_inputs, toposort
from theano.rewrite import apply_rules, text


def compute(outputs: list[Variable], values: dict[Variable, Any]) -> list[Any]:
    """The values of expressions by the reference meaning of each node."""
    known: dict[Variable, Any] = dict(values)

    def value(v: Variable) -> Any:
        return v.data if isinstance(v, Constant) and v not in known else known[v]

    with np.errstate(all="ignore"):
        for node in toposort(outputs, list(values)):
            cells: list[list[Any]] = [[None] for _ in node.outputs]
            node.op.perform(node, [value(v) for v in node.inputs], cells)
            known.update((v, cell[0]) for v, cell in zip(node.outputs, cells, strict=True))
    return [value(v) for v in outputs]


def sample(variable: Variable, rng: np.random.Generator, low: float = -3.0, high: float = 3.0, length: int = 4) -> Any:
    """A value for a free variable: lengths 4, or 1 where the type says so."""
    shape = [1 if flag else length for flag in variable.type.broadcastable]
    kind = np.dtype(variable.type.dtype).kind
    if kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if kind in "iu":
        return rng.integers(0 if kind == "u" else -3, 4, shape).astype(variable.type.dtype)
    value = rng.uniform(low, high, shape)
    if kind == "c":
        value = value + 1j * rng.uniform(low, high, shape)
    return value.astype(variable.type.dtype)


def free_variables(outputs: list[Variable]) -> list[Variable]:
    return [v for v in graph_inputs(outputs) if not isinstance(v, Constant)]


@contextmanager
def strictly() -> Iterator[None]:
    """Errors inside rules are raised."""
    with config.change_flags(on_opt_error="raise"):
        yield


def check_same_values(before: Any, after: Any, values: dict[Variable, Any] | None = None, rtol: float = 1e-9) -> None:
    """Two lists of expressions agree on random inputs (or on `values`)."""
    before = [before] if isinstance(before, Variable) else list(before)
    after = [after] if isinstance(after, Variable) else list(after)
    assert [v.type for v in before] == [v.type for v in after]
    if values is None:
        rng = np.random.default_rng(7)
        values = {v: sample(v, rng) for v in free_variables(before)}
    for expected, found in zip(compute(before, values), compute(after, values), strict=True):
        assert np.shape(expected) == np.shape(found)
        assert np.asarray(found).dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12)


def check_rule(
    name: str,
    expression: Any,
    expected: str,
    values: dict[Variable, Any] | None = None,
    rtol: float = 1e-9,
    also: Any = (),
) -> None:
    """Rule `name` alone (with constant folding, and the rules `also`) makes of `expression` what reads `expected`."""
    with strictly():
        result = apply_rules(expression, name, *also, "constant_folding")
    assert text(result) == expected
    check_same_values(expression, result, values, rtol)
