"""How many elements a loop computes at once: the lanes of its vectors, and how many vectors.

Values that no dimension moves, `scalars`, are computed before the loop and count for nothing.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from theano.backend.native.ir import BITS
from theano.backend.native.loops import Compute, Literal, Loop, Position
from theano.backend.native.recipes import element_type
from theano.backend.native.vectormath import FUNCTIONS

CHAIN = 8  # operations that make up a chain worth computing two vectors at once
LARGE = 48  # operations beyond which it is one vector at a time
UNROLL_BELOW = 6  # reductions of bodies with fewer operations take several vectors at a time


def choose_lanes(loop: Loop, scalars: Container[int], kept: Sequence[str], vector_bits: int) -> int:
    """As many lanes as the widest element in registers allows; accumulators may take several registers each.

    So may integers where random bits are made, which are words of 32 bits behind counters of 64. `kept` are the dtypes
    of what accumulators keep.
    """
    random = _is_random(loop)
    moving = [e for n, e in enumerate(loop.values) if n not in scalars and not isinstance(e, Literal)]
    kinds = {element_type(e.dtype) for e in moving}
    widest = max([8, *(32 if random and kind == "i64" else BITS[kind] for kind in kinds)])
    widest_kept = max([8, *(BITS[element_type(dtype)] for dtype in kept)])
    return max(1, min(vector_bits // widest, 4 * vector_bits // widest_kept, 32))


def is_cheap(loop: Loop, scalars: Container[int]) -> bool:
    """Whether a reduction of this body waits for its sums rather than for what is summed."""
    work = _work(loop, scalars)
    return len(work) < UNROLL_BELOW and not any(name in FUNCTIONS for name in work)


def interleaved(loop: Loop, scalars: Container[int], lanes: int, vector_bits: int) -> int:
    """How many vectors to compute at once, so that one goes on while another waits for a result of its own.

    What waits is chains of operations, and an elementary function is one of dozens, as random bits are. Code that
    branches or that is large gains nothing; four vectors at once pay where the code is short, which compiles in no
    time, and where there are registers for them.
    """
    chains: list[int] = []  # of each value, the operations one after another that it takes
    functions = 0
    for number, e in enumerate(loop.values):
        length = CHAIN if isinstance(e, Position) else 0
        if isinstance(e, Compute) and number not in scalars:
            function = FUNCTIONS.get(e.op.name)
            if function is not None and function.branches:
                return 1
            functions += function is not None
            length = max((chains[a] for a in e.arguments), default=0) + (1 if function is None else CHAIN)
        chains.append(length)
    work = len(_work(loop, scalars))
    if lanes == 1 or work > LARGE or max(chains, default=0) < CHAIN:
        return 1
    if vector_bits >= 512 and (_is_random(loop) or (functions == 1 and work <= CHAIN)):
        return 4
    return 2


def _work(loop: Loop, scalars: Container[int]) -> list[str]:
    """The operations on elements."""
    return [e.op.name for n, e in enumerate(loop.values) if isinstance(e, Compute) and n not in scalars]


def _is_random(loop: Loop) -> bool:
    """Whether random bits are made in the loop: they depend on the position of the element."""
    return any(isinstance(e, Position) for e in loop.values)


__all__ = ["choose_lanes", "interleaved", "is_cheap"]
