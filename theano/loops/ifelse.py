"""ifelse: one of two expressions, of which only the one that is chosen is computed.

While a graph is built and differentiated the node takes both values as inputs, like any other. When the graph is made
executable, what only one side needs moves inside: see :mod:`theano.loops.branches`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.op import Choice, Op
from theano.tensor.lengths import as_length
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable, constant

__all__ = ["IfElse", "ifelse"]


class IfElse(Op):
    """``IfElse(n)(condition, *n values, *n others)``: the values where the condition is nonzero, else the others.

    Parameters
    ----------
    n_outs
        the number of outputs.
    as_view
        accepted as in Theano 1.0; where results lie is for the backend.
    name
        for people; Ops that differ in nothing else are equal.
    """

    __props__ = ("n_outs",)

    def __init__(self, n_outs: int, as_view: bool = False, gpu: bool = False, name: str | None = None) -> None:
        self.n_outs = n_outs
        self.as_view = as_view
        self.name = name

    def __str__(self) -> str:
        return f"if{{{self.name or ''}}}"

    __repr__ = __str__

    def split(self, inputs: Sequence[Any]) -> tuple[Any, list[Any], list[Any]]:
        """A node's inputs: the condition, the values for nonzero, the values for zero."""
        return inputs[0], list(inputs[1 : 1 + self.n_outs]), list(inputs[1 + self.n_outs :])

    def make_node(self, *inputs: Any) -> Apply:
        if len(inputs) != 1 + 2 * self.n_outs:
            raise ValueError(f"{self} takes a condition and {self.n_outs} values for either side, got {len(inputs)}")
        condition, values, others = self.split(inputs)
        condition = _as_condition(condition)
        pairs = [_unified(k, a, b) for k, (a, b) in enumerate(zip(values, others, strict=True))]
        outputs = [a.type() for a, _ in pairs]
        return Apply(self, [condition, *(a for a, _ in pairs), *(b for _, b in pairs)], outputs)

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        from theano.backend.perform import copied

        condition, values, others = self.split(inputs)
        for cell, value in zip(output_storage, values if condition else others, strict=True):
            cell[0] = copied(value)

    def choices(self, node: Apply) -> list[Choice | None]:
        """For each input: which output it is, and when; ``None`` for the condition."""
        condition = node.inputs[0]
        sides = [Choice(k, condition, side) for side in (True, False) for k in range(self.n_outs)]
        return [None, *sides]

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        condition = node.inputs[0]
        _, values, others = self.split(input_shapes)
        shapes: list[Any] = []
        for output, mine, theirs in zip(node.outputs, values, others, strict=True):
            if mine is None or theirs is None:
                shapes.append(None)
                continue
            flags = output.type.broadcastable
            lengths = [
                constant(1, dtype="int64") if flag else _chosen_length(condition, a, b)
                for flag, a, b in zip(flags, mine, theirs, strict=True)
            ]
            shapes.append(tuple(lengths))
        return shapes

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        n = self.n_outs
        own = [[i == j for j in range(n)] for i in range(n)]
        return [[True] * n, *own, *own]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        """The gradient for the side that is taken, zeros for the other one.

        ``theano.grad`` does better, with :meth:`choices`: it goes on backwards as if there were no condition, and
        chooses where the side joins the rest of the graph, so that nothing flows through the side that is not taken.
        """
        from theano.gradient.terms import zero_gradient
        from theano.gradient.types import disconnected_type, is_disconnected

        gradients = [zero_gradient(inputs[0])]
        for choice, x in zip(self.choices(outputs[0].owner)[1:], inputs[1:], strict=True):
            assert choice is not None
            gradient = output_gradients[choice.output]
            if is_disconnected(gradient):
                gradients.append(disconnected_type())
            else:
                gradients.append(only_where(choice.condition, choice.side, gradient, x))
        return gradients

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        from theano.gradient.terms import fit, kind_of, zero_gradient
        from theano.gradient.types import is_disconnected

        condition, values, others = self.split(inputs)
        _, directions, other_directions = self.split(eval_points)
        results: list[Any] = [None] * self.n_outs
        moving: list[tuple[int, Any, Any]] = []
        for k, (x, y, dx, dy) in enumerate(zip(values, others, directions, other_directions, strict=True)):
            if (is_disconnected(dx) and is_disconnected(dy)) or kind_of(x) == "discrete":
                continue
            pair = [zero_gradient(v) if is_disconnected(d) else fit(d, v) for v, d in ((x, dx), (y, dy))]
            moving.append((k, *pair))
        if moving:
            op = IfElse(len(moving), name=self.name)
            found = op(condition, *(a for _, a, _ in moving), *(b for _, _, b in moving), return_list=True)
            for (k, _, _), tangent in zip(moving, found, strict=True):
                results[k] = tangent
        return results


