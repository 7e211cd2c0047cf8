"""Rules about parts of arrays: indexing is brought nearer to the inputs, so that only what is needed is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theano.graph.basic import Apply, Constant, Variable
from theano.rewrite.algebra import ALWAYS, CANONICALIZE, SPECIALIZE
from theano.rewrite.pattern import RuleTable, same, scalar_constant
from theano.rewrite.shape import known_equal
from theano.tensor.advanced_subtensor import AdvancedIncSubtensor, AdvancedIncSubtensor1, AdvancedSubtensor1
from theano.tensor.creation import Alloc, ARange
from theano.tensor.elementwise import DimShuffle, Elemwise
from theano.tensor.joining import Join
from theano.tensor.lengths import as_length, slice_length
from theano.tensor.shape import MakeVector, Shape_i, patternbroadcast, shape_i
from theano.tensor.static import known_entries, static_integer
from theano.tensor.subtensor import DYNAMIC, FULL, IncSubtensor, Slice, Subtensor, fill_in

table = RuleTable()
node_rule = table.node_rule
QUICK = ("fast_compile",)


def entries_of(node: Apply, first: int = 1) -> list[Any]:
    """The index of a Subtensor or IncSubtensor with dynamic parts filled in by variables."""
    return fill_in(node.op.idx_list, node.inputs[first:])


def take(x: Any, entries: Sequence[Any]) -> Any:
    """``x[entries]``; known numbers become static, and an index that takes everything is left out."""
    idx_list: list[Any] = []
    dynamic: list[Any] = []

    def static(part: Any) -> Any:
        if not isinstance(part, Variable):
            return part
        known = static_integer(part)
        if known is not None:
            return known
        dynamic.append(part)
        return DYNAMIC

    for entry in entries:
        idx_list.append(Slice(*map(static, entry)) if isinstance(entry, Slice) else static(entry))
    op = Subtensor(idx_list)
    return x if not op.idx_list else op(x, *dynamic)


def _fits(result: Any, node: Apply) -> Any:
    """The replacement, when it has the type of what it replaces up to knowledge of lengths of 1."""
    wanted = node.outputs[0].type
    if result.type == wanted:
        return [result]
    if result.type.dtype == wanted.dtype and result.type.ndim == wanted.ndim:
        return [patternbroadcast(result, wanted.broadcastable)]
    return None


def _is_full(entry: Any) -> bool:
    return isinstance(entry, Slice) and entry == FULL


def _is_reversal(entry: Any) -> bool:
    return isinstance(entry, Slice) and entry == Slice(None, None, -1)


# ---- what takes everything, or takes from what was just taken


@node_rule("local_useless_subtensor", ALWAYS, Subtensor, tags=QUICK, before="x[:]; x[0:x.shape[0]]", after="x; x")
def local_useless_subtensor(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    for axis, entry in enumerate(entries_of(node)):
        if not isinstance(entry, Slice) or static_integer(1 if entry.step is None else entry.step) != 1:
            return None
        if entry.start is not None and static_integer(entry.start) != 0:
            return None
        if entry.stop is None:
            continue
        stop = entry.stop
        its = stop.owner if isinstance(stop, Variable) else None
        if its is None or type(its.op) is not Shape_i or its.op.i != axis or its.inputs[0] is not x:
            return None
    return _fits(x, node)


@node_rule(
    "local_static_subtensor", ALWAYS, Subtensor, tags=QUICK, before="x[i]", after="x[2]", when="i is known to be 2"
)
def local_static_subtensor(fgraph: Any, node: Apply) -> Any:
    if not any(static_integer(v) is not None for v in node.inputs[1:]):
        return None
    return _fits(take(node.inputs[0], entries_of(node)), node)


@node_rule(
    "local_subtensor_merge", ALWAYS, Subtensor, before="x[1:][2]; x[:, 3][5]; x[::-1][::-1]; x[2:][1:4]",
    after="x[3]; x[5, 3]; x; x[3:6]",
    when="slices with static, not negative parts, so that one index says the same for any length",
)  # fmt: skip
def local_subtensor_merge(fgraph: Any, node: Apply) -> Any:
    middle: Any = node.inputs[0]
    if middle.owner is None or type(middle.owner.op) is not Subtensor:
        return None
    inner, outer = entries_of(middle.owner), entries_of(node)
    x = middle.owner.inputs[0]
    inner = inner + [FULL] * (x.type.ndim - len(inner))
    merged: list[Any] = []
    following = iter(outer)
    for entry in inner:
        if not isinstance(entry, Slice):
            merged.append(entry)
            continue
        second = next(following, FULL)
        one = _merged(entry, second)
        if one is None:
            return None
        merged.append(one)
    return _fits(take(x, merged), node)


def _merged(first: Slice, second: Any) -> Any:
    """One entry that says what the slice `first` and then `second` say; ``None`` when there is none for all "
    "lengths."""
    if _is_full(first):
        return second
    if _is_full(second):
        return first
    if _is_reversal(first):
        if _is_reversal(second):
            return FULL
        if not isinstance(second, Slice) and not isinstance(second, Variable):
            return -1 - second
        return None
    start = 0 if first.start is None else first.start
    step = 1 if first.step is None else first.step
    if not all(isinstance(part, int) for part in (start, step)) or start < 0 or step < 1:
        return None
    if first.stop is not None and (not isinstance(first.stop, int) or first.stop < 0):
        return None
    count = None if first.stop is None else len(range(start, first.stop, step))
    if isinstance(second, Slice):
        return _merged_slices(start, step, count, second)
    # An index that the slice would refuse must be refused by the whole array too, so it may not exceed a stop.
    if isinstance(second, int) and second >= 0 and (count is None or second < count):
        return start + second * step
    return None


