"""Choices (``ifelse``) whose outcome is known, or that say the same again."""

from __future__ import annotations

from typing import Any

from theano.graph.basic import Apply
from theano.loops.ifelse import IfElse
from theano.rewrite.algebra import ALWAYS
from theano.rewrite.pattern import RuleTable, scalar_constant

table = RuleTable()
node_rule = table.node_rule
QUICK = ("fast_compile",)


@node_rule(
    "local_constant_ifelse", ALWAYS, IfElse, tags=QUICK, depth=1,
    before="ifelse(1, x, y); ifelse(0, x, y)", after="x; y",
)  # fmt: skip
def local_constant_ifelse(fgraph: Any, node: Apply) -> Any:
    condition, values, others = node.op.split(node.inputs)
    known = scalar_constant(condition)
    return None if known is None else values if known else others


@node_rule(
    "local_equal_ifelse", ALWAYS, IfElse, tags=QUICK, depth=1,
    before="ifelse(c, [x, y], [x, z])", after="[x, ifelse(c, y, z)]", when="both sides give the same",
)  # fmt: skip
def local_equal_ifelse(fgraph: Any, node: Apply) -> Any:
    condition, values, others = node.op.split(node.inputs)
    results = [a if a is b or _equal_constants(a, b) else None for a, b in zip(values, others, strict=True)]
    left = [k for k, result in enumerate(results) if result is None]
    if len(left) == len(results):
        return None
    if left:
        op = IfElse(len(left), name=node.op.name)
        smaller = op(condition, *(values[k] for k in left), *(others[k] for k in left), return_list=True)
        for k, output in zip(left, smaller, strict=True):
            results[k] = output
    return results


@node_rule(
    "local_nested_ifelse", ALWAYS, IfElse, tags=QUICK,
    before="ifelse(c, ifelse(c, x, y), z); ifelse(c, x, ifelse(c, y, z))", after="ifelse(c, x, z); ifelse(c, x, z)",
    when="the conditions are one",
)  # fmt: skip
def local_nested_ifelse(fgraph: Any, node: Apply) -> Any:
    condition = node.inputs[0]
    inputs = [condition]
    for number, v in enumerate(node.inputs[1:]):
        inner = v.owner
        if inner is not None and isinstance(inner.op, IfElse) and inner.inputs[0] is condition:
            _, values, others = inner.op.split(inner.inputs)
            v = (values if number < node.op.n_outs else others)[v.index]
        inputs.append(v)
    if all(new is old for new, old in zip(inputs, node.inputs, strict=True)):
        return None
    return node.op(*inputs, return_list=True)


def _equal_constants(a: Any, b: Any) -> bool:
    return hasattr(a, "equals") and a.equals(b)
