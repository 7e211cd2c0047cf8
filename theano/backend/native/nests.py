"""Which code a loop gets, and in which order its dimensions are walked.

Reductions over some of the dimensions are written in two ways: for operands whose elements adjoin along a kept
dimension, and for those whose elements adjoin along a reduced one. Where only strides tell which they are, that is
where the layout of an argument matters, both are written, and the strides decide when the loop runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from theano.backend.native.columns import ColumnCode
from theano.backend.native.crowds import CrowdCode, is_crowded
from theano.backend.native.dimensions import Stream, crossed
from theano.backend.native.ir import Value
from theano.backend.native.loop_code import LoopCode
from theano.backend.native.loops import Load, Loop, Position
from theano.backend.native.program import ONE
from theano.backend.native.tiles import TiledLoopCode, tiled_dimension

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter


def write_loop(em: Emitter, loop: Loop, part: tuple[int, Value, Value] | None = None) -> None:
    """Write the code of a loop, or of a part of it as :class:`LoopCode` says, in the way that suits it."""
    walked = _walked(loop)
    across = tiled_dimension(loop, walked)
    if across is not None:
        TiledLoopCode(across, em, loop, walked, part).write()
        return
    if part is None:
        for array in loop.writes:
            em.allocate(array)
    turn = lies_across(em, loop)
    if turn is None:
        _write(em, loop, walked, part)
        return
    fn = em.fn
    turned, straight, after = fn.new_label("turned"), fn.new_label("straight"), fn.new_label("either")
    fn.branch_if(turn, turned, straight, unlikely=True)
    fn.label(turned)
    other = max(axis for axis in walked if _is_reduced(loop, axis) != _is_reduced(loop, walked[-1]))
    _write(em, loop, [*(axis for axis in walked if axis != other), other], part)
    fn.branch(after)
    fn.label(straight)
    _write(em, loop, walked, part)
    fn.branch(after)
    fn.label(after)


def lies_across(em: Emitter, loop: Loop) -> Value | None:
    """Whether what a reduction reads adjoins along a kept dimension while it walks along a reduced one, or vice versa.

    None if that cannot be, or if it is all the same.
    """
    walked = _walked(loop)
    operands = _of_unknown_layout(loop, walked)
    if not operands:
        return None
    for stream in operands:
        stream.values = [None if step is None else em.ref(step) for step in stream.strides]
    kinds = ["R" if _is_reduced(loop, axis) else "K" for axis in walked]
    return crossed(em.b, [em.ref(loop.extents[axis]) for axis in walked], kinds, operands)


def _walked(loop: Loop) -> list[int]:
    """The dimensions that need a loop."""
    return [axis for axis, extent in enumerate(loop.extents) if extent != ONE]


def _write(em: Emitter, loop: Loop, walked: Sequence[int], part: tuple[int, Value, Value] | None) -> None:
    code = LoopCode
    if loop.reductions and walked and not _is_reduced(loop, walked[-1]):
        code = ColumnCode
    elif is_crowded(loop):
        code = CrowdCode
    code(em, loop, walked, part).write()


def _is_reduced(loop: Loop, axis: int) -> bool:
    return axis in (loop.axes or ())


def _of_unknown_layout(loop: Loop, walked: Sequence[int]) -> list[Stream]:
    """What a reduction reads along kept and reduced dimensions, if these may change places and no layout is known."""
    reduced = [axis for axis in walked if _is_reduced(loop, axis)]
    ordered = any(r.places for r in loop.reductions) and len(reduced) > 1
    if not reduced or len(reduced) == len(walked) or ordered or loop.stores:
        return []
    found: list[Stream] = []
    for e in loop.values:
        if isinstance(e, Position):
            return []
        if isinstance(e, Load):
            strides = [None if e.array.pattern[axis] else e.array.strides[axis] for axis in walked]
            stream = Stream(e.array, strides, False)
            moving = {axis in reduced for axis, step in zip(walked, strides, strict=True) if step is not None}
            if len(moving) == 2:
                if stream.inner_static_unit:
                    return []
                found.append(stream)
    return found
