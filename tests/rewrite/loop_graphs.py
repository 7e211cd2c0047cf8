"""Loops that tests of rules write down by hand, and how they are compared before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import theano.tensor as T
from tests.rewrite.helpers import compute, strictly
from theano.graph import Constant
from theano.graph.traversal import graph_inputs, toposort
from theano.loops.op import Layout, Scan
from theano.rewrite import FAST_RUN, apply_rules, simplify, text

TIDY = (
    "local_useless_dimshuffle",
    "local_dimshuffle_dimshuffle",
    "local_shape_i_lift",
    "local_subtensor_of_one_row",
    "constant_folding",
)

X, Y = T.dmatrices("X", "Y")
XX, YY = T.dtensor3("XX"), T.dtensor3("YY")
W, U = T.dmatrices("W", "U")
H0 = T.dmatrix("H0")
x, y, h, g, b = T.dvectors("x", "y", "h", "g", "b")
xx, yy, hh, m = T.dmatrices("xx", "yy", "hh", "m")
w, u = T.dmatrices("w", "u")
a, s, t = T.dscalars("a", "s", "t")
A, S0 = T.dvectors("A", "S0")
I = T.lvector("I")
i = T.lscalar("i")


def loop(
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    layout: Layout,
    *arguments: Any,
    steps: Any = None,
) -> list[Any]:
    made = Scan(inputs, outputs, layout)(arguments[0].shape[0] if steps is None else steps, *arguments)
    return made if isinstance(made, list) else [made]


def one_state(**options: Any) -> Layout:
    return Layout(options.pop("n_sequences", 1), ((-1,),), options.pop("n_outputs", 0), **options)


def sample(variable: Any, rng: np.random.Generator, steps: int) -> Any:
    """A value: sequences, which have upper-case letters, get a row a step; initial values one; all else length 3."""
    if variable.type.dtype == "int64":
        return rng.integers(0, 3, steps if variable.ndim else ())
    name = variable.name or ""
    shape = [3] * variable.ndim
    if name in ("X", "Y", "XX", "YY", "A"):
        shape[0] = steps
    elif name.endswith("0"):
        shape[0] = 1
    return rng.normal(size=shape) * 0.5


def check_same(before: Sequence[Any], after: Sequence[Any], steps: Sequence[int] = (0, 1, 4)) -> None:
    free = [v for v in graph_inputs(before) if not isinstance(v, Constant)]
    for number in steps:
        rng = np.random.default_rng(number)
        values = {v: sample(v, rng, number) for v in free}
        for expected, found in zip(compute(list(before), values), compute(list(after), values), strict=True):
            assert np.shape(found) == np.shape(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def scans(outputs: Sequence[Any]) -> list[Any]:
    return [node for node in toposort(outputs) if isinstance(node.op, Scan)]


def only_scan(outputs: Sequence[Any]) -> Any:
    (node,) = scans(outputs)
    return node


def steps_of(node: Any) -> list[str]:
    """What a step computes, a text an output of the body; inputs by their roles."""
    op = node.op
    body = op.body_inputs
    names: dict[Any, str] = {}
    for letter, group in (("x", body.sequences), ("h", [v for taps in body.states for v in taps]), ("o", body.others)):
        names.update((v, f"{letter}{k}") for k, v in enumerate(group))
    before = {v: v.name for v in names}
    try:
        for v, name in names.items():
            v.name = name
        return [text(v) for v in op.inner_outputs]
    finally:
        for v, old in before.items():
            v.name = old


def outer_of(node: Any) -> list[str]:
    return [text(v) for v in node.inputs[1:]]


def rewritten(outputs: Sequence[Any], *rules: str, steps: Sequence[int] = (0, 1, 4)) -> list[Any]:
    with strictly():
        after = apply_rules(list(outputs), *rules, *TIDY)
    check_same(outputs, after, steps)
    return after


def optimized(outputs: Sequence[Any], steps: Sequence[int] = (0, 1, 4), query: Any = FAST_RUN) -> list[Any]:
    with strictly():
        after = simplify(list(outputs), query)
    check_same(outputs, after, steps)
    return after
