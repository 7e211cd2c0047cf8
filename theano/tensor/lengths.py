"""Lengths and shapes while the graph is built: Python integers where known, int64 scalar expressions otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Constant, Variable
from theano.tensor.static import get_vector_length, known_entries, static_integer, vector_entries
from theano.tensor.variable import as_tensor_variable, constant

Length = Any  # int | Variable


# ---- from the user's numbers and variables


def as_length(x: Any, what: str = "a length") -> Variable:
    """`x` as an int64 scalar variable; a constant where its value is known.

    Raises
    ------
    TypeError
        when it is not an integer scalar.
    """
    known = static_integer(x)
    if known is not None:
        return constant(known, dtype="int64")
    x = as_tensor_variable(x)
    if x.type.numpy_dtype.kind not in "iu":
        raise TypeError(f"{what} must be an integer, got {x} of type {x.type}; T.cast(…, 'int64') converts it")
    if x.type.ndim:
        if not all(x.type.broadcastable):
            raise TypeError(f"{what} must be a scalar, got {x} of type {x.type}")
        x = x.dimshuffle()
    if x.type.dtype != "int64":
        from theano.tensor.functions import cast

        x = cast(x, "int64")
    return x


def as_lengths(shape: Any, what: str = "a length") -> list[Variable]:
    """A shape in any form (number, list, NumPy or symbolic vector of known length) as int64 scalar variables."""
    if isinstance(shape, list | tuple):
        return [as_length(x, what) for x in shape]
    shape = as_tensor_variable(shape)
    if shape.type.ndim == 0:
        return [as_length(shape, what)]
    return [as_length(x, what) for x in vector_entries(shape, get_vector_length(shape))]


def as_shape_vector(shape: Any, what: str = "a length") -> Variable:
    """A shape in any form as an int64 vector; a constant when all lengths are known."""
    if isinstance(shape, Variable):
        shape = as_tensor_variable(shape)
        if shape.type.ndim == 1:
            if shape.type.numpy_dtype.kind not in "iu":
                raise TypeError(f"a shape must hold integers, got {shape} of type {shape.type}")
            if isinstance(shape, Constant) and shape.type.dtype != "int64":
                return constant(shape.data, dtype="int64")
            if shape.type.dtype != "int64":
                from theano.tensor.functions import cast

                return cast(shape, "int64")
            return shape
        if shape.type.ndim > 1:
            raise TypeError(f"a shape must be a vector or a list of integers, got {shape} of type {shape.type}")
    lengths = as_lengths(shape, what)
    known = [static_integer(n) for n in lengths]
    if None not in known:
        return constant(np.array(known, dtype="int64"))
    from theano.tensor.shape import MakeVector

    return MakeVector("int64")(*lengths)


def static_lengths(shape: Variable, rank: int) -> list[int | None]:
    """What is known of each of the `rank` entries of a shape vector."""
    if isinstance(shape, Constant):
        return [int(n) for n in shape.data]
    entries = known_entries(shape)
    if entries is None or len(entries) != rank:
        return [None] * rank
    return [static_integer(n) for n in entries]


def normalize_axis(axis: Any, rank: int, what: str) -> int:
    """`axis` as a number in ``0 … rank - 1``.

    Raises
    ------
    TypeError
        when it is not an integer known now.
    numpy.exceptions.AxisError
        when there is no such axis: a ValueError and an IndexError.
    """
    known = static_integer(axis)
    if known is None:
        raise TypeError(f"{what}: the axis must be an integer that is known while the graph is built, got {axis!r}")
    if not -rank <= known < rank:
        raise np.exceptions.AxisError(f"{what}: axis {known} is out of bounds [{-rank}, {rank}) for rank {rank}")
    return known % rank


# ---- arithmetic


def simplest(n: Length) -> Length:
    """A Python integer in place of a constant."""
    if isinstance(n, Constant):
        return int(n.data)
    return n if isinstance(n, Variable) else int(n)


def as_variables(lengths: Sequence[Length]) -> tuple[Variable, ...]:
    """Lengths as int64 scalar variables, as ``infer_shape`` gives them."""
    return tuple(n if isinstance(n, Variable) else constant(n, dtype="int64") for n in lengths)


def larger(a: Length, b: Length) -> Length:
    """The larger of two lengths."""
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    from theano.tensor.functions import maximum

    return maximum(a, b)


def smaller(a: Length, b: Length) -> Length:
    """The smaller of two lengths."""
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    from theano.tensor.functions import minimum

    return minimum(a, b)


def plus(a: Length, b: Length) -> Length:
    """The sum of two lengths."""
    if isinstance(a, int) and a == 0:
        return b
    return a if isinstance(b, int) and b == 0 else a + b


def product(lengths: Sequence[Length]) -> Length:
    """The product of lengths: a number of elements."""
    result: Length = 1
    for n in map(simplest, lengths):
        if isinstance(n, int) and n == 1:
            continue
        result = n if isinstance(result, int) and result == 1 else result * n
    return result


def ceil_divide(a: Length, b: Length) -> Length:
    """``a / b`` rounded up, for a ≥ 0 and b > 0."""
    return a if isinstance(b, int) and b == 1 else (a + (b - 1)) // b


def _where(condition: Any, yes: Length, no: Length) -> Length:
    if isinstance(condition, bool):
        return yes if condition else no
    from theano.tensor.functions import switch

    return switch(condition, yes, no)


def _bound(position: Length, length: Length, low: int, high: Length) -> Length:
    """The start or stop of a slice counted from the front and kept within `low` and `high`."""
    if isinstance(position, int):
        return smaller(position, high) if position >= 0 else larger(length + position, low)
    return _where(position < 0, larger(length + position, low), smaller(position, high))


def slice_length(start: Length | None, stop: Length | None, step: Length | None, length: Length) -> Length:
    """How many of `length` elements the slice ``start:stop:step`` takes."""
    start, stop, step, length = (None if n is None else simplest(n) for n in (start, stop, step, length))
    step = 1 if step is None else step
    if all(n is None or isinstance(n, int) for n in (start, stop, step, length)):
        return len(range(*slice(start, stop, step).indices(length)))  # type: ignore[arg-type, misc]
    if not isinstance(step, int):
        return _where(
            step > 0, _forward_length(start, stop, step, length), _backward_length(start, stop, -step, length)
        )
    if step > 0:
        return _forward_length(start, stop, step, length)
    return _backward_length(start, stop, -step, length)


def _forward_length(start: Length | None, stop: Length | None, step: Length, length: Length) -> Length:
    low = 0 if start is None else _bound(start, length, 0, length)
    high = length if stop is None else _bound(stop, length, 0, length)
    if isinstance(start, int) and isinstance(stop, int) and (start < 0) == (stop < 0) and stop <= start:
        return 0
    span = high if isinstance(low, int) and low == 0 else high - low
    if start is not None and stop is not None:
        span = larger(span, 0)
    return ceil_divide(span, step)


def _backward_length(start: Length | None, stop: Length | None, step: Length, length: Length) -> Length:
    if start is None and stop is None:
        return ceil_divide(length, step)
    high = length - 1 if start is None else _bound(start, length, -1, length - 1)
    low = -1 if stop is None else _bound(stop, length, -1, length - 1)
    return ceil_divide(larger(high - low, 0), step)
