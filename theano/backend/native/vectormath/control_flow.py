"""Branches and loops of recipes over vectors: what no lane needs is skipped, loops run until all lanes are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from theano.backend.native.ir import Builder, Value

Values = Sequence[Value]


def any_lane(b: Builder, mask: Value) -> Value:
    """Whether the i1 `mask` holds in some lane, as a scalar."""
    if b.lanes == 1:
        return mask
    reduction = f"llvm.vector.reduce.or.v{b.lanes}i1"
    b.module.declare(reduction, f"declare i1 @{reduction}({mask.full_type})")
    return b.function.assign("i1", f"call i1 @{reduction}({mask!r})")


def where(b: Builder, mask: Value, compute: Callable[[], Values], otherwise: Values, *, rare: bool = False) -> Values:
    """``select(mask, compute(), otherwise)``; what `compute` writes is skipped where `mask` holds in no lane."""
    function = b.function
    some = any_lane(b, mask)
    if rare:
        b.module.declare("llvm.expect.i1", "declare i1 @llvm.expect.i1(i1, i1)")
        some = function.assign("i1", f"call i1 @llvm.expect.i1(i1 {some.ref}, i1 false)")
    before, inside, after = function.current_label, function.new_label("some"), function.new_label("after")
    function.branch_if(some, inside, after)
    function.label(inside)
    mixed = [b.select(mask, new, old) for new, old in zip(compute(), otherwise, strict=True)]
    end = function.current_label
    function.branch(after)
    function.label(after)
    return [
        b.assign(old.type, f"phi {old.full_type} [{old.ref}, %{before}], [{new.ref}, %{end}]")
        for old, new in zip(otherwise, mixed, strict=True)
    ]


def repeat(
    b: Builder,
    values: Values,
    turn: Callable[[Values], tuple[Values, Value]],
    limit: int,
    lanes: Value | None = None,
) -> Values:
    """``values, again = turn(values)`` until `again` holds in no lane, or `limit` times; gives the last values.

    Only those of `lanes` (i1) take part, if given. Lanes that are done keep their values, so results do not depend on
    what else the vector holds.
    """
    function = b.function
    head, after = function.new_label("turn"), function.new_label("after")
    before = function.current_label
    function.branch(head)
    function.label(head)
    carried = [Value(function.fresh(), v.type, v.lanes) for v in values]
    running = Value(function.fresh(), "i1", b.lanes)
    count, following = function.fresh(), function.fresh()
    phis = len(function.lines)
    new, again = turn(carried)
    new = [b.select(running, then, now) for then, now in zip(new, carried, strict=True)]
    again = b.and_(running, again)
    end = function.current_label
    changing = [*zip(carried, values, new, strict=True), (running, lanes or b.const("i1", True), again)]
    function.lines[phis:phis] = [
        *(f"  {v.ref} = phi {v.full_type} [{u.ref}, %{before}], [{w.ref}, %{end}]" for v, u, w in changing),
        f"  {count} = phi i64 [0, %{before}], [{following}, %{end}]",
    ]
    function.emit(f"{following} = add nuw nsw i64 {count}, 1")
    within = function.assign("i1", f"icmp ult i64 {following}, {limit}")
    function.branch_if(function.assign("i1", f"and i1 {within.ref}, {any_lane(b, again).ref}"), head, after)
    function.label(after)
    return new