def _merged_slices(start: int, step: int, count: int | None, second: Slice) -> Slice | None:
    low = 0 if second.start is None else second.start
    stride = 1 if second.step is None else second.step
    if not isinstance(low, int) or low < 0 or not isinstance(stride, int) or stride < 1:
        return None
    if second.stop is not None and (not isinstance(second.stop, int) or second.stop < 0):
        return None
    ends = [n for n in (count, second.stop) if n is not None]
    begin = start + low * step
    end = None if not ends else max(start + min(ends) * step, begin)
    if ends and step > 1:
        end = max(start + (min(ends) - 1) * step + 1, begin)
    return Slice(begin, end, step * stride)


# ---- parts of what was put together


@node_rule(
    "local_subtensor_make_vector", ALWAYS, Subtensor, tags=QUICK,
    before="[a, b, c][1]; [a, b, c][1:]; x.shape[0]", after="b; [b, c]; x.shape[0]",
    when="static index into a vector of known entries",
)  # fmt: skip
def local_subtensor_make_vector(fgraph: Any, node: Apply) -> Any:
    x: Any = node.inputs[0]
    if x.type.ndim != 1 or isinstance(x, Constant) or len(node.op.idx_list) != 1:
        return None
    entries = known_entries(x)
    if entries is None:
        return None
    (entry,) = entries_of(node)
    if isinstance(entry, Slice):
        parts = [None if part is None else static_integer(part) for part in entry]
        if any(known is None and part is not None for known, part in zip(parts, entry, strict=True)):
            return None
        chosen = list(entries[slice(*parts)])
        if not chosen:
            return None
        return _fits(MakeVector(x.type.dtype)(*chosen), node)
    number = static_integer(entry)
    if number is None or not -len(entries) <= number < len(entries):
        return None
    return _fits(entries[number], node)


@node_rule(
    "local_subtensor_of_alloc", ALWAYS, Subtensor, before="Alloc(x, n, m)[0, 1:]", after="Alloc(x, m - 1)",
    when="the index takes only dimensions along which x is stretched; integers are not checked against the "
    "lengths any more",
)  # fmt: skip
def local_subtensor_of_alloc(fgraph: Any, node: Apply) -> Any:
    filled: Any = node.inputs[0]
    if filled.owner is None or type(filled.owner.op) is not Alloc:
        return None
    value, *lengths = filled.owner.inputs
    missing = len(lengths) - value.type.ndim
    kept_of_value: list[Any] = []
    new_lengths: list[Any] = []
    entries = entries_of(node)
    entries += [FULL] * (len(lengths) - len(entries))
    for axis, (entry, length) in enumerate(zip(entries, lengths, strict=True)):
        own = axis - missing
        stretched = own < 0 or value.type.broadcastable[own]
        if own >= 0:
            kept_of_value.append(
                (0 if stretched else entry) if not isinstance(entry, Slice) else FULL if stretched else entry
            )
        if isinstance(entry, Slice):
            new_lengths.append(length if _is_full(entry) else as_length(slice_length(*entry, length)))
    part = take(value, kept_of_value) if value.type.ndim else value
    return _fits(Alloc()(part, *new_lengths), node) if new_lengths else _fits(part, node)


