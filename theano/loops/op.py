"""Scan: a loop as one node of the graph.

The node holds a closed inner graph, the body, which computes one step. What goes in and out of node and body is ordered
by the same groups:

=============  ========================================  ====================================================
group          input of the node                         input of the body
=============  ========================================  ====================================================
steps          int64 scalar: how often the body runs     (none)
sequences      array with a row a step                   the row of this step
states         array of the rows before the first step   one row for each tap: ``-1`` is the row before this one
others         any variable                              the same
=============  ========================================  ====================================================

=============  ========================================  ====================================================
group          output of the body                        output of the node
=============  ========================================  ====================================================
states         the state's next row                      the rows given and then a row a step; or the last ones only
outputs        a row                                     a row a step; or the last one only
condition      scalar: leave the loop after this step    int64 scalar: how many steps were run
=============  ========================================  ====================================================

The node is pure, as all are: it changes none of its inputs. Where rows lie, and which are kept, is for the backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.op import Op
from theano.graph.replace import equal_computations
from theano.graph.traversal import graph_inputs, toposort
from theano.tensor.lengths import as_length
from theano.tensor.shape import Shape_i, shape_i
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable

__all__ = ["Layout", "Scan"]


class Inputs(NamedTuple):
    """Inputs of a node by their groups."""

    steps: Any
    sequences: list[Any]
    states: list[Any]
    others: list[Any]


class BodyInputs(NamedTuple):
    """Inputs of a body by their groups; a state has one for each of its taps."""

    sequences: list[Any]
    states: list[list[Any]]
    others: list[Any]


class BodyOutputs(NamedTuple):
    """Outputs of a body by their groups."""

    states: list[Any]
    outputs: list[Any]
    condition: Any


class Outputs(NamedTuple):
    """Outputs of a node by their groups; `steps` is ``None`` for loops without a condition."""

    states: list[Any]
    outputs: list[Any]
    steps: Any


@dataclass(frozen=True)
class Layout:
    """How many variables of which group a loop has.

    Attributes
    ----------
    n_sequences
        number of sequences.
    taps
        for each state the steps back that the body looks, as negative numbers: ``((-1,), (-2, -1))``.
    n_outputs
        number of outputs that are not states.
    until
        whether the body's last output says when to leave.
    last_only
        for each state, then for each output: whether only the last rows are kept (as many as its deepest tap, one for
        an output) instead of all.
    """

    n_sequences: int
    taps: tuple[tuple[int, ...], ...]
    n_outputs: int
    until: bool = False
    last_only: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if not self.last_only:
            object.__setattr__(self, "last_only", (False,) * (len(self.taps) + self.n_outputs))
        if len(self.last_only) != len(self.taps) + self.n_outputs:
            raise ValueError(f"last_only needs an entry for each state and output, got {self.last_only}")
        for taps in self.taps:
            if not taps or any(tap >= 0 for tap in taps) or len(set(taps)) != len(taps):
                raise ValueError(f"the taps of a state are distinct negative numbers, got {taps}")

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.taps)

    def depth(self, state: int) -> int:
        """How many rows of state number `state` are given before the first step."""
        return -min(self.taps[state])

    def split_inputs(self, inputs: Sequence[Any]) -> Inputs:
        """A node's inputs by their groups."""
        first = 1 + self.n_sequences
        second = first + self.n_states
        return Inputs(inputs[0], list(inputs[1:first]), list(inputs[first:second]), list(inputs[second:]))

    def split_body_inputs(self, inputs: Sequence[Any]) -> BodyInputs:
        """A body's inputs by their groups."""
        at = self.n_sequences
        states = []
        for taps in self.taps:
            states.append(list(inputs[at : at + len(taps)]))
            at += len(taps)
        return BodyInputs(list(inputs[: self.n_sequences]), states, list(inputs[at:]))

    def split_body_outputs(self, outputs: Sequence[Any]) -> BodyOutputs:
        """A body's outputs by their groups."""
        end = self.n_states + self.n_outputs
        condition = outputs[end] if self.until else None
        return BodyOutputs(list(outputs[: self.n_states]), list(outputs[self.n_states : end]), condition)

    def split_outputs(self, outputs: Sequence[Any]) -> Outputs:
        """A node's outputs by their groups."""
        return Outputs(*self.split_body_outputs(outputs))


