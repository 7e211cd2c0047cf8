"""map, reduce, foldl and foldr: loops of simple forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theano.loops.scan import Loop, build, scan
from theano.updates import OrderedUpdates

__all__ = ["foldl", "foldr", "map", "reduce"]


def map(
    fn: Callable[..., Any],
    sequences: Any,
    non_sequences: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """`fn` of each row of the sequences.

    Parameters and results are those of :func:`theano.scan`; no step knows of another.

    >>> import theano, theano.tensor as T
    >>> x = T.dmatrix("x")
    >>> norms, _ = theano.map(lambda row: T.sqrt((row**2).sum()), x)
    >>> norms.eval({x: [[3.0, 4.0], [5.0, 12.0]]})
    array([ 5., 13.])
    """
    return scan(fn, sequences, None, non_sequences, None, truncate_gradient, go_backwards, mode, name)


def reduce(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """What is left when `fn` has combined all rows of the sequences with its initial values, one row after the other.

    Parameters are those of :func:`theano.scan`: `fn` gets the rows first, then what is combined so far.

    Returns
    -------
    the values of the outputs after the last step, without a dimension of time (of states the initial values, where the
    sequences are empty), and updates.

    >>> import theano, theano.tensor as T
    >>> coefficients, x = T.dvector("coefficients"), T.dscalar("x")
    >>> polynomial, _ = theano.reduce(lambda c, value: value * x + c, coefficients, 0.0)
    >>> polynomial.eval({coefficients: [2.0, 0.0, 1.0], x: 3.0})
    array(19.)
    """
    return _last(build(fn, sequences, outputs_info, non_sequences, None, -1, go_backwards, name))


def foldl(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """:func:`reduce` from the first row to the last.

    >>> import theano, theano.tensor as T
    >>> theano.foldl(lambda digit, number: 10 * number + digit, T.constant([1, 2, 3]), 0)[0].eval()
    array(123)
    """
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)


def foldr(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """:func:`reduce` from the last row to the first.

    >>> import theano, theano.tensor as T
    >>> theano.foldr(lambda digit, number: 10 * number + digit, T.constant([1, 2, 3]), 0)[0].eval()
    array(321)
    """
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)


def _last(loop: Loop) -> tuple[Any, OrderedUpdates]:
    """The last row of each output."""
    results = [rows[-1] for rows, _ in loop.outputs]
    return (results[0] if len(results) == 1 else results), loop.updates
