"""Arithmetic of shapes: lengths come from the lengths of inputs, so that asking for a shape computes no array.

``Shape`` becomes a vector of single lengths, and a length is taken one step nearer to the inputs at a time, by the
``infer_shape`` of the Op in between, until it rests on an input of the graph.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from theano.configuration import config
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.op import MethodNotDefined, Op
from theano.rewrite.algebra import ALWAYS
from theano.rewrite.pattern import RuleTable, maker, scalar_constant
from theano.tensor.elementwise import DimShuffle, Elemwise
from theano.tensor.lengths import as_length
from theano.tensor.shape import MakeVector, Shape, Shape_i, patternbroadcast, shape_i, shape_tuple
from theano.tensor.static import static_integer
from theano.tensor.subtensor import Slice, Subtensor, fill_in
from theano.tensor.type import TensorType
from theano.tensor.variable import constant

table = RuleTable()
node_rule = table.node_rule
QUICK = ("fast_compile",)


class ShapeFeature:
    """Remembers which lengths are equal, so that long chains of operations are followed once only.

    What it knows are facts about values (axis i of v is as long as axis j of u), which stay true however the graph is
    edited.
    """

    def __init__(self) -> None:
        self.shape_of = Shapes()
        self.known: dict[tuple[Variable, int], tuple[Variable, int]] = {}
        self._lengths: dict[Variable, tuple[Variable, ...]] = {}

    def lengths(self, variable: Variable) -> tuple[Variable, ...]:
        """All lengths of a tensor, the same variables each time."""
        found = self._lengths.get(variable)
        if found is None:
            found = self._lengths[variable] = shape_tuple(variable)
        return found

    def source(self, fgraph: FunctionGraph, variable: Variable, axis: int) -> tuple[Variable, int]:
        """The variable and axis nearest to the inputs that has the length of this axis.

        Elementwise operations and dimshuffles are followed; anything else ends the search.
        """
        path = []
        place = (variable, axis)
        while True:
            further = self.known.get(place)
            if further is None or further[0] not in fgraph.variables:
                further = _step(*place)
            if further is None:
                break
            path.append(place)
            place = further
        for earlier in path:
            self.known[earlier] = place
        return place


class Shapes:
    """Variable → lengths as expressions, by subscript: what local optimizers of Theano 1.0 ask ``shape_of`` for."""

    def __getitem__(self, variable: Any) -> tuple[Variable, ...]:
        return shape_tuple(variable)


def _step(variable: Any, axis: int) -> tuple[Variable, int] | None:
    """One step towards the inputs: an operand that surely has this length."""
    node = variable.owner
    if node is None:
        return None
    if type(node.op) is Elemwise:
        operands = [v for v in node.inputs if not v.type.broadcastable[axis]]
        if not operands:
            return None
        return next((v for v in operands if v.owner is None), operands[0]), axis
    if type(node.op) is DimShuffle:
        entry: Any = node.op.new_order[axis]
        return None if entry == "x" else (node.inputs[0], entry)
    return None


def shape_feature(fgraph: Any) -> ShapeFeature:
    """The shape feature of a graph, made on first use; it lasts as long as the graph is being rewritten."""
    found = getattr(fgraph, "shape_feature", None)
    if found is None:
        found = fgraph.shape_feature = ShapeFeature()
    return found


def known_equal(fgraph: Any, first: tuple[Any, int], second: tuple[Any, int]) -> bool:
    """Whether two dimensions, each a variable and an axis, surely have one length."""
    if all(isinstance(v, Constant) or v.type.broadcastable[axis] for v, axis in (first, second)):
        lengths = {v.data.shape[axis] if isinstance(v, Constant) else 1 for v, axis in (first, second)}
        return len(lengths) == 1
    feature = shape_feature(fgraph)
    return feature.source(fgraph, *first) == feature.source(fgraph, *second)


def known_length(fgraph: Any, variable: Any, axis: int, length: Any) -> bool:
    """Whether the length of a dimension surely is `length`, a scalar expression."""
    if isinstance(length, Constant):
        known = variable.data.shape[axis] if isinstance(variable, Constant) else None
        return (1 if variable.type.broadcastable[axis] else known) == int(length.data)
    node = length.owner
    return (
        node is not None
        and isinstance(node.op, Shape_i)
        and known_equal(fgraph, (variable, axis), (node.inputs[0], node.op.i))
    )


@node_rule(
    "local_shape_to_shape_i", ALWAYS, Shape, tags=QUICK, depth=1,
    before="matrix.shape", after="[matrix.shape[0], matrix.shape[1]]",
)  # fmt: skip
def local_shape_to_shape_i(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    if not isinstance(x.type, TensorType):
        return None
    if x.type.ndim == 0:
        return [constant(np.zeros(0, dtype="int64"))]
    if all(_takes_one_length(client, x.type.ndim) for client, _ in fgraph.clients[node.outputs[0]]):
        return None  # it gets that length itself: others may be long expressions that nobody needs
    lengths = shape_tuple(x)
    if all(isinstance(n, Constant) for n in lengths):
        return [constant(np.array([int(n.data) for n in lengths], dtype="int64"))]  # type: ignore[attr-defined]
    return [patternbroadcast(MakeVector("int64")(*lengths), node.outputs[0].type.broadcastable)]


def _takes_one_length(client: Any, rank: int) -> bool:
    """Whether it is a subscript of a shape that :func:`local_subtensor_make_vector` takes out."""
    if client == "output" or type(client.op) is not Subtensor or len(client.op.idx_list) != 1:
        return False
    (entry,) = fill_in(client.op.idx_list, client.inputs[1:])
    number = None if isinstance(entry, Slice) else static_integer(entry)
    return number is not None and -rank <= number < rank


@node_rule(
    "local_shape_i_lift", ALWAYS, Shape_i, tags=QUICK,
    before="exp(x + y).shape[0]; dot(x, y).shape[1]; Join{0}(x, y).shape[0]",
    after="x.shape[0]; y.shape[1]; x.shape[0] + y.shape[0]",
    when="the Op defines infer_shape; its error messages about lengths are lost with it",
)  # fmt: skip
def local_shape_i_lift(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    axis = node.op.i
    if not isinstance(x.type, TensorType):
        return None
    if x.type.broadcastable[axis]:
        return [constant(1, dtype="int64")]
    source, source_axis = shape_feature(fgraph).source(fgraph, x, axis)
    length = _inferred(fgraph, source, source_axis)
    if length is None:
        if source is x:
            return None
        length = shape_i(source, source_axis)
    return None if length is node.outputs[0] else [length]


def _inferred(fgraph: Any, x: Any, axis: int) -> Any:
    """The length by ``infer_shape`` of what makes `x`; ``None`` when that does not tell."""
    if isinstance(x, Constant):
        return constant(x.data.shape[axis], dtype="int64")
    node = x.owner
    if node is None or type(node.op).infer_shape is Op.infer_shape:
        return None
    feature = shape_feature(fgraph)
    shapes = [feature.lengths(v) if isinstance(v.type, TensorType) else None for v in node.inputs]
    try:
        lengths = node.op.infer_shape(node, shapes)[x.index]
    except MethodNotDefined:
        return None
    except Exception as error:
        if config.on_shape_error == "raise":
            raise
        warnings.warn(
            f"infer_shape of {node.op} failed ({type(error).__name__}: {error}); shapes of its results will cost "
            f"computing them. The node was made at\n{node.user_line()}",
            stacklevel=2,
        )
        return None
    if lengths is None or lengths[axis] is None:
        return None
    length: Any = as_length(lengths[axis], f"a length that infer_shape of {node.op} gives")
    made_by = length.owner
    if made_by is not None and type(made_by.op) is Shape_i and made_by.op.i == axis and made_by.inputs[0] is x:
        return None
    return length


# ---- what is known of lengths


@node_rule(
    "local_max_of_length", ALWAYS, "maximum", "minimum", tags=QUICK, depth=3,
    before="maximum(x.shape[0], 0); minimum(x.shape[0], 0); minimum(x.shape[0] + 1, x.shape[0])",
    after="x.shape[0]; 0; x.shape[0]",
    when="lengths, their sums and products are not negative",
)  # fmt: skip
def local_max_of_length(fgraph: Any, node: Apply) -> Any:
    wanted = node.outputs[0].type
    for smaller, larger in (node.inputs, node.inputs[::-1]):
        if larger.type.numpy_dtype.kind in "iu" and _is_below(smaller, larger):
            chosen = larger if maker(node.outputs[0]) == "maximum" else smaller
            if isinstance(chosen, Constant) and not wanted.ndim:
                chosen = constant(chosen.data, dtype=wanted.dtype)
            return [chosen] if chosen.type == wanted else None
    return None


def _is_below(smaller: Any, larger: Any) -> bool:
    """Whether a number surely is not above a length: a constant, or what the length is a sum of."""
    value = scalar_constant(smaller)
    if value is not None:
        bound = lower_bound(larger)
        return bound is not None and bool(value <= bound)
    if maker(larger) != "add" or smaller not in larger.owner.inputs:
        return False
    return all(v is smaller or is_length(v) for v in larger.owner.inputs)


@node_rule(
    "local_sign_of_length", ALWAYS, "lt", "ge", tags=QUICK, before="x.shape[0] < 0; x.shape[0] >= 0", after="0; 1",
)  # fmt: skip
def local_sign_of_length(fgraph: Any, node: Apply) -> Any:
    length, bound = node.inputs
    if length.type.ndim or length.type.numpy_dtype.kind not in "iu" or scalar_constant(bound) != 0:
        return None
    return [constant(np.array(maker(node.outputs[0]) == "ge"))] if is_length(length) else None


def lower_bound(variable: Any) -> int | None:
    """What an integer is known not to be below: 0 for lengths, and more for what adds to them."""
    value = scalar_constant(variable)
    if value is not None:
        return int(value)
    if maker(variable) == "add":
        bounds = [int(value) if (value := scalar_constant(v)) is not None else None for v in variable.owner.inputs]
        others = [v for v, bound in zip(variable.owner.inputs, bounds, strict=True) if bound is None]
        return sum(bound or 0 for bound in bounds) if all(map(is_length, others)) else None
    return 0 if is_length(variable) else None


def is_length(variable: Any, levels: int = 4) -> bool:
    """Whether an integer is known not to be negative, as lengths and what sums and products make of them are."""
    value = scalar_constant(variable)
    if value is not None:
        return bool(value >= 0)
    node = variable.owner
    if node is None or not levels:
        return False
    if type(node.op) is Shape_i:
        return True
    name = maker(variable)
    if name in ("add", "mul", "minimum", "int_div"):
        return all(is_length(v, levels - 1) for v in node.inputs)
    if name == "switch":
        return all(is_length(v, levels - 1) for v in node.inputs[1:])
    return name == "maximum" and any(is_length(v, levels - 1) for v in node.inputs)
