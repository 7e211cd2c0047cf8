"""What of a loop's outputs depends on which of its inputs, differentiably."""

from __future__ import annotations

from typing import TYPE_CHECKING

from theano.gradient.reverse import dependence

if TYPE_CHECKING:
    from theano.loops.op import Scan

__all__ = ["connection_pattern", "influence"]


def influence(op: Scan) -> tuple[list[list[bool]], list[list[bool]]]:
    """For each group of body inputs (sequences, states, others, in order) which body outputs depend on it in one step,
    and which after any number of steps."""
    body, nodes = op.body_inputs, op.inner_nodes
    groups = [[x] for x in body.sequences] + body.states + [[x] for x in body.others]
    rows = op.inner_outputs[: op.layout.n_states + op.layout.n_outputs]
    direct = []
    for group in groups:
        dependent, _ = dependence(nodes, group)
        direct.append([row in dependent for row in rows])
    states = range(op.layout.n_states)
    first = op.layout.n_sequences
    whole = [list(row) for row in direct]
    for through in states:  # transitive closure: an input reaches what a state that it reaches reaches
        beyond = whole[first + through]
        for row in whole:
            if row[through]:
                row[:] = [a or b for a, b in zip(row, beyond, strict=True)]
    return direct, whole


def connection_pattern(op: Scan) -> list[list[bool]]:
    """As the method of Ops: for each input of a node the outputs that depend on it differentiably."""
    layout = op.layout
    _, whole = influence(op)
    end = [False] if layout.until else []
    pattern = [[False] * (len(op.inner_outputs) - layout.until) + end]
    for number, row in enumerate(whole):
        row = list(row)
        state = number - layout.n_sequences
        if 0 <= state < layout.n_states:
            row[state] = True  # the rows given are part of the output
        pattern.append(row + end)
    return pattern
