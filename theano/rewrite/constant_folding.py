"""Computing at compile time what depends on constants alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.graph.basic import Apply, Constant
from theano.graph.op import MethodNotDefined, Op
from theano.rewrite.algebra import ALWAYS
from theano.rewrite.pattern import RuleTable

table = RuleTable()

GROWTH = 1024
"""A folded result may have this many elements, or as many as the constants that it comes from."""
NOT_FOLDED = frozenset({"Alloc", "AllocEmpty"})
"""Ops whose results are cheaper to make than to keep."""


@table.node_rule(
    "constant_folding", ALWAYS, Op, tags=("fast_compile",), depth=1,
    before="1 + 2", after="3", when="all inputs constant, the result not much larger than they, and the Op allows it",
)  # fmt: skip
def constant_folding(fgraph: Any, node: Apply) -> Any:
    inputs: list[Any] = node.inputs
    for v in inputs:
        if not isinstance(v, Constant):
            return None
    op = node.op
    if not inputs or type(op).__name__ in NOT_FOLDED or not op.do_constant_folding(node):
        return None
    if op.destroy_map:
        return None
    cells: list[list[Any]] = [[None] for _ in node.outputs]
    try:
        op.perform(node, [v.data for v in inputs], cells)
    except MethodNotDefined:
        return None
    except (
        ValueError,
        IndexError,
        TypeError,
        ZeroDivisionError,
        ArithmeticError,
        AssertionError,
        np.linalg.LinAlgError,
    ):
        return None  # the same error shall come when the function is called, with the user's line
    given = sum(np.size(v.data) for v in inputs)
    results = []
    for output, cell in zip(node.outputs, cells, strict=True):
        value = cell[0]
        if np.size(value) > max(GROWTH, given):
            return None
        results.append(output.type.make_constant(np.array(value) if isinstance(value, np.ndarray) else value))
    return results