@node_rule(
    "local_subtensor_of_join", CANONICALIZE, Subtensor, before="Join{0}(x, y)[:, 1]; stack([a, b])[0]",
    after="Join{0}(x[:, 1], y[:, 1]); a",
    when="integers on the joined axis: parts before have known lengths; else the index leaves that axis alone",
)  # fmt: skip
def local_subtensor_of_join(fgraph: Any, node: Apply) -> Any:
    joined: Any = node.inputs[0]
    if joined.owner is None or type(joined.owner.op) is not Join:
        return None
    axis, parts = joined.owner.op.axis, joined.owner.inputs
    entries = entries_of(node)
    along = entries[axis] if axis < len(entries) else FULL
    if _is_full(along):
        if len(fgraph.clients[joined]) > 1:
            return None
        new_axis = axis - sum(not isinstance(entry, Slice) for entry in entries[:axis])
        taken = [take(_alike(part, joined, axis), entries) for part in parts]
        return _fits(Join(new_axis)(*taken), node)
    if isinstance(along, Slice):
        return None
    position = static_integer(along)
    if position is None:
        return None
    order = list(parts) if position >= 0 else list(reversed(parts))
    left = position if position >= 0 else -1 - position
    for part in order:
        length = static_integer(shape_i(part, axis))
        if length is None:
            return None
        if left < length:
            entries[axis] = left if position >= 0 else -1 - left
            return _fits(take(_alike(part, joined, axis), entries), node)
        left -= length
    return None


def _alike(part: Any, joined: Any, axis: int) -> Any:
    """A joined part with what the type of the whole knows of the other axes."""
    pattern = [part.type.broadcastable[i] if i == axis else flag for i, flag in enumerate(joined.type.broadcastable)]
    return patternbroadcast(part, pattern)


# ---- parts of what was computed


@node_rule(
    "local_subtensor_lift", CANONICALIZE, Subtensor, before="exp(x)[1:]; (x + 2)[0]; (x * y)[0]",
    after="exp(x[1:]); x[0] + 2; x[0] * y[0]",
    when="the whole is used nowhere else",
)  # fmt: skip
def local_subtensor_lift(fgraph: Any, node: Apply) -> Any:
    whole: Any = node.inputs[0]
    if whole.owner is None or type(whole.owner.op) is not Elemwise or len(fgraph.clients[whole]) > 1:
        return None
    entries = entries_of(node)
    taken = [_operand_part(v, whole, entries) for v in whole.owner.inputs]
    return _fits(whole.owner.op(*taken), node)


def _operand_part(operand: Any, whole: Any, entries: Sequence[Any]) -> Any:
    """The part of an elementwise operand that a part of the result needs: along stretched axes all there is."""
    own: list[Any] = []
    for axis, entry in enumerate(entries):
        if operand.type.broadcastable[axis] and not whole.type.broadcastable[axis]:
            own.append(FULL if isinstance(entry, Slice) else 0)
        else:
            own.append(entry)
    return take(operand, own)


