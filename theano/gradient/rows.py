"""Jacobians and Hessians, row by row.

One row of the Jacobian of a vector is one gradient. Where the length of the vector is known while the graph is built,
and small, the rows are written out; else :class:`MapGradients` computes them in a loop.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from theano.gradient.arguments import as_variables
from theano.gradient.forward import pushforward
from theano.gradient.reverse import backpropagate, grad
from theano.gradient.terms import zero_gradient
from theano.gradient.types import disconnected_type, format_like, is_disconnected, is_null
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.op import Op, TestValueError, test_value_mode
from theano.graph.replace import clone_get_equiv, equal_computations
from theano.graph.test_value import get_test_value
from theano.graph.traversal import ancestors, toposort

__all__ = ["MapGradients", "hessian", "jacobian"]

UNROLL_LIMIT = 16


class Result(NamedTuple):
    """One output of a loop: what the body computes, the shape of that, and whether it is summed up or stacked."""

    body: Variable
    shape: Variable
    summed: bool


class Argument(NamedTuple):
    """A variable of the outer graph and the one that stands for it (or for a row of it) in the body."""

    outer: Variable
    inner: Variable


class MapGradients(Op):
    """A loop over the rows of vectors and tensors: ``body(i, row i of each sequence, all of each captured variable)``.

    Inputs are the number of rows (int64), the shape of each body output (int64 vectors), the sequences and the captured
    variables. Each output is either the body outputs of all rows, stacked along a new first dimension, or their sum.

    Every derivative of such a loop is again such a loop: the gradient with respect to a sequence is stacked, that with
    respect to a captured variable is summed. It is a way to have Jacobians of run-time length. The rewrite
    ``local_rows_of_jacobian`` makes a native loop of it; the Op itself calls the body from Python once a row. Where a
    product with the Jacobian will do, ``Lop`` and ``Rop`` are quicker.

    Parameters
    ----------
    inner_inputs
        the row number, the rows of the sequences, the captured variables: free variables of the body.
    inner_outputs
        what the body computes from them.
    summed
        for each of those, whether it is summed or stacked.
    n_sequences
        how many inner inputs behind the first are rows of sequences.
    """

    def __init__(
        self,
        inner_inputs: Sequence[Variable],
        inner_outputs: Sequence[Variable],
        summed: Sequence[bool],
        n_sequences: int,
    ) -> None:
        self.inner_inputs = list(inner_inputs)
        self.inner_outputs = list(inner_outputs)
        self.summed = tuple(summed)
        self.n_sequences = n_sequences
        self._function: Callable[..., list[Any]] | None = None
        self._connected: list[list[bool]] | None = None

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, MapGradients)
            and (self.summed, self.n_sequences) == (other.summed, other.n_sequences)
            and [v.type for v in self.inner_inputs] == [v.type for v in other.inner_inputs]
            and equal_computations(self.inner_outputs, other.inner_outputs, self.inner_inputs, other.inner_inputs)
        )

    def __hash__(self) -> int:
        return hash((MapGradients, self.summed, self.n_sequences, tuple(v.type for v in self.inner_inputs)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_function": None}

    def __str__(self) -> str:
        return f"MapGradients{{{', '.join('sum' if s else 'stack' for s in self.summed)}}}"

    # ---- inputs, by their roles

    def _arguments(self, inputs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        first = 1 + len(self.summed)
        return list(inputs[first : first + self.n_sequences]), list(inputs[first + self.n_sequences :])

    def make_node(self, *inputs: Any) -> Apply:
        from theano.tensor.type import TensorType
        from theano.tensor.variable import as_tensor_variable

        operands = [x if isinstance(x, Variable) else as_tensor_variable(x) for x in inputs]
        outputs = []
        for body, summed in zip(self.inner_outputs, self.summed, strict=True):
            pattern = body.type.broadcastable if summed else (False, *body.type.broadcastable)
            outputs.append(TensorType(body.type.dtype, pattern)())
        return Apply(self, operands, outputs)

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        n = int(inputs[0])
        sequences, captured = self._arguments(inputs)
        for x, sequence in zip(self._arguments(node.inputs)[0], sequences, strict=True):
            if len(sequence) != n:
                raise ValueError(f"{self}: {x} has {len(sequence)} rows, the loop has {n}")
        results = []
        for k, (output, summed) in enumerate(zip(node.outputs, self.summed, strict=True)):
            shape = tuple(int(length) for length in inputs[1 + k])
            results.append(np.zeros(shape if summed else (n, *shape), dtype=output.type.dtype))
        body = self._compiled()
        for i in range(n):
            rows = [np.asarray(sequence[i]) for sequence in sequences]
            for result, summed, value in zip(results, self.summed, body(np.asarray(i), *rows, *captured), strict=True):
                if summed:
                    result += value
                else:
                    result[i] = value
        for cell, result in zip(output_storage, results, strict=True):
            cell[0] = result

    def _compiled(self) -> Callable[..., list[Any]]:
        if self._function is None:
            from theano.compile.function import function

            self._function = function(self.inner_inputs, self.inner_outputs, on_unused_input="ignore")
        return self._function

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        shapes = []
        for k, (output, summed) in enumerate(zip(node.outputs, self.summed, strict=True)):
            lengths = [node.inputs[1 + k][axis] for axis in range(output.type.ndim - (not summed))]
            shapes.append(tuple(lengths) if summed else (node.inputs[0], *lengths))
        return shapes

    # ---- derivatives

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        if self._connected is None:
            reach = [set(ancestors([body])) for body in self.inner_outputs]
            self._connected = [[v in found for found in reach] for v in self.inner_inputs[1:]]
        return [[False] * len(self.summed)] * (1 + len(self.summed)) + self._connected

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        index, rows, fixed = self._inner()
        sequences, captured = self._pairs(inputs)
        seeds: dict[Variable, Variable] = {}
        for body, summed, gradient in zip(self.inner_outputs, self.summed, output_gradients, strict=True):
            if is_disconnected(gradient):
                continue
            seed = stand_in(gradient, row=not summed)
            (captured if summed else sequences).append(Argument(gradient, seed))
            seeds[body] = seeds[body] + seed if body in seeds else seed
        totals = backpropagate(seeds, rows + fixed, null_gradients="return")
        results: list[Any] = [disconnected_type() for _ in inputs[: 1 + len(self.summed)]]
        wanted: list[Result] = []
        for number, (inner, outer) in enumerate(zip(rows + fixed, self._outer(inputs), strict=True)):
            total = totals[inner]
            if is_disconnected(total):
                # The walk may find less than connection_pattern promised, which goes by ancestors alone.
                total = zero_gradient(outer) if hasattr(outer, "zeros_like") else total
            elif not is_null(total):
                is_row = number < self.n_sequences
                wanted.append(Result(total, outer.shape[1:] if is_row else outer.shape, not is_row))
                total = None
            results.append(total)
        loop_outputs = iter(build_loop(inputs[0], index, wanted, sequences, captured))
        return [next(loop_outputs) if result is None else result for result in results]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        index, rows, fixed = self._inner()
        sequences, captured = self._pairs(inputs)
        directions: dict[Variable, Variable] = {}
        points = eval_points[1 + len(self.summed) :]
        for number, (inner, point) in enumerate(zip(rows + fixed, points, strict=True)):
            if point is not None:
                is_row = number < self.n_sequences
                directions[inner] = stand_in(point, row=is_row)
                (sequences if is_row else captured).append(Argument(point, directions[inner]))
        tangents = pushforward(self.inner_outputs, directions)
        found = [tangents.get(body) for body in self.inner_outputs]
        wanted = [
            Result(tangent, shape, summed)
            for tangent, shape, summed in zip(found, inputs[1:], self.summed, strict=False)
            if tangent is not None
        ]
        loop_outputs = iter(build_loop(inputs[0], index, wanted, sequences, captured))
        return [None if tangent is None else next(loop_outputs) for tangent in found]

    def _inner(self) -> tuple[Variable, list[Variable], list[Variable]]:
        split = 1 + self.n_sequences
        return self.inner_inputs[0], self.inner_inputs[1:split], self.inner_inputs[split:]

    def _outer(self, inputs: Sequence[Any]) -> list[Any]:
        return list(inputs[1 + len(self.summed) :])

    def _pairs(self, inputs: Sequence[Any]) -> tuple[list[Argument], list[Argument]]:
        _, rows, fixed = self._inner()
        sequences, captured = self._arguments(inputs)
        return list(map(Argument, sequences, rows)), list(map(Argument, captured, fixed))


def stand_in(variable: Variable, row: bool = False) -> Variable:
    """A free variable of the type of `variable`, or of its rows, with a test value if `variable` has one."""
    from theano.tensor.type import TensorType

    kind = TensorType(variable.type.dtype, variable.type.broadcastable[1:]) if row else variable.type
    free = kind.make_variable(variable.name)
    if test_value_mode() != "off":
        with contextlib.suppress(TestValueError, IndexError):
            value = get_test_value(variable)
            free.tag.test_value = value[0] if row else value
    return free


def build_loop(
    n: Any, index: Variable, results: list[Result], sequences: list[Argument], captured: list[Argument]
) -> list[Variable]:
    """The outputs of a new :class:`MapGradients`, which has a copy of the body and only the arguments that it needs.

    What the body uses beside `index` and the arguments, and does not depend on them, is captured as well: it is
    computed once, outside of the loop.
    """
    if not results:
        return []
    bodies = [result.body for result in results]
    order = toposort(bodies)
    changing = {index, *(a.inner for a in sequences), *(a.inner for a in captured)}
    inner_nodes = []
    for node in order:
        if any(v in changing for v in node.inputs):
            changing.update(node.outputs)
            inner_nodes.append(node)
    used = dict.fromkeys([*bodies, *(v for node in inner_nodes for v in node.inputs)])
    invariant = [v for v in used if v not in changing and not isinstance(v, Constant)]
    sequences = [a for a in sequences if a.inner in used]
    captured = [a for a in captured if a.inner in used] + [Argument(v, v) for v in invariant]
    arguments = [index, *(a.inner for a in sequences), *(a.inner for a in captured)]
    memo: dict[Any, Any] = {v: stand_in(v) for v in arguments}
    clone_get_equiv([], bodies, copy_orphans=False, memo=memo)
    op = MapGradients(
        [memo[v] for v in arguments], [memo[v] for v in bodies], [r.summed for r in results], len(sequences)
    )
    shapes = [result.shape for result in results]
    return op(n, *shapes, *(a.outer for a in sequences), *(a.outer for a in captured), return_list=True)


# ---- the public functions


def jacobian(
    expression: Variable,
    wrt: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The Jacobian of a vector: the derivative of each of its elements.

    It costs one walk backwards a row. Where only a product with the Jacobian is needed, ``Lop`` and ``Rop`` cost one in
    all.

    Parameters
    ----------
    expression
        a real vector, or a scalar (whose gradient it is then).
    wrt
        a variable or a list or tuple of variables, to differentiate with respect to.
    consider_constant, disconnected_inputs
        as for :func:`grad`.

    Returns
    -------
    for each of `wrt` an expression of shape ``expression.shape + wrt.shape``: one variable, or a list or tuple as `wrt`
    is.

    Raises
    ------
    TypeError
        when `expression` is neither vector nor scalar.

    >>> import theano, theano.tensor as T
    >>> x = T.dvector("x")
    >>> theano.gradient.jacobian(x**2, x).eval({x: [1.0, 2.0]})
    array([[2., 0.],
           [0., 4.]])
    """
    if not isinstance(expression, Variable) or getattr(expression.type, "ndim", None) is None:
        raise TypeError(f"jacobian needs a tensor variable, got {expression!r}")
    if expression.type.ndim > 1:
        raise TypeError(
            f"jacobian needs a vector, got {expression} of type {expression.type}. Make it a vector, as with .flatten()"
        )
    variables = as_variables("wrt", wrt)
    if expression.type.ndim == 0:
        return grad(expression, wrt, consider_constant, disconnected_inputs)

    def row(i: Any) -> list[Variable]:
        return grad(expression[i], variables, consider_constant, disconnected_inputs, add_names=False)

    return format_like(wrt, rows(expression, variables, row))


