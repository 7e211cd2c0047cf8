"""Branch: what becomes of ``ifelse`` when a graph is made executable.

An :class:`~theano.loops.ifelse.IfElse` node has both values as inputs, so running node by node would compute both.
:func:`gather_branches` moves what only one side needs into a closed inner graph, and puts one :class:`Branch` node,
which runs one of its two graphs, in the place of all choices by the same condition. A choice inside of a branch becomes
a branch of the inner graph.

What moves where, and which choices are made together, says :mod:`theano.loops.placing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.op import Op
from theano.loops.ifelse import IfElse
from theano.loops.placing import REASON, Placing, needs, stand_in

__all__ = ["Branch", "gather_branches"]


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

    def program(self, condition: bool) -> Any:
        """One of the inner graphs for the reference backend, made when it is first asked for."""
        from theano.backend.reference import link

        if condition not in self._programs:
            self._programs[condition] = link(self.side(condition), str(self))
        return self._programs[condition]

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        condition, *given = inputs
        for cell, value in zip(output_storage, self.program(bool(condition)).run(given), strict=True):
            cell[0] = value


# ---- from choices to branches


def gather_branches(fgraph: FunctionGraph) -> None:
    """Make the choices of a graph lazy, in place, and those inside of its branches too.

    It takes time linear in the number of nodes for each level of nesting.
    """
    if not any(isinstance(node.op, IfElse) for node in fgraph.apply_nodes):
        return
    budget = [1000 + 2 * len(fgraph.apply_nodes)]
    todo = [fgraph]
    while todo:
        graph = todo.pop()
        if any(isinstance(node.op, IfElse) for node in graph.apply_nodes):
            for op in _Gathering(graph, budget).run():
                todo += [op.then_graph, op.else_graph]


def nesting(fgraph: FunctionGraph) -> int:
    """How deep the branches in a graph are nested."""
    deepest = 0
    todo = [(fgraph, 0)]
    while todo:
        graph, depth = todo.pop()
        deepest = max(deepest, depth)
        for op in {node.op for node in graph.apply_nodes if isinstance(node.op, Branch)}:
            todo += [(op.then_graph, depth + 1), (op.else_graph, depth + 1)]
    return deepest


class _Group:
    """What one branch will be made of: choices by one condition at one time."""

    def __init__(self) -> None:
        self.choices: list[Apply] = []
        self.nodes: dict[bool, list[Apply]] = {True: [], False: []}
        self.handed_on: dict[bool, dict[Variable, None]] = {True: {}, False: {}}


class _Gathering:
    """The making of one graph's branches."""

    def __init__(self, graph: FunctionGraph, budget: list[int]) -> None:
        self.graph = graph
        self.placing = Placing(graph, budget)

    def run(self) -> list[Branch]:
        """Replace the graph's choices; returns the Ops that take their place."""
        known: dict[Variable, Variable] = {}  # handed on, as an output of the branch that computes it
        return [self._build(group, known) for group in self._group()]

    def _group(self) -> list[_Group]:
        """The groups in the order of their times."""
        places, times = self.placing.places, self.placing.times
        groups: dict[tuple[Variable, int], _Group] = {}
        for node in sorted(times, key=times.__getitem__):
            place, time = places[node], times[node]
            condition = node.inputs[0] if place is None else place[0]
            group = groups.setdefault((condition, time), _Group())
            if place is None:
                group.choices.append(node)
            for v, side in needs(node):
                home = (condition, side) if place is None else place
                maker = v.owner
                if maker is not None and places[maker] == home and times[maker] < time:
                    groups[condition, times[maker]].handed_on[home[1]][v] = None
        for node in self.placing.order:
            place = places[node]
            if place is not None:
                groups[place[0], times[node]].nodes[place[1]].append(node)
        return list(groups.values())

    def _build(self, group: _Group, known: dict[Variable, Variable]) -> Branch:
        """Make the branch of a group, and let it take the place of the choices."""
        pairs = [(choice.outputs[0], *choice.inputs[1:]) for choice in group.choices]
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
            self.graph.replace(output, result, REASON)
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