@node_rule(
    "local_subtensor_dimshuffle", CANONICALIZE, Subtensor, before="x.T[0]; x.dimshuffle(0, x, 1)[2]",
    after="x[:, 0]; x[2].dimshuffle(x, 0)",
    when="new axes of length 1 are not indexed, or by full slices",
)  # fmt: skip
def local_subtensor_dimshuffle(fgraph: Any, node: Apply) -> Any:
    moved: Any = node.inputs[0]
    if moved.owner is None or type(moved.owner.op) is not DimShuffle or moved.owner.op.drop:
        return None
    (x,) = moved.owner.inputs
    order: tuple[Any, ...] = moved.owner.op.new_order
    entries = entries_of(node)
    entries += [FULL] * (len(order) - len(entries))
    own: list[Any] = [FULL] * x.type.ndim
    for place, entry in zip(order, entries, strict=True):
        if place == "x":
            if not _is_full(entry) and not (isinstance(entry, int) and entry in (0, -1)):
                return None
        else:
            own[place] = entry
    part = take(x, own)
    left = [axis for axis, entry in enumerate(own) if isinstance(entry, Slice)]
    new_order = [
        "x" if place == "x" else left.index(place)
        for place, entry in zip(order, entries, strict=True)
        if isinstance(entry, Slice)
    ]
    if new_order == list(range(part.type.ndim)):
        return _fits(part, node)
    return _fits(DimShuffle(part.type.broadcastable, new_order)(part), node)


# ---- changed parts


@node_rule(
    "local_subtensor_inc_subtensor",
    ALWAYS,
    Subtensor,
    before="x[i].set(y)[i]; zeros_like(x)[i].inc(y)[i]",
    after="y; y",
    when="the same index, y of its shape",
)
def local_subtensor_inc_subtensor(fgraph: Any, node: Apply) -> Any:
    changed: Any = node.inputs[0]
    if changed.owner is None or type(changed.owner.op) is not IncSubtensor:
        return None
    op = changed.owner.op
    replaces = op.set_instead_of_inc or scalar_constant(changed.owner.inputs[0]) == 0
    if not replaces or op.idx_list != node.op.idx_list:
        return None
    y = changed.owner.inputs[1]
    if not all(same(a, b) for a, b in zip(changed.owner.inputs[2:], node.inputs[1:], strict=True)):
        return None
    return [y] if y.type == node.outputs[0].type else None


@node_rule(
    "local_useless_inc_subtensor", ALWAYS, IncSubtensor, tags=QUICK,
    before="x[:].set(exp(x)); zeros_like(y)[:].inc(y); x[1:].inc(0)", after="exp(x); y; x",
    when="all of x is replaced, or x is zero, by what surely has its shape; or y is zero",
)  # fmt: skip
def local_useless_inc_subtensor(fgraph: Any, node: Apply) -> Any:
    x, y = node.inputs[:2]
    op = node.op
    if not op.set_instead_of_inc and scalar_constant(y) == 0:
        return [x]
    covers = all(
        isinstance(e, Slice) and e.start is None and e.stop is None and e.step in (None, 1) for e in op.idx_list
    )
    if not covers or y.type != x.type or not (op.set_instead_of_inc or scalar_constant(x) == 0):
        return None
    same = all(known_equal(fgraph, (x, axis), (y, axis)) for axis in range(x.type.ndim))
    return [y] if same else None


@node_rule(
    "local_inc_of_zeros_sum", CANONICALIZE, "add", before="x + zeros[i].inc(y)", after="x[i].inc(y)",
    when="as gradients of parts add up; x has the shape of zeros",
)  # fmt: skip
def local_inc_of_zeros_sum(fgraph: Any, node: Apply) -> Any:
    if len(node.inputs) != 2:
        return None
    for part, other in (node.inputs, node.inputs[::-1]):
        its = part.owner
        if its is None or not isinstance(its.op, IncSubtensor | AdvancedIncSubtensor | AdvancedIncSubtensor1):
            continue
        if its.op.set_instead_of_inc or scalar_constant(its.inputs[0]) != 0 or len(fgraph.clients[part]) > 1:
            continue
        if other.type == part.type == node.outputs[0].type and scalar_constant(other) is None:
            return [its.op(other, *its.inputs[1:])]
    return None


# ---- index vectors


@node_rule(
    "local_arange_rows", SPECIALIZE, AdvancedSubtensor1, before="x[arange(x.shape[0])]", after="x"
)  # fmt: skip
def local_arange_rows(fgraph: Any, node: Apply) -> Any:
    x, rows = node.inputs
    if rows.owner is None or type(rows.owner.op) is not ARange:
        return None
    start, stop, step = rows.owner.inputs
    its = stop.owner
    if static_integer(start) != 0 or static_integer(step) != 1 or its is None:
        return None
    if type(its.op) is Shape_i and its.op.i == 0 and its.inputs[0] is x:
        return _fits(x, node)
    return None
