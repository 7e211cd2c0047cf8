"""From what a step function returned to a closed body: expressions of the outer graph become inputs of the body."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from theano.compile.gather import values_after_loops
from theano.compile.sharedvalue import SharedVariable
from theano.graph.basic import Constant, Variable
from theano.graph.op import TestValueError, test_value_mode
from theano.graph.replace import replace_graph
from theano.graph.test_value import get_test_value
from theano.graph.traversal import graph_inputs, toposort
from theano.loops.placing import certain_nodes


class Captured(NamedTuple):
    """What of the outer graph a body uses, the inputs that stand for it, and the body's outputs."""

    outer: list[Any]
    inner: list[Any]
    outputs: list[Any]


def capture(outputs: Sequence[Variable], varying: Mapping[Any, Any]) -> Captured:
    """Close a body.

    What does not change from step to step is computed outside, in pieces as large as can be, each of which becomes one
    input. What is computed from constants alone stays inside, where rewriting knows what it is, and so does what a
    choice (``ifelse``) may not need.

    Parameters
    ----------
    outputs
        what a step computes.
    varying
        what changes from step to step → the body's input for it.
    """
    nodes = toposort(outputs, varying.keys())
    changing: set[Variable] = set(varying)
    known: set[Variable] = set()  # computed from constants alone

    def is_known(v: Variable) -> bool:
        return isinstance(v, Constant) or v in known

    for node in nodes:
        if any(v in changing for v in node.inputs):
            changing.update(node.outputs)
        elif all(map(is_known, node.inputs)):
            known.update(node.outputs)
    inside = [node for node in nodes if any(v in changing for v in node.inputs)]
    used = dict.fromkeys([*(v for node in inside for v in node.inputs), *outputs])
    certain = certain_nodes(outputs, nodes)
    for node in reversed(nodes):
        if node not in certain and any(v in used and v not in changing for v in node.outputs):
            changing.update(node.outputs)
            used.update(dict.fromkeys(node.inputs))
    outer = [v for v in used if v not in changing and not is_known(v)]
    inner = [_stand_in(v) for v in outer]
    replacements = [*varying.items(), *zip(outer, inner)]
    return Captured(outer, inner, replace_graph(outputs, [(old, new) for old, new in replacements if old is not new]))


def _stand_in(variable: Any) -> Any:
    inner = variable.type(name=variable.name)
    if test_value_mode() != "off":
        try:
            inner.tag.test_value = get_test_value(variable)
        except TestValueError:
            pass
    return inner


def missing_inputs(outputs: Sequence[Variable], given: Collection[Variable]) -> list[Variable]:
    """The free variables, shared ones among them, that `outputs` use beside `given`."""
    blockers = set(given)
    leaves = graph_inputs(outputs, blockers)
    return [v for v in dict.fromkeys(leaves) if v not in blockers and not isinstance(v, Constant)]


def implicit_updates(outputs: Sequence[Variable], explicit: Mapping[Any, Any], given: Collection[Variable]) -> dict:
    """`explicit` updates and the default updates of all shared variables that they and `outputs` use.

    Where a loop inside uses such a variable, its update is the value that the loop ends with. What is computed in
    `given` variables counts as done outside of the loop.
    """
    blockers = {v for v in given if not isinstance(v, SharedVariable)}
    updates = dict(explicit)
    seen: set[Variable] = set()
    todo: list[Any] = [*outputs, *updates.values()]
    while todo:
        leaves = graph_inputs(todo, blockers)
        nodes = toposort(todo, blockers)
        todo = []
        after_loops = values_after_loops(nodes)
        for v in leaves:
            if isinstance(v, SharedVariable) and v not in seen:
                seen.add(v)
                if v not in updates and v.default_update is not None:
                    updates[v] = after_loops.get(v, v.default_update)
                    todo.append(updates[v])
    return updates
