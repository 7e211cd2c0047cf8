"""Branches: two bodies of steps inside the program, whose results lie in memory of the program around."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from theano.backend.native.choose import Choose, Result
from theano.backend.native.lower import Lowering, find_rule, lowers
from theano.backend.native.nested import Body
from theano.backend.native.plan import Plan
from theano.backend.native.program import ONE, Array, Const, Ref, schedule
from theano.backend.native.strips import in_strips
from theano.graph.basic import Apply, Variable
from theano.loops.branches import Branch

_NATIVE: WeakKeyDictionary[Branch, bool] = WeakKeyDictionary()  # found out once, since branches are nested


def _native_sides(node: Apply) -> bool:
    op: Any = node.op
    if op not in _NATIVE:
        graphs = (op.then_graph, op.else_graph)
        _NATIVE[op] = all(find_rule(inner) is not None for graph in graphs for inner in graph.apply_nodes)
    return _NATIVE[op]


@lowers(Branch, when=_native_sides)
def branch(ctx: Lowering, node: Apply, inputs: list[Array]) -> list[Array]:
    condition, *given = inputs
    if condition.leaf is None:
        condition = ctx.materialized(condition)
    bodies = [_side(ctx, node, given, side) for side in (True, False)]
    choose = Choose(str(node.op), condition, bodies, node)
    made = [[body.array(v) for v in body.fgraph.outputs] for body in bodies]
    results = [_result(ctx, choose, variable, arrays) for variable, *arrays in zip(node.outputs, *made, strict=True)]
    for body, arrays in zip(bodies, made, strict=True):
        taken: set[int] = set()
        for result, array in zip(results, arrays, strict=True):
            placed = body.place(array, "row", -1, taken)
            assert placed.buffer is not None
            placed.buffer.row = result
        body.plan = Plan(body, in_strips(schedule(body.steps)))
        choose.reads += body.captured
        choose.after.update(body.after)
    choose.writes += [result.whole for result in results]
    ctx.steps.append(choose)
    for result in results:
        result.whole.producers = (choose,)
    return [result.whole for result in results]


def _side(ctx: Lowering, node: Apply, given: list[Array], side: bool) -> Body:
    """One side, lowered but for the places of its outputs."""
    graph = node.op.side(side)
    body = Body(ctx, graph.inputs, graph.outputs)
    for inner, array in zip(body.fgraph.inputs, given, strict=True):
        if body.fgraph.clients[inner]:
            body.capture(inner, array)
    body.lower_nodes()
    return body


def _result(ctx: Lowering, choose: Choose, variable: Variable, arrays: list[Array]) -> Result:
    """An array of the program around for an output; lengths that are not the same on both sides are set by these."""
    pattern = variable.type.broadcastable
    words: dict[int, int] = {}
    shape: list[Ref] = []
    for axis, flag in enumerate(pattern):
        lengths = {_known_before(body, a.shape[axis]) for body, a in zip(choose.bodies, arrays, strict=True)}
        length = lengths.pop()
        if flag:
            length = ONE
        elif lengths or length is None:
            length = words[axis] = ctx.new_words()
        shape.append(length)
    ctx.lengths_set_by(list(words.values()), [choose])
    return Result(ctx.new_array(variable.type.dtype, pattern, shape), words)


def _known_before(body: Body, length: Ref) -> Ref | None:
    """A length of a body's array, where it is known before the body runs."""
    if isinstance(length, Const) or not body.length_steps(length):
        return length
    return None