class Scan(Op):
    """The Op of a loop; :func:`theano.scan` makes its nodes.

    Parameters
    ----------
    inner_inputs, inner_outputs
        the body: free variables, and what is computed from nothing but them and constants.
    layout
        which of them are what.
    name
        for people.
    truncate_gradient
        how many steps gradients go back; -1: all.
    recompute
        gradients compute again what the body computes between its inputs and outputs, instead of keeping it.
    """

    def __init__(
        self,
        inner_inputs: Sequence[Variable],
        inner_outputs: Sequence[Variable],
        layout: Layout,
        name: str | None = None,
        truncate_gradient: int = -1,
        recompute: bool = False,
    ) -> None:
        self.inner_inputs = list(inner_inputs)
        self.inner_outputs = list(inner_outputs)
        self.layout = layout
        self.name = name
        self.truncate_gradient = truncate_gradient
        self.recompute = recompute
        self._nodes: list[Apply] | None = None
        self._program: Any = None
        self._lengths: list[tuple[Variable | None, ...]] | None = None
        self._pattern: list[list[bool]] | None = None
        self._asked: tuple[tuple[Variable, ...], list[tuple[Any, ...]]] | None = None
        self.settled: Any = None  # the set of rules none of which applies to the body any more
        given = set(self.inner_inputs)
        leaves = graph_inputs(self.inner_outputs, self.inner_inputs)
        free = [v for v in leaves if v not in given and not isinstance(v, Constant)]
        if free:
            raise ValueError(f"{self}: the body uses {free}, which are not among its inputs")
        self._check_states()

    def _check_states(self) -> None:
        ins, outs = self.body_inputs, self.body_outputs
        for number, (taps, new) in enumerate(zip(ins.states, outs.states, strict=True)):
            for tap in taps:
                if tap.type != new.type:
                    raise TypeError(
                        f"{self}: state {number} ({tap}) goes into a step as {tap.type} and comes out as {new.type}"
                    )
        if outs.condition is not None and getattr(outs.condition.type, "ndim", None) != 0:
            raise TypeError(f"{self}: the condition must be a scalar, got {outs.condition} of {outs.condition.type}")

    # ---- what it is made of

    @property
    def body_inputs(self) -> BodyInputs:
        """The body's inputs by their groups."""
        return self.layout.split_body_inputs(self.inner_inputs)

    @property
    def body_outputs(self) -> BodyOutputs:
        """The body's outputs by their groups."""
        return self.layout.split_body_outputs(self.inner_outputs)

    @property
    def inner_nodes(self) -> list[Apply]:
        """The body's nodes in dependency order."""
        if self._nodes is None:
            self._nodes = toposort(self.inner_outputs, self.inner_inputs)
        return self._nodes

    @property
    def inner_graphs(self) -> list[tuple[str, list[Variable], list[Variable]]]:
        """Title, inputs and outputs of each graph inside, for printing."""
        return [("the body", self.inner_inputs, self.inner_outputs)]

    def inner_meanings(self, node: Apply, reference: Callable[[Variable], str]) -> dict[Variable, str]:
        """What the body's inputs stand for in a node, in words; `reference` names variables of the graph around."""
        body, outer = self.body_inputs, self.layout.split_inputs(node.inputs)
        found = {row: f"row of {reference(x)}" for row, x in zip(body.sequences, outer.sequences, strict=True)}
        for k, (taps, variables) in enumerate(zip(self.layout.taps, body.states, strict=True)):
            start = reference(outer.states[k])
            found.update((x, f"state {k}, {-tap} back; begins with {start}") for tap, x in zip(taps, variables))
        found.update((x, reference(outside)) for x, outside in zip(body.others, outer.others, strict=False))
        return found

    def variant(self, inner_inputs: Sequence[Variable], inner_outputs: Sequence[Variable], **layout: Any) -> Scan:
        """This loop with another body, and with these fields of its layout changed."""
        changed = replace(self.layout, **layout) if layout else self.layout
        return Scan(inner_inputs, inner_outputs, changed, self.name, self.truncate_gradient, self.recompute)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Scan)
            and self._key() == other._key()
            and equal_computations(self.inner_outputs, other.inner_outputs, self.inner_inputs, other.inner_inputs)
        )

    def _key(self) -> Any:
        types = tuple(v.type for v in self.inner_inputs)
        return (self.layout, self.truncate_gradient, self.recompute, types, len(self.inner_nodes))

    def __hash__(self) -> int:
        return hash((Scan, self.layout, len(self.inner_nodes)))

    def __str__(self) -> str:
        return f"Scan{{{self.name}}}" if self.name else "Scan"

    __repr__ = __str__

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_program": None, "_nodes": None, "_lengths": None, "_asked": None, "settled": None}

    # ---- nodes

    def make_node(self, *inputs: Any) -> Apply:
        """Steps, sequences, states, others; see the head of this file."""
        layout, body = self.layout, self.body_inputs
        expected = 1 + layout.n_sequences + layout.n_states + len(body.others)
        if len(inputs) != expected:
            raise ValueError(f"{self} takes {expected} inputs, got {len(inputs)}")
        given = layout.split_inputs([x if isinstance(x, Variable) else as_tensor_variable(x) for x in inputs])
        steps = as_length(given.steps, f"{self}: the number of steps")
        for x, row in zip(given.sequences, body.sequences, strict=True):
            self._check_rows("sequence", x, row)
        for x, taps in zip(given.states, body.states, strict=True):
            self._check_rows("the initial value of state", x, taps[0])
        others = [inner.type.filter_variable(x) for x, inner in zip(given.others, body.others, strict=True)]
        arguments = [steps, *given.sequences, *given.states, *others]
        return Apply(self, arguments, [kind() for kind in self._output_types(given.states)])

    def _check_rows(self, what: str, x: Any, row: Any) -> None:
        fits = isinstance(x.type, TensorType) and x.type.ndim == row.type.ndim + 1
        if not fits or x.type.dtype != row.type.dtype or x.type.broadcastable[1:] != row.type.broadcastable:
            raise TypeError(f"{self}: {what} {x} has type {x.type}, but the body takes rows of {row.type}")

    def _output_types(self, initial: Sequence[Any]) -> list[TensorType]:
        layout, body = self.layout, self.body_outputs
        types = []
        rows = [*body.states, *body.outputs]
        for number, (row, last_only) in enumerate(zip(rows, layout.last_only, strict=True)):
            single = last_only and number < layout.n_states and layout.depth(number) == 1
            types.append(TensorType(row.type.dtype, (single, *row.type.broadcastable)))
        if layout.until:
            types.append(TensorType("int64", ()))
        return types

    # ---- meaning

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        if self._program is None:
            from theano.backend.reference import link
            from theano.graph.fg import FunctionGraph

            self._program = link(FunctionGraph(self.inner_inputs, self.inner_outputs), str(self))
        results = self.run(node, inputs, self._program.run)
        for cell, result in zip(output_storage, results, strict=True):
            cell[0] = result

    def run(self, node: Apply, inputs: Sequence[Any], step: Callable[[list[Any]], list[Any]]) -> list[np.ndarray]:
        """The node's outputs, by calling `step`, the body, once a step."""
        layout = self.layout
        given = layout.split_inputs(inputs)
        n = int(given.steps)
        self.check_steps(node, n, [len(x) for x in given.sequences], [len(x) for x in given.states])
        histories: list[list[np.ndarray]] = [list(x[len(x) - layout.depth(k) :]) for k, x in enumerate(given.states)]
        rows: list[list[np.ndarray]] = [[] for _ in range(layout.n_outputs)]
        done = 0
        while done < n:
            taps = [history[tap] for history, taps in zip(histories, layout.taps, strict=True) for tap in taps]
            made = layout.split_body_outputs(step([*(x[done] for x in given.sequences), *taps, *given.others]))
            done += 1
            for k, (history, new) in enumerate(zip(histories, made.states, strict=True)):
                if new.shape != history[-1].shape:
                    raise ValueError(self.changed_shape(node, k, history[-1].shape, new.shape))
                history.append(new)
                if layout.last_only[k]:
                    del history[0]
            for k, (kept, row) in enumerate(zip(rows, made.outputs, strict=True)):
                if layout.last_only[layout.n_states + k]:
                    kept.clear()
                elif kept and kept[0].shape != row.shape:
                    raise ValueError(
                        f"{self}: output {k} of a step has shape {row.shape}, that of the step before {kept[0].shape}; "
                        f"rows of one array must have one shape"
                    )
                kept.append(row)
            if made.condition is not None and made.condition:
                break
        results = [np.stack(history) for history in histories]
        if all(rows):
            results += [np.stack(kept) for kept in rows]
        else:
            kinds = [v.type for v in self.body_outputs.outputs]
            shapes = self._row_shapes(node, inputs)
            results += [np.zeros((0, *s), kind.dtype) for s, kind in zip(shapes, kinds, strict=True)]
        if layout.until:
            results.append(np.asarray(done, dtype="int64"))
        return results

    def check_steps(self, node: Apply, n: int, sequences: Sequence[int], states: Sequence[int]) -> None:
        """Raise ValueError where sequences or initial values have not as many rows as the loop needs."""
        if n < 0:
            raise ValueError(self.negative_steps(n))
        names = self.layout.split_inputs(node.inputs)
        for x, length in zip(names.sequences, sequences, strict=True):
            if length != n:
                raise ValueError(self.wrong_rows(x, length, n))
        for k, (x, length) in enumerate(zip(names.states, states, strict=True)):
            if length != self.layout.depth(k):
                raise ValueError(self.wrong_initial(k, x, length))

    # ---- what errors say

    def negative_steps(self, n: int) -> str:
        """The number of steps is negative."""
        return f"{self}: the number of steps is {n}; it must not be negative"

    def wrong_rows(self, sequence: Any, length: int, n: int) -> str:
        """A sequence has another number of rows than there are steps."""
        if length < n:
            return f"{self}: the sequence {sequence} has {length} rows, {n - length} too few for {n} steps"
        return f"{self}: the sequence {sequence} has {length} rows, the loop takes {n} steps"

    def wrong_initial(self, state: int, initial: Any, length: int) -> str:
        """The initial value of a state has another number of rows than its taps need."""
        need = self.layout.depth(state)
        return (
            f"{self}: the initial value {initial} of state {state} has {length} rows, but its taps "
            f"{list(self.layout.taps[state])} need {need}"
        )

    def changed_shape(self, node: Apply, state: int, before: Sequence[int], after: Sequence[int]) -> str:
        """A state's shape is not that of the step before."""
        return (
            f"{self}: state {state} ({self.body_inputs.states[state][-1]}) has shape {tuple(before)} before a step and "
            f"{tuple(after)} after it. A state keeps its shape from step to step: give its initial value the shape "
            f"that the step returns, or let the step return one of the initial shape."
        )

    # ---- shapes

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        layout = self.layout
        shapes = layout.split_inputs(input_shapes)
        outer = layout.split_inputs(node.inputs)
        steps: Any = layout.split_outputs(node.outputs).steps if layout.until else outer.steps
        one = as_length(1)
        results: list[Any] = []
        for k, shape in enumerate(shapes.states):
            depth = as_length(layout.depth(k))
            results.append((depth if layout.last_only[k] else depth + steps, *shape[1:]))
        for k, lengths in enumerate(self.outer_lengths(node)):
            first = steps
            if layout.last_only[layout.n_states + k]:
                from theano.tensor.functions import minimum

                first = minimum(steps, one)
            results.append((first, *lengths))
        if layout.until:
            results.append(())
        return results

    def row_lengths(self) -> list[tuple[Variable | None, ...]]:
        """For each output that is no state its lengths in a step.

        They are expressions of lengths of the body's inputs and of values of others; ``None`` where they need more.
        """
        if self._lengths is not None:
            return self._lengths
        from theano.rewrite.passes import simplify_lengths

        rows = self.body_outputs.outputs
        wanted = [shape_i(row, axis) for row in rows for axis in range(row.type.ndim)]
        found: list[Variable | None] = list(simplify_lengths(wanted, self.inner_inputs)) if wanted else []
        body = self.body_inputs
        varying = {*body.sequences, *(tap for taps in body.states for tap in taps)}
        for i, length in enumerate(found):
            assert length is not None
            nodes = toposort([length], self.inner_inputs)
            if length in varying or any(
                v in varying and not isinstance(node.op, Shape_i) for node in nodes for v in node.inputs
            ):
                found[i] = None
        lengths = iter(found)
        self._lengths = [tuple(next(lengths) for _ in range(row.type.ndim)) for row in rows]
        return self._lengths

    def outer_lengths(self, node: Apply) -> list[tuple[Any, ...]]:
        """The lengths of rows of the outputs that are no states, as expressions of the node's inputs."""
        from theano.graph.replace import replace_graph

        if self._asked is not None and len(self._asked[0]) == len(node.inputs):
            inputs, found = self._asked
            if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
                return found
        body, outer = self.body_inputs, self.layout.split_inputs(node.inputs)
        rows = [*zip(body.sequences, outer.sequences, strict=True)]
        rows += [(tap, x) for taps, x in zip(body.states, outer.states, strict=True) for tap in taps]
        known = self.row_lengths()
        expressions = [n for lengths in known for n in lengths if n is not None]
        replaced: list[tuple[Variable, Any]] = list(zip(body.others, outer.others, strict=True))
        within = {v for n in toposort(expressions, self.inner_inputs) for v in n.outputs}
        for row, x in rows:
            for v in within:
                if v.owner is not None and isinstance(v.owner.op, Shape_i) and v.owner.inputs[0] is row:
                    replaced.append((v, shape_i(x, v.owner.op.i + 1)))
        news = iter(replace_graph(expressions, replaced))
        found = [tuple(None if n is None else next(news) for n in lengths) for lengths in known]
        self._asked = (tuple(node.inputs), found)
        return found

    def _row_shapes(self, node: Apply, inputs: Sequence[Any]) -> list[tuple[int, ...]]:
        """Shapes of rows that no step has computed: 0 where they depend on values that only a step has."""
        from theano.backend.reference import link
        from theano.graph.fg import FunctionGraph

        lengths = [n for shape in self.outer_lengths(node) for n in shape]
        known = [n for n in lengths if n is not None]
        values: Any = iter(())
        if known:
            free = {x: v for x, v in zip(node.inputs, inputs, strict=True) if not isinstance(x, Constant)}
            values = iter(link(FunctionGraph(list(free), known), str(self)).run(list(free.values())))
        sizes = iter([0 if n is None else int(next(values)) for n in lengths])
        return [tuple(next(sizes) for _ in range(v.type.ndim)) for v in self.body_outputs.outputs]

    # ---- derivatives

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        from theano.loops.influence import connection_pattern

        if self._pattern is None:
            self._pattern = connection_pattern(self)
        return self._pattern

    def L_op(self, inputs: list[Variable], outputs: list[Variable], output_gradients: list[Variable]) -> list[Variable]:
        from theano.loops.reverse import reverse

        return reverse(self, inputs, output_gradients)

    def R_op(self, inputs: list[Variable], eval_points: list[Variable | None]) -> list[Variable | None]:
        from theano.loops.forward import forward

        return forward(self, inputs, eval_points)
