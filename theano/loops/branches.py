"""Branch: what becomes of ``ifelse`` when a graph is made executable.

An :class:`~theano.loops.ifelse.IfElse` node has both values as inputs, so running node by node would compute both.
:func:`gather_branches` moves what only one side needs into a closed inner graph, and puts one :class:`Branch` node,
which runs one of its two graphs, in the place of all choices by the same condition. A choice inside of a branch becomes
a branch of the inner graph.

The *place* of a node is the one side of one condition where all its uses lie, directly or through other nodes there,
or ``None`` when it has to be computed before anything is decided. Choices by one condition cannot always be made at one
time, since one may depend on the other: the value of an expression and its gradient, say. So each has a *time*, and
what several of them need is computed by the first and handed on to the others as a further output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.op import Op
from theano.graph.type import Generic, Type
from theano.loops.ifelse import IfElse
from theano.tensor.type import TensorType

__all__ = ["Branch", "gather_branches"]

Place = tuple[Variable, bool] | None


class Branch(Op):
    """``Branch(...)(condition, *inputs)``: runs the first inner graph where the condition is nonzero, else the second.

    Parameters
    ----------
    then_graph, else_graph
        the inner graphs. Both take all inputs of the node but the condition, and give its outputs.
    name
        for people.
    """

    def __init__(self, then_graph: FunctionGraph, else_graph: FunctionGraph, name: str | None = None) -> None:
        self.then_graph = then_graph
        self.else_graph = else_graph
        self.name = name
        self._programs: dict[bool, Any] = {}

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __str__(self) -> str:
        return f"Branch{{{self.name or ''}}}"

    __repr__ = __str__

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_programs": {}}

    @property
    def inner_graphs(self) -> list[tuple[str, list[Variable], list[Variable]]]:
        """Title, inputs and outputs of each graph inside, for printing."""
        graphs = (("where the condition is nonzero", self.then_graph), ("where it is zero", self.else_graph))
        return [(title, graph.inputs, graph.outputs) for title, graph in graphs]

    def side(self, condition: bool) -> FunctionGraph:
        """One of the inner graphs, which is not to be changed."""
        return self.then_graph if condition else self.else_graph

    def make_node(self, *inputs: Any) -> Apply:
        condition, *given = inputs
        inner = self.then_graph
        if len(given) != len(inner.inputs):
            raise ValueError(f"{self} takes a condition and {len(inner.inputs)} inputs, got {len(given)} beside it")
        converted = [v.type.filter_variable(x) for v, x in zip(inner.inputs, given, strict=True)]
        return Apply(self, [condition, *converted], [v.type() for v in inner.outputs])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        from theano.backend.reference import link

        condition, *given = inputs
        taken = bool(condition)
        if taken not in self._programs:
            self._programs[taken] = link(self.side(taken), str(self))
        for cell, value in zip(output_storage, self._programs[taken].run(given), strict=True):
            cell[0] = value


# ---- from choices to branches


def gather_branches(fgraph: FunctionGraph) -> None:
    """Make the choices of a graph lazy, in place, and those inside of its branches too.

    It takes time linear in the number of nodes for each level of nesting.
    """
    todo = [fgraph]
    while todo:
        graph = todo.pop()
        if any(isinstance(node.op, IfElse) for node in graph.apply_nodes):
            for op in _Gathering(graph).run():
                todo += [op.then_graph, op.else_graph]


class _Group:
    """What one branch will be made of: choices by one condition at one time."""

    def __init__(self) -> None:
        self.choices: list[Apply] = []
        self.nodes: dict[bool, list[Apply]] = {True: [], False: []}
        self.handed_on: dict[bool, dict[Variable, None]] = {True: {}, False: {}}


class _Gathering:
    """The making of one graph's branches."""

    def __init__(self, graph: FunctionGraph) -> None:
        self.graph = graph
        self.order = graph.toposort()
        # What has to be computed beforehand because no stand-in is known for the branch that does not compute it.
        self.pinned: set[Variable] = set()

    def run(self) -> list[Branch]:
        """Replace the graph's choices; returns the Ops that take their place."""
        while True:
            self._find_places()
            self._find_times()
            groups = self._group()
            stuck = {
                v
                for group in groups
                for variables in group.handed_on.values()
                for v in variables
                if stand_in(v.type) is None
            }
            if not stuck:
                break
            self.pinned |= stuck
        known: dict[Variable, Variable] = {}  # handed on, as an output of the branch that computes it
        return [self._build(group, known) for group in groups]

    def _find_places(self) -> None:
        """Backwards from the outputs; what nobody uses has no place."""
        self.places: dict[Variable, Place] = dict.fromkeys(self.graph.outputs)
        self.node_places: dict[Apply, Place] = {}
        places = self.places

        def used(variable: Variable, place: Place) -> None:
            if places.setdefault(variable, place) != place:
                places[variable] = None

        for node in reversed(self.order):
            found = {places[v] for v in node.outputs if v in places}
            if not found:
                continue
            pinned = any(v in self.pinned for v in node.outputs)
            place = found.pop() if len(found) == 1 and not pinned else None
            self.node_places[node] = place
            if isinstance(node.op, IfElse):
                used(node.inputs[0], place)
                for value, side in self._values(node):
                    used(value, (node.inputs[0], side) if place is None else place)
            else:
                for v in node.inputs:
                    used(v, place)
            # All outputs of a node are computed where it is.
            places.update((v, place) for v in node.outputs if v in places)

    def _values(self, choice: Apply) -> list[tuple[Variable, bool]]:
        """The values that a choice needs, and on which side."""
        _, values, others = choice.op.split(choice.inputs)
        used = [k for k, output in enumerate(choice.outputs) if output in self.places]
        return [(values[k], True) for k in used] + [(others[k], False) for k in used]

    def _find_times(self) -> None:
        """When each choice is made, as early as can be, and when the nodes in a branch run, as late as can be.

        The time of a choice is the number of choices that must have been made before, one after the other.
        """
        after: dict[Variable, int] = {}  # variable -> the time from which on it is known
        self.times: dict[Apply, int] = {}
        for node, place in ((n, self.node_places[n]) for n in self.order if n in self.node_places):
            time = max((after.get(v, 0) for v in node.inputs), default=0)
            if place is None and isinstance(node.op, IfElse):
                self.times[node] = time
                time += 1
            after.update((v, time) for v in node.outputs)
        due: dict[Variable, int] = {}
        for node in reversed(self.order):
            if node not in self.node_places:
                continue
            if self.node_places[node] is not None:
                self.times[node] = min(due[v] for v in node.outputs if v in due)
            elif not isinstance(node.op, IfElse):
                continue
            for v in node.inputs:
                due[v] = min(due.get(v, self.times[node]), self.times[node])

    def _group(self) -> list[_Group]:
        """The groups in the order of their times."""
        groups: dict[tuple[Variable, int], _Group] = {}
        for node, time in sorted(self.times.items(), key=lambda entry: entry[1]):
            place = self.node_places[node]
            condition = node.inputs[0] if place is None else place[0]
            group = groups.setdefault((condition, time), _Group())
            if place is None:
                group.choices.append(node)
                needed = self._values(node)
            else:
                needed = [(v, place[1]) for v in node.inputs]
            for v, side in needed:
                maker = v.owner
                if maker is not None and self.node_places.get(maker) == (condition, side) and self.times[maker] < time:
                    groups[condition, self.times[maker]].handed_on[side][v] = None
        for node in self.order:
            place = self.node_places.get(node)
            if place is not None:
                groups[place[0], self.times[node]].nodes[place[1]].append(node)
        return list(groups.values())

    def _build(self, group: _Group, known: dict[Variable, Variable]) -> Branch:
        """Make the branch of a group, and let it take the place of the choices."""
        pairs = []
        for choice in group.choices:
            _, values, others = choice.op.split(choice.inputs)
            pairs += [entry for entry in zip(choice.outputs, values, others, strict=True) if entry[0] in self.places]
        handed_on = [(v, side) for side in (True, False) for v in group.handed_on[side]]
        frontier: dict[Variable, None] = {}
        copies = {}
        for side in (True, False):
            copies[side] = copy = _Copy(group.nodes[side])
            outputs = [copy.of(value if side else other) for _, value, other in pairs]
            outputs += [copy.of(v) if side == its_side else stand_in(v.type) for v, its_side in handed_on]
            copy.outputs = outputs
            frontier.update(dict.fromkeys(copy.inputs))
        graphs = []
        for side in (True, False):
            copy = copies[side]
            graphs.append(FunctionGraph([copy.input(v) for v in frontier], copy.outputs, clone=False))
        names = dict.fromkeys(choice.op.name for choice in group.choices if choice.op.name)
        op = Branch(graphs[0], graphs[1], ", ".join(names) or None)
        node = op.make_node(group.choices[0].inputs[0], *(known.get(v, v) for v in frontier))
        node.trace = group.choices[0].trace
        results = iter(node.outputs)
        for (output, _, _), result in zip(pairs, results):
            result.name = output.name
            self.graph.replace(output, result, "gather_branches")
        known.update((v, result) for (v, _), result in zip(handed_on, results))
        return op