def rows(vector: Variable, variables: list[Variable], row: Callable[[Any], list[Variable]]) -> list[Variable]:
    """For each of `variables` the tensor whose i-th row is ``row(i)``, for as many rows as `vector` has elements."""
    from theano.tensor.joining import stack
    from theano.tensor.static import get_vector_length
    from theano.tensor.type import TensorType

    try:
        length = get_vector_length(vector)
    except ValueError:
        length = UNROLL_LIMIT + 1
    if 0 < length <= UNROLL_LIMIT:
        return [stack(list(parts)) for parts in zip(*(row(i) for i in range(length)), strict=True)]
    index = TensorType("int64", ())("row")
    index.tag.test_value = np.asarray(0)
    results = [Result(body, x.shape, False) for body, x in zip(row(index), variables, strict=True)]
    return build_loop(vector.shape[0], index, results, [], [])


def hessian(
    cost: Variable,
    wrt: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The Hessian of a scalar with respect to vectors: the matrix of its second derivatives.

    A product with the Hessian costs no more than a few gradients: ``Rop(grad(cost, x), x, v)``, or
    ``grad((grad(cost, x) * v).sum(), x)``.

    Parameters
    ----------
    cost
        a real scalar (0-d) expression.
    wrt
        a vector variable or a list or tuple of them.
    consider_constant, disconnected_inputs
        as for :func:`grad`.

    Returns
    -------
    for each of `wrt` a square matrix with a row for each of its elements (mixed derivatives between different variables
    are not formed): one variable, or a list or tuple as `wrt` is.

    Raises
    ------
    TypeError
        when `cost` is not a scalar or one of `wrt` not a vector.

    >>> import theano, theano.tensor as T
    >>> x = T.dvector("x")
    >>> theano.gradient.hessian((x**3).sum(), x).eval({x: [1.0, 2.0]})
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    variables = as_variables("wrt", wrt)
    for x in variables:
        if getattr(x.type, "ndim", None) != 1:
            raise TypeError(
                f"hessian needs vectors in wrt, got {x} of type {x.type}. Build the cost from a vector that is "
                f"reshaped, as with w = v.reshape(shape)"
            )
    gradients = grad(cost, variables, consider_constant, disconnected_inputs)
    return format_like(
        wrt,
        [
            # The gradient of a linear cost does not depend on x any more: its derivative is zero, and no mistake.
            jacobian(gradient, x, consider_constant, disconnected_inputs="ignore")
            for gradient, x in zip(gradients, variables, strict=True)
        ],
    )
