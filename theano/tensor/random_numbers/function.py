"""RandomFunction: a draw from a distribution as a node, and what the formulas of distributions are written with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.op import Op
from theano.scalar.dtypes import float_dtypes
from theano.scalar.table import rows
from theano.tensor.disconnected import disconnected
from theano.tensor.filling import static_pattern
from theano.tensor.functions import cast
from theano.tensor.lengths import as_length, product
from theano.tensor.random_numbers.bits import RandomBits
from theano.tensor.random_numbers.state import STATE, state_variable
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable, constant

LAST_BIT = np.uint64(2**11)  # of those that a float64 takes
LEADING_BITS = np.uint32(0xFFE00000)  # as many as a float16 has digits

# By the name of a distribution, which is what a node keeps of it.
DISTRIBUTIONS: dict[str, Distribution] = {}


@dataclass(frozen=True)
class Distribution:
    """What can be drawn.

    Attributes
    ----------
    name
        under which :data:`DISTRIBUTIONS` has it.
    formula
        from a :class:`Draw` and the parameters to the numbers.
    parameters
        their names, in order.
    own_axes
        for each parameter how many of its last dimensions belong to the distribution, not to the shape of the draw.
    event
        from the parameters to the lengths of one draw: none for numbers.
    differentiable
        whether the numbers have derivatives by the parameters.
    """

    name: str
    formula: Callable[..., Any]
    parameters: tuple[str, ...]
    own_axes: tuple[int, ...] = ()
    event: Callable[..., Sequence[Any]] | None = None
    differentiable: bool = False

    def event_lengths(self, parameters: Sequence[Variable]) -> list[Any]:
        """The lengths of one draw."""
        return [] if self.event is None else [as_length(n) for n in self.event(*parameters)]


def distribution(name: str, *parameters: str, **attributes: Any) -> Callable[[Callable[..., Any]], Distribution]:
    """Enter a formula into the table."""

    def enter(formula: Callable[..., Any]) -> Distribution:
        found = DISTRIBUTIONS[name] = Distribution(name, formula, parameters, **attributes)
        return found

    return enter


class Draw:
    """Random bits and numbers for one draw; it counts how many are used up.

    Attributes
    ----------
    lengths
        the shape of the draw.
    dtype
        of the numbers that are asked for.
    """

    def __init__(self, state: Variable, lengths: Sequence[Variable], dtype: str) -> None:
        self.state: Any = state
        self.lengths = list(lengths)
        self.dtype = dtype
        self.used: Any = None

    @property
    def real(self) -> str:
        """The dtype to compute floats in."""
        return "float32" if self.dtype in ("float16", "float32") else "float64"

    def bits(self, *more: Any) -> Any:
        """64 fresh bits for each element, and along dimensions of the lengths `more` behind."""
        lengths = [*self.lengths, *(as_length(n) for n in more)]
        first = self.state[1] if self.used is None else self.state[1] + self.used
        count = cast(as_tensor_variable(product(lengths)), "uint64")
        self.used = count if self.used is None else self.used + count
        return RandomBits()(self.state[0], first, *lengths)

    def uniform(self, *more: Any, dtype: str | None = None) -> Any:
        """Numbers from [0, 1), never 1 in the dtype that is asked for."""
        bits = self._sized(self.bits(*more), dtype or self.real)
        if self.dtype == "float16" and dtype is None:
            bits = rows.and_(bits, LEADING_BITS)
        return rows.random_uniform(bits)

    def positive_uniform(self, *more: Any) -> Any:
        """Numbers from (0, 1) as float64: odd multiples of 2**-53."""
        return rows.random_uniform(rows.or_(self.bits(*more), LAST_BIT))

    def normal(self, *more: Any) -> Any:
        """Numbers of the standard normal distribution."""
        return rows.random_normal(self._sized(self.bits(*more), self.real))

    @staticmethod
    def _sized(bits: Any, dtype: str) -> Any:
        return cast(bits, "uint32") if dtype == "float32" else bits

    def next_state(self) -> Any:
        """The state behind all that was used."""
        if self.used is None:
            return self.state
        return self.state + constant(np.array([0, 1], dtype="uint64")) * self.used


class RandomFunction(Op):
    """A draw from a distribution: inputs state, parameters, then a scalar a dimension; outputs next state, numbers.

    The numbers depend on nothing but the inputs. A state gives different numbers to different distributions, and the
    same, in the same order, to all shapes of one distribution that draws numbers one by one.
    """

    __props__ = ("distribution", "dtype")

    def __init__(self, distribution: str, dtype: str) -> None:
        self.distribution = distribution
        self.dtype = dtype

    @property
    def kind(self) -> Distribution:
        """The entry of the table."""
        return DISTRIBUTIONS[self.distribution]

    def make_node(self, state: Any, *inputs: Any) -> Apply:
        parameters, lengths = self.divided([as_tensor_variable(v) for v in inputs])
        lengths = [as_length(n, f"{self}: a length") for n in lengths]
        pattern = static_pattern([*lengths, *self.kind.event_lengths(parameters)])
        variables = [state_variable(state), *parameters, *lengths]
        return Apply(self, variables, [STATE(), TensorType(self.dtype, pattern)()])

    def divided(self, inputs: Sequence[Variable]) -> tuple[list[Variable], list[Variable]]:
        """What follows the state: parameters and lengths."""
        count = len(self.kind.parameters)
        return list(inputs[:count]), list(inputs[count:])

    def expand(self, inputs: Sequence[Variable]) -> list[Variable]:
        """The outputs as expressions of random bits."""
        parameters, lengths = self.divided(inputs[1:])
        draw = Draw(inputs[0], lengths, self.dtype)
        numbers = cast(self.kind.formula(draw, *parameters), self.dtype)
        pattern = static_pattern([*lengths, *self.kind.event_lengths(parameters)])
        return [draw.next_state(), TensorType(self.dtype, pattern).filter_variable(numbers)]

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        program = _PROGRAMS.get(node)
        if program is None:
            from theano.backend.reference import link

            given = [v for v in node.inputs if not isinstance(v, Constant)]
            distinct = list(dict.fromkeys(given))
            program = _PROGRAMS[node] = link(FunctionGraph(distinct, self.expand(node.inputs)), str(self)), distinct
        values = dict(zip(node.inputs, inputs, strict=True))
        for cell, value in zip(output_storage, program[0].run([values[v] for v in program[1]]), strict=True):
            cell[0] = value

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        parameters, lengths = self.divided(node.inputs[1:])
        return [input_shapes[0], (*lengths, *self.kind.event_lengths(parameters))]

    # ---- derivatives

    def _has_slope(self, x: Variable, position: int) -> bool:
        parameter = 0 < position <= len(self.kind.parameters)
        return parameter and self.kind.differentiable and x.type.dtype in float_dtypes  # type: ignore[attr-defined]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        count = len(self.kind.parameters)
        return [[False, 0 < i <= count] for i in range(len(node.inputs))]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        from theano.gradient import Lop, grad_undefined

        wanted = [x for i, x in enumerate(inputs) if self._has_slope(x, i)]
        found: dict[Variable, Any] = {}
        if wanted:
            copies = [x.type() if self._has_slope(x, i) else x for i, x in enumerate(inputs)]
            chosen = [copy for copy, x in zip(copies, inputs, strict=True) if copy is not x]
            gradients = Lop(self.expand(copies)[1], chosen, output_gradients[1], disconnected_inputs="ignore")
            found = dict(zip(chosen, gradients, strict=True))
            slopes = iter(_replaced(list(found.values()), copies, inputs))
        results: list[Any] = []
        for i, x in enumerate(inputs):
            if self._has_slope(x, i):
                results.append(next(slopes))
            elif 0 < i <= len(self.kind.parameters):
                why = f"numbers drawn from the {self.distribution} distribution have no derivative by this parameter"
                results.append(grad_undefined(self, i, x, why))
            else:
                results.append(disconnected())
        return results

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        from theano.gradient import Rop

        moving = [i for i, point in enumerate(eval_points) if point is not None and self._has_slope(inputs[i], i)]
        if not moving:
            return [None, None]
        copies = [x.type() if i in moving else x for i, x in enumerate(inputs)]
        slope = Rop(self.expand(copies)[1], [copies[i] for i in moving], [eval_points[i] for i in moving])
        return [None, *_replaced([slope], copies, inputs)]

    def __str__(self) -> str:
        return f"RandomFunction{{{self.distribution}, {self.dtype}}}"

    __repr__ = __str__


_PROGRAMS: WeakKeyDictionary[Apply, Any] = WeakKeyDictionary()


def _replaced(expressions: list[Any], old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    from theano.graph.replace import replace_graph

    return replace_graph(expressions, [(a, b) for a, b in zip(old, new, strict=True) if a is not b])