def ifelse(condition: Any, then_branch: Any, else_branch: Any, name: str | None = None) -> Any:
    """One of two expressions: only the one that is chosen is computed.

    ``T.switch(condition, a, b)`` chooses element by element and computes both; ``ifelse`` has a single condition for
    the whole, and may choose among values of different shapes.

    Parameters
    ----------
    condition
        a number (0-d) of any dtype; nonzero chooses `then_branch`.
    then_branch, else_branch
        expressions of one type each, or lists or tuples of equally many. Where one side says that a length is 1
        (broadcastable) and the other does not, the result does not. Python numbers and arrays take the type of the
        other side if they fit in.
    name
        for people.

    Returns
    -------
    a variable, or a list or tuple as `then_branch` is.

    Raises
    ------
    TypeError
        when the condition is not a single number, or the two sides differ in dtype or rank.
    ValueError
        when one side has more values than the other.

    >>> import theano, theano.tensor as T
    >>> from theano.ifelse import ifelse
    >>> x = T.dvector("x")
    >>> f = theano.function([x], ifelse(T.eq(x.size, 0), 0.0, x.sum() / x.size))
    >>> f([1.0, 3.0]), f([])
    (array(2.), array(0.))
    """
    form = next((type(b) for b in (then_branch, else_branch) if isinstance(b, list | tuple)), None)
    values, others = (list(b) if isinstance(b, list | tuple) else [b] for b in (then_branch, else_branch))
    if len(values) != len(others):
        raise ValueError(
            f"ifelse: then_branch has {len(values)} value(s), else_branch has {len(others)}; both sides must give "
            f"equally many, since each output is one of a pair"
        )
    if not values:
        raise ValueError("ifelse: the branches are empty lists, so there is nothing to choose")
    results = IfElse(len(values), name=name)(condition, *values, *others, return_list=True)
    for result in results if name is not None and len(results) == 1 else ():
        result.name = name
    if form is None:
        return results[0]
    return tuple(results) if issubclass(form, tuple) else results


# ---- what the gradient of a choice is made of


def only_where(condition: Any, side: bool, gradient: Any, x: Any) -> Any:
    """`gradient`, which belongs to `x`, where `condition` is nonzero (`side`; else: is zero), and zeros elsewhere."""
    zeros = x.zeros_like(dtype=gradient.type.dtype)
    return chosen(condition, gradient, zeros) if side else chosen(condition, zeros, gradient)


def chosen(condition: Any, value: Any, other: Any) -> Any:
    """:func:`ifelse` of two tensors of one rank, in a dtype that holds both."""
    dtypes = {v.type.dtype for v in (value, other)}
    if len(dtypes) > 1:
        dtype = np.result_type(*dtypes).name
        value, other = value.astype(dtype), other.astype(dtype)
    return IfElse(1)(condition, value, other)


# ---- conversions and their errors


def _as_condition(condition: Any) -> Any:
    """The condition as a scalar variable; TypeError where it is none."""
    try:
        condition = as_tensor_variable(condition)
    except TypeError:
        raise TypeError(f"ifelse: the condition must be a number (0-d tensor), got {condition!r}") from None
    if condition.type.ndim:
        raise TypeError(
            f"ifelse: the condition must be a single number (0-d), got {condition} of type {condition.type}. "
            f"T.switch(condition, a, b) chooses element by element; for one decision about the whole, reduce the "
            f"condition with .all() or .any()"
        )
    return condition


def _unified(number: int, value: Any, other: Any) -> tuple[Any, Any]:
    """The two values for output `number` as variables of one type."""
    given = [v if isinstance(v, Variable) else None for v in (value, other)]
    try:
        for mine, known in ((0, 1), (1, 0)):
            if given[mine] is None:
                given[mine] = _as_variable((value, other)[mine], given[known])
    except (TypeError, ValueError) as error:
        raise TypeError(f"ifelse: value {number} of a branch cannot be a variable: {error}") from error
    first, second = given
    assert first is not None and second is not None
    if first.type == second.type:
        return first, second
    a, b = first.type, second.type
    if isinstance(a, TensorType) and isinstance(b, TensorType):
        if a.dtype == b.dtype and a.ndim == b.ndim:
            from theano.tensor.shape import patternbroadcast

            pattern = [p and q for p, q in zip(a.broadcastable, b.broadcastable, strict=True)]
            return patternbroadcast(first, pattern), patternbroadcast(second, pattern)
        raise TypeError(_types_differ(number, first, second))
    for kind, v in ((a, second), (b, first)):
        try:
            converted = kind.filter_variable(v)
        except (TypeError, NotImplementedError):
            continue
        return (first, converted) if v is second else (converted, second)
    raise TypeError(_types_differ(number, first, second))


def _as_variable(value: Any, other: Variable | None) -> Any:
    """A value that is no variable as a constant: of the type of what stands on the other side, where it fits that."""
    if other is not None and isinstance(other.type, TensorType):
        plain = as_tensor_variable(value)
        if plain.type.dtype != other.type.dtype and isinstance(plain, Constant):
            try:
                return constant(TensorType(other.type.dtype, plain.type.broadcastable).filter(value))
            except TypeError:
                return plain
        return plain
    if other is not None:
        return other.type.filter_variable(value)
    return as_tensor_variable(value)


def _types_differ(number: int, first: Variable, second: Variable) -> str:
    a, b = first.type, second.type
    message = f"ifelse: output {number} would be {first} of type {a} or {second} of type {b}; both must have one type. "
    if not (isinstance(a, TensorType) and isinstance(b, TensorType)):
        return message + "Convert one side"
    if a.ndim != b.ndim:
        return message + (
            f"The ranks {a.ndim} and {b.ndim} differ: give one side further dimensions with dimshuffle or reshape, "
            f"or reduce the other"
        )
    dtype = np.result_type(a.dtype, b.dtype).name
    side = "then_branch" if a.dtype != dtype else "else_branch"
    further = " (and the other side too)" if dtype not in (a.dtype, b.dtype) else ""
    return message + f"Cast one side: .astype({dtype!r}) on the value in {side}{further}"


def _chosen_length(condition: Any, mine: Any, theirs: Any) -> Any:
    mine, theirs = as_length(mine), as_length(theirs)
    same = mine is theirs or (isinstance(mine, Constant) and mine.equals(theirs))
    return mine if same else IfElse(1)(condition, mine, theirs)
