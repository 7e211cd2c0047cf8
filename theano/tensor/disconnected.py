"""Outputs that depend on inputs only in steps, or not at all: lengths, positions, bits at random."""

from __future__ import annotations

from typing import Any

from theano.graph.basic import Apply
from theano.graph.op import Op


def disconnected() -> Any:
    """The gradient with respect to a length or an index: there is none."""
    from theano.gradient import DisconnectedType

    return DisconnectedType()()


class DisconnectedOp(Op):
    """An Op of which no output depends differentiably on an input."""

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False] * len(node.outputs) for _ in node.inputs]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [disconnected() for _ in inputs]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        return [None] * len(self.make_node(*inputs).outputs)
