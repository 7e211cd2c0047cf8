"""Operations that do nothing, and layout operations that merge or cancel."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.gradient.identities import GradientIdentity
from theano.graph.basic import Apply, Constant
from theano.rewrite.algebra import ALWAYS, CANONICALIZE, function, x
from theano.rewrite.pattern import RuleTable, broadcast_like, filled, key_of, maker, scalar_constant
from theano.rewrite.shape import known_length
from theano.scalar.conversion import Cast
from theano.tensor.assertion import Assert
from theano.tensor.creation import Alloc
from theano.tensor.elementwise import DimShuffle, Elemwise
from theano.tensor.functions import cast
from theano.tensor.joining import Join, Split
from theano.tensor.shape import MakeVector, Rebroadcast, Reshape, Shape_i, SpecifyShape
from theano.tensor.static import known_entries, static_integer
from theano.tensor.variable import constant

table = RuleTable()
rule = table.rule
node_rule = table.node_rule
QUICK = ("fast_compile",)

# ---- identities


rule("local_useless_identity", ALWAYS, (function("identity")(x), x), tags=QUICK)


@node_rule(
    "local_view_op", CANONICALIZE, GradientIdentity, tags=QUICK, depth=1,
    before="grad_clip(x, a, b); disconnected_grad(x)", after="x; x", when="what concerns gradients only is over",
)  # fmt: skip
def local_view_op(fgraph: Any, node: Apply) -> Any:
    return [node.inputs[0]]


@node_rule(
    "local_useless_assert",
    ALWAYS,
    Assert,
    tags=QUICK,
    before="Assert(x, 1)",
    after="x",
    when="conditions known to hold",
)
def local_useless_assert(fgraph: Any, node: Apply) -> Any:
    value, *conditions = node.inputs
    left = [c for c in conditions if not scalar_constant(c)]
    if not left:
        return [value]
    left = list(dict.fromkeys(left))
    return [node.op(value, *left)] if len(left) < len(conditions) else None


@node_rule(
    "local_remove_all_assert", ("canonicalize",), Assert, tags=("unsafe", "opt_in"), depth=1,
    before="Assert(x, c)", after="x",
    when="only where the query includes 'unsafe': the condition is not checked any more",
)  # fmt: skip
def local_remove_all_assert(fgraph: Any, node: Apply) -> Any:
    return [node.inputs[0]]


# ---- casts


@node_rule(
    "local_useless_cast",
    ALWAYS,
    Cast,
    tags=QUICK,
    before="cast[float64](x)",
    after="x",
    when="x has that dtype already",
)
def local_useless_cast(fgraph: Any, node: Apply) -> Any:
    value: Any = node.inputs[0]
    return [value] if value.type.dtype == node.outputs[0].type.dtype else None


@node_rule(
    "local_cast_cast", ALWAYS, Cast, before="cast[float32](cast[float64](i))", after="cast[float32](i)",
    when="the inner conversion loses nothing",
)  # fmt: skip
def local_cast_cast(fgraph: Any, node: Apply) -> Any:
    middle: Any = node.inputs[0]
    if middle.owner is None or key_of(middle.owner.op) is not Cast:
        return None
    (value,) = middle.owner.inputs
    if not np.can_cast(value.type.dtype, middle.type.dtype, "safe"):
        return None
    out = node.outputs[0].type.dtype
    return [value if value.type.dtype == out else cast(value, out)]


# ---- dimshuffle


def _dimshuffle(variable: Any, order: tuple[Any, ...]) -> Any:
    """`variable` dimshuffled, itself where nothing changes."""
    if order == tuple(range(variable.type.ndim)):
        return variable
    return DimShuffle(variable.type.broadcastable, order)(variable)


@node_rule(
    "local_useless_dimshuffle", ALWAYS, DimShuffle, tags=QUICK,
    before="x.dimshuffle(0, 1)", after="x", when="no dimension is moved, dropped or added",
)  # fmt: skip
def local_useless_dimshuffle(fgraph: Any, node: Apply) -> Any:
    value: Any = node.inputs[0]
    return [value] if node.op.new_order == tuple(range(value.type.ndim)) else None


@node_rule(
    "local_dimshuffle_dimshuffle", ALWAYS, DimShuffle, tags=QUICK,
    before="x.T.T; x.dimshuffle(x, 0).dimshuffle(1, 0)", after="x; x.dimshuffle(0, x)",
)  # fmt: skip
def local_dimshuffle_dimshuffle(fgraph: Any, node: Apply) -> Any:
    middle: Any = node.inputs[0]
    if middle.owner is None or type(middle.owner.op) is not DimShuffle:
        return None
    inner = middle.owner.op.new_order
    order = tuple("x" if e == "x" else inner[e] for e in node.op.new_order)
    return [_dimshuffle(middle.owner.inputs[0], order)]


@node_rule(
    "local_dimshuffle_lift", CANONICALIZE, DimShuffle,
    before="exp(x).T; (x + y).T", after="exp(x.T); x.T + y.T",
    when="the elementwise result is used only here; two operands are dimshuffled only where that takes another "
    "one away",
)  # fmt: skip
def local_dimshuffle_lift(fgraph: Any, node: Apply) -> Any:
    middle: Any = node.inputs[0]
    if middle.owner is None or type(middle.owner.op) is not Elemwise or len(fgraph.clients[middle]) > 1:
        return None
    operands = middle.owner.inputs
    own = [v for v in operands if not _is_plain_constant(v)]
    layouts = sum(v.owner is not None and type(v.owner.op) is DimShuffle for v in own)
    if len(own) - layouts > 1:
        return None
    order = node.op.new_order
    moved = [_dimshuffle(v, order) for v in operands]
    result = middle.owner.op(*moved)
    return [result] if result.type == node.outputs[0].type else None


def _is_plain_constant(variable: Any) -> bool:
    return isinstance(variable, Constant) and all(variable.type.broadcastable)


# ---- broadcast patterns and specified shapes


@node_rule(
    "local_useless_rebroadcast", ALWAYS, Rebroadcast, tags=QUICK,
    before="Rebroadcast{(0, False)}(x)", after="x", when="the type says so already",
)  # fmt: skip
def local_useless_rebroadcast(fgraph: Any, node: Apply) -> Any:
    value: Any = node.inputs[0]
    return [value] if value.type.broadcastable == node.outputs[0].type.broadcastable else None


@node_rule(
    "local_rebroadcast_rebroadcast", ALWAYS, Rebroadcast,
    before="Rebroadcast{(0, True)}(Rebroadcast{(0, False)}(x))", after="x", when="no check of a length is lost",
)  # fmt: skip
def local_rebroadcast_rebroadcast(fgraph: Any, node: Apply) -> Any:
    middle: Any = node.inputs[0]
    if middle.owner is None or type(middle.owner.op) is not Rebroadcast:
        return None
    (value,) = middle.owner.inputs
    inner, outer = middle.owner.op.axis, node.op.axis
    if any(flag and outer.get(axis) is False and not value.type.broadcastable[axis] for axis, flag in inner.items()):
        return None
    pattern = node.outputs[0].type.broadcastable
    changes = [
        (i, new) for i, (new, old) in enumerate(zip(pattern, value.type.broadcastable, strict=True)) if new != old
    ]
    return [Rebroadcast(*changes)(value) if changes else value]


@node_rule(
    "local_useless_specify_shape", ALWAYS, SpecifyShape,
    before="SpecifyShape(x, x.shape)", after="x", when="the lengths are those of x itself",
)  # fmt: skip
def local_useless_specify_shape(fgraph: Any, node: Apply) -> Any:
    value, shape = node.inputs
    if value.type == node.outputs[0].type and _is_shape_of(shape, value):
        return [value]
    return None


# ---- reshape


def _is_shape_of(shape: Any, value: Any) -> bool:
    """Whether a shape vector surely is the shape of `value`."""
    entries = known_entries(shape)
    if entries is None or len(entries) != value.type.ndim:
        return False
    return all(_is_length_of(entry, value, axis) for axis, entry in enumerate(entries))


def _is_length_of(entry: Any, value: Any, axis: int) -> bool:
    if value.type.broadcastable[axis]:
        return static_integer(entry) == 1
    node = getattr(entry, "owner", None)
    return node is not None and type(node.op) is Shape_i and node.op.i == axis and node.inputs[0] is value


@node_rule(
    "local_useless_reshape", ALWAYS, Reshape, tags=QUICK,
    before="x.reshape(x.shape); vector.reshape([-1])", after="x; vector", when="the shape is that of x, up to one -1",
)  # fmt: skip
def local_useless_reshape(fgraph: Any, node: Apply) -> Any:
    value, shape = node.inputs
    if value.type.ndim != node.op.ndim or value.type != node.outputs[0].type:
        return None
    entries = known_entries(shape)
    if entries is None:
        return None
    same = [_is_length_of(entry, value, axis) for axis, entry in enumerate(entries)]
    missing = [axis for axis, known in enumerate(same) if not known]
    if not missing or (len(missing) == 1 and static_integer(entries[missing[0]]) == -1):
        return [value]
    return None


@node_rule(
    "local_reshape_reshape", ALWAYS, Reshape,
    before="x.reshape(a).reshape(b)", after="x.reshape(b)",
)  # fmt: skip
def local_reshape_reshape(fgraph: Any, node: Apply) -> Any:
    middle, shape = node.inputs
    if middle.owner is None or type(middle.owner.op) is not Reshape:
        return None
    result = node.op(middle.owner.inputs[0], shape)
    return [result] if result.type == node.outputs[0].type else None


@node_rule(
    "local_reshape_dimshuffle", ALWAYS, Reshape,
    before="vector.dimshuffle(x, 0).reshape(s)", after="vector.reshape(s)",
    when="the dimshuffle only adds or drops lengths of 1",
)  # fmt: skip
def local_reshape_dimshuffle(fgraph: Any, node: Apply) -> Any:
    middle, shape = node.inputs
    if middle.owner is None or type(middle.owner.op) is not DimShuffle:
        return None
    if middle.owner.op.shuffle != tuple(sorted(middle.owner.op.shuffle)):
        return None
    result = node.op(middle.owner.inputs[0], shape)
    return [result] if result.type == node.outputs[0].type else None


@node_rule(
    "local_reshape_to_dimshuffle", ALWAYS, Reshape,
    before="x.reshape([1, x.shape[0], 1])", after="x.dimshuffle(x, 0, x)",
    when="the new shape only adds or drops lengths of 1",
)  # fmt: skip
def local_reshape_to_dimshuffle(fgraph: Any, node: Apply) -> Any:
    value, shape = node.inputs
    entries = known_entries(shape)
    if entries is None:
        return None
    order: list[Any] = []
    kept = [axis for axis, flag in enumerate(value.type.broadcastable) if not flag]
    for entry in entries:
        if static_integer(entry) == 1:
            order.append("x")
        elif kept and (_is_length_of(entry, value, kept[0]) or (len(kept) == 1 and static_integer(entry) == -1)):
            order.append(kept.pop(0))
        else:
            return None
    if kept:
        return None
    result = _dimshuffle(value, tuple(order))
    return [result] if result.type == node.outputs[0].type else None


# ---- filled arrays


@node_rule(
    "local_fill_to_alloc", ALWAYS, "second", tags=QUICK,
    before="fill(x, y); fill(vector, 0)", after="y; Alloc(0, vector.shape[0])",
    when="y alone where its type says that it has the shape; else it is stretched",
)  # fmt: skip
def local_fill_to_alloc(fgraph: Any, node: Apply) -> Any:
    return [broadcast_like(node.inputs[1], node)]


@node_rule(
    "local_useless_alloc", ALWAYS, Alloc, tags=QUICK,
    before="Alloc(x, x.shape[0]); Alloc(scalar)", after="x; scalar",
    when="x surely has these lengths already",
)  # fmt: skip
def local_useless_alloc(fgraph: Any, node: Apply) -> Any:
    x, *lengths = node.inputs
    if x.type != node.outputs[0].type:
        return None
    flags = x.type.broadcastable
    same = all(flag or known_length(fgraph, x, axis, n) for axis, (flag, n) in enumerate(zip(flags, lengths)))
    return [x] if same else None


@node_rule("local_alloc_alloc", ALWAYS, Alloc, before="Alloc(Alloc(x, 1), n)", after="Alloc(x, n)")
def local_alloc_alloc(fgraph: Any, node: Apply) -> Any:
    inner: Any = node.inputs[0]
    if inner.owner is None or type(inner.owner.op) is not Alloc:
        return None
    result = Alloc()(inner.owner.inputs[0], *node.inputs[1:])
    return [result] if result.type == node.outputs[0].type else None


@node_rule(
    "local_dimshuffle_alloc", ALWAYS, DimShuffle,
    before="Alloc(x, n).dimshuffle(x, 0)", after="Alloc(x, 1, n)",
)  # fmt: skip
def local_dimshuffle_alloc(fgraph: Any, node: Apply) -> Any:
    filled: Any = node.inputs[0]
    if filled.owner is None or type(filled.owner.op) is not Alloc:
        return None
    value, *lengths = filled.owner.inputs
    rank = len(lengths)
    padded = _dimshuffle(value, ("x",) * (rank - value.type.ndim) + tuple(range(value.type.ndim)))
    if any(not padded.type.broadcastable[axis] for axis in node.op.drop):
        return None
    moved = _dimshuffle(padded, node.op.new_order)
    result = Alloc()(moved, *(1 if e == "x" else lengths[e] for e in node.op.new_order))
    return [result] if result.type == node.outputs[0].type else None


@node_rule(
    "local_elemwise_alloc", ALWAYS, Elemwise, tags=QUICK,
    before="x + Alloc(y, n); exp(Alloc(y, n))", after="x + y; Alloc(exp(y), n)",
    when="where no other operand has the length, the result is filled instead",
)  # fmt: skip
def local_elemwise_alloc(fgraph: Any, node: Apply) -> Any:
    inputs: list[Any] = node.inputs
    allocs = [v for v in inputs if v.owner is not None and type(v.owner.op) is Alloc]
    if not allocs or maker(node.outputs[0]) == "second":
        return None
    rank = node.outputs[0].type.ndim
    values = []
    for v in inputs:
        if v in allocs:
            value = v.owner.inputs[0]
            value = _dimshuffle(value, ("x",) * (rank - value.type.ndim) + tuple(range(value.type.ndim)))
            values.append(value)
        else:
            values.append(v)
    result = node.op(*values)
    wanted = node.outputs[0].type
    if result.type == wanted:
        return [result]
    if result.type.dtype != wanted.dtype:
        return None
    lengths: list[Any] = []
    for axis, flag in enumerate(wanted.broadcastable):
        if flag:
            lengths.append(1)
            continue
        source = next((v for v in inputs if v not in allocs and not v.type.broadcastable[axis]), None)
        if source is None:
            source = next(v for v in allocs if not v.type.broadcastable[axis])
            lengths.append(source.owner.inputs[1 + axis])
        else:
            lengths.append(Shape_i(axis)(source))
    return [filled(result, lengths, wanted.broadcastable)]


# ---- joins


@node_rule("local_join_1", ALWAYS, Join, tags=QUICK, before="Join{0}(x)", after="x")
def local_join_1(fgraph: Any, node: Apply) -> Any:
    return [node.inputs[0]] if len(node.inputs) == 1 and node.inputs[0].type == node.outputs[0].type else None


@node_rule(
    "local_join_empty", ALWAYS, Join, before="Join{0}(x, [])", after="Join{0}(x)",
    when="a constant has length 0 along the axis",
)  # fmt: skip
def local_join_empty(fgraph: Any, node: Apply) -> Any:
    axis = node.op.axis
    kept = [v for v in node.inputs if not (isinstance(v, Constant) and v.data.shape[axis] == 0)]
    if not kept or len(kept) == len(node.inputs):
        return None
    result = node.op(*kept)
    return [result] if result.type == node.outputs[0].type else None


@node_rule("local_join_join", ALWAYS, Join, before="Join{0}(Join{0}(x, y), z)", after="Join{0}(x, y, z)")
def local_join_join(fgraph: Any, node: Apply) -> Any:
    parts: list[Any] = []
    for v in node.inputs:
        inner: Any = v.owner
        same = inner is not None and inner.op == node.op and len(fgraph.clients[v]) == 1
        parts += inner.inputs if same else [v]
    if len(parts) == len(node.inputs):
        return None
    result = node.op(*parts)
    return [result] if result.type == node.outputs[0].type else None


@node_rule(
    "local_join_make_vector",
    ALWAYS,
    Join,
    before="Join{0}([a], [b, c])",
    after="[a, b, c]",
    when="the entries of all parts are known",
)
def local_join_make_vector(fgraph: Any, node: Apply) -> Any:
    if node.outputs[0].type.ndim != 1:
        return None
    entries: list[Any] = []
    inputs: list[Any] = node.inputs
    for v in inputs:
        if v.owner is not None and type(v.owner.op) is MakeVector:
            entries += v.owner.inputs
        elif isinstance(v, Constant) and v.data.size <= 8:
            entries += [constant(e) for e in v.data]
        else:
            return None
    result = MakeVector(node.outputs[0].type.dtype)(*entries)
    return [result] if result.type == node.outputs[0].type else None


@node_rule("local_useless_split", ALWAYS, Split, tags=QUICK, before="split(x, [n], 1)", after="x")
def local_useless_split(fgraph: Any, node: Apply) -> Any:
    if node.op.len_splits != 1 or node.inputs[0].type != node.outputs[0].type:
        return None
    return [node.inputs[0]]


@node_rule(
    "local_split_join", ALWAYS, Split, before="split(Join{0}(x, y), [x.shape[0], y.shape[0]], 2)", after="x, y",
    when="the pieces have the lengths of what was joined",
)  # fmt: skip
def local_split_join(fgraph: Any, node: Apply) -> Any:
    joined, splits = node.inputs
    axis = node.op.axis
    if joined.owner is None or joined.owner.op != Join(axis) or len(joined.owner.inputs) != node.op.len_splits:
        return None
    entries = known_entries(splits)
    parts = joined.owner.inputs
    if entries is None or len(entries) != len(parts):
        return None
    if not all(_is_length_of(entry, part, axis) for entry, part in zip(entries, parts, strict=True)):
        return None
    if any(part.type != out.type for part, out in zip(parts, node.outputs, strict=True)):
        return None
    return parts
