"""scan_checkpoints: a loop whose gradient keeps few of the states and computes the others again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Variable
from theano.loops.arguments import OutputArgument, as_list, read_outputs_info, read_sequences, read_steps
from theano.loops.scan import Loop, build, run_step
from theano.tensor.assertion import Assert
from theano.tensor.creation import arange, zeros
from theano.tensor.functions import eq, minimum
from theano.tensor.joining import concatenate
from theano.tensor.shape import shape_tuple
from theano.tensor.variable import as_tensor_variable
from theano.updates import OrderedUpdates

__all__ = ["scan_checkpoints"]


def scan_checkpoints(
    fn: Callable[..., Any],
    sequences: Any = (),
    outputs_info: Any = None,
    non_sequences: Any = (),
    name: str = "checkpointscan_fn",
    n_steps: Any = None,
    save_every_N: int = 10,
    padding: bool = True,
) -> tuple[Any, OrderedUpdates]:
    """:func:`theano.scan` for long loops with gradients: only every `save_every_N`-th step is kept.

    The loop is cut into pieces of `save_every_N` steps. Gradients go through the pieces from the last to the first, and
    compute a piece once more, from the state with which it began, before they go through it. Of n steps in pieces of N
    there are so n / N + N in memory, the fewest with N near the root of n, for the price of a second computation.

    Parameters
    ----------
    fn, sequences, outputs_info, non_sequences, name, n_steps
        those of :func:`theano.scan`; a step cannot end the loop with ``until``.
    save_every_N
        how many steps a piece has: a positive integer.
    padding
        sequences whose length is no multiple of `save_every_N` are filled up with zeros, in a copy that no step sees.
        With ``False`` there is no copy, and a ValueError at run time when their length is no multiple.

    Returns
    -------
    outputs and updates, where outputs have a row for each piece: that of its last step; ``outputs[-1]`` is the last.

    >>> import theano, theano.tensor as T
    >>> x = T.dvector("x")
    >>> sums, _ = theano.scan_checkpoints(lambda a, s: a + s, sequences=x, outputs_info=0.0, save_every_N=2)
    >>> sums.eval({x: [1.0, 2.0, 3.0, 4.0, 5.0]})
    array([ 3., 10., 15.])
    """
    if isinstance(save_every_N, bool) or not isinstance(save_every_N, int | np.integer) or save_every_N < 1:
        raise ValueError(f"scan_checkpoints: save_every_N is a positive integer, got {save_every_N!r}")
    every = int(save_every_N)
    seqs = read_sequences(sequences)
    steps, direction = read_steps(n_steps, seqs, False)
    others = [v if isinstance(v, Variable) else as_tensor_variable(v) for v in as_list(non_sequences)]
    # The first call of the step function is for the types of states alone.
    outputs, step = run_step(fn, seqs, read_outputs_info(outputs_info), others)
    if step.condition is not None:
        raise ValueError("scan_checkpoints: the step function must not return until(condition); theano.scan takes it")
    states = [o for o in outputs if o.taps]
    counts = minimum(every, steps - arange(0, steps, every, dtype="int64"))
    pieces = [_cut(part, steps, every, padding) for s in seqs for part in s.slices(steps, direction)]

    def piece(count: Any, *arguments: Any) -> tuple[list[Any], OrderedUpdates]:
        rows = arguments[: len(pieces)]
        begins = dict(zip([s.number for s in states], arguments[len(pieces) :]))
        info = [_begin(o, begins[o.number]) if o.taps else None for o in outputs]
        loop = build(fn, [r[:count] for r in rows], info, others, count, name=f"{name} (a piece)")
        return [x[-o.depth :] if o.taps else x[-1] for o, (x, _) in zip(outputs, loop.outputs)], loop.updates

    initial = [s.initial() for s in states]
    begins = dict(zip([s.number for s in states], initial))
    info = [begins.get(o.number) for o in outputs]
    loop = build(piece, [counts, *pieces], info, others, name=name, recompute=True)
    return _ends(loop, outputs)


def _begin(state: OutputArgument, rows: Any) -> dict[str, Any]:
    return {"initial": rows if state.stacked else rows[0], "taps": list(state.taps)}


def _cut(x: Any, steps: Any, every: int, padding: bool) -> Any:
    """The rows of `x` in pieces of `every`."""
    pieces = (steps + (every - 1)) // every
    lengths = shape_tuple(x)[1:]
    if padding:
        x = concatenate([x, zeros((pieces * every - steps, *lengths), dtype=x.type.dtype)])
    else:
        message = f"scan_checkpoints: the number of steps is no multiple of save_every_N={every}; use padding=True"
        x = Assert(message, ValueError)(x, eq(pieces * every, steps))
    return x.reshape((pieces, every, *lengths))


def _ends(loop: Loop, outputs: Sequence[OutputArgument]) -> tuple[Any, OrderedUpdates]:
    """The last row of each piece."""
    results = [x[depth:, -1] if o.taps else x for o, (x, depth) in zip(outputs, loop.outputs)]
    return (results[0] if len(results) == 1 else results or None), loop.updates
