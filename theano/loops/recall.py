"""What the loop backwards needs to know of the steps forwards.

Results of products and of transcendental functions are kept by the loop forwards, as further outputs. The rest, cheap
arithmetic, is computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from theano.graph.basic import Constant, Variable
from theano.graph.traversal import toposort
from theano.scalar.conversion import Cast
from theano.tensor.elementwise import DimShuffle, Elemwise
from theano.tensor.shape import MakeVector, Reshape, Shape, Shape_i
from theano.tensor.subtensor import Subtensor
from theano.tensor.type import TensorType

if TYPE_CHECKING:
    from theano.loops.op import Scan

__all__ = ["Recall"]

# Scalar operations that cost less to compute again than to keep.
CHEAP = frozenset(
    (
        *("add", "sub", "mul", "true_div", "int_div", "neg", "abs_", "sqr", "sqrt", "inv", "sgn", "switch"),
        *("maximum", "minimum", "clip", "eq", "neq", "lt", "le", "gt", "ge", "and_", "or_", "xor", "invert"),
        *("second", "identity", "isnan", "isinf", "floor", "ceil"),
    )
)


class Recall:
    """Which variables of the loop forwards the loop backwards takes from where.

    Attributes
    ----------
    places
        variable → (group, number, tap): a row of a sequence, of a state or of an output.
    kept
        further results of the body that the loop forwards has to keep, in the order of their numbers as outputs.
    others
        numbers of the others that are used.
    """

    def __init__(self, op: Scan, adjoints: set[Variable], results: Sequence[Variable]) -> None:
        layout, body, rows = op.layout, op.body_inputs, op.body_outputs
        self.op = op
        self.kept: list[Variable] = []
        self.places: dict[Variable, tuple[str, int, int]] = {}
        self.others: list[int] = []
        available: dict[Variable, tuple[str, int, int]] = {}
        for k, row in enumerate(rows.outputs):
            available[row] = ("output", k, 0)
        for k, row in enumerate(rows.states):
            available[row] = ("state", k, 0)
        for k, (taps, variables) in enumerate(zip(layout.taps, body.states, strict=True)):
            available.update((x, ("state", k, tap)) for tap, x in zip(taps, variables, strict=True))
        available.update((x, ("sequence", k, 0)) for k, x in enumerate(body.sequences))
        others = {x: k for k, x in enumerate(body.others)}

        nodes = toposort(results, [*op.inner_inputs, *adjoints])
        backwards: set[Variable] = set(adjoints)  # what depends on gradients
        varying: set[Variable] = {*body.sequences, *(x for taps in body.states for x in taps)}
        for node in nodes:
            if any(v in backwards for v in node.inputs):
                backwards.update(node.outputs)
            if any(v in varying for v in node.inputs):
                varying.update(node.outputs)
        todo = [v for v in results if v not in backwards]
        for node in nodes:
            if node.outputs[0] in backwards:
                todo += [v for v in node.inputs if v not in backwards]
        seen: set[Variable] = set()
        while todo:
            v = todo.pop()
            if v in seen or isinstance(v, Constant):
                continue
            seen.add(v)
            if v in available:
                self.places[v] = available[v]
            elif v in others:
                self.others.append(others[v])
            elif v not in varying or not self._worth_keeping(v):
                assert v.owner is not None
                todo += v.owner.inputs
            else:
                self.places[v] = ("output", layout.n_outputs + len(self.kept), 0)
                self.kept.append(v)
        self.others.sort()

    def _worth_keeping(self, v: Variable) -> bool:
        node = v.owner
        assert node is not None
        if self.op.recompute or not isinstance(v.type, TensorType) or isinstance(node.op, Shape | Shape_i):
            return False
        if isinstance(node.op, DimShuffle | Reshape | Subtensor | MakeVector):
            return False
        if isinstance(node.op, Elemwise):
            return node.op.scalar_op.name not in CHEAP and not isinstance(node.op.scalar_op, Cast)
        return not getattr(node.op, "recompute", False)