class _Copy:
    """Nodes copied into a graph of their own, with a free variable for whatever comes from outside."""

    def __init__(self, nodes: Sequence[Apply]) -> None:
        self.memo: dict[Variable, Variable] = {}
        self.inputs: dict[Variable, Variable] = {}
        self.outputs: list[Any] = []
        for node in nodes:
            copy = node.clone()
            copy.inputs = [self.of(v) for v in node.inputs]
            self.memo.update(zip(node.outputs, copy.outputs, strict=True))

    def of(self, variable: Variable) -> Variable:
        """What stands for a variable of the outer graph."""
        found = self.memo.get(variable)
        if found is not None:
            return found
        return variable if isinstance(variable, Constant) else self.input(variable)

    def input(self, variable: Variable) -> Variable:
        """The free variable for one that comes from outside."""
        if variable not in self.inputs:
            self.inputs[variable] = self.memo[variable] = variable.type(name=variable.name)
        return self.inputs[variable]


def stand_in(kind: Type) -> Constant | None:
    """A small value of a type for what is not computed and not used; ``None`` where no such value is known."""
    if isinstance(kind, TensorType):
        return kind.make_constant(np.zeros([int(flag) for flag in kind.broadcastable], dtype=kind.numpy_dtype))
    return kind.make_constant(None) if isinstance(kind, Generic) else None
