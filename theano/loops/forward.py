"""Forward mode through loops: the derivatives of rows are rows of one loop, beside the rows themselves."""

from __future__ import annotations

from collections.abc import Sequence

from theano.gradient.forward import pushforward
from theano.gradient.terms import fit, kind_of, zero_gradient
from theano.gradient.types import is_disconnected
from theano.graph.basic import Variable
from theano.loops.influence import influence
from theano.loops.op import Layout, Scan

__all__ = ["forward"]


def forward(op: Scan, inputs: Sequence[Variable], eval_points: Sequence[Variable | None]) -> list[Variable | None]:
    """Derivatives of a node's outputs along directions of its inputs: one loop beside the loop itself."""
    layout, body = op.layout, op.body_inputs
    outer = layout.split_inputs(inputs)
    points = layout.split_inputs([None if is_disconnected(p) else p for p in eval_points])
    direct, _ = influence(op)
    first = layout.n_sequences
    moving = [
        p is not None and kind_of(x) in ("float", "complex")
        for p, x in zip(
            [*points.sequences, *points.states, *points.others],
            [*outer.sequences, *outer.states, *outer.others],
            strict=True,
        )
    ]
    while True:  # states that move because something that moves reaches them
        more = [
            k
            for k in range(layout.n_states)
            if not moving[first + k]
            and kind_of(op.body_outputs.states[k]) in ("float", "complex")
            and any(m and direct[g][k] for g, m in enumerate(moving))
        ]
        if not more:
            break
        for k in more:
            moving[first + k] = True
    groups = [[x] for x in body.sequences] + body.states + [[x] for x in body.others]
    directions = {x: x.type() for group, m in zip(groups, moving, strict=True) if m for x in group}
    rows = [*op.body_outputs.states, *op.body_outputs.outputs]
    tangents = pushforward(rows, directions)

    def tangent(row: Variable) -> Variable | None:
        found = tangents.get(row)
        return None if found is None or is_disconnected(found) else fit(found, row)

    states = [k for k in range(layout.n_states) if moving[first + k]]
    outputs = [k for k in range(layout.n_outputs) if tangent(op.body_outputs.outputs[k]) is not None]
    if not states and not outputs:
        return [None] * (len(op.inner_outputs))

    def moved(numbers: Sequence[int], inner: Sequence[Variable]) -> list[Variable]:
        return [directions[inner[k]] for k in numbers]

    sequences = [k for k in range(layout.n_sequences) if moving[k]]
    others = [k for k in range(len(body.others)) if moving[first + layout.n_states + k]]
    inner_inputs = [*body.sequences, *moved(sequences, body.sequences)]
    inner_inputs += [x for taps in body.states for x in taps]
    inner_inputs += [directions[x] for k in states for x in body.states[k]]
    inner_inputs += [*body.others, *moved(others, body.others)]
    new_states = [tangent(op.body_outputs.states[k]) or zero_gradient(op.body_outputs.states[k]) for k in states]
    new_outputs = [tangent(op.body_outputs.outputs[k]) for k in outputs]
    end = [op.body_outputs.condition] if layout.until else []
    keep = layout.last_only
    both = Scan(
        inner_inputs,
        [*op.body_outputs.states, *new_states, *op.body_outputs.outputs, *new_outputs, *end],  # type: ignore[list-item]
        Layout(
            layout.n_sequences + len(sequences),
            (*layout.taps, *(layout.taps[k] for k in states)),
            layout.n_outputs + len(outputs),
            layout.until,
            (
                *keep[: layout.n_states],
                *(keep[k] for k in states),
                *keep[layout.n_states :],
                *(keep[layout.n_states + k] for k in outputs),
            ),
        ),
        name=f"derivative of {op.name or 'Scan'}",
        truncate_gradient=op.truncate_gradient,
        recompute=op.recompute,
    )

    def direction(point: Variable | None, x: Variable) -> Variable:
        return zero_gradient(x) if point is None else fit(point, x)

    made = both.layout.split_outputs(
        both.make_node(
            outer.steps,
            *outer.sequences,
            *(direction(points.sequences[k], outer.sequences[k]) for k in sequences),
            *outer.states,
            *(direction(points.states[k], outer.states[k]) for k in states),
            *outer.others,
            *(direction(points.others[k], outer.others[k]) for k in others),
        ).outputs
    )
    results: list[Variable | None] = [None] * len(op.inner_outputs)
    for j, k in enumerate(states):
        results[k] = made.states[layout.n_states + j]
    for j, k in enumerate(outputs):
        results[layout.n_states + k] = made.outputs[layout.n_outputs + j]
    return results
