"""Reverse mode through loops: the gradient of a loop is a loop that walks the steps backwards.

With x_t the state's row that step t makes, the walk carries what later steps contribute to the gradient of the rows
x_t, x_{t-1}, … that step t and those before it make: as many *pending* rows as the state's deepest tap. At step t the
gradient of x_t is complete; the body's own gradient turns it into contributions to the rows that its taps read, which
are added to the pending rows, and these move up by one. After the first step the pending rows belong to the initial
values. Gradients of sequences are rows that each step gives; those of others are sums that the steps add to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theano.gradient.reverse import backpropagate
from theano.gradient.terms import fit, kind_of, zero_gradient
from theano.gradient.types import disconnected_type, is_disconnected, is_null, refuse_null
from theano.graph.basic import Variable
from theano.graph.replace import replace_graph
from theano.loops.influence import influence
from theano.loops.op import Layout, Scan
from theano.loops.recall import Recall
from theano.tensor.creation import zeros
from theano.tensor.functions import lt, minimum, switch
from theano.tensor.joining import stack
from theano.tensor.lengths import as_length
from theano.tensor.shape import shape_padleft
from theano.tensor.subtensor import set_subtensor

__all__ = ["reverse"]


def reverse(op: Scan, inputs: Sequence[Variable], output_gradients: Sequence[Variable]) -> list[Variable]:
    """Gradients with respect to the inputs of a node, from those with respect to its outputs."""
    found = _Reverse(op, inputs, output_gradients).gradients()
    # What reaches the outputs through integers only has a gradient of zero.
    reached = [not is_disconnected(g) for g in output_gradients]
    return [
        zero_gradient(x)
        if is_disconnected(g) and kind_of(x) and any(a and b for a, b in zip(row, reached, strict=True))
        else g
        for x, g, row in zip(inputs, found, op.connection_pattern(None), strict=True)  # type: ignore[arg-type]
    ]


class _Reverse:
    """The loop backwards under construction.

    Attributes
    ----------
    active
        numbers of the states that gradients arrive at.
    seeds
        for each active state its gradient row in a step: what comes from outside and what is pending.
    """

    def __init__(self, op: Scan, inputs: Sequence[Variable], output_gradients: Sequence[Variable]) -> None:
        self.op, self.layout = op, op.layout
        self.inputs = inputs
        self.outer = op.layout.split_inputs(inputs)
        self.body, self.rows = op.body_inputs, op.body_outputs
        self.given = op.layout.split_outputs(output_gradients)
        self.direct, _ = influence(op)
        self.active = self._active_states()
        self.inner_inputs: list[Variable] = []
        self.sequences: list[tuple[Variable, Variable]] = []  # (inner, outer)
        self.states: list[tuple[Variable, Variable, Variable]] = []  # (inner, initial rows, next row)
        self.outputs: list[Variable] = []
        self.others: list[tuple[Variable, Variable]] = []

    def _active_states(self) -> list[int]:
        layout = self.layout
        real = [kind_of(row) in ("float", "complex") for row in self.rows.states]
        active = {k for k, g in enumerate(self.given.states) if not is_disconnected(g) and real[k]}
        reached = {layout.n_states + k for k, g in enumerate(self.given.outputs) if not is_disconnected(g)}
        while True:
            reached |= active
            more = {
                k
                for k in range(layout.n_states)
                if k not in active and real[k] and any(self.direct[layout.n_sequences + k][j] for j in reached)
            }
            if not more:
                return sorted(active)
            active |= more

    def gradients(self) -> list[Variable]:
        """One gradient an input of the node."""
        layout, op = self.layout, self.op
        for gradient in (*self.given.states, *self.given.outputs):
            if not is_disconnected(gradient):
                refuse_null(gradient)
        seeds: dict[Variable, Variable] = {}
        incoming: list[tuple[Variable, Variable, bool]] = []  # (row variable, gradient of all rows, of a state)
        adjoints: set[Variable] = set()
        pending = {k: [self.rows.states[k].type() for _ in range(layout.depth(k))] for k in self.active}
        rows = [*self.rows.states, *self.rows.outputs]

        def seed(row: Variable, gradient: Variable) -> None:
            seeds[row] = seeds[row] + gradient if row in seeds else gradient

        for k in self.active:
            adjoints.update(pending[k])
            total = pending[k][0]
            given = self.given.states[k]
            if not is_disconnected(given) and not layout.last_only[k]:
                arriving = rows[k].type()
                adjoints.add(arriving)
                incoming.append((arriving, given[layout.depth(k) :], True))
                total = arriving + total
            seed(rows[k], total)
        final_rows: list[tuple[Variable, Variable]] = []
        for k, given in enumerate(self.given.outputs, layout.n_states):
            if is_disconnected(given) or kind_of(rows[k]) not in ("float", "complex"):
                continue
            arriving = rows[k].type()
            adjoints.add(arriving)
            (final_rows if layout.last_only[k] else incoming).append((arriving, given))  # type: ignore[arg-type]
            seed(rows[k], arriving)
        if not seeds:
            return [disconnected_type() for _ in self.inputs]

        wanted = [x for x in op.inner_inputs if kind_of(x) in ("float", "complex")]
        found = backpropagate(seeds, wanted, null_gradients="return")

        def gradient_of(x: Variable) -> Variable | None:
            g = found.get(x)
            return None if g is None or is_disconnected(g) else g if is_null(g) else fit(g, x)

        # One step backwards: next pending rows, rows of the sequences' gradients, sums for others.
        next_pending: dict[int, list[Variable]] = {}
        for k in self.active:
            moved: list[Variable | None] = [*pending[k][1:], None]
            for tap, x in zip(layout.taps[k], self.body.states[k], strict=True):
                term = gradient_of(x)
                if term is None:
                    continue
                if is_null(term):
                    refuse_null(term)
                before = moved[-tap - 1]
                moved[-tap - 1] = term if before is None else before + term
            next_pending[k] = [m if m is not None else zero_gradient(rows[k]) for m in moved]
        of_sequences = [gradient_of(x) for x in self.body.sequences]
        of_others = [gradient_of(x) for x in self.body.others]
        accumulators = {
            i: (x.type(), g) for i, (x, g) in enumerate(zip(self.body.others, of_others, strict=True)) if _proper(g)
        }
        sums = {i: (x, x + g) for i, (x, g) in accumulators.items()}
        results = [v for k in self.active for v in next_pending[k]]
        results += [g for g in of_sequences if _proper(g)]
        results += [new for _, new in sums.values()]

        # What the loop forwards has to keep for it.
        plan = Recall(op, adjoints | {x for x, _ in sums.values()}, results)
        recorded = self._recorded(plan.kept)
        steps = recorded.steps if layout.until else self.outer.steps
        replaced: list[tuple[Variable, Variable]] = []
        sequences: list[tuple[Variable, Variable]] = []
        for variable, place in plan.places.items():
            inner = variable.type()
            replaced.append((variable, inner))
            sequences.append((inner, self._history(place, recorded, steps)))
        for i in plan.others:
            inner = self.body.others[i].type()
            replaced.append((self.body.others[i], inner))
            self.others.append((inner, self.outer.others[i]))
        results = replace_graph(results, replaced)
        for row, gradient, *_ in incoming:
            sequences.append((row, gradient[:steps]))
        for row, gradient in final_rows:
            sequences.append((row, self._last_of(gradient, row, steps)))
        return self._assemble(steps, sequences, pending, sums, of_sequences, of_others, results)

    def _recorded(self, kept: Sequence[Variable]) -> Any:
        """Outputs of this loop with all rows of states and outputs, and those of further results of its body."""
        op, layout = self.op, self.layout
        if not kept and not any(layout.last_only):
            # the node itself, made again: equal nodes become one
            return layout.split_outputs(op.make_node(*self.inputs).outputs)
        body = self.rows
        end = [body.condition] if layout.until else []
        extended = op.variant(
            op.inner_inputs,
            [*body.states, *body.outputs, *kept, *end],
            n_outputs=layout.n_outputs + len(kept),
            last_only=(False,) * (layout.n_states + layout.n_outputs + len(kept)),
        )
        return extended.layout.split_outputs(extended.make_node(*self.inputs).outputs)

    def _history(self, place: tuple[str, int, int], recorded: Any, steps: Any) -> Variable:
        """The rows, one a step, of something that a step forwards knows."""
        group, number, tap = place
        if group == "sequence":
            return self.outer.sequences[number][:steps]
        if group == "state":
            first = self.layout.depth(number) + tap
            return recorded.states[number][first : first + steps]
        return recorded.outputs[number]

    def _last_of(self, gradient: Any, row: Variable, steps: Any) -> Variable:
        """Rows of zeros, but for the last, which is that of an output of which only the last row is kept."""
        shape = [steps, *(gradient.shape[i + 1] for i in range(row.type.ndim))]  # type: ignore[attr-defined]
        whole = zeros(shape, dtype=gradient.type.dtype)
        return set_subtensor(whole[-gradient.shape[0] :], gradient)

    def _assemble(
        self,
        steps: Any,
        sequences: list[tuple[Variable, Variable]],
        pending: dict[int, list[Variable]],
        sums: dict[int, tuple[Variable, Variable]],
        of_sequences: list[Variable | None],
        of_others: list[Variable | None],
        results: list[Variable],
    ) -> list[Variable]:
        """Build the node of the loop backwards, and take its outputs apart."""
        op, layout = self.op, self.layout
        limit = op.truncate_gradient
        truncated = limit >= 0
        n = minimum(steps, as_length(limit)) if truncated else steps
        backwards = [(inner, outer[::-1][:n] if truncated else outer[::-1]) for inner, outer in sequences]
        initial: list[Variable] = []
        states: list[Variable] = []
        for k in self.active:
            given = self.given.states[k]
            for j, x in enumerate(pending[k]):
                states.append(x)
                if not is_disconnected(given) and layout.last_only[k]:
                    initial.append(shape_padleft(given[layout.depth(k) - 1 - j]))
                else:
                    initial.append(shape_padleft(zero_gradient(self.outer.states[k][0])))
        n_pending = len(states)
        for i, (x, _) in sums.items():
            states.append(x)
            initial.append(shape_padleft(zero_gradient(self.outer.others[i])))
        rows = sum(_proper(g) for g in of_sequences)
        nexts = [*results[:n_pending], *results[n_pending + rows :]]
        nexts = [fit(new, x) for new, x in zip(nexts, states, strict=True)]
        outputs = results[n_pending : n_pending + rows]
        backward = Scan(
            [*(inner for inner, _ in backwards), *states, *(inner for inner, _ in self.others)],
            [*nexts, *outputs],
            Layout(
                len(backwards),
                ((-1,),) * len(states),
                len(outputs),
                last_only=(True,) * len(states) + (False,) * len(outputs),
            ),
            name=f"gradient of {op.name or 'Scan'}",
            recompute=op.recompute,
        )
        node = backward.make_node(n, *(outer for _, outer in backwards), *initial, *(outer for _, outer in self.others))
        made = backward.layout.split_outputs(node.outputs)
        return self._collect(steps, n, made, list(sums), of_sequences, of_others, truncated)

    def _collect(
        self,
        steps: Any,
        n: Any,
        made: Any,
        summed: list[int],
        of_sequences: list[Variable | None],
        of_others: list[Variable | None],
        truncated: bool,
    ) -> list[Variable]:
        layout = self.layout
        gradients: list[Variable] = [disconnected_type()]
        rows = iter(made.outputs)
        for x, g in zip(self.outer.sequences, of_sequences, strict=True):
            if g is None:
                gradients.append(disconnected_type())
            elif is_null(g):
                gradients.append(g)
            else:
                gradients.append(self._in_place(next(rows)[::-1], x, steps, n, truncated))
        ends = iter(made.states)
        for k, x in enumerate(self.outer.states):
            if k not in self.active:
                gradients.append(disconnected_type())
                continue
            depth = layout.depth(k)
            pending = [next(ends)[0] for _ in range(depth)]
            gradients.append(self._of_initial(k, x, pending, steps, n, truncated))
        totals = {i: next(ends)[0] for i in summed}
        for i, g in enumerate(of_others):
            gradients.append(totals[i] if i in totals else g if g is not None else disconnected_type())
        return gradients

    def _in_place(self, rows: Any, whole: Any, steps: Any, n: Any, truncated: bool) -> Variable:
        """Rows of the steps that were walked, with zeros for the others, as many as the sequence has."""
        if not truncated and not self.layout.until:
            return rows
        return set_subtensor(zero_gradient(whole)[steps - n : steps], rows)

    def _of_initial(self, k: int, initial: Any, pending: list[Any], steps: Any, n: Any, truncated: bool) -> Variable:
        """The gradient of the rows given before the first step: what is pending, last row first, and what came from
        outside for these rows, which are part of the output."""
        depth = self.layout.depth(k)
        total = stack(pending[::-1]) if depth > 1 else shape_padleft(pending[0])
        if truncated:  # the walk ended before it came to them
            total = switch(lt(n, steps), zero_gradient(total), total)
        given = self.given.states[k]
        if not is_disconnected(given) and not self.layout.last_only[k]:
            total = total + given[:depth]
        return fit(total, initial)


def _proper(gradient: Variable | None) -> bool:
    return gradient is not None and not is_null(gradient)
